# Toy scenes, which tools/make_toy_scenes.py draws.
data_root = '{{$MMWSSS_DATA:data}}/toy_scenes'
toy = dict(type='mmwsss.ToySceneDataset', data_root=data_root,
           data_prefix=dict(img_path='JPEGImages', seg_map_path='SegmentationClass'))
images = dict(toy, ann_file='ImageSets/Segmentation/train.txt')
label_file = data_root + '/image_labels.json'
judged_on = dict(ground_truth=data_root + '/SegmentationClass',
                 ids=data_root + '/ImageSets/Segmentation/train.txt')
tested_on = dict(toy, ann_file='ImageSets/Segmentation/val.txt')
# in its place, to judge seeds of val
judged_on_val = dict(judged_on, ids=data_root + '/ImageSets/Segmentation/val.txt')

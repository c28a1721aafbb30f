# PASCAL VOC 2012: trained and seeded on trainaug, judged on train, the segmentor tested on val.
data_root = '{{$MMWSSS_DATA:data}}/VOCdevkit/VOC2012'
lists = 'ImageSets/Segmentation/'
voc = dict(type='PascalVOCDataset', data_root=data_root,
           data_prefix=dict(img_path='JPEGImages', seg_map_path='SegmentationClass'))
images = dict(voc, ann_file=lists + 'trainaug.txt')
judged_images = dict(voc, ann_file=lists + 'train.txt')
label_file = data_root + '/image_labels.json'
judged_on = dict(ground_truth=data_root + '/SegmentationClass',
                 ids=data_root + '/' + lists + 'train.txt')
tested_on = dict(voc, ann_file=lists + 'val.txt')
# in its place, to judge seeds of val
judged_on_val = dict(judged_on, ids=data_root + '/' + lists + 'val.txt')

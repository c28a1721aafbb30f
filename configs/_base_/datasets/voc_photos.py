# 1,726 + 537 photographs of PASCAL VOC 2012 in its layout and classes: enough to compare readings.
data_root = '{{$MMWSSS_DATA:data}}/voc_photos'
voc = dict(type='PascalVOCDataset', data_root=data_root,
           data_prefix=dict(img_path='JPEGImages', seg_map_path='SegmentationClass'))
images = dict(voc, ann_file='ImageSets/Segmentation/train.txt')
label_file = data_root + '/image_labels.txt'
judged_on = dict(ground_truth=data_root + '/SegmentationClass',
                 ids=data_root + '/ImageSets/Segmentation/train.txt')
tested_on = dict(voc, ann_file='ImageSets/Segmentation/val.txt')

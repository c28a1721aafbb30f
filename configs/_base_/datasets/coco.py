# COCO 2014 in VOC's place: seeds on train2014, judged there; segmentor on val2014. Masks, lists and
# labels are written by tools/dataset_converters/coco.py.
#   _base_ = ['./irn_voc.py', '../_base_/datasets/coco.py']
#   train_dataloader = seed_dataloader = test_dataloader = dict(dataset=_base_.coco_labelled)
#   judged_on, tested_on = _base_.coco_judged_on, _base_.coco_val
coco_root = '{{$MMWSSS_DATA:data}}/coco2014'
coco_train = dict(
    type='mmwsss.COCOObjectDataset', data_root=coco_root, ann_file='ImageSets/train2014.txt',
    data_prefix=dict(img_path='train2014', seg_map_path='SegmentationClass/train2014'),
)
coco_val = dict(
    type='mmwsss.COCOObjectDataset', data_root=coco_root, ann_file='ImageSets/val2014.txt',
    data_prefix=dict(img_path='val2014', seg_map_path='SegmentationClass/val2014'),
)
coco_labelled = dict(dataset=coco_train, label_file=coco_root + '/image_labels_train2014.json')
coco_judged_on = dict(ground_truth=coco_root + '/SegmentationClass/train2014',
                      ids=coco_root + '/ImageSets/train2014.txt')
# in its place, to judge seeds of val2014
coco_judged_on_val = dict(ground_truth=coco_root + '/SegmentationClass/val2014',
                          ids=coco_root + '/ImageSets/val2014.txt')

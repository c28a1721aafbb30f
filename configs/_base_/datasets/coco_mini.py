# 228 photographs in COCO's layout and classes: they show that the way works, not how good it is.
_base_ = ['./coco.py']
coco_root = '{{$MMWSSS_DATA:data}}/coco_mini'
coco_train = dict(data_root=coco_root)
coco_val = dict(data_root=coco_root)
coco_labelled = dict(dataset=coco_train, label_file=coco_root + '/image_labels_train2014.json')
coco_judged_on = dict(ground_truth=coco_root + '/SegmentationClass/train2014',
                      ids=coco_root + '/ImageSets/train2014.txt')

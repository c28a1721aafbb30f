import numpy as np
import torch

from mmwsss.datasets.transforms import PackImageLabelInputs

RESULTS = {
    'img': np.arange(24, dtype=np.uint8).reshape(2, 4, 3),
    'img_id': '2007_000032',
    'img_path': 'x/2007_000032.jpg',
    'ori_shape': (2, 3),
    'img_shape': (2, 4),
    'pad_shape': (2, 4),
    'scale_factor': (1.0, 1.0),
    'flip': True,
    'flip_direction': 'horizontal',
    'gt_label': np.array([0, 1, 1], dtype=np.int64),
    'valid_mask': np.array([[1, 1, 1, 0], [0, 0, 0, 0]], dtype=np.uint8),
}


def test_labels_and_valid_mask_are_packed():
    packed = PackImageLabelInputs()(dict(RESULTS))
    sample = packed['data_samples']
    assert packed['inputs'].shape == (3, 2, 4)
    assert torch.equal(sample.gt_label.multi_hot, torch.tensor([0.0, 1.0, 1.0]))
    assert sample.gt_label.multi_hot.dtype == torch.float32
    assert sample.valid_mask.data.dtype == torch.uint8
    assert sample.valid_mask.data.tolist() == [[[1, 1, 1, 0], [0, 0, 0, 0]]]
    for key in ('img_id', 'img_path', 'ori_shape', 'img_shape', 'pad_shape', 'flip_direction'):
        assert sample.metainfo[key] == RESULTS[key]
    assert 'gt_sem_seg' not in sample
    assert 'seg_map_path' not in sample.metainfo


def test_what_is_not_there_is_not_packed():
    packed = PackImageLabelInputs()({'img': RESULTS['img'], 'gt_seg_map': np.ones((2, 4))})
    sample = packed['data_samples']
    assert sample.gt_sem_seg.data.shape == (1, 2, 4)
    assert 'gt_label' not in sample
    assert 'valid_mask' not in sample

import numpy as np
import torch
from mmseg.evaluation import IoUMetric

from mmwsss.evaluation import MaskNamedIoUMetric
from mmwsss.seeds.masks import load_mask


def make_samples():
    generator = torch.Generator().manual_seed(0)
    samples = []
    for name in ('cat/1', 'dog/1'):
        pair = torch.randint(0, 3, (2, 1, 5, 7), generator=generator)
        samples.append(
            {
                'img_path': f'images/{name}.jpg',
                'seg_map_path': f'masks/{name.replace("/", "__")}.png',
                'pred_sem_seg': {'data': pair[0]},
                'gt_sem_seg': {'data': pair[1]},
            }
        )
    return samples


def test_predictions_of_equal_names_are_two_files_and_the_figures_are_mmsegs(tmp_path):
    figures = []
    for kind in (MaskNamedIoUMetric, IoUMetric):
        metric = kind(output_dir=str(tmp_path / kind.__name__))
        metric.dataset_meta = {'classes': ('background', 'cat', 'dog')}
        metric.process({}, make_samples())
        figures.append(metric.evaluate(2))
    assert figures[0] == figures[1]
    folder = tmp_path / 'MaskNamedIoUMetric'
    assert sorted(path.name for path in folder.iterdir()) == ['cat__1.png', 'dog__1.png']
    for sample, name in zip(make_samples(), ('cat__1', 'dog__1'), strict=True):
        expected = sample['pred_sem_seg']['data'][0].numpy()
        np.testing.assert_array_equal(load_mask(folder / f'{name}.png'), expected)
    assert len(list((tmp_path / 'IoUMetric').iterdir())) == 1  # mmseg's own

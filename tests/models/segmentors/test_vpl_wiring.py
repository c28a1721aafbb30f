"""VPL's first phase from images to maps: collect, fit, and CLIP-ES with W in the place of Z.

The twin is CLIP-ES written again (`clip_models.naive_clip_es`), once with the text prototypes for
the regions that the fit sees, and once with what was fitted to them.
"""

import math

import pytest
import torch
import torch.nn.functional as F
from clip_models import NaiveCLIP, build, naive_clip_es
from mmengine.runner import Runner
from mmengine.structures import LabelData
from mmseg.structures import SegDataSample
from torch.utils.data import DataLoader

from mmwsss.functional import vision_prototypes as vpl

pytest.importorskip('open_clip')

CLASSES, NAMES = 4, 2
PHI, SCALE, TAU_TEXT, TAU_IMAGE, LR, STEPS = 0.5, 10.0, 0.1, 0.2, 1.0, 25
LABELS = [[1, 0, 1, 0], [0, 1, 0, 0], [1, 1, 0, 1]]


def images():
    generator = torch.Generator().manual_seed(5)
    return torch.randn(len(LABELS), 1, 3, 40, 56, generator=generator)


def samples(label):
    meta = {'ori_shape': (40, 56), 'img_shape': (40, 56), 'img_path': 'a.jpg'}
    sample = SegDataSample(metainfo=meta)
    sample.gt_label = LabelData(multi_hot=torch.tensor(label, dtype=torch.float32))
    return [sample]


def run(work_dir, **options):
    """A model after one pass of `CollectLoop` with the hook, from images and labels."""
    text = F.normalize(torch.randn(6, 16, generator=torch.Generator().manual_seed(3)), dim=1)
    prototypes = {
        'type': 'mmwsss.VisionPrototypes',
        'num_classes': CLASSES,
        'num_background': NAMES,
        'embed_dims': 16,
        'phi': PHI,
        'tau_text': TAU_TEXT,
        'tau_image': TAU_IMAGE,
        'solver': 'gradient',
        'lr': LR,
        'iterations': STEPS,
        **options,
    }
    model = build(prototypes=prototypes, vectors=text, logit_scale=SCALE)
    data = [
        {'inputs': image, 'data_samples': samples(label)}
        for image, label in zip(images(), LABELS, strict=True)
    ]
    Runner(
        model,
        str(work_dir),
        train_dataloader=DataLoader(data, batch_size=1, collate_fn=lambda batch: batch[0]),
        train_cfg={'type': 'mmwsss.CollectLoop'},
        optim_wrapper={'optimizer': {'type': 'SGD', 'lr': 0.1}},
        custom_hooks=[{'type': 'mmwsss.VisionPrototypeHook'}],
        default_scope='mmseg',
        experiment_name=work_dir.name,
        log_level='ERROR',
    ).train()
    return model.eval(), text.double()


def naive_maps(clip, image, prototypes, label):
    """GradCAM and refined map of each present class, ``{n: (cam, raw)}``."""
    present = [n for n, one in enumerate(label) if one]
    return naive_clip_es(
        clip, image.double(), prototypes, present, CLASSES, 3, 0.4, True, scale=SCALE
    )


def naive_patches(clip, image):
    """Unit vectors of the patches in the space of the text, ``(L, D)``."""
    x, _, _ = clip.before_last(image.double())
    last, _ = clip.block(3, x)
    vectors = clip.norm(last, 'visual.ln_post')[1:] @ clip.state['visual.proj']
    return vectors / vectors.norm(dim=1, keepdim=True)


def naive_examples(clip, text):
    """Regions under the GradCAM of the text prototypes, and their hardened targets (Eq. 3, 5)."""
    regions, targets = [], []
    for (image,), label in zip(images(), LABELS, strict=True):
        patches, maps = naive_patches(clip, image), naive_maps(clip, image, text, label)
        for cam, _ in maps.values():
            chosen = patches[cam.flatten() > PHI]
            assert len(chosen)
            region = chosen.mean(0) / chosen.mean(0).norm()
            powers = [
                math.exp(float(region @ text[n]) / TAU_TEXT) * label[n] for n in range(CLASSES)
            ]
            target = [power / sum(powers) for power in powers]
            if max(target) > 0.6:
                target = [float(value == max(target)) for value in target]
            regions.append(region)
            targets.append(target)
    return torch.stack(regions), torch.tensor(targets, dtype=torch.float64)


def test_maps_are_those_of_clip_es_with_what_was_fitted(tmp_path):
    model, text = run(tmp_path)
    state = {f'visual.{k}': v for k, v in model.backbone.visual.state_dict().items()}
    clip = NaiveCLIP(state)
    regions, target = naive_examples(clip, text)
    fitted = vpl.fit_by_projected_gradient(
        regions, target, text[:CLASSES], TAU_IMAGE, LR, STEPS
    ).prototypes
    learnt = torch.cat([fitted, text[CLASSES:]])
    found = model.cam_head.prototypes.vectors.double()
    torch.testing.assert_close(found, learnt, rtol=0, atol=2e-4)
    assert (fitted - text[:CLASSES]).norm(dim=1).min() > 0.1  # the fit moved every class
    moved = 0.0
    for (image,), label in zip(images(), LABELS, strict=True):
        with torch.no_grad():
            output = model.compute_cam(image[None], samples(label))
        expected = naive_maps(clip, image, learnt, label)
        before = naive_maps(clip, image, text, label)
        for n in range(CLASSES):
            cam, raw = expected.get(n, (torch.zeros(5, 7).double(),) * 2)
            close = {'rtol': 1e-3, 'atol': 1e-3}
            torch.testing.assert_close(output.cam[0, n].double(), cam, **close)
            torch.testing.assert_close(output.raw[0, n].double(), raw, **close)
            if n in before:
                moved = max(moved, float((before[n][0] - cam).abs().max()))
    assert moved > 0.1  # the maps are not those of the text


def test_what_was_fitted_speaks_for_its_own_class(tmp_path):
    """The direction: regions are nearer to the prototype of their class than to its text."""
    model, text = run(tmp_path, harden=0.0)  # one-hot targets
    state = {f'visual.{k}': v for k, v in model.backbone.visual.state_dict().items()}
    regions, _ = naive_examples(NaiveCLIP(state), text)
    single = regions[2]  # the one region of the image that shows one class
    learnt = model.cam_head.prototypes.vectors.double()
    assert single @ learnt[1] > single @ text[1] + 0.05

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from mmengine.structures import PixelData
from mmseg.structures import SegDataSample

import mmwsss.registry  # noqa: F401  (first: with its cures open_clip can be imported)

open_clip = pytest.importorskip('open_clip')

from mmwsss.models.clip_pretrainer import CLIPPretrainer  # noqa: E402

ARCHITECTURE = {
    'embed_dim': 8,
    'quick_gelu': True,
    'vision_cfg': {
        'image_size': 32,
        'patch_size': 16,
        'width': 12,
        'head_width': 6,
        'layers': 4,
        'pool_type': 'avg',
    },
    'text_cfg': {'context_length': 12, 'width': 8, 'heads': 1, 'layers': 1},
}


def make(**kwargs):
    torch.manual_seed(0)
    return CLIPPretrainer(
        ARCHITECTURE, ['cat', 'dog'], ['sky'], ['a photo of a {}.', 'a {}.'], **kwargs
    )


def make_batch():
    generator = torch.Generator().manual_seed(0)
    samples = []
    for index, name in enumerate(['cat', 'dog', 'dog']):
        label = np.array([0, index == 0, index > 0], dtype=np.int64)
        sample = SegDataSample(
            metainfo={
                'caption': f'a {name}.',
                'caption_label': label,
                'shown_label': label,
            }
        )
        sample.gt_sem_seg = PixelData(data=torch.full((1, 32, 32), 1 + (index > 0)))
        samples.append(sample)
    return torch.rand(3, 3, 32, 32, generator=generator), samples


def exported(model):
    saved = model.export()
    clip = open_clip.model.CLIP(**saved['meta']['open_clip'])
    clip.load_state_dict(saved['state_dict'])
    return clip.eval()


@pytest.mark.parametrize('trained', [None, 2])
def test_the_file_holds_the_model_that_was_trained(trained):
    model = make(trained_blocks=trained).eval()
    images, _ = make_batch()
    clip = exported(model)
    assert torch.allclose(
        clip.encode_image(images, normalize=True), model.encode_images(images)[0], atol=1e-6
    )
    tokens = open_clip.SimpleTokenizer(context_length=12)(
        [f'a photo of a {n}.' for n in model.names]
    )
    cosines = clip.encode_image(images, normalize=True) @ clip.encode_text(tokens, normalize=True).T
    assert torch.allclose(cosines, model(images), atol=1e-6)


def test_blocks_that_were_passed_over_attend_as_the_last_one_does():
    model = make(trained_blocks=2)
    with torch.no_grad():
        model.clip.visual.transformer.resblocks[-1].attn.in_proj_weight.normal_()
    blocks = exported(model).visual.transformer.resblocks
    tokens = torch.rand(1, 5, 12)
    for block in blocks[1:3]:
        assert torch.equal(block(tokens), tokens)
        maps = [b.attn(*[b.ln_1(tokens)] * 3)[1] for b in (block, blocks[-1])]
        assert torch.allclose(*maps)


def test_it_learns_and_passed_blocks_do_not():
    model = make(trained_blocks=2)
    before = {name: value.clone() for name, value in model.named_parameters()}
    optimizer = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], 3e-3)
    values = []
    for _ in range(40):
        losses = model(*make_batch(), mode='loss')
        assert set(losses) == {'loss_captions', 'loss_patches'}
        total = sum(losses.values())
        optimizer.zero_grad()
        total.backward()
        optimizer.step()
        values.append(total.item())
    assert sum(values[-5:]) < sum(values[:5])
    still = {name for name, value in model.named_parameters() if torch.equal(value, before[name])}
    assert {name.split('.')[4] for name in still if 'visual.transformer' in name} == {'1', '2'}


def test_without_weight_the_patches_need_no_mask():
    model = make(patch_weight=0)
    images, samples = make_batch()
    for sample in samples:
        del sample.gt_sem_seg
    assert set(model(images, samples, mode='loss')) == {'loss_captions'}


def test_images_are_the_mean_of_their_patches():
    model = make().eval()
    images, patches = model.encode_images(make_batch()[0])
    assert images.shape == (3, 8) and patches.shape == (3, 4, 8)
    for vectors in (images, patches):
        assert torch.allclose(vectors.norm(dim=-1), torch.ones(vectors.shape[:-1]))
    raw = model.clip.visual(make_batch()[0])
    assert torch.allclose(F.normalize(raw, dim=-1), images, atol=1e-6)


def test_wrong_architectures_are_refused():
    with pytest.raises(ValueError, match='pool_type'):
        CLIPPretrainer({**ARCHITECTURE, 'vision_cfg': {}}, ['cat'], ['sky'], ['{}'])
    with pytest.raises(ValueError, match='has 4 blocks'):
        make(trained_blocks=5)

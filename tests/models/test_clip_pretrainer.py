import pytest
import torch
import torch.nn.functional as F
from mmengine.structures import LabelData
from mmseg.structures import SegDataSample

from mmwsss.functional.caption_contrast import bag_probabilities, caption_contrast
from mmwsss.models.clip import build_clip
from mmwsss.models.clip_pretrainer import CLIPPretrainer

pytest.importorskip('open_clip')
VISION = {
    'image_size': 32,
    'patch_size': 16,
    'width': 24,
    'head_width': 12,
    'layers': 2,
    'pool_type': 'avg',
}
TEXT = {'context_length': 12, 'width': 8, 'heads': 1, 'layers': 1}
ARCHITECTURE = {'embed_dim': 8, 'quick_gelu': True, 'vision_cfg': VISION, 'text_cfg': TEXT}
NAMES, BACKGROUND, TEMPLATES = ['cat', 'dog'], ['sky'], ['a photo of a {}.', 'the {}.']


def make(architecture=ARCHITECTURE, **options):
    torch.manual_seed(0)
    return CLIPPretrainer(architecture, NAMES, BACKGROUND, TEMPLATES, **options)


def make_batch():
    samples = []
    for label in ([1, 0], [1, 1], [0, 1]):
        samples.append(SegDataSample())
        samples[-1].gt_label = LabelData(multi_hot=torch.tensor(label))
    return torch.randn(3, 3, 32, 32, generator=torch.Generator().manual_seed(1)), samples


def test_vectors_are_those_of_open_clip():
    model = make().eval()
    images, _ = make_batch()
    open_clip = pytest.importorskip('open_clip')
    words = open_clip.SimpleTokenizer(context_length=12)(['a photo of a cat.', 'a photo of a dog.'])
    with torch.no_grad():
        found = model(images)
        texts = model.clip.encode_text(words, normalize=True)
        expected = model.clip.encode_image(images, normalize=True) @ texts.T
        torch.testing.assert_close(found, expected)
        # the image is the mean of the patches, before these have length one
        tokens = model.clip.visual.ln_post(model.clip.visual.transformer(_embed(model, images)))
        patches = tokens[:, 1:] @ model.clip.visual.proj
    vectors, places = model.encode_images(images)
    lengths = patches.norm(dim=-1, keepdim=True)
    torch.testing.assert_close(places, patches / lengths)
    mean = patches.mean(dim=1)
    torch.testing.assert_close(vectors, mean / mean.norm(dim=1, keepdim=True))


def _embed(model, images):
    return model.clip.visual._embeds(images)


def test_the_file_holds_the_model_that_was_trained():
    model = make().eval()
    saved = model.export()
    clip = build_clip(saved['meta']['open_clip'])
    clip.load_state_dict(saved['state_dict'])
    images, _ = make_batch()
    with torch.no_grad():
        expected = model.encode_images(images)[0]
        torch.testing.assert_close(clip.eval().encode_image(images, normalize=True), expected)


def test_it_learns_what_is_in_the_images():
    model = make()
    inputs, samples = make_batch()
    optimizer = torch.optim.Adam([p for p in model.parameters() if p.requires_grad], lr=1e-2)
    history = []
    for _ in range(30):
        losses = model(inputs, samples, mode='loss')
        history.append(float(sum(losses.values())))
        optimizer.zero_grad()
        sum(losses.values()).backward()
        optimizer.step()
    assert set(losses) == {'loss_captions', 'loss_bags'}
    assert history[-1] < 0.5 * history[0]
    cosines = model.eval()(inputs)
    assert cosines[0, 0] > cosines[0, 1] and cosines[2, 1] > cosines[2, 0]


def test_losses_are_those_of_the_options():
    options = {'bag_weight': 3.0, 'bag_scale': 7.0, 'bag_share': 0.5, 'initial_scale': 250.0}
    model = CLIPPretrainer(ARCHITECTURE, NAMES, BACKGROUND, TEMPLATES[1:], **options)
    inputs, samples = make_batch()
    assert model.clip.logit_scale.exp().item() == pytest.approx(250)
    losses = model(inputs, samples, mode='loss')
    assert model.clip.logit_scale.exp().item() == pytest.approx(100)  # CLIP's largest
    images, patches = model.encode_images(inputs)
    captions, label = model.encode_captions(0), torch.tensor([[1, 0], [1, 1], [0, 1]])
    bags = bag_probabilities(patches, captions, 2, 7.0, 0.5)
    expected = 3 * F.binary_cross_entropy(bags, label.float())
    torch.testing.assert_close(losses['loss_bags'], expected)
    expected = caption_contrast(images, captions[:2], label, torch.tensor(100.0))
    torch.testing.assert_close(losses['loss_captions'], expected)


def test_a_step_draws_its_template():
    model, batch = make().eval(), make_batch()
    with torch.no_grad():
        seen = {float(model(*batch, mode='loss')['loss_captions']) for _ in range(12)}
    assert len(seen) == len(TEMPLATES)


def test_the_attention_of_the_last_block_does_not_learn():
    first, last = make().clip.visual.transformer.resblocks
    assert not any(parameter.requires_grad for parameter in last.attn.parameters())
    others = [*first.parameters(), *last.mlp.parameters()]
    assert all(parameter.requires_grad for parameter in others)


def test_patches_begin_by_attending_to_what_is_like_them():
    attention = make(attention_gain=3.0).clip.visual.transformer.resblocks[1].attn
    query, key, value = attention.in_proj_weight.chunk(3)
    assert torch.equal(query, key)
    assert torch.equal(value, torch.eye(24)) and torch.equal(attention.out_proj.weight, value)
    plain = make(attention_gain=1.0).clip.visual.transformer.resblocks[1].attn.in_proj_weight
    torch.testing.assert_close(query, 3 * plain[:24])


def test_the_patch_embedding_of_a_hybrid_stays_as_it_was():
    model = make({**ARCHITECTURE, 'patches': 'efficientnet_lite0'}).train()
    network = model.clip.visual.conv1.network
    assert not network.training and not any(p.requires_grad for p in network.parameters())
    assert model.clip.visual.conv1.projection.weight.requires_grad


def test_another_pooling_is_refused():
    vision = {**VISION, 'pool_type': 'tok'}
    with pytest.raises(ValueError, match="needs pool_type='avg'"):
        make({**ARCHITECTURE, 'vision_cfg': vision})

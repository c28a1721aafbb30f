"""The fused map and its refinement against plain loops."""

import pytest
import torch

from mmwsss.functional.mctformer import (
    class_attention,
    fuse,
    patch_affinity,
    refine,
)

F64 = torch.float64


def random_attention(classes, size, blocks=5, batch=2, seed=0):
    """Rows sum to one, as those of a softmax."""
    tokens = classes + size[0] * size[1]
    generator = torch.Generator().manual_seed(seed)
    logits = torch.randn(blocks, batch, tokens, tokens, generator=generator, dtype=F64)
    return (2 * logits).softmax(dim=-1)


def naive_class_attention(attention, classes, size, last):
    blocks, batch = attention.shape[:2]
    out = torch.zeros(batch, classes, *size, dtype=F64)
    for k in range(blocks - last, blocks):
        for b in range(batch):
            for n in range(classes):
                for y in range(size[0]):
                    for x in range(size[1]):
                        out[b, n, y, x] += attention[k, b, n, classes + y * size[1] + x]
    return out


def naive_refined(maps, attention, classes):
    """Value of a patch: over blocks and patches, its attention to the patch times the value."""
    batch, _, height, width = maps.shape
    out = torch.zeros_like(maps)
    for b in range(batch):
        for n in range(classes):
            for i in range(height * width):
                total = 0.0
                for k in range(len(attention)):
                    for j in range(height * width):
                        weight = attention[k, b, classes + i, classes + j]
                        total += weight * maps[b, n, j // width, j % width]
                out[b, n, i // width, i % width] = total
    return out


@pytest.mark.parametrize('size', [(3, 4), (4, 2), (1, 1)])
@pytest.mark.parametrize('last', [1, 3, 5])
def test_class_attention(size, last):
    attention = random_attention(3, size)
    expected = naive_class_attention(attention, 3, size, last)
    torch.testing.assert_close(class_attention(attention, 3, size, last), expected)


@pytest.mark.parametrize('size', [(3, 4), (1, 1)])
def test_refined_by_the_patch_affinity(size):
    attention = random_attention(3, size)
    maps = torch.rand(2, 3, *size, dtype=F64)
    affinity = patch_affinity(attention, 3)
    assert affinity.shape == (2, size[0] * size[1], size[0] * size[1])
    torch.testing.assert_close(refine(maps, affinity), naive_refined(maps, attention, 3))


def test_the_affinity_has_a_direction():
    """Patch 0 attends to patch 1 alone, and nobody to patch 0: its value goes nowhere."""
    attention = torch.zeros(2, 1, 3, 3)
    attention[:, 0, 1, 2] = attention[:, 0, 2, 2] = 1.0  # token 0 is a class
    affinity = patch_affinity(attention, 1)
    assert affinity.tolist() == [[[0.0, 2.0], [0.0, 2.0]]]
    assert refine(torch.tensor([[[[5.0, 0.0]]]]), affinity).tolist() == [[[[0.0, 0.0]]]]
    assert refine(torch.tensor([[[[0.0, 5.0]]]]), affinity).tolist() == [[[[10.0, 10.0]]]]


def test_a_class_sees_its_own_row_and_a_batch_is_its_images():
    attention = random_attention(3, (2, 5))
    swapped = attention[:, :, [1, 0, 2, *range(3, 13)]]
    maps = class_attention(attention, 3, (2, 5))
    assert class_attention(swapped, 3, (2, 5)).equal(maps[:, [1, 0, 2]])
    alone = class_attention(attention[:, 1:], 3, (2, 5))
    assert alone.equal(maps[1:])


def test_no_head_no_class_column():
    """What patches and class tokens attend to class tokens is in none of the maps."""
    attention = random_attention(3, (2, 5))
    changed = attention.clone()
    changed[..., :3] = 7.0
    assert class_attention(changed, 3, (2, 5)).equal(class_attention(attention, 3, (2, 5)))
    assert patch_affinity(changed, 3).equal(patch_affinity(attention, 3))


def test_only_the_positive_part_of_the_patches_maps_counts():
    class_maps, patch_maps = torch.rand(2, 3, 4, 5), torch.randn(2, 3, 4, 5)
    fused = fuse(class_maps, patch_maps)
    for place, value in enumerate(fused.flatten().tolist()):
        positive = max(patch_maps.flatten()[place].item(), 0.0)
        assert value == pytest.approx(class_maps.flatten()[place].item() * positive)


def test_gradients():
    attention = random_attention(2, (2, 2), blocks=2, batch=1).requires_grad_()
    maps = torch.rand(1, 2, 2, 2, dtype=F64, requires_grad=True)

    def whole(attention, maps):
        fused = fuse(class_attention(attention, 2, (2, 2)), maps)
        return refine(fused, patch_affinity(attention, 2))

    assert torch.autograd.gradcheck(whole, (attention, maps))

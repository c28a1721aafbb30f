"""How the released checkpoints name their tensors, and what ours call them.

The released networks register most of their modules several times; a file then holds a tensor under
each name. Every such name has a rule here, and `convert_state_dict` compares the copies.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass

from mmwsss.models.weights import VIT_BLOCK

Rule = tuple[str, str | Callable[[re.Match[str]], str]]


@dataclass(frozen=True)
class Layout:
    """The names of one kind of released checkpoint.

    Attributes:
        title: What the file is, for messages.
        config: Shipped config of our model, relative to the repository.
        rules: Pattern of a whole name -> our name (a template or a function); the first that fits
            counts.
        constants: Pattern of the names of what is no weight, or one that the network never uses;
            left out.
    """

    title: str
    config: str
    rules: tuple[Rule, ...]
    constants: str | None = None

    def is_constant(self, name: str) -> bool:
        """Tell whether `name` is that of a constant."""
        return self.constants is not None and bool(re.fullmatch(self.constants, name))

    def rename(self, name: str) -> str | None:
        """Return our name, or None if no rule fits."""
        for pattern, replacement in self.rules:
            if match := re.fullmatch(pattern, name):
                return replacement(match) if callable(replacement) else match.expand(replacement)
        return None


def _resnet50(*stages: dict[int, str], first: int = 1) -> tuple[Rule, ...]:
    """Return the rules of a ResNet-50, registered whole, by stages and in a list of stages.

    Args:
        stages: Of each stage, its submodules: number -> name in the ResNet.
        first: Number of the first stage in its name.
    """
    rules: list[Rule] = [(r'resnet50\.(.+)', r'backbone.\1')]
    for number, parts in enumerate(stages):
        for index, name in parts.items():
            pattern = rf'(?:stage{number + first}|backbone\.{number})\.{index}\.(.+)'
            rules.append((pattern, rf'backbone.{name}.\1'))
    return tuple(rules)


_FOUR_STAGES = _resnet50(
    {0: 'conv1', 1: 'bn1', 4: 'layer1'}, {0: 'layer2'}, {0: 'layer3'}, {0: 'layer4'}
)
_STEM_AND_LAYERS: tuple[dict[int, str], ...] = (
    {0: 'conv1', 1: 'bn1'},
    *({0: f'layer{number}'} for number in range(1, 5)),
)
_FIVE_STAGES = _resnet50(*_STEM_AND_LAYERS)


def _sipe_head() -> tuple[Rule, ...]:
    sides = [
        (rf'(?:side{number}|newly_added\.{number})\.(.+)', rf'projection.sides.{number - 1}.\1')
        for number in range(1, 5)
    ]
    rules = ((r'(?:classifier|newly_added\.0)\.(.+)', r'classifier.\1'), *sides)
    return tuple((pattern, f'cam_head.{name}') for pattern, name in rules)


def _irnet_branches() -> tuple[Rule, ...]:
    rules: list[Rule] = []
    for index in range(5):
        for name, branch in (('edge', 'edge'), ('dp', 'displacement')):
            pattern = rf'(?:fc_{name}{index + 1}|{name}_layers\.{index})\.(.+)'
            rules.append((pattern, rf'{branch}_branch.projections.{index}.\1'))
    last = r'(?:fc_dp7|dp_layers\.6)'
    return (
        *rules,
        (r'(?:fc_edge6|edge_layers\.5)\.(.+)', r'edge_branch.classifier.\1'),
        (r'(?:fc_dp6|dp_layers\.5)\.(.+)', r'displacement_branch.deep.\1'),
        (last + r'\.([01]\..+)', r'displacement_branch.merge.\1'),
        (last + r'\.3\.(.+)', r'displacement_branch.regressor.\1'),
        (rf'(?:mean_shift|{last}\.4)\.running_mean', r'displacement_branch.mean_shift'),
    )


_BOTTLENECK = {
    'reduce.conv': 'conv1',
    'reduce.bn': 'bn1',
    'conv3x3.conv': 'conv2',
    'conv3x3.bn': 'bn2',
    'increase.conv': 'conv3',
    'increase.bn': 'bn3',
    'shortcut.conv': 'downsample.0',
    'shortcut.bn': 'downsample.1',
}


def _deeplabv2_block(match: re.Match[str]) -> str:
    stage, block, part, name = match.groups()
    return f'backbone.layer{int(stage) - 1}.{int(block) - 1}.{_BOTTLENECK[part]}.{name}'


TIMM_VIT: tuple[Rule, ...] = (
    (r'(cls_token|pos_embed)', r'backbone.\1'),
    (r'patch_embed\.proj\.(.+)', r'backbone.patch_embed.projection.\1'),
    (
        rf'blocks\.(\d+)\.({"|".join(map(re.escape, VIT_BLOCK))})\.(.+)',
        lambda match: f'backbone.layers.{match[1]}.{VIT_BLOCK[match[2]]}.{match[3]}',
    ),
)

LAYOUTS = {
    'irn_cam': Layout(
        "IRN's classification network (res50_cam.pth)",
        'configs/irn/irn_voc.py',
        (*_FOUR_STAGES, (r'(?:classifier|newly_added\.0)\.weight', 'cam_head.classifier.weight')),
    ),
    'sipe': Layout(
        'SIPE (final.pth or best.pth)',
        'configs/sipe/sipe_voc.py',
        (*_resnet50(*_STEM_AND_LAYERS, first=0), *_sipe_head()),
    ),
    'irnet': Layout(
        "IRN's boundaries and displacements (res50_irn.pth)",
        'configs/irn/irnet_voc.py',
        (*_FIVE_STAGES, *_irnet_branches()),
        constants=r'path_indices\d+|disp_target',  # the pairs of the training crop
    ),
    'amn': Layout(
        'AMN (res50_amn.pth)',
        'configs/amn/amn_voc.py',
        (
            *_FOUR_STAGES,
            (r'(?:label_enc|newly_added\.1)\.(.+)', r'cam_head.label_encoder.\1'),
            (r'(?:classifier|newly_added\.0)\.1\.c(\d)\.(.+)', r'cam_head.classifiers.\1.\2'),
        ),
    ),
    'mctformer': Layout(
        'MCTformer V2 on DeiT-S (checkpoint.pth)',
        'configs/mctformer/mctformer_voc.py',
        (*TIMM_VIT, (r'head\.(.+)', r'cam_head.classifier.\1')),
        constants=r'norm\.(?:weight|bias)',  # DeiT's last norm, which MCTformer does not apply
    ),
    'deeplabv2': Layout(
        'the Caffe-derived DeepLabV2 with ResNet-101 (deeplabv2_resnet101_msc-vocaug-20000.pth)',
        'configs/deeplabv2/deeplabv2_r101_caffe_voc.py',
        (
            (r'base\.layer1\.conv1\.conv\.(.+)', r'backbone.conv1.\1'),
            (r'base\.layer1\.conv1\.bn\.(.+)', r'backbone.bn1.\1'),
            (
                rf'base\.layer([2-5])\.block(\d+)\.({"|".join(map(re.escape, _BOTTLENECK))})\.(.+)',
                _deeplabv2_block,
            ),
            (r'base\.aspp\.c(\d)\.(.+)', r'decode_head.classifiers.\1.\2'),
        ),
    ),
}

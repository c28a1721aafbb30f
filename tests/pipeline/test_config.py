import pytest

from mmwsss.pipeline.config import load_config

CONFIG = """
model = dict(
    type='mmwsss.CAMSegmentor',
    backbone=dict(type='ResNet', depth=18),
    cam_head=dict(type='mmwsss.LinearCAMHead', in_channels=8, num_classes=2),
)
custom_hooks = [dict(type='mmwsss.EpochSeedHook', seed=0)]
"""


def write(tmp_path, text):
    path = tmp_path / 'config.py'
    path.write_text(text)
    return path


def test_a_sound_config_is_loaded_with_its_options(tmp_path):
    config = load_config(write(tmp_path, CONFIG), {'model.cam_head.num_classes': 3})
    assert config.model.cam_head.num_classes == 3


@pytest.mark.parametrize(
    ('old', 'new', 'message'),
    [
        ('num_classes=2', 'num_clases=2', r"model\.cam_head .*did you mean 'num_classes'"),
        ('LinearCAMHead', 'LinearCamHead', r"model\.cam_head\.type .*did you mean 'LinearCAMHead'"),
        ('seed=0', 'sede=0', r"custom_hooks\[0\] .*did you mean 'seed'"),
    ],
)
def test_an_unknown_option_is_named_with_its_place_and_its_like(tmp_path, old, new, message):
    with pytest.raises(ValueError, match=message):
        load_config(write(tmp_path, CONFIG.replace(old, new)))


def test_an_absent_config_says_where_configs_are(tmp_path):
    with pytest.raises(FileNotFoundError, match='configs/'):
        load_config(tmp_path / 'absent.py')

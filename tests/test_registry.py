import pytest
from mmengine.registry import DefaultScope
from mmseg import registry as mmseg

from mmwsss import registry

ONE_OF_EACH = {
    'MODELS': 'CAMSegmentor',
    'DATASETS': 'ImageLabelDataset',
    'TRANSFORMS': 'RandomPadCrop',
    'HOOKS': 'ContextPrototypeHook',
    'LOOPS': 'BankFillLoop',
    'METRICS': 'SeedMetric',
}


@pytest.mark.parametrize('name', list(ONE_OF_EACH))
def test_a_config_of_mmseg_finds_our_modules(name):
    """Under ``default_scope='mmseg'``, with the scope in the type, and without custom_imports."""
    ours, theirs = getattr(registry, name), getattr(mmseg, name)
    assert ours.parent is theirs
    assert ours.scope == 'mmwsss'
    found = theirs.get(f'mmwsss.{ONE_OF_EACH[name]}')
    assert found is ours.get(ONE_OF_EACH[name])
    assert found.__module__.startswith('mmwsss.')


def test_our_registry_finds_the_modules_of_mmseg():
    with DefaultScope.overwrite_default_scope('mmseg'):
        assert registry.MODELS.get('EncoderDecoder').__module__.startswith('mmseg.')


def test_an_unknown_name_is_refused():
    with pytest.raises(KeyError, match='NoSuchModel'):
        registry.MODELS.build({'type': 'mmwsss.NoSuchModel'})


def test_pipeline_stages_have_a_registry_of_their_own():
    assert registry.STAGES.parent is None or registry.STAGES.parent.scope == 'mmengine'
    assert registry.STAGES.get('Train').__module__ == 'mmwsss.pipeline.stages.training'

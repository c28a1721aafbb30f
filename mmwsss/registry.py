"""Child nodes of mmseg's registries, scope `mmwsss`.

A config keeps ``default_scope = 'mmseg'`` and names our modules ``type='mmwsss.X'``; they are
imported from `locations` the first time one is asked for.
"""

from mmwsss import compat

compat.apply()

from mmengine import registry as mmengine  # noqa: E402
from mmengine.registry import Registry  # noqa: E402
from mmseg import registry as mmseg  # noqa: E402

MODELS = Registry('model', parent=mmseg.MODELS, scope='mmwsss', locations=['mmwsss.models'])
DATASETS = Registry(
    'dataset',
    parent=mmseg.DATASETS,
    scope='mmwsss',
    locations=['mmwsss.datasets', 'mmwsss.toy_scenes'],
)
TRANSFORMS = Registry(
    'transform', parent=mmseg.TRANSFORMS, scope='mmwsss', locations=['mmwsss.datasets.transforms']
)
HOOKS = Registry('hook', parent=mmseg.HOOKS, scope='mmwsss', locations=['mmwsss.engine'])
# children of mmengine's: the Runner asks those, which look no deeper than their children
DATA_SAMPLERS = Registry(
    'data sampler',
    parent=mmengine.DATA_SAMPLERS,
    scope='mmwsss',
    locations=['mmwsss.datasets'],
)
MODEL_WRAPPERS = Registry(
    'model_wrapper', parent=mmengine.MODEL_WRAPPERS, scope='mmwsss', locations=['mmwsss.engine']
)
FUNCTIONS = Registry(
    'function', parent=mmengine.FUNCTIONS, scope='mmwsss', locations=['mmwsss.engine']
)
OPTIM_WRAPPER_CONSTRUCTORS = Registry(
    'optimizer wrapper constructor',
    parent=mmengine.OPTIM_WRAPPER_CONSTRUCTORS,
    scope='mmwsss',
    locations=['mmwsss.engine'],
)
LOOPS = Registry('loop', parent=mmseg.LOOPS, scope='mmwsss', locations=['mmwsss.engine'])
METRICS = Registry('metric', parent=mmseg.METRICS, scope='mmwsss', locations=['mmwsss.evaluation'])
STAGES = Registry('pipeline stage', scope='mmwsss', locations=['mmwsss.pipeline'])

"""Makes documented commands small, as they are run word for word.

With `MMWSSS_TOY_SIZE` set, every config that is read loses depth, pixels, images per batch and
epochs, and no weights are fetched; options of the command line come after that and stay. Networks
keep their widths, so that documented options fit, and a training keeps the epochs that a document
names a checkpoint of (`MMWSSS_TOY_EPOCHS`). `sitecustomize` brings this into every process.
"""

import gc
import importlib.util
import os
import re
import sys
from pathlib import Path

SIDE = 96  # longest side of an image that a network sees
CROP = 64
BATCH_SIZE = 4
EPOCHS = 3  # CPF-CTE lets the backbone learn after the second
RATE = 1e-4
BLOCKS = 3  # of a ViT; MCTformer sums the attention of the last three
TRAIN_IMAGES, TEST_IMAGES = 4, 2
CLIPS = ('CLIPESBackbone', 'FrozenCLIP', 'OneStageCLIP')
CLIP = {
    'embed_dim': 512,
    'quick_gelu': True,
    'vision_cfg': {'image_size': 64, 'patch_size': 16, 'width': 64, 'head_width': 64, 'layers': 12},
    'text_cfg': {'context_length': 77, 'vocab_size': 49408, 'width': 64, 'heads': 1, 'layers': 1},
}
LIMITS = {'scale': SIDE, 'long_sides': SIDE, 'crop_size': CROP, 'size': CROP}


def shrink(config):
    """Make a config small, as a tree; a small one stays as it is."""
    if 'num_images' in config:  # the CLIP of toy size is small already
        config['num_images'] = TRAIN_IMAGES
    elif 'model' in config:
        shrink_network(config['model'])
        for part in walk(config):
            shrink_views(part)
    shrink_training(config)


def shrink_network(model):
    for part in walk(model):
        kind = str(part.get('type')).rpartition('.')[2]
        start = part.get('init_cfg')
        is_vit = kind in ('VisionTransformer', 'ClassTokenViT') and isinstance(part['arch'], str)
        given = is_vit and takes_released(sys.orig_argv)  # the command line may say its weights
        if isinstance(start, dict) and not Path(start.get('checkpoint', __file__)).is_file():
            part['init_cfg'] = start if given and _gives_weights(sys.orig_argv) else None
        if is_vit and not given:
            width = {'base': 768, 'deit-small': 384}[part['arch']]
            sizes = {'embed_dims': width, 'feedforward_channels': width, 'num_heads': 4}
            part['arch'] = {**sizes, 'num_layers': BLOCKS}
            if 'frozen_stages' in part:
                part['frozen_stages'] = min(part['frozen_stages'], BLOCKS)
        if kind in CLIPS and part['pretrained'] == 'openai':
            part.update(model_name=CLIP, pretrained=None)
        if kind == 'FrozenCLIPDecoder' and part['in_channels'][0] == 768:
            part['in_channels'] = [CLIP['vision_cfg']['width']] * len(part['in_channels'])
        if kind == 'VisionPrototypes':
            part['iterations'] = 20
        if kind == 'PrototypeAwareCAMHead':
            part['tau'] = 0.01  # a softmax that has learnt nothing is nowhere above the usual one
        if kind == 'IRNet':
            part['pad_to'] = SIDE
    if model.get('backbone', {}).get('type') == 'mmwsss.ResNet38':
        model['backbone'] = {'type': 'ResNet', 'depth': 50, 'out_indices': (3,)}
        model['decode_head']['in_channels'] = 2048


def shrink_views(part):
    for name, limit in LIMITS.items():
        value = part.get(name)
        if isinstance(value, int):
            part[name] = min(value, limit)
        elif isinstance(value, list | tuple) and all(isinstance(side, int) for side in value):
            part[name] = tuple(min(side, limit) for side in value)
    if part.get('type') == 'TestTimeAug':
        part['transforms'][0] = part['transforms'][0][:2]  # scales
    if part.get('type') == 'mmwsss.UnfreezeHook':
        part['modules'] = [name for name in part['modules'] if not _is_gone(name)]


def _is_gone(module):
    found = re.fullmatch(r'backbone\.layers\.(\d+)', module)
    return bool(found) and int(found[1]) >= BLOCKS


def shrink_training(config):
    kept = {int(number) for number in os.environ.get('MMWSSS_TOY_EPOCHS', '').split()}
    loop = config.get('train_cfg') or {}
    if 'max_epochs' in loop and loop['max_epochs'] not in kept:
        loop['max_epochs'] = min(loop['max_epochs'], EPOCHS)
    optimizer = (config.get('optim_wrapper') or {}).get('optimizer')
    if optimizer:  # a few steps at a documented rate teach a network that nothing is anywhere
        optimizer['lr'] = min(optimizer['lr'], RATE)
    for hook in (config.get('default_hooks') or {}).values():
        if hook and hook.get('type') == 'CheckpointHook':  # seconds, of a training of 28 epochs
            hook['interval'] = max(loop.get('max_epochs', 1) // 4, 1)
    for stage in filter(None, (config.get('stages') or {}).values()):  # a config of `mmwsss new`
        options = stage.get('options') or {}
        for name in options.keys() & {'train_cfg.max_epochs', 'param_scheduler.0.end'}:
            options[name] = min(options[name], EPOCHS)
    loaders = [value for name, value in config.items() if name.endswith('_dataloader') and value]
    for loader in loaders:
        loader.update(num_workers=0, persistent_workers=False)
    for batch in (*loaders, config):
        for name in ('batch_size', 'total_batch_size'):
            if batch.get(name):
                batch[name] = min(batch[name], BATCH_SIZE)


def walk(node):
    """Yield every dict of a tree."""
    if isinstance(node, dict):
        yield node
    if isinstance(node, dict | list | tuple):
        for value in list(node.values()) if isinstance(node, dict) else node:
            yield from walk(value)


def patch_config(module):
    from_file = module.Config.fromfile

    def read(*arguments, **options):
        config = from_file(*arguments, **options)
        tree = config.to_dict()
        shrink(tree)
        object.__setattr__(config, '_cfg_dict', module.ConfigDict(tree))
        return config

    def pretty_text(config):  # mmengine's yapf takes a second or two per Runner
        return ''.join(f'{name} = {value!r}\n' for name, value in config.to_dict().items())

    module.Config.fromfile = staticmethod(read)
    module.Config.pretty_text = property(pretty_text)


def patch_resnet(module):
    settings = module.ResNet.arch_settings
    for depth, (block, stages) in settings.items():
        settings[depth] = (block, (1,) * len(stages))


def patch_toy_scenes(module):
    write = module.write_toy_scenes

    def write_few(root, num_train, num_val, *arguments, **options):
        few = min(num_train, TRAIN_IMAGES), min(num_val, TEST_IMAGES)
        return write(root, *few, *arguments, **options)

    module.write_toy_scenes = write_few


PATCHES = {
    'mmengine.config.config': patch_config,
    'mmseg.models.backbones.resnet': patch_resnet,
    'mmwsss.toy_scenes.writer': patch_toy_scenes,
}


class PatchingFinder:
    """Patches modules as soon as they are imported, so that nothing is imported in vain."""

    @classmethod
    def find_spec(cls, name, path=None, target=None):
        if name not in PATCHES:
            return None
        sys.meta_path.remove(cls)
        try:
            spec = importlib.util.find_spec(name)
        finally:
            sys.meta_path.insert(0, cls)
        run = spec.loader.exec_module

        def run_and_patch(module):
            run(module)
            PATCHES[name](module)

        spec.loader.exec_module = run_and_patch
        return spec


def is_converter(words):
    """Released weights are of the networks in their own sizes."""
    return any(word == 'convert' or 'model_converters' in word for word in words)


def _gives_weights(words):
    return any('init_cfg.checkpoint=' in word for word in words)


def takes_released(words):
    """A network that is given keeps its size, and so do those beside it; pixels become few."""
    return any('.checkpoint=' in word or word.endswith('_released') for word in words)


def install():
    """Make configs small in this process, unless it is that of a converter."""
    if takes_released(sys.orig_argv):
        del PATCHES['mmseg.models.backbones.resnet']
    if not is_converter(sys.orig_argv):
        sys.meta_path.insert(0, PatchingFinder)
    os.cpu_count = lambda: 1  # four images are not worth the start of further processes
    gc.collect = lambda generation=2: 0  # mmengine calls it for every data set: a fifth of a run

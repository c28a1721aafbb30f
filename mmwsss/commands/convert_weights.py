"""`mmwsss convert weights`: released checkpoints, with our names."""

import argparse

HELP = 'Convert a released checkpoint to our names; every tensor must find its place.'
EXAMPLE = 'mmwsss convert weights irn_cam res50_cam.pth irn_cam.pth'
# those of mmwsss.model_converters, which takes seconds to import; a test compares
KINDS = ('irn_cam', 'sipe', 'irnet', 'amn', 'mctformer', 'deeplabv2', 'deit', 'clip')


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument(
        'kind',
        choices=KINDS,
        help="the network that was released; deit: a plain ViT, for MCTformer's backbone; "
        "clip: OpenAI's ViT CLIP",
    )
    parser.add_argument('checkpoint', help='released file')
    parser.add_argument('out', help='file to write')
    parser.add_argument('--config', help='config of our model, if not the usual one')


def run(arguments: argparse.Namespace) -> None:
    """Convert, and say what the file is for."""
    if arguments.kind == 'clip' and arguments.config:
        raise argparse.ArgumentError(None, 'a CLIP has no config: leave --config out')
    from mmwsss.model_converters import LAYOUTS, convert_checkpoint, convert_clip, convert_deit
    from mmwsss.model_converters.deit import LAYOUT as DEIT

    source, target, config = arguments.checkpoint, arguments.out, arguments.config
    if arguments.kind == 'clip':
        number = convert_clip(source, target)
        use = 'set model.backbone.pretrained to it and model.backbone.model_name=None'
    elif arguments.kind == 'deit':
        number = convert_deit(source, target, config)
        use = f'set model.backbone.init_cfg.checkpoint of {config or DEIT.config} to it'
    else:
        layout = LAYOUTS[arguments.kind]
        number = convert_checkpoint(layout, source, target, config)
        use = f'for load_from and the commands, with {config or layout.config}'
    print(f'{target}: {number} tensors; {use}')

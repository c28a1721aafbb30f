"""`mmwsss train`: train a classification network or a segmentor."""

import argparse

from mmwsss.terminal import stage_line

from .arguments import add_backbone, add_network, read_config, run_in_processes, write_figures

HELP = 'Train as a config says; of a config with stages its own network.'
EXAMPLE = 'mmwsss train irn_cpal_voc --cfg-options total_batch_size=8'


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    add_network(parser)
    add_backbone(parser)
    parser.add_argument('--resume', action='store_true', help='go on from the last checkpoint')
    parser.add_argument('--amp', action='store_true', help='automatic mixed precision (GPU)')
    parser.add_argument(
        '--auto-scale-lr', action='store_true', help='scale the rate to the joint batch size'
    )


def run(arguments: argparse.Namespace) -> None:
    """Train."""
    if run_in_processes(arguments):
        return
    config = read_config(arguments)
    from mmwsss.pipeline.network import train
    from mmwsss.pipeline.own_stage import train_own_stage

    config.resume = arguments.resume
    if arguments.amp:
        config.optim_wrapper.type = 'AmpOptimWrapper'
        config.optim_wrapper.setdefault('loss_scale', 'dynamic')
    if arguments.auto_scale_lr:
        config.auto_scale_lr = {**config.get('auto_scale_lr', {}), 'enable': True}
    if config.get('stages') and not arguments.work_dir:
        figures = train_own_stage(config)
    else:
        with stage_line('train', config.work_dir) as line:
            figures = train(config)
            line.result = f'{config.work_dir}/{figures["checkpoint"]}'
    write_figures(arguments.figures, figures)

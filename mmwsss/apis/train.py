"""`tools/train.py`: train a classification network or a segmentor."""

import argparse
import time
from pathlib import Path

from mmengine.config import Config
from mmengine.dist import is_main_process

from mmwsss.pipeline.run import open_workspace
from mmwsss.pipeline.runs import train
from mmwsss.pipeline.stage import STARTED, read_record, record_done, stage_key, write_record
from mmwsss.pipeline.stages import Train

from .arguments import add_config_arguments, read_config, run_command, write_figures


def parse_arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description='Train as a config says.')
    add_config_arguments(parser)
    parser.add_argument('--resume', action='store_true', help='go on from the last checkpoint')
    parser.add_argument('--amp', action='store_true', help='automatic mixed precision (GPU)')
    parser.add_argument(
        '--auto-scale-lr', action='store_true', help='scale the rate to the joint batch size'
    )
    return parser.parse_args()


def main() -> None:
    """Train; of a config with a pipeline its own network, where the pipeline expects it."""
    arguments = parse_arguments()
    config = read_config(arguments)
    config.resume = arguments.resume
    if arguments.amp:
        config.optim_wrapper.type = 'AmpOptimWrapper'
        config.optim_wrapper.setdefault('loss_scale', 'dynamic')
    if arguments.auto_scale_lr:
        config.auto_scale_lr = {**config.get('auto_scale_lr', {}), 'enable': True}
    if config.get('pipeline') and not arguments.work_dir:
        checkpoint = _train_own_stage(config)
    else:
        checkpoint = train(config)
    write_figures(arguments.figures, {'checkpoint': checkpoint.name})


def _train_own_stage(config: Config) -> Path:
    """Train the config's own network so that `tools/run_pipeline.py` finds the stage done."""
    workspace = open_workspace(config)
    trainings = [stage for stage in workspace.stages.values() if isinstance(stage, Train)]
    stage = next((stage for stage in trainings if stage.config is None), None)
    if stage is None:
        raise ValueError(f'{config.filename} has nothing to train: use tools/run_pipeline.py')
    folder = workspace.folder(stage.name)
    key = stage_key(stage, workspace)
    stage.check(workspace)
    if read_record(folder / STARTED).get('key') != key and (folder / 'last_checkpoint').is_file():
        raise FileExistsError(
            f'{folder} holds a training with other options: give --work-dir for a folder of its '
            'own, or tools/run_pipeline.py with these options, which starts the stage over'
        )
    config = stage.ready_config(workspace)
    if is_main_process():
        write_record(folder / STARTED, {'key': key})
    begin = time.time()
    checkpoint = train(config)
    if is_main_process():
        record_done(stage, workspace, {'checkpoint': checkpoint.name}, time.time() - begin)
    return checkpoint


if __name__ == '__main__':
    run_command(main)

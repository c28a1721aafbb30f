"""Training one stage alone, as the whole run would."""

import time
from contextlib import nullcontext
from typing import Any

from mmengine.config import Config
from mmengine.dist import is_main_process

from mmwsss.terminal import show, stage_line

from .batch import launched_processes, launched_rank
from .execution import record_done, stage_key, started_record
from .lock import locked
from .memory import PeakMemory
from .network import train
from .run import open_workspace
from .stages import Train
from .workspace import DONE, STARTED, read_record, write_record


def train_own_stage(config: Config) -> dict[str, Any]:
    """Train the config's own network so that the whole run finds the stage done.

    Returns:
        What `mmwsss.pipeline.network.train` returns.

    Raises:
        ValueError: The config has nothing to train.
        FileExistsError: The folder holds a training with other options.
        FileNotFoundError: The masks to learn from are not made yet.
        BlockingIOError: Another run works in the folder.
    """
    # of a run in as many processes: what they share of a batch is looked at before they train
    workspace = open_workspace(config, gpus=launched_processes(config.get('launcher', 'none')))
    trainings = [stage for stage in workspace.stages.values() if isinstance(stage, Train)]
    stage = next((stage for stage in trainings if stage.config is None), None)
    if stage is None:
        raise ValueError(f'{config.filename} has nothing to train: use `mmwsss run`')
    if stage.checkpoint:
        raise ValueError(
            f'stage {stage.name!r} is given its network, {stage.checkpoint}: there is nothing to '
            'train, use `mmwsss run`'
        )
    folder = workspace.folder(stage.name)
    key = stage_key(stage, workspace)
    stage.check(workspace)
    for text in workspace.notes:
        show(f'note: {text}')
    if read_record(folder / STARTED).get('key') != key and (folder / 'last_checkpoint').is_file():
        raise FileExistsError(
            f'{folder} holds a training with other options: give --work-dir for a folder of its '
            'own, or `mmwsss run` with these options, which starts the stage over'
        )
    config = stage.ready_config(workspace)
    # of several processes the first one holds the lock for all
    first = launched_rank(config.get('launcher', 'none')) == 0
    with locked(workspace.root) if first else nullcontext():
        # every process may do it: the files are the same
        write_record(folder / STARTED, started_record(key, workspace))
        (folder / DONE).unlink(missing_ok=True)  # of a training of before, until this one ends
        begin, memory = time.time(), PeakMemory()
        start = 'goes on' if config.get('resume') else 'starts'
        with stage_line(stage.name, folder, start) as line:
            figures = train(config)
            line.result = stage.summary(figures)
        if is_main_process():
            record_done(stage, workspace, figures, time.time() - begin, memory.megabytes())
    return figures

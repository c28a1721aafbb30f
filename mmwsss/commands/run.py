"""`mmwsss run`: the whole way of one config or of several, a table and a page."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from mmwsss.shipped import find_config
from mmwsss.terminal import show

from .arguments import (
    add_backbone,
    add_changes,
    add_gpus,
    add_launcher,
    add_processes,
    add_seed,
    add_until,
    add_verbose,
    add_work_dir,
    read_changes,
    run_in_processes,
    set_local_rank,
)

if TYPE_CHECKING:
    from mmwsss.pipeline.stages.crew import Crew

HELP = 'Run every stage of a config, or of several side by side; what is done is skipped.'
EXAMPLE = 'mmwsss run irn_voc irn_cpal_voc --until pseudo_masks'


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument('configs', nargs='+', help='configs: paths, or names of shipped ones')
    add_changes(parser)
    add_backbone(parser)
    add_work_dir(
        parser,
        'a run works in <work-dir>/<name of the config>; if not given, in the work_dir that the '
        'config says, or in work_dirs/<name of the config>',
    )
    add_seed(parser, 'of everything random; 0 in the configs')
    add_gpus(parser)
    add_launcher(parser, starts_by_stage=True)
    add_processes(parser)
    add_until(parser)
    add_verbose(parser)
    parser.add_argument('--report', help='page; <work-dir>/<name>/report.html if not given')


def run(arguments: argparse.Namespace) -> None:
    """Run the configs, print their table, write their page."""
    if run_in_processes(arguments):
        return
    paths = [find_config(name) for name in arguments.configs]
    _check_names(paths)
    if arguments.launcher == 'none':
        _run_stages(arguments, paths, None)
        return
    from mmwsss.pipeline.stages.crew import Crew

    set_local_rank(arguments)
    crew = Crew(arguments.launcher)
    if crew.leads:
        _run_stages(arguments, paths, crew)
        crew.dismiss()
    else:
        crew.follow()


def _run_stages(arguments: argparse.Namespace, paths: list[Path], crew: 'Crew | None') -> None:
    from mmwsss.pipeline.building import refuse_unread
    from mmwsss.pipeline.config import load_config, set_seed
    from mmwsss.pipeline.report import write_report
    from mmwsss.pipeline.run import run_folder, run_pipeline
    from mmwsss.pipeline.table import format_table

    changes = read_changes(arguments.cfg_options)
    configs = [load_config(path, changes, backbone=arguments.backbone) for path in paths]
    for config in configs:
        refuse_unread(config, changes)
    if arguments.seed is not None:
        for config in configs:
            set_seed(config, arguments.seed)
    if arguments.work_dir:
        folders = [Path(arguments.work_dir) / path.stem for path in paths]
    else:
        folders = [run_folder(config) for config in configs]
    _check_folders(folders)
    runs = [
        run_pipeline(config, folder, arguments.gpus, arguments.processes, arguments.until, crew)
        for folder, config in zip(folders, configs, strict=True)
    ]
    page = Path(arguments.report or runs[-1].workspace.root / 'report.html')
    write_report(page, runs)
    show(format_table(runs))
    show(f'pictures: {page}')


def _check_names(paths: list[Path]) -> None:
    """Refuse two configs whose runs would work in one folder."""
    for index, path in enumerate(paths):
        for other in paths[:index]:
            if path.stem == other.stem:
                raise ValueError(
                    f'{other} and {path} have one name, {path.stem!r}, and so one folder and one '
                    'column of the table: rename one of the files'
                )


def _check_folders(folders: list[Path]) -> None:
    """Refuse two runs in one folder, as configs make that inherit one ``work_dir``."""
    for index, folder in enumerate(folders):
        if folder in folders[:index]:
            raise ValueError(
                f'two of the configs say work_dir={str(folder)!r}: give --work-dir, in which each '
                'has a folder of its own, or run them one by one'
            )

"""`mmwsss reproduce`: a table or a figure of a paper, from runs that it starts or finds done."""

import argparse

from mmwsss.terminal import show

from .arguments import (
    add_changes,
    add_gpus,
    add_processes,
    add_seed,
    add_until,
    add_verbose,
    add_work_dir,
    read_changes,
)

HELP = 'Make a table or a figure of a paper, from runs that are started or found done.'
EXAMPLE = 'mmwsss reproduce cpal table1 --scale toy'
SCALES = ('voc', 'coco', 'voc_photos', 'toy')  # those of mmwsss.reproduction; a test compares


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument('paper', nargs='?', help='cpal, cpf_cte or vpl')
    parser.add_argument('item', nargs='?', help='as table1 or figure4a; --list names them')
    parser.add_argument('--list', action='store_true', help='name all items, or those of a paper')
    parser.add_argument('--scale', choices=SCALES, default='voc', help='what is measured on')
    parser.add_argument(
        '--rows', nargs='+', action='extend', metavar='ROW', help='these rows alone'
    )
    parser.add_argument('--dry-run', action='store_true', help='say which runs are done, no more')
    add_changes(parser)
    add_work_dir(
        parser, 'runs go to <work-dir>/runs, results to <work-dir>/<scale>', 'work_dirs/reproduce'
    )
    add_seed(parser, 'of everything random', 0)
    add_gpus(parser)
    add_processes(parser)
    add_until(parser)
    add_verbose(parser)


def run(arguments: argparse.Namespace) -> None:
    """List the items, say what is to be run, or run it and write the result."""
    if not arguments.list and not (arguments.paper and arguments.item):
        raise argparse.ArgumentError(
            None, 'say which paper and which item; `mmwsss reproduce --list` names them'
        )
    from mmwsss.reproduction.items import find_item

    if arguments.list:
        from mmwsss.reproduction.listing import list_items

        show(list_items(arguments.paper))
        return
    item = find_item(arguments.paper, arguments.item)
    from mmwsss.reproduction.reproduce import describe_plan, reproduce
    from mmwsss.reproduction.runs import plan

    if item.kind == 'diagram':
        show(f'{item.paper} {item.name}: {item.shows}. {item.note}')
        return
    if arguments.until and item.kind not in ('table', 'curve'):
        raise argparse.ArgumentError(None, '--until is for tables and curves')
    runs = plan(
        item,
        arguments.scale,
        arguments.work_dir,
        arguments.rows,
        read_changes(arguments.cfg_options),
        arguments.seed,
        arguments.until,
    )
    if arguments.dry_run:
        show(describe_plan(item, arguments.scale, runs))
        return
    written = reproduce(item, arguments.scale, runs, arguments.gpus, arguments.processes)
    show(written.text)
    for path in written.paths:
        show(f'written: {path}')

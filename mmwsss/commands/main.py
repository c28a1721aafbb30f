"""The command `mmwsss`: finds the command that is meant, parses, calls, says what went wrong."""

import argparse
import sys
from collections.abc import Iterator, Sequence
from typing import Protocol

import mmwsss
from mmwsss.errors import run_saying_errors

from . import (
    check,
    configs,
    convert_coco,
    convert_labels,
    convert_trainaug,
    convert_weights,
    evaluate,
    export,
    grid,
    import_masks,
    new,
    predict,
    refine,
    report,
    reproduce,
    run,
    seeds,
    segments,
    test,
    thresholds,
    toy_clip,
    toy_scenes,
    train,
)
from .arguments import CHANGES, open_console

WRONG_CALL = 2  # exit code, as argparse has it


class Command(Protocol):
    """What a module of a command has.

    Attributes:
        HELP: What it does, in one line.
        EXAMPLE: A command line.
    """

    HELP: str
    EXAMPLE: str

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Declare the arguments."""

    def run(self, arguments: argparse.Namespace) -> None:
        """Do the work."""


COMMANDS: dict[str, Command] = {
    'new': new,
    'check': check,
    'run': run,
    'train': train,
    'seeds': seeds,
    'evaluate': evaluate,
    'segments': segments,
    'refine': refine,
    'test': test,
    'report': report,
    'predict': predict,
    'export': export,
    'import': import_masks,
    'thresholds': thresholds,
    'grid': grid,
    'reproduce': reproduce,
    'configs': configs,
    'convert weights': convert_weights,
    'convert labels': convert_labels,
    'convert coco': convert_coco,
    'convert trainaug': convert_trainaug,
    'toy-scenes': toy_scenes,
    'toy-clip': toy_clip,
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command.

    Args:
        argv: What follows ``mmwsss``; that of the process when None.

    Returns:
        The exit code: `WRONG_CALL`, or that of `run_saying_errors`.
    """
    words = list(sys.argv[1:] if argv is None else argv)
    try:
        name, rest = find_command(words)
        parser = build_parser(name)
        arguments = parser.parse_intermixed_args(list(_part_changes(rest)))
        arguments.command_line = words

        def work() -> None:
            with open_console(arguments):
                COMMANDS[name].run(arguments)

        return run_saying_errors(work)
    except argparse.ArgumentError as error:  # found by the command, beyond what a parser sees
        parser.print_usage(sys.stderr)
        print(f'{parser.prog}: error: {error}', file=sys.stderr)
        return WRONG_CALL
    except SystemExit as end:  # of argparse: --help, or a wrong call
        return int(end.code or 0)


def find_command(words: Sequence[str]) -> tuple[str, list[str]]:
    """Return the name of the command that a line begins with, and what follows it.

    Raises:
        SystemExit: It begins with none: the help was asked for, or the call is wrong.

    Example:
        >>> find_command(['convert', 'coco', 'data/coco2014'])
        ('convert coco', ['data/coco2014'])
    """
    for length in (1, 2):
        if (name := ' '.join(words[:length])) in COMMANDS:
            return name, list(words[length:])
    group = words[:1] if any(name.startswith(f'{words[0]} ') for name in COMMANDS if words) else []
    _build_list_parser(' '.join(group)).parse_args(words[len(group) :])
    raise SystemExit(WRONG_CALL)


def build_parser(name: str) -> argparse.ArgumentParser:
    """Return the parser of one command."""
    command = COMMANDS[name]
    parser = argparse.ArgumentParser(
        prog=f'mmwsss {name}',
        description=command.HELP,
        epilog=f'example:\n  {command.EXAMPLE}',
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    command.add_arguments(parser)
    return parser


def _build_list_parser(group: str) -> argparse.ArgumentParser:
    """Return a parser that knows the names of commands alone: all, or those of a group."""
    prefix = f'{group} ' if group else ''
    known = {
        name.removeprefix(prefix): command.HELP
        for name, command in COMMANDS.items()
        if name.startswith(prefix)
    }
    lines = [f'  {name:{max(map(len, known))}}  {text}' for name, text in known.items()]
    parser = argparse.ArgumentParser(
        prog=f'mmwsss {group}'.strip(),
        usage=f'mmwsss {prefix}[-h] COMMAND ...',
        description='\n'.join(['Weakly supervised segmentation. Commands:', *lines]),
        epilog=f'`mmwsss {prefix}COMMAND --help` says more, with an example.',
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument('--version', action='version', version=mmwsss.__version__)
    parser.add_argument(
        'command', metavar='COMMAND', choices=list(known), help='one of those above'
    )
    return parser


def _part_changes(words: Sequence[str]) -> Iterator[str]:
    """Tie every change to the config to its option, so that what follows is none.

    argparse counts all words up to the next option as changes, a checkpoint among them.

    Example:
        >>> list(_part_changes(['a.py', '--cfg-options', 'x=1', 'y=2', 'b.pth']))
        ['a.py', '--cfg-options=x=1', '--cfg-options=y=2', 'b.pth']
    """
    waiting = within = False  # just after the option; among its changes
    for word in words:
        if word == CHANGES:
            waiting = within = True
        elif within and '=' in word and not word.startswith('-'):
            waiting = False
            yield f'{CHANGES}={word}'
        else:
            if waiting:
                yield CHANGES
            waiting = within = False
            yield word
    if waiting:
        yield CHANGES

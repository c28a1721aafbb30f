"""Every benchmark of speed and memory, and one table in Markdown.

    python benchmarks/all.py                              # tens of minutes
    python benchmarks/all.py multi_scale_seeds crf        # some of them

Each program prints its own figures, ratios to the usual way measured in turns; they are the lines
of its row. Photographs are those of $MMWSSS_DATA, where there are some; else smooth noise.
"""

import argparse
import os
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
RUNS = {  # program: its runs
    'multi_scale_seeds': [[], ['--threads', '1']],
    'processes': [[]],
    'crf': [[]],
    'segments': [[]],
    'random_walk': [[]],
    'threshold_sweep': [[]],
    'clustering': [[]],
    'clip_es': [[]],
    'cf_bilstm': [[]],
    'vision_prototypes': [[]],
    'training_step': [['--batch-size', '2'], ['--small']],
    'stage_memory': [[]],
}


def photographs() -> list[str]:
    """Return the option that names a folder of photographs, if there is one."""
    folder = Path(os.environ.get('MMWSSS_DATA', 'data')) / 'VOCdevkit' / 'VOC2012' / 'JPEGImages'
    return ['--photographs', str(folder)] if folder.is_dir() else []


def row(program: str, options: list[str]) -> str:
    """Run a program; return its line of the table."""
    hidden = photographs() if program in ('crf', 'segments') else []
    command = [sys.executable, str(HERE / f'{program}.py'), *options, *hidden]
    # a config says on stdout where it took this from
    variables = {name: value for name, value in os.environ.items() if name != 'MMWSSS_DATA'}
    done = subprocess.run(command, capture_output=True, text=True, env=variables)
    lines = done.stdout.splitlines() if done.returncode == 0 else done.stderr.splitlines()[-1:]
    cells = '<br>'.join(' '.join(line.split()).replace('|', '/') for line in lines if line.strip())
    return f'| `{" ".join([program, *options])}` | {cells} |'


def main() -> None:
    """Print the table, a row as soon as it is measured."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('programs', nargs='*', choices=[[], *RUNS], default=[])
    programs = parser.parse_args().programs or list(RUNS)
    print('| program | measured |\n|---|---|', flush=True)
    for program in programs:
        for options in RUNS[program]:
            print(row(program, options), flush=True)


if __name__ == '__main__':
    main()

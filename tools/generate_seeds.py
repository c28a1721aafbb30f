"""See `python tools/generate_seeds.py --help`; the work is in `mmwsss.apis.generate_seeds`."""

from mmwsss.apis.arguments import run_command
from mmwsss.apis.generate_seeds import main

if __name__ == '__main__':
    run_command(main)

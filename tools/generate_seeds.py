"""See `python tools/generate_seeds.py --help`; the work is in `mmwsss.apis.generate_seeds`."""

from mmwsss.apis.generate_seeds import main
from mmwsss.apis.arguments import run_command

if __name__ == '__main__':
    run_command(main)

"""See `python tools/train.py --help`; the work is in `mmwsss.apis.train`."""

from mmwsss.apis.train import main
from mmwsss.apis.arguments import run_command

if __name__ == '__main__':
    run_command(main)

"""See `python tools/train.py --help`; the work is in `mmwsss.apis.train`."""

from mmwsss.apis.arguments import run_command
from mmwsss.apis.train import main

if __name__ == '__main__':
    run_command(main)

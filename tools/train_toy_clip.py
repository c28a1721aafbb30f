"""See `python tools/train_toy_clip.py --help`; the work is in `mmwsss.apis.train_toy_clip`."""

from mmwsss.apis.arguments import run_command
from mmwsss.apis.train_toy_clip import main

if __name__ == '__main__':
    run_command(main)

"""See `python tools/test.py --help`; the work is in `mmwsss.apis.test`."""

from mmwsss.apis.arguments import run_command
from mmwsss.apis.test import main

if __name__ == '__main__':
    run_command(main)

"""See `python tools/run_grid.py --help`; the work is in `mmwsss.apis.run_grid`."""

from mmwsss.apis.arguments import run_command
from mmwsss.apis.run_grid import main

if __name__ == '__main__':
    run_command(main)

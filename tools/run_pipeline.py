"""See `python tools/run_pipeline.py --help`; the work is in `mmwsss.apis.run_pipeline`."""

from mmwsss.apis.arguments import run_command
from mmwsss.apis.run_pipeline import main

if __name__ == '__main__':
    run_command(main)

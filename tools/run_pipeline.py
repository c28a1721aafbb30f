"""See `python tools/run_pipeline.py --help`; the work is in `mmwsss.apis.run_pipeline`."""

from mmwsss.apis.run_pipeline import main
from mmwsss.apis.arguments import run_command

if __name__ == '__main__':
    run_command(main)

"""See `python tools/model_converters/clip.py --help`."""

from mmwsss.apis.arguments import run_command
from mmwsss.model_converters.clip import main

if __name__ == '__main__':
    run_command(main)

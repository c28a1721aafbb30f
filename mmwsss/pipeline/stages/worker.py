"""One of the processes of `run_network`: ``python -m mmwsss.pipeline.stages.worker order.json``."""

import os
import signal
import sys
from pathlib import Path

from mmwsss.errors import run_saying_errors
from mmwsss.pipeline.stages.processes import follow_order
from mmwsss.terminal import end_with_parent

if __name__ == '__main__':
    end_with_parent(signal.SIGKILL)
    code = run_saying_errors(lambda: follow_order(Path(sys.argv[1])))
    sys.stdout.flush()
    sys.stderr.flush()
    # all is written; an interpreter that is taken down beside threads of gloo is aborted at times
    os._exit(code)

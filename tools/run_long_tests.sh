#!/usr/bin/env bash
# Every command of the documents, at toy size, and others that take minutes, in .venv (made if
# needed). Arguments go to pytest: tools/run_long_tests.sh -k README
source "$(dirname "${BASH_SOURCE[0]}")/environment.sh"
cd "$ROOT"
OMP_NUM_THREADS=1 python -m pytest -n 2 --dist worksteal tests/long "$@"

#!/usr/bin/env bash
# Linters and all tests, in .venv (made if needed), on the CPU, and those of a GPU where there is one.
# Arguments go to pytest; with some, the tests of a GPU are left out.
source "$(dirname "${BASH_SOURCE[0]}")/environment.sh"
cd "$ROOT"
ruff check .
ruff format --check mmwsss tests tools benchmarks docs/*.py docs/site/*.py
mypy
# two workers with one thread each: threads that share two cores wait for each other
CUDA_VISIBLE_DEVICES='' OMP_NUM_THREADS=1 python -m pytest -n 2 "$@"
if [ $# -eq 0 ] && python -c 'import sys, torch; sys.exit(not torch.cuda.is_available())'; then
    python -m pytest tests/second_device
fi

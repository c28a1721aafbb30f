#!/usr/bin/env bash
# Linters and all tests, in .venv (made if needed). Arguments go to pytest.
source "$(dirname "${BASH_SOURCE[0]}")/environment.sh"
cd "$ROOT"
ruff check .
ruff format --check mmwsss tests tools benchmarks docs/*.py docs/site/*.py
mypy
# two workers with one thread each: threads that share two cores wait for each other
OMP_NUM_THREADS=1 python -m pytest -n 2 "$@"

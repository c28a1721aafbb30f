#!/usr/bin/env bash
# The documentation site in build/site, in .venv (made if needed). Arguments go to mkdocs build.
source "$(dirname "${BASH_SOURCE[0]}")/environment.sh"
cd "$ROOT"
NO_MKDOCS_2_WARNING=1 python -m mkdocs build --strict "$@"

# Sourced by the scripts beside it: makes .venv once, with everything installed, and enters it.
#   PYTHON               the interpreter that makes .venv (python3)
#   MMWSSS_TORCH_INDEX   where pip looks for torch and torchvision, e.g. an index of CPU builds
# shellcheck shell=bash

ROOT="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
PYTHON="${PYTHON:-python3}"

die() { echo "mmwsss: $*" >&2; exit 1; }

check_machine() {
    command -v "$PYTHON" >/dev/null || die "no $PYTHON here: install Python 3.11 or newer, or set PYTHON=/its/path"
    "$PYTHON" -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
        || die "$("$PYTHON" --version) is too old: install Python 3.11 or newer, or set PYTHON=/its/path"
    "$PYTHON" -c 'import venv, ensurepip' 2>/dev/null \
        || die "Python's venv module is missing: install it (Debian, Ubuntu: apt-get install python3-venv)"
}

torch_source() {
    # the wheels of the usual index serve a GPU; without a GPU a CPU build saves gigabytes
    if [ -n "${MMWSSS_TORCH_INDEX:-}" ]; then
        echo "--index-url $MMWSSS_TORCH_INDEX"
    fi
}

install() {
    check_machine
    "$PYTHON" -m venv "$ROOT/.venv"
    cd "$ROOT" || exit 1
    # shellcheck disable=SC2046
    .venv/bin/python -m pip install $(torch_source) $(grep -hE '^(torch|torchvision)==' requirements.txt)
    .venv/bin/python -m pip install -r requirements.txt -r requirements/clip.txt -r requirements/coco.txt -r requirements/onnx.txt \
        -r requirements/efficientnet.txt -r requirements/backbones.txt -r requirements/figures.txt -r requirements/segments.txt -r requirements/dev.txt -r requirements/docs.txt
    # compiled while it is installed, which not every machine can do
    .venv/bin/python -m pip install -r requirements/crf.txt >.venv/pydensecrf.log 2>&1 \
        || echo "mmwsss: pydensecrf could not be installed (.venv/pydensecrf.log); our own dense CRF does its work"
    .venv/bin/python -m pip install --no-build-isolation --no-deps -e .
    .venv/bin/python -c 'import torch; print("mmwsss: torch", torch.__version__, "- a CPU build" if torch.version.cuda is None else "- a build for CUDA " + torch.version.cuda)'
    stamp > .venv/mmwsss-installed
}

stamp() { cat "$ROOT"/setup.py "$ROOT"/pyproject.toml "$ROOT"/requirements.txt "$ROOT"/requirements/*.txt | cksum; }

set -e -o pipefail
if [ "$(cat "$ROOT/.venv/mmwsss-installed" 2>/dev/null)" != "$(stamp)" ]; then
    echo "mmwsss: installing into $ROOT/.venv (a few minutes)"
    install
fi
export PATH="$ROOT/.venv/bin:$PATH"

# Keep freed memory instead of giving it back after every step: page faults took up to half of a
# training step on a CPU.
export MALLOC_MMAP_THRESHOLD_=33554432 MALLOC_TRIM_THRESHOLD_=16000000000 MALLOC_TOP_PAD_=1073741824

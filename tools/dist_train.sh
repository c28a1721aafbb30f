#!/usr/bin/env bash
# Usage: tools/dist_train.sh CONFIG PROCESSES [options of tools/train.py]
# On several machines: NNODES, NODE_RANK, MASTER_ADDR and PORT in the environment of each.
CONFIG=$1
GPUS=$2
PYTHONPATH="$(dirname "$0")/..":$PYTHONPATH \
python "$(dirname "$0")/train.py" "$CONFIG" --gpus "$GPUS" "${@:3}"

#!/usr/bin/env bash
# Usage: tools/dist_test.sh CONFIG CHECKPOINT PROCESSES [options of tools/test.py]
# On several machines: NNODES, NODE_RANK, MASTER_ADDR and PORT in the environment of each.
CONFIG=$1
CHECKPOINT=$2
GPUS=$3
PYTHONPATH="$(dirname "$0")/..":$PYTHONPATH \
python "$(dirname "$0")/test.py" "$CONFIG" "$CHECKPOINT" --gpus "$GPUS" "${@:4}"

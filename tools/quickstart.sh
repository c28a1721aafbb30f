#!/usr/bin/env bash
# Install into .venv, draw the toy scenes, run the whole way twice (IRN's host, then host + CPAL),
# print one table and write work_dirs/quickstart/report.html. A second call goes on from what is there.
source "$(dirname "${BASH_SOURCE[0]}")/environment.sh"
cd "$ROOT"
export MMWSSS_DATA=data
python tools/make_toy_scenes.py data/toy_scenes --train 120 --val 30
python tools/run_pipeline.py configs/quickstart/irn_toy.py configs/quickstart/irn_cpal_toy.py \
    --work-dir work_dirs/quickstart --report work_dirs/quickstart/report.html "$@"

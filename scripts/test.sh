#!/usr/bin/env bash
# Everything: lint, firmware check, then every test of the workspace. The oracle of the virtual CPU runs in target/venv.
set -euo pipefail
cd "$(dirname "$0")/.."
export ORACLE_PYTHON=$PWD/target/venv/bin/python
step() { printf '\n== %s\n' "$*"; }

step "lint"
scripts/lint.sh
if [ -x scripts/firmware.sh ]; then
    step "firmware: the prebuilt files come from these sources"
    scripts/firmware.sh check
fi
step "tests"
cargo nextest run --workspace --locked

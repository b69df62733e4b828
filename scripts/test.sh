#!/usr/bin/env bash
# Everything: lint, firmware check, then every test of the workspace.
set -euo pipefail
cd "$(dirname "$0")/.."
step() { printf '\n== %s\n' "$*"; }

step "lint"
scripts/lint.sh
step "firmware: the prebuilt images come from these sources"
scripts/firmware.sh check
step "tests"
cargo nextest run --workspace --locked
if ! cmp -s firmware/prebuilt/toolchain.txt firmware/target/fresh/toolchain.txt; then
    step "end-to-end tests on the firmware that this machine's toolchain built"
    XSPI_GDB_FIRMWARE=$PWD/firmware/target/fresh cargo nextest run --workspace --locked -E 'binary(firmware) | binary(wishes) | binary(boot_modes) | binary(weaknesses) | binary(faults) | binary(robustness)'
fi

#!/usr/bin/env bash
# The end-to-end tests on a real board: every test that takes its probe from XSPI_GDB_TEST_PROBE.
# It erases and programs the NOR and, where it differs, the boot stage. See docs/real-board.md first.
set -euo pipefail
cd "$(dirname "$0")/.."
probe=${1:-}
if [ -z "$probe" ]; then
    echo "usage: make test-board PROBE=VID:PID[:SERIAL]   (xspi-gdb probes lists them)" >&2
    exit 2
fi
export XSPI_GDB_TEST_PROBE=$probe
exec cargo nextest run --locked --profile board -E 'binary(wishes) | binary(sessions) | binary(mi)'

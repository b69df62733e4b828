#!/usr/bin/env bash
# The end-to-end tests on a real board: XSPI_GDB_TEST_PROBE names the probe that they take instead of the virtual one.
# They program the NOR and, where it differs, the boot stage. Those that begin with a blank chip, look into the virtual
# board, or compare goldens with what a blank NOR says stay at home. See docs/real-board.md first.
set -euo pipefail
cd "$(dirname "$0")/.."
probe=${1:-}
if [ -z "$probe" ]; then
    echo "usage: make test-board PROBE=VID:PID[:SERIAL]   (xspi-gdb probes lists them)" >&2
    exit 2
fi
export XSPI_GDB_TEST_PROBE=$probe
exec cargo nextest run --locked --profile board -E '(binary(wishes) - test(wish_01) - test(wish_02)) | (binary(weaknesses) - test(weakness_08)) | binary(faults)'

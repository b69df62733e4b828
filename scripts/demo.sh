#!/usr/bin/env bash
# The main job on the virtual board, from a blank NOR to a breakpoint in the window.
set -euo pipefail
cd "$(dirname "$0")/.."
printf 'demo: building xspi-gdb (the first time takes a minute or two)\n'
cargo build --quiet --locked
exec target/debug/xspi-gdb demo

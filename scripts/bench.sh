#!/usr/bin/env bash
# Every bench: what the virtual CPU does in a second, what programming costs, and us beside the peers (docs/benchmarks.md).
set -euo pipefail
cd "$(dirname "$0")/.."
step() { printf '\n== %s\n' "$*"; }

step "instructions a second of the virtual CPU"
cargo bench --locked -p virtual-board
# What follows looks at no clock of this computer: the dev profile, in which the virtual board is optimised, is built quickest.
step "what programming costs, in modelled time"
cargo bench --locked --profile dev --bench programming
step "beside the peers: docs/benchmarks.md, docs/benchmarks/peers.json, docs/benchmarks/peers.svg"
cargo build --locked --workspace --bins
cargo bench --locked --profile dev --bench peers

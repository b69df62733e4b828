#!/usr/bin/env bash
# Every bench. docs/benchmarks.md, with its figures and drawings, is made anew: beside the peers, and how cost grows.
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
step "the server's own work, in host time; how cost grows: docs/benchmarks.md"
cargo bench --locked --bench server --bench growth

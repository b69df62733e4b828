# Two commands do everything on a fresh machine: `make demo` and `make test`. Both install what is missing and say so.

.PHONY: demo test test-board firmware lint doc picture bench setup

demo: ; @scripts/setup.sh demo && scripts/demo.sh

test: ; @scripts/setup.sh test && scripts/test.sh

# The same end-to-end tests against a real board: make test-board PROBE=VID:PID[:SERIAL]
test-board: ; @scripts/setup.sh demo && scripts/test-board.sh "$(PROBE)"

# Rebuilds firmware/prebuilt with the toolchain at hand.
firmware: ; @scripts/setup.sh firmware && scripts/firmware.sh build

lint: ; @scripts/lint.sh

# Pages that are made from the code: docs/errors.md.
doc: ; UPDATE_GOLDENS=1 cargo test --quiet --test docs

# The picture in README, from the demo itself.
picture: ; @scripts/setup.sh test && target/venv/bin/pip install --quiet rich && cargo run --quiet -- demo | target/venv/bin/python scripts/picture.py > docs/session.svg

# Every bench, and docs/benchmarks.md: beside the peers, how cost grows; what programming costs; instructions and packets a second.
bench: ; @scripts/setup.sh bench && scripts/bench.sh

setup: ; @scripts/setup.sh test

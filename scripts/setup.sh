#!/usr/bin/env bash
# Installs what is missing for `make demo`, `make test`, `make firmware` or `make bench`, and says what it does. Safe to run again.
#
#   Debian packages   gdb-multiarch (the debugger); for test and firmware: rustc-web, rust-web-src, lld (a Thumb toolchain
#                     where rustup has no thumbv7em-none-eabihf target); for test and bench: python3-venv, openocd (debugs the virtual
#                     board); for test: qemu-system-arm (an oracle of the virtual CPU; 62 MB with its data, and libraries)
#   crates.io         cargo-nextest (test), when cargo has none
#   crates.io         probe-rs-tools, into target/tools (test, bench): a debugger that knows nothing of us; some five minutes
#   npm               cdt-gdb-adapter, into target/clients (test): Eclipse CDT's debug adapter, a real client; Debian's nodejs and npm where
#                     there is no node
#   PyPI              unicorn and imgtool, into target/venv (test): the oracle of the virtual CPU; MCUboot's tool for signed images
#   PyPI              pygdbmi, into target/venv (test): an example drives GDB by it
#   PyPI              pyocd, into target/venv (test, bench), with this repository's plugin: it debugs the virtual board (20 MB)
#   PyPI              gdb-for-pwndbg, into target/venv (test): GDB 18, which takes error texts and speaks DAP (13 MB)
set -euo pipefail
cd "$(dirname "$0")/.."
what=${1:-test}

say() { printf 'setup: %s\n' "$*"; }

as_root() {
    if [ "$(id -u)" = 0 ]; then "$@"
    elif command -v sudo >/dev/null; then sudo "$@"
    else say "need root for: $*"; return 1
    fi
}

packages=()
need() { # need COMMAND-OR-FILE PACKAGE
    command -v "$1" >/dev/null || [ -e "$1" ] || packages+=("$2")
}

command -v cargo >/dev/null || { say "cargo is missing: install Rust by rustup (https://rustup.rs), then run this again"; exit 1; }
command -v cc >/dev/null || packages+=(gcc libc6-dev)
[ "$what" = firmware ] || need gdb-multiarch gdb-multiarch
if [ "$what" = test ] || [ "$what" = firmware ]; then
    if ! rustup target list --installed 2>/dev/null | grep -q '^thumbv7em-none-eabihf$'; then
        if rustup target add thumbv7em-none-eabihf >/dev/null 2>&1; then
            say "rustup target thumbv7em-none-eabihf added"
        else
            for package in rustc-web rust-web-src lld; do
                dpkg -s "$package" >/dev/null 2>&1 || packages+=("$package")
            done
        fi
    fi
fi
if [ "$what" = test ] || [ "$what" = bench ]; then
    python3 -c 'import venv, ensurepip' 2>/dev/null || packages+=(python3-venv)
    need openocd openocd
fi
if [ "$what" = test ]; then
    need qemu-system-arm qemu-system-arm
    need node nodejs
    need npm npm
fi

if [ ${#packages[@]} -gt 0 ]; then
    if command -v apt-get >/dev/null; then
        say "apt-get install ${packages[*]}"
        as_root apt-get update -qq
        as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${packages[@]}" >/dev/null
    else
        say "this is not Debian: install ${packages[*]} (or what your system calls them), then run this again"
        exit 1
    fi
fi

if [ "$what" = test ] || [ "$what" = bench ]; then
    if [ ! -x target/tools/bin/probe-rs ]; then
        say "target/tools: cargo install probe-rs-tools (unoptimised, some five minutes on two cores)"
        CARGO_PROFILE_RELEASE_OPT_LEVEL=0 CARGO_PROFILE_RELEASE_LTO=false CARGO_PROFILE_RELEASE_DEBUG=false \
            cargo install --quiet --locked --root target/tools --target-dir target/tools/build --version 0.32.0 probe-rs-tools
        rm -rf target/tools/build
    fi
fi

if [ "$what" = test ]; then
    if ! cargo nextest --version >/dev/null 2>&1; then
        say "cargo install cargo-nextest"
        cargo install --quiet --locked cargo-nextest
    fi
    adapter=cdt-gdb-adapter@1.7.0
    if ! grep -qs "\"version\": \"${adapter#*@}\"" target/clients/node_modules/cdt-gdb-adapter/package.json; then
        say "target/clients: npm install $adapter"
        # Its native part, pseudo-terminals for a program on this computer, is not needed.
        npm install --prefix target/clients --ignore-scripts --no-audit --no-fund --silent "$adapter"
    fi
    if ! target/venv/bin/python -c 'import unicorn, imgtool, gdb_for_pwndbg, pygdbmi, pyocd, pyocd_virtual_board' 2>/dev/null; then
        say "target/venv: pip install unicorn imgtool gdb-for-pwndbg pygdbmi pyocd"
        python3 -m venv target/venv
        target/venv/bin/pip install --quiet --disable-pip-version-check 'unicorn==2.1.*' 'imgtool==2.*' 'gdb-for-pwndbg==18.1.*' 'pygdbmi==0.11.*' 'pyocd==0.46.*' benches/peers/pyocd_virtual_board
    fi
fi

if [ "$what" = bench ]; then
    if ! target/venv/bin/python -c 'import pyocd, pyocd_virtual_board' 2>/dev/null; then
        say "target/venv: pip install pyocd, and benches/peers/pyocd_virtual_board"
        [ -x target/venv/bin/python ] || python3 -m venv target/venv
        target/venv/bin/pip install --quiet --disable-pip-version-check 'pyocd==0.46.*' ./benches/peers/pyocd_virtual_board
    fi
fi

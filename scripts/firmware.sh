#!/usr/bin/env bash
# Builds the firmware of firmware/ for the Cortex-M7.
#
#   firmware.sh build    every image into firmware/prebuilt, with the toolchain that made them (toolchain.txt)
#   firmware.sh fresh    every image into firmware/target/fresh only
#   firmware.sh check    format, clippy where the toolchain has it, fresh; then: with the recorded toolchain each loadable section
#                        must be the prebuilt's, to the byte
#
# Two toolchains will do, and the recorded one is taken if it is here: the rustc of PATH with its thumbv7em-none-eabihf target
# (`rustup target add thumbv7em-none-eabihf`), or Debian's rustc-web, rust-web-src and lld, which build `core` from its sources.
# The host's own builds never see either choice: everything is set for the commands of this script alone.
set -euo pipefail
cd "$(dirname "$0")/.."

target=thumbv7em-none-eabihf
recorded=firmware/prebuilt/toolchain.txt
fresh=firmware/target/fresh

say() { printf 'firmware: %s\n' "$*"; }

# Each toolchain says who it is, or nothing if it is not here.
shipped_identity() {
    command -v rustc >/dev/null || return 0
    [ -d "$(rustc --print sysroot)/lib/rustlib/$target/lib" ] || return 0
    printf '%s\ncore as shipped, rust-lld\n' "$(rustc --version)"
}
debian_identity() {
    [ -x /usr/bin/rustc ] && [ -d /usr/lib/rustlib/src/rust/library ] && command -v ld.lld >/dev/null || return 0
    printf '%s\ncore from its sources, %s\n' "$(/usr/bin/rustc --version)" "$(ld.lld --version | sed 's/ (.*//')"
}

choose() {
    local want shipped debian
    want=$(cat "$recorded" 2>/dev/null || true)
    shipped=$(shipped_identity)
    debian=$(debian_identity)
    if [ -n "$want" ] && [ "$debian" = "$want" ]; then kind=debian
    elif [ -n "$want" ] && [ "$shipped" = "$want" ]; then kind=shipped
    elif [ -n "$shipped" ]; then kind=shipped
    elif [ -n "$debian" ]; then kind=debian
    else
        say "no toolchain for $target: rustup target add $target" >&2
        exit 1
    fi
    identity=${!kind}
}

# Debug information is compressed, to keep the committed images small. No path of this machine gets into an image: sources are named relative to the repository, crates and `core` by where they come from.
compile() { # compile PACKAGE [FEATURES]
    local cargo_home=${CARGO_HOME:-$HOME/.cargo} flags=() extra=()
    local registry
    flags+=("-Ctarget-cpu=cortex-m7" "-Clink-arg=--compress-debug-sections=zlib" "--remap-path-prefix=$PWD/firmware=firmware")
    for registry in "$cargo_home"/registry/src/*; do
        flags+=("--remap-path-prefix=$registry=crates")
    done
    if [ "$kind" = debian ]; then
        export RUSTC=/usr/bin/rustc RUSTC_BOOTSTRAP=1
        flags+=("-Clinker=ld.lld" "--remap-path-prefix=$(readlink -f /usr/lib/rustlib/src/rust)=rust")
        extra+=(-Zbuild-std=core)
    fi
    (
        cd firmware
        RUSTFLAGS="${flags[*]}" cargo build --quiet --locked --release --target "$target" "${extra[@]}" -p "$1" --features "${2:-}"
    )
}

image() { # image NAME PACKAGE [FEATURES]
    compile "$2" "${3:-}"
    install -m 644 "firmware/target/$target/release/$2" "$fresh/$1.elf"
}

build_all() {
    choose
    say "toolchain: ${identity//$'\n'/, }"
    mkdir -p "$fresh"
    image boot boot
    image boot-hang boot hang
    image boot-fault boot fault
    image boot-other-slot boot other-slot
    image boot-lrun boot lrun
    image boot-short-copy boot short-copy
    image boot-signed boot signed
    image boot-xspi1 boot xspi1
    image boot-quad boot quad
    image appli appli
    image appli-older appli older
    image appli-offset appli offset
    image appli-ram-section appli ram-section
    image appli-lrun appli lrun
    image appli-signed appli signed
    image appli-xspi1 appli xspi1
    image tasks tasks
    image loader loader
    image loader-quad loader quad
    image checksum checksum
    image checksum-in-passing checksum in-passing
    image oracle oracle
    image semihosting hosted
    image talk talk
    image trial trial
    printf '%s\n' "$identity" > "$fresh/toolchain.txt"
}

lint() {
    (
        cd firmware
        cargo fmt --all --check
        if [ -z "$(shipped_identity)" ] || ! cargo clippy --version >/dev/null 2>&1; then
            say "no clippy for $target here: skipped"
        else
            cargo clippy --quiet --locked --release --target "$target" -- -D warnings
        fi
    )
}

case ${1:-} in
build)
    build_all
    mkdir -p firmware/prebuilt
    cp "$fresh"/*.elf "$fresh/toolchain.txt" firmware/prebuilt/
    say "firmware/prebuilt is up to date"
    ;;
fresh)
    build_all
    ;;
check)
    lint
    build_all
    if [ "$identity" = "$(cat "$recorded")" ]; then
        python3 scripts/same-sections.py firmware/prebuilt "$fresh"
    else
        say "the prebuilt images come from another toolchain ($(head -1 "$recorded")): not compared"
        say "fresh images are in $fresh; the end-to-end tests run on them with XSPI_GDB_FIRMWARE=$PWD/$fresh"
    fi
    ;;
*)
    echo "usage: firmware.sh build | fresh | check" >&2
    exit 2
    ;;
esac

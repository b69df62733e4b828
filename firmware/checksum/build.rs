//! Links the routine for no address in particular.

use std::{env, fs, path::PathBuf};

fn main() {
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets OUT_DIR"));
    fs::copy("../memory/checksum.x", out.join("checksum.x"))
        .expect("memory/checksum.x is part of the workspace");
    println!("cargo:rustc-link-search={}", out.display());
    println!("cargo:rustc-link-arg-bins=-Tchecksum.x");
    // No page of an operating system to begin at.
    println!("cargo:rustc-link-arg-bins=--nmagic");
    println!("cargo:rerun-if-changed=../memory/checksum.x");
}

//! Links the loader for DTCM.

use std::{env, fs, path::PathBuf};

fn main() {
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets OUT_DIR"));
    fs::copy("../memory/loader.x", out.join("loader.x"))
        .expect("memory/loader.x is part of the workspace");
    println!("cargo:rustc-link-search={}", out.display());
    println!("cargo:rustc-link-arg-bins=-Tloader.x");
    println!("cargo:rerun-if-changed=../memory/loader.x");
}

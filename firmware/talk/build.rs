//! Links the program into the first slot of the window.

use std::{env, fs, path::PathBuf};

fn main() {
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets OUT_DIR"));
    let from = "../memory/appli.x";
    fs::copy(from, out.join("memory.x")).expect("memory/ is part of the workspace");
    println!("cargo:rerun-if-changed={from}");
    // Every level is compiled in.
    println!("cargo:rustc-env=DEFMT_LOG=trace");
    println!("cargo:rustc-link-search={}", out.display());
    for script in ["link.x", "defmt.x"] {
        println!("cargo:rustc-link-arg-bins=-T{script}");
    }
}

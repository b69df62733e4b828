//! Links the appli for its slot in the window.

use std::{env, fs, path::PathBuf};

fn main() {
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets OUT_DIR"));
    let slot = if env::var_os("CARGO_FEATURE_OFFSET").is_some() {
        "appli-offset.x"
    } else {
        "appli.x"
    };
    for (from, to) in [(slot, "memory.x"), ("appli-sections.x", "appli-sections.x")] {
        let from = PathBuf::from("../memory").join(from);
        fs::copy(&from, out.join(to)).expect("memory/ is part of the workspace");
        println!("cargo:rerun-if-changed={}", from.display());
    }
    println!("cargo:rustc-link-search={}", out.display());
    for script in ["link.x", "defmt.x", "appli-sections.x"] {
        println!("cargo:rustc-link-arg-bins=-T{script}");
    }
}

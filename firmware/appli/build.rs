//! Links the appli for its place: a slot in the window, behind a header in it, or AXI SRAM.

use std::{env, fs, path::PathBuf};

fn main() {
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets OUT_DIR"));
    let has = |feature| env::var_os(format!("CARGO_FEATURE_{feature}")).is_some();
    let place = if has("OFFSET") {
        "appli-offset.x"
    } else if has("XSPI1") {
        "appli-xspi1.x"
    } else if has("LRUN") {
        "appli-lrun.x"
    } else if has("SIGNED") {
        "appli-signed.x"
    } else {
        "appli.x"
    };
    for (from, to) in [
        (place, "memory.x"),
        ("appli-sections.x", "appli-sections.x"),
    ] {
        let from = PathBuf::from("../memory").join(from);
        fs::copy(&from, out.join(to)).expect("memory/ is part of the workspace");
        println!("cargo:rerun-if-changed={}", from.display());
    }
    println!("cargo:rustc-link-search={}", out.display());
    for script in ["link.x", "defmt.x", "appli-sections.x"] {
        println!("cargo:rustc-link-arg-bins=-T{script}");
    }
}

//! Links the program for the memory map of MPS2's AN500.

fn main() {
    println!(
        "cargo:rustc-link-search={}/../memory",
        env!("CARGO_MANIFEST_DIR")
    );
    println!("cargo:rustc-link-arg-bins=-Toracle.x");
    println!("cargo:rustc-link-arg-bins=--strip-debug");
    println!("cargo:rustc-link-arg-bins=-zmax-page-size=4");
    println!("cargo:rerun-if-changed=../memory/oracle.x");
}

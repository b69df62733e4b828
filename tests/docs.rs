//! Pages made from the code. `UPDATE_GOLDENS=1 cargo test --test docs` writes them anew.

use std::{fmt::Write as _, fs, path::Path};

use xspi_gdb::fault::{Code, Disposition};

fn errors_page() -> String {
    let mut page = String::from(
        "# Faults\n\nMade from `src/fault/catalogue.rs` by `make doc`. `xspi-gdb explain XG0xx` prints one of them.\n\
         With a GDB that does not take error texts the errno is what it shows; `monitor why` tells the rest.\n",
    );
    for code in Code::ALL {
        let entry = code.entry();
        let end = match entry.disposition {
            Disposition::Refuse => "the request is refused",
            Disposition::EndSession => "the session ends, the server listens on",
        };
        write!(
            page,
            "\n## {code} {}\n\n{}\n\n- Remedy: {}.\n- GDB sees errno {} ({:?}); {end}.\n",
            entry.title, entry.meaning, entry.remedy, entry.errno as u8, entry.errno
        )
        .expect("a String takes every text");
    }
    page
}

#[test]
fn errors_md_is_made_from_the_catalogue() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/errors.md");
    if std::env::var_os("UPDATE_GOLDENS").is_some() {
        fs::write(&path, errors_page()).expect("docs/errors.md can be written");
    }
    let written = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        written == errors_page(),
        "docs/errors.md is stale: run `make doc`"
    );
}

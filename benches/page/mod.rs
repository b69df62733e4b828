//! docs/benchmarks.md: each bench writes its own section of it, between two comments, and leaves the others as they are.

use std::{fs, path::PathBuf};

/// Where figures and drawings go that the page shows.
pub fn folder() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/benchmarks"))
}

/// Writes `text` between `<!-- NAME -->` and `<!-- /NAME -->`.
pub fn write_section(name: &str, text: &str) {
    let path = folder().with_extension("md");
    let page = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path:?}: {error}"));
    let (begin, end) = (format!("<!-- {name} -->\n"), format!("<!-- /{name} -->"));
    let (before, rest) = page.split_once(&begin).expect("the section's begin");
    let (_, after) = rest.split_once(&end).expect("the section's end");
    let text = text.trim();
    fs::write(&path, format!("{before}{begin}\n{text}\n\n{end}{after}")).expect("the page");
}

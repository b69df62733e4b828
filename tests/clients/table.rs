//! docs/clients.md: every folder of launch-configs/ has a row, and every row tests that exist.

use std::{fs, path::Path};

use crate::support::repository;

/// All test functions of tests/, by name.
fn tests_in(folder: &Path, found: &mut Vec<String>) {
    for entry in fs::read_dir(folder)
        .expect("a folder")
        .map_while(Result::ok)
    {
        let path = entry.path();
        if path.is_dir() {
            tests_in(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(&path).expect("a source file");
            let functions = text.split("#[test]").skip(1);
            let names = functions.filter_map(|text| text.split("fn ").nth(1)?.split('(').next());
            found.extend(names.map(str::to_owned));
        }
    }
}

/// The words in backticks of a cell.
fn quoted(cell: &str) -> impl Iterator<Item = &str> {
    cell.split('`').skip(1).step_by(2)
}

#[test]
fn every_folder_has_a_row_and_every_row_a_test() {
    let page = fs::read_to_string(repository("docs/clients.md")).expect("the page");
    let mut tests = Vec::new();
    tests_in(&repository("tests"), &mut tests);
    let rows = page.lines().filter(|line| line.starts_with("| ")).skip(1);
    let mut folders = String::new();
    for row in rows {
        let cells: Vec<_> = row.trim_matches('|').split('|').map(str::trim).collect();
        let [_, _, folder, what, names] = cells.as_slice() else {
            panic!("five cells, not: {row}");
        };
        let ways = ["real client", "real adapter", "recorded golden", "schema"];
        assert!(
            ways.iter().any(|way| what.starts_with(way)),
            "what is run? {row}"
        );
        assert!(quoted(names).next().is_some(), "no test: {row}");
        for name in quoted(names) {
            assert!(
                tests.iter().any(|test| test == name),
                "no test is called {name}"
            );
        }
        folders.push_str(folder);
    }
    for entry in fs::read_dir(repository("launch-configs")).expect("a folder") {
        let entry = entry.expect("an entry");
        let name = entry.file_name().to_string_lossy().into_owned();
        assert!(
            folders.contains(&format!("(../launch-configs/{name})")),
            "launch-configs/{name} has no row in docs/clients.md"
        );
        assert!(
            entry.path().join("README.md").exists(),
            "launch-configs/{name} has no README.md"
        );
    }
}

//! The one rule of the house: data flows one way, and a module imports only what stands to its right.

use std::{
    fs,
    path::{Path, PathBuf},
};

/// The order of `src/lib.rs`, left to right. Modules of one group may not import each other.
const ORDER: &[&[&str]] = &[
    &["main"],
    &["cli"],
    &["gdb", "script"],
    &["verbs"],
    &["session"],
    &[
        "stage",
        "flash",
        "breakpoints",
        "rtt",
        "semihosting",
        "threads",
    ],
    &["loader"],
    &["window", "debug_info"],
    &["image", "link"],
    // A register has an address, and an address is a word of the layout.
    &["registers"],
    &["layout"],
    &["fault", "platform"],
];

fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).expect("a source folder") {
        let path = entry.expect("a directory entry").path();
        if path.is_dir() {
            found.extend(rust_files(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    found
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// The top-level module that a file of `src/` belongs to.
fn module_of(file: &Path) -> String {
    let relative = file
        .strip_prefix(root().join("src"))
        .expect("a file of src/");
    let first = relative
        .iter()
        .next()
        .expect("a file name")
        .to_string_lossy()
        .into_owned();
    first.trim_end_matches(".rs").to_owned()
}

fn rank(module: &str) -> Option<usize> {
    ORDER.iter().position(|group| group.contains(&module))
}

/// The names that stand behind `crate::` in a line: `crate::window::X`, `crate::{image, link::Y}` count by first segment.
fn imports(text: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    let mut lines = text.lines().enumerate();
    while let Some((number, line)) = lines.next() {
        if line.trim_start().starts_with("//") {
            continue;
        }
        for prefix in ["crate::", "xspi_gdb::"] {
            for (start, _) in line.match_indices(prefix) {
                let rest = &line[start + prefix.len()..];
                if let Some(group) = rest.strip_prefix('{') {
                    let mut body = group.to_owned();
                    while braces(&body) >= 0 {
                        match lines.next() {
                            Some((_, more)) => body.push_str(more),
                            None => break,
                        }
                    }
                    found.extend(
                        first_segments(&body)
                            .into_iter()
                            .map(|name| (number + 1, name)),
                    );
                } else {
                    found.push((number + 1, leading_name(rest)));
                }
            }
        }
    }
    found
}

/// Open braces less closed ones, where the group's own opening brace is already consumed: negative when it is closed.
fn braces(text: &str) -> i32 {
    text.chars()
        .map(|c| i32::from(c == '{') - i32::from(c == '}'))
        .sum()
}

fn leading_name(text: &str) -> String {
    text.trim_start()
        .chars()
        .take_while(|c| c.is_alphanumeric() || *c == '_')
        .collect()
}

/// First path segments at depth zero of `a::b, c::{d, e}, f}`.
fn first_segments(body: &str) -> Vec<String> {
    let (mut depth, mut names, mut start) = (0, Vec::new(), 0);
    for (index, c) in body.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth > 0 => depth -= 1,
            '}' => {
                names.push(leading_name(&body[start..index]));
                break;
            }
            ',' if depth == 0 => {
                names.push(leading_name(&body[start..index]));
                start = index + 1;
            }
            _ => {}
        }
    }
    names.retain(|name| !name.is_empty());
    names
}

#[test]
fn modules_import_only_what_stands_to_their_right() {
    let mut wrong = Vec::new();
    let mut checked = 0;
    for file in rust_files(&root().join("src")) {
        let module = module_of(&file);
        if module == "lib" {
            continue;
        }
        let from = rank(&module).unwrap_or_else(|| {
            panic!("{module} has no place in the house: add it to ORDER on purpose")
        });
        for (line, name) in imports(&fs::read_to_string(&file).expect("a source file")) {
            let Some(to) = rank(&name) else { continue };
            checked += 1;
            if name != module && to <= from {
                wrong.push(format!(
                    "{}:{line}: {module} imports {name}",
                    file.display()
                ));
            }
        }
    }
    assert!(checked > 0, "the test reads no imports at all");
    assert!(
        wrong.is_empty(),
        "against the order of the house:\n{}",
        wrong.join("\n")
    );
}

#[test]
fn the_virtual_board_shares_nothing_with_the_server() {
    for file in rust_files(&root().join("virtual-board")) {
        let text = fs::read_to_string(&file).expect("a source file");
        assert!(
            !text.contains("xspi_gdb"),
            "{} names the server",
            file.display()
        );
    }
    for file in rust_files(&root().join("src")) {
        let text = fs::read_to_string(&file).expect("a source file");
        for part in [
            "virtual_board::devices",
            "virtual_board::nor",
            "virtual_board::cpu",
        ] {
            assert!(
                !text.contains(part),
                "{} shares {part} with the virtual board",
                file.display()
            );
        }
    }
}

/// What is only Unix's or only Windows' is in one file; a test may try what only one system has.
#[test]
fn one_file_knows_operating_systems() {
    let words = [
        "std::os::",
        "os::unix",
        "os::fd",
        "os::windows",
        "signal::unix",
        "signal::windows",
        "cfg(unix)",
        "cfg(windows)",
        "cfg(not(unix))",
        "target_os",
        "libc::",
        "nix::",
    ];
    let platform = root().join("src/platform.rs");
    let sources = ["src", "virtual-board/src"].map(|folder| rust_files(&root().join(folder)));
    for file in sources
        .into_iter()
        .flatten()
        .filter(|file| *file != platform && !file.ends_with("tests.rs"))
    {
        let text = fs::read_to_string(&file).expect("a source file");
        for word in words {
            assert!(!text.contains(word), "{} knows {word}", file.display());
        }
    }
    let text = fs::read_to_string(platform).expect("a source file");
    assert!(text.contains("cfg(unix)") && text.contains("cfg(windows)"));
}

#[test]
fn imports_are_read_as_rust_reads_them() {
    let text = "use crate::{fault::{Code, Fault},\n    link::Link,\n};\nuse crate::window::Windows;\n// use crate::gdb;\n";
    let names: Vec<String> = imports(text).into_iter().map(|(_, name)| name).collect();
    assert_eq!(names, ["fault", "link", "window"]);
}

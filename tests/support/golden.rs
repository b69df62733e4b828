//! Goldens: recorded contracts with a one-command refresh (`UPDATE_GOLDENS=1`), and no version strings in them.

use std::{fs, path::Path};

/// Compares `actual` with the golden file `tests/NAME`, or writes it when UPDATE_GOLDENS is set.
#[track_caller]
pub fn assert_golden(name: &str, actual: &str) {
    let path = super::repository("tests").join(name);
    if std::env::var_os("UPDATE_GOLDENS").is_some() {
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder).expect("a folder for goldens");
        }
        fs::write(&path, actual).expect("the golden can be written");
        return;
    }
    let expected = fs::read_to_string(&path).unwrap_or_else(|error| {
        panic!(
            "no golden {}: {error}; UPDATE_GOLDENS=1 records it",
            path.display()
        )
    });
    if expected != actual {
        panic!(
            "{} differs (UPDATE_GOLDENS=1 records what is new):\n{}",
            path.display(),
            first_difference(&path, &expected, actual)
        );
    }
}

fn first_difference(path: &Path, expected: &str, actual: &str) -> String {
    let (mut left, mut right) = (expected.lines(), actual.lines());
    for number in 1.. {
        match (left.next(), right.next()) {
            (None, None) => break,
            (a, b) if a == b => {}
            (a, b) => {
                return format!(
                    "{}:{number}\n  golden: {}\n  now:    {}\n--- all of it now ---\n{actual}",
                    path.display(),
                    a.unwrap_or("(end)"),
                    b.unwrap_or("(end)")
                );
            }
        }
    }
    String::from("they differ in line ends only")
}

/// A pattern whose match depends on the run, and what stands for it.
fn replace_numbers_after(text: &str, marker: &str, with: &str) -> String {
    let mut result = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(marker) {
        let after = at + marker.len();
        result.push_str(&rest[..after]);
        let digits = rest[after..].bytes().take_while(u8::is_ascii_digit).count();
        if digits > 0 {
            result.push_str(with);
        }
        rest = &rest[after + digits..];
    }
    result.push_str(rest);
    result
}

/// Takes ports, speeds and the machine's paths out of a transcript.
pub fn normalise(text: &str) -> String {
    let root = env!("CARGO_MANIFEST_DIR");
    let mut text = text
        .split(concat!(env!("CARGO_TARGET_TMPDIR"), "/"))
        .enumerate()
        .map(|(index, part)| match part.split_once('/') {
            // The folder of the test.
            Some((_, file)) if index > 0 => format!("[SCRATCH]/{file}"),
            _ => part.to_owned(),
        })
        .collect::<String>()
        .replace(root, "[ROOT]");
    for (marker, with) in [
        ("127.0.0.1:", "PORT"),
        ("localhost:", "PORT"),
        ("transfer-rate=\"", "RATE"),
        // With debug information.
        ("total-size=\"", "SIZE"),
        ("does not arrive: after ", "WAITED"),
    ] {
        text = replace_numbers_after(&text, marker, with);
    }
    text
}

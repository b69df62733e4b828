//! Faults of a session's steps: no GDB meets them. What the command line shows of each, as text and as JSON, is a golden of its own.

use std::fs;

use serde_json::{Value, json};

use crate::{
    scene::{APPLI, file},
    support::{
        board::{Board, text},
        golden::assert_golden,
    },
};

/// Sessions of one step each behind a `load`, and what is said of that step.
fn scene(code: &str, steps: &[Value]) {
    let board = Board::with_appli(APPLI);
    let written = board.file("session.json");
    let mut shown = String::new();
    for step in steps {
        let session = json!({ "steps": [{ "load": { "file": file(APPLI) } }, step] });
        fs::write(&written, session.to_string()).expect("a file");
        shown += &format!("> {step}\n");
        for json in [None, Some("--json")] {
            let arguments: Vec<&str> = ["session"].into_iter().chain(json).collect();
            let ran = board.run(&[&arguments[..], &[&text(&written)]].concat());
            assert_eq!(ran.status.code(), Some(3), "{}{}", ran.stdout, ran.stderr);
            let step = ran.stdout.lines().skip(1);
            let of_step: Vec<&str> = step
                .take_while(|line| !line.contains("\"end\"") && !line.contains("1 held"))
                .collect();
            assert!(of_step.concat().contains(code), "{of_step:?}");
            shown += &format!("{}\n", of_step.join("\n"));
        }
    }
    assert_golden(&format!("headless/faults/{code}.txt"), &shown);
}

#[test]
fn a_place_that_is_none() {
    scene(
        "XG131",
        &[
            json!({ "read": { "at": "COUNTR" } }),
            json!({ "break": { "at": "main.rs:1" } }),
            json!({ "watch": { "at": "$sp" } }),
            json!({ "expect": { "at": "$r99", "equal": 0 } }),
        ],
    );
}

#[test]
fn a_value_that_does_not_fit_its_type() {
    scene(
        "XG135",
        &[
            json!({ "write": { "at": "COUNTER", "as": "u8", "value": 256 } }),
            json!({ "write": { "at": "$r7", "value": "seven" } }),
            json!({ "read": { "at": "0x24000000", "as": "bytes" } }),
        ],
    );
}

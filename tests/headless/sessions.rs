//! Headless sessions, as a CI job runs them: what they print, how they exit, and what they leave behind.

use std::{
    io::{BufRead, BufReader},
    path::PathBuf,
    process::{Command, Stdio},
};

use jsonschema::Validator;
use serde_json::{Value, json};

use crate::support::{
    board::{Board, text},
    firmware, repository,
    server::{Ran, xspi_gdb},
};

/// A published schema.
fn schema(name: &str) -> Validator {
    let file = repository("docs").join(name);
    let text = std::fs::read_to_string(file).expect("a published schema");
    let schema = serde_json::from_str(&text).expect("JSON");
    jsonschema::validator_for(&schema).expect("a schema")
}

/// Writes a session beside the board. What is no session for the published schema must be none for the program either, and the
/// other way round.
#[track_caller]
fn written(board: &Board, session: &Value) -> PathBuf {
    let file = board.file("session.json");
    std::fs::write(&file, session.to_string()).expect("a file");
    file
}

/// Runs a session that the schema allows; each line must be as the schema of the lines says.
#[track_caller]
fn played(board: &Board, session: &Value) -> (Ran, Vec<Value>) {
    let errors: Vec<String> = schema("session.schema.json")
        .iter_errors(session)
        .map(|error| format!("{}: {error}", error.instance_path()))
        .collect();
    assert!(errors.is_empty(), "{errors:?}");
    let file = written(board, session);
    let ran = board.run(&["session", "--json", &text(&file)]);
    let allowed = schema("session-lines.schema.json");
    let lines: Vec<Value> = ran
        .stdout
        .lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}")))
        .collect();
    for line in &lines {
        if let Err(error) = allowed.validate(line) {
            panic!("{error}: {line}");
        }
    }
    (ran, lines)
}

/// Outcomes in the order of the steps.
fn outcomes(lines: &[Value]) -> Vec<&str> {
    lines
        .iter()
        .filter(|line| line["event"] == "step")
        .filter_map(|line| line["outcome"].as_str())
        .collect()
}

fn appli() -> String {
    text(&firmware("appli.elf"))
}

/// Wish: a CI job flashes, runs to a breakpoint and checks a variable, and its exit code tells.
#[test]
fn a_session_loads_breaks_and_checks_variables_and_registers() {
    let board = Board::booted();
    let session = json!({
        "name": "smoke",
        "steps": [
            { "load": { "file": appli() } },
            { "break": { "at": "work" }, "name": "the first round" },
            { "continue": { "stop": "breakpoint" } },
            { "expect": { "stop": "breakpoint", "function": "work", "pc": "work" } },
            { "expect": { "at": "COUNTER", "equal": 0 } },
            { "continue": {} },
            { "read": { "at": "COUNTER" } },
            { "expect": { "equal": 1, "at-least": 1, "at-most": "0x1", "differs": 2 } },
            { "expect": { "at": "FPU_SUM", "as": "f64", "equal": 1.2, "within": 0.3 } },
            { "expect": { "at": "$pc", "at-least": "0x70000000" } },
            { "delete": { "at": "work" } },
            { "break": { "at": "appli/src/main.rs:108" } },
            { "continue": {} },
            { "expect": { "function": "main", "line": "main.rs:108" } },
            { "watch": { "at": "WATCH_TARGET", "on": "write" } },
            { "delete": {} },
            { "write": { "at": "WATCH_TARGET", "as": "u8", "value": [1, 2, 3, 4] } },
            { "expect": { "at": "WATCH_TARGET", "equal": "0x04030201" } },
            { "expect": { "at": "WATCH_TARGET", "as": "bytes", "equal": "01 02 03 04" } },
            { "expect": { "at": "WATCH_TARGET+2", "as": "u16", "equal": 0x0403 } },
            { "write": { "at": "$r7", "value": "0x1234" } },
            { "expect": { "at": "$r7", "equal": 0x1234 } },
            { "registers": { "floating-point": true } },
            { "step": { "count": 3 } },
            { "expect": { "stop": "step" } },
            { "monitor": { "command": "window" } },
            { "expect": { "contains": "nor at 0x70000000: open" } },
            { "reset": { "to": "boot" } },
            { "arm": {} },
            { "resume": {} },
            { "wait": { "for-ms": 150 } },
            { "halt": {} },
            { "expect": { "at": "TICKS", "at-least": 100 } },
            { "expect": { "at": "appli::timers::LAST_ROUND", "differs": "0xFFFFFFFF" } },
            { "flash": { "files": [appli()] } },
        ],
        "finally": [{ "reset": { "to": "run" } }],
    });
    let (ran, lines) = played(&board, &session);
    assert_eq!(ran.status.code(), Some(0), "{}{}", ran.stdout, ran.stderr);
    assert!(outcomes(&lines).iter().all(|outcome| *outcome == "held"));
    assert_eq!(lines[1]["name"], "the first round");
    assert_eq!(lines[2]["value"]["function"], "work");
    assert_eq!(lines[22]["value"]["r7"], "0x00001234");
    assert_eq!(lines[22]["value"]["d0"].as_str().map(str::len), Some(18));
    let last = lines.last().expect("a line at the end");
    assert_eq!(last["event"], "end");
    assert_eq!(last["outcome"], "held");
    // The target's time: the same on every run, however busy the machine is.
    let (_, again) = played(&board, &session);
    assert_eq!(lines[3..34], again[3..34]);
}

#[test]
fn an_expectation_that_fails_skips_the_rest_and_runs_what_is_to_be_done_finally() {
    let board = Board::with_appli("appli.elf");
    let session = json!({
        "steps": [
            { "load": { "file": appli() } },
            { "expect": { "at": "COUNTER", "equal": 7 } },
            { "step": {} },
        ],
        "finally": [{ "expect": { "at": "COUNTER", "equal": 8 } }, { "halt": {} }],
    });
    let (ran, lines) = played(&board, &session);
    assert_eq!(ran.status.code(), Some(1), "{}", ran.stdout);
    assert_eq!(
        outcomes(&lines),
        ["held", "failed", "skipped", "failed", "held"]
    );
    let fault = &lines[1]["fault"];
    assert_eq!(fault["code"], "XG132");
    assert_eq!(fault["headline"], "COUNTER is 0, and should be 7");
    assert_eq!(lines[3]["finally"], true);
}

#[test]
fn a_fault_and_a_timeout_have_exit_codes_of_their_own() {
    let (ran, lines) = played(&Board::blank(), &json!({ "steps": [{ "arm": {} }] }));
    assert_eq!(ran.status.code(), Some(3), "{}", ran.stdout);
    assert_eq!(lines[0]["fault"]["code"], "XG020");

    let board = Board::with_appli("appli.elf");
    let session = json!({ "steps": [
        { "load": { "file": appli() } },
        { "continue": { "timeout-ms": 50 } },
        { "halt": {} },
    ] });
    let (ran, lines) = played(&board, &session);
    assert_eq!(ran.status.code(), Some(4), "{}", ran.stdout);
    assert_eq!(outcomes(&lines), ["held", "timeout", "skipped"]);
    let headline = lines[1]["fault"]["headline"].as_str().unwrap_or_default();
    assert!(
        headline.starts_with("the core did not stop within 50ms; it was halted at 0x7000"),
        "{headline}"
    );
    let took = lines[1]["duration-ms"].as_f64().unwrap_or_default();
    assert!(
        (50.0..60.0).contains(&took),
        "{took} ms of the target's time"
    );
}

/// A fault of the program ends the session, unless it is what the session is about.
#[test]
fn a_hard_fault_of_the_program_is_a_fault_or_what_was_expected() {
    let board = Board::with_appli("appli.elf");
    let crash = |stop: Value| {
        json!({ "steps": [
            { "load": { "file": appli() } },
            // An address that is none.
            { "write": { "at": "$pc", "value": "0xF0000000" } },
            { "continue": stop },
        ] })
    };
    let (ran, lines) = played(&board, &crash(json!({})));
    assert_eq!(ran.status.code(), Some(3), "{}", ran.stdout);
    let code = lines[2]["fault"]["code"].as_str().unwrap_or_default();
    assert!(code.starts_with("XG08"), "{code}");
    let (ran, _) = played(&board, &crash(json!({ "stop": "fault" })));
    assert_eq!(ran.status.code(), Some(0), "{}", ran.stdout);
    let (ran, lines) = played(&board, &crash(json!({ "stop": "breakpoint" })));
    assert_eq!(ran.status.code(), Some(3), "{}", lines[2]);
}

/// Schema and program refuse the same, and nothing is done to the target.
#[test]
fn what_is_no_session_touches_nothing() {
    let allowed = schema("session.schema.json");
    for (session, place) in [
        (
            json!({ "steps": [{ "brake": {} }] }),
            "there is no step `brake`",
        ),
        (
            json!({ "steps": [{ "break": { "att": "main" } }] }),
            "unknown field `att`",
        ),
        (json!({ "steps": [{ "break": {} }] }), "missing field `at`"),
        (json!({ "steps": [{}] }), "a step without a word"),
        (
            json!({ "steps": [{ "arm": {}, "halt": {} }] }),
            "a step of its own",
        ),
        (
            json!({ "steps": [{ "arm": { "reset-nor": 1 } }] }),
            "expected a boolean",
        ),
        (
            json!({ "steps": [{ "wait": { "for-ms": 1, "stop-within-ms": 1 } }] }),
            "line 1 column",
        ),
        (json!({ "stops": [] }), "unknown field `stops`"),
        (json!({}), "missing field `steps`"),
    ] {
        assert!(!allowed.is_valid(&session), "the schema allows {session}");
        let board = Board::blank();
        let file = written(&board, &session);
        let ran = board.run(&["session", &text(&file)]);
        assert_eq!(ran.status.code(), Some(2), "{session}: {}", ran.stderr);
        assert!(
            ran.stderr.contains("XG130") && ran.stderr.contains(place),
            "{}",
            ran.stderr
        );
        assert!(!board.state().exists(), "the board was looked at");
    }
    let board = Board::blank();
    let nothing_to_load = written(&board, &json!({ "steps": [{ "load": {} }] }));
    let ran = board.run(&["session", &text(&nothing_to_load)]);
    assert_eq!(ran.status.code(), Some(2), "{}", ran.stderr);
}

/// What the program says is heard while other steps wait, and taken up to what was expected.
#[test]
fn rtt_is_heard_while_the_session_waits() {
    let board = Board::booted();
    let talk = text(&firmware("talk.elf"));
    let session = json!({ "steps": [
        { "load": { "file": talk } },
        { "continue": { "timeout-ms": 250 }, "name": "it never stops" },
    ], "finally": [
        { "resume": {} },
        { "rtt-expect": { "pattern": "(?i)word [0-9]+" } },
        { "rtt-expect": { "pattern": "no such thing", "timeout-ms": 300 } },
        { "rtt-expect": { "pattern": ".", "channel": 1 } },
        { "halt": {} },
        { "rtt-expect": { "pattern": "no such thing" } },
    ] });
    let (ran, lines) = played(&board, &session);
    assert_eq!(ran.status.code(), Some(4), "{}", ran.stdout);
    assert_eq!(
        outcomes(&lines),
        [
            "held", "timeout", "held", "held", "timeout", "held", "held", "timeout"
        ],
        "{}",
        ran.stdout
    );
    let headline = |line: &Value| line["fault"]["headline"].as_str().map(str::to_owned);
    let silent = headline(&lines[4]).unwrap_or_default();
    assert!(
        silent.contains("matches `no such thing`: 300ms have passed, and the last line is"),
        "{silent}"
    );
    let halted = headline(&lines[7]).unwrap_or_default();
    assert!(halted.contains("the core is halted"), "{halted}");
}

#[test]
fn a_program_that_is_told_to_end_ends_with_its_code() {
    let board = Board::booted();
    let session = json!({ "steps": [
        { "load": { "file": text(&firmware("talk.elf")) } },
        { "resume": {} },
        { "rtt-expect": { "pattern": "talk is here" } },
        { "rtt-write": { "text": "exit 3\n" } },
        { "rtt-expect": { "pattern": "heard: exit 3" } },
        { "wait": { "stop-within-ms": 1000 } },
        { "expect": { "stop": "exit", "exit-code": 3 } },
        { "expect": { "exit-code": 0 } },
    ] });
    let (ran, lines) = played(&board, &session);
    assert_eq!(ran.status.code(), Some(1), "{}", ran.stdout);
    assert_eq!(lines[5]["value"]["exit-code"], 3);
    assert_eq!(lines[6]["outcome"], "held");
    let headline = &lines[7]["fault"]["headline"];
    assert_eq!(headline, "the program's exit code is 3, and should be 0");
}

#[test]
fn defmt_is_decoded_for_an_expectation() {
    let board = Board::with_appli("appli.elf");
    let session = json!({ "steps": [
        { "load": { "file": appli() } },
        { "resume": {} },
        { "rtt-expect": { "pattern": "INFO.*runs in place" } },
    ] });
    let (ran, lines) = played(&board, &session);
    assert_eq!(ran.status.code(), Some(0), "{}", ran.stdout);
    assert_eq!(lines[2]["step"], "rtt-expect");
}

#[test]
fn a_signal_ends_the_step_under_way_and_then_the_session() {
    let board = Board::with_appli("appli.elf");
    let session = json!({
        "steps": [
            { "load": { "file": appli() } },
            { "continue": { "timeout-ms": 1_000_000_000 } },
            { "halt": {} },
        ],
        "finally": [{ "read": { "at": "TICKS" } }],
    });
    for signal in ["INT", "TERM"] {
        let file = text(&written(&board, &session));
        let mut command = xspi_gdb(&["session", "--json", &file], Some(&board.state()));
        let mut child = command.stdout(Stdio::piped()).spawn().expect("it starts");
        let mut lines = BufReader::new(child.stdout.take().expect("piped")).lines();
        let mut next = || -> Value {
            let line = lines.next().expect("a line").expect("text");
            serde_json::from_str(&line).expect("JSON")
        };
        assert_eq!(next()["step"], "load");
        let kill = Command::new("kill")
            .args([&format!("-{signal}"), &child.id().to_string()])
            .status();
        assert!(kill.expect("kill runs").success());
        let interrupted = next();
        assert_eq!(interrupted["outcome"], "interrupted", "{interrupted}");
        assert_eq!(interrupted["fault"]["code"], "XG134");
        assert_eq!(next()["outcome"], "skipped");
        assert_eq!(next()["outcome"], "held", "what is to be done finally");
        assert_eq!(next()["exit-code"], 130);
        assert_eq!(child.wait().expect("it ends").code(), Some(130));
    }
}

#[test]
fn junit_has_a_case_a_step_with_the_words_of_its_fault() {
    let board = Board::with_appli("appli.elf");
    let session = json!({ "name": "rack 3", "steps": [
        { "load": { "file": appli() } },
        { "expect": { "at": "COUNTER", "equal": 7 }, "name": "seven rounds" },
        { "halt": {} },
    ] });
    let (file, report) = (written(&board, &session), board.file("report.xml"));
    let ran = board.run(&["session", &text(&file), "--junit", &text(&report)]);
    assert_eq!(ran.status.code(), Some(1), "{}", ran.stdout);
    let report = std::fs::read_to_string(report).expect("a report");
    let report = roxmltree::Document::parse(&report).expect("XML");
    let case = |name: &str| {
        report
            .descendants()
            .find(|node| {
                node.attribute("name")
                    .is_some_and(|found| found.ends_with(name))
            })
            .unwrap_or_else(|| panic!("no `{name}`"))
    };
    assert_eq!(case("rack 3").attribute("failures"), Some("1"));
    assert_eq!(case("rack 3").attribute("tests"), Some("3"));
    let failure = case("seven rounds")
        .first_element_child()
        .expect("a failure");
    assert!(failure.has_tag_name("failure"));
    assert_eq!(
        failure.attribute("message"),
        Some("COUNTER is 0, and should be 7")
    );
    assert_eq!(failure.attribute("type"), Some("XG132"));

    // Also when there was no session at all.
    let missing = board.file("missing.xml");
    let ran = board.run(&[
        "session",
        &text(&file),
        "--board",
        "none",
        "--junit",
        &text(&missing),
    ]);
    assert_eq!(ran.status.code(), Some(3), "{}", ran.stdout);
    let report = std::fs::read_to_string(missing).expect("a report");
    let report = roxmltree::Document::parse(&report).expect("XML");
    let error = report.descendants().find(|node| node.has_tag_name("error"));
    assert_eq!(
        error.and_then(|error| error.attribute("type")),
        Some("XG070")
    );
}

#[test]
fn people_read_words() {
    let board = Board::with_appli("appli.elf");
    let session = json!({ "name": "smoke", "steps": [
        { "load": { "file": appli() } },
        { "break": { "at": "work" } },
        { "continue": {} },
        { "expect": { "at": "COUNTER", "equal": 3 } },
    ] });
    let file = written(&board, &session);
    let ran = board.run(&["session", &text(&file)]);
    for words in [
        "  2 held ",
        " break: 0x7000",
        " work (work.rs:",
        " continue: breakpoint at 0x7000",
        "  4 FAILED ",
        "XG132: COUNTER is 0, and should be 3",
        "smoke FAILED: 3 held, 1 failed, 0 skipped",
    ] {
        assert!(
            ran.stdout.contains(words),
            "no `{words}` in\n{}",
            ran.stdout
        );
    }
}

//! The CI job of launch-configs/ci, command by command as its file has them.

use std::{fs, path::Path, process::Command};

use serde_json::Value;

use crate::support::{
    firmware, repository,
    server::{Ran, Scratch, ran},
};

/// What a job's commands begin with when they are about us.
const OURS: &str = "xspi-gdb ";

/// The commands of the job that are ours, in their order.
fn commands(workflow: &Value) -> Vec<&str> {
    let steps = workflow["jobs"]["board"]["steps"]
        .as_array()
        .expect("steps");
    let commands: Vec<&str> = steps
        .iter()
        .filter_map(|step| step["run"].as_str())
        .filter(|command| command.starts_with(OURS))
        .collect();
    assert!(commands.len() >= 2, "the job does little: {commands:?}");
    commands
}

/// Runs a command as the runner does: `shell: bash` is this line.
fn as_the_runner(command: &str, folder: &Path, environment: &Value) -> Ran {
    let binary = Path::new(env!("CARGO_BIN_EXE_xspi-gdb"));
    let tools = binary.parent().expect("a folder");
    let path = std::env::var("PATH").unwrap_or_default();
    let mut shell = Command::new("bash");
    shell
        .args(["--noprofile", "--norc", "-eo", "pipefail", "-c", command])
        .current_dir(folder)
        .env("PATH", format!("{}:{path}", tools.display()));
    for (name, value) in environment.as_object().expect("the job's environment") {
        shell.env(name, value.as_str().expect("text"));
    }
    ran(shell)
}

#[test]
fn the_ci_job_does_what_its_file_says() {
    let folder = Scratch::new();
    let example = repository("launch-configs/ci");
    let text = fs::read_to_string(example.join("firmware.yml")).expect("the workflow");
    let workflow: Value = yaml_serde::from_str(&text).expect("YAML");
    assert_eq!(
        workflow["defaults"]["run"]["shell"], "bash",
        "a pipe's failure is the step's"
    );
    let root = folder.file("");
    fs::copy(example.join("smoke.json"), root.join("smoke.json")).expect("the session");
    let environment = &workflow["jobs"]["board"]["env"];
    for (name, elf) in [("BOOT", "boot.elf"), ("APPLI", "appli.elf")] {
        let place = root.join(environment[name].as_str().expect("a file"));
        fs::create_dir_all(place.parent().expect("a folder")).expect("a folder");
        fs::copy(firmware(elf), place).expect("what the project builds");
    }
    for command in commands(&workflow) {
        let ran = as_the_runner(command, &root, environment);
        assert!(
            ran.status.success(),
            "{command}\n{}{}",
            ran.stdout,
            ran.stderr
        );
    }
    let report = fs::read_to_string(root.join("report.xml")).expect("the report");
    let report = roxmltree::Document::parse(&report).expect("XML");
    let suite = report
        .descendants()
        .find(|node| node.has_tag_name("testsuite"));
    assert_eq!(
        suite.and_then(|suite| suite.attribute("failures")),
        Some("0")
    );
    let lines = fs::read_to_string(root.join("session.jsonl")).expect("the lines");
    assert!(
        lines.contains("runs in place"),
        "what the program said is kept: {lines}"
    );
}

/// A failing session fails the job's step, although its output goes through a pipe.
#[test]
fn a_failing_session_fails_the_step_of_the_job() {
    let folder = Scratch::new();
    let root = folder.file("");
    let text =
        fs::read_to_string(repository("launch-configs/ci/firmware.yml")).expect("the workflow");
    let workflow: Value = yaml_serde::from_str(&text).expect("YAML");
    let environment = &workflow["jobs"]["board"]["env"];
    let all = commands(&workflow);
    let session = all
        .iter()
        .find(|command| command.starts_with("xspi-gdb session"));
    let session = session.expect("a session");
    fs::write(root.join("smoke.json"), r#"{"steps": [{"arm": {}}]}"#).expect("a session");
    let elf = root.join(environment["APPLI"].as_str().expect("a file"));
    fs::create_dir_all(elf.parent().expect("a folder")).expect("a folder");
    fs::copy(firmware("appli.elf"), elf).expect("what the project builds");
    let ran = as_the_runner(session, &root, environment);
    assert_eq!(ran.status.code(), Some(3), "{}{}", ran.stdout, ran.stderr);
}

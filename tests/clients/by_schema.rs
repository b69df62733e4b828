//! Clients that cannot run here: their configurations are checked against what the client reads, and what they tell GDB and the server
//! is done by a real GDB and the real server.

use std::{
    io::{BufRead as _, BufReader},
    process::{Child, Stdio},
};

use serde_json::Value;

use crate::{
    project::Project,
    support::{board::Board, firmware, gdb::Gdb},
};

/// Whether a value is of the type that is read.
type Fits = fn(&Value) -> bool;

/// What Microsoft's C/C++ extension reads of a `cppdbg` launch (OptionsSchema.json), as far as we use it, and of what type.
const CPPDBG: [(&str, Fits); 17] = [
    ("name", Value::is_string),
    ("type", Value::is_string),
    ("request", Value::is_string),
    ("cwd", Value::is_string),
    ("program", Value::is_string),
    ("MIMode", Value::is_string),
    ("miDebuggerPath", Value::is_string),
    ("miDebuggerServerAddress", Value::is_string),
    ("debugServerPath", Value::is_string),
    ("debugServerArgs", Value::is_string),
    ("serverStarted", Value::is_string),
    ("filterStdout", Value::is_boolean),
    ("filterStderr", Value::is_boolean),
    ("postRemoteConnectCommands", Value::is_array),
    ("setupCommands", Value::is_array),
    ("hardwareBreakpoints", Value::is_object),
    ("externalConsole", Value::is_boolean),
];

/// Starts `program` with `arguments`, on any free port instead of 3333, and waits for a line that holds `ready`.
fn started(project: &Project, program: &str, arguments: &str, ready: &str) -> (Child, u16) {
    let arguments = arguments
        .split_whitespace()
        .map(|word| word.replace("3333", "0"));
    let mut server = project
        .command(program)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("the server starts");
    let lines = BufReader::new(server.stdout.take().expect("piped")).lines();
    let line = lines
        .map_while(Result::ok)
        .find(|line| line.contains(ready));
    let port = line
        .as_deref()
        .and_then(|line| line.rsplit(':').next()?.parse().ok());
    (
        server,
        port.unwrap_or_else(|| panic!("no port in {line:?}")),
    )
}

/// Ends it as the IDEs do at the end of a session.
fn killed(mut server: Child) {
    server.kill().expect("it can be killed");
    server.wait().expect("it ends");
}

#[test]
fn cppdbg_has_what_the_extension_reads() {
    let board = Board::booted();
    cppdbg_debugs(&Project::of("vscode-cppdbg", &board));
}

#[test]
fn cppdbg_has_what_init_writes() {
    let board = Board::booted();
    cppdbg_debugs(&Project::initialised("cppdbg", &board));
}

fn cppdbg_debugs(project: &Project) {
    let configuration = project.configuration("Launch");
    for (key, value) in configuration.as_object().expect("an object") {
        let known = CPPDBG.iter().find(|(name, _)| name == key);
        assert!(
            known.is_some_and(|(_, fits)| fits(value)),
            "{key} is nothing that cppdbg reads"
        );
    }
    let text = |key: &str| {
        configuration[key]
            .as_str()
            .unwrap_or_else(|| panic!("no {key}"))
    };
    assert_eq!((text("type"), text("MIMode")), ("cppdbg", "gdb"));
    assert_eq!(text("miDebuggerServerAddress"), "localhost:3333");
    let (server, port) = started(
        project,
        text("debugServerPath"),
        text("debugServerArgs"),
        text("serverStarted"),
    );
    let mut gdb = Gdb::start(Some(&firmware("appli.elf")));
    gdb.ok(&format!("-target-select remote localhost:{port}"));
    for command in configuration["postRemoteConnectCommands"]
        .as_array()
        .expect("a list")
    {
        gdb.ok(command["text"].as_str().expect("a command"));
    }
    let stop = gdb.stopped("-exec-continue");
    assert_eq!(stop.function(), "main", "{}", stop.record);
    killed(server);
}

#[test]
fn clion_has_what_the_ide_reads() {
    let board = Board::booted();
    let project = Project::of("clion", &board);
    clion_debugs(&project, "xspi-gdb.run.xml", ["appli", "appli"]);
}

#[test]
fn clion_has_what_init_writes() {
    let board = Board::booted();
    let project = Project::initialised("clion", &board);
    clion_debugs(&project, ".run/xspi-gdb.run.xml", ["blinky", "appli"]);
}

/// `names` are the project's and the target's.
fn clion_debugs(project: &Project, file: &str, names: [&str; 2]) {
    let text = project
        .text(file)
        .replace("$PROJECT_DIR$", &project.file("").to_string_lossy());
    let document = roxmltree::Document::parse(&text).unwrap_or_else(|error| panic!("{error}"));
    let element = |name: &str| {
        let found = document.descendants().find(|node| node.has_tag_name(name));
        found.unwrap_or_else(|| panic!("no {name}"))
    };
    let attribute = |name: &str, of: &str| {
        let value = element(of).attribute(name);
        value
            .unwrap_or_else(|| panic!("no {name} of {of}"))
            .to_owned()
    };
    assert_eq!(
        document.root_element().attribute("name"),
        Some("ProjectRunConfigurationManager")
    );
    for (attributes, name) in [
        (["PROJECT_NAME", "RUN_TARGET_PROJECT_NAME"], names[0]),
        (["TARGET_NAME", "RUN_TARGET_NAME"], names[1]),
    ] {
        assert_eq!(
            attributes.map(|one| attribute(one, "configuration")),
            [name; 2]
        );
    }
    assert_eq!(
        attribute("type", "configuration"),
        "com.jetbrains.cidr.embedded.customgdbserver.type"
    );
    assert_eq!(
        attribute("factoryName", "configuration"),
        "com.jetbrains.cidr.embedded.customgdbserver.factory"
    );
    assert!(
        ["ALWAYS", "UPDATED_ONLY", "NONE"]
            .contains(&attribute("download-type", "custom-gdb-server").as_str())
    );
    assert_eq!(
        attribute("gdb-connect", "custom-gdb-server"),
        "localhost:3333"
    );
    let program = attribute("executable", "custom-gdb-server");
    let arguments = attribute("PROGRAM_PARAMS", "configuration");
    let (server, port) = started(project, &program, &arguments, "Listening for GDB on");
    let mut gdb = Gdb::start(Some(&firmware("appli.elf")));
    gdb.cli(&format!("target remote localhost:{port}"));
    gdb.cli("load");
    assert_eq!(
        attribute("reset-after-download", "custom-gdb-server"),
        "true"
    );
    gdb.cli(&attribute("reset-cmd", "custom-gdb-server"));
    gdb.run_to("main");
    killed(server);
}

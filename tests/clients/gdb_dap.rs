//! `gdb -i=dap`: GDB is its own debug adapter. Zed and nvim-dap use it; both configurations are run as they are, with GDB 18.

use serde_json::{Value, json};

use crate::{
    dap::{Adapter, function},
    project::{Project, line_of, source},
    support::{board::Board, debugger::Debugger, repository, server::Server},
};

/// The appli's round of work.
const WORK: &str = "firmware/appli/src/work.rs";

/// What the editor adds to a configuration to find its adapter; no argument of the adapter's.
const FOR_THE_EDITOR: [&str; 4] = ["label", "name", "adapter", "type"];

/// Attaches to `server` as `configuration` says, and loads, breaks and steps as somebody does who types the commands of GDB.
fn a_session(project: &Project, options: &[String], mut configuration: Value, server: &Server) {
    let mut command = project.command(&Debugger::Recent.program());
    // Where the sources of the shipped appli are: what `init` writes is for a project that has its own.
    let sources = format!("--directory={}", repository("").display());
    command.arg("--nx").args(options).arg(sources);
    let mut adapter = Adapter::start(command);
    adapter.request(
        "initialize",
        json!({ "adapterID": "gdb", "linesStartAt1": true }),
    );
    let arguments = configuration.as_object_mut().expect("an object");
    assert_eq!(arguments.remove("request"), Some(json!("attach")));
    arguments.retain(|key, _| !FOR_THE_EDITOR.contains(&key.as_str()));
    arguments.insert(
        "target".to_owned(),
        json!(format!("localhost:{}", server.port)),
    );
    let attach = adapter.send("attach", configuration);
    adapter.event("initialized");
    let line = line_of(WORK, "    blink(round);");
    adapter.breakpoints(&source(WORK), &[line]);
    adapter.request("configurationDone", json!({}));
    assert_eq!(adapter.response(attach)["success"], true);
    let mut stop = adapter.stopped();
    for command in [
        "monitor reset halt",
        "load",
        "maintenance flush register-cache",
        "tbreak main",
    ] {
        let typed = json!({ "expression": command, "context": "repl" });
        adapter.request("evaluate", typed);
    }
    for place in ["main", "work"] {
        adapter.request("continue", json!({ "threadId": stop.thread }));
        stop = adapter.stopped();
        assert_eq!(function(&adapter.frames(stop.thread)[0]), place);
    }
    let frame = adapter.frames(stop.thread)[0]["id"].clone();
    assert_eq!(adapter.variable(&frame, "round"), "0");
    adapter.request("next", json!({ "threadId": stop.thread }));
    adapter.stopped();
    assert_eq!(function(&adapter.frames(stop.thread)[0]), "work");
    adapter.request("disconnect", json!({}));
}

/// Runs `configuration` of `project` with a server that runs already; the server outlives the session.
fn with_a_server(board: &Board, project: &Project, options: &[String], configuration: Value) {
    let settings = project.file("xspi-gdb.toml");
    let server = board.serve(&["--config", &settings.to_string_lossy()]);
    a_session(project, options, configuration, &server);
    assert!(server.stop().success());
}

#[test]
fn zed_debugs_by_gdb_itself() {
    let board = Board::booted();
    zed_debugs(&board, &Project::of("zed", &board));
}

#[test]
fn zed_debugs_by_what_init_writes() {
    let board = Board::booted();
    zed_debugs(&board, &Project::initialised("zed", &board));
}

fn zed_debugs(board: &Board, project: &Project) {
    let configuration = project.json(".zed/debug.json")[0].take();
    assert_eq!(configuration["adapter"], "GDB");
    let settings = project.json(".zed/settings.json");
    let options = settings["dap"]["GDB"]["args"].as_array().expect("a list");
    let options = options.iter().filter_map(Value::as_str).map(str::to_owned);
    with_a_server(board, project, &options.collect::<Vec<_>>(), configuration);
}

#[test]
fn nvim_dap_debugs_by_gdb_itself() {
    let board = Board::booted();
    nvim_dap_debugs(&board, &Project::of("nvim-dap", &board));
}

#[test]
fn nvim_dap_debugs_by_what_init_writes() {
    let board = Board::booted();
    nvim_dap_debugs(&board, &Project::initialised("nvim-dap", &board));
}

/// By the table of xspi-gdb.lua that nvim-dap gives to the adapter.
fn nvim_dap_debugs(board: &Board, project: &Project) {
    let lua = project.text("xspi-gdb.lua");
    let (_, options) = lua.split_once("args = {").expect("options of GDB");
    let (options, _) = options.split_once('}').expect("their end");
    let options = options
        .split(',')
        .map(|option| option.trim().trim_matches('"').to_owned());
    let (_, table) = lua.split_once("local attach = {").expect("a table");
    let (table, _) = table.split_once('}').expect("its end");
    let fields = table.lines().filter_map(|line| {
        let (name, value) = line.trim().trim_end_matches(',').split_once(" = ")?;
        Some((name.to_owned(), json!(value.trim_matches('"'))))
    });
    let configuration = Value::Object(fields.collect());
    with_a_server(board, project, &options.collect::<Vec<_>>(), configuration);
}

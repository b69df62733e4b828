//! RTT beside cortex-debug, where that shows none by itself: the recipe of docs/clients.md, whose options stand behind those of the launch
//! configuration and of the task.

use std::{
    io::{BufRead as _, BufReader, Read as _},
    net::TcpStream,
    process::Stdio,
};

use crate::{
    project::Project,
    support::{board::Board, firmware, gdb::Gdb, repository, server::PATIENCE},
};

/// What is added.
const RECIPE: [&str; 2] = ["--rtt-port", "19021"];

/// Starts `xspi-gdb ARGUMENTS` as the editor does, on free ports, and reads channel 0 while GDB lets the program run.
fn is_read(project: &Project, arguments: &[&str], ready: &str) {
    let mut server = project
        .command("xspi-gdb")
        .args(arguments)
        .args([RECIPE[0], "0"])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the server starts");
    let port = |line: String, words: &str| -> u16 {
        let port = line
            .split(words)
            .nth(1)
            .and_then(|rest| rest.trim().parse().ok());
        port.unwrap_or_else(|| panic!("no port in `{line}`"))
    };
    let line_with = |lines: &mut dyn Iterator<Item = std::io::Result<String>>, words: &str| {
        let mut lines = lines.map_while(Result::ok);
        lines.find(|line| line.contains(words)).expect("a line")
    };
    let mut told = BufReader::new(server.stdout.take().expect("piped")).lines();
    let mut logged = BufReader::new(server.stderr.take().expect("piped")).lines();
    let gdb_port = port(line_with(&mut told, ready), ready);
    let rtt = "RTT channel 0 on 127.0.0.1:";
    let rtt_port = port(line_with(&mut logged, rtt), rtt);
    let mut reader = TcpStream::connect(("127.0.0.1", rtt_port)).expect("an RTT port");
    reader.set_read_timeout(Some(PATIENCE)).expect("a socket");
    let mut gdb = Gdb::connect(Some(&firmware("appli.elf")), gdb_port);
    gdb.monitor("reset halt");
    gdb.flush_registers();
    gdb.ok("-exec-continue");
    let mut bytes = [0; 16];
    reader
        .read_exact(&mut bytes)
        .expect("what the program says");
    gdb.stopped("-exec-interrupt");
    drop(gdb);
    server.kill().expect("it can be killed");
    server.wait().expect("it ends");
}

#[test]
fn rtt_is_read_beside_every_configuration_of_cortex_debug() {
    let page = std::fs::read_to_string(repository("docs/clients.md")).expect("the page");
    let recipe = format!("\"{}\", \"{}\"", RECIPE[0], RECIPE[1]);
    assert!(
        page.contains(&format!("\"serverArgs\": [{recipe}]")),
        "{recipe}"
    );
    assert!(
        page.contains(&format!("add `{recipe}` to its `args`")),
        "{recipe}"
    );

    let board = Board::with_appli("appli.elf");
    let project = Project::of("vscode-cortex-debug", &board);
    // As cortex-debug starts pyOCD, `serverArgs` behind its own.
    let ready = "GDB server listening on port ";
    is_read(
        &project,
        &["gdbserver", "--port", "0", "--telnet-port", "50001"],
        ready,
    );

    board.wait_until_free();
    let tasks = project.json(".vscode/tasks.json");
    let arguments = tasks["tasks"][0]["args"].as_array().expect("a list");
    let arguments: Vec<&str> = arguments.iter().filter_map(|one| one.as_str()).collect();
    let on_a_free_port: Vec<&str> = arguments
        .into_iter()
        .map(|word| if word == "3333" { "0" } else { word })
        .collect();
    is_read(&project, &on_a_free_port, "Listening for GDB on 127.0.0.1:");
}

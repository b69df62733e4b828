//! Eclipse CDT's "GDB Hardware Debugging", which STM32CubeIDE has too: launch-configs/eclipse.
//!
//! Eclipse is no program for a test. Its launch configuration is read as Eclipse reads it, and what Eclipse sends for it is sent, in
//! its order, by a real GDB.

use std::collections::BTreeMap;

use crate::{
    project::Project,
    support::{
        board::{Board, nor_image},
        firmware,
        gdb::Gdb,
    },
};

/// Before the names of the plug-in's own attributes.
const JTAG: &str = "org.eclipse.cdt.debug.gdbjtag.core.";

/// The attributes that "GDB Hardware Debugging" has, and their types.
const KNOWN: [(&str, &[&str]); 3] = [
    (
        "booleanAttribute",
        &[
            "useRemoteTarget",
            "doReset",
            "doHalt",
            "loadImage",
            "loadSymbols",
            "useProjBinaryForImage",
            "useFileForImage",
            "useProjBinaryForSymbols",
            "useFileForSymbols",
            "setPcRegister",
            "setStopAt",
            "setResume",
        ],
    ),
    ("intAttribute", &["portNumber", "delay"]),
    (
        "stringAttribute",
        &[
            "jtagDeviceId",
            "connection",
            "ipAddress",
            "initCommands",
            "imageFileName",
            "imageOffset",
            "symbolsFileName",
            "symbolsOffset",
            "pcRegister",
            "stopAt",
            "runCommands",
        ],
    ),
];

/// The attributes of a launch configuration, without the plug-in's prefix.
struct Launch(BTreeMap<String, String>);

impl Launch {
    #[track_caller]
    fn read(text: &str) -> Self {
        let document = roxmltree::Document::parse(text).unwrap_or_else(|error| panic!("{error}"));
        let root = document.root_element();
        assert_eq!(root.tag_name().name(), "launchConfiguration");
        assert_eq!(
            root.attribute("type"),
            Some("org.eclipse.cdt.debug.gdbjtag.launchConfigurationType")
        );
        let mut attributes = BTreeMap::new();
        for element in root.children().filter(roxmltree::Node::is_element) {
            let kind = element.tag_name().name();
            let key = element.attribute("key").expect("a key");
            let Some(value) = element.attribute("value") else {
                // A list or a map: for the workbench, not for GDB.
                continue;
            };
            if let Some(name) = key.strip_prefix(JTAG) {
                let known = KNOWN.iter().find(|(of_kind, _)| *of_kind == kind);
                assert!(
                    known.is_some_and(|(_, names)| names.contains(&name)),
                    "{kind} {key} is nothing that Eclipse reads"
                );
            }
            let name = key.strip_prefix(JTAG).unwrap_or(key).to_owned();
            assert!(
                attributes.insert(name, value.to_owned()).is_none(),
                "{key} is there twice"
            );
        }
        Self(attributes)
    }

    #[track_caller]
    fn text(&self, name: &str) -> &str {
        let value = self.0.get(name);
        value.unwrap_or_else(|| panic!("no {name}"))
    }

    #[track_caller]
    fn is_set(&self, name: &str) -> bool {
        self.text(name) == "true"
    }

    /// The commands that a user would have typed into a field, one a line.
    fn lines(&self, name: &str) -> Vec<String> {
        let lines = self.text(name).lines().map(str::trim);
        lines
            .filter(|line| !line.is_empty() && !line.starts_with('#'))
            .map(str::to_owned)
            .collect()
    }

    /// What goes to GDB once it is connected, in Eclipse's order; `elf` is the project's program.
    fn commands(&self, elf: &str) -> Vec<String> {
        let mut commands = Vec::new();
        if self.is_set("doReset") {
            commands.push("monitor reset run".to_owned());
            match self.text("delay") {
                "0" => {}
                seconds => commands.push(format!("monitor delay {seconds}000")),
            }
        }
        if self.is_set("doHalt") {
            commands.push("monitor halt".to_owned());
        }
        commands.extend(self.lines("initCommands"));
        if self.is_set("loadImage") {
            commands.push(format!("load {elf} {}", self.text("imageOffset")));
        }
        if self.is_set("setPcRegister") {
            commands.push(format!("set $pc=0x{}", self.text("pcRegister")));
        }
        if self.is_set("setStopAt") {
            commands.push(format!("-break-insert -t -f {}", self.text("stopAt")));
        }
        commands.extend(self.lines("runCommands"));
        commands
    }
}

/// Debugs `launch` onto a blank NOR: it stops in `main`, in the window.
fn debugs(board: &Board, launch: &Launch) {
    let elf = firmware("appli.elf");
    let server = board.serve_appli("appli.elf");
    let mut gdb = Gdb::start(None);
    let file = elf.to_string_lossy();
    gdb.ok(&format!("-file-exec-file {file}"));
    gdb.cli(&format!("symbol-file {file}"));
    let host = launch
        .text("connection")
        .strip_prefix("gdb:")
        .and_then(|address| address.rsplit_once(':'));
    let (host, port) = host.expect("an address");
    assert_eq!(
        (host, port),
        (launch.text("ipAddress"), launch.text("portNumber"))
    );
    gdb.cli(&format!("target remote {host}:{}", server.port));
    for command in launch.commands(&file) {
        match command.starts_with('-') {
            true => drop(gdb.ok(&command)),
            false => drop(gdb.cli(command.trim_end())),
        }
    }
    assert!(launch.is_set("setResume"));
    let stop = gdb.stopped("-exec-continue");
    assert_eq!(stop.function(), launch.text("stopAt"), "{}", stop.record);
    assert_eq!(stop.address() >> 24, 0x70);
    drop(gdb);
    assert!(server.stop().success());
    let appli = nor_image("appli.elf");
    assert_eq!(board.nor(appli.len()), appli);
}

#[test]
fn eclipse_loads_and_stops_in_the_window() {
    let board = Board::booted();
    let project = Project::of("eclipse", &board);
    debugs(&board, &Launch::read(&project.text("xspi-gdb.launch")));
}

#[test]
fn eclipse_has_what_init_writes() {
    let board = Board::booted();
    let project = Project::initialised("eclipse", &board);
    let launch = Launch::read(&project.text("xspi-gdb.launch"));
    assert_eq!(
        launch.text("org.eclipse.cdt.launch.PROGRAM_NAME"),
        "build/appli.elf"
    );
    debugs(&board, &launch);
}

/// A configuration that people have: the program counter is set to what the vector table holds.
#[test]
fn eclipse_sets_the_program_counter_itself() {
    let board = Board::booted();
    let project = Project::of("eclipse", &board);
    let mut launch = Launch::read(&project.text("xspi-gdb.launch"));
    let reset = u32::from_le_bytes(nor_image("appli.elf")[4..8].try_into().expect("a word"));
    launch
        .0
        .insert("setPcRegister".to_owned(), "true".to_owned());
    launch
        .0
        .insert("pcRegister".to_owned(), format!("{:x}", reset & !1));
    debugs(&board, &launch);
}

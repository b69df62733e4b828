//! Function, file, line and callers as the debug information tells them, against what GDB says of the same program at the same stop.

mod support;

use std::path::Path;

use support::{
    board::{Board, text},
    firmware,
    gdb::Gdb,
    server::Server,
};
use xspi_gdb::{
    debug_info::{Backtrace, DebugInfo, Kind, Place, Registers},
    image::Image,
    layout::Address,
};

const APPLI: &str = "appli.elf";

/// Where a branch to an even address ends: no code, and GDB takes the symbol of a table for a function.
const NO_CODE: &str = "__vector_table";

/// A line of a backtrace: address, the function's name without its path, file, line.
type Line = (u32, String, Option<String>, Option<u32>);

/// Halted in the appli's main loop.
fn session() -> (Board, Server, Gdb) {
    let board = Board::with_appli(APPLI);
    let server = board.serve_appli(APPLI);
    let mut gdb = Gdb::connect(Some(&firmware(APPLI)), server.port);
    gdb.monitor("reset halt");
    gdb.run_to("work");
    gdb.cli("set backtrace past-main on");
    (board, server, gdb)
}

fn debug_info() -> DebugInfo {
    let image = Image::open(firmware(APPLI)).expect("the appli");
    DebugInfo::of([&image]).expect("its debug information")
}

/// Our backtrace, of the registers and the memory that GDB sees.
fn ours(gdb: &mut Gdb) -> Backtrace {
    let mut general = [0; 16];
    for (number, value) in general.iter_mut().enumerate() {
        *value = match number {
            13 => gdb.number("$sp"),
            14 => gdb.number("$lr"),
            15 => gdb.number("$pc"),
            _ => gdb.number(&format!("$r{number}")),
        };
    }
    let registers = Registers::new(general, gdb.number("$psp"));
    debug_info().backtrace(registers, &mut |address| Ok(gdb.word(address.0)))
}

fn lines(backtrace: &Backtrace) -> Vec<Line> {
    let mut lines = Vec::new();
    for frame in &backtrace.frames {
        if frame.kind == Kind::Interrupted {
            lines.push((0, "<signal handler called>".to_owned(), None, None));
        }
        if frame.places.is_empty() {
            lines.push((frame.pc.0, NO_CODE.to_owned(), None, None));
        }
        lines.extend(frame.places.iter().map(|place| line(frame.pc, place)));
    }
    lines
}

fn line(pc: Address, place: &Place) -> Line {
    let function = last_part(place.function.as_deref().unwrap_or_default());
    (pc.0, function, place.file.clone(), place.line)
}

/// `toggle` of `appli::work::toggle`, `get` of `appli::observed::get::<u32>`; the offset that a symbol has goes too. GDB names
/// handlers of exceptions and panics by what a macro or the program calls them, we by the symbol that they serve.
fn last_part(function: &str) -> String {
    let mut depth = 0;
    let plain: String = function
        .chars()
        .filter(|c| {
            depth += i32::from(*c == '<') - i32::from(*c == '>');
            depth == 0 && *c != '>'
        })
        .collect();
    let path = plain.split('+').next().unwrap_or_default();
    let mut parts = path.rsplit("::");
    let name = parts.find(|part| !part.is_empty());
    let name = name.unwrap_or_default();
    if name == "rust_begin_unwind" {
        return "panic".to_owned();
    }
    name.trim_start_matches("__cortex_m_rt_")
        .trim_end_matches("_trampoline")
        .to_owned()
}

/// A file's name as the compiler was given it: GDB puts its working folder in front.
fn in_repository(file: &str) -> String {
    let folder = std::env::current_dir().expect("a working folder");
    let inside = Path::new(file).strip_prefix(folder);
    inside.map_or_else(|_| file.to_owned(), text)
}

/// GDB's backtrace.
fn of_gdb(gdb: &mut Gdb) -> Vec<Line> {
    let results = gdb.ok("-stack-list-frames").results;
    let field = |record: &str, name: &str| {
        let (_, rest) = record.split_once(&format!("{name}=\""))?;
        Some(rest.split('"').next()?.to_owned())
    };
    results
        .split("frame={")
        .skip(1)
        .map(|record| {
            let function = field(record, "func").unwrap_or_default();
            let is_handler = function == "<signal handler called>";
            let address = field(record, "addr")
                .and_then(|text| u32::from_str_radix(text.strip_prefix("0x")?, 16).ok())
                .filter(|_| !is_handler);
            (
                address.unwrap_or_default(),
                if is_handler {
                    function
                } else {
                    last_part(&function)
                },
                field(record, "fullname").map(|file| in_repository(&file)),
                field(record, "line").and_then(|text| text.parse().ok()),
            )
        })
        .collect()
}

#[test]
fn backtraces_are_those_of_gdb() {
    let (_board, _server, mut gdb) = session();
    for function in [
        "toggle",
        "accumulate",
        "appli::ram::sum_in_itcm",
        "appli::ram::mix_in_axisram",
        "SysTick",
        "TIM6",
    ] {
        gdb.ok(&format!("-break-insert -t {function}"));
        gdb.stopped("-exec-continue");
        assert_eq!(lines(&ours(&mut gdb)), of_gdb(&mut gdb), "in {function}");
        gdb.stopped("-exec-finish");
        assert_eq!(
            lines(&ours(&mut gdb)),
            of_gdb(&mut gdb),
            "behind {function}"
        );
    }
}

/// Commands of the appli's mailbox (firmware/README.md) that fault, with the function that does it (a jump into nowhere has none, only where it came from).
const FAULTS: &[(u32, &str)] = &[
    (2, "supervisor_call"),
    (3, "bus_fault"),
    (5, "undefined_instruction"),
    (6, "divide_by_zero"),
    (7, "unaligned"),
    (8, "obey"),
    (9, "no_coprocessor"),
    (10, "write_into_window"),
    (19, "panic"),
];

#[test]
fn the_backtrace_of_a_fault_goes_on_in_the_code_that_faulted() {
    for (command, culprit) in FAULTS {
        let (_board, _server, mut gdb) = session();
        let mailbox = gdb.number("&MAILBOX");
        gdb.set_word(mailbox + 4, *command);
        if *command == 19 {
            gdb.ok("-break-insert rust_begin_unwind");
        }
        gdb.stopped("-exec-continue");
        let ours = lines(&ours(&mut gdb));
        assert_eq!(ours, of_gdb(&mut gdb), "command {command}");
        assert!(
            ours.iter().any(|(_, function, ..)| function == culprit),
            "{culprit} is not in {ours:?}"
        );
    }
}

/// All over the code: the window, ITCM, AXI SRAM; what is inlined, and assembly and toolchain code without lines.
#[test]
fn lines_are_those_of_gdb() {
    let mut gdb = Gdb::start(Some(&firmware(APPLI)));
    let info = debug_info();
    let mut known = 0;
    for (start, end) in [
        (0x7000_02B0, 0x7000_2FA0),
        (0x0000_0100, 0x0000_01C8),
        (0x2400_0020, 0x2400_0058),
    ] {
        for address in (start..end).step_by(26) {
            let told = gdb.cli(&format!("info line *0x{address:x}"));
            let place = info.places(Address(address)).into_iter().next();
            let line = place.as_ref().and_then(|place| place.line);
            let Some((number, file)) = line_and_file(&told) else {
                assert_eq!(line, None, "0x{address:x}: {told}");
                continue;
            };
            // Functions that the linker dropped lie in the way.
            if address < 0x1_0000 && line.is_none() {
                continue;
            }
            known += 1;
            assert_eq!(line, Some(number), "0x{address:x}: {told}");
            let ours = place.and_then(|place| place.file).unwrap_or_default();
            assert!(ours.ends_with(&file), "{ours} is not {file}");
        }
    }
    assert!(known > 300, "only {known} addresses have lines");
}

/// Of `Line 94 of "appli/src/main.rs" starts at ...`.
fn line_and_file(told: &str) -> Option<(u32, String)> {
    let (number, rest) = told.strip_prefix("Line ")?.split_once(" of \"")?;
    let (file, _) = rest.split_once('"')?;
    Some((number.parse().ok()?, file.to_owned()))
}

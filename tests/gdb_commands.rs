//! What GDB's own commands do, by an old GDB and a recent one: calls, steps out and over, watchpoints, runs and restarts, packets
//! switched off, and what is not offered.

mod support;

use support::{board::Board, debugger::Debugger, firmware, gdb::Gdb, server::Server};

const APPLI: &str = "appli.elf";

/// Plays `story` with each GDB, on a board of its own, from the appli's first instruction on.
fn with_each(story: impl Fn(&mut Gdb)) {
    for debugger in Debugger::ALL {
        let (_board, server, mut gdb) = session(debugger);
        story(&mut gdb);
        drop(gdb);
        assert!(server.stop().success(), "{debugger:?}");
    }
}

fn session(debugger: Debugger) -> (Board, Server, Gdb) {
    let board = Board::with_appli(APPLI);
    let server = board.serve_appli(APPLI);
    let mut gdb = Gdb::connect_as(debugger, Some(&firmware(APPLI)), server.port);
    gdb.monitor("reset halt");
    gdb.flush_registers();
    (board, server, gdb)
}

/// A resuming command of GDB's own command line, and its stop.
#[track_caller]
fn resumes(gdb: &mut Gdb, command: &str) -> support::gdb::Stop {
    gdb.stopped(&format!("-interpreter-exec console \"{command}\""))
}

/// A command of GDB's own command line that fails, and what it says.
#[track_caller]
fn refuses(gdb: &mut Gdb, command: &str) -> String {
    gdb.fails(&format!("-interpreter-exec console \"{command}\""))
        .message()
}

/// The dummy that a call returns to lies on the stack, and its breakpoint takes a unit: nothing is patched, no cache holds it.
#[test]
fn functions_in_the_window_are_called() {
    with_each(|gdb| {
        gdb.run_to("work");
        let before = (gdb.pc(), gdb.number("$sp"), gdb.number("$r0"));
        assert_eq!(gdb.value("appli::work::accumulate(3)"), "0.0625");
        assert_eq!(gdb.value("appli::work::accumulate(1)"), "0.3125");
        assert_eq!((gdb.pc(), gdb.number("$sp"), gdb.number("$r0")), before);
        gdb.run_to("toggle");
    });
}

/// A breakpoint within the called function is hit, and the call ends when the program goes on.
#[test]
fn a_call_that_meets_a_breakpoint_can_be_finished() {
    with_each(|gdb| {
        gdb.run_to("work");
        let at = gdb.pc();
        gdb.ok("-break-insert -t toggle");
        let told = refuses(gdb, "call appli::work::blink(0)");
        assert!(
            told.contains("stopped while in a function called from GDB"),
            "{told}"
        );
        let frames = gdb.cli("backtrace");
        assert!(frames.contains("<function called from gdb>"), "{frames}");
        resumes(gdb, "finish");
        resumes(gdb, "continue");
        assert_eq!(gdb.pc(), at, "where the call was made");
        gdb.run_to("toggle");
    });
}

#[test]
fn until_advance_and_finish_get_where_they_say() {
    with_each(|gdb| {
        gdb.run_to("work");
        let stop = resumes(gdb, "until");
        assert_eq!(stop.function(), "work", "{}", stop.record);
        assert_eq!(resumes(gdb, "advance toggle").function(), "toggle");
        assert_eq!(resumes(gdb, "finish").function(), "blink");
        let stepped = resumes(gdb, "stepi").address();
        let over = resumes(gdb, "nexti").address();
        assert!(over > stepped, "{over:#x} {stepped:#x}");
    });
}

#[test]
fn a_frame_is_returned_from_and_a_line_jumped_to() {
    with_each(|gdb| {
        gdb.run_to("toggle");
        gdb.cli("return");
        let frame = gdb.cli("frame");
        assert!(frame.contains("blink"), "{frame}");
        let pc = gdb.pc();
        gdb.ok(&format!("-break-insert -t *{:#x}", pc + 2));
        let stop = resumes(gdb, &format!("jump *{pc:#x}"));
        assert_eq!(stop.address(), pc + 2);
        gdb.run_to("toggle");
    });
}

#[test]
fn temporary_and_hardware_breakpoints_stop() {
    with_each(|gdb| {
        gdb.cli("tbreak main");
        assert_eq!(resumes(gdb, "continue").function(), "main");
        gdb.cli("hbreak work");
        gdb.cli("thbreak toggle");
        assert_eq!(resumes(gdb, "continue").function(), "work");
        assert_eq!(resumes(gdb, "continue").function(), "toggle");
        assert_eq!(resumes(gdb, "continue").function(), "work");
        let all = gdb.cli("info breakpoints");
        assert!(
            all.contains("hw breakpoint") && !all.contains("toggle"),
            "{all}"
        );
    });
}

#[test]
fn code_registers_and_memory_are_shown() {
    with_each(|gdb| {
        gdb.run_to("accumulate");
        let code = gdb.cli("x/20i $pc");
        assert_eq!(code.lines().count(), 20, "{code}");
        let disassembled = gdb.cli("disassemble");
        assert!(
            disassembled.contains("End of assembler dump"),
            "{disassembled}"
        );
        let registers = gdb.cli("info all-registers");
        for name in [
            "r0",
            "xpsr",
            "d0",
            "d15",
            "s31",
            "fpscr",
            "msp",
            "psp",
            "primask",
            "basepri",
            "faultmask",
            "control",
        ] {
            let shown = registers
                .lines()
                .any(|line| line.split(' ').next() == Some(name));
            assert!(shown, "{name} is not in {registers}");
        }
        gdb.cli("set var $r4 = 0x12345678");
        gdb.flush_registers();
        assert_eq!(gdb.number("$r4"), 0x1234_5678);
        gdb.cli("set var $d5 = 1.5");
        gdb.flush_registers();
        assert_eq!(gdb.value("$d5"), "1.5");
        gdb.cli("set var $primask = 1");
        gdb.flush_registers();
        assert_eq!(gdb.number("$primask"), 1);
        gdb.cli("set var $primask = 0");
        let map = gdb.cli("info mem");
        assert!(map.contains("0x70000000 0x78000000 flash"), "{map}");
    });
}

#[test]
fn variables_are_watched_in_and_out_of_their_scope() {
    with_each(|gdb| {
        gdb.run_to("main");
        for (command, reason) in [
            ("watch", "watchpoint-trigger"),
            ("rwatch", "read-watchpoint-trigger"),
            ("awatch", "access-watchpoint-trigger"),
        ] {
            gdb.cli(&format!("{command} appli::COUNTER"));
            for _ in 0..2 {
                let stop = resumes(gdb, "continue");
                assert_eq!(stop.reason(), reason, "{}", stop.record);
            }
            gdb.ok("-break-delete");
        }
        gdb.run_to("toggle");
        let stop = gdb.stopped("-exec-next");
        assert_eq!(stop.reason(), "end-stepping-range");
        gdb.cli("watch lit");
        let mut stop = resumes(gdb, "continue");
        while stop.reason() == "watchpoint-trigger" {
            stop = resumes(gdb, "continue");
        }
        assert_eq!(stop.reason(), "watchpoint-scope", "{}", stop.record);
        assert_eq!(stop.function(), "blink");
        gdb.run_to("work");
    });
}

#[test]
fn runs_starts_and_kills() {
    with_each(|gdb| {
        let entry = gdb.number("&Reset") & !1;
        assert_eq!(resumes(gdb, "start").function(), "main");
        let stop = resumes(gdb, "starti");
        assert_eq!(stop.address(), entry, "{}", stop.record);
        gdb.cli("tbreak work");
        assert_eq!(resumes(gdb, "run").function(), "work");
        gdb.cli("kill");
        gdb.cli("tbreak work");
        assert_eq!(resumes(gdb, "run").function(), "work");
    });
}

#[test]
fn what_is_not_offered_is_refused_and_the_session_goes_on() {
    with_each(|gdb| {
        gdb.run_to("work");
        for command in ["reverse-stepi", "reverse-continue", "checkpoint"] {
            let told = refuses(gdb, command);
            assert!(!told.is_empty(), "{command}");
        }
        gdb.run_to("toggle");
    });
}

#[test]
fn non_stop_is_refused_clearly() {
    for debugger in Debugger::ALL {
        let (_board, server, gdb) = session(debugger);
        drop(gdb);
        let mut gdb = Gdb::start_as(debugger, Some(&firmware(APPLI)));
        gdb.ok("-gdb-set non-stop on");
        let connect = format!("-target-select extended-remote 127.0.0.1:{}", server.port);
        let told = gdb.fails(&connect).message();
        assert!(
            told.contains("Non-stop mode requested, but remote does not support non-stop"),
            "{told}"
        );
        gdb.ok("-gdb-set non-stop off");
        gdb.ok(&connect);
        gdb.run_to("work");
    }
}

/// Off is what launch configurations set so that peripherals can be looked at: then it is us who refuse what nobody has.
#[test]
fn memory_that_is_in_no_region() {
    with_each(|gdb| {
        gdb.ok("-gdb-set language c");
        let nowhere = "-data-evaluate-expression *(int*)0x60000000";
        gdb.cli("set mem inaccessible-by-default on");
        gdb.fails(nowhere);
        assert_eq!(
            gdb.monitor("why"),
            "nothing has gone wrong\n",
            "GDB does not ask"
        );
        gdb.cli("set mem inaccessible-by-default off");
        gdb.fails(nowhere);
        assert!(gdb.monitor("why").contains("XG010"));
        gdb.ok("-gdb-set language auto");
        gdb.run_to("work");
    });
}

/// Nothing in the log of a session is a damaged packet, a silence or a repetition.
#[test]
fn the_log_of_a_session_has_no_error() {
    with_each(|gdb| {
        gdb.cli("set debug remote 1");
        let mut log = gdb.ok("-target-download").text;
        gdb.ok("-break-insert -t main");
        for command in [
            "-exec-continue",
            "-exec-next",
            "-exec-step",
            "-exec-step-instruction",
        ] {
            log.push_str(&gdb.stopped(command).text);
        }
        log.push_str(&gdb.cli("info all-registers"));
        gdb.cli("set debug remote 0");
        assert!(
            log.contains("vFlashDone") && log.contains("vCont"),
            "the log is there"
        );
        for words in [
            "Timed out",
            "instead of Ack",
            "Bad checksum",
            "Junk",
            "Nak",
            "got retry",
            "unknown packet reply",
        ] {
            assert!(!log.contains(words), "`{words}` in\n{log}");
        }
    });
}

/// The packets that GDB can be told not to use, by their names in `set remote NAME-packet`.
fn packets(gdb: &mut Gdb) -> Vec<String> {
    let listed = gdb.cli("help set remote");
    listed
        .lines()
        .filter_map(|line| line.strip_prefix("set remote "))
        .filter_map(|line| line.split([' ', ',']).next())
        .filter(|name| name.ends_with("-packet"))
        .map(str::to_owned)
        .collect()
}

/// Without these GDB itself inserts no breakpoint in flash.
const BREAKPOINTS: [&str; 2] = ["Z-packet", "hardware-breakpoint-packet"];

/// Without these GDB reads no target description, and numbers registers as an old Arm core has them.
const DESCRIPTION: [&str; 2] = ["supported-packets-packet", "target-features-packet"];

/// Whatever GDB is told not to use, the rest works.
#[test]
fn packets_can_be_switched_off() {
    for debugger in Debugger::ALL {
        let (_board, server, mut gdb) = session(debugger);
        let packets = packets(&mut gdb);
        assert!(packets.len() > 40, "{packets:?}");
        let connect = format!("-target-select extended-remote 127.0.0.1:{}", server.port);
        for packet in &packets {
            gdb.cli(&format!("set remote {packet} off"));
            gdb.ok("-target-disconnect");
            gdb.ok(&connect);
            if !BREAKPOINTS.contains(&packet.as_str()) {
                gdb.run_to("work");
            }
            works(&mut gdb);
            gdb.cli(&format!("set remote {packet} auto"));
        }
    }
}

/// Memory, registers and a step.
#[track_caller]
fn works(gdb: &mut Gdb) {
    gdb.ok("-data-read-memory-bytes 0x70000000 16");
    gdb.ok("-data-list-register-values x 0 13 15");
    let stop = gdb.stopped("-exec-step-instruction");
    assert_eq!(stop.reason(), "end-stepping-range", "{}", stop.record);
}

/// Without a target description GDB has r0-r15 and xPSR all the same, one by one and all at once.
#[test]
fn core_registers_are_there_without_a_target_description() {
    for debugger in Debugger::ALL {
        let (_board, server, mut gdb) = session(debugger);
        let connect = format!("-target-select extended-remote 127.0.0.1:{}", server.port);
        gdb.run_to("work");
        let registers = ["$r0", "$r7", "$sp", "$lr", "$pc", "$xpsr"];
        let known = registers.map(|register| gdb.number(register));
        for packet in DESCRIPTION {
            gdb.cli(&format!("set remote {packet} off"));
            gdb.ok("-target-disconnect");
            gdb.ok(&connect);
            let shown = registers.map(|register| gdb.number(register));
            assert_eq!(shown, known, "{debugger:?} {packet}");
            let log = gdb.cli("info registers");
            assert!(!log.contains("unavailable"), "{log}");
            for one_by_one in ["on", "off"] {
                gdb.cli(&format!("set remote set-register-packet {one_by_one}"));
                let before = gdb.number("$r4");
                gdb.cli(&format!("set var $r4 = {}", !before));
                gdb.flush_registers();
                assert_eq!(gdb.number("$r4"), !before, "{debugger:?} {packet}");
                gdb.cli(&format!("set var $r4 = {before}"));
                gdb.flush_registers();
                let shown = registers.map(|register| gdb.number(register));
                assert_eq!(shown, known, "{debugger:?} {packet}");
            }
            gdb.cli("set remote set-register-packet auto");
            gdb.cli(&format!("set remote {packet} auto"));
        }
    }
}

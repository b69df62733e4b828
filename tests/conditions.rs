//! Conditions and dynamic printf, which GDB compiles and the server evaluates, by an old GDB and a recent one.

mod support;

use support::{
    board::Board,
    debugger::Debugger,
    firmware,
    gdb::{Gdb, Stop},
    rsp::Client,
    server::Server,
};

const APPLI: &str = "appli.elf";
/// A breakpoint on the millisecond: at its first instruction, whose handler has no variables.
const EVERY_MILLISECOND: &str = "break SysTick if appli::TICKS == 4000000000";

/// Plays `story` with each GDB, on a board of its own, from the appli's first instruction on. How often each was told of a breakpoint, by
/// the server's log.
fn with_each(story: impl Fn(&mut Gdb, &Server)) -> [usize; 2] {
    Debugger::ALL.map(|debugger| {
        let board = Board::with_appli(APPLI);
        let server = board.serve_appli(APPLI);
        let mut gdb = Gdb::connect_as(debugger, Some(&firmware(APPLI)), server.port);
        gdb.monitor("reset halt");
        gdb.flush_registers();
        story(&mut gdb, &server);
        drop(gdb);
        server.signal("TERM");
        server
            .stderr_at_end()
            .matches("stopped: breakpoint")
            .count()
    })
}

#[track_caller]
fn resumes(gdb: &mut Gdb, command: &str) -> Stop {
    gdb.stopped(&format!("-interpreter-exec console \"{command}\""))
}

/// Sets a breakpoint that the target is to evaluate, and runs into it.
#[track_caller]
fn stops_at(gdb: &mut Gdb, breakpoint: &str) -> Stop {
    gdb.cli("delete");
    gdb.cli(breakpoint);
    let stop = resumes(gdb, "continue");
    assert_eq!(
        stop.reason(),
        "breakpoint-hit",
        "{breakpoint}: {}",
        stop.record
    );
    stop
}

#[track_caller]
fn evaluated_by(gdb: &mut Gdb, who: &str) {
    let breakpoints = gdb.cli("info breakpoints");
    let wanted = format!("({who} evals)");
    assert!(breakpoints.contains(&wanted), "{breakpoints}");
}

/// Everything that a condition is made of: locals, globals, registers, members, pointers, characters, code in the window.
#[test]
fn conditions_are_evaluated_by_the_server() {
    let told = with_each(|gdb, _| {
        for (breakpoint, expression, value) in [
            ("break work if round == 3", "round", "3"),
            ("tbreak toggle if lamp == 1", "lamp", "1"),
            (
                "hbreak work if appli::COUNTER == 9 && round > 2",
                "round",
                "9",
            ),
            (
                "break toggle if lamp == 0 && appli::COUNTER >= 12",
                "lamp",
                "0",
            ),
            (
                "break work if appli::LED_TOGGLES % 7 == 6 || round >= 30",
                "appli::LED_TOGGLES % 7",
                "6",
            ),
        ] {
            stops_at(gdb, breakpoint);
            if !breakpoint.starts_with('t') {
                evaluated_by(gdb, "target");
            }
            assert_eq!(gdb.value(expression), value, "{breakpoint}");
        }
        let work = gdb.number("&work") & !1;
        let counter = gdb.number("&COUNTER");
        gdb.ok("-gdb-set language c++");
        for condition in [
            "$r0 == 40".to_owned(),
            format!("*(unsigned *){counter:#x} == 42"),
            format!("*(unsigned char *){work:#x} == 0x80 && *(short *){work:#x} < 0 && $r0 == 44"),
            format!("(*(long long *){counter:#x} & 0xff) - 46 == 0"),
            "$sp != 0 && $lr != 0 && ($xpsr >> 24 & 1) && $r0 * 2 / 4 == 24".to_owned(),
            "!($primask | $basepri) && $r0 >= 50".to_owned(),
            "appli::LAMPS[0].toggles == 60 && (&appli::LAMPS[1])->pin == 5".to_owned(),
        ] {
            stops_at(gdb, &format!("break *{work:#x} if {condition}"));
            evaluated_by(gdb, "target");
            assert_eq!(
                gdb.value(&format!("({condition}) != 0")),
                "true",
                "{condition}"
            );
        }
    });
    assert_eq!(told, [12; 2], "no false hit was told");
}

/// GDB counts the hits that it is told of, and ignores as many of them as it was asked to.
#[test]
fn hits_are_counted_and_ignored() {
    with_each(|gdb, _| {
        gdb.cli("break work if round % 3 == 0");
        gdb.cli("ignore 1 2");
        resumes(gdb, "continue");
        assert_eq!(gdb.value("round"), "6");
        let told = gdb.cli("info breakpoints");
        assert!(told.contains("breakpoint already hit 3 times"), "{told}");
        gdb.cli("condition 1 round == 8");
        resumes(gdb, "continue");
        assert_eq!(gdb.value("round"), "8");
        gdb.cli("condition 1");
        resumes(gdb, "continue");
        assert_eq!(gdb.value("round"), "9");
        gdb.cli("set breakpoint condition-evaluation host");
        gdb.cli("condition 1 round == 11");
        resumes(gdb, "continue");
        assert_eq!(gdb.value("round"), "11");
        let told = gdb.cli("info breakpoints");
        assert!(!told.contains("target evals"), "{told}");
    });
}

/// What GDB cannot compile it evaluates by itself; another breakpoint at the same place goes with it.
#[test]
fn what_has_no_bytecode_is_evaluated_by_gdb() {
    with_each(|gdb, _| {
        stops_at(gdb, "break work if appli::FPU_SUM > 1.4");
        evaluated_by(gdb, "host");
        let round: u32 = gdb.value("round").parse().expect("a number");
        assert!(round > 1);
        gdb.cli(&format!("break work if round == {}", round + 2));
        resumes(gdb, "continue");
        assert_eq!(gdb.value("round"), (round + 1).to_string());
    });
}

#[test]
fn breakpoints_of_one_thread_have_conditions() {
    with_each(|gdb, _| {
        stops_at(gdb, "break work thread 1 if round == 4");
        assert_eq!(gdb.value("round"), "4");
    });
}

/// The window of the PSRAM is closed: nothing is read there, and the reason is told.
#[test]
fn a_condition_that_reads_a_closed_window_stops() {
    with_each(|gdb, _| {
        gdb.run_to("blink");
        gdb.ok("-gdb-set language c");
        gdb.cli("break *(unsigned)&toggle if *(unsigned *)0x90000000 == 1");
        let stop = resumes(gdb, "continue");
        assert_eq!(stop.function(), "toggle", "{}", stop.record);
        for words in [
            "XG048",
            "0x70001c70",
            "because: it reads what cannot be read: window",
            "is closed",
        ] {
            assert!(stop.text.contains(words), "{words}: {}", stop.text);
        }
    });
}

/// Text comes while the program runs, in order, and nobody is told of a stop.
#[test]
fn dprintf_prints_in_the_server() {
    let told = with_each(|gdb, _| {
        gdb.cli("set dprintf-style agent");
        gdb.cli(r#"dprintf work,"round %u of %p, %c%c\n", round, $sp, 79, 75"#);
        gdb.cli(r#"dprintf accumulate,"sum of %5u|%-4x|\n", round, round"#);
        gdb.cli("condition 2 round == 1");
        gdb.cli("break toggle if lamp == 1");
        let stop = resumes(gdb, "continue");
        assert_eq!(stop.function(), "toggle");
        let lines: Vec<&str> = stop
            .text
            .lines()
            .filter(|line| line.contains(" of "))
            .collect();
        let [first, second, third, fourth, fifth] = lines[..] else {
            panic!("{lines:?}");
        };
        assert!(
            first.starts_with("round 0 of 0x2000") && first.ends_with(", OK"),
            "{first}"
        );
        assert!(second.starts_with("round 1 of 0x2000"), "{second}");
        assert_eq!(third, "sum of     1|1   |");
        assert!(
            fourth.starts_with("round 2") && fifth.starts_with("round 3"),
            "{lines:?}"
        );
    });
    assert_eq!(told, [1; 2]);
}

/// Line by line nothing is run into: what is stepped onto prints all the same, once.
#[test]
fn dprintf_prints_where_a_step_leads() {
    with_each(|gdb, _| {
        gdb.run_to("work");
        gdb.cli("set dprintf-style agent");
        for line in 31..34 {
            gdb.cli(&format!(r#"dprintf work.rs:{line},"line {line}\n""#));
        }
        let mut said = String::new();
        for _ in 0..4 {
            said.push_str(&gdb.stopped("-exec-next").text);
        }
        let printed: Vec<&str> = said
            .lines()
            .filter(|line| line.starts_with("line "))
            .collect();
        assert_eq!(printed, ["line 31", "line 32", "line 33"]);
    });
}

#[test]
fn dprintf_prints_in_gdb_too() {
    with_each(|gdb, _| {
        gdb.cli(r#"dprintf work,"round %u\n", round"#);
        let stop = stops_after(gdb, "break toggle if lamp == 1");
        for round in 0..4 {
            assert!(
                stop.text.contains(&format!("round {round}\n")),
                "{}",
                stop.text
            );
        }
    });
}

#[track_caller]
fn stops_after(gdb: &mut Gdb, breakpoint: &str) -> Stop {
    gdb.cli(breakpoint);
    resumes(gdb, "continue")
}

/// A string of the program's is read where the program is, up to its end.
#[test]
fn dprintf_prints_strings_of_the_target() {
    with_each(|gdb, _| {
        const TEXT: u32 = 0x3000_0000;
        gdb.ok(&format!(
            "-data-write-memory-bytes {TEXT:#x} 696e2074686520666c617368002121"
        ));
        gdb.cli("set dprintf-style agent");
        gdb.ok("-gdb-set language c");
        gdb.cli(&format!(
            r#"dprintf *(unsigned)&work,"<%s> <%.2s> <%14s>\n", {TEXT:#x}, {TEXT:#x}, {TEXT:#x}"#
        ));
        let condition =
            format!("*(char *){TEXT:#x} == 105 && *(short *)({TEXT:#x} + $r0 * 0) == 0x6e69");
        let stop = stops_after(gdb, &format!("break *(unsigned)&accumulate if {condition}"));
        evaluated_by(gdb, "target");
        assert!(
            stop.text.contains("<in the flash> <in> <  in the flash>\n"),
            "{}",
            stop.text
        );
    });
}

#[test]
fn an_interrupt_ends_a_run_of_false_hits() {
    let told = with_each(|gdb, _| {
        gdb.run_to("work");
        gdb.cli(EVERY_MILLISECOND);
        for _ in 0..3 {
            gdb.ok("-exec-continue");
            let stop = gdb.interrupt();
            assert_eq!(stop.signal(), "SIGINT", "{}", stop.record);
        }
        gdb.run_to("work");
    });
    assert_eq!(told, [2; 2], "at work");
}

/// A watch of another client is served between two hits.
#[test]
fn a_looking_client_is_served_while_hits_are_false() {
    with_each(|gdb, server| {
        gdb.run_to("work");
        let ticks = gdb.number("&TICKS");
        gdb.cli(EVERY_MILLISECOND);
        let mut watching = Client::connect(server.port);
        watching.ask("?");
        gdb.ok("-exec-continue");
        let read = format!("m{ticks:x},4");
        let first = watching.ask(&read);
        while watching.ask(&read) == first {}
        assert!(watching.ask("g").len() > 100);
        let stop = gdb.interrupt();
        assert_eq!(stop.signal(), "SIGINT");
    });
}

/// `next` runs over the function with a breakpoint of its own at the return; a false hit within is none of its business.
#[test]
fn steps_run_over_false_hits() {
    with_each(|gdb, _| {
        gdb.run_to("work");
        gdb.cli("break toggle if lamp == 7");
        gdb.cli("break sum_in_itcm if appli::COUNTER == 77");
        let mut lines = Vec::new();
        for _ in 0..5 {
            let stop = gdb.stopped("-exec-next");
            assert_eq!(stop.reason(), "end-stepping-range", "{}", stop.record);
            assert_eq!(stop.function(), "work", "{}", stop.record);
            lines.push(stop.field("line"));
        }
        lines.dedup();
        assert_eq!(lines.len(), 5, "{lines:?}");
        gdb.cli("break toggle if lamp == 0");
        let stop = resumes(gdb, "continue");
        assert_eq!(stop.function(), "toggle");
        assert_eq!(resumes(gdb, "finish").function(), "blink");
    });
}

/// GDB waits at a return address by a breakpoint of its own, which it does not send where the user has one.
#[test]
fn steps_end_where_a_false_condition_is() {
    with_each(|gdb, _| {
        gdb.run_to("work");
        for line in [31, 32, 33] {
            gdb.cli(&format!("break work.rs:{line} if round == 4000000"));
        }
        for line in ["31", "32", "33"] {
            let stop = gdb.stopped("-exec-next");
            assert_eq!(stop.reason(), "end-stepping-range", "{}", stop.record);
            assert_eq!(stop.field("line").as_deref(), Some(line), "{}", stop.record);
        }
        gdb.run_to("toggle");
        gdb.cli("up");
        resumes(gdb, "finish");
        assert_eq!(gdb.value("round"), "1", "finished to line 32");
        gdb.run_to("toggle");
        evaluated_by(gdb, "target");
    });
}

#[test]
fn watchpoints_and_true_breakpoints_stop_between_false_hits() {
    with_each(|gdb, _| {
        gdb.run_to("work");
        gdb.cli("break toggle if lamp == 7");
        gdb.cli(EVERY_MILLISECOND);
        gdb.cli("watch appli::COUNTER");
        let stop = resumes(gdb, "continue");
        assert_eq!(stop.reason(), "watchpoint-trigger", "{}", stop.record);
        let stop = resumes(gdb, "continue");
        assert_eq!(stop.reason(), "watchpoint-trigger", "{}", stop.record);
        gdb.run_to("blink");
    });
}

/// A restart and a reset keep what the breakpoints want.
#[test]
fn conditions_outlive_a_restart() {
    with_each(|gdb, _| {
        stops_at(gdb, "break work if round == 2");
        gdb.monitor("reset halt");
        gdb.flush_registers();
        resumes(gdb, "continue");
        assert_eq!(gdb.value("round"), "2");
        resumes(gdb, "run");
        assert_eq!(gdb.value("round"), "2");
    });
}

/// Nothing of a client that has gone stops the program, or looks at it.
#[test]
fn a_client_that_detaches_takes_its_conditions_along() {
    with_each(|gdb, server| {
        gdb.run_to("work");
        let counter = gdb.number("&COUNTER");
        gdb.cli(EVERY_MILLISECOND);
        gdb.cli("set dprintf-style agent");
        gdb.cli(r#"dprintf work,"round %u\n", round"#);
        // Off the breakpoint at the pc, for which GDB takes a step of its own.
        gdb.run_to("blink");
        gdb.ok("-exec-continue");
        gdb.interrupt();
        gdb.cli("detach");
        let mut next = Client::connect(server.port);
        let read = format!("m{counter:x},4");
        let first = next.ask(&read);
        while next.ask(&read) == first {}
    });
}

//! The core's own faults, on demand by the appli's mailbox: the signal, the line that decodes it, and the code that did it.

mod support;

use support::{
    board::Board,
    firmware,
    gdb::{Gdb, Stop},
    server::Server,
};

const APPLI: &str = "appli.elf";

/// Commands of the appli's mailbox (firmware/README.md).
mod command {
    pub const HARD_FAULT: u32 = 2;
    pub const BUS_FAULT: u32 = 3;
    pub const BUS_FAULT_BY_WRITE: u32 = 4;
    pub const UNDEFINED_INSTRUCTION: u32 = 5;
    pub const DIVISION_BY_ZERO: u32 = 6;
    pub const UNALIGNED: u32 = 7;
    pub const INVALID_STATE: u32 = 8;
    pub const NO_COPROCESSOR: u32 = 9;
    pub const WRITE_INTO_WINDOW: u32 = 10;
    pub const EXECUTE_PERIPHERAL: u32 = 11;
    pub const STACK_OVERFLOW: u32 = 12;
    pub const BREAKPOINT: u32 = 16;
    pub const RESET: u32 = 18;
    pub const PANIC: u32 = 19;
}

/// Halted in the appli's main loop.
fn session() -> (Board, Server, Gdb) {
    let board = Board::with_appli(APPLI);
    let server = board.serve_appli(APPLI);
    let mut gdb = Gdb::connect(Some(&firmware(APPLI)), server.port);
    gdb.monitor("reset halt");
    gdb.run_to("work");
    (board, server, gdb)
}

/// Puts a command into the mailbox, and goes on until something stops the core.
fn provoke(gdb: &mut Gdb, command: u32, argument: u32) -> Stop {
    put(gdb, command, argument);
    gdb.stopped("-exec-continue")
}

fn put(gdb: &mut Gdb, command: u32, argument: u32) {
    let mailbox = gdb.number("&MAILBOX");
    gdb.set_word(mailbox + 8, argument);
    gdb.set_word(mailbox + 4, command);
}

/// What a fault must look like.
struct Looks {
    command: u32,
    argument: u32,
    signal: &'static str,
    code: &'static str,
    /// Words of the line on the console.
    words: &'static [&'static str],
    /// What `monitor fault` says of it beside.
    explained: &'static [&'static str],
    /// The function that did it.
    culprit: &'static str,
}

/// A fault is a signal; one line decodes it and names the faulting pc, which lies where the backtrace says; `monitor fault` tells it
/// again with its remedy; and the session goes on.
#[track_caller]
fn looks(fault: &Looks) {
    let (_board, _server, mut gdb) = session();
    let stop = provoke(&mut gdb, fault.command, fault.argument);
    assert_eq!(stop.reason(), "signal-received", "{}", stop.record);
    assert_eq!(stop.signal(), fault.signal, "{}", stop.text);
    let line = stop
        .text
        .lines()
        .find(|line| line.contains("at pc 0x"))
        .unwrap_or_else(|| panic!("no line names the faulting pc: {}", stop.text));
    for word in fault.words {
        assert!(line.contains(word), "`{word}` is not in `{line}`");
    }
    let pc = address_after(line, "at pc ");
    let frames = gdb.ok("-stack-list-frames").results;
    assert!(frames.contains(fault.culprit), "{frames}");
    assert!(frames.contains(&pc), "{pc} is in no frame of {frames}");
    let told = gdb.monitor("fault");
    assert!(
        told.contains(fault.code) && told.contains(&pc) && told.contains("remedy:"),
        "{told}"
    );
    for words in fault.explained.iter().chain(&[
        "where: ",
        "backtrace:\n#0",
        "main at firmware/appli/src/main.rs:",
    ]) {
        assert!(told.contains(words), "`{words}` is not in {told}");
    }
    assert!(told.contains(fault.culprit), "{told}");
    gdb.monitor("reset halt");
    gdb.flush_registers();
    gdb.run_to("main");
}

/// `0x70001234` behind `marker`.
fn address_after(line: &str, marker: &str) -> String {
    let at = line.find(marker).map_or(0, |at| at + marker.len());
    line[at..].chars().take(10).collect()
}

#[test]
fn a_hard_fault_is_a_segmentation_fault() {
    looks(&Looks {
        command: command::HARD_FAULT,
        argument: 0,
        signal: "SIGSEGV",
        code: "XG080",
        words: &["HardFault"],
        explained: &["an SVC or BKPT was executed where its exception could not be taken"],
        culprit: "supervisor_call",
    });
}

#[test]
fn a_read_where_nobody_is_is_a_bus_error() {
    looks(&Looks {
        command: command::BUS_FAULT,
        argument: 0,
        signal: "SIGBUS",
        code: "XG082",
        words: &["BusFault", "0x24080000"],
        explained: &[
            "the bus refused the access to 0x24080000: nothing is there",
            "was the base of the address",
            "address = 0x24080000",
        ],
        culprit: "bus_fault",
    });
}

#[test]
fn a_buffered_write_where_nobody_is_is_a_bus_error() {
    looks(&Looks {
        command: command::BUS_FAULT_BY_WRITE,
        argument: 0,
        signal: "SIGBUS",
        code: "XG082",
        words: &["BusFault"],
        explained: &["some instructions before the pc"],
        culprit: "bus_fault_by_write",
    });
}

#[test]
fn an_undefined_instruction_is_an_illegal_one() {
    looks(&Looks {
        command: command::UNDEFINED_INSTRUCTION,
        argument: 0,
        signal: "SIGILL",
        code: "XG083",
        words: &["UsageFault", "undefined instruction"],
        explained: &["the instruction is UDF", "instruction: "],
        culprit: "undefined_instruction",
    });
}

#[test]
fn a_division_by_zero_is_an_illegal_instruction() {
    looks(&Looks {
        command: command::DIVISION_BY_ZERO,
        argument: 0,
        signal: "SIGILL",
        code: "XG083",
        words: &["UsageFault", "division by zero"],
        explained: &["the divisor is 0", "instruction: ", " = 0x00000000"],
        culprit: "divide_by_zero",
    });
}

#[test]
fn an_unaligned_multiple_load_is_an_illegal_instruction() {
    looks(&Looks {
        command: command::UNALIGNED,
        argument: 0,
        signal: "SIGILL",
        code: "XG083",
        words: &["UsageFault", "unaligned"],
        explained: &["is no multiple", "instruction: ldm"],
        culprit: "unaligned",
    });
}

#[test]
fn an_access_to_the_fpu_while_it_is_off_is_an_illegal_instruction() {
    looks(&Looks {
        command: command::NO_COPROCESSOR,
        argument: 0,
        signal: "SIGILL",
        code: "XG083",
        words: &["UsageFault", "coprocessor"],
        explained: &["while the FPU is off: CPACR", "(floating point)"],
        culprit: "no_coprocessor",
    });
}

#[test]
fn a_write_into_the_window_is_refused_by_the_mpu() {
    looks(&Looks {
        command: command::WRITE_INTO_WINDOW,
        argument: 0,
        signal: "SIGSEGV",
        code: "XG081",
        words: &["MemManage", "0x70000000"],
        explained: &[
            "the MPU refused the access to 0x70000000: in the window",
            "which is open",
            "address = 0x70000000",
        ],
        culprit: "write_into_window",
    });
}

/// The frame of the exception itself no longer fits: nobody can say which instruction it was, but the guard can.
#[test]
fn a_stack_that_overflows_meets_its_guard() {
    let (_board, _server, mut gdb) = session();
    let stop = provoke(&mut gdb, command::STACK_OVERFLOW, 0);
    assert_eq!(stop.signal(), "SIGSEGV", "{}", stop.text);
    for words in ["pc unknown", "stack overflow?", "MPU address 0x2000e0"] {
        assert!(
            stop.text.contains(words),
            "`{words}` is not in {}",
            stop.text
        );
    }
    let told = gdb.monitor("fault");
    assert!(
        told.contains("the stack overflowed into memory that is guarded"),
        "{told}"
    );
    assert!(
        !told.contains("where: "),
        "the frame holds something else: {told}"
    );
}

/// A jump to where no code is: the faulting pc is the target of the jump, in no function; LR still tells who jumped.
#[test]
fn a_jump_out_of_code_names_where_it_went() {
    for (command, signal, words, pc) in [
        (
            command::INVALID_STATE,
            "SIGILL",
            &["UsageFault", "invalid state"][..],
            "0x70000000",
        ),
        (
            command::EXECUTE_PERIPHERAL,
            "SIGSEGV",
            &["MemManage"],
            "0x40000000",
        ),
    ] {
        let (_board, _server, mut gdb) = session();
        let stop = provoke(&mut gdb, command, 0);
        assert_eq!(stop.signal(), signal, "{}", stop.text);
        for word in words.iter().chain([&pc]) {
            assert!(stop.text.contains(word), "`{word}` is not in {}", stop.text);
        }
        let told = gdb.monitor("fault");
        for words in [
            &format!("a jump to {pc}"),
            "lr says that it came from appli::mailbox::obey (mailbox.rs:",
            "which is no code",
        ] {
            assert!(told.contains(words), "`{words}` is not in {told}");
        }
    }
}

/// A BKPT of the program itself stops like a breakpoint, and a continue passes it.
#[test]
fn a_breakpoint_instruction_is_a_trap_and_is_passed() {
    let (_board, _server, mut gdb) = session();
    let stop = provoke(&mut gdb, command::BREAKPOINT, 0);
    assert_eq!(stop.signal(), "SIGTRAP", "{}", stop.record);
    assert_eq!(stop.function(), "obey", "{}", stop.record);
    gdb.run_to("work");
    let mailbox = gdb.number("&MAILBOX");
    assert_eq!(gdb.word(mailbox + 4), 0, "the command was served");
}

/// A panic faults nothing: the appli stays where it stopped itself, and an interrupt shows where.
#[test]
fn a_panic_is_found_by_an_interrupt() {
    let (_board, _server, mut gdb) = session();
    put(&mut gdb, command::PANIC, 0);
    gdb.ok("-break-insert -t appli::faults::stop");
    let stop = gdb.stopped("-exec-continue");
    assert_eq!(stop.function(), "stop", "{}", stop.record);
    let frames = gdb.ok("-stack-list-frames").results;
    assert!(frames.contains("panic"), "{frames}");
}

/// A program that resets itself goes through the boot stage and keeps its breakpoints; that it was reset is said.
#[test]
fn a_reset_by_the_program_is_noticed() {
    let (_board, _server, mut gdb) = session();
    put(&mut gdb, command::RESET, 0);
    gdb.ok("-break-insert -t main");
    let stop = gdb.stopped("-exec-continue");
    assert_eq!(stop.function(), "main", "{}", stop.record);
    assert!(stop.text.contains("XG085"), "{}", stop.text);
}

/// With the catch off the program's own handler gets the fault.
#[test]
fn faults_can_be_left_to_the_program() {
    let (_board, _server, mut gdb) = session();
    gdb.monitor("catch off");
    put(&mut gdb, command::UNDEFINED_INSTRUCTION, 0);
    gdb.ok("-break-insert -t appli::faults::stop");
    let stop = gdb.stopped("-exec-continue");
    assert_eq!(stop.reason(), "breakpoint-hit", "{}", stop.record);
    assert_eq!(stop.function(), "stop");
}

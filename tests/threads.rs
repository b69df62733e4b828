//! RTOS threads in a real GDB: recorded kernels in the memory of a virtual board, and Embassy tasks that run on it.
//!
//! The kernels themselves are not here. tests/thread-images has what they keep in memory, recorded while they ran on the virtual board;
//! a file with their symbols, and nothing else, is the appli.

mod support;

use std::fs;

use support::{
    board::{Board, text},
    debugger::Debugger,
    firmware,
    gdb::Gdb,
    golden::assert_golden,
    recorded::{CODE, Recorded},
    rsp::Client,
    server::Server,
};

/// A board with a recorded program in its memory, served, and a GDB that has stopped in it.
struct Bench {
    gdb: Gdb,
    server: Server,
    _board: Board,
}

impl Bench {
    fn of(image: &str) -> Self {
        let recorded = Recorded::read(image);
        let board = Board::booted();
        let appli = board.file("kernel.elf");
        fs::write(&appli, recorded.elf()).expect("a file of symbols");
        let server = board.serve(&["--appli", &text(&appli)]);
        let mut gdb = Gdb::connect(Some(&appli), server.port);
        recorded.lay(&board, &mut gdb);
        Self {
            gdb,
            server,
            _board: board,
        }
    }
}

/// `info threads`, switching, registers of a switched-out task with its FP frame, and what cannot be done with one.
#[test]
fn freertos_tasks_are_threads() {
    let mut bench = Bench::of("freertos.memory");
    let gdb = &mut bench.gdb;
    let table = gdb.cli("info threads");
    assert_golden("mi/threads-freertos.txt", &table);
    assert_golden("mi/threads-freertos-monitor.txt", &gdb.monitor("threads"));

    gdb.cli("thread find floats$");
    let floats =
        "python [t.switch() for t in gdb.selected_inferior().threads() if t.name == 'floats']";
    gdb.cli(floats);
    assert_eq!(gdb.pc(), 0x7000_05C0);
    assert_eq!(gdb.number("$sp"), 0x2000_0D8C);
    assert_eq!(gdb.value("$s20"), "6.75");
    assert_eq!(gdb.value("$primask"), "<unavailable>");

    // A saved register is where the kernel has put it.
    gdb.cli("set $r4 = 0x12345678");
    assert_eq!(gdb.number("$r4"), 0x1234_5678);
    let refused = gdb.fails("-gdb-set var $sp = 0x20000000");
    assert!(!refused.message().is_empty());

    // A step of a task that does not run moves nothing, and says so.
    let stop = gdb.stopped("-exec-step-instruction");
    assert!(stop.text.contains("XG101"), "{}", stop.text);
    assert_eq!(stop.signal(), "SIGINT");
    assert_eq!(gdb.pc(), 0x7000_05C0);

    // The task that runs has all registers, and steps.
    gdb.cli(
        "python [t.switch() for t in gdb.selected_inferior().threads() if t.name == 'floats2']",
    );
    assert_eq!(gdb.pc(), CODE + 2);
    gdb.stopped("-exec-step-instruction");
    assert_eq!(gdb.pc(), CODE + 4);
    assert_ne!(gdb.number("$r4"), 0x1234_5678, "that is the other task's");
}

/// Zephyr: what it tells debuggers of itself lies in flash, and the appli's file has it.
#[test]
fn zephyr_threads_are_threads() {
    let mut bench = Bench::of("zephyr.memory");
    let gdb = &mut bench.gdb;
    assert_golden("mi/threads-zephyr.txt", &gdb.cli("info threads"));
    assert_golden("mi/threads-zephyr-monitor.txt", &gdb.monitor("threads"));
    gdb.cli("python [t.switch() for t in gdb.selected_inferior().threads() if t.name == 'floats']");
    assert_eq!(gdb.pc(), 0x7000_1288);
    assert_eq!(gdb.value("$s20"), "3.75");
    gdb.cli(
        "python [t.switch() for t in gdb.selected_inferior().threads() if t.name == 't_waits']",
    );
    assert_eq!(gdb.value("$s20"), "<unavailable>");
}

/// GDB 13 ends itself at a stop of a thread that it does not find in the list: what runs before a kernel's first thread is in none.
#[test]
fn a_stop_of_a_thread_that_is_in_no_list() {
    const CURRENT: u32 = 0x2000_096C + 8;
    let Bench {
        mut gdb,
        server,
        _board: board,
    } = Bench::of("zephyr.memory");
    gdb.set_word(CURRENT, 0x2000_2000);
    drop(gdb);
    for debugger in Debugger::ALL {
        let mut gdb = Gdb::connect_as(debugger, Some(&board.file("kernel.elf")), server.port);
        let table = gdb.cli("info threads");
        let selected = table.lines().find(|line| line.starts_with('*'));
        let core = selected.is_some_and(|line| line.contains("Thread 536879104 \"Cortex-M7\""));
        assert!(core, "{table}");
        let stop = gdb.stopped("-exec-step-instruction");
        assert_eq!(stop.reason(), "end-stepping-range", "{}", stop.record);
    }
}

/// A breakpoint for one task lets the others pass.
#[test]
fn a_breakpoint_for_another_task_does_not_stop_this_one() {
    let mut bench = Bench::of("freertos.memory");
    let gdb = &mut bench.gdb;
    let idle =
        "python print([t.num for t in gdb.selected_inferior().threads() if t.name == 'IDLE'][0])";
    let idle = gdb.cli(idle);
    gdb.cli(&format!("hbreak *{:#x} thread {}", CODE + 6, idle.trim()));
    gdb.cli(&format!("hbreak *{:#x}", CODE + 10));
    let stop = gdb.stopped("-exec-continue");
    assert_eq!(stop.address(), CODE + 10, "{}", stop.record);
}

/// Threads have the same ids for the next client, and for one that only looks.
#[test]
fn every_client_sees_the_same_threads() {
    let bench = Bench::of("threadx.memory");
    let mut looks = Client::connect(bench.server.port);
    assert!(looks.ask("?").starts_with("T05thread:20000784;"));
    let ids = looks.ask("qfThreadInfo");
    assert_eq!(ids.split(',').count(), 11, "{ids}");
    assert_eq!(looks.ask("Hg200006d0"), "OK");
    let general = looks.ask("g");
    assert_eq!(&general[15 * 8..16 * 8], "0c190070", "pc of filter 1");
    assert_eq!(
        looks.ask("p21"),
        "0000d84000000000",
        "s20 and s21 of filter 1"
    );
    assert_eq!(looks.ask("Hg0"), "OK");
    assert_eq!(looks.ask("T20000784"), "OK");
    assert_eq!(looks.ask("T20000780"), "E03");
    let Bench {
        gdb,
        server,
        _board,
    } = bench;
    drop((gdb, looks));
    let mut next = Client::connect(server.port);
    assert!(next.ask("?").starts_with("T05thread:20000784;"));
    assert_eq!(next.ask("qfThreadInfo"), ids);
}

/// A reset leaves the kernel's memory as it was; its threads are gone all the same.
#[test]
fn after_a_reset_there_is_one_thread() {
    let mut bench = Bench::of("freertos.memory");
    bench.gdb.monitor("reset boot");
    let table = bench.gdb.monitor("threads");
    assert!(table.contains(": 1 thread\n"), "{table}");
}

/// Embassy: the core is a thread, and each task one that has nothing but the place at which it goes on.
#[test]
fn embassy_tasks_are_threads() {
    let board = Board::with_appli("tasks.elf");
    let server = board.serve_appli("tasks.elf");
    let mut gdb = Gdb::connect(Some(&firmware("tasks.elf")), server.port);
    gdb.monitor("reset halt");
    assert!(gdb.monitor("threads").contains(": 1 thread\n"));
    gdb.ok("-break-insert tasks::toggled");
    assert_eq!(gdb.stopped("-exec-continue").function(), "toggled");
    assert_golden("mi/threads-embassy.txt", &gdb.cli("info threads"));
    assert_golden("mi/threads-embassy-monitor.txt", &gdb.monitor("threads"));
    let every = gdb.cli("thread apply all backtrace 3");
    assert!(every.contains("tasks::toggled"), "{every}");
    assert!(every.contains("TaskStorage"), "{every}");
    gdb.cli("thread 3");
    assert_eq!(gdb.value("$sp"), "<unavailable>");
    let stop = gdb.stopped("-exec-continue");
    assert_eq!(stop.reason(), "breakpoint-hit", "{}", stop.record);
}

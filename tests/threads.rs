//! RTOS threads in a real GDB: recorded kernels in the memory of a virtual board, and Embassy tasks that run on it.
//!
//! The kernels themselves are not here. tests/thread-images has what they keep in memory, recorded while they ran on the virtual board;
//! a file with their symbols, and nothing else, is the appli.

mod support;

use std::fs;

use support::{
    board::{Board, text},
    firmware,
    gdb::Gdb,
    golden::assert_golden,
    repository,
    rsp::Client,
    server::Server,
};

/// Where the core executes while the recorded memory is looked at: NOPs in AXI SRAM.
const CODE: u32 = 0x2400_0000;
const NOP: u16 = 0xBF00;

/// A recorded program.
struct Recorded {
    symbols: Vec<(String, u32, u32)>,
    registers: Vec<(String, u32)>,
    start: u32,
    bytes: Vec<u8>,
}

impl Recorded {
    fn read(name: &str) -> Self {
        let path = repository("tests/thread-images").join(name);
        let text = fs::read_to_string(path).expect("a recorded image");
        let mut recorded = Self {
            symbols: Vec::new(),
            registers: Vec::new(),
            start: 0,
            bytes: Vec::new(),
        };
        for line in text.lines().filter(|line| !line.starts_with('#')) {
            let words: Vec<&str> = line.split_whitespace().collect();
            match words[..] {
                ["symbol", name, address, size] => {
                    let size = size.parse().expect("a size");
                    recorded.symbols.push((name.to_owned(), hex(address), size));
                }
                ["register", name, value] => {
                    recorded.registers.push((name.to_owned(), hex(value)));
                }
                // The first memory is RAM; names that lie in flash come after it.
                ["memory", ..] if !recorded.bytes.is_empty() => break,
                ["memory", address, length] => {
                    recorded.start = hex(address);
                    recorded.bytes = vec![0; hex(length) as usize];
                }
                [address, row] => {
                    let at = (hex(address) - recorded.start) as usize;
                    for (index, pair) in row.as_bytes().chunks(2).enumerate() {
                        let pair = String::from_utf8_lossy(pair);
                        recorded.bytes[at + index] = hex(&pair) as u8;
                    }
                }
                _ => panic!("not understood: {line}"),
            }
        }
        recorded
    }

    fn register(&self, name: &str) -> u32 {
        let found = self.registers.iter().find(|(known, _)| known == name);
        found.expect("a recorded register").1
    }

    /// An ELF file of symbols alone: enough for a server to find the kernel, and for GDB to be content.
    fn elf(&self) -> Vec<u8> {
        const HEADER: usize = 52;
        const OBJECT: u8 = 1;
        const ABSOLUTE: u16 = 0xFFF1;
        let mut names = vec![0];
        let mut symbols = vec![0; 16];
        for (name, address, size) in &self.symbols {
            symbols.extend((names.len() as u32).to_le_bytes());
            names.extend(name.bytes().chain([0]));
            symbols.extend(address.to_le_bytes());
            symbols.extend(size.to_le_bytes());
            symbols.extend([OBJECT | 1 << 4, 0]);
            symbols.extend(ABSOLUTE.to_le_bytes());
        }
        let sections = b"\0.symtab\0.strtab\0.shstrtab\0";
        let (symbols_at, names_at) = (HEADER, HEADER + symbols.len());
        let sections_at = names_at + names.len();
        let table_at = (sections_at + sections.len()).next_multiple_of(4);
        // e_ident, ET_EXEC, EM_ARM, version, entry, program headers, section headers, flags (EABI 5), sizes and counts.
        let mut elf = b"\x7FELF\x01\x01\x01\0\0\0\0\0\0\0\0\0".to_vec();
        elf.extend([2, 0, 40, 0]);
        for word in [1, 0, 0, table_at as u32, 0x0500_0000] {
            elf.extend(u32::to_le_bytes(word));
        }
        for half in [HEADER as u16, 0, 0, 40, 4, 3] {
            elf.extend(half.to_le_bytes());
        }
        elf.extend(&symbols);
        elf.extend(&names);
        elf.extend(sections);
        elf.resize(table_at, 0);
        // name, type, flags, address, offset, size, link, info, alignment, entry size
        for section in [
            [0; 10],
            [1, 2, 0, 0, symbols_at, symbols.len(), 2, 1, 4, 16],
            [9, 3, 0, 0, names_at, names.len(), 0, 0, 1, 0],
            [17, 3, 0, 0, sections_at, sections.len(), 0, 0, 1, 0],
        ] {
            elf.extend(
                section
                    .into_iter()
                    .flat_map(|word| (word as u32).to_le_bytes()),
            );
        }
        elf
    }
}

fn hex(text: &str) -> u32 {
    u32::from_str_radix(text.trim_start_matches("0x"), 16).expect("a number")
}

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
        let memory = board.file("memory.bin");
        fs::write(&memory, &recorded.bytes).expect("a file of memory");
        let code = board.file("code.bin");
        fs::write(&code, NOP.to_le_bytes().repeat(16)).expect("a file of code");
        let server = board.serve(&["--appli", &text(&appli)]);
        let mut gdb = Gdb::connect(Some(&appli), server.port);
        let start = recorded.start;
        for (file, address) in [(memory, start), (code, CODE)] {
            gdb.cli(&format!("restore {} binary {address:#x}", text(&file)));
        }
        for (register, value) in [
            ("control", recorded.register("control")),
            ("sp", recorded.register("psp")),
            ("pc", CODE),
        ] {
            gdb.cli(&format!("set ${register} = {value:#x}"));
        }
        gdb.stopped("-exec-step-instruction");
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

//! The external loader, called as a host calls it: registers by AAPCS, LR on a breakpoint.

use std::time::Duration;

use goblin::elf::{Elf, program_header::PT_LOAD};
use probe_rs::{CoreStatus, MemoryInterface, Permissions, RegisterId, Session};
use virtual_board::{board::XspiPort, handle::VirtualBoard};

use crate::{INTERNAL_FLASH, NOR, common, image::Image};

const PATIENCE: Duration = Duration::from_millis(100);
const SP: RegisterId = RegisterId(13);
const LR: RegisterId = RegisterId(14);
const PC: RegisterId = RegisterId(15);
const XPSR: RegisterId = RegisterId(16);
const THUMB_STATE: u32 = 1 << 24;

/// `bkpt #0`, where every call returns to.
const RETURN: u32 = 0x2400_0000;
const BKPT: u16 = 0xbe00;
const STACK: u32 = 0x2000_ff00;
const BUFFER: u32 = 0x2400_1000;
const SUCCESS: u32 = 1;

/// A board reset and halted, with the loader in its RAM.
pub struct Host {
    pub board: VirtualBoard,
    session: Session,
    loader: Image,
    port: XspiPort,
}

impl Host {
    fn initialised() -> Self {
        Self::on(common::board())
    }

    /// Besides the initialised loader there is a boot stage in internal flash and `appli` in the NOR.
    pub fn with_boot_and(appli: &Image) -> Self {
        let boot = Image::load("boot.elf").contents(INTERNAL_FLASH);
        let builder = common::builder()
            .boot_image(boot)
            .nor_image(appli.contents(NOR));
        Self::on(VirtualBoard::new(builder.build().unwrap()))
    }

    fn on(board: VirtualBoard) -> Self {
        Self::with("loader.elf", board, XspiPort::Xspi2)
    }

    /// The loader of that name, initialised, on a board where it opens that window.
    pub fn with(loader: &str, board: VirtualBoard, port: XspiPort) -> Self {
        let loader = Image::load(loader);
        let mut session = board
            .open()
            .attach("STM32H7S7L8", Permissions::default())
            .unwrap();
        let mut core = session.core(0).unwrap();
        core.reset_and_halt(PATIENCE).unwrap();
        let elf = Elf::parse(&loader.bytes).unwrap();
        for header in elf
            .program_headers
            .iter()
            .filter(|header| header.p_type == PT_LOAD)
        {
            core.write_8(header.p_paddr, &loader.bytes[header.file_range()])
                .unwrap();
        }
        core.write_16(RETURN.into(), &[BKPT]).unwrap();
        drop(core);
        let mut host = Self {
            board,
            session,
            loader,
            port,
        };
        let outcome = host.call("Init", &[]);
        assert_eq!(outcome, SUCCESS, "{:x?}", host.last_failure());
        assert!(host.is_mapped());
        host
    }

    /// Calls `function` and waits for its return; R0.
    fn call(&mut self, function: &str, arguments: &[u32]) -> u32 {
        self.start(function, arguments);
        for _ in 0..10_000 {
            self.board.idle(Duration::from_millis(1));
            if self.is_halted() {
                return self.result(function);
            }
        }
        panic!("{function} does not return");
    }

    /// Calls `function` and does not wait.
    pub fn start(&mut self, function: &str, arguments: &[u32]) {
        self.start_at(self.loader.symbol(function), arguments);
    }

    fn start_at(&mut self, entry: u32, arguments: &[u32]) {
        let mut core = self.session.core(0).unwrap();
        for (register, argument) in (0u16..).zip(arguments) {
            core.write_core_reg(RegisterId(register), *argument)
                .unwrap();
        }
        core.write_core_reg(SP, STACK).unwrap();
        core.write_core_reg(LR, RETURN | 1).unwrap();
        core.write_core_reg(PC, entry & !1).unwrap();
        core.write_core_reg(XPSR, THUMB_STATE).unwrap();
        core.run().unwrap();
    }

    fn result(&mut self, function: &str) -> u32 {
        let pc: u32 = self.register(PC);
        assert_eq!(pc, RETURN, "{function} stopped elsewhere");
        self.register(RegisterId(0))
    }

    fn is_halted(&mut self) -> bool {
        let status = self.session.core(0).unwrap().status().unwrap();
        matches!(status, CoreStatus::Halted(_))
    }

    fn register(&mut self, register: RegisterId) -> u32 {
        self.session
            .core(0)
            .unwrap()
            .read_core_reg(register)
            .unwrap()
    }

    fn write(&mut self, address: u32, bytes: &[u8]) {
        self.session
            .core(0)
            .unwrap()
            .write_8(address.into(), bytes)
            .unwrap();
    }

    fn words<const N: usize>(&mut self, address: u32) -> [u32; N] {
        let mut words = [0; N];
        self.session
            .core(0)
            .unwrap()
            .read_32(address.into(), &mut words)
            .unwrap();
        words
    }

    fn last_failure(&mut self) -> [u32; 3] {
        self.words(self.loader.symbol("LastFailure"))
    }

    fn is_mapped(&self) -> bool {
        self.board.with(|board| board.is_mapped(self.port))
    }

    fn nor(&self, offset: u32, length: usize) -> Vec<u8> {
        let mut bytes = vec![0; length];
        self.board
            .with(|board| board.nor_contents(offset, &mut bytes));
        bytes
    }

    /// A range across pages, which does not begin at one, in sectors that were not blank.
    pub fn erases_programs_and_verifies(&mut self, window: u32) {
        let bytes = pattern(1_000);
        self.board
            .with(|board| board.program_nor(0x1_0000, &[0; 0x3000]))
            .unwrap();
        self.write(BUFFER, &bytes);

        assert_eq!(
            self.call("SectorErase", &[window + 0x1_0000, window + 0x1_1000]),
            SUCCESS
        );
        assert_eq!(self.nor(0x1_0000, 0x2000), vec![0xff; 0x2000]);
        assert_eq!(self.nor(0x1_2000, 0x1000), vec![0; 0x1000]);

        assert_eq!(
            self.call("Write", &[window + 0x1_0003, 1_000, BUFFER]),
            SUCCESS
        );
        assert_eq!(self.nor(0x1_0003, 1_000), bytes);
        assert_eq!(self.nor(0x1_0000, 3), [0xff; 3]);
        assert!(!self.is_mapped());

        assert_eq!(self.call("Verify", &[window + 0x1_0003, BUFFER, 250, 0]), 0);
        let sum = bytes.iter().map(|byte| u32::from(*byte)).sum::<u32>();
        assert_eq!(self.register(RegisterId(1)), sum);
        assert!(self.is_mapped());
        self.write(BUFFER + 500, &[!bytes[500]]);
        assert_eq!(
            self.call("Verify", &[window + 0x1_0003, BUFFER, 250, 0]),
            window + 0x1_0003 + 500
        );
        assert_eq!(
            self.call("CheckSum", &[window + 0x1_0003, 1_000, 5]),
            sum + 5
        );

        assert_eq!(
            self.call("Read", &[window + 0x1_0003, 1_000, BUFFER]),
            SUCCESS
        );
        let mut read = vec![0; 1_000];
        self.session
            .core(0)
            .unwrap()
            .read_8(BUFFER.into(), &mut read)
            .unwrap();
        assert_eq!(read, bytes);
    }
}

fn pattern(length: usize) -> Vec<u8> {
    (0..length)
        .map(|index| (index * 7 + index / 256) as u8)
        .collect()
}

#[test]
fn storage_info_describes_the_chip() {
    let loader = Image::load("loader.elf");
    let elf = Elf::parse(&loader.bytes).unwrap();
    let address = u64::from(loader.symbol("StorageInfo"));
    let header = elf
        .program_headers
        .iter()
        .find(|header| header.vm_range().contains(&(address as usize)))
        .unwrap();
    let start = (header.p_offset + address - header.p_vaddr) as usize;
    let info = &loader.bytes[start..start + 200];
    let word = |at: usize| u32::from_le_bytes(info[at..at + 4].try_into().unwrap());
    assert_eq!(u16::from_le_bytes([info[100], info[101]]), 3);
    assert_eq!((word(104), word(108), word(112)), (NOR, 0x0800_0000, 256));
    assert_eq!(info[116], 0xff);
    assert_eq!((word(120), word(124), word(128)), (0x8000, 0x1000, 0));
}

#[test]
fn init_maps_the_window() {
    Host::initialised();
}

#[test]
fn a_chip_is_erased_programmed_verified_and_read() {
    Host::initialised().erases_programs_and_verifies(NOR);
}

#[test]
fn whole_blocks_are_erased_at_once() {
    let mut host = Host::initialised();
    let before = host.board.with(|board| board.nor_wear().erased_sectors);
    assert_eq!(
        host.call("SectorErase", &[NOR + 0xf000, NOR + 0x2_0000]),
        SUCCESS
    );
    let erased = host.board.with(|board| board.nor_wear().erased_sectors) - before;
    assert_eq!(erased, 3, "one sector, one block, one sector");
}

#[test]
fn an_address_outside_is_refused_with_its_reason() {
    const OUT_OF_RANGE: u32 = 8;
    let mut host = Host::initialised();
    assert_eq!(host.call("Write", &[NOR + 0x0800_0000, 4, BUFFER]), 0);
    assert_eq!(host.last_failure(), [OUT_OF_RANGE, NOR + 0x0800_0000, 0]);
}

#[test]
fn fast_crc_checks_many_sectors_in_one_call() {
    /// CRC-32 of 4,096 bytes of 0xFF, and of "123456789" (the catalogue's check value).
    const ERASED_SECTOR: u32 = 0xf154_670a;
    const CHECK: u32 = 0xcbf4_3926;
    let mut host = Host::initialised();
    assert_eq!(host.call("FastCrc", &[NOR, 0x1000, 4, BUFFER]), SUCCESS);
    assert_eq!(host.words(BUFFER), [ERASED_SECTOR; 4]);
    host.board
        .with(|board| board.program_nor(0x8000, b"123456789"))
        .unwrap();
    assert_eq!(host.call("FastCrc", &[NOR + 0x8000, 9, 1, BUFFER]), SUCCESS);
    assert_eq!(host.words(BUFFER), [CHECK]);
}

/// Entries of the mailbox of FastProgram: 12 bytes of counters, then 32 entries of work, address, length and data.
struct Mailbox {
    sent: u32,
}

impl Mailbox {
    const AT: u32 = 0x2400_0800;
    const ENTRIES: u32 = 32;
    const BYTES: usize = 12 + 16 * Self::ENTRIES as usize;

    fn start(host: &mut Host) -> Self {
        host.write(Self::AT, &[0; Self::BYTES]);
        host.start("FastProgram", &[Self::AT]);
        Self { sent: 0 }
    }

    /// Waits until at most `ahead` entries are still to be done.
    fn wait(&self, host: &mut Host, ahead: u32) {
        for _ in 0..10_000 {
            if self.sent - host.words::<1>(Self::AT + 8)[0] <= ahead {
                return;
            }
            host.board.idle(Duration::from_micros(100));
        }
        panic!("the queue stands still");
    }

    fn send(&mut self, host: &mut Host, entry: [u32; 4]) {
        let at = Self::AT + 12 + 16 * (self.sent % Self::ENTRIES);
        host.write(at, entry.map(u32::to_le_bytes).as_flattened());
        self.sent += 1;
        host.write(Self::AT, &self.sent.to_le_bytes());
    }

    /// Says stop and waits: how many entries were done.
    fn finish(self, host: &mut Host) -> u32 {
        host.write(Self::AT + 4, &1u32.to_le_bytes());
        for _ in 0..10_000 {
            host.board.idle(Duration::from_millis(1));
            if host.is_halted() {
                break;
            }
        }
        host.words::<1>(Self::AT + 8)[0]
    }
}

const PROGRAM: u32 = 0;
const ERASE_SECTOR: u32 = 1;
const ERASE_BLOCK: u32 = 2;

#[test]
fn fast_program_works_while_the_host_fills_the_other_buffer() {
    const SLOT_BYTES: u32 = 0x1000;
    let mut host = Host::initialised();
    let bytes = pattern(40 * SLOT_BYTES as usize);
    let mut mailbox = Mailbox::start(&mut host);
    for (turn, chunk) in (0u32..).zip(bytes.chunks(SLOT_BYTES as usize)) {
        let data = BUFFER + SLOT_BYTES * (turn % 2);
        mailbox.wait(&mut host, 1);
        host.write(data, chunk);
        mailbox.send(
            &mut host,
            [PROGRAM, NOR + turn * SLOT_BYTES, SLOT_BYTES, data],
        );
    }
    assert_eq!(mailbox.finish(&mut host), 40);
    assert_eq!(host.result("FastProgram"), SUCCESS);
    assert_eq!(host.nor(0, bytes.len()), bytes);
}

#[test]
fn erases_are_entries_of_the_same_queue() {
    let mut host = Host::initialised();
    let before = vec![0x55; 0x2_0000];
    host.board
        .with(|board| board.program_nor(0, &before))
        .unwrap();
    let wear = host.board.with(|board| board.nor_wear().erased_sectors);
    host.write(BUFFER, &[1, 2, 3, 4]);
    let mut mailbox = Mailbox::start(&mut host);
    mailbox.send(&mut host, [ERASE_SECTOR, NOR + 0x1000, 0, 0]);
    mailbox.send(&mut host, [ERASE_BLOCK, NOR + 0x1_0000, 0, 0]);
    mailbox.send(&mut host, [PROGRAM, NOR + 0x1_0000, 4, BUFFER]);
    assert_eq!(mailbox.finish(&mut host), 3);
    assert_eq!(host.result("FastProgram"), SUCCESS);
    let erased = host.board.with(|board| board.nor_wear().erased_sectors) - wear;
    assert_eq!(erased, 2);
    assert_eq!(host.nor(0xffe, 4), [0x55, 0x55, 0xff, 0xff]);
    assert_eq!(host.nor(0x1ffe, 4), [0xff, 0xff, 0x55, 0x55]);
    assert_eq!(host.nor(0x1_0000, 6), [1, 2, 3, 4, 0xff, 0xff]);
}

#[test]
fn a_failed_entry_ends_the_queue_and_is_the_last_failure() {
    const OUT_OF_RANGE: u32 = 8;
    let mut host = Host::initialised();
    let mut mailbox = Mailbox::start(&mut host);
    mailbox.send(&mut host, [ERASE_SECTOR, NOR, 0, 0]);
    mailbox.send(&mut host, [ERASE_BLOCK, NOR - 0x1000, 0, 0]);
    assert_eq!(mailbox.finish(&mut host), 1);
    assert_eq!(host.result("FastProgram"), 0);
    assert_eq!(host.last_failure(), [OUT_OF_RANGE, NOR - 0x1000, 0]);
}

#[test]
fn checksums_of_any_runs_are_computed_where_the_routine_was_put() {
    /// CRC-32 of "123456789" (the catalogue's check value).
    const CHECK: u32 = 0xcbf4_3926;
    const ROUTINE: u32 = 0x2400_0800;
    const RUNS: u32 = 0x2400_0c00;
    let mut host = Host::initialised();
    host.board
        .with(|board| board.program_nor(0x7ffd, b"123456789123456789"))
        .unwrap();
    let code = Image::load("checksum.elf").contents(0);
    host.write(ROUTINE, &code);
    let runs = [[NOR + 0x7ffd, 9], [NOR + 0x8006, 9], [NOR + 0x7ff0, 0x20]];
    host.write(
        RUNS,
        runs.map(|run| run.map(u32::to_le_bytes))
            .as_flattened()
            .as_flattened(),
    );
    host.start_at(ROUTINE, &[RUNS, 3, 0x8000, BUFFER]);
    host.board.idle(Duration::from_millis(1));
    assert!(host.is_halted());
    assert_eq!(
        host.result("Checksum"),
        5,
        "two runs cross a multiple of the unit"
    );
    let [head, tail, whole, before, behind] = host.words(BUFFER);
    assert_eq!(whole, CHECK);
    assert_eq!((head, tail), (crc32(b"123"), crc32(b"456789")));
    assert_eq!(before, crc32(&[&[0xff; 13][..], b"123"].concat()));
    assert_eq!(
        behind,
        crc32(&[b"456789123456789".as_slice(), &[0xff]].concat())
    );
}

/// CRC-32 by its definition, bit by bit.
fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| {
            crc >> 1 ^ if crc & 1 == 1 { 0xedb8_8320 } else { 0 }
        })
    })
}

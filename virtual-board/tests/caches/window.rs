//! The window's contents change under the caches, on the board with its own boot stage and appli.

use virtual_board::{board::Board, clock::Time, debug_port::Register};

use crate::{common, image::Image};

const NOR: u32 = 0x7000_0000;
/// A word of the NOR that nobody uses.
const SPARE: u32 = 0x0010_0000;
const DHCSR: u32 = 0xE000_EDF0;
const HALT: u32 = 0xA05F_0003;
const RUN: u32 = 0xA05F_0001;
const DCRSR: u32 = 0xE000_EDF4;
const DCRDR: u32 = 0xE000_EDF8;
const DCIMVAC: u32 = 0xE000_EF5C;
const ICIALLU: u32 = 0xE000_EF50;
/// `ldr r2, [r0]` and `bkpt 0`, placed in ITCM.
const LOAD: u32 = 0x0000_FF00;
const LOAD_CODE: u32 = 0xBE00_6802;

const IDENTITY: Register = Register::Debug(0x0);
const CTRL_STAT: Register = Register::Debug(0x4);
const SELECT: Register = Register::Debug(0x8);
const CSW: Register = Register::Access(0x0);
const TAR: Register = Register::Access(0x4);
const DRW: Register = Register::Access(0xC);
const READ_BUFFER: Register = Register::Debug(0xC);
const WORDS: u32 = 0x2300_0002;
const CACHEABLE: u32 = 1 << 27;

/// A halted board whose appli has both caches on, driven through AP1.
struct Bench(Board);

impl Bench {
    fn running() -> Self {
        let builder = common::builder()
            .boot_image(Image::load("boot.elf").contents(0x0800_0000))
            .nor_image(Image::load("appli.elf").contents(NOR));
        let mut bench = Self(builder.build().unwrap());
        bench.0.run_for(Time::millis(400));
        bench.connect();
        bench.write(DHCSR, HALT);
        bench.write(LOAD, LOAD_CODE);
        bench
    }

    /// Line reset, SWD, power, AP1.
    fn connect(&mut self) {
        for (count, bits) in [(51, u64::MAX), (16, 0xE79E), (51, u64::MAX), (8, 0)] {
            self.0.sequence(count, bits);
        }
        self.0.transfer_read(IDENTITY).unwrap();
        self.0.transfer_write(SELECT, 0).unwrap();
        self.0.transfer_write(CTRL_STAT, 0x5000_0000).unwrap();
        self.0.transfer_write(SELECT, 1 << 24).unwrap();
        self.0.transfer_write(CSW, WORDS).unwrap();
    }

    fn write(&mut self, address: u32, value: u32) {
        self.0.transfer_write(TAR, address).unwrap();
        self.0.transfer_write(DRW, value).unwrap();
    }

    fn read(&mut self, protection: u32, address: u32) -> u32 {
        self.0.transfer_write(CSW, WORDS | protection).unwrap();
        self.0.transfer_write(TAR, address).unwrap();
        self.0.transfer_read(DRW).unwrap();
        let value = self.0.transfer_read(READ_BUFFER).unwrap();
        self.0.transfer_write(CSW, WORDS).unwrap();
        value
    }

    fn set_register(&mut self, number: u32, value: u32) {
        self.write(DCRDR, value);
        self.write(DCRSR, 1 << 16 | number);
    }

    /// The core loads the spare word.
    fn load(&mut self) -> u32 {
        self.set_register(0, NOR + SPARE);
        self.set_register(15, LOAD);
        self.write(DHCSR, RUN);
        self.0.run_for(Time::micros(10));
        self.write(DCRSR, 2);
        self.read(0, DCRDR)
    }
}

#[test]
fn a_window_reprogrammed_under_the_data_cache_reads_as_before_until_invalidated() {
    let mut bench = Bench::running();
    bench.0.program_nor(SPARE, &[0x11; 4]).unwrap();
    assert_eq!(bench.load(), 0x1111_1111);
    bench.0.program_nor(SPARE, &[0x22; 4]).unwrap();
    assert_eq!(bench.load(), 0x1111_1111, "the core's line");
    assert_eq!(bench.read(CACHEABLE, NOR + SPARE), 0x1111_1111);
    assert_eq!(bench.read(0, NOR + SPARE), 0x2222_2222);
    bench.write(DCIMVAC, NOR + SPARE);
    assert_eq!(bench.load(), 0x2222_2222);
}

#[test]
fn a_window_reprogrammed_under_the_instruction_cache_executes_as_before_until_invalidated() {
    /// `bkpt 1` and `bkpt 2` after instructions that tell them apart.
    const FIRST: u32 = 0xBE01_2201; // movs r2, #1
    const SECOND: u32 = 0xBE01_2202; // movs r2, #2
    let mut bench = Bench::running();
    let mut execute = |code: u32, invalidate: bool| {
        bench.0.program_nor(SPARE, &code.to_le_bytes()).unwrap();
        if invalidate {
            bench.write(ICIALLU, 0);
        }
        bench.set_register(15, NOR + SPARE);
        bench.write(DHCSR, RUN);
        bench.0.run_for(Time::micros(10));
        bench.write(DCRSR, 2);
        bench.read(0, DCRDR)
    };
    assert_eq!(execute(FIRST, false), 1);
    assert_eq!(execute(SECOND, false), 1, "stale");
    assert_eq!(execute(SECOND, true), 2);
}

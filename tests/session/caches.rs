//! Memory behind the core's caches: what the client reads is what the core has, what he writes is what the core reads and executes, with
//! a probe that looks into the data cache and with one that cannot.

use std::time::Duration;

use virtual_board::{board::Board, handle::VirtualBoard};
use xspi_gdb::{
    breakpoints::{Kind, Request},
    layout::Address,
    link::Unattended,
    session::{StopReason, StopReason::Breakpoint},
};

use crate::bench::{Bench, contents};

/// AXI SRAM that the appli leaves alone, write-back by the default memory map.
const CACHED: Address = Address(0x2404_0000);
/// ITCM that it leaves alone.
const CODE: Address = Address(0x0000_FF00);

/// `str r1, [r0]` and `ldr r2, [r0]`.
const STORE: u16 = 0x6001;
const LOAD: u16 = 0x6802;
const NOP: u16 = 0xBF00;

const OLD: u32 = 0x0123_4567;
const NEW: u32 = 0x89AB_CDEF;

impl Bench {
    /// A halted appli with both caches on; can the probe make cacheable accesses?
    fn cached(coherent: bool) -> Self {
        let builder = Board::builder()
            .strict(true)
            .cacheable_debug(coherent)
            .boot_image(contents("boot.elf", 0x0800_0000))
            .nor_image(contents("appli.elf", 0x7000_0000));
        let board = VirtualBoard::new(builder.build().expect("a board without a state file"));
        board.idle(Duration::from_millis(500));
        let mut bench = Self::attach(board);
        assert_eq!(bench.word(Address(0xE000_ED14)) >> 16 & 3, 3, "caches on");
        bench
    }

    fn place(&mut self, address: Address, code: &[u16]) {
        let bytes: Vec<u8> = code.iter().flat_map(|half| half.to_le_bytes()).collect();
        self.session.write_memory(address, &bytes).expect("RAM");
    }

    fn write(&mut self, address: Address, value: u32) {
        let bytes = value.to_le_bytes();
        self.session.write_memory(address, &bytes).expect("RAM");
    }

    /// The core executes one instruction with these in R0 and R1, and ends with this in R2.
    fn execute(&mut self, instruction: u16, r0: u32, r1: u32) -> u32 {
        self.place(CODE, &[instruction]);
        for (number, value) in [(0, r0), (1, r1), (15, CODE.0)] {
            self.session.write_register(number, value.into()).unwrap();
        }
        assert_eq!(self.session.step().unwrap().reason, StopReason::Step);
        self.session.read_register(2).unwrap() as u32
    }

    /// What another master finds.
    fn memory(&self, address: Address) -> u32 {
        let word = self.board.with(|board| board.read_memory_word(address.0));
        word.expect("RAM answers")
    }
}

#[test]
fn a_variable_that_only_the_data_cache_has_is_read() {
    for coherent in [true, false] {
        let mut bench = Bench::cached(coherent);
        bench.execute(STORE, CACHED.0, OLD);
        assert_ne!(bench.memory(CACHED), OLD, "the line is dirty");
        assert_eq!(bench.word(CACHED), OLD, "coherent: {coherent}");
        bench.execute(STORE, CACHED.0, NEW);
        assert_eq!(bench.word(CACHED), NEW, "coherent: {coherent}");
    }
}

#[test]
fn what_is_written_is_what_the_core_reads_and_its_neighbours_stay() {
    for coherent in [true, false] {
        let mut bench = Bench::cached(coherent);
        bench.execute(STORE, CACHED.0, OLD);
        bench.execute(STORE, CACHED.0 + 4, OLD);
        bench.write(CACHED, NEW);
        assert_eq!(
            bench.execute(LOAD, CACHED.0, 0),
            NEW,
            "coherent: {coherent}"
        );
        assert_eq!(bench.execute(LOAD, CACHED.0 + 4, 0), OLD);
    }
}

#[test]
fn code_that_is_written_over_is_executed_as_written() {
    // MOVS R2, #value, and B to itself.
    let function = |value: u16| [0x2200 | value, 0xE7FE];
    for coherent in [true, false] {
        let mut bench = Bench::cached(coherent);
        for value in [1, 2, 3] {
            bench.place(CACHED, &function(value));
            bench.session.write_register(15, CACHED.0.into()).unwrap();
            bench.session.step().unwrap();
            let seen = bench.session.read_register(2).unwrap();
            assert_eq!(seen, u64::from(value), "coherent: {coherent}");
        }
    }
}

#[test]
fn a_patched_breakpoint_in_cached_ram_hits_and_goes_without_a_trace() {
    const PATCHED: Address = Address(CACHED.0 + 8);
    for coherent in [true, false] {
        let mut bench = Bench::cached(coherent);
        // A loop that both caches have before it is patched.
        let code = [NOP, NOP, NOP, NOP, NOP, NOP, 0xE7F8];
        bench.place(CACHED, &code);
        bench.session.write_register(15, CACHED.0.into()).unwrap();
        for _ in 0..8 {
            bench.session.step().unwrap();
        }
        bench.execute(LOAD, CACHED.0, 0);
        for index in 0..8 {
            bench.insert(Kind::Hardware, Address(0x7001_0000 + 2 * index));
        }
        bench.insert(Kind::Software, PATCHED);
        bench.session.write_register(15, CACHED.0.into()).unwrap();
        for _ in 0..2 {
            let stop = bench.run();
            assert_eq!((stop.reason, stop.pc), (Breakpoint, PATCHED), "{coherent}");
        }
        assert_eq!(bench.word(PATCHED), u32::from(NOP) * 0x1_0001, "hidden");
        bench.session.remove(Request {
            kind: Kind::Software,
            address: PATCHED,
            length: 2,
        });
        bench.insert(Kind::Software, Address(CACHED.0 + 0xC));
        assert_eq!(bench.run().pc.0, CACHED.0 + 0xC, "the patch is gone");
    }
}

#[test]
fn memory_that_no_cache_stands_before_costs_what_it_did() {
    const TIGHTLY_COUPLED: Address = Address(0x2000_8000);
    let cost = |coherent, address| {
        let mut bench = Bench::cached(coherent);
        bench.exchanges(|session| {
            session.write_memory(address, &[1, 2, 3, 4]).unwrap();
            session.step().unwrap();
        })
    };
    let plain = cost(true, TIGHTLY_COUPLED);
    assert_eq!(cost(false, TIGHTLY_COUPLED), plain);
    let cached = cost(true, CACHED);
    assert!(
        cached <= plain + 3,
        "{cached} exchanges, {plain} beside the caches"
    );
}

#[test]
fn after_programming_the_caches_hold_nothing_of_before() {
    const SPARE: Address = Address(0x7010_0000);
    const CCR: Address = Address(0xE000_ED14);
    let mut bench = Bench::cached(true);
    assert_eq!(bench.execute(LOAD, SPARE.0, 0), u32::MAX, "erased");
    bench.session.flash_erase(SPARE, 0x1_0000);
    bench.session.flash_write(SPARE, &NEW.to_le_bytes());
    let done = bench.session.flash_done(&mut Unattended);
    assert!(done.expect("it is programmed").programmed_bytes() > 0);
    // As an appli does that enables the cache and forgets to invalidate it.
    let control = bench.word(CCR);
    bench.write(CCR, control | 1 << 16);
    assert_eq!(bench.execute(LOAD, SPARE.0, 0), NEW);
}

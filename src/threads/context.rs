//! Where a thread's registers are.
//!
//! An exception stacks r0-r3, r12, lr, pc and xPSR on the process stack, and behind them s0-s15 and FPSCR if the thread has used the
//! FPU (ARMv7-M ARM B1.5.6, B1.5.7: the basic and the extended frame); the kernel saves the others and, where it must tell the frames
//! apart, EXC_RETURN. A lazily stacked FP half is in memory by then: the kernel's own save of s16-s31 has caused it.
//!
//! Numbers are those of the target description. What the kernel does not save has no value: PRIMASK, BASEPRI, FAULTMASK and CONTROL
//! of a thread that does not run, and the FP registers of one that has not used them.

use super::{Memory, ReadError};
use crate::layout::Address;

/// Numbers in the target description.
const SP: u16 = 13;
const LR: u16 = 14;
const PC: u16 = 15;
const XPSR: u16 = 16;
const MSP: u16 = 17;
const PSP: u16 = 18;
const D0: u16 = 23;
const FPSCR: u16 = 39;
const COUNT: usize = 40;

/// EXC_RETURN.FType: 0 for an extended frame (ARMv7-M ARM, table B1-8).
const BASIC_FRAME: u32 = 1 << 4;

/// Bytes of the two frames.
const BASIC_BYTES: u32 = 0x20;
const EXTENDED_BYTES: u32 = 0x68;

/// Where pc and xPSR are in a frame.
const FRAME_PC: u32 = 0x18;
const FRAME_XPSR: u32 = 0x1C;

/// Bits of a stacked xPSR: the frame was aligned by a word; Thumb; the exception number.
const XPSR_ALIGNED: u32 = 1 << 9;
const XPSR_THUMB: u32 = 1 << 24;
const XPSR_EXCEPTION: u32 = 0x1FF;

/// Where one register of a thread is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Place {
    /// Nowhere.
    #[default]
    Unknown,
    /// In memory.
    At(Address),
    /// It follows from the others.
    Is(u32),
    /// In the core: the thread runs, or all threads share the register.
    Core,
}

/// Where the registers of a thread are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Context {
    places: [Place; COUNT],
}

impl Context {
    /// In the core.
    pub fn live() -> Self {
        Self {
            places: [Place::Core; COUNT],
        }
    }

    /// Saved, but for now nobody knows where.
    pub fn saved() -> Self {
        let mut places = [Place::Unknown; COUNT];
        places[usize::from(MSP)] = Place::Core;
        Self { places }
    }

    /// Of a task without a stack, which goes on at `pc`.
    pub fn without_stack(pc: Address) -> Self {
        let mut context = Self {
            places: [Place::Unknown; COUNT],
        };
        context.set(PC, Place::Is(pc.0));
        context
    }

    /// True if the thread runs.
    pub fn is_live(&self) -> bool {
        self.place(PC) == Place::Core
    }

    /// Where the register of that number is.
    pub fn place(&self, number: u16) -> Place {
        let place = self.places.get(usize::from(number));
        place.copied().unwrap_or_default()
    }

    fn set(&mut self, number: u16, place: Place) {
        if let Some(entry) = self.places.get_mut(usize::from(number)) {
            *entry = place;
        }
    }

    /// `registers` lie one behind the other from `at` on.
    pub fn words(&mut self, registers: impl IntoIterator<Item = u16>, at: Address) {
        for (index, number) in (0..).zip(registers) {
            self.set(number, Place::At(plus(at, 4 * index)));
        }
    }

    /// s16 to s31 lie from `at` on: d8 to d15.
    pub fn high_floats(&mut self, at: Address) {
        self.doubles(8..16, at);
    }

    fn doubles(&mut self, doubles: std::ops::Range<u16>, at: Address) {
        for (index, double) in (0..).zip(doubles) {
            self.set(D0 + double, Place::At(plus(at, 8 * index)));
        }
    }

    /// What the core has stacked at `at` when it left the thread by an exception that returns by `exc_return`.
    pub fn exception_frame(
        &mut self,
        at: Address,
        exc_return: u32,
        memory: &mut dyn Memory,
    ) -> Result<(), ReadError> {
        let extended = exc_return & BASIC_FRAME == 0;
        let aligned = memory.word(plus(at, FRAME_XPSR))? & XPSR_ALIGNED != 0;
        self.words([0, 1, 2, 3, 12, LR, PC, XPSR], at);
        if extended {
            self.doubles(0..8, plus(at, BASIC_BYTES));
            self.set(FPSCR, Place::At(plus(at, BASIC_BYTES + 64)));
        }
        let bytes = if extended {
            EXTENDED_BYTES
        } else {
            BASIC_BYTES
        };
        let padding = if aligned { 4 } else { 0 };
        let sp = plus(at, bytes + padding);
        self.set(SP, Place::Is(sp.0));
        self.set(PSP, Place::Is(sp.0));
        Ok(())
    }
}

/// True if the words at `frame` can be what an exception stacked of a thread: Thumb state, Thread mode, a pc that is even.
pub fn is_frame(frame: Address, memory: &mut dyn Memory) -> Result<bool, ReadError> {
    let pc = memory.word(plus(frame, FRAME_PC))?;
    let xpsr = memory.word(plus(frame, FRAME_XPSR))?;
    // Kernels that build a first frame by hand may leave the Thumb bit in its pc (ARMv7-M ARM B1.5.8: ignored).
    Ok(xpsr & (XPSR_THUMB | XPSR_EXCEPTION) == XPSR_THUMB && pc > 1)
}

/// True for EXC_RETURN of a thread on the process stack: 0xFFFFFFFD or 0xFFFFFFED.
pub fn is_thread_return(value: u32) -> bool {
    value | BASIC_FRAME == 0xFFFF_FFFD
}

/// Bytes of s16 to s31, if the frame is extended: the kernel saves them then.
pub fn high_float_bytes(exc_return: u32) -> u32 {
    if exc_return & BASIC_FRAME == 0 { 64 } else { 0 }
}

/// `bytes` above `address`; a thread near the end of the address space is damaged, and what is read there is in no memory.
pub fn plus(address: Address, bytes: u32) -> Address {
    Address(address.0.wrapping_add(bytes))
}

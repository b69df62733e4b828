//! The retained status of the boot stage: twelve words at the top of DTCM that say how far it came.
//!
//! DTCM keeps its content over a system reset, is never cached, and is readable whenever a debugger is. The words lie above every
//! stack of ours; a foreign appli whose stack begins at 0x20010000 overwrites them, which the check word shows.
//!
//! | offset | word | meaning |
//! |---|---|---|
//! | 0x00 | magic | `XGBS` in ASCII |
//! | 0x04 | version | 1 |
//! | 0x08 | boots | starts since the status was first written |
//! | 0x0C | stage | [`Stage`] |
//! | 0x10 | reached | last [`Stage`] before `ImageInvalid`, `Failed` or `HardFault` |
//! | 0x14 | cause | [`crate::journal::Cause`], or 0 |
//! | 0x18 | location | register, window address or faulting pc |
//! | 0x1C | value | what was read there; CFSR after a HardFault; the stack pointer of an invalid image |
//! | 0x20 | image | address of the vector table that the boot stage looks for |
//! | 0x24 | address | BFAR or MMFAR after a HardFault, the reset vector of an invalid image, else 0 |
//! | 0x28 | waiting | address of the register being waited for, or 0 |
//! | 0x2C | check | complement of the exclusive or of all words before |

use crate::journal::{Failure, Journal, Stage};

/// Where the status lies.
pub const ADDRESS: u32 = 0x2000_ffd0;
/// `XGBS`, little-endian.
pub const MAGIC: u32 = u32::from_le_bytes(*b"XGBS");
const VERSION: u32 = 1;
const WORDS: usize = 12;
const CHECK: usize = WORDS - 1;

#[derive(Clone, Copy)]
#[repr(usize)]
enum Word {
    Magic,
    Version,
    Boots,
    Stage,
    Reached,
    Cause,
    Location,
    Value,
    Image,
    Address,
    Waiting,
}

/// The status, read back and kept.
pub struct Status {
    words: [u32; WORDS],
}

impl Status {
    /// A new start, looking for an image at `image`: counts the boot, forgets the last outcome.
    pub fn begin(image: u32) -> Self {
        let last = Self::load();
        let boots = if last.is_valid() {
            last.get(Word::Boots)
        } else {
            0
        };
        let mut status = Self { words: [0; WORDS] };
        status.set(Word::Magic, MAGIC);
        status.set(Word::Version, VERSION);
        status.set(Word::Boots, boots.wrapping_add(1));
        status.set(Word::Image, image);
        status.reached(Stage::Started);
        status
    }

    /// What the last code to run has left, for a fault handler.
    pub fn load() -> Self {
        let base = ADDRESS as *const u32;
        Self {
            words: core::array::from_fn(|word| {
                // SAFETY: twelve words of DTCM that the linker scripts reserve.
                unsafe { base.add(word).read_volatile() }
            }),
        }
    }

    /// The image's vector table is expected at `table`.
    pub fn looks_at(&mut self, table: u32) {
        self.set(Word::Image, table);
        self.store();
    }

    /// The bring-up failed.
    pub fn failed(&mut self, failure: Failure) {
        self.set(Word::Cause, failure.cause as u32);
        self.set(Word::Location, failure.location);
        self.set(Word::Value, failure.value);
        self.end(Stage::Failed);
    }

    /// The window holds no image.
    pub fn image_invalid(&mut self, stack_pointer: u32, reset_vector: u32) {
        self.set(Word::Location, self.get(Word::Image));
        self.set(Word::Value, stack_pointer);
        self.set(Word::Address, reset_vector);
        self.end(Stage::ImageInvalid);
    }

    /// The boot stage took a HardFault at `pc`.
    pub fn hard_fault(&mut self, pc: u32, configurable_fault_status: u32, address: u32) {
        self.set(Word::Location, pc);
        self.set(Word::Value, configurable_fault_status);
        self.set(Word::Address, address);
        self.end(Stage::HardFault);
    }

    fn end(&mut self, stage: Stage) {
        self.set(Word::Reached, self.get(Word::Stage));
        self.set(Word::Stage, stage as u32);
        self.store();
    }

    fn get(&self, word: Word) -> u32 {
        self.words[word as usize]
    }

    fn set(&mut self, word: Word, value: u32) {
        self.words[word as usize] = value;
    }

    fn is_valid(&self) -> bool {
        self.get(Word::Magic) == MAGIC && self.words[CHECK] == self.check()
    }

    fn check(&self) -> u32 {
        !self.words[..CHECK].iter().fold(0, |sum, word| sum ^ word)
    }

    fn store(&mut self) {
        self.words[CHECK] = self.check();
        let base = ADDRESS as *mut u32;
        for (offset, word) in self.words.iter().enumerate() {
            // SAFETY: as in `load`.
            unsafe { base.add(offset).write_volatile(*word) };
        }
    }
}

impl Journal for Status {
    fn reached(&mut self, stage: Stage) {
        self.set(Word::Reached, stage as u32);
        self.set(Word::Stage, stage as u32);
        self.store();
    }

    fn waiting(&mut self, address: u32) {
        self.set(Word::Waiting, address);
        self.store();
    }
}

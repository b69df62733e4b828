//! A link whose NOR is an array: reading it takes the host no longer than copying. The chip's registers are those of a virtual board whose
//! boot stage has opened the window.

use std::time::Duration;

use xspi_gdb::{
    flash::{FlashContext, FlashError, InternalFlash, Standing, Transaction},
    layout::Address,
    link::{CoreRegister, CoreState, Interrupts, Link, LinkError, ResetMode, probe::ProbeLink},
    window::Windows,
};

use crate::{
    NOR,
    bench::{Bench, firmware},
};

/// A look at flash that changes nothing.
type Look<T> =
    fn(&mut dyn Link, &mut Windows, &FlashContext<'_>, &Transaction) -> Result<T, FlashError>;

/// A board on the appli's first instruction, with another NOR.
pub struct Held {
    board: Bench,
    nor: Vec<u8>,
}

/// The bench's link, as long as something is looked at.
struct HeldLink<'a> {
    registers: &'a mut ProbeLink,
    nor: &'a [u8],
}

impl Held {
    /// Whose NOR holds `nor`.
    pub fn open(nor: Vec<u8>) -> Self {
        let mut board = Bench::with_boot("boot.elf");
        let appli = firmware("appli.elf");
        board.flash(&appli).expect("programmed");
        board.arm(Some(&appli)).expect("armed");
        Self { board, nor }
    }

    pub fn look<T>(&mut self, transaction: &Transaction, look: Look<T>) -> T {
        let context = FlashContext {
            profile: &self.board.profile,
            internal: InternalFlash::Keep,
            standing: Standing::Anywhere,
            journal: None,
        };
        let mut link = HeldLink {
            registers: &mut self.board.link,
            nor: &self.nor,
        };
        look(&mut link, &mut self.board.windows, &context, transaction).expect("a look")
    }
}

impl Link for HeldLink<'_> {
    fn read(&mut self, address: Address, data: &mut [u8]) -> Result<(), LinkError> {
        let offset = address.0.wrapping_sub(NOR) as usize;
        match offset
            .checked_add(data.len())
            .and_then(|end| self.nor.get(offset..end))
        {
            Some(held) => {
                data.copy_from_slice(held);
                Ok(())
            }
            None => self.registers.read(address, data),
        }
    }

    fn write(&mut self, address: Address, data: &[u8]) -> Result<(), LinkError> {
        self.registers.write(address, data)
    }

    fn state(&mut self) -> Result<CoreState, LinkError> {
        self.registers.state()
    }

    fn halt(&mut self) -> Result<(), LinkError> {
        self.registers.halt()
    }

    fn resume_with(&mut self, interrupts: Interrupts) -> Result<(), LinkError> {
        self.registers.resume_with(interrupts)
    }

    fn step(&mut self, interrupts: Interrupts) -> Result<(), LinkError> {
        self.registers.step(interrupts)
    }

    fn reset(&mut self, mode: ResetMode) -> Result<(), LinkError> {
        self.registers.reset(mode)
    }

    fn read_registers(
        &mut self,
        which: &[CoreRegister],
        values: &mut [u32],
    ) -> Result<(), LinkError> {
        self.registers.read_registers(which, values)
    }

    fn write_register(&mut self, register: CoreRegister, value: u32) -> Result<(), LinkError> {
        self.registers.write_register(register, value)
    }

    fn idle(&mut self, duration: Duration) -> Result<(), LinkError> {
        self.registers.idle(duration)
    }

    fn now(&self) -> Duration {
        self.registers.now()
    }

    fn recover(&mut self) -> Result<(), LinkError> {
        self.registers.recover()
    }

    fn reset_by_pin(&mut self) -> Result<(), LinkError> {
        self.registers.reset_by_pin()
    }

    fn is_coherent(&self) -> bool {
        self.registers.is_coherent()
    }

    fn was_reset(&mut self) -> Result<bool, LinkError> {
        self.registers.was_reset()
    }
}

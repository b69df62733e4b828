//! The NOR on the board's port, as [`dialect`] speaks to it: a Macronix octal part (MX66UW1G45G of the STM32H7S78-DK, MX25UW25645G of the
//! NUCLEO-H7S3L8) in octal DTR, or with feature `quad` a Winbond quad part.
//!
//! Its mode survives a reset of the microcontroller: the pins of the chip know nothing of a warm reset. So a start-up finds it in
//! any of its protocols, perhaps in the middle of an erase. Reset enable (66h) and reset (99h) are sent in each of them; a command
//! in a protocol that the chip does not speak is ignored.

#[cfg_attr(feature = "quad", path = "nor/quad.rs")]
#[cfg_attr(not(feature = "quad"), path = "nor/octal.rs")]
mod dialect;

use crate::{
    journal::{Cause, Failure, Journal},
    wait::Micros,
    xspi::{Command, Data, Xspi},
};

pub use crate::wiring::WINDOW_BASE;
pub use dialect::{CAPACITY, MAPPED_PROTOCOL};

/// Largest program in bytes.
pub const PAGE: usize = 256;
/// Smallest erase in bytes.
pub const SECTOR: u32 = 0x1000;
/// Large erase in bytes.
pub const BLOCK: u32 = 0x1_0000;

/// Longest time of the data sheets.
const RESET_RECOVERY: Micros = Micros::millis(100);

/// How long an operation keeps the chip busy, by the data sheet.
#[derive(Clone, Copy)]
struct Busy {
    typical: Micros,
    longest: Micros,
}

/// Somebody else's work: the longest one is a block erase.
const UNKNOWN_WORK: Busy = Busy {
    typical: Micros::millis(1),
    longest: dialect::BLOCK_ERASE.longest,
};

/// RDID on one line, the same for every maker (JEDEC JEP106 identity, type, density).
const READ_ID: u16 = 0x9f;
/// The density byte holds the capacity as a power of two, Macronix's 1.8 V parts with 20h added.
const DENSITY: u8 = 0x1f;

const WRITE_IN_PROGRESS: u8 = 1 << 0;
const WRITE_ENABLED: u8 = 1 << 1;

/// The chip behind the controller. After [`Nor::identify`] it speaks one line, after [`Nor::enter`] it is ready for the window.
pub struct Nor<'a> {
    xspi: Xspi<'a>,
}

impl<'a> Nor<'a> {
    /// Brings the chip back to one line, from whatever mode and work it is in, reads its identity, and tells the controller its size.
    pub fn identify(xspi: Xspi<'a>) -> Result<Self, Failure> {
        let mut nor = Self { xspi };
        for protocol in dialect::PROTOCOLS {
            nor.xspi.speak(protocol)?;
            nor.finish_work()?;
            nor.reset()?;
        }
        let capacity_log2 = nor.expect_identity()?;
        nor.xspi.device_is(capacity_log2);
        Ok(nor)
    }

    /// Takes over a chip that an earlier call has made ready.
    pub const fn resume(xspi: Xspi<'a>) -> Self {
        Self { xspi }
    }

    /// The journal of the bring-up.
    pub fn journal(&mut self) -> &mut dyn Journal {
        self.xspi.waits().journal()
    }

    /// The controller, when the chip is done with.
    pub fn release(self) -> Xspi<'a> {
        self.xspi
    }

    /// Maps the window.
    pub fn map(&mut self) -> Result<(), Failure> {
        let read = Command {
            address: Some(0),
            data: Data::Read(&mut []),
            ..dialect::READ
        };
        let write = Command {
            address: Some(0),
            data: Data::Write(&[]),
            ..dialect::PROGRAM
        };
        self.xspi.map(read, write)
    }

    /// Leaves memory-mapped mode.
    pub fn unmap(&mut self) -> Result<(), Failure> {
        self.xspi.abort()
    }

    /// Erases the 4 KiB sector that begins at `offset`.
    pub fn erase_sector(&mut self, offset: u32) -> Result<(), Failure> {
        self.change(
            Command {
                address: Some(offset),
                ..dialect::ERASE_SECTOR
            },
            dialect::SECTOR_ERASE,
        )
    }

    /// Erases the 64 KiB block that begins at `offset`.
    pub fn erase_block(&mut self, offset: u32) -> Result<(), Failure> {
        self.change(
            Command {
                address: Some(offset),
                ..dialect::ERASE_BLOCK
            },
            dialect::BLOCK_ERASE,
        )
    }

    /// Erases everything.
    pub fn erase_chip(&mut self) -> Result<(), Failure> {
        self.change(dialect::ERASE_CHIP, dialect::CHIP_ERASE)
    }

    /// Programs `bytes` within one page. In octal DTR two bytes travel per clock: `offset` and length are even.
    pub fn program(&mut self, offset: u32, bytes: &[u8]) -> Result<(), Failure> {
        self.change(
            Command {
                address: Some(offset),
                data: Data::Write(bytes),
                ..dialect::PROGRAM
            },
            dialect::PAGE_PROGRAM,
        )
    }

    /// One write-enabled command, until the chip is done with it; as long as it may take.
    fn change(&mut self, command: Command<'_>, busy: Busy) -> Result<(), Failure> {
        let location = WINDOW_BASE + command.address.unwrap_or(0);
        self.xspi.run(dialect::write_enable(self.xspi.protocol()))?;
        self.xspi.run(command)?;
        self.wait_ready(location, busy)?;
        self.check_outcome(location)
    }

    /// The capacity as a power of two.
    fn expect_identity(&mut self) -> Result<u8, Failure> {
        let mut id = [0; 3];
        for _ in 0..RESET_RECOVERY.0 / 1_000 {
            self.xspi.run(Command {
                data: Data::Read(&mut id),
                ..Command::bare(READ_ID)
            })?;
            if dialect::is_known(id) {
                return Ok(id[2] & DENSITY);
            }
            self.xspi.waits().pause(Micros::millis(1));
        }
        let value = u32::from_be_bytes([0, id[0], id[1], id[2]]);
        Err(Failure {
            cause: Cause::Identity,
            location: WINDOW_BASE,
            value,
        })
    }

    /// If the chip, spoken to in this protocol, says that it erases or programs, waits for the end of that.
    ///
    /// In another protocol nobody drives the lines: the read ends by time-out for want of a strobe, or yields all ones or zeros.
    fn finish_work(&mut self) -> Result<(), Failure> {
        match self.read_status() {
            Ok(status)
                if status != 0xff
                    && status & WRITE_IN_PROGRESS != 0
                    && status & WRITE_ENABLED != 0 =>
            {
                self.wait_ready(WINDOW_BASE, UNKNOWN_WORK)
            }
            _ => Ok(()),
        }
    }

    fn reset(&mut self) -> Result<(), Failure> {
        let protocol = self.xspi.protocol();
        for command in dialect::reset(protocol) {
            self.xspi.run(command)?;
        }
        Ok(())
    }

    /// Half of the typical time passes without a look; then a look costs little beside what it may save.
    fn wait_ready(&mut self, location: u32, busy: Busy) -> Result<(), Failure> {
        let step = Micros(busy.typical.0 / 64);
        self.xspi.waits().pause(Micros(busy.typical.0 / 2));
        let mut left = busy.longest.0;
        loop {
            let status = self.read_status()?;
            if status & WRITE_IN_PROGRESS == 0 {
                return Ok(());
            }
            if left == 0 {
                return Err(Failure {
                    cause: Cause::Busy,
                    location,
                    value: status.into(),
                });
            }
            self.xspi.waits().pause(step);
            left = left.saturating_sub(step.0.max(1));
        }
    }

    fn read_status(&mut self) -> Result<u8, Failure> {
        self.read_register(dialect::read_status(self.xspi.protocol()))
    }

    fn read_register(&mut self, command: Command<'_>) -> Result<u8, Failure> {
        let mut value = 0;
        self.xspi.run(Command {
            data: Data::ReadRegister(&mut value),
            ..command
        })?;
        Ok(value)
    }
}

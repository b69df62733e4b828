//! The NOR of the DK: Macronix MX66UW1G45G, 128 MiB, octal DTR.
//!
//! Its mode survives a reset of the microcontroller: the pins of the chip know nothing of a warm reset. So a start-up finds it in
//! any of three protocols, perhaps in the middle of an erase. Reset enable (66h) and reset (99h) are sent in each of them; a command
//! in a protocol that the chip does not speak is ignored. In octal protocols an instruction is followed by its complement.

use crate::{
    journal::{Cause, Failure, Journal},
    wait::Micros,
    xspi::{Command, Data, Protocol, Xspi},
};

/// Where XSPI2 maps the chip.
pub const WINDOW_BASE: u32 = 0x7000_0000;
/// Capacity in bytes.
pub const CAPACITY: u32 = 0x0800_0000;
/// Largest program in bytes.
pub const PAGE: usize = 256;
/// Smallest erase in bytes.
pub const SECTOR: u32 = 0x1000;
/// Large erase in bytes.
pub const BLOCK: u32 = 0x1_0000;

const JEDEC_ID: [u8; 3] = [0xc2, 0x81, 0x3b];
const SFDP_SIGNATURE: [u8; 4] = *b"SFDP";

/// Longest time of the data sheet.
const RESET_RECOVERY: Micros = Micros::millis(100);

/// How long an operation keeps the chip busy, by the data sheet.
#[derive(Clone, Copy)]
struct Busy {
    typical: Micros,
    longest: Micros,
}

const BLOCK_ERASE: Busy = Busy {
    typical: Micros::millis(256),
    longest: Micros::millis(1_000),
};
const SECTOR_ERASE: Busy = Busy {
    typical: Micros::millis(25),
    longest: Micros::millis(400),
};
const CHIP_ERASE: Busy = Busy {
    typical: Micros::millis(192_000),
    longest: Micros::millis(460_000),
};
/// Somebody else's work: the longest one is a block erase.
const UNKNOWN_WORK: Busy = Busy {
    typical: Micros::millis(1),
    longest: BLOCK_ERASE.longest,
};
const PAGE_PROGRAM: Busy = Busy {
    typical: Micros(152),
    longest: Micros::millis(2),
};

const WRITE_IN_PROGRESS: u8 = 1 << 0;
const WRITE_ENABLED: u8 = 1 << 1;
/// P_FAIL and E_FAIL of the security register.
const FAILED: u8 = 0x60;

/// Configuration register 2: address 0 holds the protocol, address 0x300 the dummy cycles.
const CR2_PROTOCOL: u32 = 0;
const CR2_DUMMIES: u32 = 0x300;
const CR2_OCTAL_DOUBLE: u8 = 2;
const CR2_TWENTY_DUMMIES: u8 = 0;
const DUMMIES: u8 = 20;

/// One-line instructions.
mod single {
    pub const READ_ID: u16 = 0x9f;
    pub const WRITE_ENABLE: u16 = 0x06;
    pub const READ_STATUS: u16 = 0x05;
    pub const WRITE_CR2: u16 = 0x72;
    pub const RESET_ENABLE: u16 = 0x66;
    pub const RESET: u16 = 0x99;
}

/// Octal instructions, each with its complement.
mod octal {
    pub const READ_SFDP: u16 = 0x5aa5;
    pub const WRITE_ENABLE: u16 = 0x06f9;
    pub const READ_STATUS: u16 = 0x05fa;
    pub const READ_SECURITY: u16 = 0x2bd4;
    pub const READ_DOUBLE: u16 = 0xee11;
    pub const PROGRAM: u16 = 0x12ed;
    pub const ERASE_SECTOR: u16 = 0x21de;
    pub const ERASE_BLOCK: u16 = 0xdc23;
    pub const ERASE_CHIP: u16 = 0x609f;
    pub const RESET_ENABLE: u16 = 0x6699;
    pub const RESET: u16 = 0x9966;
}

/// The chip behind XSPI2. After [`Nor::identify`] it speaks one line, after [`Nor::enter_octal`] octal DTR.
pub struct Nor<'a> {
    xspi: Xspi<'a>,
}

impl<'a> Nor<'a> {
    /// Brings the chip back to one line, from whatever mode and work it is in, and reads its identity.
    pub fn identify(xspi: Xspi<'a>) -> Result<Self, Failure> {
        let mut nor = Self { xspi };
        for protocol in [Protocol::OctalDouble, Protocol::Octal, Protocol::Single] {
            nor.xspi.speak(protocol)?;
            nor.finish_work()?;
            nor.reset()?;
        }
        nor.expect_identity()?;
        Ok(nor)
    }

    /// Takes over a chip that an earlier call has brought to octal DTR.
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

    /// Enters octal DTR with 20 dummy cycles, and proves it by the SFDP signature.
    ///
    /// The signature rather than the identity: its read always takes 20 dummies, on every revision.
    pub fn enter_octal(&mut self) -> Result<(), Failure> {
        self.write_cr2(CR2_DUMMIES, CR2_TWENTY_DUMMIES)?;
        self.write_cr2(CR2_PROTOCOL, CR2_OCTAL_DOUBLE)?;
        self.xspi.speak(Protocol::OctalDouble)?;
        let mut signature = [0; 4];
        self.xspi.run(Command {
            instruction: octal::READ_SFDP,
            address: Some(0),
            dummies: DUMMIES,
            data: Data::Read(&mut signature),
        })?;
        if signature == SFDP_SIGNATURE {
            return Ok(());
        }
        Err(Failure {
            cause: Cause::OctalIdentity,
            location: WINDOW_BASE,
            value: u32::from_le_bytes(signature),
        })
    }

    /// Maps the window.
    pub fn map(&mut self) -> Result<(), Failure> {
        let read = Command {
            instruction: octal::READ_DOUBLE,
            address: Some(0),
            dummies: DUMMIES,
            data: Data::Read(&mut []),
        };
        let write = Command {
            instruction: octal::PROGRAM,
            address: Some(0),
            dummies: 0,
            data: Data::Write(&[]),
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
                ..Command::bare(octal::ERASE_SECTOR)
            },
            SECTOR_ERASE,
        )
    }

    /// Erases the 64 KiB block that begins at `offset`.
    pub fn erase_block(&mut self, offset: u32) -> Result<(), Failure> {
        self.change(
            Command {
                address: Some(offset),
                ..Command::bare(octal::ERASE_BLOCK)
            },
            BLOCK_ERASE,
        )
    }

    /// Erases everything.
    pub fn erase_chip(&mut self) -> Result<(), Failure> {
        self.change(Command::bare(octal::ERASE_CHIP), CHIP_ERASE)
    }

    /// Programs `bytes` within one page. In octal DTR two bytes travel per clock: `offset` and length are even.
    pub fn program(&mut self, offset: u32, bytes: &[u8]) -> Result<(), Failure> {
        self.change(
            Command {
                instruction: octal::PROGRAM,
                address: Some(offset),
                dummies: 0,
                data: Data::Write(bytes),
            },
            PAGE_PROGRAM,
        )
    }

    /// One write-enabled command in octal DTR, until the chip is done with it; as long as it may take.
    fn change(&mut self, command: Command<'_>, busy: Busy) -> Result<(), Failure> {
        let location = WINDOW_BASE + command.address.unwrap_or(0);
        self.xspi.run(Command::bare(octal::WRITE_ENABLE))?;
        self.xspi.run(command)?;
        self.wait_ready(location, busy)?;
        let security = self.read_register(octal::READ_SECURITY)?;
        if security & FAILED == 0 {
            return Ok(());
        }
        Err(Failure {
            cause: Cause::Refused,
            location,
            value: security.into(),
        })
    }

    fn write_cr2(&mut self, address: u32, value: u8) -> Result<(), Failure> {
        self.xspi.run(Command::bare(single::WRITE_ENABLE))?;
        self.xspi.run(Command {
            instruction: single::WRITE_CR2,
            address: Some(address),
            dummies: 0,
            data: Data::Write(&[value]),
        })
    }

    fn expect_identity(&mut self) -> Result<(), Failure> {
        let mut id = [0; 3];
        for _ in 0..RESET_RECOVERY.0 / 1_000 {
            self.xspi.run(Command {
                data: Data::Read(&mut id),
                ..Command::bare(single::READ_ID)
            })?;
            if id == JEDEC_ID {
                return Ok(());
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
        let (enable, reset) = match self.xspi.protocol() {
            Protocol::Single => (single::RESET_ENABLE, single::RESET),
            _ => (octal::RESET_ENABLE, octal::RESET),
        };
        self.xspi.run(Command::bare(enable))?;
        self.xspi.run(Command::bare(reset))
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
        let instruction = match self.xspi.protocol() {
            Protocol::Single => single::READ_STATUS,
            _ => octal::READ_STATUS,
        };
        self.read_register(instruction)
    }

    /// Octal register reads carry a 32-bit address of zeros; the register repeats itself, so more dummies than needed are harmless.
    fn read_register(&mut self, instruction: u16) -> Result<u8, Failure> {
        let mut value = 0;
        let (address, dummies) = match self.xspi.protocol() {
            Protocol::Single => (None, 0),
            _ => (Some(0), DUMMIES),
        };
        self.xspi.run(Command {
            instruction,
            address,
            dummies,
            data: Data::ReadRegister(&mut value),
        })?;
        Ok(value)
    }
}

//! Macronix octal parts: MX66UW1G45G (128 MiB) and MX25UW25645G (32 MiB), whose commands are the same.
//!
//! In octal protocols an instruction is followed by its complement, and register reads carry a 32-bit address of zeros.

use super::{Busy, Nor};
use crate::{
    journal::{Cause, Failure},
    wait::Micros,
    wiring::WINDOW_BASE,
    xspi::{Command, Data, Protocol},
};

/// Capacity of the largest of them in bytes.
pub const CAPACITY: u32 = 0x0800_0000;
/// What the chip speaks while the window is open.
pub const MAPPED_PROTOCOL: Protocol = Protocol::OctalDouble;
/// What it may be found in.
pub(super) const PROTOCOLS: [Protocol; 3] =
    [Protocol::OctalDouble, Protocol::Octal, Protocol::Single];

const IDENTITIES: [[u8; 3]; 2] = [[0xc2, 0x81, 0x3b], [0xc2, 0x81, 0x39]];
const SFDP_SIGNATURE: [u8; 4] = *b"SFDP";

pub(super) const BLOCK_ERASE: Busy = Busy {
    typical: Micros::millis(256),
    longest: Micros::millis(1_000),
};
pub(super) const SECTOR_ERASE: Busy = Busy {
    typical: Micros::millis(25),
    longest: Micros::millis(400),
};
pub(super) const CHIP_ERASE: Busy = Busy {
    typical: Micros::millis(192_000),
    longest: Micros::millis(460_000),
};
pub(super) const PAGE_PROGRAM: Busy = Busy {
    typical: Micros(152),
    longest: Micros::millis(2),
};

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

pub(super) const READ: Command<'static> = Command {
    dummies: DUMMIES,
    ..Command::bare(octal::READ_DOUBLE)
};
pub(super) const PROGRAM: Command<'static> = Command::bare(octal::PROGRAM);
pub(super) const ERASE_SECTOR: Command<'static> = Command::bare(octal::ERASE_SECTOR);
pub(super) const ERASE_BLOCK: Command<'static> = Command::bare(octal::ERASE_BLOCK);
pub(super) const ERASE_CHIP: Command<'static> = Command::bare(octal::ERASE_CHIP);

pub(super) fn is_known(id: [u8; 3]) -> bool {
    IDENTITIES.contains(&id)
}

pub(super) fn write_enable(protocol: Protocol) -> Command<'static> {
    Command::bare(match protocol {
        Protocol::Single => single::WRITE_ENABLE,
        _ => octal::WRITE_ENABLE,
    })
}

pub(super) fn reset(protocol: Protocol) -> [Command<'static>; 2] {
    let instructions = match protocol {
        Protocol::Single => [single::RESET_ENABLE, single::RESET],
        _ => [octal::RESET_ENABLE, octal::RESET],
    };
    instructions.map(Command::bare)
}

pub(super) fn read_status(protocol: Protocol) -> Command<'static> {
    match protocol {
        Protocol::Single => Command::bare(single::READ_STATUS),
        _ => octal_register(octal::READ_STATUS),
    }
}

/// The register repeats itself, so more dummies than needed are harmless.
fn octal_register(instruction: u16) -> Command<'static> {
    Command {
        address: Some(0),
        dummies: DUMMIES,
        ..Command::bare(instruction)
    }
}

impl Nor<'_> {
    /// Enters octal DTR with 20 dummy cycles, and proves it by the SFDP signature.
    ///
    /// The signature rather than the identity: its read always takes 20 dummies, on every revision.
    pub fn enter(&mut self) -> Result<(), Failure> {
        self.write_cr2(CR2_DUMMIES, CR2_TWENTY_DUMMIES)?;
        self.write_cr2(CR2_PROTOCOL, CR2_OCTAL_DOUBLE)?;
        self.xspi.speak(Protocol::OctalDouble)?;
        let mut signature = [0; 4];
        self.xspi.run(Command {
            data: Data::Read(&mut signature),
            ..octal_register(octal::READ_SFDP)
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

    fn write_cr2(&mut self, address: u32, value: u8) -> Result<(), Failure> {
        self.xspi.run(Command::bare(single::WRITE_ENABLE))?;
        self.xspi.run(Command {
            address: Some(address),
            data: Data::Write(&[value]),
            ..Command::bare(single::WRITE_CR2)
        })
    }

    /// What the security register says of the last erase or program.
    pub(super) fn check_outcome(&mut self, location: u32) -> Result<(), Failure> {
        let security = self.read_register(octal_register(octal::READ_SECURITY))?;
        if security & FAILED == 0 {
            return Ok(());
        }
        Err(Failure {
            cause: Cause::Refused,
            location,
            value: security.into(),
        })
    }
}

//! Winbond quad parts with three address bytes: W25Q64JV, W25Q128JV and their like, up to 16 MiB.
//!
//! Instructions travel on one line; reads take address and data on four (EBh), programs data on four (32h). Both need the bit QE of
//! status register 2. The mode bits behind the address of EBh are sent as ones: the next read has its instruction again.

use super::{Busy, Nor};
use crate::{
    journal::{Cause, Failure},
    wait::Micros,
    wiring::WINDOW_BASE,
    xspi::{Command, Data, Lines, Protocol},
};

/// Capacity of the largest of them in bytes: what three address bytes reach.
pub const CAPACITY: u32 = 0x0100_0000;
/// What the chip speaks while the window is open.
pub const MAPPED_PROTOCOL: Protocol = Protocol::Single;
/// What it may be found in.
pub(super) const PROTOCOLS: [Protocol; 1] = [Protocol::Single];

const WINBOND: u8 = 0xef;
/// W25QxxJV-IQ and older, W25QxxJV-IM, and the 1.8 V parts.
const TYPES: [u8; 3] = [0x40, 0x70, 0x60];
/// 8 and 16 MiB.
const DENSITIES: [u8; 2] = [0x17, 0x18];

pub(super) const BLOCK_ERASE: Busy = Busy {
    typical: Micros::millis(150),
    longest: Micros::millis(2_000),
};
pub(super) const SECTOR_ERASE: Busy = Busy {
    typical: Micros::millis(45),
    longest: Micros::millis(400),
};
pub(super) const CHIP_ERASE: Busy = Busy {
    typical: Micros::millis(20_000),
    longest: Micros::millis(200_000),
};
pub(super) const PAGE_PROGRAM: Busy = Busy {
    typical: Micros(400),
    longest: Micros::millis(3),
};
const WRITE_STATUS: Busy = Busy {
    typical: Micros::millis(10),
    longest: Micros::millis(15),
};

/// Status register 2: quad enable.
const QUAD_ENABLE: u8 = 1 << 1;

const WRITE_ENABLE: u16 = 0x06;
const READ_STATUS: u16 = 0x05;
const READ_STATUS_2: u16 = 0x35;
const WRITE_STATUS_2: u16 = 0x31;
const RESET_ENABLE: u16 = 0x66;
const RESET: u16 = 0x99;

pub(super) const READ: Command<'static> = Command {
    dummies: 4,
    lines: Lines::FourBehindInstruction,
    ..Command::bare(0xeb)
};
pub(super) const PROGRAM: Command<'static> = Command {
    lines: Lines::FourForData,
    ..Command::bare(0x32)
};
pub(super) const ERASE_SECTOR: Command<'static> = Command::bare(0x20);
pub(super) const ERASE_BLOCK: Command<'static> = Command::bare(0xd8);
pub(super) const ERASE_CHIP: Command<'static> = Command::bare(0xc7);

pub(super) fn is_known([maker, kind, density]: [u8; 3]) -> bool {
    maker == WINBOND && TYPES.contains(&kind) && DENSITIES.contains(&density)
}

pub(super) fn write_enable(_: Protocol) -> Command<'static> {
    Command::bare(WRITE_ENABLE)
}

pub(super) fn reset(_: Protocol) -> [Command<'static>; 2] {
    [RESET_ENABLE, RESET].map(Command::bare)
}

pub(super) fn read_status(_: Protocol) -> Command<'static> {
    Command::bare(READ_STATUS)
}

impl Nor<'_> {
    /// Sets QE where it is not set yet; it stays without power.
    pub fn enter(&mut self) -> Result<(), Failure> {
        let mut status = self.read_register(Command::bare(READ_STATUS_2))?;
        if status & QUAD_ENABLE == 0 {
            self.xspi.run(Command::bare(WRITE_ENABLE))?;
            self.xspi.run(Command {
                data: Data::Write(&[status | QUAD_ENABLE]),
                ..Command::bare(WRITE_STATUS_2)
            })?;
            self.wait_ready(WINDOW_BASE, WRITE_STATUS)?;
            status = self.read_register(Command::bare(READ_STATUS_2))?;
        }
        if status & QUAD_ENABLE != 0 {
            return Ok(());
        }
        Err(Failure {
            cause: Cause::OctalIdentity,
            location: WINDOW_BASE,
            value: status.into(),
        })
    }

    /// These parts have no bit that tells a failure: whoever wants to know reads back.
    pub(super) fn check_outcome(&mut self, _location: u32) -> Result<(), Failure> {
        Ok(())
    }
}

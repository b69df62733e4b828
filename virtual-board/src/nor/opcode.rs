//! Which bytes are which command, by mode.
//!
//! In SPI mode a command is one byte on one line. In SOPI and DOPI it is two bytes on eight lines, the second the
//! complement of the first, and every command that has an address or a value has four address bytes.

/// What a command does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Command {
    /// Array read.
    Read,
    /// Page program.
    Program,
    /// 4 KB erase.
    EraseSector,
    /// 64 KB erase.
    EraseBlock,
    /// Erase of the whole chip.
    EraseChip,
    /// Sets the write enable latch.
    WriteEnable,
    /// Clears it.
    WriteDisable,
    /// Identification.
    ReadId,
    /// Parameter table.
    ReadSfdp,
    /// Status register.
    ReadStatus,
    /// Configuration register.
    ReadConfiguration,
    /// Status and configuration register.
    WriteStatus,
    /// Configuration register 2.
    ReadConfiguration2,
    /// Configuration register 2: the mode is there.
    WriteConfiguration2,
    /// Security register: the fail bits are there.
    ReadSecurity,
    /// First half of a software reset.
    ResetEnable,
    /// Second half.
    Reset,
    /// Halts an erase or a program.
    Suspend,
    /// Goes on with it.
    Resume,
    /// Deep power-down.
    PowerDown,
    /// Leaves it.
    ReleasePowerDown,
    /// Nothing.
    NoOperation,
}

/// Dummy cycles between the header and the data of a read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dummies {
    /// Exactly so many: with another number the data are shifted.
    Exactly(u8),
    /// What configuration register 2 says at 0x300.
    Configured,
    /// A register is repeated as long as it is clocked out, so more do no harm.
    AtLeast(u8),
}

/// A command as one mode writes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry {
    /// First byte.
    pub opcode: u8,
    /// What it does.
    pub command: Command,
    /// Address bytes that follow.
    pub address_bytes: u8,
    /// Cycles before the data of a read.
    pub dummies: Dummies,
}

const fn entry(opcode: u8, command: Command, address_bytes: u8, dummies: Dummies) -> Entry {
    Entry {
        opcode,
        command,
        address_bytes,
        dummies,
    }
}

use Command::*;
use Dummies::{AtLeast, Configured, Exactly};

/// SPI mode.
#[rustfmt::skip]
const SPI: &[Entry] = &[
    entry(0x03, Read, 3, Exactly(0)),
    entry(0x13, Read, 4, Exactly(0)),
    entry(0x0B, Read, 3, Exactly(8)),
    entry(0x0C, Read, 4, Exactly(8)),
    entry(0x02, Program, 3, Exactly(0)),
    entry(0x12, Program, 4, Exactly(0)),
    entry(0x20, EraseSector, 3, Exactly(0)),
    entry(0x21, EraseSector, 4, Exactly(0)),
    entry(0xD8, EraseBlock, 3, Exactly(0)),
    entry(0xDC, EraseBlock, 4, Exactly(0)),
    entry(0x60, EraseChip, 0, Exactly(0)),
    entry(0xC7, EraseChip, 0, Exactly(0)),
    entry(0x06, WriteEnable, 0, Exactly(0)),
    entry(0x04, WriteDisable, 0, Exactly(0)),
    entry(0x9F, ReadId, 0, Exactly(0)),
    entry(0x5A, ReadSfdp, 3, Exactly(8)),
    entry(0x05, ReadStatus, 0, AtLeast(0)),
    entry(0x15, ReadConfiguration, 0, AtLeast(0)),
    entry(0x01, WriteStatus, 0, Exactly(0)),
    entry(0x71, ReadConfiguration2, 4, AtLeast(0)),
    entry(0x72, WriteConfiguration2, 4, Exactly(0)),
    entry(0x2B, ReadSecurity, 0, AtLeast(0)),
    entry(0x66, ResetEnable, 0, Exactly(0)),
    entry(0x99, Reset, 0, Exactly(0)),
    entry(0xB0, Suspend, 0, Exactly(0)),
    entry(0x30, Resume, 0, Exactly(0)),
    entry(0xB9, PowerDown, 0, Exactly(0)),
    entry(0xAB, ReleasePowerDown, 0, Exactly(0)),
    entry(0x00, NoOperation, 0, Exactly(0)),
];

/// Commands that both octal modes have.
#[rustfmt::skip]
const OCTAL: &[Entry] = &[
    entry(0x12, Program, 4, Exactly(0)),
    entry(0x21, EraseSector, 4, Exactly(0)),
    entry(0xDC, EraseBlock, 4, Exactly(0)),
    entry(0x60, EraseChip, 0, Exactly(0)),
    entry(0xC7, EraseChip, 0, Exactly(0)),
    entry(0x06, WriteEnable, 0, Exactly(0)),
    entry(0x04, WriteDisable, 0, Exactly(0)),
    entry(0x9F, ReadId, 4, AtLeast(4)),
    entry(0x5A, ReadSfdp, 4, Exactly(20)),
    entry(0x05, ReadStatus, 4, AtLeast(4)),
    entry(0x15, ReadConfiguration, 4, AtLeast(4)),
    entry(0x01, WriteStatus, 4, Exactly(0)),
    entry(0x71, ReadConfiguration2, 4, AtLeast(4)),
    entry(0x72, WriteConfiguration2, 4, Exactly(0)),
    entry(0x2B, ReadSecurity, 4, AtLeast(4)),
    entry(0x66, ResetEnable, 0, Exactly(0)),
    entry(0x99, Reset, 0, Exactly(0)),
    entry(0xB0, Suspend, 0, Exactly(0)),
    entry(0x30, Resume, 0, Exactly(0)),
    entry(0xB9, PowerDown, 0, Exactly(0)),
    entry(0xAB, ReleasePowerDown, 0, Exactly(0)),
    entry(0x00, NoOperation, 0, Exactly(0)),
];

/// The command of a byte in SPI mode.
pub fn spi(opcode: u8) -> Option<Entry> {
    SPI.iter().find(|entry| entry.opcode == opcode).copied()
}

/// The command of two bytes in an octal mode: 8READ (ECh 13h) exists in STR only, 8DTRD (EEh 11h) in DTR only.
pub fn octal(first: u8, second: u8, double_rate: bool) -> Option<Entry> {
    if second != !first {
        return None;
    }
    let read = if double_rate { 0xEE } else { 0xEC };
    if first == read {
        return Some(entry(read, Read, 4, Configured));
    }
    OCTAL.iter().find(|entry| entry.opcode == first).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn octal_commands_need_their_complement() {
        assert_eq!(
            octal(0x06, 0xF9, true).map(|e| e.command),
            Some(WriteEnable)
        );
        assert_eq!(octal(0x06, 0x06, true), None);
        assert_eq!(octal(0xEE, 0x11, true).map(|e| e.command), Some(Read));
        assert_eq!(octal(0xEE, 0x11, false), None);
        assert_eq!(octal(0xEC, 0x13, false).map(|e| e.command), Some(Read));
    }

    #[test]
    fn no_opcode_is_listed_twice() {
        for table in [SPI, OCTAL] {
            for (at, entry) in table.iter().enumerate() {
                assert!(
                    table[at + 1..]
                        .iter()
                        .all(|other| other.opcode != entry.opcode)
                );
            }
        }
    }
}

//! Which bytes are which command, by mode: what the files of `parts/commands` say.

use serde::Deserialize;

/// What a command does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Command {
    /// Array read.
    Read,
    /// Page program.
    Program,
    /// 4 KB erase.
    EraseSector,
    /// 32 KB erase.
    EraseHalfBlock,
    /// 64 KB erase.
    EraseBlock,
    /// Erase of the whole chip.
    EraseChip,
    /// Sets the write enable latch.
    WriteEnable,
    /// Lets the next write of a status register change its volatile copy only.
    WriteEnableVolatile,
    /// Clears the write enable latch.
    WriteDisable,
    /// Identification.
    ReadId,
    /// Parameter table.
    ReadSfdp,
    /// Status register.
    ReadStatus,
    /// Second status register.
    ReadStatus2,
    /// Third status register.
    ReadStatus3,
    /// Configuration register.
    ReadConfiguration,
    /// Status and configuration register, or first and second status register.
    WriteStatus,
    /// Second status register.
    WriteStatus2,
    /// Third status register.
    WriteStatus3,
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
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Dummies {
    /// Exactly so many: with another number the data are shifted.
    Exactly(u8),
    /// What configuration register 2 says at 0x300.
    Configured,
    /// A register is repeated as long as it is clocked out, so more do no harm.
    AtLeast(u8),
}

/// None.
const fn no_dummies() -> Dummies {
    Dummies::Exactly(0)
}

/// A command as one mode writes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// First byte.
    pub opcode: u8,
    /// What it does.
    #[serde(rename = "does")]
    pub command: Command,
    /// Address bytes that follow.
    #[serde(rename = "address", default)]
    pub address_bytes: u8,
    /// Cycles before the data of a read.
    #[serde(default = "no_dummies")]
    pub dummies: Dummies,
    /// Lines of the address, if not the mode's.
    #[serde(default)]
    pub address_lines: Option<u8>,
    /// Lines of the data, if not the mode's.
    #[serde(default)]
    pub data_lines: Option<u8>,
    /// Only with QE: IO2 and IO3 carry data.
    #[serde(default)]
    pub quad_enable: bool,
    /// M7 to M0 follow the address.
    #[serde(default)]
    pub mode_byte: bool,
}

/// Whose registers the chip has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Family {
    /// Status, configuration, configuration 2 with the mode, security.
    Macronix,
    /// Three status registers with volatile copies; QE in the second.
    Winbond,
}

/// The commands of a family of chips.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Commands {
    /// Whose registers the chip has.
    #[serde(rename = "registers")]
    pub family: Family,
    /// One byte on one line.
    spi: Vec<Entry>,
    /// Two bytes on eight lines, at either rate.
    #[serde(default)]
    octal: Vec<Entry>,
    /// The same at single data rate only.
    #[serde(default)]
    octal_str: Vec<Entry>,
    /// The same at double data rate only.
    #[serde(default)]
    octal_dtr: Vec<Entry>,
}

impl Commands {
    /// The command of a byte in SPI mode.
    pub fn spi(&self, opcode: u8) -> Option<Entry> {
        find(&self.spi, opcode)
    }

    /// The command of two bytes in an octal mode.
    pub fn octal(&self, first: u8, second: u8, double_rate: bool) -> Option<Entry> {
        if second != !first {
            return None;
        }
        let own = if double_rate {
            &self.octal_dtr
        } else {
            &self.octal_str
        };
        find(own, first).or_else(|| find(&self.octal, first))
    }

    /// The opcode that stands twice in one mode, if one does.
    pub(super) fn ambiguous(&self) -> Option<u8> {
        let modes = [
            self.spi.iter().chain(&[]),
            self.octal.iter().chain(&self.octal_str),
            self.octal.iter().chain(&self.octal_dtr),
        ];
        modes.into_iter().find_map(|mode| {
            let mut opcodes: Vec<u8> = mode.map(|entry| entry.opcode).collect();
            opcodes.sort_unstable();
            opcodes
                .windows(2)
                .find(|pair| pair[0] == pair[1])
                .map(|pair| pair[0])
        })
    }
}

fn find(table: &[Entry], opcode: u8) -> Option<Entry> {
    table.iter().find(|entry| entry.opcode == opcode).copied()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nor::Part;

    #[test]
    fn octal_commands_need_their_complement() {
        let part = Part::built_in("MX66UW1G45G").expect("known");
        let octal = |first, second, double_rate| {
            let entry = part.commands.octal(first, second, double_rate);
            entry.map(|entry| entry.command)
        };
        assert_eq!(octal(0x06, 0xF9, true), Some(Command::WriteEnable));
        assert_eq!(octal(0x06, 0x06, true), None);
        assert_eq!(octal(0xEE, 0x11, true), Some(Command::Read));
        assert_eq!(octal(0xEE, 0x11, false), None);
        assert_eq!(octal(0xEC, 0x13, false), Some(Command::Read));
    }
}

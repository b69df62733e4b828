//! What a profile says of the virtual board that is like its own: for tests and trials without hardware.

use serde::{Deserialize, Deserializer, de::Error};

/// Our boot stages (firmware/boot), by the NOR and the port that they open.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OwnBoot {
    /// A Macronix octal NOR on port 2, served by XSPI2: 0x70000000.
    OctalXspi2,
    /// The same with the ports swapped, served by XSPI1: 0x90000000.
    OctalXspi1,
    /// A Winbond quad NOR on port 1, served by XSPI1: 0x90000000.
    QuadXspi1,
}

/// A virtual board.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum VirtualBoard {
    /// One that `virtual-board --board` knows, by its name.
    Named(String),
    /// A description as `virtual-board --board` reads it from a file.
    Described(String),
}

/// A string, or a table.
impl<'de> Deserialize<'de> for VirtualBoard {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        match toml::Value::deserialize(from)? {
            toml::Value::String(name) => Ok(Self::Named(name)),
            toml::Value::Table(table) => toml::to_string(&table)
                .map(Self::Described)
                .map_err(D::Error::custom),
            other => Err(D::Error::custom(format!(
                "a name or a table is expected, not {}",
                other.type_str()
            ))),
        }
    }
}

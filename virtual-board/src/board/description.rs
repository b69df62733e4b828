//! What is soldered around the chip, as data: a file of `boards/`, or one of your own.
//!
//! ```toml
//! name = "my-board"
//! chip = "STM32H7S3L8"      # as probe-rs names it
//! console = "usart3"        # uart4 or usart3: whose text is the board's
//!
//! [[memory]]
//! port = 1                  # XSPIM port
//! chip_select = 1           # NCS1 unless stated
//! part = "W25Q64JV"         # a file of parts/ by the part's name, APS256XX, or a part file of your own
//!
//! [[led]]
//! name = "LD1"
//! pin = "PO5"
//! lit = "high"
//!
//! [[button]]
//! name = "USER"
//! pin = "PC13"
//! pressed = "high"          # the other level when it is not pressed
//! ```

use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::{
    pins::{Button, Led, NoPin, Pin},
    wiring,
};
use crate::{
    devices::{
        external_memory::ExternalMemory,
        psram::{self, Psram},
        socket::Socket,
    },
    nor::{Nor, Part, PartError},
};

/// The boards we know, by name. The second one is the first with its ports swapped by software alone.
const BUILT_IN: &[(&str, &str)] = &[
    (
        "stm32h7s78-dk",
        include_str!("../../boards/stm32h7s78-dk.toml"),
    ),
    (
        "stm32h7s78-dk-swapped",
        include_str!("../../boards/stm32h7s78-dk.toml"),
    ),
    (
        "nucleo-h7s3l8",
        include_str!("../../boards/nucleo-h7s3l8.toml"),
    ),
    (
        "quad-nor-xspi1",
        include_str!("../../boards/quad-nor-xspi1.toml"),
    ),
];

/// A level of a pin.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Level {
    Low,
    High,
}

/// A UART that a board may use for its console.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Console {
    Uart4,
    Usart3,
}

/// A file as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    name: String,
    chip: String,
    console: Console,
    #[serde(rename = "memory")]
    memories: Vec<MemoryEntry>,
    #[serde(rename = "led", default)]
    leds: Vec<LedEntry>,
    #[serde(rename = "button", default)]
    buttons: Vec<ButtonEntry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct MemoryEntry {
    port: usize,
    #[serde(default = "first")]
    chip_select: usize,
    part: String,
}

const fn first() -> usize {
    1
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct LedEntry {
    name: String,
    pin: String,
    lit: Level,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ButtonEntry {
    name: String,
    pin: String,
    pressed: Level,
}

/// What a socket holds.
#[derive(Clone, Debug)]
enum Chip {
    Nor(Box<Part>),
    Psram,
}

/// A memory on a port.
#[derive(Clone, Debug)]
struct Memory {
    port: usize,
    select: usize,
    chip: Chip,
}

/// A board: chip, memories, LEDs, buttons, console.
#[derive(Clone, Debug)]
pub struct Description {
    name: String,
    chip: String,
    console: Console,
    memories: Vec<Memory>,
    leds: Vec<Led>,
    buttons: Vec<Button>,
}

/// Why there is no such board.
#[derive(Debug, thiserror::Error)]
pub enum DescriptionError {
    /// Neither known nor a file.
    #[error("unknown virtual board `{name}`; known are {}, or a file ending in .toml", Description::names().collect::<Vec<_>>().join(", "))]
    Unknown {
        /// What was asked for.
        name: String,
    },
    /// The file cannot be read.
    #[error("the board's description {} cannot be read", .path.display())]
    Unreadable {
        /// Which file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// Not TOML, or not what a board has.
    #[error("the description of board `{name}` is malformed")]
    Syntax {
        /// Which board.
        name: String,
        /// Why.
        #[source]
        source: Box<toml::de::Error>,
    },
    /// A part that cannot be had.
    #[error("board `{name}` has a part that cannot be made")]
    Part {
        /// Which board.
        name: String,
        /// Why.
        #[source]
        source: PartError,
    },
    /// XSPIM has ports 1 and 2, each with NCS1 and NCS2.
    #[error(
        "board `{name}` puts {part} on port {port}, NCS{select}: there are ports 1 and 2 with NCS1 and NCS2"
    )]
    Place {
        /// Which board.
        name: String,
        /// Which memory.
        part: String,
        /// Where.
        port: usize,
        /// Chip select.
        select: usize,
    },
    /// Two chips on one port.
    #[error("board `{name}` has two memories on port {port}; one is modelled")]
    Crowded {
        /// Which board.
        name: String,
        /// Where.
        port: usize,
    },
    /// No NOR, or two.
    #[error("board `{name}` has {count} NORs; exactly one is modelled")]
    NotOneNor {
        /// Which board.
        name: String,
        /// How many.
        count: usize,
    },
    /// No pin of the chip.
    #[error("{what} of board `{name}` is on no pin")]
    Pin {
        /// Which board.
        name: String,
        /// Which LED or button.
        what: String,
        /// What was written.
        #[source]
        source: NoPin,
    },
}

impl Description {
    /// The names of the boards that need no file.
    pub fn names() -> impl Iterator<Item = &'static str> {
        BUILT_IN.iter().map(|(name, _)| *name)
    }

    /// The board called `name`, or of the file of that name when it ends in `.toml`.
    pub fn find(name: &str) -> Result<Self, DescriptionError> {
        if let Some((_, text)) = BUILT_IN.iter().find(|(known, _)| *known == name) {
            return Self::parse(text, Path::new(""));
        }
        if !name.ends_with(".toml") {
            return Err(DescriptionError::Unknown {
                name: name.to_owned(),
            });
        }
        let path = Path::new(name);
        let text =
            std::fs::read_to_string(path).map_err(|source| DescriptionError::Unreadable {
                path: path.to_owned(),
                source,
            })?;
        Self::parse(&text, path.parent().unwrap_or(Path::new("")))
    }

    /// Reads a description. Part files are looked for in `folder`.
    pub fn parse(text: &str, folder: &Path) -> Result<Self, DescriptionError> {
        let file: File = toml::from_str(text).map_err(|source| DescriptionError::Syntax {
            name: folder.display().to_string(),
            source: Box::new(source),
        })?;
        let memories = memories(&file, folder)?;
        let leds = file
            .leds
            .iter()
            .map(|led| led.placed(&file.name))
            .collect::<Result<_, _>>()?;
        let buttons = file
            .buttons
            .iter()
            .map(|button| button.placed(&file.name))
            .collect::<Result<_, _>>()?;
        Ok(Self {
            name: file.name,
            chip: file.chip,
            console: file.console,
            memories,
            leds,
            buttons,
        })
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The chip, as probe-rs names it.
    pub fn chip(&self) -> &str {
        &self.chip
    }

    /// The UART whose text is the board's.
    pub fn console(&self) -> &'static str {
        match self.console {
            Console::Uart4 => "uart4",
            Console::Usart3 => "usart3",
        }
    }

    /// Base of that UART.
    pub(super) fn console_base(&self) -> u32 {
        match self.console {
            Console::Uart4 => wiring::UART4,
            Console::Usart3 => wiring::USART3,
        }
    }

    /// Its LEDs.
    pub fn leds(&self) -> &[Led] {
        &self.leds
    }

    /// Its buttons.
    pub fn buttons(&self) -> &[Button] {
        &self.buttons
    }

    /// New chips for the ports.
    pub(super) fn sockets(&self) -> [Option<Socket>; 2] {
        let mut sockets = [None, None];
        for Memory { port, select, chip } in &self.memories {
            let memory: Box<dyn ExternalMemory> = match chip {
                Chip::Nor(part) => Box::new(Nor::new((**part).clone())),
                Chip::Psram => Box::new(Psram::new()),
            };
            sockets[*port] = Some(Socket {
                memory,
                select: *select,
            });
        }
        sockets
    }
}

fn memories(file: &File, folder: &Path) -> Result<Vec<Memory>, DescriptionError> {
    let mut memories: Vec<Memory> = Vec::new();
    for entry in &file.memories {
        let memory = entry.placed(&file.name, folder)?;
        if memories.iter().any(|other| other.port == memory.port) {
            return Err(DescriptionError::Crowded {
                name: file.name.clone(),
                port: entry.port,
            });
        }
        memories.push(memory);
    }
    let nors = memories.iter().filter(|m| matches!(m.chip, Chip::Nor(_)));
    match nors.count() {
        1 => Ok(memories),
        count => Err(DescriptionError::NotOneNor {
            name: file.name.clone(),
            count,
        }),
    }
}

impl MemoryEntry {
    fn placed(&self, board: &str, folder: &Path) -> Result<Memory, DescriptionError> {
        let exists = (1..=2).contains(&self.port) && (1..=2).contains(&self.chip_select);
        if !exists {
            return Err(DescriptionError::Place {
                name: board.to_owned(),
                part: self.part.clone(),
                port: self.port,
                select: self.chip_select,
            });
        }
        let chip = if self.part.eq_ignore_ascii_case(psram::NAME) {
            Chip::Psram
        } else {
            let part = Part::find(&self.part, folder).map_err(|source| DescriptionError::Part {
                name: board.to_owned(),
                source,
            })?;
            Chip::Nor(Box::new(part))
        };
        Ok(Memory {
            port: self.port - 1,
            select: self.chip_select - 1,
            chip,
        })
    }
}

impl LedEntry {
    fn placed(&self, board: &str) -> Result<Led, DescriptionError> {
        Ok(Led {
            name: self.name.clone(),
            pin: placed(&self.pin, board, || format!("LED {}", self.name))?,
            lit: self.lit == Level::High,
        })
    }
}

impl ButtonEntry {
    fn placed(&self, board: &str) -> Result<Button, DescriptionError> {
        Ok(Button {
            name: self.name.clone(),
            pin: placed(&self.pin, board, || format!("button {}", self.name))?,
            pressed: self.pressed == Level::High,
        })
    }
}

fn placed(pin: &str, board: &str, what: impl Fn() -> String) -> Result<Pin, DescriptionError> {
    pin.parse().map_err(|source| DescriptionError::Pin {
        name: board.to_owned(),
        what: what(),
        source,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const QUAD: &str = include_str!("../../boards/quad-nor-xspi1.toml");

    fn refusal(text: &str) -> DescriptionError {
        Description::parse(text, Path::new("")).expect_err("a contradiction")
    }

    #[test]
    fn every_board_that_is_built_in_is_well_formed() {
        for name in Description::names() {
            let board = Description::find(name).unwrap_or_else(|error| panic!("{name}: {error:?}"));
            assert!(name.starts_with(board.name()), "{name}");
            assert!(board.sockets().iter().flatten().count() > 0);
        }
    }

    #[test]
    fn contradictions_are_found() {
        let error = refusal(&QUAD.replace("port = 1", "port = 3"));
        assert!(
            matches!(error, DescriptionError::Place { port: 3, .. }),
            "{error}"
        );
        let error = refusal(&QUAD.replace("W25Q64JV", "W25Q65JV"));
        assert!(matches!(error, DescriptionError::Part { .. }), "{error}");
        let error = refusal(&QUAD.replace("PO5", "PJ5"));
        assert!(matches!(error, DescriptionError::Pin { .. }), "{error}");
        let error = refusal(&QUAD.replace("W25Q64JV", "APS256XX"));
        assert!(
            matches!(error, DescriptionError::NotOneNor { count: 0, .. }),
            "{error}"
        );
        let memory = "\n[[memory]]\nport = 1\npart = \"APS256XX\"\n";
        let error = refusal(&format!("{QUAD}{memory}"));
        assert!(
            matches!(error, DescriptionError::Crowded { port: 1, .. }),
            "{error}"
        );
        let error = refusal(&QUAD.replace("console", "consoles"));
        assert!(matches!(error, DescriptionError::Syntax { .. }), "{error}");
        let error = Description::find("nucleo").expect_err("unknown");
        assert!(error.to_string().contains("nucleo-h7s3l8"), "{error}");
    }
}

//! defmt: log frames whose texts stay in the ELF (defmt.ferrous-systems.com), decoded by defmt-decoder.
//!
//! rzCOBS ends each frame by a zero, so that decoding goes on behind one that is damaged (the program's buffer was full, or a reader
//! came in the middle). The raw encoding has no ends: where that is damaged, what is there is given up, and the next bytes begin anew.

use std::{borrow::Cow, panic, path::PathBuf};

use defmt_decoder::{
    DecodeError, Encoding, Frame, Locations, Table,
    log::format::{Formatter, FormatterConfig, FormatterFormat},
};

use crate::fault::{Code, Explain};

/// The channel that carries frames is called so.
pub const CHANNEL: &str = "defmt";

/// More than this without an end is no frame.
const LONGEST_FRAME: usize = 1 << 16;

/// How a line looks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Style {
    /// `0.105 [INFO ] text (crate src/main.rs:80)`.
    #[default]
    OneLine,
    /// Place and module on a line of their own.
    Full,
    /// As defmt's "custom log output" says.
    Custom(String),
}

impl Style {
    /// By name, as probe-rs calls them; anything else is a format of its own.
    pub fn named(text: &str) -> Self {
        match text {
            "oneline" => Self::OneLine,
            "full" | "default" => Self::Full,
            format => Self::Custom(format.to_owned()),
        }
    }
}

/// What a line tells beside its text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Form {
    /// How it looks.
    pub style: Style,
    /// When it was said.
    pub timestamp: bool,
    /// Where in the sources it is said.
    pub location: bool,
}

impl Default for Form {
    fn default() -> Self {
        Self {
            style: Style::default(),
            timestamp: true,
            location: true,
        }
    }
}

/// Why frames cannot be decoded.
#[derive(Debug, thiserror::Error)]
pub enum DefmtError {
    /// The table of texts is of another version, or damaged.
    #[error("the defmt texts in {} cannot be used", path.display())]
    Table {
        /// The ELF.
        path: PathBuf,
        /// What is wrong with them.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The user's format.
    #[error("`{format}` is no log format")]
    Format {
        /// What was given.
        format: String,
    },
}

impl Explain for DefmtError {
    fn code(&self) -> Code {
        Code::XG114
    }

    fn remedy(&self) -> Option<Cow<'static, str>> {
        match self {
            Self::Table { .. } => None,
            Self::Format { .. } => Some(Cow::Borrowed(
                "give `oneline`, `full`, or a format as in `{t} {L} {s}` (defmt book, \"Custom Log Output\")",
            )),
        }
    }
}

/// What came of some bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Record {
    /// A line, formatted.
    Line(String),
    /// Bytes that are no frame.
    Malformed(usize),
}

/// A stream of frames from one program.
pub struct Log {
    table: Table,
    locations: Locations,
    /// For lines whose place is known, if places are wanted.
    placed: Option<Formatter>,
    plain: Formatter,
    unread: Vec<u8>,
}

impl Log {
    /// For the program whose ELF has `bytes`; `None` if it does not use defmt, or is no ELF.
    pub fn of_elf(
        bytes: &[u8],
        path: &std::path::Path,
        form: &Form,
    ) -> Result<Option<Self>, DefmtError> {
        if !bytes.starts_with(b"\x7FELF") {
            return Ok(None);
        }
        let table = Table::parse(bytes).map_err(|source| DefmtError::Table {
            path: path.to_owned(),
            source: source.into(),
        })?;
        let Some(table) = table else {
            return Ok(None);
        };
        // An ELF without debug information has none; then lines do without.
        let locations = table.get_locations(bytes).unwrap_or_else(|error| {
            tracing::warn!(%error, "log lines have no locations");
            Locations::new()
        });
        let timestamp = form.timestamp && table.has_timestamp();
        let placed = match form.location {
            true => Some(formatter(&form.style, true, timestamp)?),
            false => None,
        };
        let plain = formatter(&form.style, false, timestamp)?;
        Ok(Some(Self {
            table,
            locations,
            placed,
            plain,
            unread: Vec::new(),
        }))
    }

    /// Takes bytes of the channel; returns what is complete now.
    pub fn take(&mut self, data: &[u8]) -> Vec<Record> {
        self.unread.extend_from_slice(data);
        let mut records = Vec::new();
        match self.table.encoding() {
            Encoding::Rzcobs => {
                while let Some(end) = self.unread.iter().position(|byte| *byte == 0) {
                    let frame: Vec<u8> = self.unread.drain(..=end).collect();
                    if end > 0 {
                        records.push(self.decode(&frame));
                    }
                }
            }
            _ => {
                while let Some(record) = self.decode_raw() {
                    records.push(record);
                }
            }
        }
        if self.unread.len() > LONGEST_FRAME {
            records.push(Record::Malformed(self.unread.len()));
            self.unread.clear();
        }
        records
    }

    /// The program was reset: the rest of a frame does not come any more.
    pub fn reset(&mut self) {
        self.unread.clear();
    }

    /// One frame with its end.
    fn decode(&self, frame: &[u8]) -> Record {
        let mut decoder = self.table.new_stream_decoder();
        decoder.received(frame);
        match decoder.decode() {
            Ok(decoded) => Record::Line(self.line(decoded)),
            Err(_) => Record::Malformed(frame.len() - 1),
        }
    }

    /// The frame that what is unread begins with, if it is there whole.
    fn decode_raw(&mut self) -> Option<Record> {
        if self.unread.is_empty() {
            return None;
        }
        match self.table.decode(&self.unread) {
            Ok((frame, length)) => {
                let line = self.line(frame);
                self.unread.drain(..length.min(self.unread.len()));
                Some(Record::Line(line))
            }
            Err(DecodeError::UnexpectedEof) => None,
            Err(DecodeError::Malformed) => {
                let length = self.unread.len();
                self.unread.clear();
                Some(Record::Malformed(length))
            }
        }
    }

    fn line(&self, frame: Frame<'_>) -> String {
        let place = self.locations.get(&frame.index());
        let (Some(place), Some(formatter)) = (place, &self.placed) else {
            return self.plain.format_frame(frame, None, None, None);
        };
        let file = place.file.to_string_lossy();
        let line = u32::try_from(place.line).ok();
        formatter.format_frame(frame, Some(&file), line, Some(&place.module))
    }
}

fn formatter(
    style: &Style,
    with_location: bool,
    is_timestamp_available: bool,
) -> Result<Formatter, DefmtError> {
    let config = |format| FormatterConfig {
        format,
        is_timestamp_available,
    };
    match style {
        Style::OneLine => Ok(Formatter::new(config(FormatterFormat::OneLine {
            with_location,
        }))),
        Style::Full => Ok(Formatter::new(config(FormatterFormat::Default {
            with_location,
        }))),
        Style::Custom(format) => {
            // The library takes a format that it cannot read for a defect of its caller, and panics.
            let hook = panic::take_hook();
            panic::set_hook(Box::new(|_| {}));
            let made =
                panic::catch_unwind(|| Formatter::new(config(FormatterFormat::Custom(format))));
            panic::set_hook(hook);
            made.map_err(|_| DefmtError::Format {
                format: format.clone(),
            })
        }
    }
}

#[cfg(test)]
mod tests;

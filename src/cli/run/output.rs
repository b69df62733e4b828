//! What a program says, on its way to the terminal: RTT channels and semihosting on stdout.
//!
//! The channel called `defmt` is decoded; other channels are text. A line of a channel other than the first is marked with the channel's
//! name, so that two of them can be told apart.

use std::{collections::BTreeMap, fs, io::Write as _, path::Path};

use crate::{
    fault::Fault,
    image::Image,
    rtt::{
        Channel, Chunk, Direction,
        defmt::{self, Log, Record},
    },
    semihosting::{self, Stream},
    session::Session,
};

/// Channels beyond are not looked at.
const MOST_CHANNELS: u32 = 16;

/// True if the program has an RTT control block: without one nothing is searched.
pub fn uses_rtt(image: &Image) -> bool {
    image.symbols().variable("_SEGGER_RTT").is_some()
}

/// What is known of an up channel.
struct Source {
    name: String,
    /// The beginning of a line, of a channel that is marked.
    line: Vec<u8>,
}

/// The terminal.
pub struct Output {
    log: Option<Log>,
    sources: BTreeMap<u32, Source>,
}

impl Output {
    /// For the program in `elf`. Texts of defmt that cannot be used are told, and the channel is shown as it is.
    pub fn new(elf: &Path, form: &defmt::Form) -> Result<Self, Fault> {
        let bytes = fs::read(elf).unwrap_or_default();
        let log = match Log::of_elf(&bytes, elf, form) {
            Err(error @ defmt::DefmtError::Table { .. }) => {
                eprintln!("warning: {}", Fault::from(error));
                None
            }
            log => log?,
        };
        Ok(Self {
            log,
            sources: BTreeMap::new(),
        })
    }

    /// The program begins anew.
    pub fn reset(&mut self) {
        self.finish_lines();
        self.sources.clear();
        if let Some(log) = &mut self.log {
            log.reset();
        }
    }

    /// Shows what the program has said since the last look; true if there was anything.
    pub fn show(&mut self, session: &mut Session) -> Result<bool, Fault> {
        let said = session.take_program_output();
        let channels: Vec<u32> = (0..MOST_CHANNELS).collect();
        let chunks = session.rtt_read(&channels)?;
        if self.sources.is_empty() && !chunks.is_empty() {
            self.sources = session
                .rtt_channels()?
                .into_iter()
                .filter_map(source)
                .collect();
        }
        for output in &said {
            self.show_call(output);
        }
        for chunk in &chunks {
            self.show_chunk(chunk);
        }
        Ok(!said.is_empty() || !chunks.is_empty())
    }

    /// A line that was begun and has no end yet is shown.
    pub fn finish_lines(&mut self) {
        for source in self.sources.values_mut() {
            if !source.line.is_empty() {
                source.line.push(b'\n');
                print(&[&mark(&source.name), &source.line]);
                source.line.clear();
            }
        }
    }

    fn show_call(&self, output: &semihosting::Output) {
        match output.stream {
            Stream::Out => print(&[&output.bytes]),
            Stream::Error | Stream::Notice => {
                // Whoever started us may have closed it.
                let _ = std::io::stderr().write_all(&output.bytes);
            }
        }
    }

    fn show_chunk(&mut self, chunk: &Chunk) {
        let Some(source) = self.sources.get_mut(&chunk.channel) else {
            return print(&[&chunk.data]);
        };
        match &mut self.log {
            Some(log) if source.name == defmt::CHANNEL => show_records(log.take(&chunk.data)),
            _ if chunk.channel == 0 => print(&[&chunk.data]),
            _ => {
                source.line.extend_from_slice(&chunk.data);
                while let Some(end) = source.line.iter().position(|byte| *byte == b'\n') {
                    let line: Vec<u8> = source.line.drain(..=end).collect();
                    print(&[&mark(&source.name), &line]);
                }
            }
        }
    }
}

fn source(channel: Channel) -> Option<(u32, Source)> {
    let name = match channel.name.as_str() {
        "" => format!("channel {}", channel.number),
        name => name.to_owned(),
    };
    let line = Vec::new();
    (channel.direction == Direction::Up).then_some((channel.number, Source { name, line }))
}

fn mark(name: &str) -> Vec<u8> {
    format!("[{name}] ").into_bytes()
}

fn show_records(records: Vec<Record>) {
    for record in records {
        match record {
            Record::Line(line) => print(&[line.as_bytes(), b"\n"]),
            Record::Malformed(length) => eprintln!(
                "warning: {length} bytes of the log are no frame of defmt: text was lost, or the ELF is not what runs"
            ),
        }
    }
}

/// At once: somebody watches. That nobody reads ends nothing.
fn print(pieces: &[&[u8]]) {
    let mut out = std::io::stdout().lock();
    for piece in pieces {
        let _ = out.write_all(piece);
    }
    let _ = out.flush();
}

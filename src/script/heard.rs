//! What the program says over RTT while the session waits: text of up channels, defmt decoded, kept until a step takes it.
//!
//! A session with a step that listens starts RTT before its first step, and the program waits where a buffer is full, so that nothing is
//! lost between two looks.

use std::{collections::BTreeMap, fs, path::PathBuf};

use crate::{
    fault::Fault,
    rtt::{
        Direction,
        defmt::{self, Log, Record},
    },
    session::Session,
};

/// Text of the channels that somebody expects something of.
#[derive(Default)]
pub(super) struct Heard {
    wanted: Vec<u32>,
    said: BTreeMap<u32, String>,
    /// The appli whose texts decode defmt, and the channel that carries it.
    log: Option<(PathBuf, Option<Log>)>,
    defmt_channel: Option<u32>,
}

impl Heard {
    /// Listens to `channels` from now on; none is no listening at all.
    pub fn start(session: &mut Session, channels: Vec<u32>) -> Self {
        if !channels.is_empty() {
            session.rtt_start();
            session.rtt_block_when_full();
        }
        Self {
            wanted: channels,
            ..Self::default()
        }
    }

    /// Takes what has come; true if there was anything.
    pub fn listen(&mut self, session: &mut Session) -> Result<bool, Fault> {
        if self.wanted.is_empty() {
            return Ok(false);
        }
        let chunks = session.rtt_read(&self.wanted)?;
        for chunk in &chunks {
            let text = match self.log_of(session, chunk.channel)? {
                Some(log) => log.take(&chunk.data).into_iter().map(in_words).collect(),
                None => String::from_utf8_lossy(&chunk.data).into_owned(),
            };
            self.said.entry(chunk.channel).or_default().push_str(&text);
        }
        Ok(!chunks.is_empty())
    }

    /// All that was said on a channel and not yet taken.
    pub fn text(&self, channel: u32) -> &str {
        self.said.get(&channel).map_or("", String::as_str)
    }

    /// Takes what was said on a channel, up to `end`.
    pub fn take(&mut self, channel: u32, end: usize) -> String {
        match self.said.get_mut(&channel) {
            Some(said) => said.drain(..end).collect(),
            None => String::new(),
        }
    }

    /// The decoder, if the channel carries defmt's frames.
    fn log_of(&mut self, session: &mut Session, channel: u32) -> Result<Option<&mut Log>, Fault> {
        let Some(appli) = session.settings().appli.clone() else {
            return Ok(None);
        };
        if self.log.as_ref().is_none_or(|(path, _)| *path != appli) {
            let channels = session.rtt_channels()?;
            let defmt = channels.iter().find(|channel| {
                channel.direction == Direction::Up && channel.name == defmt::CHANNEL
            });
            self.defmt_channel = defmt.map(|channel| channel.number);
            let log = match fs::read(&appli) {
                Ok(bytes) => Log::of_elf(&bytes, &appli, &defmt::Form::default())?,
                Err(_) => None,
            };
            self.log = Some((appli, log));
        }
        let is_defmt = self.defmt_channel == Some(channel);
        let log = self.log.as_mut().and_then(|(_, log)| log.as_mut());
        Ok(log.filter(|_| is_defmt))
    }
}

fn in_words(record: Record) -> String {
    match record {
        Record::Line(line) => line + "\n",
        Record::Malformed(bytes) => format!("({bytes} bytes that are no defmt frame)\n"),
    }
}

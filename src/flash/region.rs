//! The flashes of a board: internal flash, and each NOR behind its window.

use std::ops::Range;

use super::FlashError;
use crate::{
    layout::{Address, BoardProfile, Controller, Memory, NorTimes, Window},
    link::{
        Link,
        salvage::{Salvage, salvage},
    },
    window::{State, Windows},
};

/// A flash of the board.
#[derive(Clone, Debug)]
pub(super) struct Region {
    pub name: String,
    pub range: Range<u64>,
    pub sector_bytes: u32,
    pub erased_byte: u8,
    kind: Kind,
}

#[derive(Clone, Debug)]
enum Kind {
    Internal { algorithm: String },
    Window(Box<Window>),
}

impl Region {
    pub(super) fn of(profile: &BoardProfile) -> Vec<Self> {
        let internal = Self {
            name: "internal flash".to_owned(),
            range: profile.internal_range(),
            sector_bytes: profile.internal_sector_bytes,
            erased_byte: 0xFF,
            kind: Kind::Internal {
                algorithm: profile.internal_algorithm.clone(),
            },
        };
        let windows = profile
            .windows
            .iter()
            .filter(|window| window.memory == Memory::Nor)
            .map(|window| Self {
                name: format!("window {window}"),
                range: window.range(),
                sector_bytes: window.sector_bytes,
                erased_byte: 0xFF,
                kind: Kind::Window(Box::new(window.clone())),
            });
        std::iter::once(internal).chain(windows).collect()
    }

    /// The controller that a flash behind a window is reached by.
    pub(super) fn controller(&self) -> Option<Controller> {
        match &self.kind {
            Kind::Internal { .. } => None,
            Kind::Window(window) => Some(window.controller),
        }
    }

    pub(super) fn is_internal(&self) -> bool {
        matches!(self.kind, Kind::Internal { .. })
    }

    pub(super) fn algorithm(&self) -> Option<&str> {
        match &self.kind {
            Kind::Internal { algorithm } => Some(algorithm),
            Kind::Window(window) => window.algorithm.as_deref(),
        }
    }

    pub(super) fn program_bytes(&self) -> Option<u32> {
        match &self.kind {
            Kind::Internal { .. } => None,
            Kind::Window(window) => window.program_bytes,
        }
    }

    pub(super) fn times(&self) -> NorTimes {
        match &self.kind {
            Kind::Internal { .. } => NorTimes::default(),
            Kind::Window(window) => window.times,
        }
    }

    /// True if it can be read as the chip is now.
    pub(super) fn is_readable(
        &self,
        link: &mut dyn Link,
        windows: &mut Windows,
    ) -> Result<bool, FlashError> {
        match &self.kind {
            Kind::Internal { .. } => Ok(true),
            Kind::Window(window) => Ok(windows.state(link, window)? == State::Open),
        }
    }

    /// Reads `range` over the wire. A damaged word of internal flash is an error of its own.
    pub(super) fn read(
        &self,
        link: &mut dyn Link,
        windows: &mut Windows,
        range: &Range<u64>,
    ) -> Result<Vec<u8>, FlashError> {
        let salvaged = self.salvage(link, windows, range)?;
        match salvaged.first_damage() {
            None => Ok(salvaged.bytes),
            Some(address) => Err(FlashError::Damaged { address }),
        }
    }

    /// Reads `range` over the wire, around damaged words of internal flash.
    pub(super) fn salvage(
        &self,
        link: &mut dyn Link,
        windows: &mut Windows,
        range: &Range<u64>,
    ) -> Result<Salvage, FlashError> {
        match &self.kind {
            Kind::Internal { .. } => Ok(salvage(link, range)?),
            Kind::Window(_) => {
                let mut bytes = vec![0; (range.end - range.start) as usize];
                windows.read_chip(link, Address(range.start as u32), &mut bytes)?;
                Ok(Salvage {
                    bytes,
                    damaged: Vec::new(),
                })
            }
        }
    }
}

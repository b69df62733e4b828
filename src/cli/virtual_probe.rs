//! `--probe virtual`: the virtual board that is like the profile's.

use std::{borrow::Cow, path::PathBuf, time::Duration};

use virtual_board::{
    board::{Board, BuildError, Builder, Description, DescriptionError},
    handle,
    state::StateError,
};

use super::{mishaps::Mishaps, target::VirtualTime};
use crate::{
    fault::{Code, Explain, Fault},
    image::Image,
    layout::{BoardProfile, OwnBoot, VirtualBoard},
    link::probe::Clock,
};

/// Why there is no virtual board.
#[derive(Debug, thiserror::Error)]
pub enum VirtualBoardError {
    /// The profile names none.
    #[error("the profile of {board} does not say which virtual board is like it")]
    Unstated {
        /// The board.
        board: String,
    },
    /// What the profile says of it is of no use.
    #[error("the virtual board of {board} cannot be made")]
    Description {
        /// The board.
        board: String,
        /// Why.
        #[source]
        source: DescriptionError,
    },
    /// The virtual board cannot be set up.
    #[error("the virtual board cannot be set up")]
    Build {
        /// Why.
        #[source]
        source: BuildError,
    },
}

impl Explain for VirtualBoardError {
    fn code(&self) -> Code {
        match self {
            Self::Unstated { .. } | Self::Description { .. } => Code::XG071,
            Self::Build { .. } => Code::XG074,
        }
    }

    fn remedy(&self) -> Option<Cow<'static, str>> {
        match self {
            Self::Unstated { .. } => Some(
                "add `virtual_board = NAME` or a table [virtual_board] to the profile, as docs/custom-board.md has it"
                    .into(),
            ),
            Self::Description { .. } => {
                Some("compare it with virtual-board/boards/stm32h7s78-dk.toml".into())
            }
            Self::Build {
                source: BuildError::State(StateError::InUse { .. }),
            } => Some("end the other process, or give each a --virtual-state of its own".into()),
            Self::Build { .. } => None,
        }
    }
}

/// Its own time.
impl Clock for handle::VirtualBoard {
    fn idle(&mut self, duration: Duration) {
        handle::VirtualBoard::idle(self, duration);
    }

    fn now(&self) -> Duration {
        self.with(|board| board.now()).into()
    }
}

/// A board from its state file, or a fresh one with our boot stage and a blank NOR.
pub fn make(
    profile: &BoardProfile,
    state: Option<PathBuf>,
    time: VirtualTime,
    Mishaps(mishaps): Mishaps,
) -> Result<handle::VirtualBoard, Fault> {
    let builder = Board::builder().board(description(profile)?);
    let builder = match state {
        Some(path) => builder.state_file(path),
        None => builder.boot_image(our_boot(profile)?),
    };
    let builder = mishaps.into_iter().fold(builder, Builder::mishap);
    let board = builder
        .build()
        .map_err(|source| VirtualBoardError::Build { source })?;
    let board = handle::VirtualBoard::new(board);
    if time == VirtualTime::Free {
        board.run_freely();
    }
    Ok(board)
}

fn description(profile: &BoardProfile) -> Result<Description, VirtualBoardError> {
    let description = match &profile.virtual_board {
        Some(VirtualBoard::Named(name)) => Description::find(name),
        Some(VirtualBoard::Described(text)) => Description::parse(text, &profile.folder),
        None => {
            return Err(VirtualBoardError::Unstated {
                board: profile.name.clone(),
            });
        }
    };
    description.map_err(|source| VirtualBoardError::Description {
        board: profile.name.clone(),
        source,
    })
}

/// Our boot stage for the board as it lies in internal flash; nothing if we have none for it.
fn our_boot(profile: &BoardProfile) -> Result<Vec<u8>, Fault> {
    let Some(own) = profile.own_boot else {
        return Ok(Vec::new());
    };
    let file: &[u8] = match own {
        OwnBoot::OctalXspi2 => include_bytes!("../../firmware/prebuilt/boot.elf"),
        OwnBoot::OctalXspi1 => include_bytes!("../../firmware/prebuilt/boot-xspi1.elf"),
        OwnBoot::QuadXspi1 => include_bytes!("../../firmware/prebuilt/boot-quad.elf"),
    };
    let image = Image::from_elf(file)?;
    let mut bytes = vec![0xFF; profile.internal_flash_bytes as usize];
    image.read(profile.internal_flash, &mut bytes);
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_board_that_is_built_in_has_a_virtual_one_with_our_boot_stage() {
        for name in BoardProfile::names() {
            let profile = BoardProfile::find(name).expect("valid");
            description(&profile).expect("a virtual board");
            let bytes = our_boot(&profile).expect("the embedded boot stage");
            let word = |at: usize| {
                u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
            };
            assert_eq!(word(0) >> 24, 0x20, "a stack pointer in DTCM");
            assert_eq!(word(4) >> 16, 0x0800, "a reset vector in internal flash");
        }
    }

    #[test]
    fn a_profile_without_a_virtual_board_says_what_to_add() {
        let mut profile = BoardProfile::find("stm32h7s78-dk").expect("valid");
        profile.virtual_board = None;
        let error = description(&profile).expect_err("none is named");
        assert!(error.remedy().expect("a remedy").contains("custom-board"));
    }
}

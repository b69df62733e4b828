//! What a board starts with.

use std::path::PathBuf;

use super::{Board, Description, DescriptionError};
use crate::{
    mishap::Mishap,
    state::{Claim, State, StateError},
};

/// Product life-cycle states that the board can be made in (RM0477, FLASH_NVSTATER).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ProductState {
    /// The debugger gets in.
    #[default]
    Open,
    /// AP1 is denied.
    Closed,
}

/// Why a board cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// The state file is of no use.
    #[error(transparent)]
    State(#[from] StateError),
    /// There is no such board.
    #[error(transparent)]
    Description(#[from] DescriptionError),
    /// An image does not fit its memory.
    #[error("{image} bytes at {offset:#x} do not fit {memory} of {capacity} bytes")]
    ImageTooLarge {
        /// Internal flash or NOR.
        memory: &'static str,
        /// Bytes of the image.
        image: usize,
        /// Where it should begin.
        offset: usize,
        /// Bytes of the memory.
        capacity: usize,
    },
}

/// The board that is made unless another is asked for.
const DEFAULT_BOARD: &str = "stm32h7s78-dk";

/// Makes a [`Board`]: an STM32H7S78-DK, blank, open, tolerant of what is not modelled, with nothing kept, unless told otherwise.
#[derive(Clone, Debug)]
pub struct Builder {
    description: Option<Description>,
    state: Option<PathBuf>,
    pub(super) boot_image: Vec<u8>,
    pub(super) nor_image: Vec<u8>,
    pub(super) strict: bool,
    pub(super) product_state: ProductState,
    pub(super) cacheable_debug: bool,
    pub(super) boot_pin: Option<bool>,
    pub(super) option_words: Vec<(u32, u32)>,
    pub(super) mishaps: Vec<Mishap>,
}

impl Default for Builder {
    fn default() -> Self {
        Self {
            description: None,
            state: None,
            boot_image: Vec::new(),
            nor_image: Vec::new(),
            strict: false,
            cacheable_debug: true,
            product_state: ProductState::Open,
            boot_pin: None,
            option_words: Vec::new(),
            mishaps: Vec::new(),
        }
    }
}

impl Builder {
    /// Makes another board than the STM32H7S78-DK.
    pub fn board(mut self, description: Description) -> Self {
        self.description = Some(description);
        self
    }

    pub(super) fn description(&self) -> Result<Description, DescriptionError> {
        match &self.description {
            Some(description) => Ok(description.clone()),
            None => Description::find(DEFAULT_BOARD),
        }
    }

    /// Keeps internal flash, option bytes and NOR in this file: loaded now if it exists, saved when the board goes.
    /// No other board can have the file meanwhile, in whatever process.
    pub fn state_file(mut self, path: impl Into<PathBuf>) -> Self {
        self.state = Some(path.into());
        self
    }

    /// Programs internal flash from its start.
    pub fn boot_image(mut self, image: impl Into<Vec<u8>>) -> Self {
        self.boot_image = image.into();
        self
    }

    /// Programs the NOR from its start.
    pub fn nor_image(mut self, image: impl Into<Vec<u8>>) -> Self {
        self.nor_image = image.into();
        self
    }

    /// Refuses accesses to what is not modelled.
    pub fn strict(mut self, strict: bool) -> Self {
        self.strict = strict;
        self
    }

    /// Whether AP1 can set HPROT\[3\]. This chip's can; a probe whose own memory commands leave it clear meets what a debugger sees
    /// where it cannot.
    pub fn cacheable_debug(mut self, offered: bool) -> Self {
        self.cacheable_debug = offered;
        self
    }

    /// Life-cycle state of the product.
    pub fn product_state(mut self, state: ProductState) -> Self {
        self.product_state = state;
        self
    }

    /// Level of the BOOT0 pin: high starts system memory instead of internal flash. Low, or as the state file has it, unless set.
    pub fn boot_pin(mut self, level: bool) -> Self {
        self.boot_pin = Some(level);
        self
    }

    /// Sets the option word whose status register is at this offset of FLASH (0x260 OBW1SR, 0x268 OBW2SR).
    pub fn option_word(mut self, offset: u32, value: u32) -> Self {
        self.option_words.push((offset, value));
        self
    }

    /// Something that is to go wrong.
    pub fn mishap(mut self, mishap: Mishap) -> Self {
        self.mishaps.push(mishap);
        self
    }

    /// The board, with power on and not a cycle run.
    pub fn build(self) -> Result<Board, BuildError> {
        let claim = self.state.as_deref().map(Claim::take).transpose()?;
        let state = match &claim {
            Some(claim) => {
                State::check_writable(claim.path())?;
                State::load(claim.path())?
            }
            None => None,
        };
        Board::assemble(self, claim, state)
    }
}

//! What a session is opened with, and how it behaves towards the core.

use std::{path::PathBuf, time::Duration};

use crate::layout::BoardProfile;

/// What becomes of the core when the server starts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnAttach {
    /// It is halted where it is: a hung unit keeps its evidence.
    #[default]
    Halt,
    /// It is reset and brought to the appli's first instruction.
    Arm,
    /// It goes on as it does.
    Run,
}

/// When interrupts are masked (C_MASKINTS).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MaskPolicy {
    /// An instruction step masks; a range step runs where masking would cheat the program.
    #[default]
    Auto,
    /// Steps and runs mask.
    On,
    /// Nothing masks.
    Off,
    /// Every step masks, also in a range.
    StepOnly,
}

/// In which state the target is left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Leave {
    /// It runs, with debug off.
    Running,
    /// It stays in debug state.
    Halted,
}

/// What a session is opened with.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The board.
    pub profile: BoardProfile,
    /// The appli that is debugged; re-read when the file changes.
    pub appli: Option<PathBuf>,
    /// What is flashed when that is not the appli: signed, padded or copied.
    pub image: Option<PathBuf>,
    /// The boot stage that should be in internal flash.
    pub boot: Option<PathBuf>,
    /// The boot stage may be programmed.
    pub install_boot: bool,
    /// How long the boot stage may take to the appli's first instruction.
    pub boot_timeout: Duration,
    /// What becomes of the core when the session opens.
    pub on_attach: OnAttach,
    /// The link was connected with nRST asserted: the core was caught as it left reset.
    pub under_reset: bool,
    /// A window may be read while the core runs.
    pub live_window: bool,
    /// Folder in which unfinished programming is remembered from run to run; nowhere for a board that does not outlive us.
    pub flash_journal: Option<PathBuf>,
}

impl Settings {
    /// How long a boot stage may take, unless somebody says otherwise.
    pub const BOOT_TIMEOUT: Duration = Duration::from_secs(10);

    /// A board of which nothing else is known: no files, halted when the session opens, nothing remembered.
    pub fn of(profile: BoardProfile) -> Self {
        Self {
            profile,
            appli: None,
            image: None,
            boot: None,
            install_boot: false,
            boot_timeout: Self::BOOT_TIMEOUT,
            on_attach: OnAttach::default(),
            under_reset: false,
            live_window: false,
            flash_journal: None,
        }
    }
}

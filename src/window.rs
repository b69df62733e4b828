//! Memory-mapped windows of the XSPI controllers, and the gate in front of them.
//!
//! A window answers only while its controller is in memory-mapped mode (RM0477, XSPI_CR.FMODE = 3) with supply, kernel clock and
//! peripheral clock on. Anything else is a bus error at best; a NOR that expects another protocol can stall the AHB-AP until
//! DAPABORT. So nobody above this module addresses external memory: they ask [`Windows::read`], which looks first.
//!
//! SR.BUSY is *not* looked at: in memory-mapped mode it stays set after the first access (RM0456 28.4.11, same IP), and a live
//! window is never aborted.
//!
//! What the NOR holds (nothing, no vectors, another image) is no reason to refuse a read; that is a finding of the boot stage.

mod state;

use std::borrow::Cow;

pub(crate) use state::block;
pub use state::{Clock, Closed, State};

use crate::{
    fault::{Code, Explain},
    image::Image,
    layout::{Address, BoardProfile, Memory, Window},
    link::{Link, LinkError},
};

/// Reads of a closed window that are compared when it opens: each is read again then, and the first ones tell as well as all.
const MOST_SERVED: usize = 256;

/// What the core does while memory is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Core {
    /// Debug state.
    Halted,
    /// It may be writing the NOR or reconfiguring the window.
    Running,
}

/// Where bytes came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// The chip.
    Chip,
    /// The appli's file: the window is closed, or the core runs.
    Image,
}

/// What a read got: possibly less than was asked for, never nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Read {
    /// Bytes.
    pub length: usize,
    /// From where.
    pub source: Source,
}

/// The windows of a board: their states as they were last looked at, and the appli that answers for a closed one.
#[derive(Debug)]
pub struct Windows {
    windows: Vec<Gate>,
    board: String,
    image: Option<Image>,
    live: bool,
    product_state: Option<u32>,
    notices: Vec<String>,
}

/// One window with what is remembered of it.
#[derive(Debug)]
struct Gate {
    window: Window,
    /// Valid while the core is halted and nothing was written outside RAM.
    state: Option<State>,
    /// What was answered from the image since the window was last seen open, the first reads of it: to be compared when it opens.
    served: Vec<(Address, usize)>,
}

impl Windows {
    /// The windows of `profile`, not looked at yet.
    pub fn new(profile: &BoardProfile) -> Self {
        let gate = |window: &Window| Gate {
            window: window.clone(),
            state: None,
            served: Vec::new(),
        };
        Self {
            windows: profile.windows.iter().map(gate).collect(),
            board: profile.name.clone(),
            image: None,
            live: false,
            product_state: None,
            notices: Vec::new(),
        }
    }

    /// The windows, as the profile lists them.
    pub fn iter(&self) -> impl Iterator<Item = &Window> {
        self.windows.iter().map(|gate| &gate.window)
    }

    /// The window that `address` lies in.
    pub fn find(&self, address: Address) -> Option<&Window> {
        self.iter().find(|window| window.contains(address))
    }

    /// True for the whole external address space: nothing there is touched but through this gate.
    pub fn is_external(&self, address: Address) -> bool {
        address.is_external()
    }

    /// The appli that answers for closed windows.
    pub fn set_image(&mut self, image: Option<Image>) {
        self.image = image;
        self.forget_served();
    }

    /// Nothing is left to compare: the NOR is about to be programmed, so what it held while its window was closed tells nothing.
    pub fn forget_served(&mut self) {
        for gate in &mut self.windows {
            gate.served.clear();
        }
    }

    /// The appli that answers for closed windows.
    pub fn image(&self) -> Option<&Image> {
        self.image.as_ref()
    }

    /// Allows reads of open windows while the core runs (`--live-window`).
    pub fn allow_live_reads(&mut self) {
        self.live = true;
    }

    /// Forgets the states: at resume, reset, a loader's run, and any write outside RAM.
    pub fn forget(&mut self) {
        for gate in &mut self.windows {
            gate.state = None;
        }
    }

    /// Sentences for the next moment at which a console takes text.
    pub fn take_notices(&mut self) -> Vec<String> {
        std::mem::take(&mut self.notices)
    }

    /// Whether `window` is open, and if not, the first reason. Looked at once until [`Self::forget`].
    pub fn state(&mut self, link: &mut dyn Link, window: &Window) -> Result<State, WindowError> {
        let known = |gate: &&mut Gate| gate.window.base == window.base;
        let Some(gate) = self.windows.iter_mut().find(known) else {
            return state::look(link, window, &mut self.product_state).map_err(WindowError::Link);
        };
        if let Some(state) = gate.state {
            return Ok(state);
        }
        let state = state::look(link, window, &mut self.product_state)?;
        gate.state = Some(state);
        if state == State::Open {
            self.compare_served(link, window.base)?;
        }
        Ok(state)
    }

    /// Whether `window` is open at this moment of a running core: registers are read, the window is not touched, nothing is remembered.
    pub fn glance(&mut self, link: &mut dyn Link, window: &Window) -> Result<State, LinkError> {
        state::look(link, window, &mut self.product_state)
    }

    /// Reads through the gate: from the chip when the window is open, from the appli's image when it is not. A read that runs past
    /// the window or the image is answered short.
    pub fn read(
        &mut self,
        link: &mut dyn Link,
        address: Address,
        data: &mut [u8],
        core: Core,
    ) -> Result<Read, WindowError> {
        let window = self.window_at(address)?;
        match core {
            Core::Halted => match self.state(link, &window)? {
                State::Open => self.read_open(link, &window, address, data),
                State::Closed(reason) => self
                    .shown_by_image(address, data)
                    .inspect(|read| self.served(&window, address, *read, reason))
                    .ok_or_else(|| WindowError::Closed {
                        window: Box::new(window.clone()),
                        reason,
                        address,
                    }),
            },
            Core::Running => self.read_while_running(link, &window, address, data),
        }
    }

    /// Reads from the chip or not at all: what compares and searches must never be answered from a file.
    pub fn read_chip(
        &mut self,
        link: &mut dyn Link,
        address: Address,
        data: &mut [u8],
    ) -> Result<usize, WindowError> {
        let window = self.window_at(address)?;
        match self.state(link, &window)? {
            State::Open => Ok(self.read_open(link, &window, address, data)?.length),
            State::Closed(reason) => Err(WindowError::Closed {
                window: Box::new(window),
                reason,
                address,
            }),
        }
    }

    /// Writes to RAM behind an open window. A NOR is not written like memory.
    pub fn write(
        &mut self,
        link: &mut dyn Link,
        address: Address,
        data: &[u8],
    ) -> Result<(), WindowError> {
        let window = self.window_at(address)?;
        if window.memory == Memory::Nor {
            return Err(WindowError::NorWrite {
                window: Box::new(window),
                address,
            });
        }
        if u64::from(address.0) + data.len() as u64 > window.range().end {
            return Err(WindowError::NoWindow {
                address: Address(window.range().end as u32),
                board: self.board.clone(),
            });
        }
        match self.state(link, &window)? {
            State::Open => {
                let outcome = link.write(address, data);
                self.settle(link, &window, address, data.len(), outcome)
            }
            State::Closed(reason) => Err(WindowError::Closed {
                window: Box::new(window),
                reason,
                address,
            }),
        }
    }

    fn window_at(&self, address: Address) -> Result<Window, WindowError> {
        self.find(address)
            .cloned()
            .ok_or_else(|| WindowError::NoWindow {
                address,
                board: self.board.clone(),
            })
    }

    /// The core may change the state at any instruction: nothing is remembered.
    fn read_while_running(
        &mut self,
        link: &mut dyn Link,
        window: &Window,
        address: Address,
        data: &mut [u8],
    ) -> Result<Read, WindowError> {
        if let Some(read) = self.shown_by_image(address, data) {
            return Ok(read);
        }
        if !(self.live || window.live) {
            return Err(WindowError::Running {
                window: Box::new(window.clone()),
                address,
            });
        }
        match state::look(link, window, &mut self.product_state)? {
            State::Open => self.read_open(link, window, address, data),
            State::Closed(reason) => Err(WindowError::Closed {
                window: Box::new(window.clone()),
                reason,
                address,
            }),
        }
    }

    fn shown_by_image(&self, address: Address, data: &mut [u8]) -> Option<Read> {
        let length = self.image.as_ref()?.read(address, data);
        (length > 0).then_some(Read {
            length,
            source: Source::Image,
        })
    }

    fn read_open(
        &mut self,
        link: &mut dyn Link,
        window: &Window,
        address: Address,
        data: &mut [u8],
    ) -> Result<Read, WindowError> {
        let left = window.range().end - u64::from(address.0);
        let length = data.len().min(usize::try_from(left).unwrap_or(usize::MAX));
        let outcome = match data.get_mut(..length) {
            Some(part) => link.read(address, part),
            None => Ok(()),
        };
        self.settle(link, window, address, length, outcome)?;
        Ok(Read {
            length,
            source: Source::Chip,
        })
    }

    /// An access that stalled the bus is followed by the link's recovery: the core is then at the reset vector.
    fn settle(
        &mut self,
        link: &mut dyn Link,
        window: &Window,
        address: Address,
        length: usize,
        outcome: Result<(), LinkError>,
    ) -> Result<(), WindowError> {
        match outcome {
            Ok(()) => Ok(()),
            Err(source @ LinkError::Stalled { .. }) => {
                self.forget();
                link.recover()?;
                Err(WindowError::Stalled {
                    window: Box::new(window.clone()),
                    address,
                    length,
                    source,
                })
            }
            Err(source @ LinkError::Refused { .. }) => Err(WindowError::BusError {
                window: Box::new(window.clone()),
                address,
                length,
                source,
            }),
            Err(other) => Err(other.into()),
        }
    }

    fn served(&mut self, window: &Window, address: Address, read: Read, reason: Closed) {
        let file = self.image.as_ref().map_or_else(String::new, Image::name);
        let Some(gate) = self
            .windows
            .iter_mut()
            .find(|g| g.window.base == window.base)
        else {
            return;
        };
        if gate.served.is_empty() {
            self.notices.push(format!(
                "window {window} is closed ({reason}): memory there is shown from {file}"
            ));
        }
        let is_new = !gate.served.contains(&(address, read.length));
        if is_new && gate.served.len() < MOST_SERVED {
            gate.served.push((address, read.length));
        }
    }

    /// The window was seen open: what was shown from the file before must be what is there.
    fn compare_served(&mut self, link: &mut dyn Link, base: Address) -> Result<(), WindowError> {
        let Some(gate) = self.windows.iter_mut().find(|g| g.window.base == base) else {
            return Ok(());
        };
        let served = std::mem::take(&mut gate.served);
        let window = gate.window.clone();
        for (address, length) in served {
            let (mut there, mut shown) = (vec![0; length], vec![0; length]);
            self.read_open(link, &window, address, &mut there)?;
            let Some(image) = self.image.as_ref() else {
                return Ok(());
            };
            image.read(address, &mut shown);
            if let Some(offset) = there.iter().zip(&shown).position(|(a, b)| a != b) {
                self.notices.push(format!(
                    "what was shown from {} differs from window {window}, first at {}: the NOR holds another image",
                    image.name(),
                    Address(address.0 + offset as u32),
                ));
                return Ok(());
            }
        }
        Ok(())
    }
}

/// Why external memory was not read or written.
#[derive(Debug, thiserror::Error)]
pub enum WindowError {
    /// The board has nothing there.
    #[error("{address} is in no window of board {board}")]
    NoWindow {
        /// The address.
        address: Address,
        /// The board.
        board: String,
    },
    /// The window does not answer.
    #[error("window {window} is closed: {reason}")]
    Closed {
        /// Which window.
        window: Box<Window>,
        /// The first reason that holds.
        reason: Closed,
        /// What was asked for.
        address: Address,
    },
    /// The core runs.
    #[error("window {window} is not read while the core runs (at {address})")]
    Running {
        /// Which window.
        window: Box<Window>,
        /// What was asked for.
        address: Address,
    },
    /// The window is open, but an access did not end.
    #[error(
        "window {window} stalled the bus: {length} bytes at {address} never came, the chip was reset"
    )]
    Stalled {
        /// Which window.
        window: Box<Window>,
        /// First address of the access.
        address: Address,
        /// Its length.
        length: usize,
        /// The link's error.
        #[source]
        source: LinkError,
    },
    /// The window is open, but the bus refused.
    #[error("window {window} answered an access of {length} bytes at {address} with a bus error")]
    BusError {
        /// Which window.
        window: Box<Window>,
        /// First address of the access.
        address: Address,
        /// Its length.
        length: usize,
        /// The link's error.
        #[source]
        source: LinkError,
    },
    /// NOR is not RAM.
    #[error("window {window} is NOR flash: {address} cannot be written like memory")]
    NorWrite {
        /// Which window.
        window: Box<Window>,
        /// What was to be written.
        address: Address,
    },
    /// The link failed.
    #[error(transparent)]
    Link(#[from] LinkError),
}

impl Explain for WindowError {
    fn code(&self) -> Code {
        match self {
            Self::NoWindow { .. } => Code::XG010,
            Self::Running { .. } => Code::XG011,
            Self::Closed {
                reason: Closed::ProductState(_),
                ..
            } => Code::XG028,
            Self::Closed { .. } => Code::XG012,
            Self::Stalled { .. } => Code::XG013,
            Self::NorWrite { .. } => Code::XG014,
            Self::BusError { .. } => Code::XG015,
            Self::Link(link) => link.code(),
        }
    }

    fn remedy(&self) -> Option<Cow<'static, str>> {
        match self {
            Self::Closed { window, reason, .. } => {
                reason.remedy().map(Cow::Borrowed).or_else(|| {
                    (window.memory == Memory::Ram).then_some(Cow::Borrowed(
                    "RAM behind a window is started by the appli: let it run to where it does that",
                ))
                })
            }
            Self::Link(link) => link.remedy(),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests;

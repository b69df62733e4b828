//! What the chip shows of its boot stage, gathered once, without changing anything.

use super::{polling, retained::Retained};
use crate::{
    image::{Image, Vectors, mcuboot},
    layout::{Address, BoardProfile, Window},
    link::{
        CoreRegister, CoreState, Link, LinkError, RegisterAccess,
        core_fault::CoreFault,
        salvage::{damage, salvage},
    },
    registers::{
        debug::SCS,
        flash::{FLASH, Nvsr, OPEN},
        rcc::{RCC, Rsr},
        sbs::{Bootsr, SBS},
        scb::Vtor,
    },
    window::{State, WindowError, Windows},
};

/// System memory with ST's bootloader: what INITVTOR names when the chip does not start from user flash (RM0477, memory map).
const SYSTEM_MEMORY: std::ops::Range<u32> = 0x1FF0_0000..0x2000_0000;

/// Where the core starts, and what is there.
#[derive(Clone, Debug)]
pub(super) struct Start {
    pub product_state: Option<u32>,
    /// The first address of internal flash that cannot be read, as far as was looked.
    pub damaged: Option<Address>,
    pub boot_vectors: Vectors,
    pub boot_is_plausible: bool,
    pub started_from: Address,
    /// Known while the core is halted.
    pub pc: Option<Address>,
}

/// What the chip shows.
#[derive(Clone, Debug)]
pub(super) struct Evidence {
    pub start: Start,
    pub vtor: Address,
    pub core: CoreState,
    pub fault: Option<CoreFault>,
    pub retained: Option<Retained>,
    /// A watchdog that has reset the chip, at some time since the flags were removed.
    pub watchdog: Option<&'static str>,
    pub window: Option<(Window, State)>,
    /// What the NOR holds where the vector table is expected; `None` while the window is closed.
    pub image_vectors: Option<Vectors>,
    pub image_is_plausible: bool,
    /// Where the NOR has an MCUboot header, if that was looked for and found.
    pub header: Option<Address>,
    /// What the core is polling, from several looks.
    pub polled: Option<Address>,
    /// The NOR stalled the bus, or answered with a bus error.
    pub window_fails: bool,
}

impl Start {
    /// Of a core that is halted.
    pub(super) fn read(link: &mut dyn Link, profile: &BoardProfile) -> Result<Self, LinkError> {
        let mut start = Self::of_any_core(link, profile)?;
        start.pc = Some(Address(link.read_register(CoreRegister::PC)?));
        Ok(start)
    }

    fn of_any_core(link: &mut dyn Link, profile: &BoardProfile) -> Result<Self, LinkError> {
        let product_state = link.peek::<Nvsr>(FLASH)?.product_state();
        let (boot_vectors, damaged) = read_vectors(link, profile.internal_flash)?;
        Ok(Self {
            product_state: (product_state != OPEN).then_some(product_state),
            boot_is_plausible: is_boot_stage(&boot_vectors, profile),
            boot_vectors,
            damaged,
            started_from: Address(link.peek::<Bootsr>(SBS)?.initial_vectors()),
            pc: None,
        })
    }

    /// A boot stage that cannot start may be one that cannot be read.
    pub(super) fn look_for_damage(
        &mut self,
        link: &mut dyn Link,
        profile: &BoardProfile,
    ) -> Result<(), LinkError> {
        if !self.boot_is_plausible {
            self.damaged = first_damage(link, profile)?;
        }
        Ok(())
    }

    /// System memory, if the core started there or is there.
    pub(super) fn started_elsewhere(&self) -> Option<Address> {
        [Some(self.started_from), self.pc]
            .into_iter()
            .flatten()
            .find(|address| SYSTEM_MEMORY.contains(&address.0))
    }
}

impl Evidence {
    pub(super) fn gather(
        link: &mut dyn Link,
        windows: &mut Windows,
        profile: &BoardProfile,
        appli: Option<&Image>,
    ) -> Result<Self, LinkError> {
        let mut start = Start::of_any_core(link, profile)?;
        let vtor = Address(link.peek::<Vtor>(SCS)?.table());
        let core = link.state()?;
        let is_halted = matches!(core, CoreState::Halted(_));
        let retained = Retained::read(link, profile)?;
        if is_halted {
            start.pc = Some(Address(link.read_register(CoreRegister::PC)?));
        }
        // At its first instruction the core polls nothing yet.
        let polled = match start.pc {
            Some(pc) if pc != start.boot_vectors.handler() => {
                polling::polled_register(link, profile)?
            }
            _ => None,
        };
        start.look_for_damage(link, profile)?;
        let mut evidence = Self {
            start,
            vtor,
            core,
            fault: match is_halted {
                true => CoreFault::of_halted(link)?,
                false => None,
            },
            retained,
            watchdog: link.peek::<Rsr>(RCC)?.watchdog(),
            window: None,
            image_vectors: None,
            image_is_plausible: false,
            header: None,
            polled,
            window_fails: false,
        };
        evidence.look_into_window(link, windows, profile, appli)?;
        Ok(evidence)
    }

    /// The first NOR window and the vectors in it: those of VTOR when it names an appli's, else where appli or boot stage expect them.
    fn look_into_window(
        &mut self,
        link: &mut dyn Link,
        windows: &mut Windows,
        profile: &BoardProfile,
        appli: Option<&Image>,
    ) -> Result<(), LinkError> {
        let Some(nor) = profile.nor() else {
            return Ok(());
        };
        let state = match windows.state(link, nor) {
            Ok(state) => state,
            Err(error) => return self.failed(error),
        };
        self.window = Some((nor.clone(), state));
        if state != State::Open || !matches!(self.core, CoreState::Halted(_)) {
            return Ok(());
        }
        let first = profile.load_and_run().map_or(nor.base, |copy| copy.source);
        let expected = self
            .expected_table(profile, appli)
            .map_or(first, |table| profile.stored_at(table));
        let mut words = [0; Vectors::BYTES];
        match windows.read_chip(link, expected, &mut words) {
            Ok(_) => {
                let vectors = Vectors::from_bytes(expected, words);
                self.image_is_plausible =
                    vectors.is_plausible(profile) && starts_an_appli(&vectors, profile);
                self.image_vectors = Some(vectors);
                self.look_for_header(link, windows, first)
            }
            Err(error) => self.failed(error),
        }
    }

    /// An MCUboot header where the NOR's first image begins.
    fn look_for_header(
        &mut self,
        link: &mut dyn Link,
        windows: &mut Windows,
        first: Address,
    ) -> Result<(), LinkError> {
        let mut magic = [0; 4];
        match windows.read_chip(link, first, &mut magic) {
            Ok(_) => {
                let is_header = u32::from_le_bytes(magic) == mcuboot::MAGIC;
                self.header = is_header.then_some(first);
                Ok(())
            }
            Err(error) => self.failed(error),
        }
    }

    /// A window that fails is evidence; a link that fails is an error.
    fn failed(&mut self, error: WindowError) -> Result<(), LinkError> {
        match error {
            WindowError::Link(link) => Err(link),
            _ => {
                self.window_fails = true;
                Ok(())
            }
        }
    }

    fn expected_table(&self, profile: &BoardProfile, appli: Option<&Image>) -> Option<Address> {
        if profile.is_appli_place(self.vtor) {
            return Some(self.vtor);
        }
        self.retained
            .map(|retained| retained.image)
            .filter(|image| profile.is_appli_place(*image))
            .or(profile.vectors)
            .or_else(|| Some(appli?.appli_vectors(profile)?.address))
    }
}

/// The first address of internal flash that cannot be read. All of it is read: 64 KB over the wire.
pub(super) fn first_damage(
    link: &mut dyn Link,
    profile: &BoardProfile,
) -> Result<Option<Address>, LinkError> {
    let damaged = damage(link, &profile.internal_range())?;
    Ok(damaged.first().map(|part| Address(part.start as u32)))
}

/// Reads the vector table in internal flash, and where it cannot be read.
fn read_vectors(
    link: &mut dyn Link,
    address: Address,
) -> Result<(Vectors, Option<Address>), LinkError> {
    let mut words = [0xFF; Vectors::BYTES];
    let start = u64::from(address.0);
    let there = salvage(link, &(start..start + Vectors::BYTES as u64))?;
    for (word, byte) in words.iter_mut().zip(&there.bytes) {
        *word = *byte;
    }
    Ok((Vectors::from_bytes(address, words), there.first_damage()))
}

/// A stack in RAM and a handler in internal flash.
fn is_boot_stage(vectors: &Vectors, profile: &BoardProfile) -> bool {
    vectors.is_plausible(profile) && profile.is_internal(vectors.handler())
}

/// The handler is where an appli can be: in a window, or where the boot stage copies it.
fn starts_an_appli(vectors: &Vectors, profile: &BoardProfile) -> bool {
    let handler = vectors.handler();
    profile.window(handler).is_some() || profile.is_appli_place(handler)
}

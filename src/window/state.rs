//! Is a window open? The registers that decide it, in the order in which they stand in the way.

use std::fmt;

use crate::{
    layout::{Controller, Window},
    link::{Link, LinkError, RegisterAccess},
    registers::{
        Snapshot,
        flash::{FLASH, Nvsr, OPEN},
        pwr::{Csr2, PWR},
        rcc::{Ahb5Enr, CcipR1, Ckprotr, PllCfgr, RCC, Rcc, RccCr},
        xspi::{Cr, MEMORY_MAPPED, XSPI1, XSPI2, XSPIM, Xspi, XspimCr},
    },
};

/// RCC_CKPROTR.XSPIxSWP: the kernel clock was replaced by HCLK / 4, which runs.
const RECOVERY_POSITION: u32 = 4;

/// Whether accesses to a window are answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// They are.
    Open,
    /// They are not.
    Closed(Closed),
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Open => f.write_str("open"),
            Self::Closed(reason) => write!(f, "closed: {reason}"),
        }
    }
}

/// A kernel clock of an XSPI that can be selected and off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Clock {
    /// PLL2 S output.
    Pll2S,
    /// PLL2 T output.
    Pll2T,
    /// RCC_CCIPR1 holds a reserved value.
    Reserved,
}

/// The first reason why a window is closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Closed {
    /// The product state is not OPEN.
    ProductState(u32),
    /// The I/O supply of the port is off.
    Supply(u8),
    /// A kernel clock is selected that does not run.
    KernelClock(Controller, Clock),
    /// The controller has no bus clock.
    PeripheralClock(Controller),
    /// XSPIM connects the controller to the other port.
    PortSwapped(Controller, u8),
    /// EN = 0.
    Disabled(Controller),
    /// FMODE is not memory-mapped.
    FunctionalMode(Controller, u32),
}

impl Closed {
    /// What to do, where it is not simply to run the boot stage.
    pub fn remedy(self) -> Option<&'static str> {
        match self {
            Self::ProductState(_) => None,
            Self::PortSwapped(..) => Some(
                "check `--board`: the profile and the boot stage disagree about which port the memory is on",
            ),
            Self::FunctionalMode(..) => Some(
                "the program is using the NOR by commands just now: continue, or `monitor reset halt` to start again",
            ),
            _ => None,
        }
    }
}

impl fmt::Display for Closed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::ProductState(state) => write!(
                f,
                "the product state is not OPEN (FLASH_NVSR.NVSTATE is 0x{state:02x})"
            ),
            Self::Supply(port) => write!(
                f,
                "the I/O supply of port {port} is off (PWR_CSR2.EN_XSPIM{port} is 0)"
            ),
            Self::KernelClock(controller, clock) => {
                write!(f, "the kernel clock of {controller} does not run ({clock})")
            }
            Self::PeripheralClock(controller) => write!(
                f,
                "{controller} has no clock (RCC_AHB5ENR.{controller}EN is 0)"
            ),
            Self::PortSwapped(controller, port) => write!(
                f,
                "{controller} is connected to the other port than port {port} (XSPIM_CR)"
            ),
            Self::Disabled(controller) => {
                write!(f, "{controller} is disabled ({controller}_CR.EN is 0)")
            }
            Self::FunctionalMode(controller, mode) => write!(
                f,
                "{controller} is not memory-mapped ({controller}_CR.FMODE is {mode})"
            ),
        }
    }
}

impl fmt::Display for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Pll2S => "PLL2 S is selected and off",
            Self::Pll2T => "PLL2 T is selected and off",
            Self::Reserved => "RCC_CCIPR1 selects a reserved source",
        })
    }
}

/// Looks at the registers, no further than to the first that stands in the way. The product state changes only by a
/// reprogramming of the chip, so it is read once.
pub(super) fn look(
    link: &mut dyn Link,
    window: &Window,
    product_state: &mut Option<u32>,
) -> Result<State, LinkError> {
    Ok(match obstacle(link, window, product_state)? {
        Some(reason) => State::Closed(reason),
        None => State::Open,
    })
}

fn obstacle(
    link: &mut dyn Link,
    window: &Window,
    product_state: &mut Option<u32>,
) -> Result<Option<Closed>, LinkError> {
    let controller = window.controller;
    let product_state = match *product_state {
        Some(known) => known,
        None => *product_state.insert(link.peek::<Nvsr>(FLASH)?.product_state()),
    };
    if product_state != OPEN {
        return Ok(Some(Closed::ProductState(product_state)));
    }
    let supplies: Csr2 = link.peek(PWR)?;
    let supplied = match window.port {
        1 => supplies.port1_supplied(),
        _ => supplies.port2_supplied(),
    };
    // One transfer instead of four: the words between read as zero.
    let rcc = link.peek_up_to::<Ahb5Enr>(RCC)?;
    let clocks: Ahb5Enr = rcc.get();
    if !supplied {
        // Of a controller that works on the other port the profile is wrong, not the supply.
        let elsewhere = clocked(clocks, controller)
            && link.peek::<Cr>(block(controller))?.enabled()
            && port_now(link, controller, clocks)? != window.port;
        return Ok(Some(match elsewhere {
            true => Closed::PortSwapped(controller, window.port),
            false => Closed::Supply(window.port),
        }));
    }
    if let Some(clock) = stopped_clock(&rcc, controller) {
        return Ok(Some(Closed::KernelClock(controller, clock)));
    }
    if !clocked(clocks, controller) {
        return Ok(Some(Closed::PeripheralClock(controller)));
    }
    let cr: Cr = link.peek(block(controller))?;
    if !cr.enabled() {
        return Ok(Some(Closed::Disabled(controller)));
    }
    if port_now(link, controller, clocks)? != window.port {
        return Ok(Some(Closed::PortSwapped(controller, window.port)));
    }
    let mode = cr.functional_mode();
    Ok((mode != MEMORY_MAPPED).then_some(Closed::FunctionalMode(controller, mode)))
}

/// The controller has its bus clock.
fn clocked(clocks: Ahb5Enr, controller: Controller) -> bool {
    match controller {
        Controller::Xspi1 => clocks.xspi1(),
        Controller::Xspi2 => clocks.xspi2(),
    }
}

/// The port that a controller drives now. The I/O manager keeps its reset state, which is not swapped, until it gets a clock.
fn port_now(link: &mut dyn Link, controller: Controller, clocks: Ahb5Enr) -> Result<u8, LinkError> {
    let manager = match clocks.xspim() {
        true => link.peek::<XspimCr>(XSPIM)?,
        false => XspimCr::default(),
    };
    Ok(port_of(controller, manager))
}

/// The registers of a controller.
pub(crate) fn block(controller: Controller) -> Xspi {
    match controller {
        Controller::Xspi1 => XSPI1,
        Controller::Xspi2 => XSPI2,
    }
}

/// The port that a controller drives (RM0477, XSPIM_CR).
fn port_of(controller: Controller, manager: XspimCr) -> u8 {
    let direct = match controller {
        Controller::Xspi1 => 1,
        Controller::Xspi2 => 2,
    };
    match (manager.multiplexed(), manager.mode()) {
        (false, false) => direct,
        (false, true) => 3 - direct,
        (true, second) => 1 + u8::from(second),
    }
}

/// The selected kernel clock, if it does not run: selected is not running.
fn stopped_clock(rcc: &Snapshot<Rcc>, controller: Controller) -> Option<Clock> {
    let selection: CcipR1 = rcc.get();
    let source = match controller {
        Controller::Xspi1 => selection.xspi1_source(),
        Controller::Xspi2 => selection.xspi2_source(),
    };
    let clock = match source {
        0 => return None,
        1 => Clock::Pll2S,
        2 => Clock::Pll2T,
        _ => return Some(Clock::Reserved),
    };
    let outputs: PllCfgr = rcc.get();
    let enabled = match clock {
        Clock::Pll2T => outputs.pll2_t_enabled(),
        _ => outputs.pll2_s_enabled(),
    };
    if enabled && rcc.get::<RccCr>().pll2_ready() {
        return None;
    }
    let protection: Ckprotr = rcc.get();
    let position = match controller {
        Controller::Xspi1 => protection.xspi1_position(),
        Controller::Xspi2 => protection.xspi2_position(),
    };
    (position != RECOVERY_POSITION).then_some(clock)
}

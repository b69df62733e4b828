//! Power off and on again: what no reset reaches (a NOR in another mode, a debug port that is stuck) begins anew.
//!
//! Whoever opened the session knows how: a command that switches a socket or a hub, or the virtual board itself. The probe may go with the
//! board, so that the link is let go before, and made anew behind it. Requests stay; they are armed when the core runs next.

use super::{Activity, Session, debug_support::DebugSupport, load::Load};
use crate::{
    breakpoints::Patching,
    fault::{Code, Explain, Fault},
    flash::Standing,
    link::{Link, severed::Severed, units::Units},
};

/// Switches a board off and on.
pub trait PowerSwitch: Send {
    /// Lets go of the link, switches, and connects again; with what there is to say.
    fn cycle(&mut self, link: Box<dyn Link>) -> Result<(Box<dyn Link>, Vec<String>), Fault>;
}

/// Nobody knows how to switch this board.
#[derive(Debug, thiserror::Error)]
#[error("nothing is known that switches this board off and on")]
struct NoSwitch;

impl Explain for NoSwitch {
    fn code(&self) -> Code {
        Code::XG137
    }
}

impl Session {
    /// From now on the board can be switched off and on.
    pub fn set_power_switch(&mut self, switch: Box<dyn PowerSwitch>) {
        self.power = Some(switch);
    }

    /// Switches the board off and on; the core is then as `on_attach` says.
    pub fn power_cycle(&mut self) -> Result<(), Fault> {
        let mut switch = self.power.take().ok_or(NoSwitch)?;
        let link = std::mem::replace(&mut self.link, Box::new(Severed));
        let cycled = switch.cycle(link);
        self.power = Some(switch);
        let (link, lines) = cycled?;
        self.link = link;
        self.notice(lines);
        self.begin_anew()
    }

    /// Nothing that was known of the chip holds.
    fn begin_anew(&mut self) -> Result<(), Fault> {
        self.units = Units::discover(self.link.as_mut())?;
        self.support = DebugSupport::enable(self.link.as_mut())?;
        self.breakpoints.forget_patches();
        self.activity = Activity::Running;
        self.patching = Patching::Forbidden;
        self.load = Load::default();
        self.standing = Standing::Anywhere;
        self.boot_fault = None;
        self.stalled = None;
        self.forget();
        self.forget_rtt();
        self.forget_calls();
        self.attach()
    }
}

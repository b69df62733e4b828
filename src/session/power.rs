//! Power off and on again: what no reset reaches (a NOR in another mode, a debug port that is stuck) begins anew.
//!
//! Whoever opened the session knows how: a command that switches a socket or a hub, or the virtual board itself. The probe may go with the
//! board, so that the link is let go before, and made anew behind it. Requests stay; they are armed when the core runs next.
//!
//! A session may do that by itself, where nobody looks at the board: a hung unit's evidence goes with its power. Once, and no more: what
//! comes again behind it is not mended by it.

use super::{Activity, Session, debug_support::DebugSupport, load::Load};
use crate::{
    breakpoints::Patching,
    fault::{Code, Explain, Fault},
    flash::Standing,
    link::{Attendant, Link, severed::Severed, units::Units},
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

/// What is said when nobody has asked for it.
pub fn switched_because_of(fault: &Fault) -> String {
    let Fault { code, headline, .. } = fault;
    format!(
        "the board is switched off and on, and it is tried once more, because of {code}: {headline}"
    )
}

/// The same fault, where that has not helped.
pub fn in_vain(mut fault: Fault) -> Fault {
    let before = "the board was switched off and on before, and that has not helped";
    fault.causes.push(before.to_owned());
    fault
}

impl Session {
    /// From now on the board can be switched off and on.
    pub fn set_power_switch(&mut self, switch: Box<dyn PowerSwitch>) {
        self.power = Some(switch);
    }

    /// From now on it is switched without being asked, once: [`Self::mend_by_power`].
    pub fn may_switch_power(&mut self) {
        self.may_switch_power = true;
    }

    /// Switches the board off and on if `fault` asks for it, and the session may; true if what failed is to be tried again.
    pub fn mend_by_power(
        &mut self,
        fault: &Fault,
        attendant: &mut dyn Attendant,
    ) -> Result<bool, Fault> {
        if !fault.code.is_mended_by_power() || !std::mem::take(&mut self.may_switch_power) {
            return Ok(false);
        }
        let sentence = switched_because_of(fault);
        attendant.power_cycles(fault, &sentence);
        self.notice([sentence]);
        self.power_cycle()?;
        Ok(true)
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
        let catches_faults = self.support.catches_faults();
        self.units = Units::discover(self.link.as_mut())?;
        self.support = DebugSupport::enable(self.link.as_mut())?;
        self.set_catch_faults(catches_faults)?;
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

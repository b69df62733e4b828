//! `monitor maskisr`: whether steps let interrupts in. The words are OpenOCD's.

use super::{Arguments, Command, Console};
use crate::{
    fault::Fault,
    session::{MaskPolicy, Session},
};

pub const COMMAND: Command = Command {
    names: &["maskisr"],
    usage: "[auto|on|off|steponly]",
    help: "whether steps mask interrupts (auto: instruction steps do, long range steps do not)",
    run,
};

/// The policies by name.
const POLICIES: [(&str, MaskPolicy); 4] = [
    ("auto", MaskPolicy::Auto),
    ("on", MaskPolicy::On),
    ("off", MaskPolicy::Off),
    ("steponly", MaskPolicy::StepOnly),
];

fn run(
    arguments: Arguments<'_>,
    session: &mut Session,
    out: &mut Console<'_>,
) -> Result<(), Fault> {
    match arguments.words().as_slice() {
        [] => {
            let policy = session.mask_policy();
            let names = POLICIES
                .iter()
                .filter(|(_, listed)| *listed == policy)
                .map(|(name, _)| format!("maskisr {name}"));
            super::say(out, names);
        }
        [asked] => match POLICIES.iter().find(|(name, _)| name == asked) {
            Some((_, policy)) => session.set_mask_policy(*policy),
            None => return Err(COMMAND.wrong(arguments)),
        },
        _ => return Err(COMMAND.wrong(arguments)),
    }
    Ok(())
}

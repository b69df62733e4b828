//! `monitor registers`: the core's registers, as `info registers` in GDB; for scripts that say `reg` or `regs`.

use super::{Arguments, Command, Console};
use crate::{
    fault::Fault,
    layout::parse_number,
    session::{Session, registers::NAMES},
};

pub const COMMAND: Command = Command {
    names: &["registers"],
    usage: "[NAME [VALUE]]",
    help: "the halted core's registers, or one of them, or a new value for it; GDB does not learn of a new one",
    run,
};

/// The last of those that are listed: the floating-point ones are shown by name.
const CONTROL: u16 = 22;

/// What else some registers are called.
const ALSO: [(&str, &str); 4] = [("r13", "sp"), ("r14", "lr"), ("r15", "pc"), ("psr", "xpsr")];

fn run(
    arguments: Arguments<'_>,
    session: &mut Session,
    out: &mut Console<'_>,
) -> Result<(), Fault> {
    match arguments.words().as_slice() {
        [] => {
            for number in 0..=CONTROL {
                show(session, out, number)?;
            }
        }
        [name] => {
            let number = number_of(name).ok_or_else(|| COMMAND.wrong(arguments))?;
            show(session, out, number)?;
        }
        [name, value] => {
            let meant = number_of(name).zip(parse_number(value).ok());
            let (number, value) = meant.ok_or_else(|| COMMAND.wrong(arguments))?;
            session.write_register(number, u64::from(value))?;
        }
        _ => return Err(COMMAND.wrong(arguments)),
    }
    Ok(())
}

fn show(session: &mut Session, out: &mut Console<'_>, number: u16) -> Result<(), Fault> {
    let value = session.read_register(number)?;
    let name = NAMES.get(usize::from(number)).copied().unwrap_or_default();
    super::say(out, [format!("{name} = {value:#010x}")]);
    Ok(())
}

fn number_of(name: &str) -> Option<u16> {
    let name = name.to_ascii_lowercase();
    let meant = ALSO.iter().find(|(also, _)| *also == name);
    let name = meant.map_or(name.as_str(), |(_, ours)| ours);
    let index = NAMES.iter().position(|known| *known == name)?;
    u16::try_from(index).ok()
}

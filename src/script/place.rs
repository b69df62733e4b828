//! Places as a session's file names them: `0x24000000`, `COUNTER`, `appli::work+0x10`, `work.rs:51`, `$sp`.

use super::error::StepError;
use crate::{
    fault::Fault,
    image::Image,
    layout::{Address, parse_number},
    session::{Session, registers},
};

/// What a register's name begins with.
const REGISTER: char = '$';

/// A place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// A register, by its number in the target description.
    Register(u16),
    /// Memory.
    Memory(Spot),
}

/// A place in memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Spot {
    /// Where.
    pub address: Address,
    /// How large what lies there is, as far as somebody says so.
    pub bytes: Option<u32>,
}

/// The place that `text` names.
pub(super) fn find(session: &mut Session, text: &str) -> Result<Place, Fault> {
    match text.strip_prefix(REGISTER) {
        Some(name) => match registers::number_of(name) {
            Some(number) => Ok(Place::Register(number)),
            None => Err(missing(text, "the core has no such register")),
        },
        None => memory(session, text).map(Place::Memory),
    }
}

/// The place in memory that `text` names.
pub(super) fn memory(session: &mut Session, text: &str) -> Result<Spot, Fault> {
    if text.starts_with(REGISTER) {
        return Err(missing(text, "a register is no place in memory"));
    }
    if let Ok(address) = text.parse() {
        return Ok(Spot {
            address,
            bytes: None,
        });
    }
    if let Some(spot) = symbol(session, text) {
        return Ok(spot);
    }
    if let Some((name, offset)) = text.rsplit_once('+')
        && let Ok(offset) = parse_number(offset)
        && let Some(spot) = symbol(session, name.trim_end())
        && let Some(address) = spot.address.checked_add(offset)
    {
        return Ok(Spot {
            address,
            bytes: None,
        });
    }
    if let Some((file, line)) = text.rsplit_once(':')
        && let Ok(line) = line.parse()
        && !file.ends_with(':')
    {
        let address = session.debug_info()?.address_of_line(file, line);
        return address
            .map(|address| Spot {
                address,
                bytes: None,
            })
            .ok_or_else(|| missing(text, "no instruction is of this line"));
    }
    let why = match session.appli() {
        Some(appli) if appli.symbols().is_empty() => format!("{} has no symbols", appli.name()),
        Some(appli) => format!("{} has no function or variable of this name", appli.name()),
        None => "without an appli there are addresses only".to_owned(),
    };
    Err(missing(text, &why))
}

/// A variable or function of the appli, or else of the boot stage.
fn symbol(session: &Session, name: &str) -> Option<Spot> {
    let of = |image: &Image| {
        let symbols = image.symbols();
        let variable = symbols.variable(name).map(|variable| Spot {
            address: variable.address,
            bytes: Some(variable.size).filter(|bytes| *bytes > 0),
        });
        variable.or_else(|| {
            Some(Spot {
                address: symbols.address_of(name)?,
                bytes: None,
            })
        })
    };
    let images = [session.appli(), session.boot_image()];
    images.into_iter().flatten().find_map(of)
}

fn missing(place: &str, why: &str) -> Fault {
    StepError::NoPlace {
        place: place.to_owned(),
        why: why.to_owned(),
    }
    .into()
}

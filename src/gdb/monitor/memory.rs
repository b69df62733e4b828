//! `monitor memory`: words of memory, as `x` and `set var` in GDB; for scripts that say `mdw`, `mww` or `memU32`.

use super::{Arguments, Command, Console};
use crate::{
    fault::Fault,
    layout::{Address, parse_number},
    session::Session,
};

pub const COMMAND: Command = Command {
    names: &["memory"],
    usage: "read 8|16|32 ADDRESS [COUNT] | write 8|16|32 ADDRESS VALUE [COUNT]",
    help: "reads or writes words of 8, 16 or 32 bits",
    run,
};

/// Most words at a time.
const MOST: u32 = 1024;

/// Bytes of a line.
const LINE_BYTES: usize = 32;

fn run(
    arguments: Arguments<'_>,
    session: &mut Session,
    out: &mut Console<'_>,
) -> Result<(), Fault> {
    let words = arguments.words();
    let wrong = || COMMAND.wrong(arguments);
    let (verb, numbers) = words.split_first().ok_or_else(wrong)?;
    let numbers: Option<Vec<u32>> = numbers.iter().map(|text| parse_number(text).ok()).collect();
    let numbers = numbers.ok_or_else(wrong)?;
    let size = numbers
        .first()
        .and_then(|bits| bytes_of(*bits))
        .ok_or_else(wrong)?;
    match (*verb, numbers.get(1..).unwrap_or_default()) {
        ("read" | "access", [address]) => read(session, out, Address(*address), size, 1),
        ("read", [address, count]) if (1..=MOST).contains(count) => {
            read(session, out, Address(*address), size, *count as usize)
        }
        ("write" | "access", [address, value]) => {
            write(session, Address(*address), size, *value, 1)
        }
        ("write", [address, value, count]) if (1..=MOST).contains(count) => {
            write(session, Address(*address), size, *value, *count as usize)
        }
        _ => Err(wrong()),
    }
}

fn bytes_of(bits: u32) -> Option<usize> {
    match bits {
        8 => Some(1),
        16 => Some(2),
        32 => Some(4),
        _ => None,
    }
}

/// As OpenOCD shows it: the address, then words.
fn read(
    session: &mut Session,
    out: &mut Console<'_>,
    address: Address,
    size: usize,
    count: usize,
) -> Result<(), Fault> {
    let mut data = vec![0; size * count];
    let length = session.read_memory(address, &mut data)?;
    let lines = data.get(..length).unwrap_or(&data).chunks(LINE_BYTES);
    super::say(
        out,
        lines.enumerate().map(|(index, line)| {
            let at = Address(address.0.wrapping_add((index * LINE_BYTES) as u32));
            let words: Vec<String> = line.chunks(size).map(shown).collect();
            format!("{at}: {}", words.join(" "))
        }),
    );
    Ok(())
}

/// A little-endian word in digits.
fn shown(word: &[u8]) -> String {
    word.iter()
        .rev()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

fn write(
    session: &mut Session,
    address: Address,
    size: usize,
    value: u32,
    count: usize,
) -> Result<(), Fault> {
    let word: Vec<u8> = value.to_le_bytes().into_iter().take(size).collect();
    session.write_memory(address, &word.repeat(count))
}

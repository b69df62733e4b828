//! What other servers call it: the words of OpenOCD, SEGGER, pyOCD, ST and Black Magic that launch configurations and scripts send.
//!
//! A phrase stands for a command of ours, or asks for what is not needed here and is accepted, or for what this server does not do,
//! and then says what does. Names that differ by nothing but the word are in [`super::Command::names`]. Adding a phrase: a row here.

use std::borrow::Cow;

/// What a phrase of another server stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Meaning {
    /// A command of ours, whose arguments follow.
    Ours(&'static str),
    /// Nothing to do, and why.
    NotNeeded(&'static str),
    /// Not done here, and what to do instead.
    Refused(&'static str),
}

/// Phrases with one meaning; each begins a command, in small letters.
#[derive(Debug)]
pub struct Phrases {
    /// How they are written.
    pub said: &'static [&'static str],
    /// What they stand for.
    pub meaning: Meaning,
}

/// All phrases. Of several that fit, the longest counts.
pub const PHRASES: &[Phrases] = &[
    ours(&["mdw", "mdw phys", "rw", "read32"], "memory read 32"),
    ours(&["mdh", "mdh phys", "rh", "read16"], "memory read 16"),
    ours(&["mdb", "mdb phys", "rb", "read8"], "memory read 8"),
    ours(
        &["mww", "mww phys", "ww", "write32", "writeu32"],
        "memory write 32",
    ),
    ours(
        &["mwh", "mwh phys", "wh", "write16", "writeu16"],
        "memory write 16",
    ),
    ours(
        &["mwb", "mwb phys", "wb", "write8", "writeu8"],
        "memory write 8",
    ),
    ours(&["memu32", "long"], "memory access 32"),
    ours(&["memu16", "short"], "memory access 16"),
    ours(&["memu8", "byte"], "memory access 8"),
    ours(&["regs", "reg"], "registers"),
    ours(&["cortex_m maskisr"], "maskisr"),
    ours(&["hard_srst", "connect_rst", "connect_srst"], "reset"),
    not_needed(
        &[
            "speed",
            "adapter speed",
            "adapter_khz",
            "frequency",
            "interface",
        ],
        "the probe was set up when the server began (`--speed KHZ`)",
    ),
    not_needed(
        &[
            "device",
            "flash device",
            "flash download",
            "flash probe",
            "flash banks",
            "gdb_flash_program",
        ],
        "the board profile knows the flash, and `load` programs it",
    ),
    not_needed(
        &["flash breakpoints", "gdb_breakpoint_override", "clrbp"],
        "breakpoints in flash take units, which are freed when they are deleted",
    ),
    not_needed(
        &[
            "endian",
            "gdb_memory_map",
            "init",
            "target init",
            "halt_timeout",
            "waithalt",
            "wait_halt",
            "tpwr",
            "debug_bmp",
            "debug_level",
        ],
        "it is so already, or means nothing on this board",
    ),
    refused(
        &[
            "flash mass_erase",
            "flash erase",
            "flash erase_sector",
            "flash erase_address",
            "flash write_image",
            "program",
            "erase_mass",
            "mass_erase",
            "erase",
        ],
        "`load`, `flash-erase` or `monitor flash FILE` erase and program, and `xspi-gdb boot install FILE` the boot stage",
    ),
    refused(
        &["option", "stm32h7x", "lock", "unlock", "flash protect"],
        "option bytes and protections are never written here: use the vendor's tool",
    ),
    refused(
        &["shutdown", "exit", "exitonclose"],
        "the server ends by Ctrl-C or SIGTERM, and listens on when a client goes",
    ),
    refused(
        &["swo", "tpiu", "itm", "traceswo"],
        "there is no trace by SWO: `monitor rtt` serves text of the program",
    ),
    refused(
        &["step", "s", "si"],
        "`stepi` in GDB, which would not know of a step by the server",
    ),
    refused(&["exec"], "this is a J-Link's own command: leave it out"),
];

const fn ours(said: &'static [&'static str], command: &'static str) -> Phrases {
    Phrases {
        said,
        meaning: Meaning::Ours(command),
    }
}

const fn not_needed(said: &'static [&'static str], why: &'static str) -> Phrases {
    Phrases {
        said,
        meaning: Meaning::NotNeeded(why),
    }
}

const fn refused(said: &'static [&'static str], instead: &'static str) -> Phrases {
    Phrases {
        said,
        meaning: Meaning::Refused(instead),
    }
}

/// What was typed, in our words.
#[derive(Debug, PartialEq, Eq)]
pub enum Typed<'a> {
    /// A command, ours or nobody's.
    Command(Cow<'a, str>),
    /// Nothing to do, and why.
    NotNeeded(&'static str),
    /// Not done here, and what to do instead.
    Refused(&'static str),
}

/// Translates what was typed. SEGGER's words have an `=` before a value, in any spacing, and values in parentheses.
pub fn translate(typed: &str) -> Typed<'_> {
    let words: Vec<&str> = typed
        .split(|letter: char| letter.is_whitespace() || matches!(letter, '=' | '(' | ')'))
        .filter(|word| !word.is_empty())
        .collect();
    let known = PHRASES
        .iter()
        .flat_map(|phrases| phrases.said.iter().map(move |said| (said, phrases.meaning)))
        .filter_map(|(said, meaning)| Some((begins(&words, said)?, meaning)))
        .max_by_key(|(length, _)| *length);
    match known {
        None => Typed::Command(Cow::Borrowed(typed)),
        Some((_, Meaning::NotNeeded(why))) => Typed::NotNeeded(why),
        Some((_, Meaning::Refused(instead))) => Typed::Refused(instead),
        Some((length, Meaning::Ours(command))) => {
            let arguments = words.iter().skip(length);
            let whole: Vec<&str> = std::iter::once(&command)
                .chain(arguments)
                .copied()
                .collect();
            Typed::Command(Cow::Owned(whole.join(" ")))
        }
    }
}

/// The number of words of `said`, if `words` begin with them.
fn begins(words: &[&str], said: &str) -> Option<usize> {
    let mut length = 0;
    for word in said.split(' ') {
        if !words.get(length)?.eq_ignore_ascii_case(word) {
            return None;
        }
        length += 1;
    }
    Some(length)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ours(typed: &str) -> String {
        match translate(typed) {
            Typed::Command(command) => command.into_owned(),
            other => panic!("{typed}: {other:?}"),
        }
    }

    #[test]
    fn words_of_other_servers_become_ours() {
        for (typed, command) in [
            ("mdw 0x20000000 4", "memory read 32 0x20000000 4"),
            (
                "mww phys 0xE000ED08 0x08008000",
                "memory write 32 0xE000ED08 0x08008000",
            ),
            ("MemU32 0x53000000 = 0", "memory access 32 0x53000000 0"),
            ("memU32 0x020bc000=0x30", "memory access 32 0x020bc000 0x30"),
            ("reg r13 = (0x00000000)", "registers r13 0x00000000"),
            ("regs", "registers"),
            ("reset halt", "reset halt"),
            ("flash build/appli=1.elf", "flash build/appli=1.elf"),
        ] {
            assert_eq!(ours(typed), command);
        }
    }

    #[test]
    fn what_is_not_needed_is_told_from_what_is_not_done() {
        for typed in [
            "speed auto",
            "flash breakpoints = 0",
            "flash download=1",
            "endian little",
        ] {
            assert!(matches!(translate(typed), Typed::NotNeeded(_)), "{typed}");
        }
        for typed in [
            "flash erase_sector 0 0 last",
            "erase_mass",
            "shutdown",
            "SWO EnableTarget 0",
        ] {
            assert!(matches!(translate(typed), Typed::Refused(_)), "{typed}");
        }
    }

    #[test]
    fn no_phrase_hides_a_command_and_each_stands_once() {
        let all: Vec<&str> = PHRASES
            .iter()
            .flat_map(|phrases| phrases.said)
            .copied()
            .collect();
        for (index, said) in all.iter().enumerate() {
            assert!(super::super::find(said).is_none(), "{said} is a command");
            assert!(!all[..index].contains(said), "{said} stands twice");
        }
    }

    #[test]
    fn what_stands_for_a_command_stands_for_one_that_exists() {
        for phrases in PHRASES {
            if let Meaning::Ours(command) = phrases.meaning {
                let name = command.split(' ').next().unwrap_or_default();
                assert!(super::super::find(name).is_some(), "{command}");
            }
        }
    }
}

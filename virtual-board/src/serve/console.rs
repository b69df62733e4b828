//! What can be done to a served board by hand: one command a line, one table.

use std::{fmt::Write, path::Path};

use serde::Serialize;

use super::Seat;
use crate::{
    board::{Board, LedState, Pin, Wear, XspiPort},
    devices::external_memory::ExternalMemory,
    handle::VirtualBoard,
    mishap::{GRAMMAR, Mishap},
    nor::Mode,
};

/// What became of a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Something to show.
    Reply(String),
    /// The board is to be put away.
    Quit,
}

/// The board, and who is connected to it.
struct Bench<'bench> {
    board: &'bench VirtualBoard,
    seat: &'bench Seat,
}

/// A command; `None` if its argument makes no sense.
type Action = fn(&Bench<'_>, &str) -> Option<Outcome>;

/// Name, argument, what it does.
const COMMANDS: [(&str, &str, &str, Action); 15] = [
    ("reset", "", "press the reset button", reset),
    (
        "power-cycle",
        "",
        "take the power away and give it back",
        power_cycle,
    ),
    (
        "boot0",
        "high|low",
        "set the BOOT0 pin; the next reset looks at it",
        set_boot_pin,
    ),
    (
        "button",
        "NAME press|release",
        "press a button of the board, or let go of it",
        push_button,
    ),
    (
        "pin",
        "PIN high|low|free",
        "hold a pin of the chip from outside, or let go of it",
        drive_pin,
    ),
    ("leds", "", "which LEDs are lit", show_leds),
    (
        "uart",
        "",
        "everything that the console has sent",
        show_uart,
    ),
    (
        "save",
        "FILE",
        "keep internal flash, option bytes and NOR",
        save,
    ),
    (
        "load",
        "FILE",
        "power off, fill them from the file, power on",
        load,
    ),
    (
        "status",
        "",
        "time, core, LEDs, windows, NOR, debugger, last UART line",
        show_status,
    ),
    (
        "statistics",
        "",
        "what the probe, its link and the flash memories have done, as JSON",
        show_statistics,
    ),
    (
        "mishap",
        "WORDS|clear|help",
        "something goes wrong, now or later",
        mishap,
    ),
    ("plug", "", "plug the probe in again", plug_in),
    ("help", "", "this table", help),
    ("quit", "", "save the state and end", quit),
];

/// Carries out one line. An empty one does nothing; an unknown one is answered with the table.
pub fn command(line: &str, board: &VirtualBoard, seat: &Seat) -> Outcome {
    let line = line.trim();
    let (name, argument) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
    if name.is_empty() {
        return Outcome::Reply(String::new());
    }
    let Some((_, wants, _, act)) = COMMANDS.iter().find(|(known, ..)| *known == name) else {
        return Outcome::Reply(format!("unknown command: {name}\n{}", table()));
    };
    let (bench, argument) = (Bench { board, seat }, argument.trim());
    if wants.is_empty() == argument.is_empty()
        && let Some(outcome) = act(&bench, argument)
    {
        return outcome;
    }
    Outcome::Reply(format!("usage: {name} {wants}").trim_end().to_owned())
}

/// What a board shows to whoever looks at it.
pub fn report(board: &mut Board) -> String {
    let mut text = format!(
        "time     {:.6} s\ncore     {:?}, pc {:#010x}\nleds     {}",
        board.now().as_secs_f64(),
        board.core_state(),
        board.pc(),
        leds(board)
    );
    for port in [XspiPort::Xspi1, XspiPort::Xspi2] {
        let window = port.window();
        let state = if board.is_mapped(port) {
            "memory-mapped"
        } else {
            "closed"
        };
        // Writing to a string cannot fail.
        let _ = write!(text, "\n{port:?}    window at {window:#010x} {state}");
    }
    let _ = write!(text, "\nnor      {}", nor(board));
    text
}

/// Which NOR, the protocol that it expects, whether it works on something.
fn nor(board: &Board) -> String {
    let nor = board.nor();
    let mode = match nor.mode() {
        Mode::Spi => "SPI",
        Mode::Sopi => "octal STR",
        Mode::Dopi => "octal DTR",
    };
    let state = match nor.busy_until(board.now()) {
        Some(_) => "busy",
        None => "ready",
    };
    format!("{}, {mode}, {state}", nor.name())
}

/// What a served board shows: as many lines each time, and nothing in them that moves a cursor.
pub fn status(board: &VirtualBoard, seat: &Seat) -> String {
    let debugger = seat.occupant().unwrap_or_else(|| "none".to_owned());
    let (report, said) = board.with(|board| (report(board), board.last_uart_line()));
    let said = said.replace(char::is_control, " ");
    format!("{report}\ndebugger {debugger}\nuart     {said}")
        .trim_end()
        .to_owned()
}

fn leds(board: &Board) -> String {
    let states = board.led_states().into_iter().map(|state| match state {
        LedState::Lit => "on",
        LedState::Dark => "off",
        LedState::Unsupplied => "unsupplied",
    });
    states.collect::<Vec<_>>().join(" ")
}

fn table() -> String {
    let lines = COMMANDS.map(|(name, argument, does, _)| {
        let usage = format!("{name} {argument}");
        format!("{usage:<25} {does}")
    });
    lines.join("\n")
}

fn reply(text: impl Into<String>) -> Option<Outcome> {
    Some(Outcome::Reply(text.into()))
}

fn reset(bench: &Bench<'_>, _: &str) -> Option<Outcome> {
    bench.board.with(Board::reset);
    reply("reset")
}

fn power_cycle(bench: &Bench<'_>, _: &str) -> Option<Outcome> {
    bench.board.with(Board::power_cycle);
    reply("power off and on")
}

fn set_boot_pin(bench: &Bench<'_>, level: &str) -> Option<Outcome> {
    let high = match level {
        "high" => true,
        "low" => false,
        _ => return None,
    };
    bench.board.with(|board| board.set_boot_pin(high));
    reply(format!("BOOT0 is {level} from the next reset on"))
}

fn push_button(bench: &Bench<'_>, words: &str) -> Option<Outcome> {
    let (name, pressed) = match words.rsplit_once(' ')? {
        (name, "press") => (name.trim_end(), true),
        (name, "release") => (name.trim_end(), false),
        _ => return None,
    };
    let pushed = bench.board.with(|board| board.push_button(name, pressed));
    reply(match pushed {
        Ok(()) if pressed => format!("{name} is pressed"),
        Ok(()) => format!("{name} is released"),
        Err(error) => explain(&error),
    })
}

fn drive_pin(bench: &Bench<'_>, words: &str) -> Option<Outcome> {
    let (pin, level) = match words.rsplit_once(' ')? {
        (pin, "high") => (pin, Some(true)),
        (pin, "low") => (pin, Some(false)),
        (pin, "free") => (pin, None),
        _ => return None,
    };
    reply(match pin.trim_end().parse::<Pin>() {
        Ok(pin) => {
            let high = bench.board.with(|board| {
                board.drive_pin(pin, level);
                board.pin_level(pin)
            });
            format!("{pin} reads {}", if high { "high" } else { "low" })
        }
        Err(error) => explain(&error),
    })
}

fn show_leds(bench: &Bench<'_>, _: &str) -> Option<Outcome> {
    reply(bench.board.with(|board| leds(board)))
}

fn show_uart(bench: &Bench<'_>, _: &str) -> Option<Outcome> {
    let text = bench.board.with(Board::uart_text);
    reply(if text.is_empty() {
        "nothing was sent".to_owned()
    } else {
        text
    })
}

fn save(bench: &Bench<'_>, file: &str) -> Option<Outcome> {
    let saved = bench.board.with(|board| board.save_to(Path::new(file)));
    reply(match saved {
        Ok(()) => format!("saved in {file}"),
        Err(error) => explain(&error),
    })
}

fn load(bench: &Bench<'_>, file: &str) -> Option<Outcome> {
    let loaded = bench.board.with(|board| board.load_from(Path::new(file)));
    reply(match loaded {
        Ok(()) => format!("loaded from {file}"),
        Err(error) => explain(&error),
    })
}

/// An error with its causes in one line.
fn explain(error: &dyn std::error::Error) -> String {
    let mut text = format!("error: {error}");
    let mut source = error.source();
    while let Some(cause) = source {
        let _ = write!(text, ": {cause}");
        source = cause.source();
    }
    text
}

fn show_status(bench: &Bench<'_>, _: &str) -> Option<Outcome> {
    reply(status(bench.board, bench.seat))
}

/// What the board counts, for whoever measures a debugger.
#[derive(Serialize)]
struct Account {
    exchanges: u64,
    transfers: u64,
    bytes: u64,
    link_ns: u64,
    time_ns: u64,
    nor: FlashAccount,
    internal_flash: FlashAccount,
}

#[derive(Serialize)]
struct FlashAccount {
    erased_bytes: u64,
    programmed_bytes: u64,
}

impl From<Wear> for FlashAccount {
    fn from(wear: Wear) -> Self {
        Self {
            erased_bytes: wear.erased_bytes,
            programmed_bytes: wear.programmed_bytes,
        }
    }
}

fn show_statistics(bench: &Bench<'_>, _: &str) -> Option<Outcome> {
    let account = bench.board.adapter(|adapter| {
        let statistics = adapter.statistics();
        Account {
            exchanges: statistics.exchanges,
            transfers: statistics.transfers,
            bytes: statistics.bytes,
            link_ns: statistics.link.as_nanos(),
            time_ns: adapter.board.now().as_nanos(),
            nor: adapter.board.nor_wear().into(),
            internal_flash: adapter.board.internal_flash_wear().into(),
        }
    });
    reply(match serde_json::to_string(&account) {
        Ok(line) => line,
        Err(error) => explain(&error),
    })
}

/// `mishap clear` takes back what has not happened yet, `mishap help` says what there is.
fn mishap(bench: &Bench<'_>, words: &str) -> Option<Outcome> {
    if words == "help" {
        return reply(GRAMMAR);
    }
    if words == "clear" {
        bench.board.with(Board::clear_mishaps);
        return reply("nothing more goes wrong");
    }
    match words.parse::<Mishap>() {
        Ok(mishap) => {
            bench.board.with(|board| board.inject(mishap));
            reply(mishap.to_string())
        }
        Err(error) => reply(format!("error: {error}; see `mishap help`")),
    }
}

fn plug_in(bench: &Bench<'_>, _: &str) -> Option<Outcome> {
    bench.board.with(Board::plug_in);
    reply("the probe is plugged in")
}

fn help(_: &Bench<'_>, _: &str) -> Option<Outcome> {
    reply(table())
}

fn quit(_: &Bench<'_>, _: &str) -> Option<Outcome> {
    Some(Outcome::Quit)
}

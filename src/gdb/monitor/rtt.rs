//! `monitor rtt`: RTT in OpenOCD's words, as cortex-debug and people's scripts say them.

use super::{Arguments, Command, Console};
use crate::{
    fault::Fault,
    gdb::refusal::Refusal,
    layout::{Address, parse_number},
    rtt::{Channel, Direction, ID, Place},
    session::Session,
};

pub const COMMAND: Command = Command {
    names: &["rtt"],
    usage: "setup ADDRESS SIZE [ID] | start | stop | channels | server start PORT CHANNEL | server stop PORT | polling_interval",
    help: "RTT: where the control block is (the ELF's `_SEGGER_RTT` unless `setup` says), and ports for its channels",
    run,
};

/// Looks at RTT while the core runs are this far apart at most, in milliseconds.
const LONGEST_INTERVAL: u32 = 20;

fn run(
    arguments: Arguments<'_>,
    session: &mut Session,
    out: &mut Console<'_>,
) -> Result<(), Fault> {
    match arguments.words().as_slice() {
        ["setup", address, size, id @ ..] => {
            let place = within(address, size, id).ok_or_else(|| COMMAND.wrong(arguments))?;
            session.rtt_setup(place)?;
        }
        ["start"] => {
            session.rtt_start();
            session.rtt_read(&[])?;
            // cortex-debug looks for OpenOCD's words: where it finds neither, it asks again each second on a port that we do not have.
            let found = match session.rtt_block() {
                Some(address) => format!("Control block found at {address}"),
                None => "no control block yet, will retry while the program runs".to_owned(),
            };
            super::say(out, [format!("rtt: {found}")]);
        }
        ["stop"] => session.rtt_stop()?,
        ["channels" | "channellist"] => {
            let channels = session.rtt_channels()?;
            super::say(out, listed(&channels));
        }
        ["server", "start", port, channel, ..] => {
            let numbers = port.parse().ok().zip(channel.parse().ok());
            let (port, channel) = numbers.ok_or_else(|| COMMAND.wrong(arguments))?;
            let ports = out.rtt_ports().ok_or(Refusal::NoServer)?;
            let address = ports.open(channel, port)?;
            super::say(out, [format!("rtt: channel {channel} on {address}")]);
        }
        ["server", "stop", port] => {
            let port = port.parse().map_err(|_| COMMAND.wrong(arguments))?;
            let ports = out.rtt_ports().ok_or(Refusal::NoServer)?;
            if !ports.close(port) {
                return Err(COMMAND.wrong(arguments));
            }
        }
        ["polling_interval", ..] => super::say(
            out,
            [format!(
                "{LONGEST_INTERVAL} ms at most, less while there is text"
            )],
        ),
        _ => return Err(COMMAND.wrong(arguments)),
    }
    Ok(())
}

/// `ADDRESS SIZE [ID]`; cortex-debug sets the identification in Tcl's braces.
fn within(address: &str, size: &str, id: &[&str]) -> Option<Place> {
    let text = id.join(" ");
    let text = text.trim_matches(['{', '}', '"']);
    Some(Place::Within {
        start: address.parse::<Address>().ok()?,
        length: parse_number(size).ok()?,
        id: match text {
            "" => ID.to_vec(),
            text => text.as_bytes().to_vec(),
        },
    })
}

/// As OpenOCD lists them: number, name, size and flags.
fn listed(channels: &[Channel]) -> Vec<String> {
    let of = |direction| channels.iter().filter(move |c| c.direction == direction);
    let line = |channel: &Channel| {
        let Channel {
            number,
            name,
            size,
            flags,
            ..
        } = channel;
        format!("{number}: {name} {size} {flags}")
    };
    let (ups, downs) = (of(Direction::Up), of(Direction::Down));
    let mut lines = vec![
        format!(
            "Channels: up={}, down={}",
            ups.clone().count(),
            downs.clone().count()
        ),
        "Up-channels:".to_owned(),
    ];
    lines.extend(ups.map(line));
    lines.push("Down-channels:".to_owned());
    lines.extend(downs.map(line));
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_read_as_openocd_and_cortex_debug_write_it() {
        let place = |id: &[u8]| {
            Some(Place::Within {
                start: Address(0x2000_0000),
                length: 0x400,
                id: id.to_vec(),
            })
        };
        assert_eq!(within("0x20000000", "1024", &[]), place(ID));
        let braces = ["{SEGGER", "RTT}"];
        assert_eq!(within("0x20000000", "0x400", &braces), place(ID));
        assert_eq!(within("536870912", "1024", &["\"MINE\""]), place(b"MINE"));
        assert_eq!(within("here", "1024", &[]), None);
    }
}

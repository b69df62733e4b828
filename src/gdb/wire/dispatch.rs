//! What a packet asks for, and who answers it.
//!
//! Every packet is parsed here completely, against the GDB manual ("Packets", "General Query Packets", "Host I/O Packets"),
//! before anything else sees it. What gdbstub serves is written out anew in its plainest form, so that it never meets a packet
//! that it would end the session for: gdbstub 0.7.10 does so at a malformed `m`, at `vCont;t`, `R0` and `Hg-1`, at a `G` of
//! another length, and takes `qCRC:` for `qC`. The rest is answered by `answers.rs`. An unknown packet gets the empty reply.

use std::{fmt, io::Write as _};

use super::{
    encoding::{from_hex, hex_length, number, range, split, unescape, unescaped_length},
    file_io::Reply,
    framer::PACKET_BYTES,
    terms,
};
use crate::{
    gdb::{arch::GENERAL_REGISTERS, undescribed},
    threads::ThreadId,
};

pub use super::request::{Action, Document, Need, Part, Purpose, Request};

/// `vFlashWrite:`, an address, and a colon; the other packets with data have less before them.
const LONGEST_HEAD: usize = 24;

/// Bytes of memory that fit into one reply, two digits each.
const MEMORY_REPLY_BYTES: u32 = (PACKET_BYTES / 2) as u32;

/// Bytes of binary data that fit into one reply even if many are escaped.
const BINARY_REPLY_BYTES: u32 = (PACKET_BYTES / 2) as u32;

/// Parses the body of a packet.
pub fn parse(body: &[u8]) -> Request {
    let Some((&first, rest)) = body.split_first() else {
        return Request::Unknown;
    };
    match first {
        b'?' if rest.is_empty() => Request::WhyStopped,
        b'!' if rest.is_empty() => Request::ExtendedMode,
        b'g' if rest.is_empty() => look(body.to_vec()),
        b'G' => write_registers(rest, body),
        b'p' => match number(rest) {
            Some(register) => look(format!("p{register:x}").into_bytes()),
            None => malformed("p REGISTER"),
        },
        b'P' => write_register(rest),
        b'm' => match range(rest) {
            Some((address, length)) => look(read_memory(address, length)),
            None => malformed("m ADDRESS,LENGTH"),
        },
        b'x' => match range(rest) {
            Some((address, length)) => Request::ReadBinary {
                address,
                length: length.min(BINARY_REPLY_BYTES),
            },
            None => malformed("x ADDRESS,LENGTH"),
        },
        b'M' => write_memory(rest),
        b'X' => write_binary(rest),
        b'Z' | b'z' => breakpoint(first, rest),
        b'c' | b's' | b'C' | b'S' => legacy_resume(first, rest),
        b'H' => select_thread(rest),
        b'T' => match thread(rest) {
            Some(thread) => Request::ThreadAlive(thread),
            None => malformed("T THREAD"),
        },
        b'F' => {
            Reply::parse(rest).map_or_else(|| malformed("F RETCODE[,ERRNO[,C]]"), Request::Answered)
        }
        b'D' if rest.is_empty() || rest.starts_with(b";") => Request::Detach,
        b'k' if rest.is_empty() => Request::Kill,
        b'R' | b'r' => Request::Restart,
        b'v' => verbose(body),
        b'q' | b'Q' => query(body),
        _ => Request::Unknown,
    }
}

fn malformed(expected: &'static str) -> Request {
    Request::Malformed { expected }
}

fn look(packet: Vec<u8>) -> Request {
    Request::Stub {
        packet,
        need: Need::Look,
    }
}

fn change(packet: Vec<u8>) -> Request {
    Request::Stub {
        packet,
        need: Need::Change,
    }
}

/// A packet in its plainest form: `head`, and `data` as they came.
fn plain(head: fmt::Arguments<'_>, data: &[u8]) -> Vec<u8> {
    let mut packet = Vec::with_capacity(LONGEST_HEAD + data.len());
    // Writing to a Vec cannot fail.
    let _ = packet.write_fmt(head);
    packet.extend_from_slice(data);
    packet
}

/// `G` with the registers that our `g` has, no more and no fewer; which of the two, depends on the client.
fn write_registers(digits: &[u8], body: &[u8]) -> Request {
    match hex_length(digits) {
        Some(bytes) if [GENERAL_REGISTERS * 4, undescribed::BYTES].contains(&bytes) => {
            change(body.to_vec())
        }
        _ => malformed("G and the registers of g"),
    }
}

/// `PREGISTER=VALUE`.
fn write_register(text: &[u8]) -> Request {
    let parsed = split(text, b'=')
        .and_then(|(register, value)| Some((number(register)?, from_hex(value)?, value)));
    match parsed {
        Some((register, bytes, value)) if !bytes.is_empty() => {
            let mut packet = format!("P{register:x}=").into_bytes();
            packet.extend_from_slice(value);
            change(packet)
        }
        _ => malformed("P REGISTER=VALUE"),
    }
}

fn read_memory(address: u32, length: u32) -> Vec<u8> {
    let length = length.min(MEMORY_REPLY_BYTES);
    plain(format_args!("m{address:x},{length:x}"), b"")
}

/// `MADDRESS,LENGTH:BYTES` in digits.
fn write_memory(text: &[u8]) -> Request {
    let parsed = split(text, b':').and_then(|(place, digits)| {
        let (address, length) = range(place)?;
        (hex_length(digits)? == length as usize).then_some((address, length, digits))
    });
    match parsed {
        Some((address, length, digits)) => {
            change(plain(format_args!("M{address:x},{length:x}:"), digits))
        }
        None => malformed("M ADDRESS,LENGTH:BYTES"),
    }
}

/// `XADDRESS,LENGTH:` and binary data.
fn write_binary(text: &[u8]) -> Request {
    let parsed = split(text, b':').and_then(|(place, data)| {
        let (address, length) = range(place)?;
        (unescaped_length(data)? == length as usize).then_some((address, length, data))
    });
    match parsed {
        Some((address, length, data)) => {
            change(plain(format_args!("X{address:x},{length:x}:"), data))
        }
        None => malformed("X ADDRESS,LENGTH:DATA"),
    }
}

/// `ZTYPE,ADDRESS,KIND`, and behind a breakpoint's the terms on which it stops, which gdbstub does not know.
fn breakpoint(letter: u8, text: &[u8]) -> Request {
    if let (b'Z', Some((place, terms))) = (letter, split(text, b';')) {
        let parsed = terms::parse(place, terms);
        let expected = "Z TYPE,ADDRESS,KIND;XLENGTH,BYTES;cmds:PERSIST,XLENGTH,BYTES";
        return parsed.unwrap_or_else(|| malformed(expected));
    }
    let parsed = split(text, b',').and_then(|(kind, place)| {
        let kind = number(kind)?;
        let (address, length) = range(place)?;
        Some((kind, address, length))
    });
    match parsed {
        Some((kind @ 0..=4, address, length)) => {
            change(format!("{}{kind:x},{address:x},{length:x}", char::from(letter)).into_bytes())
        }
        Some(_) => Request::Unknown,
        None => malformed("Z TYPE,ADDRESS,KIND"),
    }
}

/// `c [ADDRESS]`, `s [ADDRESS]`, `C SIGNAL[;ADDRESS]`, `S SIGNAL[;ADDRESS]`. A core takes no signals.
fn legacy_resume(letter: u8, text: &[u8]) -> Request {
    let address = match letter {
        b'C' | b'S' => {
            let (signal, address) = split(text, b';').unwrap_or((text, b""));
            if number(signal).is_none() {
                return malformed("C SIGNAL[;ADDRESS]");
            }
            address
        }
        _ => text,
    };
    let from = match address {
        b"" => None,
        digits => match number(digits) {
            Some(address) => Some(address),
            None => return malformed("c [ADDRESS]"),
        },
    };
    let action = match letter {
        b's' | b'S' => Action::Step,
        _ => Action::Continue,
    };
    Request::Resume {
        from,
        action,
        thread: None,
    }
}

/// `vCont;ACTION[:THREAD]...`: a step of one thread, whatever the others do meanwhile, or else the first action.
fn resume(actions: &[u8]) -> Request {
    let Some(actions) = actions.strip_prefix(b";") else {
        return malformed("vCont;ACTION");
    };
    let mut chosen: Option<(Action, Option<ThreadId>)> = None;
    for action in actions.split(|byte| *byte == b';') {
        let (action, id) = match split(action, b':') {
            Some((action, id)) => match thread(id) {
                Some(id) => (action, id),
                None => return malformed("vCont;ACTION:THREAD"),
            },
            None => (action, None),
        };
        let Some(action) = resume_action(action) else {
            return malformed("vCont;c, s, t or rSTART,END");
        };
        if chosen.is_none() || action.is_step() && id.is_some() {
            chosen = Some((action, id));
        }
    }
    match chosen {
        Some((action, thread)) => Request::Resume {
            from: None,
            action,
            thread,
        },
        None => malformed("vCont;ACTION"),
    }
}

fn resume_action(action: &[u8]) -> Option<Action> {
    let (letter, rest) = action.split_first()?;
    match letter {
        b'c' if rest.is_empty() => Some(Action::Continue),
        b's' if rest.is_empty() => Some(Action::Step),
        b't' if rest.is_empty() => Some(Action::Stop),
        b'C' => number(rest).map(|_| Action::Continue),
        b'S' => number(rest).map(|_| Action::Step),
        b'r' => {
            let (start, end) = split(rest, b',')?;
            Some(Action::StepRange {
                start: number(start)?,
                end: number(end)?,
            })
        }
        _ => None,
    }
}

/// The thread that a thread-id names: one, or `None` for any and all (0, -1), with or without a process. The outer `None` if it is no
/// thread-id.
fn thread(id: &[u8]) -> Option<Option<ThreadId>> {
    let id = match id.strip_prefix(b"p") {
        Some(id) => match split(id, b'.') {
            Some((process, thread)) => {
                if process != b"-1" {
                    number(process)?;
                }
                thread
            }
            None => {
                number(id)?;
                b"-1"
            }
        },
        None => id,
    };
    match id {
        b"-1" => Some(None),
        id => number(id).map(|id| (id != 0).then_some(ThreadId(id))),
    }
}

fn select_thread(text: &[u8]) -> Request {
    match text {
        [operation @ (b'c' | b'g' | b'm' | b's' | b'p'), id @ ..] => match thread(id) {
            Some(thread) => Request::SelectThread {
                purpose: match operation {
                    b'g' => Purpose::Look,
                    _ => Purpose::Other,
                },
                thread,
            },
            None => malformed("H OPERATION THREAD"),
        },
        _ => malformed("H OPERATION THREAD"),
    }
}

fn verbose(body: &[u8]) -> Request {
    if let Some(actions) = body.strip_prefix(b"vCont") {
        return if actions == b"?" {
            Request::ResumeActions
        } else {
            resume(actions)
        };
    }
    if let Some(place) = body.strip_prefix(b"vFlashErase:") {
        return match range(place) {
            Some((address, length)) => {
                change(format!("vFlashErase:{address:x},{length:x}").into_bytes())
            }
            None => malformed("vFlashErase:ADDRESS,LENGTH"),
        };
    }
    if let Some(text) = body.strip_prefix(b"vFlashWrite:") {
        return write_flash(text);
    }
    if body.starts_with(b"vFile:") {
        return host_file(body);
    }
    match body {
        b"vFlashDone" => change(body.to_vec()),
        [b'v', b'R', b'u', b'n', b';', ..] | b"vRun" => Request::Run,
        [b'v', b'A', b't', b't', b'a', b'c', b'h', b';', ..] => Request::Attach,
        [b'v', b'K', b'i', b'l', b'l', b';', ..] => Request::KillProcess,
        _ => Request::Unknown,
    }
}

/// `vFlashWrite:ADDRESS:` and binary data.
fn write_flash(text: &[u8]) -> Request {
    let parsed = split(text, b':').and_then(|(address, data)| {
        let address = number(address)?;
        let bytes = u64::try_from(unescaped_length(data)?).ok()?;
        (u64::from(address) + bytes <= 1 << 32).then_some((address, data))
    });
    match parsed {
        Some((address, data)) => change(plain(format_args!("vFlashWrite:{address:x}:"), data)),
        None => malformed("vFlashWrite:ADDRESS:DATA"),
    }
}

/// Host files: only what reads. `vFile:pwrite` and `vFile:unlink` are unknown to us.
fn host_file(body: &[u8]) -> Request {
    let Some((operation, arguments)) = body
        .strip_prefix(b"vFile:")
        .and_then(|rest| split(rest, b':'))
    else {
        return Request::Unknown;
    };
    let fields: Vec<&[u8]> = arguments.split(|byte| *byte == b',').collect();
    let packet = match (operation, fields.as_slice()) {
        (b"open", [path, flags, mode]) => from_hex(path)
            .filter(|path| !path.is_empty())
            .and(number(flags))
            .and(number(mode))
            .map(|_| body.to_vec()),
        (b"pread", [file, count, offset]) => number(file)
            .zip(number(count))
            .zip(number(offset))
            .map(|((file, count), offset)| {
                format!(
                    "vFile:pread:{file:x},{:x},{offset:x}",
                    count.min(BINARY_REPLY_BYTES)
                )
                .into_bytes()
            }),
        (b"close" | b"fstat" | b"setfs", [file]) => number(file).map(|_| body.to_vec()),
        _ => return Request::Unknown,
    };
    match packet {
        Some(packet) => look(packet),
        None => malformed("vFile:OPERATION:ARGUMENTS"),
    }
}

fn query(body: &[u8]) -> Request {
    let (name, arguments) = match body
        .iter()
        .position(|byte| matches!(byte, b':' | b',' | b';'))
    {
        Some(at) => body.split_at(at),
        None => (body, &b""[..]),
    };
    match name {
        b"qSupported" => Request::Supported {
            error_text: offers(arguments, b"error-message+"),
            hwbreak: offers(arguments, b"hwbreak+"),
        },
        b"QStartNoAckMode" => Request::StartNoAckMode,
        b"qRcmd" => match arguments.get(1..).and_then(from_hex) {
            Some(text) => Request::Monitor(String::from_utf8_lossy(&text).into_owned()),
            None => malformed("qRcmd,COMMAND"),
        },
        b"qC" => Request::CurrentThread,
        b"qCRC" => match arguments.get(1..).and_then(range) {
            Some((address, length)) => Request::Crc { address, length },
            None => malformed("qCRC:ADDRESS,LENGTH"),
        },
        b"qSearch" => search(arguments),
        b"qXfer" => transfer(arguments),
        b"qAttached" => Request::Attached,
        b"qSymbol" => Request::Symbols,
        b"qThreadExtraInfo" => match arguments.get(1..).and_then(thread) {
            Some(thread) => Request::ThreadExtraInfo(thread),
            None => malformed("qThreadExtraInfo,THREAD"),
        },
        b"qfThreadInfo" => Request::ThreadIds,
        b"qsThreadInfo" => Request::MoreThreadIds,
        b"QNonStop" => match arguments {
            b":0" => Request::NonStop(false),
            b":1" => Request::NonStop(true),
            _ => malformed("QNonStop:0 or QNonStop:1"),
        },
        _ => Request::Unknown,
    }
}

/// True if `qSupported` came with `feature`.
fn offers(arguments: &[u8], feature: &[u8]) -> bool {
    arguments
        .split(|byte| matches!(byte, b':' | b';'))
        .any(|offered| offered == feature)
}

/// `qSearch:memory:ADDRESS;LENGTH;PATTERN`, the pattern in binary.
fn search(arguments: &[u8]) -> Request {
    let Some(text) = arguments.strip_prefix(b":memory:") else {
        return Request::Unknown;
    };
    let parsed = split(text, b';').and_then(|(address, rest)| {
        let (length, pattern) = split(rest, b';')?;
        let (address, length) = (number(address)?, number(length)?);
        let end = u64::from(address) + u64::from(length);
        let pattern = unescape(pattern).filter(|pattern| !pattern.is_empty())?;
        (end <= 1 << 32).then_some(Request::Search {
            address,
            length,
            pattern,
        })
    });
    parsed.unwrap_or_else(|| malformed("qSearch:memory:ADDRESS;LENGTH;PATTERN"))
}

/// `qXfer:OBJECT:read:ANNEX:OFFSET,LENGTH`.
fn transfer(arguments: &[u8]) -> Request {
    let fields: Vec<&[u8]> = arguments.split(|byte| *byte == b':').collect();
    let [_, object, b"read", annex, part] = fields.as_slice() else {
        return Request::Unknown;
    };
    let parsed = split(part, b',').and_then(|(offset, length)| {
        let length = number(length)?.min(BINARY_REPLY_BYTES);
        Some((number(offset)?, length))
    });
    let Some((offset, length)) = parsed else {
        return malformed("qXfer:OBJECT:read:ANNEX:OFFSET,LENGTH");
    };
    let document = match (*object, *annex) {
        (b"features", b"target.xml") => Document::Features,
        (b"features", _) => return malformed("annex target.xml"),
        (b"memory-map", b"") => Document::MemoryMap,
        (b"threads", b"") => Document::Threads,
        // The annex is the process, and there is one.
        (b"exec-file", _) => Document::ExecFile,
        _ => return Request::Unknown,
    };
    Request::Read {
        document,
        part: Part {
            offset: offset as usize,
            length: length as usize,
        },
    }
}

#[cfg(test)]
mod tests;

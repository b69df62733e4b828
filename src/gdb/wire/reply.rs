//! Replies: gdbstub's are captured before they reach a socket, and errors take the form that the client can show.
//!
//! GDB manual, "Standard Replies", and what GDB 13 and 18 do with them, measured:
//! - GDB 13 shows no text of `E.text`: it takes the letters for digits or drops them. So it gets `Exx` with an errno.
//! - An `O` packet inside `m` or `vFlash*` makes GDB take each later reply for the one before. So console text goes out only
//!   while GDB waits for a stop or for a monitor command.
//! - Since GDB 15 a client that says `error-message+` shows `E.text`.

use std::convert::Infallible;

use gdbstub::conn::Connection;

use super::encoding::{append_escaped, to_hex};
use crate::fault::Fault;

/// Bytes of console text in one `O` packet.
const CONSOLE_BYTES: usize = 0x1000;

/// Longest text in an `E.text` reply: GDB 18 prints all of it in one line.
const ERROR_TEXT_BYTES: usize = 1000;

/// The empty reply: not supported.
pub const UNSUPPORTED: &[u8] = b"";

/// Success.
pub const OK: &[u8] = b"OK";

/// What gdbstub writes, kept until it is complete.
#[derive(Debug, Default)]
pub struct Capture {
    bytes: Vec<u8>,
}

impl Capture {
    /// The body of the reply that was written since the last call, without acknowledgement, frame and checksum; still escaped.
    pub fn take(&mut self) -> Option<Vec<u8>> {
        let reply = self.body().map(<[u8]>::to_vec);
        // The next reply finds the room that this one had.
        self.bytes.clear();
        reply
    }

    fn body(&self) -> Option<&[u8]> {
        let begin = self.bytes.iter().position(|byte| *byte == b'$')? + 1;
        let end = self.bytes.iter().rposition(|byte| *byte == b'#')?;
        self.bytes.get(begin..end)
    }
}

impl Connection for Capture {
    type Error = Infallible;

    fn write(&mut self, byte: u8) -> Result<(), Infallible> {
        self.bytes.push(byte);
        Ok(())
    }

    fn flush(&mut self) -> Result<(), Infallible> {
        Ok(())
    }
}

/// How a client takes errors.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ErrorForm {
    /// `Exx`: the client offered nothing else.
    #[default]
    Number,
    /// `E.text`: the client offered `error-message`.
    Text,
}

/// The error reply for `fault`.
pub fn error(fault: &Fault, form: ErrorForm) -> Vec<u8> {
    match form {
        ErrorForm::Number => format!("E{:02x}", fault.errno() as u8).into_bytes(),
        ErrorForm::Text => {
            let mut reply = b"E.".to_vec();
            reply.extend(one_ascii_line(&fault.one_line()).take(ERROR_TEXT_BYTES));
            reply
        }
    }
}

/// True if `body` is gdbstub's error reply.
pub fn is_error(body: &[u8]) -> bool {
    matches!(body, [b'E', high, low] if high.is_ascii_hexdigit() && low.is_ascii_hexdigit())
}

/// `O` packets that show `text` on GDB's console, each with a whole number of bytes.
pub fn console(text: &str) -> impl Iterator<Item = Vec<u8>> + '_ {
    text.as_bytes().chunks(CONSOLE_BYTES).map(|chunk| {
        let mut packet = vec![b'O'];
        packet.extend(to_hex(chunk));
        packet
    })
}

/// The part of a document that `qXfer` asked for: `m` and data if there is more, `l` and data at the end.
pub fn part(document: &[u8], offset: usize, length: usize) -> Vec<u8> {
    let rest = document.get(offset..).unwrap_or_default();
    let data = rest.get(..length).unwrap_or(rest);
    let mut reply = vec![if data.len() < rest.len() { b'm' } else { b'l' }];
    append_escaped(&mut reply, data);
    reply
}

/// Bytes that may stand unescaped in a packet, lines joined by a blank.
fn one_ascii_line(text: &str) -> impl Iterator<Item = u8> + '_ {
    text.bytes().map(|byte| match byte {
        b'#' | b'$' | b'}' | b'*' => b'\'',
        b' '..=b'~' => byte,
        _ => b' ',
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fault::Code;

    fn fault(headline: &str) -> Fault {
        Fault {
            code: Code::XG002,
            headline: headline.to_owned(),
            causes: vec![],
            remedy: "look at the cable".to_owned(),
        }
    }

    #[test]
    fn gdb_13_gets_a_number_and_gdb_18_a_line() {
        assert_eq!(error(&fault("no"), ErrorForm::Number), b"E05");
        assert_eq!(
            error(&fault("stuck\nat #3"), ErrorForm::Text),
            b"E.XG002 stuck at '3. look at the cable"
        );
    }

    #[test]
    fn gdbstubs_reply_loses_its_frame() {
        let mut capture = Capture::default();
        for byte in b"+$E05#ab" {
            let Ok(()) = capture.write(*byte);
        }
        let body = capture.take();
        assert_eq!(body.as_deref(), Some(&b"E05"[..]));
        assert!(is_error(&body.unwrap_or_default()));
        assert_eq!(capture.take(), None);
    }

    #[test]
    fn memory_that_begins_like_an_error_is_none() {
        assert!(!is_error(b"E0510203"));
        assert!(!is_error(b"e05"));
    }

    #[test]
    fn console_text_is_cut_at_whole_bytes() {
        let text = "x".repeat(CONSOLE_BYTES + 1);
        let packets: Vec<_> = console(&text).collect();
        assert_eq!(packets.len(), 2);
        assert_eq!(packets[1], b"O78");
    }

    #[test]
    fn a_document_ends_with_l() {
        assert_eq!(part(b"abcdef", 0, 4), b"mabcd");
        assert_eq!(part(b"abcdef", 4, 4), b"lef");
        assert_eq!(part(b"abcdef", 9, 4), b"l");
    }
}

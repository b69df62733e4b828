//! `printf` of the agent: what GDB's `dprintf` prints where it is hit (GDB manual, "Dynamic Printf" and "Bytecode Descriptions").
//!
//! The format is as in C source, escapes included, and every part of it is checked: a length says how many of a word's 64 bits count (the
//! core's int, long and pointer have 32), and a string is read from memory up to a bound. Floating point does not get here: GDB does not
//! compile it.

use super::{AgentError, Machine};
use crate::layout::Address;

/// Bytes of one string of the program.
const MOST_STRING: usize = 1024;
/// Strings are read up to such a boundary at a time: memory may end behind them.
const PIECE: u32 = 64;
/// Widths and precisions.
const MOST_WIDTH: usize = 1024;
/// Bytes that one expression may print.
const MOST_PRINTED: usize = 16 * 1024;

/// One conversion of a format string.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Conversion {
    left: bool,
    zeros: bool,
    plus: bool,
    blank: bool,
    alternate: bool,
    width: usize,
    precision: Option<usize>,
    bits: u8,
    letter: u8,
}

impl Machine<'_> {
    /// Function and channel on top, which nothing here calls; under them the arguments, the first one uppermost.
    pub(super) fn print(&mut self) -> Result<(), AgentError> {
        let [count] = self.operand()?;
        let length = usize::from(u16::from_be_bytes(self.operand()?));
        let code = self.code;
        let Some(format) = code.get(self.next..self.next + length) else {
            return Err(AgentError::Outside { at: self.at });
        };
        self.next += length;
        let Some((0, format)) = format.split_last() else {
            return Err(AgentError::Format("does not end in zero"));
        };
        self.pop()?;
        self.pop()?;
        let arguments = (0..count).map(|_| self.pop());
        let mut arguments = arguments
            .collect::<Result<Vec<u64>, AgentError>>()?
            .into_iter();
        let mut rest = format;
        while let Some((&byte, behind)) = rest.split_first() {
            rest = behind;
            match byte {
                b'\\' => {
                    let (&letter, behind) = rest.split_first().unwrap_or((&0, rest));
                    rest = behind;
                    self.printed.push(escape(letter)?);
                }
                b'%' if rest.first() == Some(&b'%') => {
                    rest = &rest[1..];
                    self.printed.push(b'%');
                }
                b'%' => {
                    let conversion = conversion(&mut rest)?;
                    let argument = arguments.next();
                    let argument = argument.ok_or(AgentError::Format("wants more arguments"))?;
                    self.convert(conversion, argument)?;
                }
                other => self.printed.push(other),
            }
            if self.printed.len() > MOST_PRINTED {
                return Err(AgentError::Format("prints too much"));
            }
        }
        match arguments.next() {
            None => Ok(()),
            Some(_) => Err(AgentError::Format("wants fewer arguments")),
        }
    }

    fn convert(&mut self, conversion: Conversion, argument: u64) -> Result<(), AgentError> {
        let unsigned = argument & super::low(conversion.bits);
        let text = match conversion.letter {
            b'd' | b'i' => {
                let value = super::extend(argument, conversion.bits).cast_signed();
                let digits = conversion.digits(value.unsigned_abs().to_string());
                conversion.number(conversion.sign(value), digits)
            }
            b'u' => conversion.number("", conversion.digits(unsigned.to_string())),
            b'o' => {
                let mut digits = conversion.digits(format!("{unsigned:o}"));
                if conversion.alternate && !digits.starts_with('0') {
                    digits.insert(0, '0');
                }
                conversion.number("", digits)
            }
            b'x' => {
                let digits = conversion.digits(format!("{unsigned:x}"));
                conversion.number(conversion.base("0x", unsigned), digits)
            }
            b'X' => {
                let digits = conversion.digits(format!("{unsigned:X}"));
                conversion.number(conversion.base("0X", unsigned), digits)
            }
            b'p' if unsigned == 0 => conversion.pad(b"(nil)"),
            b'p' => conversion.number("0x", conversion.digits(format!("{unsigned:x}"))),
            b'c' => conversion.pad(&[argument as u8]),
            _ => {
                let most = conversion.precision.unwrap_or(MOST_STRING).min(MOST_STRING);
                let string = self.string(Address(argument as u32), most)?;
                conversion.pad(&string)
            }
        };
        self.printed.extend(text);
        Ok(())
    }

    /// What is at `address`, up to a zero or `most` bytes.
    fn string(&mut self, address: Address, most: usize) -> Result<Vec<u8>, AgentError> {
        let mut string = Vec::new();
        let mut at = address.0;
        while string.len() < most {
            let mut piece = vec![0; (PIECE - at % PIECE) as usize];
            piece.truncate(most - string.len());
            self.read(Address(at), &mut piece)?;
            at = at.wrapping_add(piece.len() as u32);
            if let Some(end) = piece.iter().position(|byte| *byte == 0) {
                string.extend_from_slice(&piece[..end]);
                return Ok(string);
            }
            string.extend(piece);
        }
        Ok(string)
    }
}

impl Conversion {
    /// What stands before a signed number.
    fn sign(self, value: i64) -> &'static str {
        match (value < 0, self.plus, self.blank) {
            (true, _, _) => "-",
            (false, true, _) => "+",
            (false, false, true) => " ",
            (false, false, false) => "",
        }
    }

    fn base(self, prefix: &'static str, value: u64) -> &'static str {
        if self.alternate && value != 0 {
            prefix
        } else {
            ""
        }
    }

    /// At least as many digits as the precision says; none for a zero with a precision of zero.
    fn digits(self, digits: String) -> String {
        match self.precision {
            Some(0) if digits == "0" => String::new(),
            Some(precision) => format!("{digits:0>precision$}"),
            None => digits,
        }
    }

    /// Zeros stand between sign and digits, and only where no precision is given.
    fn number(self, before: &str, digits: String) -> Vec<u8> {
        let room = self.width.saturating_sub(before.len());
        if self.zeros && !self.left && self.precision.is_none() {
            return format!("{before}{digits:0>room$}").into_bytes();
        }
        self.pad(format!("{before}{digits}").as_bytes())
    }

    fn pad(self, text: &[u8]) -> Vec<u8> {
        let blanks = vec![b' '; self.width.saturating_sub(text.len())];
        match self.left {
            true => [text, &blanks].concat(),
            false => [&blanks, text].concat(),
        }
    }
}

/// The conversion that `rest` begins with, behind its `%`; `rest` is what stands behind it.
fn conversion(rest: &mut &[u8]) -> Result<Conversion, AgentError> {
    let mut conversion = Conversion::default();
    while let Some(&flag) = rest.first() {
        match flag {
            b'-' => conversion.left = true,
            b'0' => conversion.zeros = true,
            b'+' => conversion.plus = true,
            b' ' => conversion.blank = true,
            b'#' => conversion.alternate = true,
            _ => break,
        }
        *rest = &rest[1..];
    }
    conversion.width = decimal(rest)?;
    if skip(rest, b".") {
        conversion.precision = Some(decimal(rest)?);
    }
    // The longer of two that begin alike comes first.
    let lengths: [(&[u8], u8); 7] = [
        (b"hh", 8),
        (b"h", 16),
        (b"ll", 64),
        (b"l", 32),
        (b"j", 64),
        (b"z", 32),
        (b"t", 32),
    ];
    let length = lengths.into_iter().find(|(letters, _)| skip(rest, letters));
    conversion.bits = length.map_or(32, |(_, bits)| bits);
    let wide = length.is_some();
    match rest.split_first() {
        Some((&letter @ (b'd' | b'i' | b'u' | b'o' | b'x' | b'X'), behind)) => {
            conversion.letter = letter;
            *rest = behind;
            Ok(conversion)
        }
        Some((&letter @ (b'c' | b's' | b'p'), behind)) if !wide => {
            conversion.letter = letter;
            *rest = behind;
            Ok(conversion)
        }
        _ => Err(AgentError::Format(
            "has a conversion that is not known here",
        )),
    }
}

fn skip(rest: &mut &[u8], letters: &[u8]) -> bool {
    match rest.strip_prefix(letters) {
        Some(behind) => {
            *rest = behind;
            true
        }
        None => false,
    }
}

fn decimal(rest: &mut &[u8]) -> Result<usize, AgentError> {
    let mut value = 0;
    while let Some((digit @ b'0'..=b'9', behind)) = rest.split_first() {
        value = value * 10 + usize::from(digit - b'0');
        if value > MOST_WIDTH {
            return Err(AgentError::Format("asks for too wide a field"));
        }
        *rest = behind;
    }
    Ok(value)
}

/// What stands behind a backslash in C source, as far as GDB's own printf takes it.
fn escape(letter: u8) -> Result<u8, AgentError> {
    Ok(match letter {
        b'a' => 0x07,
        b'b' => 0x08,
        b'e' => 0x1b,
        b'f' => 0x0c,
        b'n' => b'\n',
        b'r' => b'\r',
        b't' => b'\t',
        b'v' => 0x0b,
        b'\\' | b'"' | b'\'' => letter,
        _ => return Err(AgentError::Format("has an escape that is not known here")),
    })
}

//! Calls that a client serves: the `F` packets (GDB manual, "The F Request Packet", "The F Reply Packet", "List of Supported Calls").
//!
//! Strings and buffers of a request lie in the target's memory, where the client reads and writes them by `m`, `M`, `x` and `X` before it
//! answers. What is given to it here is [`Lent`]: bytes of the server's, at an address where the client knows RAM. As long as the client
//! has not answered, they are what it finds there; the target's memory is as it was.

use super::encoding::{number, range, split};
use crate::semihosting::{Answer, ERRAND_BYTES, Errand, Errno, Flags};

/// The most that is lent for one request: two paths, or what one errand carries.
pub const LENT_BYTES: usize = ERRAND_BYTES;

/// S_IFREG with rw-r--r-- (GDB manual, "mode_t Values").
const NEW_FILE: u32 = 0o10_0644;

/// struct stat and struct timeval, which are big-endian (GDB manual, "struct stat", "struct timeval").
const STAT_BYTES: usize = 64;
const STAT_SIZE: std::ops::Range<usize> = 28..36;
const TIME_BYTES: usize = 12;
const TIME_SECONDS: std::ops::Range<usize> = 0..4;

/// From the beginning.
const SEEK_SET: u32 = 0;

/// Memory that a client finds at an address while it serves a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lent {
    address: u32,
    bytes: Vec<u8>,
}

impl Lent {
    fn new(address: u32, bytes: Vec<u8>) -> Self {
        Self { address, bytes }
    }

    /// Lends `text` with its NUL; its address and length as a packet has them.
    fn string(&mut self, text: &str) -> String {
        let at = self.address as usize + self.bytes.len();
        self.bytes.extend(text.bytes());
        self.bytes.push(0);
        format!("{at:x}/{:x}", text.len() + 1)
    }

    /// What lies at `address`, if all of it is lent.
    pub fn read(&self, address: u32, length: u32) -> Option<&[u8]> {
        let from = address.checked_sub(self.address)? as usize;
        self.bytes.get(from..from.checked_add(length as usize)?)
    }

    /// The client has written; `None` if that is not all within what is lent.
    pub fn write(&mut self, address: u32, data: &[u8]) -> Option<()> {
        let from = address.checked_sub(self.address)? as usize;
        let place = self.bytes.get_mut(from..from.checked_add(data.len())?)?;
        place.copy_from_slice(data);
        Some(())
    }

    fn big_endian(&self, place: std::ops::Range<usize>) -> Option<u64> {
        let bytes = self.bytes.get(place)?.iter();
        Some(bytes.fold(0, |value, byte| value << 8 | u64::from(*byte)))
    }
}

/// The request for `errand`, with what is lent for it at `address`.
pub fn request(errand: &Errand, address: u32) -> (String, Lent) {
    let mut lent = Lent::new(address, Vec::new());
    let packet = match errand {
        Errand::Open { name, flags } => {
            let name = lent.string(name);
            format!("Fopen,{name},{:x},{NEW_FILE:x}", open_flags(*flags))
        }
        Errand::Close { file } => format!("Fclose,{file:x}"),
        Errand::Read { file, length } => {
            lent.bytes.resize(*length as usize, 0);
            format!("Fread,{file:x},{address:x},{length:x}")
        }
        Errand::Write { file, bytes } => {
            lent.bytes.extend_from_slice(bytes);
            format!("Fwrite,{file:x},{address:x},{:x}", bytes.len())
        }
        Errand::Seek { file, position } => format!("Flseek,{file:x},{position:x},{SEEK_SET:x}"),
        Errand::Length { file } => {
            lent.bytes.resize(STAT_BYTES, 0);
            format!("Ffstat,{file:x},{address:x}")
        }
        Errand::IsTerminal { file } => format!("Fisatty,{file:x}"),
        Errand::Remove { name } => format!("Funlink,{}", lent.string(name)),
        Errand::Rename { from, to } => {
            format!("Frename,{},{}", lent.string(from), lent.string(to))
        }
        Errand::Time => {
            lent.bytes.resize(TIME_BYTES, 0);
            format!("Fgettimeofday,{address:x},0")
        }
        Errand::System { command } => format!("Fsystem,{}", lent.string(command)),
    };
    (packet, lent)
}

/// GDB manual, "Open Flags".
fn open_flags(flags: Flags) -> u32 {
    let access = match (flags.read, flags.write) {
        (true, true) => 2,
        (_, write) => u32::from(write),
    };
    let all = [
        (flags.append, 0x8),
        (flags.create, 0x200),
        (flags.truncate, 0x400),
    ];
    all.into_iter()
        .filter(|(is_set, _)| *is_set)
        .fold(access, |all, (_, bit)| all | bit)
}

/// What a client has answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reply {
    value: Option<u64>,
    errno: Option<u32>,
    /// The user has pressed Ctrl-C.
    pub interrupts: bool,
}

impl Reply {
    /// `RETCODE[,ERRNO[,C]]`, signed hexadecimal numbers.
    pub fn parse(text: &[u8]) -> Option<Self> {
        let (value, rest) =
            split(text, b',').map_or((text, None), |(value, rest)| (value, Some(rest)));
        let (errno, flag) = match rest.map(|rest| split(rest, b',').unwrap_or((rest, b""))) {
            Some((errno, flag)) => (Some(number(errno)?), flag),
            None => (None, &b""[..]),
        };
        let interrupts = match flag {
            b"" => false,
            b"C" => true,
            _ => return None,
        };
        let value = match value.strip_prefix(b"-") {
            Some(digits) => long_number(digits).map(|_| None)?,
            None => Some(long_number(value)?),
        };
        Some(Self {
            value,
            errno,
            interrupts,
        })
    }

    /// What that means for `errand`, for which this was lent.
    pub fn answer(&self, errand: &Errand, lent: &Lent) -> Answer {
        let failed = |errno| Answer {
            value: Err(errno),
            bytes: Vec::new(),
        };
        let Some(value) = self.value else {
            return failed(Errno::from_number(self.errno.unwrap_or_default()));
        };
        let value = match errand {
            Errand::Length { .. } => lent.big_endian(STAT_SIZE).unwrap_or_default(),
            Errand::Time => lent.big_endian(TIME_SECONDS).unwrap_or_default(),
            _ => value,
        };
        let Ok(value) = u32::try_from(value) else {
            return failed(Errno::TooLarge);
        };
        let read = match errand {
            Errand::Read { .. } => lent.bytes.get(..value as usize).unwrap_or(&lent.bytes),
            _ => &[],
        };
        Answer {
            value: Ok(value),
            bytes: read.to_vec(),
        }
    }
}

/// A file may be longer than 32 bits say.
fn long_number(digits: &[u8]) -> Option<u64> {
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_hexdigit) {
        return None;
    }
    u64::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
}

/// What a memory packet asks of what is lent.
#[derive(Debug, PartialEq, Eq)]
pub enum Touch<'a> {
    /// `m`.
    Read(u32, u32),
    /// `M`, in digits, or `X`, in binary.
    Write(u32, &'a [u8]),
}

/// `m`, `M` or `X`, as the dispatcher has written it.
pub fn touch(packet: &[u8]) -> Option<Touch<'_>> {
    let (letter, rest) = packet.split_first()?;
    match letter {
        b'm' => range(rest).map(|(address, length)| Touch::Read(address, length)),
        b'M' | b'X' => {
            let (place, data) = split(rest, b':')?;
            range(place).map(|(address, _)| Touch::Write(address, data))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const AT: u32 = 0x2000_0000;

    fn packet(errand: Errand) -> String {
        request(&errand, AT).0
    }

    fn reply(text: &str, errand: &Errand) -> Answer {
        let (_, lent) = request(errand, AT);
        Reply::parse(text.as_bytes())
            .expect("a reply")
            .answer(errand, &lent)
    }

    #[test]
    fn requests_are_as_the_manual_has_them() {
        let name = || "log.txt".to_owned();
        let flags = Flags {
            read: true,
            write: true,
            create: true,
            truncate: true,
            append: false,
        };
        for (errand, wanted) in [
            (
                Errand::Open {
                    name: name(),
                    flags,
                },
                "Fopen,20000000/8,602,81a4",
            ),
            (
                Errand::Open {
                    name: name(),
                    flags: Flags {
                        read: true,
                        ..Flags::default()
                    },
                },
                "Fopen,20000000/8,0,81a4",
            ),
            (Errand::Close { file: 10 }, "Fclose,a"),
            (
                Errand::Read {
                    file: 3,
                    length: 16,
                },
                "Fread,3,20000000,10",
            ),
            (
                Errand::Write {
                    file: 1,
                    bytes: vec![7; 20],
                },
                "Fwrite,1,20000000,14",
            ),
            (
                Errand::Seek {
                    file: 3,
                    position: 0x1_0000,
                },
                "Flseek,3,10000,0",
            ),
            (Errand::Length { file: 3 }, "Ffstat,3,20000000"),
            (Errand::IsTerminal { file: 3 }, "Fisatty,3"),
            (Errand::Remove { name: name() }, "Funlink,20000000/8"),
            (
                Errand::Rename {
                    from: name(),
                    to: "b".to_owned(),
                },
                "Frename,20000000/8,20000008/2",
            ),
            (Errand::Time, "Fgettimeofday,20000000,0"),
            (
                Errand::System {
                    command: "ls".to_owned(),
                },
                "Fsystem,20000000/3",
            ),
        ] {
            assert_eq!(packet(errand), wanted);
        }
    }

    #[test]
    fn what_is_lent_has_bounds() {
        let (_, mut lent) = request(
            &Errand::Remove {
                name: "log".to_owned(),
            },
            AT,
        );
        assert_eq!(lent.read(AT, 4), Some(&b"log\0"[..]));
        assert_eq!(lent.read(AT + 1, 4), None);
        assert_eq!(lent.read(AT - 1, 1), None);
        assert_eq!(lent.write(AT + 3, b"!?"), None);
        assert_eq!(lent.write(AT + 3, b"!"), Some(()));
        assert_eq!(lent.write(AT, b""), Some(()), "GDB asks whether X is known");
        assert_eq!(lent.read(AT, 4), Some(&b"log!"[..]));
    }

    #[test]
    fn replies_are_values_or_errors() {
        let read = Errand::Read { file: 3, length: 4 };
        assert_eq!(
            reply("2", &read),
            Answer {
                value: Ok(2),
                bytes: vec![0; 2]
            }
        );
        assert_eq!(
            reply("ff", &read).bytes.len(),
            4,
            "no more than was asked for"
        );
        for (text, errno) in [
            ("-1,2", Errno::NotFound),
            ("-1,4,C", Errno::Interrupted),
            ("-1,58", Errno::NotImplemented),
            ("-1,270f", Errno::Io),
            ("-1", Errno::Io),
            ("100000000", Errno::TooLarge),
        ] {
            assert_eq!(
                reply(
                    text,
                    &Errand::Seek {
                        file: 3,
                        position: 0
                    }
                )
                .value,
                Err(errno),
                "{text}"
            );
        }
        let interrupted = |text: &[u8]| Reply::parse(text).map(|reply| reply.interrupts);
        assert_eq!(interrupted(b"5,0,C"), Some(true));
        for wrong in [&b""[..], b"-", b"x", b"1,", b"1,2,D", b"1,2,C,", b"+1"] {
            assert_eq!(interrupted(wrong), None, "{}", wrong.escape_ascii());
        }
    }

    #[test]
    fn lengths_and_times_are_in_what_is_lent() {
        let errand = Errand::Length { file: 3 };
        let (_, mut lent) = request(&errand, AT);
        assert_eq!(lent.write(AT + 28, &0x1234_u64.to_be_bytes()), Some(()));
        let done = Reply::parse(b"0").expect("a reply");
        assert_eq!(done.answer(&errand, &lent).value, Ok(0x1234));
        let (_, mut lent) = request(&Errand::Time, AT);
        assert_eq!(lent.write(AT, &77_u32.to_be_bytes()), Some(()));
        assert_eq!(done.answer(&Errand::Time, &lent).value, Ok(77));
    }
}

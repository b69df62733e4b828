//! Calls that a client serves: what it is asked, and what its answers come to.

use super::*;

/// Where the client's files begin, as GDB numbers them.
const FILE: u32 = 3;
const CLOCK: u32 = 0x10;
const TIME: u32 = 0x11;
const WRITEC: u32 = 0x03;

fn program() -> Program {
    let mut program = Program::new(None);
    program.host.set_host(Host::Clients);
    program
}

impl Program {
    /// A call, and what the client is asked.
    fn asks(&mut self, operation: u32, words: &[u32]) -> Errand {
        let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
        self.put(BLOCK, &bytes);
        asked(self.outcome(operation, BLOCK))
    }

    fn answered(&mut self, value: Result<u32, Errno>, bytes: &[u8]) -> Outcome {
        let answer = Answer {
            value,
            bytes: bytes.to_vec(),
        };
        let outcome = self.host.answer(answer, &mut self.ram);
        outcome.expect("the link holds")
    }

    fn returns(&mut self, value: Result<u32, Errno>) -> u32 {
        match self.answered(value, b"") {
            Outcome::Returns(value) => value,
            other => panic!("{other:?}"),
        }
    }

    /// A file that the client opens.
    fn opens(&mut self, name: &str, mode: u32) -> u32 {
        self.put(NAME, name.as_bytes());
        let errand = self.asks(OPEN, &[NAME, mode, name.len() as u32]);
        assert!(matches!(errand, Errand::Open { .. }), "{errand:?}");
        self.returns(Ok(FILE))
    }
}

fn asked(outcome: Outcome) -> Errand {
    match outcome {
        Outcome::Asks(errand) => errand,
        other => panic!("{other:?}"),
    }
}

#[test]
fn files_are_the_clients() {
    let mut program = program();
    program.put(NAME, b"log");
    let flags = |read, write, append, create, truncate| Flags {
        read,
        write,
        append,
        create,
        truncate,
    };
    for (mode, wanted) in [
        (0, flags(true, false, false, false, false)),
        (3, flags(true, true, false, false, false)),
        (4, flags(false, true, false, true, true)),
        (6, flags(true, true, false, true, true)),
        (8, flags(false, true, true, true, false)),
        (10, flags(true, true, true, true, false)),
    ] {
        let Errand::Open { name, flags } = program.asks(OPEN, &[NAME, mode, 3]) else {
            panic!("mode {mode}");
        };
        assert_eq!((name.as_str(), flags), ("log", wanted), "mode {mode}");
        assert_eq!(program.returns(Err(Errno::NotFound)), FAILED);
    }
    assert_eq!(program.errno(), Errno::NotFound as u32);

    let file = program.opens("log", W_PLUS);
    assert_eq!(
        program.asks(SEEK, &[file, 9]),
        Errand::Seek {
            file: FILE,
            position: 9
        }
    );
    assert_eq!(program.returns(Ok(9)), 0);
    assert_eq!(program.asks(FLEN, &[file]), Errand::Length { file: FILE });
    assert_eq!(program.returns(Ok(77)), 77);
    assert_eq!(
        program.asks(ISTTY, &[file]),
        Errand::IsTerminal { file: FILE }
    );
    assert_eq!(program.returns(Ok(0)), 0);
    assert_eq!(program.asks(CLOSE, &[file]), Errand::Close { file: FILE });
    assert_eq!(program.returns(Ok(0)), 0);
    assert_eq!(program.call(CLOSE, &[file]), FAILED, "it is closed");

    program.put(BUFFER, b"other");
    let renamed = program.asks(RENAME, &[NAME, 3, BUFFER, 5]);
    assert!(matches!(renamed, Errand::Rename { from, to } if from == "log" && to == "other"));
    assert_eq!(program.returns(Ok(0)), 0);
    assert!(matches!(program.asks(REMOVE, &[NAME, 3]), Errand::Remove { name } if name == "log"));
    assert_eq!(program.returns(Err(Errno::AccessDenied)), FAILED);
    assert!(
        matches!(program.asks(SYSTEM, &[NAME, 3]), Errand::System { command } if command == "log")
    );
    assert_eq!(program.returns(Ok(5)), 5);
    assert_eq!(program.asks(TIME, &[]), Errand::Time);
    assert_eq!(program.returns(Ok(1_700_000_000)), 1_700_000_000);
    assert!(
        program.call(CLOCK, &[]) < 100,
        "the program's own time is ours"
    );
}

#[test]
fn the_console_is_the_clients() {
    let mut program = program();
    let out = program.open(":tt", W);
    let input = program.open(":tt", 0);
    assert_eq!(program.call(ISTTY, &[out]), 1);
    program.put(BUFFER, b"hello\0");
    let text = |file, bytes: &[u8]| Errand::Write {
        file,
        bytes: bytes.to_vec(),
    };
    assert_eq!(program.asks(WRITE, &[out, BUFFER, 3]), text(1, b"hel"));
    assert_eq!(program.returns(Ok(3)), 0);
    assert_eq!(asked(program.outcome(WRITE0, BUFFER)), text(1, b"hello"));
    assert_eq!(program.returns(Ok(5)), 0);
    assert_eq!(asked(program.outcome(WRITEC, BUFFER)), text(1, b"h"));
    assert_eq!(program.returns(Ok(1)), 0);
    assert_eq!(
        program.call(WRITE, &[out, BUFFER, 0]),
        0,
        "nothing is asked for nothing"
    );
    let error = program.open(":tt", 8);
    assert_eq!(program.asks(WRITE, &[error, BUFFER, 1]), text(2, b"h"));
    assert_eq!(
        program.returns(Err(Errno::Io)),
        1,
        "one byte was not written"
    );
    assert_eq!(program.said(Stream::Out), "", "nothing of it is shown here");

    // A console gives what there is.
    assert_eq!(
        program.asks(READ, &[input, BUFFER, 80]),
        Errand::Read {
            file: 0,
            length: 80
        }
    );
    assert_eq!(program.answered(Ok(3), b"ab\n"), Outcome::Returns(77));
    assert_eq!(program.bytes(BUFFER, 3), b"ab\n");
    let read = Errand::Read { file: 0, length: 1 };
    assert_eq!(asked(program.outcome(READC, 0)), read);
    assert_eq!(
        program.answered(Ok(1), b"x"),
        Outcome::Returns(u32::from(b'x'))
    );
    assert_eq!(asked(program.outcome(READC, 0)), read);
    assert_eq!(
        program.answered(Ok(0), b""),
        Outcome::Returns(FAILED),
        "the end"
    );
}

/// Several errands make one call; the program sees one result.
#[test]
fn what_is_large_goes_in_pieces() {
    let piece = ERRAND_BYTES as u32;
    let length = piece + 100;
    let mut program = program();
    let file = program.opens("large", W_PLUS);
    let Errand::Write { bytes, .. } = program.asks(WRITE, &[file, BUFFER, length]) else {
        panic!("it is written");
    };
    assert_eq!(bytes.len(), ERRAND_BYTES);
    let Errand::Write { bytes, .. } = asked(program.answered(Ok(piece), b"")) else {
        panic!("and the rest");
    };
    assert_eq!(bytes.len(), 100);
    assert_eq!(program.returns(Ok(60)), 40, "what was not written");

    assert_eq!(
        program.asks(READ, &[file, BUFFER, length]),
        Errand::Read {
            file: FILE,
            length: piece
        }
    );
    let rest = Errand::Read {
        file: FILE,
        length: 100,
    };
    assert_eq!(
        asked(program.answered(Ok(piece), &vec![1; ERRAND_BYTES])),
        rest
    );
    assert_eq!(
        program.answered(Ok(4), b"tail"),
        Outcome::Returns(96),
        "the file ends"
    );
    assert_eq!(program.bytes(BUFFER + piece, 4), b"tail");
}

/// Nothing done: the call is made again. Something done: it comes to its end.
#[test]
fn an_interrupt_leaves_no_call_half_done() {
    let mut program = program();
    let file = program.opens("large", W_PLUS);
    let first = program.asks(WRITE, &[file, BUFFER, ERRAND_BYTES as u32 + 50]);
    assert_eq!(
        program.answered(Err(Errno::Interrupted), b""),
        Outcome::Interrupted
    );
    assert_eq!(
        program.asks(WRITE, &[file, BUFFER, ERRAND_BYTES as u32 + 50]),
        first
    );
    let second = asked(program.answered(Ok(ERRAND_BYTES as u32), b""));
    let again = asked(program.answered(Err(Errno::Interrupted), b""));
    assert_eq!(again, second);
    assert_eq!(program.returns(Ok(50)), 0);
    assert_eq!(
        program.answered(Ok(1), b""),
        Outcome::Interrupted,
        "nobody asked"
    );
}

#[test]
fn pointers_are_tried_before_the_client_is_asked() {
    let mut program = program();
    let input = program.open(":tt", 0);
    let file = program.opens("file", W_PLUS);
    assert_eq!(program.call(READ, &[input, Ram::END - 4, 8]), FAILED);
    assert_eq!(program.call(WRITE, &[file, Ram::END - 4, 8]), FAILED);
    assert_eq!(program.errno(), Errno::BadAddress as u32);
    assert_eq!(program.call_with(WRITE0, Ram::END), FAILED);
    for operation in 0..=0x40 {
        for parameter in [0, 3, 0x1FFF_FFFF, 0x2000_FFFE, 0xFFFF_FFFC, u32::MAX] {
            match program.outcome(operation, parameter) {
                Outcome::Returns(_) | Outcome::Exits(_) | Outcome::Asks(_) => {}
                other => panic!("operation {operation}: {other:?}"),
            }
        }
    }
}

/// What a program had open when it was reset is closed before the next one opens a file; a client that is gone took its files along.
#[test]
fn files_of_the_program_before_are_closed() {
    let mut program = program();
    let file = program.opens("left", W_PLUS);
    program.host.restart(Duration::ZERO);
    assert_eq!(program.call(FLEN, &[file]), FAILED, "its handle is gone");
    program.put(NAME, b"next");
    assert_eq!(
        program.asks(OPEN, &[NAME, W, 4]),
        Errand::Close { file: FILE }
    );
    assert_eq!(
        program.answered(Err(Errno::Interrupted), b""),
        Outcome::Interrupted
    );
    assert_eq!(
        program.asks(OPEN, &[NAME, W, 4]),
        Errand::Close { file: FILE }
    );
    let opened = asked(program.answered(Err(Errno::BadHandle), b""));
    assert!(matches!(opened, Errand::Open { name, .. } if name == "next"));
    let file = program.returns(Ok(FILE));

    program.host.set_host(Host::Ours);
    assert_eq!(program.call(WRITE, &[file, BUFFER, 1]), FAILED);
    assert_eq!(program.errno(), Errno::BadHandle as u32);
    program.host.set_host(Host::Clients);
    program.put(NAME, b"next");
    assert!(matches!(
        program.asks(OPEN, &[NAME, W, 4]),
        Errand::Open { .. }
    ));
}

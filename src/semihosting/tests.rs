//! Calls as a program makes them, on memory of the test's own and in a directory of its own.

use std::{collections::BTreeMap, fs, path::Path, process::Command};

use super::*;

mod by_client;

/// Where parameter blocks, names and buffers lie.
const BLOCK: u32 = 0x2000_0000;
const NAME: u32 = 0x2000_0100;
const BUFFER: u32 = 0x2000_1000;

const OPEN: u32 = 0x01;
const CLOSE: u32 = 0x02;
const WRITE0: u32 = 0x04;
const WRITE: u32 = 0x05;
const READ: u32 = 0x06;
const READC: u32 = 0x07;
const ISTTY: u32 = 0x09;
const SEEK: u32 = 0x0A;
const FLEN: u32 = 0x0C;
const TMPNAM: u32 = 0x0D;
const REMOVE: u32 = 0x0E;
const RENAME: u32 = 0x0F;
const SYSTEM: u32 = 0x12;
const ERRNO: u32 = 0x13;
const CMDLINE: u32 = 0x15;
const HEAPINFO: u32 = 0x16;
const EXIT: u32 = 0x18;
const EXIT_EXTENDED: u32 = 0x20;
const ELAPSED: u32 = 0x30;
const TICKFREQ: u32 = 0x31;

/// 64 KB of RAM.
struct Ram(BTreeMap<u32, u8>);

impl Ram {
    const END: u32 = 0x2001_0000;

    fn check(address: Address, length: usize) -> Result<(), Fault> {
        let end = u64::from(address.0) + length as u64;
        if address.0 >= BLOCK && end <= u64::from(Self::END) {
            return Ok(());
        }
        Err(Fault {
            code: Code::XG002,
            headline: format!("nothing is at {address}"),
            causes: Vec::new(),
            remedy: String::new(),
        })
    }
}

impl Memory for Ram {
    fn read(&mut self, address: Address, data: &mut [u8]) -> Result<(), Fault> {
        Self::check(address, data.len())?;
        for (at, byte) in (address.0..).zip(data) {
            *byte = self.0.get(&at).copied().unwrap_or(0);
        }
        Ok(())
    }

    fn write(&mut self, address: Address, data: &[u8]) -> Result<(), Fault> {
        Self::check(address, data.len())?;
        self.0.extend((address.0..).zip(data.iter().copied()));
        Ok(())
    }
}

/// A program that makes calls.
struct Program {
    host: Semihosting,
    ram: Ram,
    now: Duration,
}

impl Program {
    fn new(directory: Option<&Path>) -> Self {
        let options = Options {
            directory: directory.map(Path::to_owned),
            command_line: "appli --fast".to_owned(),
            ..Options::default()
        };
        Self {
            host: Semihosting::new(&options, Duration::ZERO).expect("a directory"),
            ram: Ram(BTreeMap::new()),
            now: Duration::ZERO,
        }
    }

    fn outcome(&mut self, operation: u32, parameter: u32) -> Outcome {
        let served = self
            .host
            .serve(operation, parameter, self.now, &mut self.ram);
        served.expect("the link holds")
    }

    /// A call with a block of words.
    fn call(&mut self, operation: u32, words: &[u32]) -> u32 {
        let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
        self.put(BLOCK, &bytes);
        self.call_with(operation, BLOCK)
    }

    fn call_with(&mut self, operation: u32, parameter: u32) -> u32 {
        match self.outcome(operation, parameter) {
            Outcome::Returns(value) => value,
            other => panic!("{other:?}"),
        }
    }

    fn put(&mut self, address: u32, bytes: &[u8]) {
        self.ram.write(Address(address), bytes).expect("RAM");
    }

    fn bytes(&mut self, address: u32, length: usize) -> Vec<u8> {
        let mut bytes = vec![0; length];
        self.ram.read(Address(address), &mut bytes).expect("RAM");
        bytes
    }

    fn open(&mut self, name: &str, mode: u32) -> u32 {
        self.put(NAME, name.as_bytes());
        self.call(OPEN, &[NAME, mode, name.len() as u32])
    }

    fn write(&mut self, handle: u32, bytes: &[u8]) -> u32 {
        self.put(BUFFER, bytes);
        self.call(WRITE, &[handle, BUFFER, bytes.len() as u32])
    }

    fn errno(&mut self) -> u32 {
        self.call(ERRNO, &[])
    }

    fn said(&mut self, stream: Stream) -> String {
        let output = self.host.take_output();
        let of_stream = output.into_iter().filter(|output| output.stream == stream);
        let bytes: Vec<u8> = of_stream.flat_map(|output| output.bytes).collect();
        String::from_utf8(bytes).expect("text")
    }
}

/// fopen's modes by number.
const R: u32 = 0;
const R_PLUS: u32 = 2;
const W: u32 = 4;
const W_PLUS: u32 = 6;
const A: u32 = 8;

#[test]
fn the_console_has_an_output_and_an_error_stream() {
    let mut program = Program::new(None);
    let (out, error) = (program.open(":tt", W), program.open(":tt", A));
    assert_ne!(out, error);
    assert_eq!(program.write(out, b"one\n"), 0);
    assert_eq!(program.write(error, b"two\n"), 0);
    program.put(BUFFER, b"three\n\0");
    assert_eq!(program.call_with(WRITE0, BUFFER), 0);
    let output = program.host.take_output();
    let told: Vec<(Stream, &[u8])> = output
        .iter()
        .map(|output| (output.stream, &*output.bytes))
        .collect();
    assert_eq!(
        told,
        [
            (Stream::Out, &b"one\n"[..]),
            (Stream::Error, b"two\n"),
            (Stream::Out, b"three\n"),
        ]
    );
    assert_eq!(program.call(ISTTY, &[out]), 1);
    assert_eq!(program.call(SEEK, &[out, 0]), FAILED);
    assert_eq!(program.call(CLOSE, &[out]), 0);
    assert_eq!(program.call(CLOSE, &[out]), FAILED, "closed already");
    assert_eq!(program.errno(), Errno::BadHandle as u32);
}

#[test]
fn a_file_is_written_read_sought_renamed_and_removed() {
    let folder = tempfile::tempdir().unwrap();
    let mut program = Program::new(Some(folder.path()));
    let file = program.open("log.txt", W_PLUS);
    assert_eq!(program.write(file, b"0123456789"), 0);
    assert_eq!(program.call(FLEN, &[file]), 10);
    assert_eq!(program.call(SEEK, &[file, 4]), 0);
    assert_eq!(program.call(READ, &[file, BUFFER + 0x100, 4]), 0);
    assert_eq!(program.bytes(BUFFER + 0x100, 4), b"4567");
    assert_eq!(program.call(READ, &[file, BUFFER, 4]), 2, "two are missing");
    assert_eq!(program.call(READ, &[file, BUFFER, 4]), 4, "the end");
    assert_eq!(program.call(ISTTY, &[file]), 0);
    assert_eq!(program.call(CLOSE, &[file]), 0);
    let file = program.open("log.txt", A);
    assert_eq!(program.write(file, b"ab"), 0);
    assert_eq!(program.call(CLOSE, &[file]), 0);
    program.put(NAME, b"log.txt");
    program.put(NAME + 0x40, b"kept.txt");
    assert_eq!(program.call(RENAME, &[NAME, 7, NAME + 0x40, 8]), 0);
    let kept = folder.path().join("kept.txt");
    assert_eq!(fs::read(&kept).unwrap(), b"0123456789ab");
    assert_eq!(program.call(REMOVE, &[NAME + 0x40, 8]), 0);
    assert!(!kept.exists());
    assert_eq!(program.open("kept.txt", R), FAILED);
    assert_eq!(program.errno(), Errno::NotFound as u32);
    assert_eq!(program.said(Stream::Notice), "");
}

#[test]
fn large_transfers_come_through_whole() {
    let folder = tempfile::tempdir().unwrap();
    let mut program = Program::new(Some(folder.path()));
    let bytes: Vec<u8> = (0..10_000u32).map(|index| (index % 251) as u8).collect();
    let file = program.open("large.bin", W_PLUS);
    assert_eq!(program.write(file, &bytes), 0);
    assert_eq!(program.call(SEEK, &[file, 0]), 0);
    assert_eq!(program.call(READ, &[file, BUFFER + 0x4000, 10_000]), 0);
    assert_eq!(program.bytes(BUFFER + 0x4000, 10_000), bytes);
}

#[test]
fn nothing_outside_the_directory_is_reachable() {
    let folder = tempfile::tempdir().unwrap();
    let inside = folder.path().join("inside");
    fs::create_dir(&inside).unwrap();
    let secret = folder.path().join("secret");
    fs::write(&secret, b"secret").unwrap();
    fs::write(inside.join("mine"), b"mine").unwrap();
    let links = [("../secret", "link"), ("..", "up"), ("/etc", "etc")];
    let has_links = links.iter().all(|(target, link)| {
        let made = Command::new("ln")
            .args(["-s", target, link])
            .current_dir(&inside)
            .status();
        made.is_ok_and(|made| made.success())
    });
    let mut program = Program::new(Some(&inside));
    let absolute = secret.to_string_lossy().into_owned();
    let plain = [
        "../secret",
        "./../secret",
        "a/../../secret",
        &absolute,
        "/etc/passwd",
    ];
    let linked = ["link", "up/secret", "etc/passwd"];
    let linked = linked.into_iter().filter(|_| has_links);
    for name in plain.into_iter().chain(linked) {
        for mode in [R, R_PLUS, W, A] {
            assert_eq!(program.open(name, mode), FAILED, "{name}");
        }
        // A link that stands in the directory may be replaced: that changes nothing outside.
        if name == "link" {
            continue;
        }
        let length = name.len() as u32;
        program.put(NAME + 0x200, b"mine");
        assert_ne!(
            program.call(RENAME, &[NAME + 0x200, 4, NAME, length]),
            0,
            "{name}"
        );
    }
    for name in ["../secret", absolute.as_str(), "up/secret"] {
        program.put(NAME, name.as_bytes());
        assert_ne!(
            program.call(REMOVE, &[NAME, name.len() as u32]),
            0,
            "{name}"
        );
    }
    assert_eq!(fs::read(&secret).unwrap(), b"secret");
    let notices = program.said(Stream::Notice);
    assert!(
        notices.contains("SYS_OPEN: `../secret` is not allowed in its directory"),
        "{notices}"
    );
    assert_eq!(program.open(".", R), FAILED);
    assert_eq!(program.errno(), Errno::IsADirectory as u32);
}

#[test]
fn without_a_directory_no_file_is_opened_and_the_user_is_told() {
    let mut program = Program::new(None);
    assert_eq!(program.open("log.txt", W), FAILED);
    assert_eq!(program.errno(), Errno::AccessDenied as u32);
    assert_eq!(
        program.said(Stream::Notice),
        "semihosting: SYS_OPEN: `log.txt` is refused: --semihosting-dir names no directory for files\n"
    );
    let missing = Semihosting::new(
        &Options {
            directory: Some("/nowhere/at/all".into()),
            ..Options::default()
        },
        Duration::ZERO,
    );
    assert_eq!(missing.unwrap_err().code(), Code::XG120);
}

#[test]
fn features_say_what_is_extended() {
    let mut program = Program::new(None);
    let list = program.open(":semihosting-features", R);
    assert_eq!(program.call(FLEN, &[list]), 5);
    assert_eq!(program.call(READ, &[list, BUFFER, 4]), 0);
    assert_eq!(program.bytes(BUFFER, 4), b"SHFB");
    assert_eq!(program.call(SEEK, &[list, 4]), 0);
    assert_eq!(program.call(READ, &[list, BUFFER, 1]), 0);
    assert_eq!(program.bytes(BUFFER, 1), [3]);
    assert_eq!(program.write(list, b"x"), 1, "it is not written");
}

#[test]
fn a_program_ends_with_its_code_or_as_an_abort() {
    let mut program = Program::new(None);
    let exit =
        |program: &mut Program, operation, parameter| match program.outcome(operation, parameter) {
            Outcome::Exits(exit) => (exit.code, exit.status(), exit.is_wanted()),
            other => panic!("{other:?}"),
        };
    assert_eq!(exit(&mut program, EXIT, 0x2_0026), (0, 0, true));
    assert_eq!(exit(&mut program, EXIT, 0x2_0023), (1, 1, false));
    program.put(BLOCK, &[0x26, 0, 2, 0, 42, 0, 0, 0]);
    assert_eq!(exit(&mut program, EXIT_EXTENDED, BLOCK), (42, 42, true));
    program.put(BLOCK, &[0x26, 0, 2, 0, 0, 1, 0, 0]);
    assert_eq!(exit(&mut program, EXIT_EXTENDED, BLOCK), (256, 1, true));
    assert_eq!(
        exit(&mut program, EXIT_EXTENDED, 0),
        (1, 1, false),
        "no block"
    );
}

#[test]
fn what_is_typed_comes_line_by_line_and_its_end_is_told() {
    let mut program = Program::new(None);
    let input = program.open(":tt", R);
    assert_eq!(program.call(READ, &[input, BUFFER, 16]), 16, "nobody types");
    assert_eq!(program.call_with(READC, 0), FAILED);
    program.host.open_input();
    program.put(BLOCK, &[0; 4]);
    assert_eq!(program.outcome(READC, 0), Outcome::Waits);
    program.host.feed(b"ab\ncd");
    assert_eq!(program.call_with(READC, 0), u32::from(b'a'));
    assert_eq!(program.call(READ, &[input, BUFFER, 16]), 14);
    assert_eq!(program.bytes(BUFFER, 2), b"b\n");
    program.host.close_input();
    assert_eq!(program.call(READ, &[input, BUFFER, 16]), 14);
    assert_eq!(program.call(READ, &[input, BUFFER, 16]), 16, "the end");
}

#[test]
fn questions_are_answered() {
    let mut program = Program::new(None);
    assert_eq!(program.call(CMDLINE, &[BUFFER, 80]), 0);
    assert_eq!(program.bytes(BUFFER, 13), b"appli --fast\0");
    assert_eq!(program.bytes(BLOCK + 4, 4), [12, 0, 0, 0]);
    assert_eq!(
        program.call(CMDLINE, &[BUFFER, 12]),
        FAILED,
        "no room for the NUL"
    );
    program.put(BUFFER, &[0xFF; 16]);
    assert_eq!(program.call(HEAPINFO, &[BUFFER]), 0);
    assert_eq!(program.bytes(BUFFER, 16), [0; 16]);
    assert_eq!(program.call(TMPNAM, &[BUFFER, 7, 80]), 0);
    assert_eq!(program.bytes(BUFFER, 14), b"temporary-007\0");
    assert_eq!(program.call(TMPNAM, &[BUFFER, 256, 80]), FAILED);
    program.now = Duration::from_micros(1_234_567);
    assert_eq!(program.call_with(ELAPSED, BUFFER), 0);
    assert_eq!(program.bytes(BUFFER, 8), 1_234_567_u64.to_le_bytes());
    assert_eq!(program.call_with(TICKFREQ, 0), 1_000_000);
}

#[test]
fn commands_for_this_machine_are_refused_and_told() {
    let mut program = Program::new(None);
    program.put(NAME, b"rm -rf /");
    assert_eq!(program.call(SYSTEM, &[NAME, 8]), FAILED);
    assert_eq!(program.errno(), Errno::NotPermitted as u32);
    assert!(program.said(Stream::Notice).contains("SYS_SYSTEM"));
}

#[test]
fn pointers_that_lead_nowhere_fail_the_call_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let mut program = Program::new(Some(folder.path()));
    for operation in 0..=0x40 {
        for parameter in [0, 3, 0x1FFF_FFFF, 0x2000_FFFE, 0xFFFF_FFFC, u32::MAX] {
            match program.outcome(operation, parameter) {
                Outcome::Returns(_) | Outcome::Exits(_) => {}
                other => panic!("operation {operation}: {other:?}"),
            }
        }
    }
    let file = program.open("x", W_PLUS);
    assert_eq!(program.call(WRITE, &[file, 0, 4]), FAILED);
    assert_eq!(program.errno(), Errno::BadAddress as u32);
    let notices = program.said(Stream::Notice);
    assert!(
        notices.contains("SYS_WRITE: nothing is at 0x00000000"),
        "{notices}"
    );
    assert_eq!(
        program.call(OPEN, &[NAME, W, 1 << 20]),
        FAILED,
        "a long name"
    );
    assert_eq!(program.call(OPEN, &[NAME, 12, 1]), FAILED, "no such mode");
    // A text that never ends is shown as far as RAM goes.
    program.ram.0.extend((BLOCK..Ram::END).map(|at| (at, b'x')));
    assert_eq!(program.call_with(WRITE0, BLOCK), FAILED);
    assert_eq!(program.said(Stream::Out).len(), 0x1_0000);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
fn handles_come_to_an_end_and_are_free_again_after_a_reset() {
    let mut program = Program::new(None);
    let opened = (0..100)
        .filter(|_| program.open(":tt", W) != FAILED)
        .count();
    assert_eq!(opened, 64);
    assert_eq!(program.errno(), Errno::TooManyFiles as u32);
    program.host.restart(program.now);
    assert_eq!(program.open(":tt", W), 1);
}

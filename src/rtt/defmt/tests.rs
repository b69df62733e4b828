use std::{
    path::Path,
    sync::{LazyLock, Mutex},
};

use super::*;

/// An appli that logs by defmt-rtt.
const APPLI: &[u8] = include_bytes!("../../../firmware/prebuilt/appli.elf");

fn log(form: &Form) -> Log {
    Log::of_elf(APPLI, Path::new("appli.elf"), form)
        .expect("texts")
        .expect("defmt")
}

#[test]
fn a_program_without_defmt_has_no_log() {
    let boot = include_bytes!("../../../firmware/prebuilt/checksum.elf");
    let none = Log::of_elf(boot, Path::new("checksum.elf"), &Form::default());
    assert!(none.is_ok_and(|log| log.is_none()));
    let hex = b":00000001FF\n";
    let none = Log::of_elf(hex, Path::new("a.hex"), &Form::default());
    assert!(none.is_ok_and(|log| log.is_none()));
}

#[test]
fn another_version_is_named() {
    let mut elf = APPLI.to_vec();
    let name = b"_defmt_version_ = 4";
    let at = elf.windows(name.len()).position(|bytes| bytes == name);
    elf[at.expect("a version") + name.len() - 1] = b'9';
    let refused = Log::of_elf(&elf, Path::new("appli.elf"), &Form::default());
    let fault = crate::fault::Fault::from(refused.err().expect("another version"));
    assert_eq!(fault.code, Code::XG114);
    assert!(fault.causes[0].contains("9"), "{fault}");
}

#[test]
fn locations_are_found_in_compressed_debug_information() {
    assert!(!log(&Form::default()).locations.is_empty());
}

#[test]
fn what_is_no_frame_is_told_and_decoding_goes_on() {
    let mut log = log(&Form::default());
    let records = log.take(&[0, 0, 0xFF, 0xFF, 0, 1, 2, 3, 0, 7]);
    assert_eq!(records, [Record::Malformed(2), Record::Malformed(3)]);
    assert_eq!(log.take(&[8, 0]), [Record::Malformed(2)]);
}

#[test]
fn a_format_that_cannot_be_read_is_refused() {
    let form = |format: &str| Form {
        style: Style::named(format),
        ..Form::default()
    };
    let made = |format| Log::of_elf(APPLI, Path::new("a"), &form(format)).map(drop);
    assert!(made("{t} {L} {s}").is_ok());
    assert!(matches!(made("{t:<<{"), Err(DefmtError::Format { .. })));
}

proptest::proptest! {
    /// Whatever a program writes to the channel, nothing here panics.
    #[test]
    fn any_bytes_are_taken(pieces in proptest::collection::vec(proptest::collection::vec(0u8..32, 0..40), 0..20)) {
        static LOG: LazyLock<Mutex<Log>> = LazyLock::new(|| Mutex::new(log(&Form::default())));
        let mut log = LOG.lock().expect("nothing panics");
        log.reset();
        for piece in pieces {
            log.take(&piece);
        }
    }
}

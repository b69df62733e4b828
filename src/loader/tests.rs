//! Calls of a routine that does what the tests say: it returns, with success or not, or it does not.

use super::*;
use crate::link::fake::{Event, FakeLink};

const OPTION_BYTES_1: u32 = 0x5200_2260;
const SOFTWARE_WATCHDOG: u32 = 1 << 4;
const ENTRY: u32 = 0x2000_0040;
const RETURN: u32 = 0x2000_0060;
const SECTOR: Address = Address(0x7001_0000);

fn routine() -> Algorithm {
    Algorithm {
        name: "sample".into(),
        load_address: Address(0x2000_0020),
        code: vec![0; 0x40],
        static_base: Address(0x2000_0050),
        init: Some(Address(ENTRY | 1)),
        uninit: None,
        erase_sector: Address(ENTRY | 1),
        program_page: Address(ENTRY | 1),
        range: 0x7000_0000..0x7800_0000,
        page_bytes: 0x100,
        sector_bytes: 0x1_0000,
        erased_byte: 0xFF,
        program_limit: Duration::from_millis(100),
        erase_limit: Duration::from_millis(400),
    }
}

/// A chip, and what a loader needs besides.
fn chip(option_bytes: u32) -> (FakeLink, Windows, BoardProfile) {
    let mut link = FakeLink::new();
    link.set_system(OPTION_BYTES_1, option_bytes);
    for register in [0x5800_4800, 0x5800_4804, 0x5800_4808] {
        link.set_system(register, 0);
    }
    let profile = BoardProfile::find("stm32h7s78-dk").expect("the kit");
    (link, Windows::new(&profile), profile)
}

fn erase(outcome: impl Fn(&mut FakeLink)) -> (Result<(), LoaderError>, Vec<Event>) {
    let (mut link, mut windows, profile) = chip(SOFTWARE_WATCHDOG);
    let routine = routine();
    let mut loader =
        Loader::start(&mut link, &mut windows, &routine, &profile, None).expect("loaded");
    link.take_events();
    outcome(&mut link);
    let result = loader.erase(&mut link, &mut windows, SECTOR);
    (result, link.take_events())
}

#[test]
fn the_core_is_of_our_making_before_the_first_call() {
    let (mut link, mut windows, profile) = chip(SOFTWARE_WATCHDOG);
    Loader::start(&mut link, &mut windows, &routine(), &profile, None).expect("loaded");
    assert_eq!(link.events.first(), Some(&Event::Reset(ResetMode::Halt)));
    assert_eq!(
        link.registers.get(&CoreRegister::SPECIAL.0),
        Some(&1),
        "PRIMASK"
    );
    assert_eq!(
        link.system(0xE000_ED94),
        0b101,
        "MPU on, with the default map"
    );
    assert_eq!(link.bytes(RETURN, 2), [0x00, 0xBE], "BKPT behind the code");
    assert_ne!(link.system(0xE000_EDFC) >> 10 & 1, 0, "HardFault is caught");
}

#[test]
fn a_call_passes_its_arguments_and_masks_interrupts() {
    let (_, events) = erase(|link| link.path.extend([ENTRY, RETURN]));
    for expected in [
        Event::RegisterWrite(CoreRegister(0), SECTOR.0),
        Event::RegisterWrite(CoreRegister(9), 0x2000_0050),
        Event::RegisterWrite(CoreRegister::LR, RETURN | 1),
        Event::RegisterWrite(CoreRegister::PC, ENTRY),
        Event::RegisterWrite(CoreRegister::XPSR, THUMB),
        Event::Resume(Interrupts::Masked),
    ] {
        assert!(events.contains(&expected), "{expected:?} in {events:?}");
    }
}

#[test]
fn what_the_routine_reports_names_the_sector() {
    // R0 still holds the address when the routine comes back: not 0.
    let (result, _) = erase(|link| link.path.extend([ENTRY, RETURN]));
    let error = result.expect_err("refused");
    assert_eq!(error.code(), Code::XG030);
    assert_eq!(
        error.to_string(),
        format!(
            "erase failed: sector 0x70010000 was refused by the routine (it returned {})",
            SECTOR.0
        )
    );
}

#[test]
fn a_routine_that_does_not_return_is_stopped_in_its_time() {
    let (result, events) = erase(|link| link.path.extend([ENTRY, ENTRY + 4]));
    let error = result.expect_err("busy");
    assert_eq!(
        error.to_string(),
        "erase failed: sector 0x70010000 still busy after 400 ms (pc 0x20000044)"
    );
    let waited: Duration = events
        .iter()
        .map(|event| match event {
            Event::Idle(pause) => *pause,
            _ => Duration::ZERO,
        })
        .sum();
    assert!(waited >= Duration::from_millis(400) && waited < Duration::from_millis(500));
    assert!(events.contains(&Event::Halt));
}

#[test]
fn a_watchdog_of_the_option_bytes_is_made_slow_and_fed() {
    let (mut link, mut windows, profile) = chip(0);
    let routine = routine();
    let mut loader =
        Loader::start(&mut link, &mut windows, &routine, &profile, None).expect("loaded");
    assert_eq!(link.system(0x5800_4804), 6, "prescaler 256");
    assert_eq!(link.system(0x5800_4808), 0xFFF, "longest period");
    link.path.extend([ENTRY, RETURN]);
    let _ = loader.erase(&mut link, &mut windows, SECTOR);
    assert_eq!(link.system(0x5800_4800), FEED);
}

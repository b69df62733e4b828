//! Calls of a routine that does what the tests say: it returns, with success or not, or it does not.

use super::*;
use crate::{
    fault::{Code, Explain as _},
    link::{
        CoreRegister, Interrupts,
        fake::{Event, FakeLink},
    },
    registers::iwdg::FEED,
};

/// xPSR with the Thumb bit.
const THUMB: u32 = 1 << 24;

const OPTION_BYTES_1: u32 = 0x5200_2260;
const SOFTWARE_WATCHDOG: u32 = 1 << 4;
const ENTRY: u32 = 0x2000_0040;
const RETURN: u32 = 0x2000_0060;
const SECTOR: Address = Address(0x7001_0000);
const BLOCK: Range<u64> = 0x7001_0000..0x7002_0000;

/// A CMSIS routine for the NOR of the kit.
pub(super) fn sample() -> Routine {
    Routine {
        name: "sample".into(),
        origin: Origin::Shipped,
        segments: vec![Segment {
            address: Address(0x2000_0020),
            data: vec![0; 0x40],
            zeros: 0,
        }],
        convention: Convention::Cmsis(Cmsis {
            init: Some(Address(ENTRY | 1)),
            uninit: None,
            erase_sector: Address(ENTRY | 1),
            program_page: Address(ENTRY | 1),
            verify: None,
            static_base: Address(0x2000_0050),
        }),
        flash: Geometry {
            device: "NOR".into(),
            range: 0x7000_0000..0x7800_0000,
            page_bytes: 0x100,
            erased_byte: 0xFF,
            sectors: vec![SectorRun {
                start: Address(0x7000_0000),
                bytes: 0x1_0000,
                count: 0x800,
            }],
        },
        limits: Limits {
            init: Limits::INIT,
            call: Duration::ZERO,
            program: Duration::from_millis(100),
            erase: Duration::from_millis(400),
        },
        stack_bytes: 0x400,
        interrupts: Interrupts::Masked,
    }
}

/// The same with ST's interface, in sectors of 4 KiB.
fn st() -> Routine {
    let mut routine = sample();
    routine.convention = Convention::St(St {
        init: Address(ENTRY | 1),
        write: Address(ENTRY | 1),
        sector_erase: Address(ENTRY | 1),
        mass_erase: None,
        verify: None,
        checksum: None,
        read: None,
        fast: None,
    });
    routine.flash.sectors[0].bytes = 0x1000;
    routine.flash.sectors[0].count = 0x8000;
    routine
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
    erase_by(&sample(), outcome)
}

fn erase_by(
    routine: &Routine,
    outcome: impl Fn(&mut FakeLink),
) -> (Result<(), LoaderError>, Vec<Event>) {
    let (mut link, mut windows, profile) = chip(SOFTWARE_WATCHDOG);
    let mut loader =
        Loader::start(&mut link, &mut windows, routine, &profile, None).expect("loaded");
    link.take_events();
    outcome(&mut link);
    let result = loader.erase(&mut link, &mut windows, &BLOCK);
    (result, link.take_events())
}

#[test]
fn the_core_is_of_our_making_before_the_first_call() {
    let (mut link, mut windows, profile) = chip(SOFTWARE_WATCHDOG);
    Loader::start(&mut link, &mut windows, &sample(), &profile, None).expect("loaded");
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
    let routine = sample();
    let mut loader =
        Loader::start(&mut link, &mut windows, &routine, &profile, None).expect("loaded");
    assert_eq!(link.system(0x5800_4804), 6, "prescaler 256");
    assert_eq!(link.system(0x5800_4808), 0xFFF, "longest period");
    link.path.extend([ENTRY, RETURN]);
    let _ = loader.erase(&mut link, &mut windows, &BLOCK);
    assert_eq!(link.system(0x5800_4800), FEED);
}

#[test]
fn an_st_loader_is_given_the_start_of_the_last_sector_and_returns_1() {
    let (result, events) = erase_by(&st(), |link| link.path.extend([ENTRY, RETURN]));
    assert!(events.contains(&Event::RegisterWrite(CoreRegister(0), 0x7001_0000)));
    assert!(events.contains(&Event::RegisterWrite(CoreRegister(1), 0x7001_F000)));
    assert!(result.is_err(), "R0 still holds the address");
}

#[test]
fn success_is_0_by_cmsis_and_1_by_st() {
    let (mut link, mut windows, profile) = chip(SOFTWARE_WATCHDOG);
    let mut init = |routine: &Routine, fnc| {
        let mut loader =
            Loader::start(&mut link, &mut windows, routine, &profile, None).expect("loaded");
        link.path.extend([ENTRY, RETURN]);
        // The fake executes nothing: R0 comes back as it went in, which is the flash's base or, for ST, 0.
        loader.init(&mut link, &mut windows, fnc)
    };
    let mut at_zero = sample();
    at_zero.flash.range = 0..0x1000;
    assert!(init(&at_zero, Function::Erase).is_ok());
    let refused = init(&st(), Function::Erase).expect_err("0 is failure");
    assert!(refused.to_string().contains("it returned 0"), "{refused}");
}

#[test]
fn the_second_buffer_is_filled_while_the_first_is_programmed() {
    let (mut link, mut windows, profile) = chip(SOFTWARE_WATCHDOG);
    let mut routine = sample();
    routine.flash.range = 0..0x1000;
    let mut loader =
        Loader::start(&mut link, &mut windows, &routine, &profile, None).expect("loaded");
    let [first, second] = loader.plan.buffers;
    loader
        .fill(&mut link, Buffer::First, &[1; 0x100])
        .expect("a link");
    link.path.extend([ENTRY]);
    let mut call = loader
        .begin_program(&mut link, &mut windows, Buffer::First, Address(0), 0x100)
        .expect("begun");
    assert!(!loader.has_ended(&mut link, &mut call).expect("a link"));
    loader
        .fill(&mut link, Buffer::Second, &[2; 0x100])
        .expect("a link");
    link.halt().expect("a link");
    link.registers.insert(CoreRegister::PC.0, RETURN);
    assert!(loader.has_ended(&mut link, &mut call).expect("a link"));
    loader
        .wait(&mut link, &mut windows, call)
        .expect("programmed");
    assert_eq!(
        (link.bytes(first.0, 1), link.bytes(second.0, 1)),
        (vec![1], vec![2])
    );
}

#[test]
fn our_own_loader_is_read_and_fits() {
    let kit = BoardProfile::find("stm32h7s78-dk").expect("the kit");
    let own = Choice::Own(own::Own::Octal)
        .routine(&kit)
        .expect("built in");
    let nor = kit.nor().expect("a NOR");
    assert!(own.flash.serves(&nor.range(), nor.sector_bytes));
    assert!(own.flash.serves(&nor.range(), 0x1000));
    let fast = own.fast().expect("its fast path");
    assert!(fast.last_failure.is_some());
    assert_eq!(own.interrupts, Interrupts::Enabled);
    let plan = Plan::new(&own, &kit, None).expect("room");
    assert!(plan.buffer_bytes >= 0x4000, "{plan:?}");
}

//! The gate against a chip whose registers the tests set: no access to a window unless every one of them allows it.

use super::*;
use crate::link::fake::{Event, FakeLink};

const NOR: Address = Address(0x7000_0000);
const NVSR: u32 = 0x5200_2200;
const CSR2: u32 = 0x5802_480C;
const RCC_CR: u32 = 0x5802_4400;
const PLLCFGR: u32 = 0x5802_442C;
const CCIPR1: u32 = 0x5802_444C;
const CKPROTR: u32 = 0x5802_4500;
const AHB5ENR: u32 = 0x5802_4534;
const XSPI1_CR: u32 = 0x5200_5000;
const XSPI2_CR: u32 = 0x5200_A000;
const XSPIM_CR: u32 = 0x5200_B400;

fn kit() -> BoardProfile {
    BoardProfile::find("stm32h7s78-dk").expect("the kit")
}

/// A chip as ST's boot stage leaves it, with `content` in the NOR and PSRAM.
fn chip(content: &[u8]) -> FakeLink {
    let mut link = FakeLink::new()
        .with_memory(NOR.0, content)
        .with_memory(0x9000_0000, content);
    for (register, value) in [
        (NVSR, 0xB4),
        (CSR2, 0x0000_C000),
        (RCC_CR, 0x0C00_0000),
        (PLLCFGR, 0x0018_0000),
        (CCIPR1, 0x0000_0050),
        (CKPROTR, 0),
        (AHB5ENR, 0x0000_5020),
        (XSPI1_CR, 0x3000_0001),
        (XSPI2_CR, 0x3040_0301),
        (XSPIM_CR, 0),
    ] {
        link.set_system(register, value);
    }
    link
}

fn closed(change: impl Fn(&mut FakeLink)) -> String {
    let mut link = chip(&[0; 16]);
    change(&mut link);
    let mut windows = Windows::new(&kit());
    let mut data = [0; 4];
    let error = windows
        .read(&mut link, NOR, &mut data, Core::Halted)
        .expect_err("closed");
    assert!(!touches_window(&link.take_events()));
    error.to_string()
}

fn touches_window(events: &[Event]) -> bool {
    events.iter().any(|event| match event {
        Event::Read(address, _) | Event::Write(address, _) => address.is_external(),
        _ => false,
    })
}

fn appli(content: &[u8]) -> Image {
    Image::from_segments([(NOR, content.to_vec())]).expect("an image")
}

#[test]
fn an_open_window_is_read_from_the_chip_in_one_transfer_and_looked_at_once() {
    let mut link = chip(&[7; 64]);
    let mut windows = Windows::new(&kit());
    let mut data = [0; 64];
    let read = windows
        .read(&mut link, NOR, &mut data, Core::Halted)
        .expect("open");
    assert_eq!(
        read,
        Read {
            length: 64,
            source: Source::Chip
        }
    );
    assert_eq!(data, [7; 64]);
    assert!(link.take_events().contains(&Event::Read(NOR, 64)));
    windows
        .read(&mut link, NOR, &mut data, Core::Halted)
        .expect("open");
    assert_eq!(link.take_events(), [Event::Read(NOR, 64)]);
    windows.forget();
    windows
        .read(&mut link, NOR, &mut data, Core::Halted)
        .expect("open");
    assert!(link.take_events().len() > 1);
}

#[test]
fn the_first_reason_that_holds_is_told() {
    let cases: [(u32, u32, &str); 9] = [
        (
            NVSR,
            0x51,
            "the product state is not OPEN (FLASH_NVSR.NVSTATE is 0x51)",
        ),
        (
            CSR2,
            0x4000,
            "the I/O supply of port 2 is off (PWR_CSR2.EN_XSPIM2 is 0)",
        ),
        (
            RCC_CR,
            0x0400_0000,
            "the kernel clock of XSPI2 does not run (PLL2 S is selected and off)",
        ),
        (
            PLLCFGR,
            0x0010_0000,
            "the kernel clock of XSPI2 does not run (PLL2 S is selected and off)",
        ),
        (
            AHB5ENR,
            0x4020,
            "XSPI2 has no clock (RCC_AHB5ENR.XSPI2EN is 0)",
        ),
        (
            XSPI2_CR,
            0x3000_0000,
            "XSPI2 is disabled (XSPI2_CR.EN is 0)",
        ),
        (
            XSPIM_CR,
            2,
            "XSPI2 is connected to the other port than port 2 (XSPIM_CR)",
        ),
        (
            XSPIM_CR,
            1,
            "XSPI2 is connected to the other port than port 2 (XSPIM_CR)",
        ),
        (
            XSPI2_CR,
            0x1000_0001,
            "XSPI2 is not memory-mapped (XSPI2_CR.FMODE is 1)",
        ),
    ];
    for (register, value, reason) in cases {
        let text = closed(|link| link.set_system(register, value));
        assert_eq!(
            text,
            format!("window nor at 0x70000000 is closed: {reason}")
        );
    }
}

#[test]
fn a_clock_that_protection_replaced_runs_and_hclk_always_does() {
    for (register, value) in [(CKPROTR, 0x401), (CCIPR1, 0)] {
        let mut link = chip(&[0; 16]);
        link.set_system(RCC_CR, 0);
        link.set_system(register, value);
        let mut windows = Windows::new(&kit());
        let nor = kit().nor().cloned().expect("a NOR window");
        assert_eq!(
            windows.state(&mut link, &nor).expect("a state"),
            State::Open
        );
    }
}

#[test]
fn a_closed_window_is_answered_from_the_appli_and_compared_when_it_opens() {
    let mut link = chip(&[1, 2, 3, 9, 5, 6, 7, 8]);
    link.set_system(XSPI2_CR, 0);
    let mut windows = Windows::new(&kit());
    windows.set_image(Some(appli(&[1, 2, 3, 4, 5, 6])));
    let mut data = [0; 8];
    let read = windows
        .read(&mut link, NOR, &mut data, Core::Halted)
        .expect("the image");
    assert_eq!(
        read,
        Read {
            length: 6,
            source: Source::Image
        }
    );
    assert_eq!(data[..6], [1, 2, 3, 4, 5, 6]);
    assert!(!touches_window(&link.take_events()));
    let notices = windows.take_notices();
    assert_eq!(notices.len(), 1);
    assert!(notices[0].contains("XSPI2_CR.EN is 0"));

    link.set_system(XSPI2_CR, 0x3000_0001);
    windows.forget();
    let read = windows
        .read(&mut link, NOR, &mut data, Core::Halted)
        .expect("the chip");
    assert_eq!(read.source, Source::Chip);
    let notices = windows.take_notices();
    assert_eq!(notices.len(), 1);
    assert!(notices[0].contains("first at 0x70000003"));
}

#[test]
fn what_compares_is_never_answered_from_a_file() {
    let mut link = chip(&[0; 16]);
    link.set_system(XSPI2_CR, 0);
    let mut windows = Windows::new(&kit());
    windows.set_image(Some(appli(&[0; 16])));
    let refused = windows.read_chip(&mut link, NOR, &mut [0; 4]);
    assert!(matches!(refused, Err(WindowError::Closed { .. })));
}

#[test]
fn while_the_core_runs_only_the_image_answers_unless_live_reads_are_allowed() {
    let mut link = chip(&[9; 16]);
    let mut windows = Windows::new(&kit());
    windows.set_image(Some(appli(&[1; 4])));
    let mut data = [0; 4];
    let read = windows
        .read(&mut link, NOR, &mut data, Core::Running)
        .expect("the image");
    assert_eq!((read.source, data), (Source::Image, [1; 4]));
    let outside = Address(NOR.0 + 8);
    let refused = windows.read(&mut link, outside, &mut data, Core::Running);
    assert!(matches!(refused, Err(WindowError::Running { .. })));
    assert!(!touches_window(&link.take_events()));
    windows.allow_live_reads();
    let read = windows
        .read(&mut link, outside, &mut data, Core::Running)
        .expect("live");
    assert_eq!((read.source, data), (Source::Chip, [9; 4]));
    // The profile allows it for PSRAM.
    let mut plain = Windows::new(&kit());
    assert!(
        plain
            .read(&mut link, Address(0x9000_0000), &mut data, Core::Running)
            .is_ok()
    );
}

#[test]
fn nor_is_not_written_and_psram_is_when_open() {
    let mut link = chip(&[0; 16]);
    let mut windows = Windows::new(&kit());
    let refused = windows.write(&mut link, NOR, &[1]);
    assert!(matches!(refused, Err(WindowError::NorWrite { .. })));
    windows
        .write(&mut link, Address(0x9000_0004), &[1, 2])
        .expect("RAM");
    assert_eq!(link.bytes(0x9000_0004, 2), [1, 2]);
    link.set_system(XSPI1_CR, 0);
    windows.forget();
    let refused = windows.write(&mut link, Address(0x9000_0004), &[1, 2]);
    assert!(matches!(refused, Err(WindowError::Closed { .. })));
}

#[test]
fn external_addresses_outside_every_window_are_not_touched() {
    let mut link = chip(&[0; 16]);
    let mut windows = Windows::new(&kit());
    assert!(windows.is_external(Address(0x6000_0000)));
    let refused = windows.read(&mut link, Address(0x6000_0000), &mut [0; 4], Core::Halted);
    assert!(matches!(refused, Err(WindowError::NoWindow { .. })));
    assert!(link.take_events().is_empty());
}

#[test]
fn a_read_past_the_window_is_answered_short() {
    let mut link = chip(&[0; 16]).with_memory(0x91FF_FFFC, &[5; 4]);
    let mut windows = Windows::new(&kit());
    let mut data = [0; 16];
    let read = windows
        .read(&mut link, Address(0x91FF_FFFC), &mut data, Core::Halted)
        .expect("a short read");
    assert_eq!((read.length, data[..4].to_vec()), (4, vec![5; 4]));
}

#[test]
fn a_stall_recovers_the_link_and_says_so() {
    let mut link = chip(&[0; 16]);
    link.stall_at = Some(NOR.0);
    let mut windows = Windows::new(&kit());
    let stalled = windows
        .read(&mut link, NOR, &mut [0; 4], Core::Halted)
        .expect_err("a stall");
    assert_eq!(stalled.code(), Code::XG013);
    assert!(link.was_reset().expect("the fake"));
}

/// A window that is open by its registers, and a memory that is smaller than the profile says.
#[test]
fn a_bus_error_beyond_the_memory_is_the_windows() {
    let mut link = chip(&[7; 64]);
    let mut windows = Windows::new(&kit());
    let error = windows
        .read(&mut link, Address(NOR.0 + 64), &mut [0; 4], Core::Halted)
        .expect_err("nothing is there");
    assert_eq!(error.code(), crate::fault::Code::XG015, "{error}");
}

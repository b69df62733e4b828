//! The units on a link that keeps to the physics.

use super::*;
use crate::{
    fault::Code,
    link::fake::{Event, FakeLink},
};

fn discovered() -> (FakeLink, Units) {
    let mut link = FakeLink::new();
    let units = Units::discover(&mut link).unwrap();
    link.take_events();
    (link, units)
}

fn addresses(count: u32) -> Vec<Address> {
    (0..count)
        .map(|index| Address(0x7000_0100 + 4 * index))
        .collect()
}

#[test]
fn what_an_earlier_debugger_left_is_freed() {
    let mut link = FakeLink::new();
    link.set_system(0xE000_200C, 0x7000_0001);
    let units = Units::discover(&mut link).unwrap();
    assert_eq!((units.breakpoint_units(), units.watchpoint_units()), (8, 4));
    assert!(link.armed().is_empty());
}

#[test]
fn a_breakpoint_unit_of_revision_1_is_refused() {
    let mut link = FakeLink::new();
    // FP_CTRL.REV = 0, as a Cortex-M3 or M4 has it.
    link.set_system(0xE000_2000, 0x0000_0260);
    let error = Units::discover(&mut link).unwrap_err();
    assert_eq!(error.code(), Code::XG043, "{error}");
}

#[test]
fn the_same_set_again_costs_no_transfer() {
    let (mut link, mut units) = discovered();
    let watches = units
        .watches(Address(0x2000_0010), 8, Watched::Write)
        .unwrap();
    let mut wanted = addresses(8);
    units
        .write_difference(&mut link, &wanted, &watches)
        .unwrap();
    assert_eq!(
        link.take_events(),
        [
            Event::Write(Address(0xE000_2008), 32),
            Event::Write(Address(0xE000_1020), 12)
        ]
    );
    wanted.reverse();
    units
        .write_difference(&mut link, &wanted, &watches)
        .unwrap();
    assert_eq!(link.take_events(), []);
}

#[test]
fn one_change_is_one_transfer() {
    let (mut link, mut units) = discovered();
    let mut wanted = addresses(8);
    units.write_difference(&mut link, &wanted, &[]).unwrap();
    link.take_events();
    wanted[3] = Address(0x7100_0000);
    units.write_difference(&mut link, &wanted, &[]).unwrap();
    assert_eq!(link.take_events(), [Event::Write(Address(0xE000_2014), 4)]);
    assert!(link.armed().contains(&0x7100_0000));
}

#[test]
fn the_ninth_is_refused_with_what_holds_the_units() {
    let (mut link, mut units) = discovered();
    let error = units
        .write_difference(&mut link, &addresses(9), &[])
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "no breakpoint unit is free for 0x70000120: all 8 are held by 0x70000100, 0x70000104, 0x70000108, \
         0x7000010c, 0x70000110, 0x70000114, 0x70000118, 0x7000011c"
    );
    assert_eq!(link.take_events(), []);
}

#[test]
fn each_unit_watches_an_aligned_power_of_two_and_nothing_beyond_what_was_asked_for() {
    let (_, units) = discovered();
    let pieces = |address, length| -> Vec<(u32, u32)> {
        let watches = units
            .watches(Address(address), length, Watched::Read)
            .unwrap();
        let pieces = watches.iter();
        pieces
            .map(|watch| (watch.address.0, 1 << watch.ignored_bits))
            .collect()
    };
    assert_eq!(pieces(0x2000_0010, 16), [(0x2000_0010, 16)]);
    assert_eq!(pieces(0x2000_8000, 0x8000), [(0x2000_8000, 0x8000)]);
    assert_eq!(
        pieces(0x2000_0010, 12),
        [(0x2000_0010, 8), (0x2000_0018, 4)]
    );
    assert_eq!(pieces(0x2000_0012, 4), [(0x2000_0012, 2), (0x2000_0014, 2)]);
    assert_eq!(
        pieces(0x2000_0011, 4),
        [(0x2000_0011, 1), (0x2000_0012, 2), (0x2000_0014, 1)]
    );
    assert_eq!(pieces(0, 0x1_0000), [(0, 0x8000), (0x8000, 0x8000)]);
}

#[test]
fn what_all_units_together_do_not_cover_is_not_watchable() {
    let (_, units) = discovered();
    for (address, length) in [
        (0x2000_0000, 0),
        (0x2000_0000, 0x10_0000),
        (0x2000_0001, 62),
        (0xFFFF_FFF0, 0x20),
    ] {
        let error = units
            .watches(Address(address), length, Watched::Access)
            .unwrap_err();
        assert_eq!(error.code(), Code::XG042, "{length} at {address:#x}");
    }
}

#[test]
fn after_a_loss_of_power_the_next_difference_writes_everything() {
    let (mut link, mut units) = discovered();
    units
        .write_difference(&mut link, &addresses(2), &[])
        .unwrap();
    units.verify(&mut link).unwrap();
    units
        .write_difference(&mut link, &addresses(2), &[])
        .unwrap();
    assert_eq!(link.armed().len(), 2, "a system reset keeps the units");
    link.power_on();
    units.verify(&mut link).unwrap();
    assert!(link.armed().is_empty());
    units
        .write_difference(&mut link, &addresses(2), &[])
        .unwrap();
    assert_eq!(link.armed(), [0x7000_0100, 0x7000_0104]);
}

#[test]
fn a_matched_watchpoint_is_named() {
    let (mut link, mut units) = discovered();
    let watch = |address| Watch {
        address: Address(address),
        ignored_bits: 2,
        accesses: Watched::Write,
    };
    let watches = [watch(0x2000_0000), watch(0x2000_0004)];
    units.write_difference(&mut link, &[], &watches).unwrap();
    assert_eq!(units.matched_watch(&mut link).unwrap(), None);
    link.set_system(0xE000_1038, 0x0100_0006);
    assert_eq!(units.matched_watch(&mut link).unwrap(), Some(watches[1]));
}

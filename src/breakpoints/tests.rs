//! Requests on a link that keeps to the physics.

use super::*;
use crate::link::fake::{Event, FakeLink};

struct Bench {
    link: FakeLink,
    units: Units,
    breakpoints: Breakpoints,
}

fn is_ram(address: Address) -> bool {
    address.0 >> 28 == 2
}

impl Bench {
    fn new() -> Self {
        let mut link = FakeLink::new().with_memory(0x2000_0100, &[1, 2, 3, 4, 5, 6, 7, 8]);
        let units = Units::discover(&mut link).unwrap();
        link.take_events();
        Self {
            link,
            units,
            breakpoints: Breakpoints::default(),
        }
    }

    fn insert(&mut self, kind: Kind, address: u32) -> Result<(), BreakpointError> {
        let request = Request {
            kind,
            address: Address(address),
            length: 4,
        };
        self.breakpoints.insert(request, &self.units, is_ram)
    }

    fn remove(&mut self, kind: Kind, address: u32) {
        self.breakpoints.remove(Request {
            kind,
            address: Address(address),
            length: 4,
        });
    }

    fn arm(&mut self, patching: Patching) -> Vec<Address> {
        self.breakpoints
            .arm(
                &mut self.link,
                &mut self.units,
                is_ram,
                patching,
                None,
                None,
            )
            .unwrap()
    }

    fn arm_for_step(&mut self, pc: u32) {
        let (link, units) = (&mut self.link, &mut self.units);
        self.breakpoints
            .arm_for_step(link, units, is_ram, Address(pc))
            .unwrap();
    }

    fn fill_units(&mut self) {
        for index in 0..8 {
            self.insert(Kind::Hardware, 0x7000_0000 + 2 * index)
                .unwrap();
        }
    }
}

/// GDB removes all of them, steps off the one at the pc, and inserts them again.
#[test]
fn a_step_off_one_patch_leaves_the_others() {
    const PATCHES: [u32; 3] = [0x2000_0100, 0x2000_0102, 0x2000_0104];
    let mut bench = Bench::new();
    bench.fill_units();
    for address in PATCHES {
        bench.insert(Kind::Software, address).unwrap();
    }
    bench.arm(Patching::Allowed);
    for address in PATCHES {
        bench.remove(Kind::Software, address);
    }
    bench.arm_for_step(PATCHES[1]);
    let now = bench.link.bytes(PATCHES[0], 6);
    assert_eq!(now, [0x00, 0xBE, 3, 4, 0x00, 0xBE]);
    let mut shown = now.clone();
    bench.breakpoints.hide(Address(PATCHES[0]), &mut shown);
    assert_eq!(shown, [1, 2, 3, 4, 5, 6], "removed, so not to be seen");
    for address in PATCHES {
        bench.insert(Kind::Software, address).unwrap();
    }
    bench.link.take_events();
    bench.arm(Patching::Allowed);
    let is_code =
        |event: &Event| matches!(event, Event::Write(Address(at), 2) if PATCHES.contains(at));
    let written = bench.link.take_events().into_iter().filter(is_code);
    assert_eq!(written.count(), 1, "the one that was stepped off");
    for address in PATCHES {
        bench.remove(Kind::Software, address);
    }
    bench.arm(Patching::Allowed);
    assert_eq!(bench.link.bytes(PATCHES[0], 6), [1, 2, 3, 4, 5, 6]);
}

#[test]
fn removing_and_inserting_at_every_stop_costs_nothing() {
    let mut bench = Bench::new();
    bench.insert(Kind::Software, 0x7000_0100).unwrap();
    bench.insert(Kind::Write, 0x2000_0000).unwrap();
    bench.arm(Patching::Allowed);
    bench.link.take_events();
    for _ in 0..3 {
        bench.remove(Kind::Software, 0x7000_0100);
        bench.remove(Kind::Write, 0x2000_0000);
        bench.insert(Kind::Write, 0x2000_0000).unwrap();
        bench.insert(Kind::Software, 0x7000_0100).unwrap();
        bench.arm(Patching::Allowed);
    }
    assert_eq!(bench.link.take_events(), []);
    assert_eq!(bench.link.armed(), [0x7000_0100]);
}

#[test]
fn a_refused_request_is_not_kept() {
    let mut bench = Bench::new();
    bench.fill_units();
    assert_eq!(
        bench
            .insert(Kind::Software, 0x7000_0100)
            .unwrap_err()
            .code(),
        Code::XG040
    );
    bench.arm(Patching::Allowed);
    assert_eq!(bench.link.armed().len(), 8);
    for index in 0..4 {
        bench.insert(Kind::Write, 0x2000_0000 + 4 * index).unwrap();
    }
    let error = bench.insert(Kind::Read, 0x2000_0010).unwrap_err();
    assert_eq!(error.code(), Code::XG041);
    assert_eq!(bench.breakpoints.requests().len(), 12);
}

#[test]
fn a_watch_of_an_odd_size_takes_several_units_or_says_how_many_it_lacks() {
    let mut bench = Bench::new();
    let watch = |address, length| Request {
        kind: Kind::Write,
        address: Address(address),
        length,
    };
    let mut insert = |request| bench.breakpoints.insert(request, &bench.units, |_| true);
    insert(watch(0x2000_0010, 12)).unwrap();
    insert(watch(0x2000_0024, 4)).unwrap();
    let error = insert(watch(0x2000_0041, 2)).unwrap_err();
    assert_eq!(
        error.to_string(),
        "watching 2 bytes at 0x20000041 takes 2 watchpoint units of 4, and 3 of them are held by 0x20000010, \
         0x20000018, 0x20000024"
    );
    assert_eq!(error.code(), Code::XG041);
    insert(watch(0x2000_0041, 1)).unwrap();
}

#[test]
fn ram_is_patched_only_when_units_are_out() {
    let mut bench = Bench::new();
    bench.insert(Kind::Software, 0x2000_0100).unwrap();
    bench.arm(Patching::Allowed);
    assert_eq!(bench.link.armed(), [0x2000_0100]);
    assert_eq!(bench.link.bytes(0x2000_0100, 2), [1, 2]);
    bench.fill_units();
    bench.arm(Patching::Allowed);
    assert_eq!(bench.link.armed().len(), 8);
    assert_eq!(bench.link.bytes(0x2000_0100, 2), BKPT);
    let mut seen = [0; 4];
    bench.link.read(Address(0x2000_00FF), &mut seen).unwrap();
    bench.breakpoints.hide(Address(0x2000_00FF), &mut seen);
    assert_eq!(seen, [0, 1, 2, 3]);
}

#[test]
fn a_patch_cleans_and_invalidates_its_line() {
    let mut bench = Bench::new();
    bench.fill_units();
    bench.insert(Kind::Software, 0x2000_0102).unwrap();
    bench.arm(Patching::Allowed);
    let events = bench.link.take_events();
    let patch = events
        .iter()
        .position(|event| *event == Event::Write(Address(0x2000_0102), 2))
        .unwrap();
    assert_eq!(
        events[patch - 1],
        Event::Write(Address(0xE000_EF70), 4),
        "DCCIMVAC"
    );
    assert_eq!(
        events[patch + 1],
        Event::Write(Address(0xE000_EF68), 4),
        "DCCMVAC"
    );
    assert_eq!(
        events[patch + 2],
        Event::Write(Address(0xE000_EF58), 4),
        "ICIMVAU"
    );
}

#[test]
fn no_patch_is_made_where_the_boot_stage_will_write() {
    let mut bench = Bench::new();
    bench.fill_units();
    bench.insert(Kind::Software, 0x2000_0104).unwrap();
    assert_eq!(bench.arm(Patching::Forbidden), [Address(0x2000_0104)]);
    assert_eq!(bench.link.bytes(0x2000_0104, 2), [5, 6]);
    assert_eq!(bench.arm(Patching::Allowed), []);
    assert_eq!(bench.link.bytes(0x2000_0104, 2), BKPT);
}

#[test]
fn parking_takes_everything_back_and_keeps_the_requests() {
    let mut bench = Bench::new();
    bench.fill_units();
    bench.insert(Kind::Software, 0x2000_0100).unwrap();
    bench.arm(Patching::Allowed);
    bench
        .breakpoints
        .park(&mut bench.link, &mut bench.units)
        .unwrap();
    assert!(bench.link.armed().is_empty());
    assert_eq!(bench.link.bytes(0x2000_0100, 2), [1, 2]);
    bench.arm(Patching::Allowed);
    assert_eq!(bench.link.armed().len(), 8);
    assert_eq!(bench.link.bytes(0x2000_0100, 2), BKPT);
}

#[test]
fn what_the_client_writes_under_a_patch_comes_to_light_with_its_end() {
    let mut bench = Bench::new();
    bench.fill_units();
    bench.insert(Kind::Software, 0x2000_0100).unwrap();
    bench.arm(Patching::Allowed);
    let mut data = [0x11, 0x22, 0x33, 0x44];
    bench.breakpoints.cover(Address(0x2000_0100), &mut data);
    assert_eq!(data, [BKPT[0], BKPT[1], 0x33, 0x44]);
    bench.link.write(Address(0x2000_0100), &data).unwrap();
    bench.remove(Kind::Software, 0x2000_0100);
    bench.arm(Patching::Allowed);
    assert_eq!(bench.link.bytes(0x2000_0100, 4), [0x11, 0x22, 0x33, 0x44]);
}

#[test]
fn a_patch_that_the_program_overwrote_is_left_alone() {
    let mut bench = Bench::new();
    bench.fill_units();
    bench.insert(Kind::Software, 0x2000_0100).unwrap();
    bench.arm(Patching::Allowed);
    bench.link.write(Address(0x2000_0100), &[9, 9]).unwrap();
    bench.remove(Kind::Software, 0x2000_0100);
    bench.arm(Patching::Allowed);
    assert_eq!(bench.link.bytes(0x2000_0100, 2), [9, 9]);
}

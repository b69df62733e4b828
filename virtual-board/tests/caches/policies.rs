//! What is cached and how: by the default map, by MPU attributes, by CACR.

use crate::puppet::*;

/// TEX, S, C, B as RASR has them from bit 16.
const WRITE_THROUGH: u32 = 0b000_010;
const WRITE_BACK: u32 = 0b000_011;
const NOT_CACHEABLE: u32 = 0b001_000;
const WRITE_BACK_ALLOCATE: u32 = 0b001_011;
const SHAREABLE: u32 = 0b000_100;
const DEVICE: u32 = 0b000_001;
const STRONGLY_ORDERED: u32 = 0;

/// Where a store of the core arrives: is memory written, and does the core go on reading its own line when memory changes?
fn store(attributes: u32, cached_before: bool) -> (bool, bool) {
    store_with(attributes, cached_before, 0)
}

fn store_with(attributes: u32, cached_before: bool, control: u32) -> (bool, bool) {
    let mut puppet = Puppet::cached();
    puppet.store(CACR, control);
    puppet.region(RAM, 0x1000, attributes);
    puppet.put(RAM, 1);
    if cached_before {
        puppet.load(RAM);
    }
    puppet.store(RAM, 2);
    let written = puppet.memory(RAM) == 2;
    puppet.put(RAM, 3);
    (written, puppet.load(RAM) == 2)
}

#[test]
fn attributes_decide_where_a_store_goes() {
    // Attributes; of a store to a line that is not there, that is there: memory written, line kept.
    let table = [
        (STRONGLY_ORDERED, (true, false), (true, false)),
        (DEVICE, (true, false), (true, false)),
        (NOT_CACHEABLE, (true, false), (true, false)),
        (WRITE_THROUGH, (true, false), (true, true)),
        (WRITE_BACK, (true, false), (false, true)),
        (WRITE_BACK_ALLOCATE, (false, true), (false, true)),
        (
            WRITE_BACK_ALLOCATE | SHAREABLE,
            (true, false),
            (true, false),
        ),
    ];
    for (attributes, absent, present) in table {
        assert_eq!(store(attributes, false), absent, "{attributes:#08b} absent");
        assert_eq!(
            store(attributes, true),
            present,
            "{attributes:#08b} present"
        );
    }
}

#[test]
fn cache_control_changes_the_policy() {
    const SIWT: u32 = 1 << 0;
    const FORCEWT: u32 = 1 << 2;
    let shared = WRITE_BACK_ALLOCATE | SHAREABLE;
    assert_eq!(store_with(shared, true, SIWT), (true, true));
    assert_eq!(store_with(WRITE_BACK_ALLOCATE, true, FORCEWT), (true, true));
    assert_eq!(
        store_with(NOT_CACHEABLE, true, SIWT | FORCEWT),
        (true, false)
    );
}

#[test]
fn the_default_map_caches_ram_and_not_the_tightly_coupled_memories() {
    for (address, cached) in [
        (0x0000_1000, false),
        (0x2000_1000, false),
        (0x2400_1000, true),
        (0x3000_1000, true),
    ] {
        let mut puppet = Puppet::cached();
        puppet.put(address, 1);
        puppet.store(address, 2);
        assert_eq!(puppet.memory(address) == 1, cached, "{address:#010x}");
    }
}

#[test]
fn code_in_shareable_memory_is_cached_all_the_same() {
    for (attributes, cached) in [
        (WRITE_BACK_ALLOCATE | SHAREABLE, true),
        (NOT_CACHEABLE, false),
    ] {
        let mut puppet = Puppet::cached();
        puppet.region(RAM, 0x1000, attributes);
        puppet.put(RAM, function(1));
        assert_eq!(puppet.call(RAM), 1);
        puppet.put(RAM, function(2));
        assert_eq!(puppet.call(RAM) == 1, cached, "{attributes:#08b}");
    }
}

#[test]
fn a_fill_that_meets_a_hole_fills_nothing() {
    const PRECISERR: u32 = 1 << 9;
    const BEYOND: u32 = 0x2407_2000;
    let mut puppet = Puppet::cached();
    assert_ne!(puppet.load(BEYOND - 4), puppet.load(BEYOND - 8));
    assert_eq!(puppet.load(CFSR), 0);
    puppet.load(BEYOND);
    assert_eq!(puppet.load(CFSR) & PRECISERR, PRECISERR);
}

//! What the caches hold before anybody has used them, and across a reset.

use crate::puppet::*;

const HOLE: u32 = 0x6000_0000;

#[test]
fn a_data_cache_enabled_without_invalidating_shows_garbage() {
    let mut careful = Puppet::at_power_on();
    careful.put(RAM, 0x1234_5678);
    careful.invalidate_all();
    careful.store(CCR, DATA);
    assert_eq!(careful.load(RAM), 0x1234_5678);

    let mut careless = Puppet::at_power_on();
    careless.put(RAM, 0x1234_5678);
    careless.store(CCR, DATA);
    assert_ne!(careless.load(RAM), 0x1234_5678);
}

#[test]
fn an_instruction_cache_enabled_without_invalidating_executes_garbage() {
    const UNDEFINSTR: u32 = 1 << 16;
    const INTERNAL_FLASH: u32 = 0x0800_0000;
    for (careful, status) in [(true, 1 << 8), (false, UNDEFINSTR)] {
        let mut puppet = Puppet::at_power_on();
        if careful {
            puppet.store(ICIALLU, 0);
        }
        puppet.store(CCR, CODE);
        // This map has no flash: the honest answer is a bus error.
        puppet.call(INTERNAL_FLASH);
        assert_eq!(puppet.load(CFSR), status, "careful: {careful}");
    }
}

#[test]
fn cleaning_before_invalidating_writes_garbage_out() {
    let mut careful = Puppet::at_power_on();
    careful.invalidate_all();
    careful.each_set_and_way(DCCISW);
    assert_eq!(careful.load(CFSR), 0);

    let mut careless = Puppet::at_power_on();
    careless.each_set_and_way(DCCISW);
    assert_eq!(careless.load(CFSR), IMPRECISERR, "nothing is at {HOLE:#x}");
}

#[test]
fn a_reset_disables_the_caches_and_keeps_their_lines() {
    let mut puppet = Puppet::cached();
    puppet.store(RAM, 1);
    puppet.put(RAM, 2);
    puppet.core.reset(&mut puppet.map, 0);
    assert_eq!(puppet.load(CCR) & (DATA | CODE), 0);
    assert_eq!(puppet.load(RAM), 2, "a disabled cache is not looked up");
    let mut careless = Puppet {
        core: puppet.core.clone(),
        map: puppet.map,
    };
    careless.store(CCR, DATA);
    assert_eq!(careless.load(RAM), 1, "the line of before the reset");
    careless.store(CCR, 0);
    careless.invalidate_all();
    careless.store(CCR, DATA);
    assert_eq!(careless.load(RAM), 2);
}

#[test]
fn the_geometry_registers_are_those_of_32_kilobytes() {
    const CLIDR: u32 = 0xE000_ED78;
    const CTR: u32 = 0xE000_ED7C;
    const CCSIDR: u32 = 0xE000_ED80;
    const CSSELR: u32 = 0xE000_ED84;
    let mut puppet = Puppet::at_power_on();
    assert_eq!(puppet.load(CLIDR), 0x0900_0003);
    assert_eq!(puppet.load(CTR), 0x8303_C003);
    for (selected, sets, ways) in [(0, 256, 4), (1, 512, 2)] {
        puppet.store(CSSELR, selected);
        let size = puppet.load(CCSIDR);
        let seen = ((size >> 13 & 0x7FFF) + 1, (size >> 3 & 0x3FF) + 1, size & 7);
        assert_eq!(seen, (sets, ways, 1));
    }
}

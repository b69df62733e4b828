//! Software's duties: each done, and each forgotten.

use crate::puppet::*;

const OLD: u32 = 0x0123_4567;
const NEW: u32 = 0x89AB_CDEF;

#[test]
fn a_store_reaches_memory_when_its_line_is_cleaned() {
    let mut puppet = Puppet::cached();
    puppet.put(RAM, OLD);
    puppet.store(RAM, NEW);
    assert_eq!(puppet.memory(RAM), OLD, "only in the cache");
    for operation in [DCCMVAC, DCCMVAU, DCCIMVAC] {
        puppet.store(RAM, NEW);
        puppet.store(operation, RAM);
        assert_eq!(puppet.memory(RAM), NEW);
        puppet.put(RAM, OLD);
        let kept = puppet.load(RAM) == NEW;
        assert_eq!(kept, operation != DCCIMVAC, "{operation:#010x}");
        puppet.store(DCIMVAC, RAM);
    }
}

#[test]
fn invalidating_without_cleaning_loses_the_store() {
    for operation in [DCIMVAC, DCISW] {
        let mut puppet = Puppet::cached();
        puppet.put(RAM, OLD);
        puppet.store(RAM, NEW);
        match operation {
            DCIMVAC => puppet.store(DCIMVAC, RAM),
            _ => puppet.each_set_and_way(operation),
        }
        assert_eq!(puppet.load(RAM), OLD);
    }
}

#[test]
fn a_dirty_line_is_written_back_when_it_has_to_go() {
    let mut puppet = Puppet::cached();
    puppet.put(RAM, OLD);
    puppet.store(RAM, NEW);
    for way in 1..=3 {
        puppet.load(RAM + way * DATA_WAY);
        assert_eq!(puppet.memory(RAM), OLD);
    }
    puppet.load(RAM + 4 * DATA_WAY);
    assert_eq!(puppet.memory(RAM), NEW);
    assert_eq!(puppet.load(RAM), NEW);
}

#[test]
fn disabling_the_data_cache_hides_what_was_not_cleaned() {
    let mut careless = Puppet::cached();
    careless.put(RAM, OLD);
    careless.store(RAM, NEW);
    careless.store(CCR, 0);
    assert_eq!(careless.load(RAM), OLD);
    // Maintenance works on a disabled cache: what ST's SCB_DisableDCache() does next.
    careless.each_set_and_way(DCCISW);
    assert_eq!(careless.load(RAM), NEW);
}

#[test]
fn code_copied_to_ram_needs_a_clean_and_an_invalidate() {
    const NOTHING_DONE: u32 = 1;
    for (cleaned, invalidated, expected) in [
        (true, true, 2),
        (true, false, NOTHING_DONE),
        (false, true, NOTHING_DONE),
        (false, false, NOTHING_DONE),
    ] {
        let mut puppet = Puppet::cached();
        puppet.put(RAM, function(1));
        assert_eq!(puppet.call(RAM), 1);
        puppet.store(RAM, function(2));
        if cleaned {
            puppet.store(DCCMVAU, RAM);
        }
        if invalidated {
            puppet.store(ICIMVAU, RAM);
        }
        assert_eq!(puppet.call(RAM), expected, "{cleaned} {invalidated}");
    }
}

#[test]
fn a_buffer_that_another_master_fills_is_invalidated_before_it_is_read() {
    let mut puppet = Puppet::cached();
    puppet.put(RAM, OLD);
    assert_eq!(puppet.load(RAM), OLD);
    puppet.put(RAM, NEW);
    assert_eq!(puppet.load(RAM), OLD, "stale");
    puppet.store(DCIMVAC, RAM);
    assert_eq!(puppet.load(RAM), NEW);
}

#[test]
fn a_dirty_neighbour_overwrites_what_another_master_wrote_into_the_line() {
    let mut puppet = Puppet::cached();
    puppet.store(RAM + 4, 1);
    puppet.put(RAM, NEW);
    puppet.store(DCCIMVAC, RAM);
    assert_ne!(puppet.memory(RAM), NEW);
}

#[test]
fn every_set_and_way_is_cleaned() {
    let mut puppet = Puppet::cached();
    let addresses = || (RAM..RAM + 0x8000).step_by(32);
    for address in addresses() {
        puppet.store(address, address);
    }
    assert!(addresses().all(|address| puppet.memory(address) != address));
    puppet.each_set_and_way(DCCSW);
    assert!(addresses().all(|address| puppet.memory(address) == address));
}

#[test]
fn a_vector_table_in_ram_is_read_through_the_cache() {
    const VTOR: u32 = 0xE000_ED08;
    const ICSR: u32 = 0xE000_ED04;
    const PENDSVSET: u32 = 1 << 28;
    const PENDSV: u32 = 14;
    let mut puppet = Puppet::cached();
    puppet.put(RAM + 4 * PENDSV, 0);
    puppet.store(RAM + 4 * PENDSV, 0x111);
    puppet.store(VTOR, RAM);
    puppet.store(ICSR, PENDSVSET);
    puppet.core.run(&mut puppet.map, 20);
    assert_eq!(puppet.core.pc(), 0x110);
}

//! AP1's accesses: CSW.Prot decides whether they meet the data cache. They never meet the instruction cache.

use virtual_board::bus::Width;

use crate::puppet::*;

const OLD: u32 = 0x0123_4567;
const NEW: u32 = 0x89AB_CDEF;

impl Puppet {
    fn read_beside(&mut self, address: u32) -> u32 {
        let read = self.core.debug_read(&mut self.map, address, Width::Word);
        read.unwrap()
    }

    fn read_through(&mut self, address: u32) -> u32 {
        let (core, map) = (&mut self.core, &mut self.map);
        core.debug_read_cacheable(map, address, Width::Word)
            .unwrap()
    }

    fn write_beside(&mut self, address: u32, value: u32) {
        let (core, map) = (&mut self.core, &mut self.map);
        core.debug_write(map, address, Width::Word, value).unwrap();
    }

    fn write_through(&mut self, address: u32, value: u32) {
        let (core, map) = (&mut self.core, &mut self.map);
        core.debug_write_cacheable(map, address, Width::Word, value)
            .unwrap();
    }
}

#[test]
fn only_a_cacheable_read_sees_a_dirty_line() {
    let mut puppet = Puppet::cached();
    puppet.put(RAM, OLD);
    puppet.store(RAM, NEW);
    assert_eq!(puppet.read_beside(RAM), OLD);
    assert_eq!(puppet.read_through(RAM), NEW);
    puppet.write_beside(DCCMVAC, RAM);
    assert_eq!(puppet.read_beside(RAM), NEW);
}

#[test]
fn only_a_cacheable_write_is_seen_by_the_core() {
    let mut puppet = Puppet::cached();
    puppet.put(RAM, OLD);
    puppet.load(RAM);
    puppet.write_beside(RAM, NEW);
    assert_eq!(puppet.load(RAM), OLD);
    puppet.write_through(RAM, NEW);
    assert_eq!(puppet.load(RAM), NEW);
}

#[test]
fn a_line_that_is_not_there_is_not_brought_in() {
    let mut puppet = Puppet::cached();
    puppet.put(RAM, OLD);
    assert_eq!(puppet.read_through(RAM), OLD);
    puppet.write_through(RAM, NEW);
    assert_eq!(puppet.memory(RAM), NEW);
}

#[test]
fn a_disabled_cache_is_not_looked_up() {
    let mut puppet = Puppet::cached();
    puppet.store(RAM, NEW);
    puppet.store(CCR, 0);
    puppet.put(RAM, OLD);
    assert_eq!(puppet.read_through(RAM), OLD);
}

#[test]
fn a_breakpoint_in_cached_ram_needs_a_clean_and_an_invalidate() {
    const BKPT: u32 = 0x4770_BE00;
    const DHCSR: u32 = 0xE000_EDF0;
    const HALTING_DEBUG: u32 = 0xA05F_0001;
    for (cleaned, invalidated, hits) in [
        (true, true, true),
        (true, false, false),
        (false, true, false),
    ] {
        let mut puppet = Puppet::cached();
        puppet.write_beside(DHCSR, HALTING_DEBUG);
        puppet.put(RAM, function(1));
        // Executed, and read as data, so that both caches have it.
        assert_eq!(puppet.call(RAM), 1);
        puppet.load(RAM);
        puppet.write_through(RAM, BKPT);
        if cleaned {
            puppet.write_beside(DCCMVAC, RAM);
        }
        if invalidated {
            puppet.write_beside(ICIMVAU, RAM);
        }
        puppet.call(RAM);
        assert_eq!(puppet.core.is_halted(), hits, "{cleaned} {invalidated}");
    }
}

#[test]
fn a_patch_beside_the_data_cache_is_undone_by_a_dirty_line() {
    let mut puppet = Puppet::cached();
    puppet.store(RAM + 4, 1);
    puppet.write_beside(RAM, NEW);
    puppet.write_beside(DCCMVAC, RAM);
    assert_ne!(puppet.memory(RAM), NEW);
}

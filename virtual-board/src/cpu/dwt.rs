//! Data watchpoint and trace unit: four comparators and the cycle counter (ARM ARM C1.8).
//!
//! A comparator makes a debug event for a program counter (FUNCTION 4) or for a data address (5 read, 6 write, 7 both);
//! comparator 1 can ask for a value too. An access matches if any of its bytes does. Trace packets and the profiling
//! counters are not modelled: those counters read as zero. All of it sleeps until DEMCR.TRCENA.

use super::coresight::{self, Lock};
use crate::bus::Width;

/// Comparators (DWT_CTRL.NUMCOMP).
pub const COMPARATORS: usize = 4;

const CTRL: u32 = 0x000;
const CYCCNT: u32 = 0x004;
/// Program counter sample register; the caller knows the pc.
pub const PCSR: u32 = 0x01C;
const COMP0: u32 = 0x020;
const COMP_END: u32 = COMP0 + 16 * COMPARATORS as u32;

const CTRL_CYCCNTENA: u32 = 1 << 0;
/// CYCCNTENA, POSTPRESET, POSTINIT, CYCTAP, SYNCTAP, PCSAMPLENA and the event enables.
const CTRL_WRITABLE: u32 = 0x007F_1FFF;
const CTRL_NUMCOMP: u32 = (COMPARATORS as u32) << 28;

const FUNCTION: u32 = 0xF;
const FUNCTION_PC: u32 = 4;
const FUNCTION_READ: u32 = 5;
const FUNCTION_WRITE: u32 = 6;
const FUNCTION_ACCESS: u32 = 7;
const DATAVMATCH: u32 = 1 << 8;
const LNK1ENA: u32 = 1 << 9;
const MATCHED: u32 = 1 << 24;
/// FUNCTION, EMITRANGE, CYCMATCH, DATAVMATCH, DATAVSIZE, DATAVADDR0, DATAVADDR1.
const FUNCTION_WRITABLE: u32 = 0x000F_FDAF;
const FUNCTION_WITHOUT_VALUE: u32 = 0x0000_00AF;
/// The comparator that can compare values.
const VALUE_COMPARATOR: usize = 1;
/// Bits of an address that MASK may ignore.
const LARGEST_MASK: u32 = 31;

/// A load or store that went through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DataAccess {
    /// First byte.
    pub address: u32,
    /// Width of the access.
    pub width: Width,
    /// What was read or written.
    pub value: u32,
    /// Store, not load.
    pub write: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Comparator {
    reference: u32,
    mask: u32,
    function: u32,
    matched: bool,
}

impl Comparator {
    fn covers(&self, access: DataAccess) -> bool {
        let ignored = (1u32 << self.mask) - 1;
        let first = self.reference & !ignored;
        let last = first | ignored;
        access.address <= last && access.address + (access.width.bytes() - 1) >= first
    }

    fn wants(&self, write: bool) -> bool {
        match self.function & FUNCTION {
            FUNCTION_READ => !write,
            FUNCTION_WRITE => write,
            FUNCTION_ACCESS => true,
            _ => false,
        }
    }

    fn compares_value(&self) -> bool {
        self.function & DATAVMATCH != 0
    }

    /// DATAVSIZE bytes of the access against the reference, whose copies software replicates over the word.
    fn value_matches(&self, access: DataAccess) -> bool {
        let width = match self.function >> 10 & 3 {
            0 => Width::Byte,
            1 => Width::Half,
            _ => Width::Word,
        };
        width.bytes() <= access.width.bytes()
            && (0..access.width.bytes() / width.bytes()).any(|lane| {
                let shifted = access.value >> (8 * width.bytes() * lane);
                (shifted ^ self.reference) & (u32::MAX >> (32 - 8 * width.bytes())) == 0
            })
    }
}

/// The unit.
#[derive(Clone, Debug, Default)]
pub struct Dwt {
    enabled: bool,
    control: u32,
    count: u32,
    /// The cycle at which `count` was right.
    since: u64,
    comparators: [Comparator; COMPARATORS],
    watches_data: bool,
    watches_pc: bool,
    lock: Lock,
}

impl Dwt {
    /// DEMCR.TRCENA.
    pub fn set_enabled(&mut self, enabled: bool, now: u64) {
        self.catch_up(now);
        self.enabled = enabled;
        self.rearm();
    }

    fn rearm(&mut self) {
        let any = |wanted: &dyn Fn(u32) -> bool| {
            self.enabled
                && self
                    .comparators
                    .iter()
                    .any(|unit| wanted(unit.function & FUNCTION))
        };
        self.watches_pc = any(&|function| function == FUNCTION_PC);
        self.watches_data = any(&|function| (FUNCTION_READ..=FUNCTION_ACCESS).contains(&function));
    }

    /// True if data accesses must be shown to [`Dwt::watch`].
    #[inline]
    pub fn watches_data(&self) -> bool {
        self.watches_data
    }

    /// True if instruction addresses must be shown to [`Dwt::executes`].
    #[inline]
    pub fn watches_pc(&self) -> bool {
        self.watches_pc
    }

    /// The instruction at `address` executes; true if that is a debug event.
    pub fn executes(&mut self, address: u32) -> bool {
        let mut event = false;
        for unit in &mut self.comparators {
            let ignored = (1u32 << unit.mask) - 1;
            if unit.function & FUNCTION == FUNCTION_PC
                && (unit.reference ^ address) & !ignored & !1 == 0
            {
                unit.matched = true;
                event = true;
            }
        }
        event
    }

    /// A data access went through; true if that is a debug event.
    pub fn watch(&mut self, access: DataAccess) -> bool {
        let mut event = false;
        for number in 0..COMPARATORS {
            let unit = self.comparators[number];
            let hit = unit.wants(access.write)
                && if unit.compares_value() {
                    unit.value_matches(access) && self.linked_address_matches(number, access)
                } else {
                    unit.covers(access)
                };
            self.comparators[number].matched |= hit;
            event |= hit;
        }
        event
    }

    /// DATAVADDR0 names the comparator whose address qualifies the value; itself means any address.
    fn linked_address_matches(&self, number: usize, access: DataAccess) -> bool {
        let linked = (self.comparators[number].function >> 12 & 0xF) as usize;
        linked == number
            || self
                .comparators
                .get(linked)
                .is_some_and(|unit| unit.covers(access))
    }

    fn counts(&self) -> bool {
        self.enabled && self.control & CTRL_CYCCNTENA != 0
    }

    fn catch_up(&mut self, now: u64) {
        if self.counts() {
            self.count = self.count.wrapping_add((now - self.since) as u32);
        }
        self.since = now;
    }

    /// Reads at `offset` from 0xE000_1000; reading FUNCTION clears its MATCHED.
    pub fn read(&mut self, offset: u32, now: u64) -> u32 {
        match offset {
            CTRL => CTRL_NUMCOMP | self.control,
            CYCCNT => {
                self.catch_up(now);
                self.count
            }
            COMP0..COMP_END => {
                let number = (offset - COMP0) as usize / 16;
                let unit = &mut self.comparators[number];
                match offset % 16 {
                    0 => unit.reference,
                    4 => unit.mask,
                    8 => {
                        let matched = std::mem::take(&mut unit.matched);
                        let linkable = number == VALUE_COMPARATOR;
                        unit.function
                            | if matched { MATCHED } else { 0 }
                            | if linkable { LNK1ENA } else { 0 }
                    }
                    _ => 0,
                }
            }
            Lock::STATUS => self.lock.status(),
            _ => coresight::DWT.read(offset),
        }
    }

    /// Writes at `offset`.
    pub fn write(&mut self, offset: u32, value: u32, now: u64) {
        self.catch_up(now);
        match offset {
            CTRL => self.control = value & CTRL_WRITABLE,
            CYCCNT => self.count = value,
            COMP0..COMP_END => {
                let number = (offset - COMP0) as usize / 16;
                let unit = &mut self.comparators[number];
                match offset % 16 {
                    0 => unit.reference = value,
                    4 => unit.mask = (value & 0x1F).min(LARGEST_MASK),
                    8 if number == VALUE_COMPARATOR => unit.function = value & FUNCTION_WRITABLE,
                    8 => unit.function = value & FUNCTION_WITHOUT_VALUE,
                    _ => {}
                }
                self.rearm();
            }
            _ => {}
        }
    }

    /// The lock in front of the core's writes.
    pub fn lock(&mut self) -> &mut Lock {
        &mut self.lock
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unit(number: u32, reference: u32, mask: u32, function: u32) -> Dwt {
        let mut dwt = Dwt::default();
        dwt.set_enabled(true, 0);
        program(&mut dwt, number, reference, mask, function);
        dwt
    }

    fn program(dwt: &mut Dwt, number: u32, reference: u32, mask: u32, function: u32) {
        let base = COMP0 + 16 * number;
        dwt.write(base, reference, 0);
        dwt.write(base + 4, mask, 0);
        dwt.write(base + 8, function, 0);
    }

    fn access(address: u32, width: Width, value: u32, write: bool) -> DataAccess {
        DataAccess {
            address,
            width,
            value,
            write,
        }
    }

    #[test]
    fn watches_follow_direction_and_mask() {
        let mut dwt = unit(0, 0x2000_0010, 2, FUNCTION_WRITE);
        assert!(dwt.watches_data());
        assert!(!dwt.watch(access(0x2000_0010, Width::Word, 0, false)));
        assert!(!dwt.watch(access(0x2000_0014, Width::Word, 0, true)));
        assert!(dwt.watch(access(0x2000_0013, Width::Byte, 0, true)));
        assert_eq!(dwt.read(COMP0 + 8, 0), MATCHED | FUNCTION_WRITE);
        assert_eq!(dwt.read(COMP0 + 8, 0), FUNCTION_WRITE, "reading clears it");
    }

    #[test]
    fn a_wide_access_touches_a_watched_byte() {
        let mut dwt = unit(2, 0x2000_0013, 0, FUNCTION_ACCESS);
        assert!(dwt.watch(access(0x2000_0010, Width::Word, 0, false)));
        assert!(!dwt.watch(access(0x2000_0010, Width::Half, 0, false)));
    }

    #[test]
    fn comparator_1_compares_values_at_a_linked_address() {
        let mut dwt = unit(1, 0xCAFE_CAFE, 0, DATAVMATCH | 1 << 10 | FUNCTION_WRITE);
        program(&mut dwt, 0, 0x2000_0020, 2, 0);
        assert!(!dwt.watch(access(0x2000_0020, Width::Half, 0x1234, true)));
        assert!(!dwt.watch(access(0x2000_0030, Width::Half, 0xCAFE, true)));
        assert!(dwt.watch(access(0x2000_0020, Width::Half, 0xCAFE, true)));
        assert!(dwt.watch(access(0x2000_0020, Width::Word, 0xCAFE_0000, true)));
    }

    #[test]
    fn nothing_happens_without_trcena() {
        let mut dwt = unit(0, 0x100, 0, FUNCTION_PC);
        assert!(dwt.watches_pc() && dwt.executes(0x100));
        dwt.set_enabled(false, 0);
        assert!(!dwt.watches_pc());
    }

    #[test]
    fn the_cycle_counter_counts_while_enabled_and_wraps() {
        let mut dwt = Dwt::default();
        dwt.set_enabled(true, 0);
        dwt.write(CTRL, CTRL_CYCCNTENA, 100);
        assert_eq!(dwt.read(CYCCNT, 150), 50);
        dwt.write(CYCCNT, 0xFFFF_FFFF, 150);
        assert_eq!(dwt.read(CYCCNT, 152), 1);
        dwt.write(CTRL, 0, 160);
        assert_eq!(dwt.read(CYCCNT, 1000), 9);
    }
}

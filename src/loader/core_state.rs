//! The core's state for a routine: behind the MPU, interrupts masked, every fault caught, the watchdog slow.

use std::ops::Range;

use crate::{
    link::{CoreRegister, Link, LinkError, RegisterAccess},
    registers::{
        Register,
        debug::{Demcr, SCS},
        flash::{FLASH, Obw1sr},
        iwdg::{IWDG, IwdgKey, IwdgPrescaler, IwdgReload, UNLOCK},
        mpu::{MpuControl, MpuRegionAttributes, MpuRegionBase, MpuRegionNumber},
    },
};

/// The external ranges as MPU regions of 512 MiB: they are closed to the core while a routine runs.
const EXTERNAL_HALVES: [u32; 2] = [0x6000_0000, 0x8000_0000];

/// MPU_RASR.SIZE of 512 MiB.
const SIZE_512_MIB: u32 = 28;

/// The highest region of the Cortex-M7 of STM32H7RS, which has 16: where regions overlap it rules (ARM ARM B3.5).
const LAST_REGION: u32 = 15;

/// MPU_RASR.AP: read-only for everybody.
const READ_ONLY: u32 = 0b110;

/// MPU_RASR.TEX with C and B clear: normal memory that no cache may hold.
const NON_CACHEABLE: u32 = 1;

/// True if option bytes have started the independent watchdog.
pub(super) fn is_watchdog_on(link: &mut dyn Link) -> Result<bool, LinkError> {
    Ok(!link.peek::<Obw1sr>(FLASH)?.software_watchdog())
}

/// The longest period.
pub(super) fn slow_watchdog(link: &mut dyn Link) -> Result<(), LinkError> {
    link.poke(IWDG, IwdgKey::default().with_key(UNLOCK))?;
    link.poke(IWDG, IwdgPrescaler::default().with_divider(6))?;
    link.poke(IWDG, IwdgReload::default().with_value(u32::MAX))
}

/// MPU over the external ranges, so that the core reads nothing ahead where nobody answers.
pub(super) fn close_external_ranges(link: &mut dyn Link) -> Result<(), LinkError> {
    for (region, base) in (0..).zip(EXTERNAL_HALVES) {
        let closed = MpuRegionAttributes::default()
            .with_enabled(true)
            .with_size(SIZE_512_MIB)
            .with_execute_never(true);
        set_region(link, region, base, closed)?;
    }
    Ok(())
}

/// MPU_CTRL to MPU_RASR with which the core may read `range`, which answers, past its caches: lines from before a program would tell of
/// what was there.
pub(super) fn open_region(range: &Range<u64>) -> [u32; 4] {
    let (base, size) = enclosing(range);
    let open = MpuRegionAttributes::default()
        .with_enabled(true)
        .with_size(size)
        .with_type_extension(NON_CACHEABLE)
        .with_access(READ_ONLY)
        .with_execute_never(true);
    region_words(LAST_REGION, base, open)
}

/// Lets the core read `range`.
pub(super) fn open_range(link: &mut dyn Link, range: &Range<u64>) -> Result<(), LinkError> {
    write_region(link, open_region(range))
}

/// What stood before [`open_range`] rules again.
pub(super) fn close_range(link: &mut dyn Link) -> Result<(), LinkError> {
    set_region(link, LAST_REGION, 0, MpuRegionAttributes::default())
}

fn set_region(
    link: &mut dyn Link,
    region: u32,
    base: u32,
    attributes: MpuRegionAttributes,
) -> Result<(), LinkError> {
    write_region(link, region_words(region, base, attributes))
}

/// Control, number, base and attributes: neighbours, in this order.
fn region_words(region: u32, base: u32, attributes: MpuRegionAttributes) -> [u32; 4] {
    let control = MpuControl::default()
        .with_enabled(true)
        .with_default_map(true);
    [
        control.bits(),
        MpuRegionNumber::default().with_region(region).bits(),
        MpuRegionBase::from_address(base).bits(),
        attributes.bits(),
    ]
}

/// One transfer.
fn write_region(link: &mut dyn Link, words: [u32; 4]) -> Result<(), LinkError> {
    let bytes = words.map(u32::to_le_bytes);
    link.write(MpuControl::at(SCS), bytes.as_flattened())
}

/// The smallest region around `range`: its base, and MPU_RASR.SIZE.
fn enclosing(range: &Range<u64>) -> (u32, u32) {
    let last = range.end.max(range.start + 1) - 1;
    let log2 = (5..32)
        .find(|log2| range.start >> log2 == last >> log2)
        .unwrap_or(32);
    let base = (range.start >> log2) << log2;
    (base as u32, log2 - 1)
}

/// Interrupts masked by PRIMASK, and every fault a halt.
pub(super) fn mask_and_catch(link: &mut dyn Link, catches: Demcr) -> Result<(), LinkError> {
    let primask = 1;
    link.write_register(CoreRegister::SPECIAL, primask)?;
    catch_every_fault(link, catches)
}

/// Every fault is a halt.
pub(super) fn catch_every_fault(link: &mut dyn Link, catches: Demcr) -> Result<(), LinkError> {
    let every_fault = catches
        .with_catch_hard_fault(true)
        .with_catch_bus(true)
        .with_catch_memory_management(true)
        .with_catch_state(true)
        .with_catch_check(true)
        .with_catch_no_coprocessor(true)
        .with_catch_exception_entry(true);
    link.poke(SCS, every_fault)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_region_around_a_range_is_the_smallest_power_of_two_that_holds_it() {
        assert_eq!(enclosing(&(0x7000_0000..0x7800_0000)), (0x7000_0000, 26));
        assert_eq!(enclosing(&(0x7000_0000..0x7000_0004)), (0x7000_0000, 4));
        assert_eq!(enclosing(&(0x7000_F000..0x7001_1000)), (0x7000_0000, 16));
        assert_eq!(enclosing(&(0x0800_0000..0x0801_0000)), (0x0800_0000, 15));
    }
}

//! Maintenance of the core's caches by the debugger: the same registers that software has (ARM ARM B2.2.7, Cortex-M7 TRM 5.9).
//!
//! They work also while a cache is off. A line is 32 bytes. Operations by address go to the probe in one batch; only dirty lines cost the
//! target time.

use super::{Link, LinkError, RegisterAccess};
use crate::{
    layout::Address,
    registers::{
        Register,
        debug::SCS,
        scb::{
            CACHE_LINE, Ccr, CleanAndInvalidateData, CleanData, InvalidateAllInstructions,
            InvalidateInstruction,
        },
    },
};

/// From so many lines on, the whole instruction cache goes.
const MANY_LINES: usize = 64;

/// First addresses of the lines that `length` bytes from `address` on lie in.
pub fn lines(address: Address, length: usize) -> impl Iterator<Item = u32> {
    let first = u64::from(address.0 & !(CACHE_LINE - 1));
    let end = u64::from(address.0) + length as u64;
    (first..end)
        .step_by(CACHE_LINE as usize)
        .map(|line| line as u32)
}

/// Writes lines back to memory and drops them: what is read past the cache is what the core has, and what is written past it is seen.
pub fn clean_and_invalidate_data(link: &mut dyn Link, lines: &[u32]) -> Result<(), LinkError> {
    link.write_each(CleanAndInvalidateData::at(SCS), lines)
}

/// What was written to these lines is executed: the data cache writes them back, the instruction cache drops what it has of them.
pub fn publish_code(link: &mut dyn Link, lines: &[u32]) -> Result<(), LinkError> {
    let control: Ccr = link.peek(SCS)?;
    if !control.instruction_cache() && !control.data_cache() {
        return Ok(());
    }
    if control.data_cache() {
        link.write_each(CleanData::at(SCS), lines)?;
    }
    if lines.len() < MANY_LINES {
        link.write_each(InvalidateInstruction::at(SCS), lines)
    } else {
        link.poke(SCS, InvalidateAllInstructions::default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_that_is_touched_counts_once() {
        let lines = |address, length| lines(Address(address), length).collect::<Vec<_>>();
        assert_eq!(lines(0x2400_0000, 1), [0x2400_0000]);
        assert_eq!(lines(0x2400_001F, 2), [0x2400_0000, 0x2400_0020]);
        assert!(lines(0x2400_0020, 0).is_empty());
        assert_eq!(lines(0xFFFF_FFE0, 32), [0xFFFF_FFE0]);
    }
}

//! Where code, stack and buffer of a routine go in RAM.

use super::Algorithm;
use crate::layout::{Address, BoardProfile};

/// ST's routines carry their whole HAL; what they were seen to use is below 1 KiB.
const STACK_BYTES: u32 = 0x1000;

/// The top of the RAM is left alone: a boot stage may keep its retained status there.
const SPARED_BYTES: u32 = 64;

/// `BKPT #0` twice: a routine returns to the first.
const BREAKPOINT: [u8; 4] = [0x00, 0xBE, 0x00, 0xBE];

/// Code, breakpoint, stack and buffer one after the other, in the RAM that the code was linked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// The instruction that a routine returns to.
    pub breakpoint: Address,
    /// Initial stack pointer.
    pub stack_top: Address,
    /// First address of the buffer.
    pub buffer: Address,
    /// Its bytes, whole pages.
    pub buffer_bytes: u32,
}

/// The RAM is too small.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "flash routine `{name}` does not fit: it needs {needed} bytes from {load_address} on, and {available} are there"
)]
pub struct DoesNotFit {
    name: String,
    load_address: Address,
    needed: u64,
    available: u64,
}

impl Plan {
    pub(super) fn new(
        algorithm: &Algorithm,
        profile: &BoardProfile,
        program_bytes: Option<u32>,
    ) -> Result<Self, DoesNotFit> {
        let start = u64::from(algorithm.load_address.0);
        let page = u64::from(algorithm.page_bytes);
        let end = profile.ram(algorithm.load_address).map_or(start, |ram| {
            ram.range().end.saturating_sub(u64::from(SPARED_BYTES))
        });
        let breakpoint = (start + algorithm.code.len() as u64).next_multiple_of(4);
        let stack_bottom = (breakpoint + BREAKPOINT.len() as u64).next_multiple_of(8);
        let buffer = stack_bottom + u64::from(STACK_BYTES);
        let pages = end.saturating_sub(buffer) / page;
        if pages == 0 {
            return Err(DoesNotFit {
                name: algorithm.name.clone(),
                load_address: algorithm.load_address,
                needed: buffer + page - start,
                available: end.saturating_sub(start),
            });
        }
        let wanted_pages = u64::from(program_bytes.unwrap_or(algorithm.page_bytes)) / page;
        // All sums lie below `end`, an address of the RAM.
        Ok(Self {
            breakpoint: Address(breakpoint as u32),
            stack_top: Address(buffer as u32),
            buffer: Address(buffer as u32),
            buffer_bytes: (pages.min(wanted_pages.max(1)) * page) as u32,
        })
    }

    /// What is written at the routine's load address: its code and the breakpoint behind it.
    pub(super) fn image(&self, algorithm: &Algorithm) -> Vec<u8> {
        let mut image = algorithm.code.clone();
        image.resize((self.breakpoint.0 - algorithm.load_address.0) as usize, 0);
        image.extend(BREAKPOINT);
        image
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn algorithm(code_bytes: usize, page_bytes: u32) -> Algorithm {
        Algorithm {
            name: "sample".into(),
            load_address: Address(0x2000_0020),
            code: vec![0; code_bytes],
            static_base: Address(0),
            init: None,
            uninit: None,
            erase_sector: Address(0x2000_0021),
            program_page: Address(0x2000_0031),
            range: 0x7000_0000..0x7800_0000,
            page_bytes,
            sector_bytes: 0x10000,
            erased_byte: 0xFF,
            program_limit: Duration::from_secs(1),
            erase_limit: Duration::from_secs(1),
        }
    }

    fn kit() -> BoardProfile {
        BoardProfile::find("stm32h7s78-dk").expect("the kit")
    }

    #[test]
    fn code_stack_and_buffer_follow_each_other_and_stay_below_the_retained_status() {
        let plan = Plan::new(&algorithm(0xB7AC, 0x1000), &kit(), Some(0x3000)).expect("a plan");
        assert_eq!(plan.breakpoint, Address(0x2000_B7CC));
        assert_eq!(plan.stack_top, Address(0x2000_C7D0));
        assert_eq!(plan.buffer_bytes, 0x3000);
        assert!(plan.buffer.0 + plan.buffer_bytes <= 0x2000_FFD0);
        assert_eq!(plan.stack_top.0 % 8, 0);
    }

    #[test]
    fn the_buffer_is_what_fits_in_whole_pages() {
        let all = Plan::new(&algorithm(0x100, 0x1000), &kit(), Some(0x10_0000)).expect("a plan");
        assert_eq!(all.buffer_bytes, 0xE000);
        let one = Plan::new(&algorithm(0x100, 0x1000), &kit(), None).expect("a plan");
        assert_eq!(one.buffer_bytes, 0x1000);
    }

    #[test]
    fn too_little_ram_is_said_in_bytes() {
        let error = Plan::new(&algorithm(0xF000, 0x1000), &kit(), None).expect_err("too large");
        assert_eq!(error.available, 0x10000 - 0x20 - 64);
        let mut outside = algorithm(0x100, 0x1000);
        outside.load_address = Address(0x1000_0000);
        assert_eq!(
            Plan::new(&outside, &kit(), None)
                .expect_err("no RAM")
                .available,
            0
        );
    }
}

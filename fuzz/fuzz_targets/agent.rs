//! Any bytes as an agent expression: it ends within its bounds, and prints no more than it may.
#![no_main]

use libfuzzer_sys::fuzz_target;
use xspi_gdb::{
    breakpoints::agent::{Core, Expression},
    fault::Fault,
    layout::Address,
};

/// Registers are their numbers, memory is what the low byte of its address is.
struct Numbers {
    reads: usize,
}

impl Core for Numbers {
    fn register(&mut self, number: u16) -> Result<u64, Fault> {
        self.reads += 1;
        Ok(number.into())
    }

    fn memory(&mut self, address: Address, data: &mut [u8]) -> Result<(), Fault> {
        self.reads += 1;
        for (at, byte) in (0..).zip(data) {
            *byte = address.0.wrapping_add(at) as u8;
        }
        Ok(())
    }
}

fuzz_target!(|bytes: &[u8]| {
    let mut core = Numbers { reads: 0 };
    let mut printed = Vec::new();
    let _ = Expression::new(bytes.to_vec()).evaluate(&mut core, &mut printed);
    assert!(core.reads <= 512 && printed.len() <= 32 * 1024);
});

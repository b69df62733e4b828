//! Both L1 caches emptied, when a loader has changed a flash.
//!
//! A system reset disables the caches and clears no line (Cortex-M7 TRM, 5.9): what the program before the loader, or the loader itself,
//! has read of the window would be back as soon as somebody enables them. There is one operation that empties the instruction cache,
//! and none that empties the data cache: the core goes through its sets and ways, because the debug port would take a thousand writes.

use std::time::Duration;

use super::{
    LoaderError, Operation,
    call::{Caller, Request},
};
use crate::{
    layout::Address,
    link::{Link, RegisterAccess},
    registers::{
        Register,
        debug::SCS,
        scb::{Ccr, InvalidateDataSetWay},
    },
    window::Windows,
};

/// R0: DCISW, R1: the last set. 32 KiB in lines of 32 bytes and four ways, the way in bits 31:30 (Cortex-M7 TRM, 5.9; STM32H7RS has that
/// size). ICIALLU lies 16 bytes before DCISW.
#[rustfmt::skip]
const CODE: [u16; 16] = [
    0x460B,         // set:  mov  r3, r1
    0x6003,         // way:  str  r3, [r0]
    0xF113, 0x4380, //       adds r3, r3, #0x40000000
    0xD3FB,         //       bcc  way
    0x3920,         //       subs r1, #32
    0xD5F8,         //       bpl  set
    0xF3BF, 0x8F4F, //       dsb
    0xF840, 0x1C10, //       str  r1, [r0, #-16]
    0xF3BF, 0x8F4F, //       dsb
    0xF3BF, 0x8F6F, //       isb
    0x4770,         //       bx   lr
];

const LAST_SET: u32 = 255;

const LIMIT: Duration = Duration::from_millis(100);

/// Switches both caches off and empties them. The routine lies at `place`; what is dirty is lost, as the chip is reset next.
pub(super) fn discard(
    caller: &Caller,
    place: Address,
    link: &mut dyn Link,
    windows: &mut Windows,
) -> Result<(), LoaderError> {
    let configuration: Ccr = link.peek(SCS)?;
    let off = configuration
        .with_data_cache(false)
        .with_instruction_cache(false);
    link.poke(SCS, off)?;
    link.write(place, CODE.map(u16::to_le_bytes).as_flattened())?;
    let by_set_and_way = InvalidateDataSetWay::at(SCS).0;
    let last_set = InvalidateDataSetWay::default().with_set(LAST_SET).bits();
    let request = Request {
        operation: Operation::EmptyCaches,
        entry: place,
        arguments: [by_set_and_way, last_set, 0, 0],
        success: Some(by_set_and_way),
        limit: LIMIT,
    };
    caller.call(link, windows, request)
}

//! The frame that exception entry stacks, and EXC_RETURN, which tells where it is (ARM ARM B1.5.6 to B1.5.8).

use super::backtrace::{End, ReadWord, Registers, word};

/// The values that an exception returns with: to Handler or Thread mode, main or process stack, with FP state or without.
const RETURNS: [u32; 6] = [
    0xFFFF_FFE1,
    0xFFFF_FFE9,
    0xFFFF_FFED,
    0xFFFF_FFF1,
    0xFFFF_FFF9,
    0xFFFF_FFFD,
];

/// SPSEL: the frame is on the process stack.
const ON_PROCESS_STACK: u32 = 1 << 2;
/// FType: clear if FP state was stacked, or room left for it.
const BASIC_FRAME: u32 = 1 << 4;
/// r0 to r3, r12, lr, pc, xPSR.
const BASIC_BYTES: u32 = 8 * 4;
/// Those, s0 to s15, FPSCR, and a word that is reserved.
const EXTENDED_BYTES: u32 = 26 * 4;
/// Stacked xPSR: a word was left out so that the frame is aligned to 8 bytes.
const REALIGNED: u32 = 1 << 9;

/// The registers in the order of the frame; xPSR follows.
const STACKED: [usize; 7] = [0, 1, 2, 3, 12, Registers::LR, Registers::PC];

/// True if `target` is no address but an EXC_RETURN.
pub(super) fn is_return(target: u32) -> bool {
    RETURNS.contains(&target)
}

/// From the registers at the exception's entry to those of the code that it interrupted.
pub(super) fn unstack(
    exception_return: u32,
    registers: &mut Registers,
    read: ReadWord<'_>,
) -> Result<(), End> {
    let on_process_stack = exception_return & ON_PROCESS_STACK != 0;
    let frame = if on_process_stack {
        // Taken once: what runs on the process stack is no exception handler, and returns to none.
        registers.psp.take()
    } else {
        registers.get(Registers::SP)
    };
    let frame = frame.ok_or(End::Unknown(Registers::SP))? & !3;
    for (index, number) in (0..).zip(STACKED) {
        let value = word(read, frame.wrapping_add(4 * index))?;
        registers.set(number, Some(value));
    }
    let status = word(read, frame.wrapping_add(BASIC_BYTES - 4))?;
    let bytes = if exception_return & BASIC_FRAME != 0 {
        BASIC_BYTES
    } else {
        EXTENDED_BYTES
    };
    let padding = if status & REALIGNED != 0 { 4 } else { 0 };
    let above = frame.checked_add(bytes + padding);
    let above = above.ok_or(End::NoProgress(frame))?;
    registers.set(Registers::SP, Some(above));
    Ok(())
}

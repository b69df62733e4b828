//! The few Thumb instructions at which a masked step would cheat the program (ARM ARM A5, A7.7).
//!
//! An instruction step masks interrupts, or it would end in whichever handler is pending. But an SVC is taken, a CPSIE wants its
//! interrupts at once, WFI and WFE wait for one: such an instruction is run, not stepped, to where it leads.

use crate::layout::Address;

/// Where the program continues behind an instruction that wants to be run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flow {
    /// Step it.
    Plain,
    /// Run to this address.
    RunTo(Address),
    /// A call by register number: run to the address it holds.
    RunToRegister(u8),
}

/// Classifies the instruction whose first four bytes (two, for a 16-bit one) are `code`.
pub fn classify(pc: Address, code: [u8; 4]) -> Flow {
    let first = u16::from_le_bytes([code[0], code[1]]);
    let second = u16::from_le_bytes([code[2], code[3]]);
    let next = |bytes: u32| Flow::RunTo(Address(pc.0.wrapping_add(bytes)));
    match first {
        // SVC (T1)
        _ if first & 0xFF00 == 0xDF00 => next(2),
        // CPSIE (T1): im is 0
        _ if first & 0xFFF8 == 0xB660 => next(2),
        // WFE, WFI (T1)
        0xBF20 | 0xBF30 => next(2),
        // BLX register (T1)
        _ if first & 0xFF87 == 0x4780 => Flow::RunToRegister((first >> 3 & 0xF) as u8),
        // WFE.W, WFI.W (T2)
        0xF3AF if second == 0x8002 || second == 0x8003 => next(4),
        // BL (T1)
        _ if first & 0xF800 == 0xF000 && second & 0xD000 == 0xD000 => {
            Flow::RunTo(Address(call_target(pc, first, second)))
        }
        _ => Flow::Plain,
    }
}

/// BL, encoding T1 (ARM ARM A7.7.18): imm32 = SignExtend(S:I1:I2:imm10:imm11:0) from pc + 4.
fn call_target(pc: Address, first: u16, second: u16) -> u32 {
    let (first, second) = (u32::from(first), u32::from(second));
    let sign = first >> 10 & 1;
    let i1 = !(second >> 13 ^ sign) & 1;
    let i2 = !(second >> 11 ^ sign) & 1;
    let offset = sign << 24 | i1 << 23 | i2 << 22 | (first & 0x3FF) << 12 | (second & 0x7FF) << 1;
    let signed = (offset << 7) as i32 >> 7;
    pc.0.wrapping_add(4).wrapping_add_signed(signed)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(code: [u8; 4]) -> Flow {
        classify(Address(0x7000_1000), code)
    }

    #[test]
    fn instructions_that_want_interrupts_are_run_to_the_next_one() {
        for (name, code, size) in [
            ("svc 0", [0x00, 0xDF, 0, 0], 2),
            ("cpsie i", [0x62, 0xB6, 0, 0], 2),
            ("cpsie f", [0x61, 0xB6, 0, 0], 2),
            ("wfi", [0x30, 0xBF, 0, 0], 2),
            ("wfe", [0x20, 0xBF, 0, 0], 2),
            ("wfi.w", [0xAF, 0xF3, 0x03, 0x80], 4),
        ] {
            assert_eq!(at(code), Flow::RunTo(Address(0x7000_1000 + size)), "{name}");
        }
    }

    #[test]
    fn calls_are_run_to_their_target() {
        // bl pc+4+0x100; bl pc+4-0x100 (as GNU as 2.40 encodes them); blx r3
        assert_eq!(
            at([0x00, 0xF0, 0x80, 0xF8]),
            Flow::RunTo(Address(0x7000_1104))
        );
        assert_eq!(
            at([0xFF, 0xF7, 0x80, 0xFF]),
            Flow::RunTo(Address(0x7000_0F04))
        );
        assert_eq!(at([0x98, 0x47, 0, 0]), Flow::RunToRegister(3));
    }

    #[test]
    fn everything_else_is_stepped() {
        // nop; cpsid i; bx lr; b.w; adds r0, #1
        for code in [
            [0x00, 0xBF, 0, 0],
            [0x72, 0xB6, 0, 0],
            [0x70, 0x47, 0, 0],
            [0x00, 0xF0, 0x80, 0xB8],
            [0x01, 0x30, 0, 0],
        ] {
            assert_eq!(at(code), Flow::Plain, "{code:02x?}");
        }
    }
}

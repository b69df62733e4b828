//! What one instruction can change (ARM ARM A5 to A7): which core registers it writes, and where it stores.
//!
//! A step forgets no more than that. Whatever is not listed here can change everything: an instruction that is missing costs exchanges, one
//! that is listed wrongly would show an old value. pc, xPSR and the FP registers are not told of: they count as changed by every step.

use super::registers::{LR, SP};

/// What an instruction can change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Effect {
    /// A bit a register, r0 to lr.
    pub registers: u32,
    /// Where it stores.
    pub store: Store,
}

/// Where an instruction stores.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Store {
    /// Nowhere.
    None,
    /// Within 4 KB of where this register points.
    Near(u16),
}

/// What the instruction whose first four bytes (two, for a 16-bit one) are `code` can change; `None` if that is not known.
pub fn effect(code: [u8; 4]) -> Option<Effect> {
    let first = u32::from(u16::from_le_bytes([code[0], code[1]]));
    let second = u32::from(u16::from_le_bytes([code[2], code[3]]));
    if first >> 11 < 0b11101 {
        narrow(first)
    } else {
        wide(first, second)
    }
}

fn writes(register: u32) -> Option<Effect> {
    // A write of the pc is a branch.
    Some(Effect {
        registers: 1 << register & !(1 << 15),
        store: Store::None,
    })
}

fn stores_near(base: u32, registers: u32) -> Option<Effect> {
    Some(Effect {
        registers,
        store: Store::Near(base as u16),
    })
}

const NOTHING: Option<Effect> = Some(Effect {
    registers: 0,
    store: Store::None,
});

/// Sixteen bits (ARM ARM A5.2).
fn narrow(code: u32) -> Option<Effect> {
    let low = code & 7;
    let middle = code >> 3 & 7;
    let high = code >> 8 & 7;
    match code >> 10 {
        // Shifts, additions and subtractions of three operands.
        0b00_0000..=0b00_0111 => writes(low),
        // CMP, then MOV, ADD and SUB of eight bits.
        0b00_1010 | 0b00_1011 => NOTHING,
        0b00_1000..=0b00_1111 => writes(high),
        // Data processing; of these TST, CMP and CMN write nothing.
        0b01_0000 => writes(low),
        // ADD, CMP, MOV of any register; BX, BLX.
        0b01_0001 => match code >> 8 & 3 {
            0b01 => NOTHING,
            0b11 => writes(LR.into()),
            _ => writes(low | code >> 4 & 8),
        },
        // LDR (literal)
        0b01_0010 | 0b01_0011 => writes(high),
        // Loads and stores with a register as offset: the loads begin at LDRSB.
        0b01_0100..=0b01_0111 if code >> 9 & 7 >= 3 => writes(low),
        // Loads and stores with an offset of five bits, in words, bytes and halfwords.
        0b01_1000..=0b10_0011 if code & 1 << 11 != 0 => writes(low),
        0b01_1000..=0b10_0011 => stores_near(middle, 0),
        // Relative to SP.
        0b10_0100 | 0b10_0101 => stores_near(SP.into(), 0),
        0b10_0110 | 0b10_0111 => writes(high),
        // ADR, ADD (SP plus immediate)
        0b10_1000..=0b10_1011 => writes(high),
        0b10_1100..=0b10_1111 => miscellaneous(code),
        // STM, LDM
        0b11_0000 | 0b11_0001 => stores_near(high, 1 << high),
        0b11_0010 | 0b11_0011 => Some(Effect {
            registers: 1 << high | code & 0xFF,
            store: Store::None,
        }),
        // B with a condition; not UDF and SVC.
        0b11_0100..=0b11_0111 if code >> 8 & 0xE != 0xE => NOTHING,
        // B
        0b11_1000 | 0b11_1001 => NOTHING,
        _ => None,
    }
}

/// ARM ARM A5.2.5.
fn miscellaneous(code: u32) -> Option<Effect> {
    let stack = 1 << SP;
    match code >> 8 & 0xF {
        // ADD, SUB (SP plus or minus immediate)
        0b0000 => writes(SP.into()),
        // CBZ, CBNZ
        0b0001 | 0b0011 | 0b1001 | 0b1011 => NOTHING,
        // Extensions; REV, REV16, REVSH.
        0b0010 => writes(code & 7),
        0b1010 if code >> 6 & 3 != 2 => writes(code & 7),
        // PUSH, POP
        0b0100 | 0b0101 => stores_near(SP.into(), stack),
        0b1100 | 0b1101 => Some(Effect {
            registers: stack | code & 0xFF,
            store: Store::None,
        }),
        // IT, and NOP of the hints.
        0b1111 if code & 0xF != 0 || code & 0xFF == 0 => NOTHING,
        _ => None,
    }
}

/// Thirty-two bits (ARM ARM A5.3).
fn wide(first: u32, second: u32) -> Option<Effect> {
    let base = first & 0xF;
    let transferred = second >> 12;
    let destination = second >> 8 & 0xF;
    match first >> 4 & 0x1FF {
        // STM, LDM, each with or without write-back.
        0b0_1000_1000 | 0b0_1000_1010 | 0b0_1001_0000 | 0b0_1001_0010 => {
            stores_near(base, 1 << base)
        }
        0b0_1000_1001 | 0b0_1000_1011 | 0b0_1001_0001 | 0b0_1001_0011 => Some(Effect {
            registers: (1 << base | second) & 0x7FFF,
            store: Store::None,
        }),
        _ => match first >> 9 & 0x7F {
            // Data processing with a shifted register: a destination of 15 is a comparison.
            0b111_0101 => writes(destination),
            // Data processing with immediates.
            0b111_1000..=0b111_1011 if second & 0x8000 == 0 => writes(destination),
            // Branches: BL writes LR. MSR, MRS, hints, barriers and UDF are not listed.
            0b111_1000..=0b111_1011 => match second >> 12 & 0b101 {
                0b101 => writes(LR.into()),
                0b001 => NOTHING,
                0b000 if first >> 6 & 0xE != 0xE => NOTHING,
                _ => None,
            },
            0b111_1100 => single(first, second, base, transferred),
            // Data processing of registers, multiplications; the long ones write two.
            0b111_1101 if first & 0x180 == 0x180 => Some(Effect {
                registers: (1 << transferred | 1 << destination) & 0x7FFF,
                store: Store::None,
            }),
            0b111_1101 => writes(destination),
            _ => None,
        },
    }
}

/// Loads and stores of one byte, halfword or word (ARM ARM A5.3.7 to A5.3.10).
fn single(first: u32, second: u32, base: u32, transferred: u32) -> Option<Effect> {
    let immediate_of_twelve = first & 0x80 != 0;
    let literal = base == 15;
    // With an offset of eight bits, W of the second half asks for write-back; without any immediate there is an index.
    let immediate_of_eight = second & 0x800 != 0;
    let indexed = !immediate_of_twelve && !literal && !immediate_of_eight;
    let write_back = match !immediate_of_twelve && !literal && immediate_of_eight {
        true if second & 0x100 != 0 => 1 << base,
        _ => 0,
    };
    if first & 0x10 != 0 {
        return Some(Effect {
            registers: (1 << transferred | write_back) & 0x7FFF,
            store: Store::None,
        });
    }
    match indexed || literal {
        true => None,
        false => stores_near(base, write_back),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As GNU as 2.40 encodes them; a wide instruction's first half is in the upper sixteen bits.
    fn of(code: u32) -> Option<Effect> {
        let (first, second) = match code >> 16 {
            0 => (code as u16, 0),
            first => (first as u16, code as u16),
        };
        let [a, b] = first.to_le_bytes();
        let [c, d] = second.to_le_bytes();
        effect([a, b, c, d])
    }

    fn registers(list: &[u32]) -> u32 {
        list.iter().fold(0, |bits, register| bits | 1 << register)
    }

    #[test]
    fn what_only_writes_registers() {
        for (name, code, changed) in [
            ("movs r3, #1", 0x2301, &[3][..]),
            ("adds r0, r1, r2", 0x1888, &[0]),
            ("cmp r5, #0", 0x2D00, &[]),
            ("mov r8, r1", 0x4688, &[8]),
            ("add sp, r2", 0x4495, &[13]),
            ("bx lr", 0x4770, &[14]),
            ("blx r3", 0x4798, &[14]),
            ("ldr r4, [pc, #8]", 0x4C02, &[4]),
            ("ldr r0, [r1, r2]", 0x5888, &[0]),
            ("ldrb r6, [r7, #1]", 0x787E, &[6]),
            ("ldr r2, [sp, #4]", 0x9A01, &[2]),
            ("sub sp, #8", 0xB082, &[13]),
            ("uxtb r1, r2", 0xB2D1, &[1]),
            ("pop {r4, r7, pc}", 0xBD90, &[4, 7, 13]),
            ("ldmia r2!, {r0, r1}", 0xCA03, &[0, 1, 2]),
            ("beq .", 0xD0FE, &[]),
            ("b .", 0xE7FE, &[]),
            ("cbz r0, .+4", 0xB100, &[]),
            ("it eq", 0xBF08, &[]),
            ("nop", 0xBF00, &[]),
            ("bl .+4", 0xF000_F800, &[14]),
            ("b.w .+4", 0xF000_B800, &[]),
            ("beq.w .+4", 0xF000_8000, &[]),
            ("movw r9, #0x1234", 0xF241_2934, &[9]),
            ("cmp.w r1, #0x100", 0xF5B1_7F80, &[]),
            ("add.w r3, r4, r5, lsl #2", 0xEB04_0385, &[3]),
            ("ldr.w r8, [r1, #0x100]", 0xF8D1_8100, &[8]),
            ("ldr r0, [r1], #4", 0xF851_0B04, &[0, 1]),
            ("ldr.w r1, [r2, r3, lsl #2]", 0xF852_1023, &[1]),
            ("umull r1, r2, r3, r4", 0xFBA3_1204, &[1, 2]),
            ("mul r1, r2, r3", 0xFB02_F103, &[1]),
            ("udiv r1, r2, r3", 0xFBB2_F1F3, &[1, 15]),
            (
                "ldmia.w sp!, {r4-r11, pc}",
                0xE8BD_8FF0,
                &[4, 5, 6, 7, 8, 9, 10, 11, 13],
            ),
        ] {
            let wanted = Effect {
                registers: registers(changed) & 0x7FFF,
                store: Store::None,
            };
            let found = of(code).unwrap_or_else(|| panic!("{name}"));
            // More than it writes may be named, never less.
            assert_eq!(found.store, wanted.store, "{name}");
            assert_eq!(
                found.registers & wanted.registers,
                wanted.registers,
                "{name}"
            );
            assert!(
                found.registers.count_ones() <= wanted.registers.count_ones() + 1,
                "{name}"
            );
        }
    }

    #[test]
    fn what_stores() {
        for (name, code, base, changed) in [
            ("str r0, [r1, #4]", 0x6048, 1, &[][..]),
            ("strh r0, [r2, #2]", 0x8050, 2, &[]),
            ("strb r5, [r6]", 0x7035, 6, &[]),
            ("str r3, [sp, #8]", 0x9302, 13, &[]),
            ("push {r7, lr}", 0xB580, 13, &[13]),
            ("stmia r0!, {r1, r2}", 0xC006, 0, &[0]),
            ("stmdb sp!, {r4-r11, lr}", 0xE92D_4FF0, 13, &[13]),
            ("str.w r1, [r7, #0x123]", 0xF8C7_1123, 7, &[]),
            ("str r1, [r2, #-4]!", 0xF842_1D04, 2, &[2]),
        ] {
            let found = of(code).unwrap_or_else(|| panic!("{name}"));
            assert_eq!(found.store, Store::Near(base), "{name}");
            assert_eq!(found.registers, registers(changed), "{name}");
        }
    }

    #[test]
    fn what_can_change_anything() {
        for (name, code) in [
            ("svc 0", 0xDF00),
            ("udf 0", 0xDE00),
            ("bkpt 0", 0xBE00),
            ("cpsie i", 0xB662),
            ("wfi", 0xBF30),
            ("str r0, [r1, r2]", 0x5088),
            ("str.w r1, [r2, r3, lsl #2]", 0xF842_1023),
            ("msr control, r0", 0xF380_8814),
            ("strd r0, r1, [r2]", 0xE9C2_0100),
            ("strex r0, r1, [r2]", 0xE842_1000),
            ("vstr s0, [r0]", 0xED80_0A00),
            ("vmov r0, s0", 0xEE10_0A10),
            ("dsb", 0xF3BF_8F4F),
        ] {
            assert_eq!(of(code), None, "{name}");
        }
    }
}

//! One step out of a function that has no call frame information (assembly; `core` as a toolchain may ship it): by what its first
//! instructions have done to the stack up to where the core is (encodings: ARM ARM A7.7).
//!
//! Pushes, what is subtracted from SP, and a frame pointer are followed up to the first branch. A prologue that does more than that
//! ends the backtrace or leads it astray; the stack must grow and the return address be code all the same.

use super::{
    DebugInfo,
    backtrace::{End, Frame, Kind, ReadWord, Registers, word},
};

/// Instructions that are looked at: compilers push early.
const LONGEST: usize = 24;

/// What a prologue has done.
#[derive(Debug, Default, PartialEq, Eq)]
struct Prologue {
    /// Bytes from SP up to where it was at the entry.
    depth: u32,
    /// Registers that were pushed, with the depth of each.
    saved: Vec<(usize, u32)>,
    /// The register that holds a frame address, with the depth of that.
    frame_pointer: Option<(usize, u32)>,
}

/// The caller's registers, PC being the return address.
pub(super) fn unwind(
    info: &DebugInfo,
    frame: &Frame,
    read: ReadWord<'_>,
) -> Result<Registers, End> {
    let at = frame.instruction();
    let no_information = || End::NoInformation(at);
    let start = info
        .symbols()
        .find_map(|symbols| symbols.locate(at).map(|place| at.0 - place.offset));
    let prologue = match start {
        Some(start) => Prologue::read(start, frame.pc.0, read)?,
        // Whatever it is, it has only just been entered.
        None if frame.kind != Kind::Caller => Prologue::default(),
        None => return Err(no_information()),
    };
    let (base, depth) = match prologue.frame_pointer {
        Some((register, depth)) => (register, depth),
        None => (Registers::SP, prologue.depth),
    };
    let top = frame.registers.get(base).ok_or(End::Unknown(base))?;
    let top = top.wrapping_add(depth);
    let mut caller = frame.registers;
    for number in [0, 1, 2, 3, 12] {
        caller.set(number, None);
    }
    for (number, depth) in &prologue.saved {
        let value = word(read, top.wrapping_sub(*depth))?;
        caller.set(*number, Some(value));
    }
    let has_return_address = prologue
        .saved
        .iter()
        .any(|(number, _)| *number == Registers::LR);
    if !has_return_address && frame.kind == Kind::Caller {
        return Err(no_information());
    }
    caller.set(Registers::SP, Some(top));
    caller.set(Registers::PC, caller.get(Registers::LR));
    Ok(caller)
}

impl Prologue {
    /// Of the function at `start`, up to `pc`.
    fn read(start: u32, pc: u32, read: ReadWord<'_>) -> Result<Self, End> {
        let mut prologue = Self::default();
        let mut at = start;
        for _ in 0..LONGEST {
            if at >= pc {
                break;
            }
            let first = half(read, at)?;
            let goes_on = if is_wide(first) {
                let second = half(read, at.wrapping_add(2))?;
                at = at.wrapping_add(4);
                prologue.wide(first, second)
            } else {
                at = at.wrapping_add(2);
                prologue.narrow(first)
            };
            if !goes_on {
                break;
            }
        }
        Ok(prologue)
    }

    /// False at the first branch.
    fn narrow(&mut self, code: u16) -> bool {
        match code {
            // PUSH (T1): r0 to r7, and lr in bit 8.
            _ if code & 0xFE00 == 0xB400 => {
                let lr = (code >> 8 & 1) << Registers::LR;
                self.push(code & 0xFF | lr);
            }
            // SUB (SP minus immediate, T1)
            _ if code & 0xFF80 == 0xB080 => self.depth += u32::from(code & 0x7F) * 4,
            // ADD (SP plus immediate, T1) to r7: Thumb's frame pointer
            _ if code & 0xFF00 == 0xAF00 => {
                let above = u32::from(code & 0xFF) * 4;
                self.frame_pointer = Some((7, self.depth.saturating_sub(above)));
            }
            // MOV r7, sp (T1)
            0x466F => self.frame_pointer = Some((7, self.depth)),
            // B (T1, T2), SVC, UDF; BX, BLX; CBZ, CBNZ; POP
            _ if code & 0xF000 == 0xD000
                || code & 0xF800 == 0xE000
                || code & 0xFF00 == 0x4700
                || code & 0xF500 == 0xB100
                || code & 0xFE00 == 0xBC00 =>
            {
                return false;
            }
            _ => {}
        }
        true
    }

    /// False at the first branch.
    fn wide(&mut self, first: u16, second: u16) -> bool {
        match (first, second) {
            // PUSH (T2)
            (0xE92D, list) => self.push(list),
            // PUSH (T3): one register, STR Rt, [SP, #-4]!
            (0xF84D, _) if second & 0x0FFF == 0x0D04 => self.push(1 << (second >> 12)),
            // VPUSH (T1, T2): imm8 words
            _ if first & 0xFFBF == 0xED2D && second & 0x0E00 == 0x0A00 => {
                self.depth += u32::from(second & 0xFF) * 4;
            }
            // SUB (SP minus immediate, T2), the constant one of the plain or shifted ones
            _ if first & 0xFBEF == 0xF1AD && second & 0x8F00 == 0x0D00 => {
                self.depth = self.depth.saturating_add(expanded(first, second));
            }
            // SUB (SP minus immediate, T3)
            _ if first & 0xFBFF == 0xF2AD && second & 0x8F00 == 0x0D00 => {
                self.depth += plain(first, second);
            }
            // Branches (A5.3.4), and table branches
            _ if first & 0xF800 == 0xF000 && second & 0x8000 != 0 => {
                // MSR, MRS, hints and barriers share the space with them.
                return second & 0x5000 == 0 && first & 0x0380 == 0x0380;
            }
            (_, _) if first & 0xFFF0 == 0xE8D0 && second & 0xFFE0 == 0xF000 => return false,
            _ => {}
        }
        true
    }

    /// The lowest register lies lowest.
    fn push(&mut self, list: u16) {
        for number in (0..16).rev().filter(|number| list >> number & 1 != 0) {
            self.depth += 4;
            self.saved.push((number, self.depth));
        }
    }
}

/// The first half of an instruction of two (ARM ARM A5.1).
fn is_wide(first: u16) -> bool {
    first >> 11 >= 0b11101
}

/// i:imm3:imm8.
fn plain(first: u16, second: u16) -> u32 {
    u32::from(first >> 10 & 1) << 11 | u32::from(second >> 12 & 7) << 8 | u32::from(second & 0xFF)
}

/// A modified immediate (ARM ARM A5.3.2) as a stack's size has it: a byte, or a byte with its highest bit set, rotated right.
fn expanded(first: u16, second: u16) -> u32 {
    let immediate = plain(first, second);
    match immediate >> 10 {
        0 => immediate & 0xFF,
        _ => (immediate & 0x7F | 0x80).rotate_right(immediate >> 7),
    }
}

fn half(read: ReadWord<'_>, address: u32) -> Result<u16, End> {
    let word = word(read, address & !3)?;
    Ok((word >> (8 * (address & 2))) as u16)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layout::Address;

    fn after(code: &[u16], bytes: u32) -> Prologue {
        let mut read = |address: Address| {
            let half = |index: usize| u32::from(code.get(index).copied().unwrap_or(0xBF00));
            let index = (address.0 as usize - 0x1000) / 2;
            Ok(half(index) | half(index + 1) << 16)
        };
        Prologue::read(0x1000, 0x1000 + bytes, &mut read).unwrap()
    }

    #[test]
    fn what_is_pushed_and_left_room_for_is_found_up_to_the_pc() {
        // push {r7, lr}; mov r7, sp; sub sp, #40 (as GNU as 2.40 encodes them)
        let code = [0xB580, 0x466F, 0xB08A];
        assert_eq!(after(&code, 0), Prologue::default());
        assert_eq!(after(&code, 2).depth, 8);
        let whole = after(&code, 6);
        assert_eq!(whole.depth, 48);
        assert_eq!(whole.saved, [(14, 4), (7, 8)]);
        assert_eq!(whole.frame_pointer, Some((7, 8)));
    }

    #[test]
    fn wide_pushes_and_large_frames_are_understood() {
        // push.w {r4-r9, lr}; add r7, sp, #12; str r11, [sp, #-4]!; vpush {d8}; sub.w sp, sp, #512; subw sp, sp, #1000
        let code = [
            0xE92D, 0x43F0, 0xAF03, 0xF84D, 0xBD04, 0xED2D, 0x8B02, 0xF5AD, 0x7D00, 0xF2AD, 0x3DE8,
        ];
        let whole = after(&code, 22);
        assert_eq!(whole.depth, 28 + 4 + 8 + 512 + 1000);
        assert_eq!(whole.frame_pointer, Some((7, 16)));
        assert_eq!(whole.saved.last(), Some(&(11, 32)));
    }

    #[test]
    fn nothing_behind_the_first_branch_counts() {
        // push {r4, lr}; bl +0; push {r5}
        assert_eq!(after(&[0xB510, 0xF000, 0xF800, 0xB420], 8).depth, 8);
        // push {r4, lr}; cbz r0, +2; push {r5}
        assert_eq!(after(&[0xB510, 0xB108, 0xB420], 6).depth, 8);
        // push {r4, lr}; mrs r0, primask; dsb sy; push {r5}: no branches
        let code = [0xB510, 0xF3EF, 0x8010, 0xF3BF, 0x8F4F, 0xB420];
        assert_eq!(after(&code, 12).depth, 12);
    }
}

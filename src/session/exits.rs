//! Where code can leave a range of addresses: the places for units, so that it is run and not stepped (Thumb; ARM ARM A5, A7.7).
//!
//! From the pc on, every instruction that can be reached inside the range is looked at. It goes on to the next one, branches to an address
//! that it holds itself, or does something that has to be seen when it is there: an indirect branch, an exception, a wait. Such an
//! instruction ends the way like an address outside does: it is stepped, or run by itself, from there.

use std::collections::{BTreeMap, BTreeSet};

use super::instruction::{Flow, classify};
use crate::layout::Address;

/// Units that a Cortex-M7 has at most.
const MOST: usize = 8;

/// ICI/IT in xPSR: a pc inside an IT block depends on it (ARM ARM B1.4.2).
pub(super) const IT_BLOCK: u32 = 0x0600_FC00;

/// Addresses at which a way through a range ends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Exits {
    addresses: [Address; MOST],
    count: usize,
}

impl Exits {
    pub(super) fn iter(&self) -> impl Iterator<Item = Address> + use<> {
        self.addresses.into_iter().take(self.count)
    }

    pub(super) fn contains(&self, address: Address) -> bool {
        self.iter().any(|exit| exit == address)
    }
}

impl FromIterator<Address> for Exits {
    /// No more than there can be units.
    fn from_iter<I: IntoIterator<Item = Address>>(addresses: I) -> Self {
        let mut exits = Self::default();
        for (slot, address) in exits.addresses.iter_mut().zip(addresses) {
            *slot = address;
            exits.count += 1;
        }
        exits
    }
}

/// How a range is left.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct WayOut {
    /// Each once, by address.
    pub exits: Vec<Address>,
    /// Instructions to the nearest of them.
    pub nearest: usize,
    /// It can take any number of instructions.
    pub loops: bool,
    /// The instructions that can be on the way.
    pub through: Vec<Address>,
}

/// How far the way is followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Follow {
    /// Through branches inside the range.
    Branches,
    /// To the next instruction that branches.
    Block,
}

/// Where an instruction leads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    Next,
    To(u32),
    Either(u32),
    /// It has to be looked at when it is there.
    Look,
}

/// How the code of the range, which begins at `start`, is left from `pc` on; `None` if `pc` is not in it, or is where it has to be looked at.
pub(super) fn way_out(start: Address, code: &[u8], pc: Address, follow: Follow) -> Option<WayOut> {
    let end = start.0.checked_add(code.len() as u32)?;
    let inside = |address: u32| (start.0..end).contains(&address);
    let mut exits = BTreeMap::new();
    let mut seen = BTreeSet::new();
    let mut loops = false;
    let mut edge = vec![pc.0];
    for distance in 0.. {
        let mut behind = Vec::new();
        for at in edge {
            if seen.contains(&at) {
                continue;
            }
            if !inside(at) {
                exits.entry(at).or_insert(distance);
                continue;
            }
            let code = &code[(at - start.0) as usize..];
            let (step, bytes) = decode(Address(at), code);
            let next = at + bytes;
            let ends = follow == Follow::Block && matches!(step, Step::To(_) | Step::Either(_));
            let targets = match step {
                Step::Look => Vec::new(),
                _ if ends && distance > 0 => Vec::new(),
                Step::Next => vec![next],
                Step::To(target) => vec![target],
                Step::Either(target) => vec![next, target],
            };
            if targets.is_empty() {
                exits.entry(at).or_insert(distance);
                continue;
            }
            seen.insert(at);
            loops |= targets
                .iter()
                .any(|target| *target <= at && inside(*target));
            behind.extend(targets);
        }
        if behind.is_empty() {
            break;
        }
        edge = behind;
    }
    if seen.is_empty() {
        return None;
    }
    Some(WayOut {
        nearest: exits.values().copied().min().unwrap_or(usize::MAX),
        exits: exits.into_keys().map(Address).collect(),
        loops,
        through: seen.into_iter().map(Address).collect(),
    })
}

/// What the instruction at `pc` does, and its length. What does not fit into `code` has to be looked at.
fn decode(pc: Address, code: &[u8]) -> (Step, u32) {
    let Some(first) = half(code, 0) else {
        return (Step::Look, 2);
    };
    if first & 0xFF00 == 0xBF00 && first & 0xF != 0 {
        return if_then(pc, first, code);
    }
    match (is_wide(first), half(code, 2)) {
        (false, _) => (narrow(pc, first), 2),
        (true, Some(second)) => (wide(pc, first, second), 4),
        (true, None) => (Step::Look, 4),
    }
}

fn half(code: &[u8], offset: usize) -> Option<u16> {
    let bytes = code.get(offset..offset + 2)?;
    Some(u16::from_le_bytes([bytes[0], bytes[1]]))
}

fn is_wide(first: u16) -> bool {
    first >> 11 >= 0b11101
}

/// IT with the one to four instructions behind it counts as one: a unit inside might not be hit. A block that branches has to be looked at.
fn if_then(pc: Address, first: u16, code: &[u8]) -> (Step, u32) {
    let count = 4 - (first & 0xF).trailing_zeros();
    let mut bytes = 2;
    for _ in 0..count {
        let (at, rest) = (
            pc.0.wrapping_add(bytes),
            &code[code.len().min(bytes as usize)..],
        );
        let nested = half(rest, 0).is_none_or(|half| half & 0xFF00 == 0xBF00);
        match decode(Address(at), rest) {
            (Step::Next, length) if !nested => bytes += length,
            _ => return (Step::Look, 2),
        }
    }
    (Step::Next, bytes)
}

fn narrow(pc: Address, first: u16) -> Step {
    let target = |offset: i16| pc.0.wrapping_add(4).wrapping_add_signed(offset.into());
    let [low, high] = first.to_le_bytes();
    match first {
        // SVC, CPSIE, WFE, WFI, BLX
        _ if classify(pc, [low, high, 0, 0]) != Flow::Plain => Step::Look,
        // UDF; BX; ADD and MOV to pc; POP with pc; BKPT
        _ if matches!(high, 0xDE | 0x47 | 0xBD | 0xBE) || first & 0xFD87 == 0x4487 => Step::Look,
        // B<c> (T1)
        _ if high & 0xF0 == 0xD0 => Step::Either(target(i16::from(low as i8) << 1)),
        // B (T2)
        _ if high & 0xF8 == 0xE0 => Step::To(target((first << 5) as i16 >> 4)),
        // CBZ, CBNZ
        _ if first & 0xF500 == 0xB100 => {
            let offset = (first >> 9 & 1) << 6 | (first >> 3 & 0x1F) << 1;
            Step::Either(target(offset as i16))
        }
        _ => Step::Next,
    }
}

fn wide(pc: Address, first: u16, second: u16) -> Step {
    let target = |offset: i32| pc.0.wrapping_add(4).wrapping_add_signed(offset);
    let [a, b] = first.to_le_bytes();
    let [c, d] = second.to_le_bytes();
    let flow = classify(pc, [a, b, c, d]);
    let is_branch = first & 0xF800 == 0xF000 && second & 0x8000 != 0;
    match flow {
        // BL
        Flow::RunTo(target) if is_branch && second & 0x4000 != 0 => return Step::To(target.0),
        Flow::Plain => {}
        // WFE.W, WFI.W
        _ => return Step::Look,
    }
    let (upper, lower) = (u32::from(first), u32::from(second));
    let (s, j1, j2) = (upper >> 10 & 1, lower >> 13 & 1, lower >> 11 & 1);
    let low = (lower & 0x7FF) << 1;
    match (first, second) {
        // B.W (T4)
        _ if is_branch && second & 0x1000 != 0 => {
            let (i1, i2) = (!(j1 ^ s) & 1, !(j2 ^ s) & 1);
            let offset = s << 24 | i1 << 23 | i2 << 22 | (upper & 0x3FF) << 12 | low;
            Step::To(target((offset << 7) as i32 >> 7))
        }
        // UDF.W and its neighbours
        _ if is_branch && first & 0xFFF0 == 0xF7F0 => Step::Look,
        // B<c>.W (T3)
        _ if is_branch && first & 0x0380 != 0x0380 => {
            let offset = s << 20 | j2 << 19 | j1 << 18 | (upper & 0x3F) << 12 | low;
            Step::Either(target((offset << 11) as i32 >> 11))
        }
        // LDM with pc; TBB, TBH; LDR to pc
        _ if first & 0xFE50 == 0xE810 && second & 0x8000 != 0 => Step::Look,
        _ if first & 0xFFF0 == 0xE8D0 && second & 0xFFE0 == 0xF000 => Step::Look,
        _ if first & 0xFF70 == 0xF850 && second >> 12 == 15 => Step::Look,
        _ => Step::Next,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: Address = Address(0x7000_1000);

    fn at(offset: u32) -> Address {
        Address(START.0 + offset)
    }

    fn way(code: &[u16], pc: u32) -> Option<WayOut> {
        let bytes: Vec<u8> = code.iter().flat_map(|half| half.to_le_bytes()).collect();
        way_out(START, &bytes, at(pc), Follow::Branches)
    }

    /// As GNU as 2.40 encodes them, at offset 0.
    #[test]
    fn what_an_instruction_leads_to() {
        for (name, first, second, step) in [
            ("adds r0, r1, r2", 0x1888, 0, Step::Next),
            ("mov r8, r1", 0x4688, 0, Step::Next),
            ("pop {r4, r7}", 0xBC90, 0, Step::Next),
            ("cpsid i", 0xB672, 0, Step::Next),
            (
                "beq .+4-6",
                0xD0FD,
                0,
                Step::Either(at(0).0.wrapping_sub(2)),
            ),
            ("b .+0x10", 0xE006, 0, Step::To(at(0x10).0)),
            ("b .-4", 0xE7FC, 0, Step::To(at(0).0 - 4)),
            ("cbz r0, .+0x10", 0xB130, 0, Step::Either(at(0x10).0)),
            ("cbnz r3, .+0x46", 0xBB0B, 0, Step::Either(at(0x46).0)),
            ("bx lr", 0x4770, 0, Step::Look),
            ("blx r3", 0x4798, 0, Step::Look),
            ("mov pc, lr", 0x46F7, 0, Step::Look),
            ("add pc, r2", 0x4497, 0, Step::Look),
            ("pop {r7, pc}", 0xBD80, 0, Step::Look),
            ("svc 0", 0xDF00, 0, Step::Look),
            ("udf 0", 0xDE00, 0, Step::Look),
            ("bkpt 0xab", 0xBEAB, 0, Step::Look),
            ("cpsie i", 0xB662, 0, Step::Look),
            ("wfi", 0xBF30, 0, Step::Look),
            ("nop", 0xBF00, 0, Step::Next),
            ("bl .+0x104", 0xF000, 0xF880, Step::To(at(0x104).0)),
            ("b.w .+0x104", 0xF000, 0xB880, Step::To(at(0x104).0)),
            ("b.w .-0xfc", 0xF7FF, 0xBF80, Step::To(at(0).0 - 0xFC)),
            ("beq.w .+0x104", 0xF000, 0x8080, Step::Either(at(0x104).0)),
            ("bne.w .-0xfc", 0xF47F, 0xAF80, Step::Either(at(0).0 - 0xFC)),
            ("udf.w 0", 0xF7F0, 0xA000, Step::Look),
            ("dsb", 0xF3BF, 0x8F4F, Step::Next),
            ("msr control, r0", 0xF380, 0x8814, Step::Next),
            ("wfi.w", 0xF3AF, 0x8003, Step::Look),
            ("pop.w {r4-r11, pc}", 0xE8BD, 0x8FF0, Step::Look),
            ("pop.w {r4-r11}", 0xE8BD, 0x0FF0, Step::Next),
            ("tbb [pc, r0]", 0xE8DF, 0xF000, Step::Look),
            ("ldr.w pc, [r1]", 0xF8D1, 0xF000, Step::Look),
            ("ldr pc, [sp], #4", 0xF85D, 0xFB04, Step::Look),
            ("ldr.w r8, [r1, #0x100]", 0xF8D1, 0x8100, Step::Next),
            ("vmov s0, r0", 0xEE00, 0x0A10, Step::Next),
        ] {
            let first: u16 = first;
            let second: u16 = second;
            let code = [first.to_le_bytes(), second.to_le_bytes()].concat();
            assert_eq!(decode(START, &code).0, step, "{name}");
        }
    }

    #[test]
    fn a_loop_is_left_where_it_ends() {
        // 0: movs r0, #9; 2: subs r0, #1; 4: bne 2; 6: nop
        let code = [0x2009, 0x3801, 0xD1FD, 0xBF00];
        let found = way(&code, 0).expect("a way");
        assert_eq!(found.exits, [at(8)]);
        assert!(found.loops);
        assert_eq!(found.nearest, 4);
        // Where branches are not followed, the way is to the branch.
        let bytes: Vec<u8> = code.iter().flat_map(|half| half.to_le_bytes()).collect();
        let block = way_out(START, &bytes, at(0), Follow::Block).expect("a way");
        assert_eq!((block.exits, block.nearest), (vec![at(4)], 2));
        assert!(!block.loops);
    }

    #[test]
    fn calls_returns_and_branches_out_are_exits() {
        // 0: cbz r0, 8; 2: bl 0x104 + 2; 6: nop; 8: pop {pc}
        let found = way(&[0xB110, 0xF000, 0xF87E, 0xBF00, 0xBD00], 0).expect("a way");
        assert_eq!(found.exits, [at(8), at(0x102)]);
        assert_eq!(found.nearest, 1);
        assert!(!found.loops);
        assert_eq!(way(&[0xBD00], 0), None, "it has to be looked at");
        assert_eq!(way(&[0xBF00], 2), None, "it is outside");
    }

    #[test]
    fn a_block_of_conditional_instructions_is_passed_unless_it_branches() {
        // 0: ite eq; 2: moveq r0, #1; 4: movne.w r8, r1; 8: nop
        let found = way(&[0xBF0C, 0x2001, 0xEA4F, 0x0801, 0xBF00], 0).expect("a way");
        assert_eq!(found.exits, [at(10)]);
        // 0: nop; 2: it eq; 4: bxeq lr
        let found = way(&[0xBF00, 0xBF08, 0x4770], 0).expect("a way");
        assert_eq!(found.exits, [at(2)]);
        // The range ends inside.
        let found = way(&[0xBF00, 0xBF04, 0x2001], 0).expect("a way");
        assert_eq!(found.exits, [at(2)]);
    }

    #[test]
    fn a_range_without_an_end_has_no_exits() {
        // 0: nop; 2: b 0
        let found = way(&[0xBF00, 0xE7FD], 0).expect("a way");
        assert!(found.exits.is_empty() && found.loops);
        assert_eq!(found.nearest, usize::MAX);
    }
}

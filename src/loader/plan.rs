//! Where the routine's return, its stack and two buffers go in RAM, decided before anything is written.
//!
//! The routine lies where it was linked, so that is taken first, and must be RAM of this board as its option bytes share it. The rest
//! goes into tightly coupled memory where there is room, because no cache stands before it; buffers that are too large for it go
//! into AXI SRAM. Two buffers: the next data can travel to one while the routine programs from the other.

use std::ops::Range;

use super::routine::{Convention, Routine};
use crate::{
    layout::{Address, BoardProfile, Ram},
    link::{Link, LinkError},
};

/// The top of the RAM is left alone: a boot stage may keep its retained status there.
const SPARED_BYTES: u64 = 64;

/// `BKPT #0` twice: a routine returns to the first.
const BREAKPOINT: [u8; 4] = [0x00, 0xBE, 0x00, 0xBE];

/// What lies at the bottom of the stack, and is there no more when a routine has used all of it.
const CANARY: [u8; 16] = *b"end of the stack";

/// Alignment of everything that is placed: a cache line (Cortex-M7 TRM, 5.2).
const LINE_BYTES: u64 = 32;

/// What one call of an ST loader programs where the board profile does not say: it splits it into pages itself.
const ST_PROGRAM_BYTES: u32 = 0x4000;

/// Where our additions to a routine lie.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// The instruction that a routine returns to.
    pub breakpoint: Address,
    /// Lowest address of the stack.
    pub stack_bottom: Address,
    /// Initial stack pointer.
    pub stack_top: Address,
    /// First address of each buffer.
    pub buffers: [Address; 2],
    /// Bytes of each, whole pages.
    pub buffer_bytes: u32,
    /// True if the core's data cache may hold a buffer.
    pub cached: bool,
    /// The largest piece of RAM that is left: the queue of our own loader takes it.
    pub pool: Range<u64>,
}

/// There is no RAM for it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DoesNotFit {
    /// It was linked for RAM that is not there.
    #[error(
        "flash routine `{name}` does not fit: it was linked for {first} to {last}, and the chip has no RAM there as its option bytes share it"
    )]
    NoRam {
        /// The routine.
        name: String,
        /// First address of the segment.
        first: Address,
        /// Its last address.
        last: Address,
    },
    /// There is RAM, but not enough.
    #[error(
        "flash routine `{name}` does not fit: beside it there is no room for {needed} bytes of {purpose}"
    )]
    NoRoom {
        /// The routine.
        name: String,
        /// What for.
        purpose: &'static str,
        /// How much.
        needed: u64,
    },
}

impl Plan {
    /// Finds room. `program_bytes` is what one call may program at most.
    pub fn new(
        routine: &Routine,
        profile: &BoardProfile,
        program_bytes: Option<u32>,
    ) -> Result<Self, DoesNotFit> {
        Self::within(Room::of(profile), routine, program_bytes, |_| true)
    }

    /// The same for a probe whose writes the data cache does not see: smaller buffers where no cache lies, if there is room for any.
    pub fn past_caches(
        routine: &Routine,
        profile: &BoardProfile,
        program_bytes: Option<u32>,
    ) -> Result<Self, DoesNotFit> {
        let within = |allowed: fn(u64) -> bool| {
            Self::within(Room::of(profile), routine, program_bytes, allowed)
        };
        within(is_tightly_coupled).or_else(|_| within(|_| true))
    }

    /// `may_hold_buffers` tells by an address where buffers may lie.
    fn within(
        mut room: Room,
        routine: &Routine,
        program_bytes: Option<u32>,
        may_hold_buffers: fn(u64) -> bool,
    ) -> Result<Self, DoesNotFit> {
        for segment in &routine.segments {
            room.take(segment.range()).map_err(|()| {
                let Range { start, end } = segment.range();
                DoesNotFit::NoRam {
                    name: routine.name.clone(),
                    first: Address(start as u32),
                    last: Address((end.max(start + 1) - 1) as u32),
                }
            })?;
        }
        let no_room = |purpose, needed| DoesNotFit::NoRoom {
            name: routine.name.clone(),
            purpose,
            needed,
        };
        let stack = u64::from(routine.stack_bytes).next_multiple_of(LINE_BYTES);
        let call = LINE_BYTES + stack;
        let bottom = room.place(call).ok_or_else(|| no_room("stack", call))?;
        let page = routine.flash.page_bytes.max(1);
        let wanted = program_bytes.unwrap_or(match routine.convention {
            Convention::Cmsis(_) => page,
            Convention::St(_) => page.max(ST_PROGRAM_BYTES),
        });
        let mut pages = (wanted / page).max(1);
        let pair = |pages| 2 * (u64::from(page) * u64::from(pages)).next_multiple_of(LINE_BYTES);
        let buffers = loop {
            match room.place_where(pair(pages), may_hold_buffers) {
                Some(buffers) => break buffers,
                None if pages == 1 => return Err(no_room("buffers", pair(1))),
                None => pages = pages.div_ceil(2).min(pages - 1),
            }
        };
        // All sums lie below the end of a RAM.
        Ok(Self {
            breakpoint: Address(bottom as u32),
            stack_bottom: Address((bottom + LINE_BYTES) as u32),
            stack_top: Address((bottom + call) as u32),
            buffers: [buffers, buffers + pair(pages) / 2].map(|start| Address(start as u32)),
            buffer_bytes: page * pages,
            cached: !is_tightly_coupled(buffers),
            pool: room.largest(),
        })
    }

    /// For a routine of ours that runs anywhere and looks at `read`: a stack and two buffers beside that, nothing else.
    pub(super) fn beside(
        profile: &BoardProfile,
        read: &[Range<u64>],
        stack_bytes: u32,
        buffer_bytes: u32,
    ) -> Option<Self> {
        let mut room = Room::of(profile);
        read.iter().for_each(|range| room.spare(range));
        let call = LINE_BYTES + u64::from(stack_bytes);
        let bottom = room.place(call)?;
        let buffers = room.place(2 * u64::from(buffer_bytes))?;
        Some(Self {
            breakpoint: Address(bottom as u32),
            stack_bottom: Address((bottom + LINE_BYTES) as u32),
            stack_top: Address((bottom + call) as u32),
            buffers: [buffers, buffers + u64::from(buffer_bytes)]
                .map(|start| Address(start as u32)),
            buffer_bytes,
            cached: !is_tightly_coupled(buffers),
            pool: room.largest(),
        })
    }

    /// The first place for `bytes` in one piece beside `read`.
    pub(super) fn one_piece_beside(
        profile: &BoardProfile,
        read: &[Range<u64>],
        bytes: u64,
    ) -> Option<Address> {
        let mut room = Room::of(profile);
        read.iter().for_each(|range| room.spare(range));
        room.place(bytes).map(|start| Address(start as u32))
    }

    /// What is written besides the routine itself.
    pub(super) fn additions(&self) -> [(Address, &'static [u8]); 2] {
        [(self.breakpoint, &BREAKPOINT), (self.stack_bottom, &CANARY)]
    }

    /// True if a routine has needed more than its stack.
    pub(super) fn is_overrun(&self, link: &mut dyn Link) -> Result<bool, LinkError> {
        let mut there = [0; CANARY.len()];
        link.read(self.stack_bottom, &mut there)?;
        Ok(there != CANARY)
    }
}

/// True where no cache stands before a RAM (Cortex-M7 TRM, 1.3.3): ITCM at 0, DTCM at 0x20000000.
fn is_tightly_coupled(address: u64) -> bool {
    address < 0x0100_0000 || (0x2000_0000..0x2100_0000).contains(&address)
}

/// What is still free of the board's RAM, in the order in which it is given away.
struct Room {
    free: Vec<Range<u64>>,
}

impl Room {
    /// DTCM, AXI SRAM, other RAM, and ITCM last: address 0 is there.
    fn of(profile: &BoardProfile) -> Self {
        let rank = |ram: &&Ram| match ram.base.0 {
            0x2000_0000..=0x20FF_FFFF => 0,
            0x2400_0000..=0x24FF_FFFF => 1,
            0x0000_0000..=0x00FF_FFFF => 3,
            _ => 2,
        };
        let mut rams: Vec<&Ram> = profile.rams.iter().collect();
        rams.sort_by_key(rank);
        // A buffer at address 0 is no buffer to some.
        let usable = |ram: &Ram| ram.range().start.max(LINE_BYTES)..ram.range().end;
        let free = rams.into_iter().map(usable).collect();
        Self { free }
    }

    /// Takes what is asked for; fails if not all of it is free RAM.
    fn take(&mut self, wanted: Range<u64>) -> Result<(), ()> {
        let holds = |free: &&Range<u64>| free.start <= wanted.start && wanted.end <= free.end;
        if !self.free.iter().any(|free| holds(&free)) {
            return Err(());
        }
        self.spare(&wanted);
        Ok(())
    }

    /// Leaves alone what is RAM of `wanted`.
    fn spare(&mut self, wanted: &Range<u64>) {
        self.free = self
            .free
            .iter()
            .flat_map(|free| {
                let before = free.start..free.end.min(wanted.start);
                let behind = free.start.max(wanted.end)..free.end;
                [before, behind]
            })
            .filter(|piece| piece.start < piece.end)
            .collect();
    }

    /// The largest piece that is left; empty if none is.
    fn largest(&self) -> Range<u64> {
        let usable = self.free.iter().map(|free| {
            let start = free.start.next_multiple_of(LINE_BYTES);
            start..free.end.saturating_sub(SPARED_BYTES).max(start)
        });
        usable
            .max_by_key(|free| free.end - free.start)
            .unwrap_or_default()
    }

    /// The first place for `bytes`, which is then taken.
    fn place(&mut self, bytes: u64) -> Option<u64> {
        self.place_where(bytes, |_| true)
    }

    /// The same, where `allowed` says that an address may be used.
    fn place_where(&mut self, bytes: u64, allowed: fn(u64) -> bool) -> Option<u64> {
        let usable = self.free.iter().filter(|free| allowed(free.start));
        let start = usable.into_iter().find_map(|free| {
            let start = free.start.next_multiple_of(LINE_BYTES);
            let end = free.end.saturating_sub(SPARED_BYTES);
            (start + bytes <= end).then_some(start)
        })?;
        self.take(start..start + bytes).ok()?;
        Some(start)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::loader::tests::sample;

    fn routine(address: u32, code_bytes: usize, page_bytes: u32) -> Routine {
        let mut routine = sample();
        routine.segments[0].address = Address(address);
        routine.segments[0].data = vec![0; code_bytes];
        routine.flash.page_bytes = page_bytes;
        routine
    }

    fn kit() -> BoardProfile {
        BoardProfile::find("stm32h7s78-dk").expect("the kit")
    }

    #[test]
    fn breakpoint_stack_and_buffers_follow_the_code_where_no_cache_lies() {
        let plan = Plan::new(&routine(0x2000_0020, 0x100, 0x1000), &kit(), None).expect("a plan");
        assert_eq!(plan.breakpoint, Address(0x2000_0120));
        assert_eq!(plan.stack_top, Address(0x2000_0540));
        assert_eq!(plan.stack_top.0 % 8, 0);
        assert_eq!(plan.buffers, [Address(0x2000_0540), Address(0x2000_1540)]);
        assert!(!plan.cached);
    }

    #[test]
    fn buffers_that_are_too_large_for_dtcm_go_into_axi_sram() {
        let code = routine(0x2000_0020, 0xB7AC, 0x1000);
        let plan = Plan::new(&code, &kit(), Some(0x3000)).expect("a plan");
        assert_eq!(plan.breakpoint, Address(0x2000_B7E0));
        assert_eq!(plan.buffers, [Address(0x2400_0000), Address(0x2400_3000)]);
        assert_eq!(plan.buffer_bytes, 0x3000);
        assert!(plan.cached);
    }

    #[test]
    fn a_probe_that_writes_past_the_cache_has_smaller_buffers_where_none_lies() {
        let code = routine(0x2000_0020, 0xB7AC, 0x1000);
        let plan = Plan::past_caches(&code, &kit(), Some(0x3000)).expect("a plan");
        assert!(!plan.cached, "{plan:?}");
        assert_eq!(
            plan.buffers[0],
            Address(0x20),
            "ITCM, and not its first address"
        );
        let full = routine(0x2000_0020, 0xF000, 0x1000);
        let mut no_itcm = kit();
        no_itcm.rams.retain(|ram| ram.name != "itcm");
        let plan = Plan::past_caches(&full, &no_itcm, Some(0x3000)).expect("a plan");
        assert!(plan.cached, "{plan:?}");
    }

    #[test]
    fn the_retained_status_at_the_top_is_left_alone() {
        let mut board = kit();
        board.rams.retain(|ram| ram.name == "dtcm");
        let plan = Plan::new(
            &routine(0x2000_0020, 0x100, 0x1000),
            &board,
            Some(0x10_0000),
        );
        let plan = plan.expect("a plan");
        assert!(plan.buffers[1].0 + plan.buffer_bytes <= 0x2000_FFC0);
        assert!(plan.buffer_bytes >= 0x4000, "{plan:?}");
    }

    #[test]
    fn code_for_ram_that_is_not_there_is_refused_before_anything_is_written() {
        for (address, bytes) in [
            (0x1000_0000, 0x100),
            (0x2000_FF00, 0x200),
            (0x2402_0000, 0x8_0000),
        ] {
            let refused = Plan::new(&routine(address, bytes, 0x1000), &kit(), None);
            assert!(matches!(
                refused,
                Err(DoesNotFit::NoRam { first, .. }) if first == Address(address)
            ));
        }
    }

    #[test]
    fn what_has_no_room_is_named() {
        let mut board = kit();
        board.rams.retain(|ram| ram.name == "dtcm");
        let full = Plan::new(&routine(0x2000_0000, 0xFC00, 0x100), &board, None);
        assert!(matches!(
            full,
            Err(DoesNotFit::NoRoom {
                purpose: "stack",
                ..
            })
        ));
        let tight = Plan::new(&routine(0x2000_0000, 0xE000, 0x1000), &board, None);
        assert!(matches!(
            tight,
            Err(DoesNotFit::NoRoom {
                purpose: "buffers",
                ..
            })
        ));
    }

    #[test]
    fn zeros_behind_the_code_are_part_of_it() {
        let mut code = routine(0x2000_0020, 0x100, 0x100);
        code.segments[0].zeros = 0x1000;
        let plan = Plan::new(&code, &kit(), None).expect("a plan");
        assert_eq!(plan.breakpoint, Address(0x2000_1120));
    }
}

//! Where the oracle is known to differ from the manual. Nothing else may differ; each is counted in the report.

use crate::wire::{Case, State};
use virtual_board::cpu::registers::psr;

/// A known difference of the oracle.
pub struct Deviation {
    /// Class of the cases, by name; none if it can be any.
    pub class: Option<&'static str>,
    /// What the manual says, and where; what the oracle does.
    pub reason: &'static str,
    /// True if it explains the difference between `ours` and `theirs`, which is all there is.
    pub explains: fn(case: &Case, ours: &State, theirs: &State) -> bool,
}

/// All of them.
pub const DEVIATIONS: &[Deviation] = &[
    Deviation {
        class: None,
        reason: "SP<1:0> are always zero (ARM ARM B1.4.1); the oracle keeps them",
        explains: |_, ours, theirs| {
            let mut aligned = theirs.clone();
            aligned.r[13] &= !3;
            *ours == aligned
        },
    },
    Deviation {
        class: Some("hints, 16 bits"),
        reason: "YIELD does nothing here (ARM ARM A7.7, YIELD); the oracle ends with an exception of its own",
        explains: only_stopped,
    },
    Deviation {
        class: Some("hints"),
        reason: "YIELD does nothing here (ARM ARM A7.7, YIELD); the oracle ends with an exception of its own",
        explains: only_stopped,
    },
    Deviation {
        class: Some("SEV, then WFE"),
        reason: "WFE returns at once with the event register set (ARM ARM B1.5.18); the oracle ends with an exception of its own",
        explains: only_stopped,
    },
    Deviation {
        class: Some("MSR, MRS BASEPRI"),
        reason: "16 priority levels: BASEPRI<3:0> read as zero (ARM ARM B1.5.4); the oracle has 256",
        explains: |case, ours, theirs| {
            const PRIORITY: u32 = 0xF0;
            read_differs_by(case, ours, theirs, |value| value & PRIORITY)
        },
    },
    Deviation {
        class: Some("MSR, MRS PSP"),
        reason: "SP<1:0> are always zero (ARM ARM B5.2.3); the oracle keeps them",
        explains: |case, ours, theirs| read_differs_by(case, ours, theirs, |value| value & !3),
    },
    Deviation {
        class: Some("MSR, MRS MSP"),
        reason: "SP<1:0> are always zero (ARM ARM B5.2.3); the oracle keeps them",
        explains: |case, ours, theirs| {
            let mut theirs = theirs.clone();
            theirs.r[13] &= !3;
            read_differs_by(case, ours, &theirs, |value| value & !3)
        },
    },
    Deviation {
        class: Some("VCVT fixed point"),
        reason: "fixed point to single precision rounds to nearest (ARM ARM A7.7, VCVT); the oracle obeys FPSCR.RMode",
        explains: |case, ours, theirs| {
            const ROUNDING_MODE: u32 = 3 << 22;
            let to_fixed = case.code[case.code.len() - 2] & 1 << 2 != 0;
            let mut corrected = theirs.clone();
            let changed = (0..32).find(|number| ours.s[*number] != theirs.s[*number]);
            if let Some(number) = changed {
                let distance = ours.s[number].abs_diff(theirs.s[number]);
                corrected.s[number] = if distance == 1 { ours.s[number] } else { 0 };
            }
            !to_fixed && case.state.fpscr & ROUNDING_MODE != 0 && *ours == corrected
        },
    },
    Deviation {
        class: Some("SMLAD, SMLAW, SMLSD, SMMLA, SMMLS"),
        reason: "SMLAD sets Q if the whole sum overflows (ARM ARM A7.7, SMLAD); the oracle does if the products' sum alone does",
        explains: |case, ours, theirs| {
            const SMALLEST_HALVES: u32 = 0x8000_8000;
            let [.., first, second] = case.code[..] else {
                return false;
            };
            let operands = [first & 0xF, second & 0xF];
            let overflows = operands
                .iter()
                .all(|number| case.state.r[usize::from(*number)] == SMALLEST_HALVES);
            let corrected = State {
                apsr: theirs.apsr & !psr::Q,
                ..theirs.clone()
            };
            overflows && *ours == corrected
        },
    },
];

/// The states are equal, but the oracle took an exception.
fn only_stopped(_: &Case, ours: &State, theirs: &State) -> bool {
    let completed = State {
        trapped: false,
        ..theirs.clone()
    };
    theirs.trapped && *ours == completed
}

/// The states are equal once `expected` is applied to what MRS, the last instruction, read.
fn read_differs_by(case: &Case, ours: &State, theirs: &State, expected: fn(u32) -> u32) -> bool {
    let Some(last) = case.code.last() else {
        return false;
    };
    let destination = usize::from(last >> 8 & 0xF);
    let mut corrected = theirs.clone();
    corrected.r[destination] = expected(corrected.r[destination]);
    *ours == corrected
}

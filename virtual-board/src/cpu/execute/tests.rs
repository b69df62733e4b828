//! What is easily got wrong; the rest is compared with an independent implementation in `tests/unicorn.rs`.

use super::*;
use crate::{
    bus::{BusError, Master, Width},
    cpu::decode::decode,
};

/// 64 bytes of memory at address 0.
struct Memory([u8; 64]);

impl Default for Memory {
    fn default() -> Self {
        Self([0; 64])
    }
}

impl Bus for Memory {
    fn read(&mut self, address: u32, width: Width, _: Master) -> Result<u32, BusError> {
        let place = address as usize..(address + width.bytes()) as usize;
        let bytes = self.0.get(place).ok_or(BusError::Refused)?;
        Ok(bytes
            .iter()
            .rfold(0, |value, byte| value << 8 | u32::from(*byte)))
    }

    fn write(&mut self, address: u32, width: Width, value: u32, _: Master) -> Result<(), BusError> {
        let count = width.bytes() as usize;
        let place = address as usize..address as usize + count;
        let bytes = self.0.get_mut(place).ok_or(BusError::Refused)?;
        bytes.copy_from_slice(&value.to_le_bytes()[..count]);
        Ok(())
    }

    fn at_cycle(&mut self, _: u64) {}

    fn take_attention(&mut self) -> bool {
        false
    }

    fn take_time_dependence(&mut self) -> bool {
        false
    }
}

/// Executes `halfwords` one after the other, wherever they lead.
fn run(core: &mut Core, halfwords: &[u16]) -> Result<(), Trap> {
    let mut rest = halfwords;
    while let [first, after @ ..] = rest {
        let instruction = decode(*first, after.first().copied().unwrap_or(0));
        core.execute(&mut Memory::default(), instruction)?;
        rest = &rest[usize::from(instruction.bytes) / 2..];
    }
    Ok(())
}

const MOVS_R0_1: u16 = 0x2001;
const ADDS_R0_1: u16 = 0x3001;
const ITE_EQ: u16 = 0xBF0C;

#[test]
fn it_block_runs_one_branch_and_leaves_the_flags_of_narrow_instructions_alone() {
    let mut core = Core::default();
    core.registers.apsr = psr::Z | psr::C;
    run(&mut core, &[ITE_EQ, MOVS_R0_1, ADDS_R0_1]).unwrap();
    assert_eq!(core.registers.r[0], 1);
    assert_eq!(core.registers.apsr, psr::Z | psr::C);
    assert_eq!(core.registers.itstate, 0);
    assert_eq!(core.registers.r[15], 6);
}

#[test]
fn it_state_advances_condition_and_mask_together() {
    let mut core = Core::default();
    run(&mut core, &[ITE_EQ]).unwrap();
    assert_eq!(core.registers.itstate, 0x0C);
    run(&mut core, &[MOVS_R0_1]).unwrap();
    assert_eq!(core.registers.itstate, 0x18, "NE for the last one");
    assert_eq!(core.registers.r[0], 0);
}

#[test]
fn breakpoint_ignores_the_condition() {
    let mut core = Core::default();
    run(&mut core, &[ITE_EQ]).unwrap();
    assert_eq!(
        run(&mut core, &[0xBEAB]),
        Err(Trap::Breakpoint { immediate: 0xAB })
    );
    assert_eq!(core.registers.r[15], 2);
}

#[test]
fn supervisor_call_leaves_the_pc_behind_itself() {
    let mut core = Core::default();
    assert_eq!(run(&mut core, &[0xDF00]), Err(Trap::SupervisorCall));
    assert_eq!(core.registers.r[15], 2);
}

#[test]
fn a_fault_in_the_middle_of_ldm_changes_no_register() {
    let mut core = Core::default();
    core.registers.r[4] = 56;
    let before = core.registers.clone();
    // LDMIA R4!, {R0-R3}: the third word lies outside.
    assert_eq!(
        run(&mut core, &[0xCC0F]),
        Err(Trap::BusData { address: 64 })
    );
    assert_eq!(core.registers, before);
}

#[test]
fn exception_return_only_in_handler_mode() {
    const BX_LR: u16 = 0x4770;
    let mut core = Core::default();
    core.registers.r[14] = 0xFFFF_FFF9;
    run(&mut core, &[BX_LR]).unwrap();
    assert_eq!(core.registers.r[15], 0xFFFF_FFF8);
    core.registers.ipsr = 11;
    assert_eq!(
        run(&mut core, &[BX_LR]),
        Err(Trap::ExceptionReturn { value: 0xFFFF_FFF9 })
    );
}

#[test]
fn pop_of_an_exception_return_completes_first() {
    let mut core = Core::default();
    core.registers.ipsr = 3;
    core.registers.r[13] = 8;
    let mut memory = Memory::default();
    memory.0[8..16].copy_from_slice(&[7, 0, 0, 0, 0xFD, 0xFF, 0xFF, 0xFF]);
    // POP {R4, PC}
    let result = core.execute(&mut memory, decode(0xBD10, 0));
    assert_eq!(result, Err(Trap::ExceptionReturn { value: 0xFFFF_FFFD }));
    assert_eq!((core.registers.r[4], core.registers.r[13]), (7, 16));
}

#[test]
fn stack_selection_swaps_the_stack_pointers_in_thread_mode_only() {
    const MSR_CONTROL_R0: [u16; 2] = [0xF380, 0x8814];
    let mut core = Core::default();
    core.registers.r[0] = 2;
    core.registers.r[13] = 0x100;
    core.registers.banked_sp = 0x200;
    run(&mut core, &MSR_CONTROL_R0).unwrap();
    assert_eq!(
        (core.registers.r[13], core.registers.banked_sp),
        (0x200, 0x100)
    );
    core.registers.ipsr = 5;
    core.registers.r[0] = 0;
    let before = core.registers.r[13];
    run(&mut core, &MSR_CONTROL_R0).unwrap();
    assert_eq!(core.registers.r[13], before);
    assert_eq!(core.registers.control & 2, 2);
}

#[test]
fn unprivileged_code_changes_no_mask() {
    let mut core = Core::default();
    core.registers.control = 1;
    // CPSID i; MSR BASEPRI, R0
    core.registers.r[0] = 0x40;
    run(&mut core, &[0xB672, 0xF380, 0x8811]).unwrap();
    assert!(!core.registers.primask);
    assert_eq!(core.registers.basepri, 0);
}

#[test]
fn basepri_max_only_raises_the_priority() {
    const MSR_BASEPRI_MAX_R0: [u16; 2] = [0xF380, 0x8812];
    let mut core = Core::default();
    for (written, expected) in [(0x80, 0x80), (0xC0, 0x80), (0x47, 0x40), (0, 0x40)] {
        core.registers.r[0] = written;
        run(&mut core, &MSR_BASEPRI_MAX_R0).unwrap();
        assert_eq!(core.registers.basepri, expected, "after {written:#x}");
    }
}

#[test]
fn a_store_exclusive_needs_its_load() {
    const STREX_R0_R1_R2: [u16; 2] = [0xE842, 0x1000];
    const LDREX_R3_R2: [u16; 2] = [0xE852, 0x3F00];
    let mut core = Core::default();
    run(&mut core, &STREX_R0_R1_R2).unwrap();
    assert_eq!(core.registers.r[0], 1);
    run(&mut core, &[LDREX_R3_R2, STREX_R0_R1_R2].concat()).unwrap();
    assert_eq!(core.registers.r[0], 0);
    run(&mut core, &STREX_R0_R1_R2).unwrap();
    assert_eq!(core.registers.r[0], 1);
}

#[test]
fn shifts_by_a_register_of_32_and_more() {
    use super::arithmetic::shift_with_carry;
    use crate::cpu::decode::Shift;
    let value = 0x8000_0001;
    assert_eq!(shift_with_carry(value, Shift::Left, 32, false), (0, true));
    assert_eq!(shift_with_carry(value, Shift::Left, 33, true), (0, false));
    assert_eq!(
        shift_with_carry(value, Shift::LogicalRight, 32, false),
        (0, true)
    );
    assert_eq!(
        shift_with_carry(value, Shift::ArithmeticRight, 255, false),
        (u32::MAX, true)
    );
    assert_eq!(
        shift_with_carry(value, Shift::RotateRight, 64, false),
        (value, true)
    );
    assert_eq!(
        shift_with_carry(value, Shift::RotateExtend, 1, true),
        (0xC000_0000, true)
    );
}

#[test]
fn interworking_branch_to_an_even_address_clears_thumb() {
    let mut core = Core::default();
    core.registers.thumb = true;
    core.registers.r[1] = 0x20;
    run(&mut core, &[0x4708]).unwrap();
    assert_eq!((core.registers.r[15], core.registers.thumb), (0x20, false));
}

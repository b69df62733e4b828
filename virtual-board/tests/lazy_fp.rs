//! The FP part of exception frames, filled at once or lazily (ARM ARM B1.5.7), on hand-assembled programs.

#[path = "machine/mod.rs"]
mod machine;

use machine::*;
use virtual_board::cpu::Outcome;

const BUS_FAULT: u32 = 5;

fn with_fpu(program: &[u16]) -> Machine {
    let mut machine = Machine::new(program);
    machine.poke(reg::CPACR, 0xF << 20);
    for number in 0..32 {
        machine.core.registers.s[number] = 0x4000_0000 + number as u32;
    }
    machine
}

const FLOAT_THEN_SVC: &[u16] = &[
    0xEEB7, 0x0A00, // vmov.f32 s0, #112
    0xDF00, // svc 0
    0xE7FE, // b.n 6
];

#[test]
fn lazy_preservation_reserves_and_fills_only_when_needed() {
    let mut machine = with_fpu(FLOAT_THEN_SVC);
    machine.handle(
        11,
        &[
            0xBF00, // nop
            0xEEB0, 0x0A00, // vmov.f32 s0, #0
            0xEEF0, 0x0A00, // vmov.f32 s1, #0
            0x4770, // bx lr
        ],
    );
    machine.run(15);
    let frame = STACK - 0x68;
    assert_eq!(machine.core.registers.r[13], frame);
    assert_eq!(machine.core.registers.r[14], 0xFFFF_FFE9);
    assert_eq!(machine.core.registers.control & 4, 0);
    assert_eq!(machine.peek(reg::FPCAR), frame + 0x20);
    assert_eq!(machine.peek(reg::FPCCR) & 1, 1, "LSPACT");
    assert_eq!(machine.peek(frame + 0x20), 0, "nothing written yet");
    machine.run(1);
    assert_eq!(machine.peek(reg::FPCCR) & 1, 0);
    assert_eq!(machine.peek(frame + 0x20), 0x3F80_0000);
    assert_eq!(machine.peek(frame + 0x24), 0x4000_0001);
    assert_eq!(machine.run(60), Outcome::Idle);
    assert_eq!(machine.core.registers.s[..2], [0x3F80_0000, 0x4000_0001]);
    assert_eq!(machine.core.registers.r[13], STACK);
    assert_eq!(machine.core.registers.control & 4, 4);
}

#[test]
fn an_integer_handler_never_touches_the_fp_frame() {
    let mut machine = with_fpu(FLOAT_THEN_SVC);
    machine.handle(
        11,
        &[
            0x4770, // bx lr
        ],
    );
    assert_eq!(machine.run(60), Outcome::Idle);
    assert_eq!(machine.peek(reg::FPCCR) & 1, 0, "the return discards it");
    assert_eq!(machine.peek(STACK - 0x48), 0);
    assert_eq!(machine.core.registers.s[0], 0x3F80_0000);
}

#[test]
fn without_lspen_the_fp_frame_is_written_at_once() {
    let mut machine = with_fpu(FLOAT_THEN_SVC);
    machine.poke(reg::FPCCR, 1 << 31);
    machine.run(14);
    assert_eq!(machine.peek(STACK - 0x48), 0x3F80_0000);
}

#[test]
fn a_lazy_frame_in_a_hole_is_lsperr() {
    let mut machine = with_fpu(FLOAT_THEN_SVC);
    machine.poke(reg::SHCSR, FAULTS_ENABLED);
    machine.poke(reg::SHPR2, 0x8000_0000);
    machine.handle(
        11,
        &[
            0x6008, // str r0, [r1, #0]
            0xEEB0, 0x0A00, // vmov.f32 s0, #0
            0x2601, // movs r6, #1
            0xE7FE, // b.n 8
        ],
    );
    machine.core.registers.r[0] = HOLE;
    machine.core.registers.r[1] = reg::FPCAR;
    machine.run(60);
    assert_eq!(machine.core.pc(), handler(BUS_FAULT));
    assert_eq!(machine.peek(reg::CFSR), 0x2000);
    assert_eq!(
        machine.core.registers.r[6], 0,
        "the FP instruction was abandoned"
    );
    assert_eq!(machine.stacked(6), handler(11) + 2);
}

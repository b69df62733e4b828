//! Sleep, wake-up, and what ends a run (ARM ARM B1.5.17-B1.5.19), on hand-assembled programs.

#[path = "machine/mod.rs"]
mod machine;

use machine::*;
use virtual_board::cpu::{Outcome, ResetRequest};

#[test]
fn systick_wakes_a_sleeping_core() {
    let mut machine = Machine::new(&[
        0xBF30, // wfi
        0x3501, // adds r5, #1
        0xE7FC, // b.n 0
    ]);
    machine.handle(
        15,
        &[
            0x3401, // adds r4, #1
            0x4770, // bx lr
        ],
    );
    machine.poke(reg::SYST_RVR, 99);
    machine.poke(reg::SYST_CSR, 7);
    machine.core.registers.r[4] = 0;
    machine.core.registers.r[5] = 0;
    machine.run_through(1050);
    assert_eq!(machine.core.registers.r[4..6], [10, 10]);
}

#[test]
fn wfi_wakes_under_primask_without_taking_the_interrupt() {
    let mut machine = Machine::new(&[
        0xB672, // cpsid i
        0xBF30, // wfi
        0x2601, // movs r6, #1
        0xE7FE, // b.n 6
    ]);
    machine.poke(reg::ISER0, 1 << 3);
    assert_eq!(machine.run(20), Outcome::Sleeping);
    machine.core.set_irq_lines([1 << 3, 0, 0, 0]);
    assert_eq!(machine.run(60), Outcome::Idle);
    assert_eq!(
        (machine.core.registers.r[6], machine.core.registers.ipsr),
        (1, 0)
    );
}

#[test]
fn wfe_sees_events_and_sevonpend() {
    let mut machine = Machine::new(&[
        0xBF40, // sev
        0xBF20, // wfe
        0xBF20, // wfe
        0x2601, // movs r6, #1
        0xE7FE, // b.n 8
    ]);
    assert_eq!(machine.run(20), Outcome::Sleeping);
    machine.poke(reg::SCR, 1 << 4);
    machine.core.set_irq_lines([1, 0, 0, 0]); // disabled, but newly pending
    assert_eq!(machine.run(60), Outcome::Idle);
    assert_eq!(machine.core.registers.r[6], 1);
}

#[test]
fn sleeponexit_sleeps_after_the_last_handler() {
    let mut machine = Machine::new(&[
        0xDF00, // svc 0
        0xE7FE, // b.n 2
    ]);
    machine.handle(
        11,
        &[
            0x4770, // bx lr
        ],
    );
    machine.poke(reg::SCR, 1 << 1);
    assert_eq!(machine.run(60), Outcome::Sleeping);
    assert_eq!(machine.core.pc(), PROGRAM + 2);
}

#[test]
fn sysresetreq_ends_the_run() {
    let mut machine = Machine::new(&[
        0x6008, // str r0, [r1, #0]
        0xE7FE, // b.n 2
    ]);
    machine.core.registers.r[0] = 0x05FA_0004;
    machine.core.registers.r[1] = reg::AIRCR;
    assert_eq!(
        machine.run(20),
        Outcome::ResetRequested(ResetRequest::System)
    );
}

#[test]
fn a_device_write_ends_the_slice() {
    let mut machine = Machine::new(&[
        0x6008, // str r0, [r1, #0]
        0xE7FE, // b.n 2
    ]);
    machine.core.registers.r[0] = 7;
    machine.core.registers.r[1] = DEVICE;
    assert_eq!(machine.run(20), Outcome::Attention);
    assert_eq!((machine.bus.device, machine.core.pc()), (7, PROGRAM + 2));
    assert_eq!(machine.core.attention_pc(), PROGRAM);
}

/// Software's way to the cycle counter: TRCENA, then the lock of a Cortex-M7.
#[test]
fn the_cycle_counter_needs_unlocking_by_software() {
    let program = &[
        0x6008, // str r0, [r1, #0]
        0x601A, // str r2, [r3, #0]
        0x602C, // str r4, [r5, #0]
        0xBF00, // nop
        0x6837, // ldr r7, [r6, #0]
        0xE7FE, // b.n a
    ];
    for (key, counts) in [(0xC5AC_CE55u32, true), (0, false)] {
        let mut machine = Machine::new(program);
        machine.core.registers.r[..7].copy_from_slice(&[
            1 << 24,
            reg::DEMCR,
            key,
            0xE000_1FB0,
            1,
            reg::DWT_CTRL,
            reg::DWT_CYCCNT,
        ]);
        machine.run(5);
        assert_eq!(machine.core.registers.r[7] != 0, counts);
    }
}

#[test]
fn code_that_changes_under_the_core_is_executed_as_it_is() {
    let mut machine = Machine::new(&[
        0x4700, // bx r0
    ]);
    machine.core.registers.r[0] = RAM | 1;
    machine.place(
        RAM,
        &[
            0x2101, // movs r1, #1
            0xE7FD, // b.n 0
        ],
    );
    machine.run(10);
    assert_eq!(machine.core.registers.r[1], 1);
    machine.place(
        RAM,
        &[
            0x2102, // movs r1, #2
        ],
    );
    machine.run(2);
    assert_eq!(machine.core.registers.r[1], 2);
}

//! Halting debug as a debugger meets it through the AHB-AP (ARM ARM C1), on hand-assembled programs.

#[path = "machine/mod.rs"]
mod machine;

use machine::*;
use virtual_board::{
    bus::{BusError, Width},
    cpu::{Outcome, ResetRequest},
};

const DFSR_HALTED: u32 = 1;
const DFSR_BKPT: u32 = 2;
const DFSR_DWTTRAP: u32 = 4;
const DFSR_VCATCH: u32 = 8;

const COUNT: &[u16] = &[
    0x3001, // adds r0, #1
    0x3101, // adds r1, #1
    0x3201, // adds r2, #1
    0xE7FB, // b.n 0
];

fn halted(program: &[u16]) -> Machine {
    let mut machine = Machine::new(program);
    machine.control(C_DEBUGEN | C_HALT);
    assert!(machine.core.is_halted());
    machine
}

#[test]
fn halting_needs_key_and_enable() {
    let mut machine = Machine::new(COUNT);
    machine.poke(reg::DHCSR, C_DEBUGEN | C_HALT);
    assert_eq!(machine.run(5), Outcome::Budget);
    machine.control(C_HALT);
    assert_eq!(machine.run(5), Outcome::Budget);
    machine.control(C_DEBUGEN | C_HALT);
    assert_eq!(machine.run(5), Outcome::Halted);
    assert_eq!(machine.peek(reg::DFSR), DFSR_HALTED);
    assert_ne!(machine.peek(reg::DHCSR) & S_HALT, 0);
    machine.poke(reg::DFSR, DFSR_HALTED);
    assert_eq!(machine.peek(reg::DFSR), 0);
}

#[test]
fn software_cannot_halt_itself() {
    let mut machine = Machine::new(&[
        0x6008, // str r0, [r1, #0]
        0xE7FE, // b.n 2
    ]);
    machine.control(C_DEBUGEN);
    machine.core.registers.r[0] = 0xA05F_0003;
    machine.core.registers.r[1] = reg::DHCSR;
    assert_eq!(machine.run(60), Outcome::Idle);
}

#[test]
fn sticky_bits_clear_on_reading() {
    let mut machine = Machine::new(COUNT);
    assert_ne!(machine.peek(reg::DHCSR) & 1 << 25, 0, "S_RESET_ST");
    assert_eq!(machine.peek(reg::DHCSR) & 1 << 25, 0);
    machine.run(3);
    assert_ne!(machine.peek(reg::DHCSR) & 1 << 24, 0, "S_RETIRE_ST");
    assert_eq!(machine.peek(reg::DHCSR) & 1 << 24, 0);
}

#[test]
fn registers_travel_through_dcrdr() {
    let mut machine = halted(COUNT);
    let writable = [0, 7, 12, 14, 17, 18, 64, 95];
    for selector in writable {
        machine.set_register(selector, 0x1000_0000 + 4 * selector);
    }
    for selector in writable {
        assert_eq!(machine.register(selector), 0x1000_0000 + 4 * selector);
    }
    machine.set_register(13, RAM + 0x100);
    assert_eq!(machine.register(17), RAM + 0x100, "MSP is the active one");
    machine.set_register(15, PROGRAM + 3);
    assert_eq!(machine.register(15), PROGRAM + 2);
    machine.set_register(16, 0xA100_0000);
    assert_eq!(machine.register(16), 0xA100_0000);
    machine.set_register(20, 0x0201_4001);
    assert_eq!(machine.register(20), 0x0201_4001);
    assert_eq!(
        machine.register(13),
        0x1000_0000 + 4 * 18,
        "SPSEL selected PSP"
    );
    machine.set_register(33, u32::MAX);
    assert_eq!(machine.register(33), 0xF7C0_009F, "FPSCR keeps what exists");
    assert_ne!(machine.peek(reg::DHCSR) & 1 << 16, 0, "S_REGRDY");
}

#[test]
fn a_register_transfer_while_running_is_never_ready() {
    let mut machine = Machine::new(COUNT);
    machine.poke(reg::DCRSR, 0);
    assert_eq!(machine.peek(reg::DHCSR) & 1 << 16, 0);
}

#[test]
fn a_step_is_one_instruction() {
    let mut machine = halted(COUNT);
    for count in 1..=3 {
        machine.control(C_DEBUGEN | C_STEP);
        assert_eq!(machine.run(100), Outcome::Halted);
        assert_eq!(machine.core.pc(), PROGRAM + 2 * count);
    }
    assert_eq!(machine.peek(reg::DFSR), DFSR_HALTED);
}

#[test]
fn a_step_over_svc_ends_in_the_handler_and_over_wfi_behind_it() {
    let mut machine = halted(&[
        0xBF30, // wfi
        0xDF00, // svc 0
    ]);
    machine.control(C_DEBUGEN | C_STEP);
    assert_eq!(machine.run(100), Outcome::Halted);
    assert_eq!(machine.core.pc(), PROGRAM + 2);
    machine.control(C_DEBUGEN | C_STEP);
    assert_eq!(machine.run(100), Outcome::Halted);
    assert_eq!(machine.core.pc(), handler(11));
}

#[test]
fn a_halt_ends_sleep_for_good() {
    const S_SLEEP: u32 = 1 << 18;
    let mut machine = Machine::new(&[
        0xBF30, // wfi
        0x3001, // adds r0, #1
        0xE7FE, // b.n 4
    ]);
    machine.core.registers.r[0] = 0;
    machine.control(C_DEBUGEN);
    assert_eq!(machine.run(10), Outcome::Sleeping);
    assert_ne!(machine.peek(reg::DHCSR) & S_SLEEP, 0);
    machine.control(C_DEBUGEN | C_HALT);
    let status = machine.peek(reg::DHCSR);
    assert_eq!(status & (S_SLEEP | S_HALT), S_HALT);
    assert_eq!(machine.register(15), PROGRAM + 2);
    machine.control(C_DEBUGEN);
    machine.run(10);
    assert_eq!(
        machine.core.registers.r[0], 1,
        "a halt wakes (ARM ARM B1.5.19)"
    );
}

#[test]
fn a_step_takes_a_pending_interrupt_unless_masked() {
    let mut machine = halted(COUNT);
    machine.poke(reg::ISER0, 1);
    machine.poke(reg::ISPR0, 1);
    machine.control(C_DEBUGEN | C_HALT | C_MASKINTS);
    machine.control(C_DEBUGEN | C_STEP | C_MASKINTS);
    assert_eq!(machine.run(100), Outcome::Halted);
    assert_eq!(machine.core.pc(), PROGRAM + 2);
    machine.control(C_DEBUGEN | C_HALT);
    machine.control(C_DEBUGEN | C_STEP);
    assert_eq!(machine.run(100), Outcome::Halted);
    assert_eq!(machine.core.pc(), handler(16));
}

#[test]
fn maskints_changes_only_in_debug_state_and_alone() {
    let mut machine = halted(COUNT);
    machine.control(C_DEBUGEN | C_MASKINTS);
    assert_eq!(
        machine.peek(reg::DHCSR) & C_MASKINTS,
        0,
        "with the write that leaves"
    );
    machine.control(C_DEBUGEN | C_MASKINTS);
    assert_eq!(machine.peek(reg::DHCSR) & C_MASKINTS, 0, "while running");
    machine.control(C_DEBUGEN | C_HALT);
    machine.control(C_DEBUGEN | C_HALT | C_MASKINTS);
    assert_ne!(machine.peek(reg::DHCSR) & C_MASKINTS, 0);
}

#[test]
fn a_breakpoint_unit_halts_before_the_instruction_at_any_address() {
    let mut machine = halted(&[
        0x4700, // bx r0
    ]);
    machine.set_register(0, RAM + 0x201);
    machine.place(RAM + 0x200, COUNT);
    machine.poke(reg::FP_COMP0 + 28, RAM + 0x202 + 1);
    machine.poke(reg::FP_CTRL, 3);
    machine.control(C_DEBUGEN);
    assert_eq!(machine.run(100), Outcome::Halted);
    assert_eq!(machine.core.pc(), RAM + 0x202);
    assert_eq!(machine.peek(reg::DFSR) & DFSR_BKPT, DFSR_BKPT);
    machine.control(C_DEBUGEN);
    assert_eq!(machine.run(100), Outcome::Halted);
    assert_eq!(
        machine.core.pc(),
        RAM + 0x202,
        "it hits again until the unit is freed"
    );
}

#[test]
fn a_breakpoint_unit_works_where_nothing_can_be_fetched() {
    let mut machine = halted(&[
        0x4700, // bx r0
    ]);
    machine.set_register(0, HOLE + 1);
    machine.poke(reg::FP_COMP0, HOLE + 1);
    machine.poke(reg::FP_CTRL, 3);
    machine.control(C_DEBUGEN);
    assert_eq!(machine.run(100), Outcome::Halted);
    assert_eq!(machine.core.pc(), HOLE);
    assert_eq!(machine.peek(reg::CFSR), 0);
}

#[test]
fn bkpt_halts_goes_to_the_monitor_or_is_a_hard_fault() {
    let program = &[
        0xBF00, // nop
        0xBEAB, // bkpt 0x00ab
    ];
    let mut machine = Machine::new(program);
    machine.control(C_DEBUGEN);
    assert_eq!(machine.run(100), Outcome::Halted);
    assert_eq!(machine.core.pc(), PROGRAM + 2);

    let mut machine = Machine::new(program);
    machine.poke(reg::DEMCR, 1 << 16);
    machine.run(30);
    assert_eq!(machine.core.pc(), handler(12));
    assert_eq!(machine.peek(reg::DFSR), DFSR_BKPT);
    assert_eq!(machine.stacked(6), PROGRAM + 2);

    let mut machine = Machine::new(program);
    machine.run(30);
    assert_eq!(machine.core.pc(), handler(3));
    assert_eq!(machine.peek(reg::HFSR), 1 << 31, "DEBUGEVT");
}

#[test]
fn the_monitor_steps() {
    let mut machine = Machine::new(COUNT);
    machine.core.registers.r[4] = 0;
    machine.handle(
        12,
        &[
            0x3401, // adds r4, #1
            0x4770, // bx lr
        ],
    );
    machine.poke(reg::DEMCR, 1 << 16 | 1 << 18);
    machine.run(200);
    let steps = machine.core.registers.r[4];
    let retired: u32 = machine.core.registers.r[..3].iter().sum();
    assert!(steps >= 4, "{steps}");
    assert!(retired <= steps, "{retired} instructions in {steps} steps");
}

#[test]
fn a_watchpoint_halts_behind_the_access_and_says_which_unit() {
    let mut machine = halted(&[
        0xBF00, // nop
        0x6001, // str r1, [r0, #0]
        0xBF00, // nop
        0xE7FE, // b.n 6
    ]);
    machine.set_register(0, RAM + 0x40);
    machine.poke(reg::DEMCR, 1 << 24);
    machine.poke(reg::DWT_COMP0 + 0x10, RAM + 0x40);
    machine.poke(reg::DWT_COMP0 + 0x18, 6);
    machine.control(C_DEBUGEN);
    assert_eq!(machine.run(100), Outcome::Halted);
    assert_eq!(machine.core.pc(), PROGRAM + 4);
    assert_eq!(machine.peek(reg::DFSR) & DFSR_DWTTRAP, DFSR_DWTTRAP);
    assert_eq!(machine.peek(reg::DWT_COMP0 + 0x08) & 1 << 24, 0);
    assert_ne!(machine.peek(reg::DWT_COMP0 + 0x18) & 1 << 24, 0, "MATCHED");
}

#[test]
fn reset_vector_catch_survives_the_reset_and_the_halt_request_does_not() {
    let mut machine = halted(COUNT);
    machine.poke(reg::DEMCR, 1);
    machine.poke(reg::FP_COMP0, PROGRAM + 1);
    machine.core.reset(&mut machine.bus, FLASH);
    assert!(machine.core.is_halted());
    assert_eq!(machine.peek(reg::DFSR) & DFSR_VCATCH, DFSR_VCATCH);
    assert_eq!(machine.core.pc(), PROGRAM);
    assert_eq!(machine.core.registers.r[13], STACK);
    assert_eq!(machine.peek(reg::FP_COMP0), PROGRAM + 1);
    machine.poke(reg::DEMCR, 0);
    machine.core.reset(&mut machine.bus, FLASH);
    assert!(!machine.core.is_halted());
    assert_ne!(machine.peek(reg::DHCSR) & C_DEBUGEN, 0);
}

/// A debugger that connects under reset asks for the catch; one that only asks for a halt finds the program running.
#[test]
fn a_core_held_in_reset_says_so_and_halts_behind_it_by_vector_catch_alone() {
    const S_RESET_ST: u32 = 1 << 25;
    const VC_CORERESET: u32 = 1 << 0;
    for (catch, halts) in [(VC_CORERESET, true), (0, false)] {
        let mut machine = halted(COUNT);
        machine.core.hold_in_reset(FLASH);
        machine.poke(reg::DEMCR, catch);
        machine.control(C_DEBUGEN | C_HALT);
        for _ in 0..2 {
            let status = machine.peek(reg::DHCSR);
            assert_eq!(
                status & (S_HALT | S_RESET_ST),
                S_RESET_ST,
                "as often as asked"
            );
            assert_eq!(status & (C_DEBUGEN | C_HALT), C_DEBUGEN);
        }
        machine.core.reset(&mut machine.bus, FLASH);
        let status = machine.peek(reg::DHCSR);
        assert_eq!(status & S_RESET_ST, S_RESET_ST, "it was");
        assert_eq!(status & S_HALT != 0, halts);
        assert_eq!(machine.peek(reg::DHCSR) & S_RESET_ST, 0);
        let outcome = if halts {
            Outcome::Halted
        } else {
            Outcome::Budget
        };
        assert_eq!(machine.run(5), outcome);
        assert_eq!(machine.core.pc() == PROGRAM, halts);
    }
}

#[test]
fn vector_catch_stops_at_the_handler_with_the_frame_pushed() {
    let load = &[
        0x6801, // ldr r1, [r0, #0]
    ];
    // Enabled faults, DEMCR bit, caught at which exception.
    for (enabled, catch, exception) in [
        (0, 1 << 10, Some(3)),
        (FAULTS_ENABLED, 1 << 8, Some(5)),
        (FAULTS_ENABLED, 1 << 10, None),
        (0, 1 << 8, None),
    ] {
        let mut machine = Machine::new(load);
        machine.core.registers.r[0] = HOLE;
        machine.control(C_DEBUGEN);
        machine.poke(reg::SHCSR, enabled);
        machine.poke(reg::DEMCR, catch);
        let outcome = machine.run(60);
        if let Some(exception) = exception {
            assert_eq!(outcome, Outcome::Halted);
            assert_eq!(machine.core.pc(), handler(exception));
            assert_eq!(machine.peek(reg::DFSR), DFSR_VCATCH);
            assert_eq!(machine.stacked(6), PROGRAM);
        } else {
            assert_ne!(outcome, Outcome::Halted);
        }
    }
}

#[test]
fn a_locked_up_core_can_be_halted_and_given_another_pc() {
    let mut machine = Machine::new(&[
        0xDE00, // udf #0
    ]);
    machine.handle(
        3,
        &[
            0xDE00, // udf #0
        ],
    );
    assert_eq!(machine.run(100), Outcome::LockedUp);
    machine.control(C_DEBUGEN | C_HALT);
    assert_eq!(machine.register(15), 0xFFFF_FFFE);
    machine.control(C_DEBUGEN);
    assert_eq!(machine.run(100), Outcome::LockedUp);
    machine.control(C_DEBUGEN | C_HALT);
    machine.set_register(15, handler(16));
    machine.control(C_DEBUGEN);
    assert_eq!(machine.run(60), Outcome::Idle);
}

#[test]
fn timers_stand_still_in_debug_state() {
    let mut machine = halted(COUNT);
    machine.poke(reg::DEMCR, 1 << 24);
    machine.poke(reg::DWT_CTRL, 1);
    let before = machine.peek(reg::DWT_CYCCNT);
    assert_eq!(machine.core.skip(1000), 1000);
    assert_eq!(machine.peek(reg::DWT_CYCCNT), before);
    machine.control(C_DEBUGEN);
    machine.run(50);
    assert_eq!(machine.peek(reg::DWT_CYCCNT), before + 50);
}

#[test]
fn the_private_bus_is_the_debuggers_and_the_rest_is_the_bus() {
    let mut machine = Machine::new(COUNT);
    assert_eq!(machine.peek(0xE000_ED00), 0x411F_C272);
    assert_eq!(machine.peek(reg::FP_CTRL), 0x1000_0080);
    assert_eq!(machine.peek(0xE00F_E000), 0x1003);
    for address in [HOLE, 0xE00E_0000] {
        let read = machine
            .core
            .debug_read(&mut machine.bus, address, Width::Word);
        assert_eq!(read, Err(BusError::Refused));
    }
    let half = machine
        .core
        .debug_read(&mut machine.bus, 0xE000_ED02, Width::Half);
    assert_eq!(half, Ok(0x411F));
    let priority = machine
        .core
        .debug_write(&mut machine.bus, 0xE000_ED23, Width::Byte, 0xFF);
    assert_eq!(priority, Ok(()));
    assert_eq!(machine.peek(reg::SHPR3), 0xF000_0000);
}

#[test]
fn a_reset_by_the_debugger_is_seen_while_halted() {
    let mut machine = halted(COUNT);
    machine.poke(reg::AIRCR, 0x05FA_0004);
    assert_eq!(
        machine.run(10),
        Outcome::ResetRequested(ResetRequest::System)
    );
    machine.poke(reg::AIRCR, 0x05FA_0001);
    assert_eq!(machine.run(10), Outcome::ResetRequested(ResetRequest::Core));
}

/// The core writes to the breakpoint unit once it has unlocked it, and sees how it stands; for a debugger there is no lock
/// (FP_LAR and FP_LSR, ARM DDI 0489, 10.3).
#[test]
fn the_breakpoint_unit_is_locked_for_the_core_alone() {
    const FP_LAR: u32 = 0xE000_2FB0;
    const FP_LSR: u32 = 0xE000_2FB4;
    const KEY: u32 = 0xC5AC_CE55;
    const COMPARATOR: u32 = 0x0800_1001;
    let mut machine = Machine::new(&[
        0x600A, // str r2, [r1, #0]: locked
        0x6820, // ldr r0, [r4, #0]
        0x601D, // str r5, [r3, #0]: unlock
        0x6826, // ldr r6, [r4, #0]
        0x604A, // str r2, [r1, #4]
        0x6018, // str r0, [r3, #0]: lock again
        0x6827, // ldr r7, [r4, #0]
        0x608A, // str r2, [r1, #8]
        0xE7FE, // b.n 16
    ]);
    let given = [
        (1, reg::FP_COMP0),
        (2, COMPARATOR),
        (3, FP_LAR),
        (4, FP_LSR),
        (5, KEY),
    ];
    for (register, value) in given {
        machine.core.registers.r[register] = value;
    }
    assert_eq!(machine.run(100), Outcome::Idle);
    let [r0, r6, r7] = [0, 6, 7].map(|register| machine.core.registers.r[register]);
    assert_eq!(
        [r0, r6, r7],
        [0b11, 0b01, 0b11],
        "there is a lock; it is set"
    );
    let comparators = [0, 4, 8].map(|offset| machine.peek(reg::FP_COMP0 + offset));
    assert_eq!(comparators, [0, COMPARATOR, 0]);
    assert_eq!(machine.peek(FP_LSR), 0, "none for a debugger");
    machine.poke(reg::FP_COMP0, COMPARATOR);
    assert_eq!(machine.peek(reg::FP_COMP0), COMPARATOR);
}

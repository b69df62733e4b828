//! Exception entry, return and priorities (ARM ARM B1.5.4-B1.5.8), on hand-assembled programs: the instructions stand beside the code.

#[path = "machine/mod.rs"]
mod machine;

use machine::*;
use virtual_board::cpu::Outcome;

const BUS_FAULT: u32 = 5;
const USAGE_FAULT: u32 = 6;
const HARD_FAULT: u32 = 3;

#[test]
fn the_basic_frame_and_its_return() {
    let mut machine = Machine::new(&[
        0xDF05, // svc 5
        0x2701, // movs r7, #1
        0xE7FE, // b.n 4
    ]);
    machine.handle(
        11,
        &[
            0x2009, // movs r0, #9
            0x4770, // bx lr
        ],
    );
    for number in 0..13 {
        machine.core.registers.r[number] = 0x100 + number as u32;
    }
    machine.core.registers.r[13] = STACK - 4; // forces realignment
    machine.core.registers.apsr = 0x6000_0000;
    machine.run(1 + 12);
    assert_eq!(machine.core.pc(), handler(11));
    assert_eq!(machine.core.registers.r[14], 0xFFFF_FFF9);
    assert_eq!(machine.core.registers.r[13], STACK - 0x28);
    let frame: Vec<u32> = (0..8).map(|place| machine.stacked(place)).collect();
    assert_eq!(
        frame,
        [
            0x100,
            0x101,
            0x102,
            0x103,
            0x10C,
            u32::MAX,
            PROGRAM + 2,
            0x6100_0200
        ]
    );
    machine.run(30);
    assert_eq!(machine.core.registers.r[13], STACK - 4);
    assert_eq!(machine.core.registers.r[0], 0x100);
    assert_eq!(machine.core.registers.r[7], 1);
    assert_eq!(machine.core.registers.apsr & 0xF000_0000, 0x2000_0000);
    assert_eq!(machine.core.registers.ipsr, 0);
}

#[test]
fn thread_mode_on_the_process_stack() {
    let mut machine = Machine::new(&[
        0xF380, 0x8809, // msr PSP, r0
        0x2103, // movs r1, #3
        0xF381, 0x8814, // msr CONTROL, r1
        0xF3BF, 0x8F6F, // isb sy
        0xDF00, // svc 0
        0x2701, // movs r7, #1
        0xE7FE, // b.n 12
    ]);
    machine.core.registers.r[0] = RAM + 0x1000;
    machine.handle(
        11,
        &[
            0xF3EF, 0x8409, // mrs r4, PSP
            0xF3EF, 0x8514, // mrs r5, CONTROL
            0x4770, // bx lr
        ],
    );
    assert_eq!(machine.run(60), Outcome::Idle);
    let registers = &machine.core.registers;
    assert_eq!(registers.r[4], RAM + 0x1000 - 0x20);
    assert_eq!(registers.r[5], 1, "SPSEL reads as zero in Handler mode");
    assert_eq!(registers.control, 3);
    assert_eq!(
        (registers.r[13], registers.banked_sp),
        (RAM + 0x1000, STACK)
    );
    assert_eq!(registers.r[7], 1);
}

/// Handler 16 sets bit 0 of the log and pends 17; 17 sets bit 1; a count tells who came first.
const LOG_AND_RETURN: [&[u16]; 2] = [
    &[
        0x0124, // lsls r4, r4, #4
        0x3401, // adds r4, #1
        0x4770, // bx lr
    ],
    &[
        0x0124, // lsls r4, r4, #4
        0x3402, // adds r4, #2
        0x4770, // bx lr
    ],
];

fn two_interrupts(priorities: u32) -> Machine {
    let mut machine = Machine::new(&[
        0x6008, // str r0, [r1, #0]
        0xE7FE, // b.n 2
    ]);
    machine.core.registers.r[0] = 0b11;
    machine.core.registers.r[1] = reg::ISPR0;
    machine.handle(16, LOG_AND_RETURN[0]);
    machine.handle(17, LOG_AND_RETURN[1]);
    machine.poke(reg::ISER0, 0b11);
    machine.poke(reg::IPR0, priorities);
    machine
}

#[test]
fn simultaneous_interrupts_go_by_priority_then_number_and_tail_chain() {
    for (priorities, order) in [(0x0000, 0x12), (0x1020, 0x21), (0x2010, 0x12)] {
        let mut machine = two_interrupts(priorities);
        machine.run(80);
        assert_eq!(machine.core.registers.r[4], order, "{priorities:#06x}");
        assert_eq!(machine.core.registers.ipsr, 0);
        assert_eq!(machine.core.registers.r[13], STACK);
        // One frame served both: only 0x20 bytes below the stack were touched.
        assert_eq!(machine.peek(STACK - 0x24), 0);
    }
}

#[test]
fn a_higher_priority_preempts_and_an_equal_one_waits() {
    let pend_17 = &[
        0x600A, // str r2, [r1, #0]
        0x0124, // lsls r4, r4, #4
        0x3401, // adds r4, #1
        0x4770, // bx lr
    ];
    for (priorities, grouping, order) in [
        (0x1020, 0, 0x21),
        (0x2020, 0, 0x12),
        (0x1020, 5, 0x12), // the same group: subpriority does not preempt
    ] {
        let mut machine = two_interrupts(priorities);
        machine.poke(reg::AIRCR, 0x05FA_0000 | grouping << 8);
        machine.core.registers.r[0] = 0b01;
        machine.core.registers.r[2] = 0b10;
        machine.handle(16, pend_17);
        machine.run(100);
        assert_eq!(
            machine.core.registers.r[4], order,
            "{priorities:#06x} {grouping}"
        );
    }
}

#[test]
fn basepri_and_primask_hold_back_and_release() {
    let mut machine = Machine::new(&[
        0x2520, // movs r5, #32
        0xF385, 0x8811, // msr BASEPRI, r5
        0x6008, // str r0, [r1, #0]
        0xBF00, // nop
        0x2601, // movs r6, #1
        0x2500, // movs r5, #0
        0xF385, 0x8811, // msr BASEPRI, r5
        0x2602, // movs r6, #2
        0xB672, // cpsid i
        0x6008, // str r0, [r1, #0]
        0xBF00, // nop
        0x2603, // movs r6, #3
        0xB662, // cpsie i
        0x2604, // movs r6, #4
        0xE7FE, // b.n 20
    ]);
    machine.core.registers.r[0] = 1;
    machine.core.registers.r[1] = reg::ISPR0;
    machine.poke(reg::ISER0, 1);
    machine.poke(reg::IPR0, 0x20);
    machine.handle(
        16,
        &[
            0x0124, // lsls r4, r4, #4
            0x19A4, // adds r4, r4, r6
            0x4770, // bx lr
        ],
    );
    machine.run(150);
    assert_eq!(machine.core.registers.r[4], 0x13);
    assert_eq!(machine.core.registers.r[6], 4);
}

#[test]
fn faultmask_holds_everything_but_nmi_and_is_cleared_by_return() {
    let mut machine = Machine::new(&[
        0xB671, // cpsid f
        0x6008, // str r0, [r1, #0]
        0x601A, // str r2, [r3, #0]
        0x2601, // movs r6, #1
        0xE7FE, // b.n 8
    ]);
    machine.core.registers.r[..4].copy_from_slice(&[1, reg::ISPR0, 1 << 31, reg::ICSR]);
    machine.poke(reg::ISER0, 1);
    machine.handle(
        16,
        &[
            0x2401, // movs r4, #1
            0x4770, // bx lr
        ],
    );
    machine.handle(
        2,
        &[
            0x4625, // mov r5, r4
            0x4770, // bx lr
        ],
    );
    machine.run(100);
    let registers = &machine.core.registers;
    assert!(registers.faultmask, "NMI leaves FAULTMASK alone");
    assert_eq!((registers.r[4], registers.r[6]), (0, 1));
}

#[test]
fn a_bad_return_is_invpc_and_the_frame_stays() {
    for bad in [0xFFFF_FFF5u32, 0xFFFF_FFFF] {
        let mut machine = Machine::new(&[
            0xDF00, // svc 0
        ]);
        machine.poke(reg::SHCSR, FAULTS_ENABLED);
        machine.core.registers.r[0] = bad;
        machine.handle(
            11,
            &[
                0x4700, // bx r0
            ],
        );
        machine.run(60);
        assert_eq!(machine.core.pc(), handler(USAGE_FAULT));
        assert_eq!(machine.peek(reg::CFSR), 1 << 18);
        assert_eq!(machine.core.registers.r[14], bad);
        assert_eq!(machine.core.registers.r[13], STACK - 0x20);
    }
}

#[test]
fn a_return_to_thread_mode_past_an_active_handler_is_refused() {
    let mut machine = Machine::new(&[
        0xDF00, // svc 0
    ]);
    machine.poke(reg::SHCSR, FAULTS_ENABLED);
    machine.poke(reg::ISER0, 1);
    machine.poke(reg::SHPR2, 0x8000_0000);
    machine.core.registers.r[0] = 0xFFFF_FFF9;
    machine.core.registers.r[1] = reg::ISPR0;
    machine.core.registers.r[2] = 1;
    machine.handle(
        11,
        &[
            0x600A, // str r2, [r1, #0]
            0xE7FE, // b.n 2
        ],
    );
    machine.handle(
        16,
        &[
            0x4700, // bx r0
        ],
    );
    machine.run(80);
    assert_eq!(machine.core.pc(), handler(USAGE_FAULT));
    assert_eq!(machine.peek(reg::CFSR), 1 << 18);
}

#[test]
fn unstacking_from_a_hole_is_a_bus_fault_on_the_same_frame() {
    let mut machine = Machine::new(&[
        0xDF00, // svc 0
    ]);
    machine.poke(reg::SHCSR, FAULTS_ENABLED);
    machine.poke(reg::SHPR2, 0x8000_0000);
    machine.core.registers.r[0] = HOLE;
    machine.core.registers.r[1] = 0xFFFF_FFFD;
    machine.handle(
        11,
        &[
            0xF380, 0x8809, // msr PSP, r0
            0x4708, // bx r1
        ],
    );
    machine.run(80);
    assert_eq!(machine.core.pc(), handler(BUS_FAULT));
    assert_eq!(machine.peek(reg::CFSR), 0x0800);
    assert_eq!(machine.core.registers.banked_sp, HOLE);
}

#[test]
fn svc_under_primask_escalates() {
    let mut machine = Machine::new(&[
        0xB672, // cpsid i
        0xDF00, // svc 0
    ]);
    machine.run(40);
    assert_eq!(machine.core.pc(), handler(HARD_FAULT));
    assert_eq!(machine.peek(reg::HFSR), 1 << 30);
}

#[test]
fn icsr_tells_what_is_active_and_pending() {
    let mut machine = Machine::new(&[
        0xDF00, // svc 0
    ]);
    machine.poke(reg::ISER0, 1);
    machine.poke(reg::IPR0, 0x80);
    machine.run(20);
    machine.poke(reg::ISPR0, 1);
    machine.poke(reg::ICSR, 1 << 28);
    let icsr = machine.peek(reg::ICSR);
    assert_eq!(icsr & 0x1FF, 11, "VECTACTIVE");
    assert_eq!(icsr >> 12 & 0x1FF, 14, "VECTPENDING: PendSV has priority 0");
    assert_eq!(
        icsr & (1 << 22 | 1 << 28 | 1 << 11),
        1 << 22 | 1 << 28 | 1 << 11
    );
    assert_eq!(machine.peek(reg::SHCSR), 1 << 7);
}

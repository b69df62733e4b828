//! Each fault with the exact status it leaves, escalation and lockup (ARM ARM B1.5.13-B1.5.15), on hand-assembled programs.

#[path = "machine/mod.rs"]
mod machine;

use machine::*;
use virtual_board::cpu::Outcome;

/// One way to fail, and what must be found afterwards.
struct FaultCase {
    name: &'static str,
    program: &'static [u16],
    prepare: fn(&mut Machine),
    exception: u32,
    cfsr: u32,
    address: Option<(u32, u32)>,
}

const MEM_MANAGE: u32 = 4;
const BUS_FAULT: u32 = 5;
const USAGE_FAULT: u32 = 6;
const HARD_FAULT: u32 = 3;

fn nothing(_: &mut Machine) {}

fn deny_user_ram(machine: &mut Machine) {
    machine.poke(reg::MPU_RNR, 0);
    machine.poke(reg::MPU_RBAR, RAM);
    machine.poke(reg::MPU_RASR, 1 << 24 | 15 << 1 | 1); // privileged only, 64 KB
    machine.poke(reg::MPU_CTRL, 0b101);
}

const LOAD_FROM_R0: &[u16] = &[
    0x6801, // ldr r1, [r0, #0]
    0xE7FE, // b.n 2
];

fn fault_cases() -> Vec<FaultCase> {
    fn with_r0(machine: &mut Machine, r0: u32) {
        machine.core.registers.r[0] = r0;
    }
    vec![
        FaultCase {
            name: "load from a hole",
            program: LOAD_FROM_R0,
            prepare: |machine| with_r0(machine, HOLE + 4),
            exception: BUS_FAULT,
            cfsr: 0x8200,
            address: Some((reg::BFAR, HOLE + 4)),
        },
        FaultCase {
            name: "buffered store to a hole",
            program: &[
                0x6001, // str r1, [r0, #0]
                0xE7FE, // b.n 2
            ],
            prepare: |machine| with_r0(machine, HOLE),
            exception: BUS_FAULT,
            cfsr: 0x0400,
            address: None,
        },
        FaultCase {
            name: "store to Strongly-ordered memory with nothing there",
            program: &[
                0x6001, // str r1, [r0, #0]
                0xE7FE, // b.n 2
            ],
            prepare: |machine| {
                with_r0(machine, HOLE);
                machine.poke(reg::MPU_RBAR, HOLE);
                machine.poke(reg::MPU_RASR, 3 << 24 | 15 << 1 | 1);
                machine.poke(reg::MPU_CTRL, 0b101);
            },
            exception: BUS_FAULT,
            cfsr: 0x8200,
            address: Some((reg::BFAR, HOLE)),
        },
        FaultCase {
            name: "fetch from a hole",
            program: &[
                0x4700, // bx r0
            ],
            prepare: |machine| with_r0(machine, HOLE | 1),
            exception: BUS_FAULT,
            cfsr: 0x0100,
            address: None,
        },
        FaultCase {
            name: "fetch from a peripheral",
            program: &[
                0x4700, // bx r0
            ],
            prepare: |machine| with_r0(machine, DEVICE | 1),
            exception: MEM_MANAGE,
            cfsr: 0x0001,
            address: None,
        },
        FaultCase {
            name: "unprivileged load of privileged memory",
            program: &[
                0x2101, // movs r1, #1
                0xF381, 0x8814, // msr CONTROL, r1
                0xF3BF, 0x8F6F, // isb sy
                0x6801, // ldr r1, [r0, #0]
                0xE7FE, // b.n c
            ],
            prepare: |machine| {
                with_r0(machine, RAM + 0x10);
                deny_user_ram(machine);
                machine.poke(reg::MPU_RNR, 1);
                machine.poke(reg::MPU_RBAR, FLASH);
                machine.poke(reg::MPU_RASR, 3 << 24 | 15 << 1 | 1);
                // The frame cannot be pushed either.
            },
            exception: MEM_MANAGE,
            cfsr: 0x0092,
            address: Some((reg::MMFAR, RAM + 0x10)),
        },
        FaultCase {
            name: "LDRT as unprivileged",
            program: &[
                0xF850, 0x1E00, // ldrt r1, [r0]
                0xE7FE, // b.n 4
            ],
            prepare: |machine| {
                with_r0(machine, RAM + 0x10);
                deny_user_ram(machine);
            },
            exception: MEM_MANAGE,
            cfsr: 0x0082,
            address: Some((reg::MMFAR, RAM + 0x10)),
        },
        FaultCase {
            name: "unprivileged access to the private bus",
            program: &[
                0x2101, // movs r1, #1
                0xF381, 0x8814, // msr CONTROL, r1
                0xF3BF, 0x8F6F, // isb sy
                0x6801, // ldr r1, [r0, #0]
                0xE7FE, // b.n c
            ],
            prepare: |machine| with_r0(machine, reg::VTOR),
            exception: BUS_FAULT,
            cfsr: 0x8200,
            address: Some((reg::BFAR, reg::VTOR)),
        },
        FaultCase {
            name: "undefined instruction",
            program: &[
                0xDE00, // udf #0
            ],
            prepare: nothing,
            exception: USAGE_FAULT,
            cfsr: 1 << 16,
            address: None,
        },
        FaultCase {
            name: "branch to ARM state",
            program: &[
                0x4700, // bx r0
            ],
            prepare: |machine| with_r0(machine, PROGRAM),
            exception: USAGE_FAULT,
            cfsr: 1 << 17,
            address: None,
        },
        FaultCase {
            name: "floating point without CPACR",
            program: &[
                0xEEB7, 0x0A00, // vmov.f32 s0, #112
            ],
            prepare: nothing,
            exception: USAGE_FAULT,
            cfsr: 1 << 19,
            address: None,
        },
        FaultCase {
            name: "unaligned LDRD",
            program: &[
                0xE9D0, 0x1200, // ldrd r1, r2, [r0]
            ],
            prepare: |machine| with_r0(machine, RAM + 2),
            exception: USAGE_FAULT,
            cfsr: 1 << 24,
            address: None,
        },
        FaultCase {
            name: "unaligned LDR with CCR.UNALIGN_TRP",
            program: LOAD_FROM_R0,
            prepare: |machine| {
                with_r0(machine, RAM + 1);
                machine.set(reg::CCR, 1 << 3);
            },
            exception: USAGE_FAULT,
            cfsr: 1 << 24,
            address: None,
        },
        FaultCase {
            name: "division by zero with CCR.DIV_0_TRP",
            program: &[
                0x2100, // movs r1, #0
                0xFBB0, 0xF0F1, // udiv r0, r0, r1
            ],
            prepare: |machine| machine.set(reg::CCR, 1 << 4),
            exception: USAGE_FAULT,
            cfsr: 1 << 25,
            address: None,
        },
        FaultCase {
            name: "stacking into a hole",
            program: &[
                0x4685, // mov sp, r0
                0xDE00, // udf #0
            ],
            prepare: |machine| with_r0(machine, HOLE),
            exception: USAGE_FAULT,
            cfsr: 1 << 16 | 0x1000,
            address: None,
        },
    ]
}

#[test]
fn each_fault_leaves_exactly_its_status() {
    for case in fault_cases() {
        let mut machine = Machine::new(case.program);
        machine.poke(reg::SHCSR, FAULTS_ENABLED);
        (case.prepare)(&mut machine);
        // A derived fault of another kind waits: UsageFault is the most urgent.
        machine.poke(reg::SHPR1, 0x0000_1010);
        machine.run(40);
        assert_eq!(machine.peek(reg::CFSR), case.cfsr, "CFSR: {}", case.name);
        if let Some((register, address)) = case.address {
            assert_eq!(machine.peek(register), address, "{}", case.name);
        }
        assert_eq!(machine.core.pc(), handler(case.exception), "{}", case.name);
        assert_eq!(machine.peek(reg::HFSR), 0, "{}", case.name);
    }
}

#[test]
fn a_disabled_fault_escalates_to_hard_fault() {
    for case in fault_cases() {
        let mut machine = Machine::new(case.program);
        (case.prepare)(&mut machine);
        machine.run(40);
        assert_eq!(machine.core.pc(), handler(HARD_FAULT), "{}", case.name);
        assert_eq!(machine.peek(reg::HFSR), 1 << 30, "FORCED: {}", case.name);
        assert_eq!(machine.peek(reg::CFSR), case.cfsr, "{}", case.name);
        assert_eq!(machine.core.registers.ipsr, 3);
    }
}

#[test]
fn a_fault_in_hard_fault_locks_up_and_nmi_still_comes() {
    let mut machine = Machine::new(&[
        0xDE00, // udf #0
    ]);
    machine.handle(
        HARD_FAULT,
        &[
            0xDE00, // udf #0
        ],
    );
    assert_eq!(machine.run(100), Outcome::LockedUp);
    assert_eq!(machine.core.pc(), 0xFFFF_FFFE);
    assert!(machine.core.is_locked_up());
    assert_ne!(machine.peek(reg::DHCSR) & S_LOCKUP, 0);
    machine.poke(reg::ICSR, 1 << 31);
    assert_eq!(machine.run(20), Outcome::Budget);
    assert_eq!(machine.core.pc(), handler(2));
    assert_eq!(machine.stacked(6), 0xFFFF_FFFE);
}

#[test]
fn a_vector_that_cannot_be_read_is_a_hard_fault() {
    let mut machine = Machine::new(&[
        0xDF00, // svc 0
    ]);
    machine.poke(reg::VTOR, HOLE);
    assert_eq!(
        machine.run(100),
        Outcome::LockedUp,
        "HardFault's vector is there too"
    );
    assert_eq!(machine.peek(reg::HFSR), 1 << 1);
    assert_eq!(machine.core.registers.ipsr, 3);
}

#[test]
fn a_reset_without_a_vector_table_locks_up() {
    let mut machine = Machine::new(&[]);
    machine.core.reset(&mut machine.bus, HOLE);
    assert_eq!(machine.run(10), Outcome::LockedUp);
    assert_eq!(machine.peek(reg::HFSR), 1 << 1);
}

#[test]
fn bfhfnmign_lets_a_hard_fault_handler_probe_the_bus() {
    let mut machine = Machine::new(&[
        0xDE00, // udf #0
    ]);
    machine.core.registers.r[0] = HOLE;
    machine.core.registers.r[1] = 7;
    machine.set(reg::CCR, 1 << 8);
    machine.handle(
        HARD_FAULT,
        &[
            0x6801, // ldr r1, [r0, #0]
            0x2201, // movs r2, #1
            0xE7FE, // b.n 4
        ],
    );
    assert_eq!(machine.run(60), Outcome::Idle);
    assert_eq!(machine.core.registers.r[1..3], [0, 1]);
    assert_eq!(machine.peek(reg::CFSR), 1 << 16);
}

#[test]
fn mpu_subregions_decide_for_a_running_program() {
    let mut machine = Machine::new(&[
        0x6001, // str r1, [r0, #0]
        0x6201, // str r1, [r0, #32]
        0xE7FE, // b.n 4
    ]);
    machine.poke(reg::SHCSR, FAULTS_ENABLED);
    machine.core.registers.r[0] = RAM + 0x3C;
    machine.poke(reg::MPU_RBAR, RAM);
    machine.poke(reg::MPU_RASR, 5 << 24 | 0b0000_0010 << 8 | 7 << 1 | 1); // read-only, 256 bytes
    machine.poke(reg::MPU_CTRL, 0b101);
    machine.run(30);
    assert_eq!(machine.core.pc(), handler(MEM_MANAGE));
    assert_eq!(
        machine.peek(reg::MMFAR),
        RAM + 0x5C,
        "the first store fell into the disabled subregion"
    );
    assert_eq!(machine.stacked(6), PROGRAM + 2);
}

#[test]
fn an_unaligned_store_into_a_forbidden_region_writes_nothing() {
    let mut machine = Machine::new(&[
        0x6001, // str r1, [r0, #0]
        0xE7FE, // b.n 2
    ]);
    machine.poke(reg::SHCSR, FAULTS_ENABLED);
    machine.core.registers.r[..2].copy_from_slice(&[RAM + 0xFE, u32::MAX]);
    machine.poke(reg::MPU_RBAR, RAM + 0x100);
    machine.poke(reg::MPU_RASR, 5 << 24 | 7 << 1 | 1); // read-only, 256 bytes
    machine.poke(reg::MPU_CTRL, 0b101);
    machine.run(30);
    assert_eq!(machine.core.pc(), handler(MEM_MANAGE));
    assert_eq!(machine.peek(reg::MMFAR), RAM + 0x100);
    assert_eq!(machine.peek(RAM + 0xFC), 0);
}

#[test]
fn a_stalled_bus_hangs_the_core_until_reset() {
    let mut machine = Machine::new(LOAD_FROM_R0);
    machine.core.registers.r[0] = STALLING;
    assert_eq!(machine.run(10), Outcome::LockedUp);
    machine.control(C_DEBUGEN | C_HALT);
    assert_eq!(machine.run(10), Outcome::LockedUp);
    assert!(!machine.core.is_halted());
    machine.core.reset(&mut machine.bus, FLASH);
    assert_eq!(machine.core.pc(), PROGRAM);
    machine.poke(reg::VTOR, STALLING);
    machine.place(
        PROGRAM,
        &[
            0xDF00, // svc 0
        ],
    );
    assert_eq!(machine.run(40), Outcome::LockedUp);
    assert_eq!(machine.peek(reg::HFSR), 0, "no answer is not a refusal");
}

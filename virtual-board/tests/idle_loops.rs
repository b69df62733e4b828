//! Skipping a loop that only waits must change nothing but the time it takes to simulate.

#[path = "machine/mod.rs"]
mod machine;
mod random;

use machine::*;
use random::Random;
use virtual_board::cpu::Outcome;

/// Runs `machine` for `cycles` with and without skipping and compares everything that a program or debugger could see.
/// Returns the share of cycles that were skipped, in percent.
fn same_with_and_without(machine: &Machine, cycles: u64) -> u64 {
    let mut plain = machine.clone();
    plain.core.detect_idle_loops(false);
    plain.run_through(cycles);
    let mut skipping = machine.clone();
    let mut skipped = 0;
    let end = skipping.core.cycles + cycles;
    while skipping.core.cycles < end {
        let left = end - skipping.core.cycles;
        let outcome = skipping.run(left);
        if matches!(outcome, Outcome::Idle | Outcome::Sleeping) {
            let left = end.saturating_sub(skipping.core.cycles);
            let event = skipping.core.cycles_to_event().unwrap_or(left).min(left);
            let passed = skipping.core.skip(event);
            if outcome == Outcome::Idle {
                skipped += passed;
            }
        }
    }
    // An exception that is due at the very end belongs to both.
    plain.run(0);
    skipping.run(0);
    assert_eq!(skipping.core.cycles, plain.core.cycles);
    assert_eq!(skipping.core.registers, plain.core.registers);
    assert!(skipping.bus.ram == plain.bus.ram);
    for register in [reg::ICSR, reg::SHCSR, reg::SYST_CSR + 8, reg::CFSR] {
        assert_eq!(skipping.peek(register), plain.peek(register));
    }
    skipped * 100 / cycles
}

fn with_systick(program: &[u16], period: u32) -> Machine {
    let mut machine = Machine::new(program);
    machine.core.registers.r[..8].fill(0);
    machine.core.registers.r[1] = RAM;
    machine.poke(reg::SYST_RVR, period - 1);
    machine.poke(reg::SYST_CSR, 7);
    // Counts in RAM, and keeps what it interrupted.
    machine.handle(
        15,
        &[
            0x680A, // ldr r2, [r1, #0]
            0x3201, // adds r2, #1
            0x600A, // str r2, [r1, #0]
            0x9B06, // ldr r3, [sp, #24]
            0xF841, 0x3022, // str.w r3, [r1, r2, lsl #2]
            0x4770, // bx lr
        ],
    );
    machine
}

#[test]
fn polling_a_tick_counter_in_ram() {
    for period in [997, 1000, 1001, 1024] {
        let machine = with_systick(
            &[
                0x680C, // ldr r4, [r1, #0]
                0x2C14, // cmp r4, #20
                0xD3FC, // bcc.n 0
                0x3501, // adds r5, #1
                0xE7FE, // b.n 8
            ],
            period,
        );
        let share = same_with_and_without(&machine, 40_000);
        assert!(share > 80, "{share} % skipped");
    }
}

/// What a compiler without optimisation makes of a delay: a call that pushes and pops in every round.
#[test]
fn polling_through_a_function_that_uses_the_stack() {
    let machine = with_systick(
        &[
            0xF000, 0xF803, // bl a
            0x2814, // cmp r0, #20
            0xD3FB, // bcc.n 0
            0xE7FE, // b.n 8
            0xB510, // push {r4, lr}
            0xB082, // sub sp, #8
            0x9100, // str r1, [sp, #0]
            0x9C00, // ldr r4, [sp, #0]
            0x6820, // ldr r0, [r4, #0]
            0xB002, // add sp, #8
            0xBD10, // pop {r4, pc}
        ],
        5003,
    );
    let share = same_with_and_without(&machine, 120_000);
    assert!(share > 80, "{share} % skipped");
}

#[test]
fn a_loop_that_counts_is_never_skipped() {
    let machine = with_systick(
        &[
            0x3601, // adds r6, #1
            0xE7FD, // b.n 0
        ],
        1000,
    );
    assert_eq!(same_with_and_without(&machine, 20_000), 0);
}

#[test]
fn a_loop_that_counts_in_ram_is_never_skipped() {
    let machine = with_systick(
        &[
            0xF8D1, 0x6400, // ldr.w r6, [r1, #1024]
            0x3601, // adds r6, #1
            0xF8C1, 0x6400, // str.w r6, [r1, #1024]
            0x2600, // movs r6, #0
            0xE7F8, // b.n 0
        ],
        1000,
    );
    assert_eq!(same_with_and_without(&machine, 20_000), 0);
}

#[test]
fn a_loop_that_flips_a_word_is_never_skipped() {
    let machine = with_systick(
        &[
            0xF8D1, 0x6400, // ldr.w r6, [r1, #1024]
            0x43F6, // mvns r6, r6
            0xF8C1, 0x6400, // str.w r6, [r1, #1024]
            0x2600, // movs r6, #0
            0xE7F8, // b.n 0
        ],
        1000,
    );
    assert_eq!(same_with_and_without(&machine, 20_000), 0);
}

#[test]
fn reads_that_move_with_time_are_never_skipped() {
    for (address, name) in [
        (DEVICE, "a device's counter"),
        (reg::SYST_CSR + 8, "SysTick's counter"),
        (reg::DWT_CYCCNT, "the cycle counter"),
        (reg::SYST_CSR, "COUNTFLAG"),
    ] {
        let mut machine = with_systick(
            &[
                0x6806, // ldr r6, [r0, #0]
                0x2600, // movs r6, #0
                0xE7FC, // b.n 0
            ],
            1000,
        );
        machine.core.registers.r[0] = address;
        assert_eq!(same_with_and_without(&machine, 20_000), 0, "{name}");
    }
}

#[test]
fn stores_to_a_device_are_never_skipped() {
    let mut machine = with_systick(
        &[
            0x6006, // str r6, [r0, #0]
            0xE7FD, // b.n 0
        ],
        1000,
    );
    machine.core.registers.r[0] = DEVICE;
    assert_eq!(same_with_and_without(&machine, 5_000), 0);
}

/// Loops of whatever waits, counts, stores, sleeps or looks at a timer, interrupted by SysTick.
#[test]
fn random_loops_end_alike_with_and_without_skipping() {
    const PROGRAMS: u32 = 1_000;
    const BODY: [u16; 22] = [
        0x680C, // ldr r4, [r1, #0]
        0x684D, // ldr r5, [r1, #4]
        0x688D, // ldr r5, [r1, #8]
        0x608C, // str r4, [r1, #8]
        0x608D, // str r5, [r1, #8]
        0x728D, // strb r5, [r1, #10]
        0x3401, // adds r4, #1
        0x3501, // adds r5, #1
        0x2C14, // cmp r4, #20
        0x42AC, // cmp r4, r5
        0x2400, // movs r4, #0
        0x2500, // movs r5, #0
        0x406C, // eors r4, r5
        0xBF00, // nop
        0xB430, // push {r4, r5}
        0xBC30, // pop {r4, r5}
        0x683E, // ldr r6, [r7, #0]
        0x2600, // movs r6, #0
        0xBF30, // wfi
        0xB672, // cpsid i
        0xB662, // cpsie i
        0x4770, // bx lr, which leads to the start
    ];
    let mut random = Random(0x1D1E);
    let mut skipped = 0;
    for number in 0..PROGRAMS {
        let length = 2 + random.below(8);
        let mut program: Vec<u16> = (0..length).map(|_| random.choose(&BODY)).collect();
        // A conditional branch back somewhere, and one to the start at the end.
        let place = random.below(length);
        program[place as usize] = 0xD000
            | (random.below(14) as u16) << 8
            | (random.below(place + 1) + 2).wrapping_neg() as u16 & 0xFF;
        program.push(0xE000 | (length + 2).wrapping_neg() as u16 & 0x7FF);
        let mut machine = with_systick(&program, 20 + random.below(2_000));
        machine.core.registers.r[7] =
            random.choose(&[reg::SYST_CSR + 8, reg::SYST_CSR, DEVICE, RAM, reg::ICSR]);
        machine.core.registers.r[14] = PROGRAM | 1;
        let share = same_with_and_without(&machine, 10_000 + u64::from(random.below(10_000)));
        assert!(share <= 100, "program {number}");
        skipped += share;
    }
    let share = skipped / u64::from(PROGRAMS);
    assert!((10..90).contains(&share), "{share} % skipped: no mixture");
}

//! Sleep, Stop and Standby: what software finds when it wakes, and what a debugger sees with the bits of DBGMCU_CR and without.

mod common;
#[path = "common/interface.rs"]
mod interface;
#[path = "common/tiny.rs"]
mod tiny;

use std::time::Duration;

use interface::{AHB, SYSTEM_DEBUG, connect, read, try_connect, write};
use probe_rs::architecture::arm::{
    ArmError,
    dp::{DpAddress, DpRegisterAddress},
};
use tiny::{SLEEPS, SPINS, boot_stage};
use virtual_board::{
    board::{Board, CoreState},
    clock::Time,
    handle::VirtualBoard,
};

const DHCSR: u64 = 0xE000_EDF0;
const S_SLEEP: u32 = 1 << 18;
const DBGMCU_CR: u64 = 0x5C00_1004;
/// The same on AP0.
const DBGMCU_CR_OF_AP0: u64 = 0xE00E_1004;
const RAM: u64 = 0x2400_0000;

/// SCR.SLEEPDEEP.
const DEEP: (u32, u32) = (0xE000_ED10, 1 << 2);
/// PWR_CSR3.PDDS.
const POWER_DOWN: (u32, u32) = (PWR_CSR3, 1);
const PWR_CSR3: u32 = 0x5802_4810;
const STOPF: u32 = 1 << 8;
const SBF: u32 = 1 << 9;
const RCC_RSR: u32 = 0x5802_4530;
/// SysTick every millisecond at 64 MHz.
const TICK: [(u32, u32); 2] = [(0xE000_E014, 64_000 - 1), (0xE000_E010, 7)];
/// Takes no interrupt, but clears it (ICSR) whenever it has ended the sleep.
const SLEEPS_FROM_TICK_TO_TICK: &[u16] = &[
    0xB672, // cpsid i
    0x4C03, // ldr r4, [pc, #12]: ICSR
    0x2301, // movs r3, #1
    0x065B, // lsls r3, #25: PENDSTCLR
    0x3501, // loop: adds r5, #1
    0xBF30, // wfi
    0x6023, // str r3, [r4]
    0xE7FB, // b loop
    0xBF00, 0xED04, 0xE000,
];
/// Bits of DBGMCU_CR.
const SLEEP_BIT: u32 = 1 << 0;
const STOP_BIT: u32 = 1 << 1;
const STANDBY_BIT: u32 = 1 << 2;

fn board(writes: &[(u32, u32)], code: &[u16]) -> VirtualBoard {
    let builder = common::builder().boot_image(boot_stage(writes, code));
    VirtualBoard::new(builder.build().unwrap())
}

fn waits(answer: Result<u32, ArmError>) -> bool {
    answer.is_err_and(|error| format!("{error:?}").contains("WaitResponse"))
}

/// Without DBG_SLEEP memory waits for a clock that stands still. The core's debug registers and AP0 answer, and the bit can be set there.
#[test]
fn sleep_takes_memory_from_who_did_not_set_its_bit() {
    let board = board(&[], SLEEPS);
    let mut careless = connect(&board);
    board.idle(Duration::from_millis(1));
    assert_eq!(board.with(|board| board.core_state()), CoreState::Sleeping);
    let dhcsr = read(&mut *careless, &AHB, DHCSR).unwrap();
    assert_eq!(dhcsr & S_SLEEP, S_SLEEP);
    assert!(waits(read(&mut *careless, &AHB, RAM)));
    assert!(waits(read(&mut *careless, &AHB, DBGMCU_CR)));

    write(
        &mut *careless,
        &SYSTEM_DEBUG,
        &[(DBGMCU_CR_OF_AP0, SLEEP_BIT)],
    );
    read(&mut *careless, &AHB, RAM).unwrap();
    assert_eq!(read(&mut *careless, &AHB, DBGMCU_CR).unwrap(), SLEEP_BIT);
}

/// A halt is heard in Sleep, and gives the memory back.
#[test]
fn a_sleeping_core_is_halted_without_any_bit() {
    let board = board(&[], SLEEPS);
    let mut careless = connect(&board);
    board.idle(Duration::from_millis(1));
    write(&mut *careless, &AHB, &[(DHCSR, 0xA05F_0003)]);
    board.idle(Duration::from_millis(1));
    assert_eq!(board.with(|board| board.core_state()), CoreState::Halted);
    read(&mut *careless, &AHB, RAM).unwrap();
}

/// A transfer that waits is done when the core wakes: late, but done.
#[test]
fn a_core_that_wakes_answers_when_it_does() {
    let board = board(&TICK, SLEEPS_FROM_TICK_TO_TICK);
    let mut careless = connect(&board);
    board.idle(Duration::from_micros(5_300));
    assert_eq!(board.with(|board| board.core_state()), CoreState::Sleeping);
    let before = board.with(|board| board.now());
    read(&mut *careless, &AHB, RAM).unwrap();
    let waited = board.with(|board| board.now()) - before;
    write(
        &mut *careless,
        &SYSTEM_DEBUG,
        &[(DBGMCU_CR_OF_AP0, SLEEP_BIT)],
    );
    board.idle(Duration::from_micros(1_300));
    let before = board.with(|board| board.now());
    read(&mut *careless, &AHB, RAM).unwrap();
    let not_waited = board.with(|board| board.now()) - before;
    assert!(waited > not_waited, "{waited:?} {not_waited:?}");
}

/// In Stop neither access port answers, the debug port does.
#[test]
fn stop_takes_both_access_ports() {
    for (bits, seen) in [(0, false), (SLEEP_BIT, false), (STOP_BIT, true)] {
        let board = board(&[(DBGMCU_CR as u32, bits), DEEP], SLEEPS);
        let mut interface = connect(&board);
        board.idle(Duration::from_millis(1));
        assert_eq!(board.with(|board| board.core_state()), CoreState::Sleeping);
        for (ap, address) in [(AHB, DHCSR), (SYSTEM_DEBUG, DBGMCU_CR_OF_AP0)] {
            let answer = read(&mut *interface, &ap, address);
            assert_eq!(answer.is_ok(), seen, "{bits} {address:#x}");
            assert_eq!(waits(answer), !seen);
            let control = DpRegisterAddress {
                bank: Some(0),
                address: 4,
            };
            interface
                .read_raw_dp_register(DpAddress::Default, control)
                .unwrap();
        }
        let flags = board.with(|board| board.read_word(PWR_CSR3)).unwrap();
        assert_eq!(flags & (STOPF | SBF), STOPF);
    }
}

/// With its bit the debugger halts a core in Stop; SCR and the program stay what they were.
#[test]
fn a_core_in_stop_is_halted_by_who_set_the_bit() {
    let board = board(&[(DBGMCU_CR as u32, 7), DEEP], SLEEPS);
    let mut interface = connect(&board);
    board.idle(Duration::from_millis(1));
    write(&mut *interface, &AHB, &[(DHCSR, 0xA05F_0003)]);
    board.idle(Duration::from_millis(1));
    assert_eq!(board.with(|board| board.core_state()), CoreState::Halted);
    write(&mut *interface, &AHB, &[(RAM, 0x1234_5678)]);
    assert_eq!(read(&mut *interface, &AHB, RAM).unwrap(), 0x1234_5678);
}

/// SysTick stands still in Stop: code that counts on it never wakes. DBG_STOP keeps it, so that the same code does wake under a debugger.
#[test]
fn systick_does_not_end_stop_but_under_a_debugger() {
    for (bits, wakes) in [(0, false), (STOP_BIT, true)] {
        let writes = [(DBGMCU_CR as u32, bits), DEEP, TICK[0], TICK[1]];
        let board = board(&writes, SLEEPS_FROM_TICK_TO_TICK);
        board.idle(Duration::from_millis(50));
        let mut interface = connect(&board);
        let alive = read(&mut *interface, &AHB, DHCSR).is_ok();
        assert_eq!(alive, wakes);
    }
}

/// Standby: the debug port is silent, RAM is lost, and the reset that ends it leaves SBF.
#[test]
fn standby_takes_the_debug_port_and_ram() {
    for (bits, kept) in [(0, false), (STANDBY_BIT, true)] {
        let board = board(
            &[
                (RAM as u32, 0xCAFE_F00D),
                (DBGMCU_CR as u32, bits),
                POWER_DOWN,
                DEEP,
            ],
            SLEEPS,
        );
        board.idle(Duration::from_millis(5));
        let answer =
            try_connect(&board).and_then(|mut interface| read(&mut *interface, &AHB, DHCSR));
        assert_eq!(answer.is_ok(), kept, "{answer:?}");
        let answer = format!("{answer:?}");
        assert!(kept || answer.contains("NoAcknowledge"), "{answer}");
        // Awake, it finds what is left; then it falls asleep again.
        board.with(|board| {
            board.drive_reset_pin(false);
            board.drive_reset_pin(true);
            let ram = board.read_word(RAM as u32).unwrap();
            assert_eq!(ram == 0xCAFE_F00D, kept);
            assert_eq!(board.read_word(PWR_CSR3).unwrap() & (STOPF | SBF), SBF);
            assert_eq!(board.pc(), 0x0800_0008);
        });
    }
}

/// Interrupts end Stop, here that of the RTC's wake-up timer, which LSI feeds: 20 ticks of 2 kHz.
#[test]
fn the_rtc_ends_stop() {
    const SLEEPS_ONCE: &[u16] = &[
        0xB672, // cpsid i
        0xBF30, // wfi
        0xE7FE, // b .
    ];
    let set_up = |wake_up_timer| {
        [
            // RCC_CSR: LSI; RCC_BDCR: RTC from LSI; RCC_APB4ENR.
            (0x5802_4474, 1),
            (0x5802_4470, 1 << 15 | 2 << 8),
            (0x5802_4554, 1 << 16),
            // RTC_WPR, WUTR, CR; NVIC_ISER1: interrupt 32.
            (0x5800_4024, 0xCA),
            (0x5800_4024, 0x53),
            (0x5800_4014, 19),
            (0x5800_4018, wake_up_timer),
            (0xE000_E104, 1),
            DEEP,
        ]
    };
    for (wake_up_timer, woken) in [(1 << 14 | 1 << 10, true), (1 << 10, false)] {
        let board = board(&set_up(wake_up_timer), SLEEPS_ONCE);
        board.idle(Duration::from_millis(9));
        assert_eq!(board.with(|board| board.core_state()), CoreState::Sleeping);
        board.idle(Duration::from_millis(3));
        let expected = if woken {
            CoreState::Running
        } else {
            CoreState::Sleeping
        };
        assert_eq!(board.with(|board| board.core_state()), expected);
    }
}

/// The independent watchdog ends Standby, unless the option byte freezes it there.
#[test]
fn the_watchdog_ends_standby() {
    let writes = [(0x5800_4800, 0xCCCC), POWER_DOWN, DEEP];
    for (option, woken) in [(0x0006_00D0, true), (0x0002_00D0, false)] {
        let builder = Board::builder().boot_image(boot_stage(&writes, SLEEPS));
        let mut board = builder.option_word(0x260, option).build().unwrap();
        board.run_for(Time::millis(1_000));
        let flags = board.read_word(RCC_RSR).unwrap();
        assert_eq!(flags >> 26 & 1 == 1, woken, "{flags:#x}");
    }
}

/// NRST_STOP and NRST_STBY: software that enters the mode all the same is reset, with a flag of its own.
#[test]
fn option_bytes_forbid_stop_and_standby() {
    let forbidden = |writes: &[(u32, u32)], option| {
        let builder = Board::builder().boot_image(boot_stage(writes, SLEEPS));
        let mut board = builder.option_word(0x260, option).build().unwrap();
        board.run_for(Time::millis(1));
        board.read_word(RCC_RSR).unwrap() >> 30 & 1 == 1
    };
    const NO_STOP: u32 = 0x0006_0090;
    const NO_STANDBY: u32 = 0x0006_0050;
    assert!(forbidden(&[DEEP], NO_STOP));
    assert!(!forbidden(&[DEEP], NO_STANDBY));
    assert!(forbidden(&[POWER_DOWN, DEEP], NO_STANDBY));
    assert!(!forbidden(&[POWER_DOWN, DEEP], NO_STOP));
    assert!(!forbidden(&[], NO_STOP & NO_STANDBY), "Sleep is free");
}

/// A core that never sleeps is seen without any bit.
#[test]
fn a_running_core_needs_no_bits() {
    let board = board(&[], SPINS);
    let mut careless = connect(&board);
    board.idle(Duration::from_millis(1));
    read(&mut *careless, &AHB, RAM).unwrap();
}

use super::{
    super::{WatchdogOptions, testing::pass},
    *,
};

const RLR: u32 = 0x08;
const WINR: u32 = 0x10;

fn write(dog: &mut Iwdg, wires: &mut Wires, offset: u32, value: u32) {
    dog.write(offset, Width::Word, value, wires).unwrap();
}

fn status(dog: &mut Iwdg, wires: &mut Wires) -> u32 {
    dog.read(SR, Width::Word, wires).unwrap()
}

/// As ST's driver does: start, unlock, reload value of eight ticks (1 ms), wait for SR.
fn started() -> (Iwdg, Wires) {
    let (mut dog, mut wires) = (Iwdg::new(), Wires::default());
    write(&mut dog, &mut wires, KR, KEY_START);
    write(&mut dog, &mut wires, KR, KEY_UNLOCK);
    write(&mut dog, &mut wires, RLR, 7);
    assert_eq!(status(&mut dog, &mut wires), ONF | 1 << RELOAD);
    pass(&mut dog, &mut wires, Time::micros(400));
    assert_eq!(status(&mut dog, &mut wires), ONF);
    (dog, wires)
}

fn bitten(wires: &Wires) -> bool {
    wires.reset_request && wires.reset_cause == ResetCause::Watchdog
}

#[test]
fn fed_in_time_it_sleeps_and_unfed_it_bites() {
    let (mut dog, mut wires) = started();
    for _ in 0..5 {
        write(&mut dog, &mut wires, KR, KEY_FEED);
        pass(&mut dog, &mut wires, Time::micros(990));
    }
    assert!(!bitten(&wires));
    pass(&mut dog, &mut wires, Time::micros(11));
    assert!(bitten(&wires));
}

/// 4096 ticks of LSI / 4, and LSI has to start.
#[test]
fn started_alone_it_takes_512_ms() {
    let (mut dog, mut wires) = (Iwdg::new(), Wires::default());
    dog.start(&mut wires);
    assert_eq!(dog.next_event(), Some(Time::millis(512) + LSI_START));
}

/// Who feeds before RVU has fallen has fed the old value.
#[test]
fn a_feed_before_the_update_takes_the_old_reload_value() {
    let (mut dog, mut wires) = (Iwdg::new(), Wires::default());
    write(&mut dog, &mut wires, KR, KEY_START);
    write(&mut dog, &mut wires, KR, KEY_UNLOCK);
    write(&mut dog, &mut wires, RLR, 7);
    write(&mut dog, &mut wires, KR, KEY_FEED);
    pass(&mut dog, &mut wires, Time::millis(400));
    assert!(!bitten(&wires), "still the 512 ms of reset");
    assert_eq!(dog.read(RLR, Width::Word, &mut wires), Ok(7));
}

#[test]
fn without_lsi_nothing_is_updated() {
    let (mut dog, mut wires) = (Iwdg::new(), Wires::default());
    write(&mut dog, &mut wires, KR, KEY_UNLOCK);
    write(&mut dog, &mut wires, RLR, 7);
    pass(&mut dog, &mut wires, Time::millis(100));
    assert_eq!(status(&mut dog, &mut wires), 1 << RELOAD);
    wires.lsi_since = Some(wires.now);
    dog.tick(&mut wires);
    pass(&mut dog, &mut wires, Time::millis(1));
    assert_eq!(status(&mut dog, &mut wires), 0);
}

#[test]
fn locked_registers_take_nothing() {
    let (mut dog, mut wires) = (Iwdg::new(), Wires::default());
    write(&mut dog, &mut wires, KR, KEY_START);
    write(&mut dog, &mut wires, RLR, 7);
    assert_eq!(status(&mut dog, &mut wires), ONF);
}

#[test]
fn feeding_above_the_window_bites() {
    for (fed_after, bites) in [(Time::micros(300), true), (Time::micros(700), false)] {
        let (mut dog, mut wires) = started();
        write(&mut dog, &mut wires, WINR, 3);
        pass(&mut dog, &mut wires, Time::micros(500));
        // The write of WINR has just fed it.
        let since = dog.since;
        let elapsed = wires.now - since;
        pass(&mut dog, &mut wires, fed_after - elapsed);
        write(&mut dog, &mut wires, KR, KEY_FEED);
        assert_eq!(bitten(&wires), bites, "fed after {fed_after:?}");
    }
}

#[test]
fn the_early_wake_up_comes_before_the_bite_and_is_acknowledged() {
    let (mut dog, mut wires) = started();
    write(&mut dog, &mut wires, EWCR, EWIE | 3);
    pass(&mut dog, &mut wires, Time::micros(400));
    write(&mut dog, &mut wires, KR, KEY_FEED);
    pass(&mut dog, &mut wires, Time::micros(600));
    assert_eq!(wires.irq[0] >> IRQ & 1, 0);
    // The counter is 2 after five of eight ticks.
    pass(&mut dog, &mut wires, Time::micros(30));
    assert_eq!(wires.irq[0] >> IRQ & 1, 1);
    assert_eq!(status(&mut dog, &mut wires) & EWIF, EWIF);
    write(&mut dog, &mut wires, KR, KEY_UNLOCK);
    write(&mut dog, &mut wires, EWCR, EWIC | EWIE | 3);
    assert_eq!(wires.irq[0] >> IRQ & 1, 0);
    assert!(!bitten(&wires));
}

#[test]
fn frozen_where_debug_and_option_bits_say_so() {
    let freeze = 1 << FREEZE_BIT;
    let in_stop = WatchdogOptions {
        frozen_in_stop: true,
        ..WatchdogOptions::default()
    };
    let cases = [
        (true, 0, LowPower::Run, WatchdogOptions::default(), true),
        (
            true,
            freeze,
            LowPower::Run,
            WatchdogOptions::default(),
            false,
        ),
        (
            false,
            freeze,
            LowPower::Run,
            WatchdogOptions::default(),
            true,
        ),
        (false, 0, LowPower::Stop, WatchdogOptions::default(), true),
        (false, 0, LowPower::Stop, in_stop, false),
        (false, 0, LowPower::Standby, in_stop, true),
    ];
    for (core_halted, frozen_apb4, low_power, watchdog_options, bites) in cases {
        let (mut dog, mut wires) = started();
        write(&mut dog, &mut wires, KR, KEY_FEED);
        wires = Wires {
            core_halted,
            frozen_apb4,
            low_power,
            watchdog_options,
            ..wires
        };
        pass(&mut dog, &mut wires, Time::millis(50));
        assert_eq!(
            bitten(&wires),
            bites,
            "{core_halted} {frozen_apb4:#x} {low_power:?} {watchdog_options:?}"
        );
    }
}

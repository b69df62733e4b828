//! The RTC as ST's HAL sets it up.

use super::*;
use crate::devices::gate::APB4ENR;

fn started() -> (Rtc, Wires) {
    let mut wires = Wires {
        rtc_hz: 32_768,
        ..Default::default()
    };
    wires.gates.insert(APB4ENR, 1 << 16);
    let mut rtc = Rtc::new();
    rtc.tick(&mut wires);
    (rtc, wires)
}

fn put(rtc: &mut Rtc, wires: &mut Wires, offset: u32, value: u32) {
    rtc.write(offset, Width::Word, value, wires).unwrap();
}

fn get(rtc: &mut Rtc, wires: &mut Wires, offset: u32) -> u32 {
    rtc.read(offset, Width::Word, wires).unwrap()
}

fn unlock(rtc: &mut Rtc, wires: &mut Wires) {
    put(rtc, wires, WPR, 0xCA);
    put(rtc, wires, WPR, 0x53);
}

fn set(rtc: &mut Rtc, wires: &mut Wires, time: u32, date: u32) {
    unlock(rtc, wires);
    put(rtc, wires, ICSR, INIT);
    wires.now += Time::millis(1);
    put(rtc, wires, TR, time);
    put(rtc, wires, DR, date);
    put(rtc, wires, ICSR, 0);
}

#[test]
fn the_calendar_counts_once_it_is_set() {
    let (mut rtc, mut wires) = started();
    put(&mut rtc, &mut wires, TR, 0x10_0000);
    assert_eq!(get(&mut rtc, &mut wires, TR), 0, "no keys");
    unlock(&mut rtc, &mut wires);
    put(&mut rtc, &mut wires, ICSR, INIT);
    assert_eq!(get(&mut rtc, &mut wires, ICSR) & INITF, 0, "not at once");
    set(&mut rtc, &mut wires, 0x12_3458, 0x26_E1_01);
    wires.now += Time::millis(2_500);
    assert_eq!(get(&mut rtc, &mut wires, TR), 0x12_3500);
    assert_eq!(get(&mut rtc, &mut wires, SSR), 127);
    assert_eq!(get(&mut rtc, &mut wires, ICSR) & (INITS | RSF), INITS | RSF);
    rtc.reset(Reset::System, &mut wires);
    assert_eq!(get(&mut rtc, &mut wires, TR), 0x12_3500);
}

#[test]
fn the_wake_up_timer_interrupts_again_and_again() {
    let (mut rtc, mut wires) = started();
    unlock(&mut rtc, &mut wires);
    // RTCCLK / 16, 2048 times: a second.
    put(&mut rtc, &mut wires, WUTR, 2047);
    put(&mut rtc, &mut wires, CR, WUTE | WUTE << 4);
    for second in 1..4 {
        wires.now = rtc.next_event().unwrap();
        assert_eq!(wires.now.as_micros(), second * 1_000_000);
        rtc.tick(&mut wires);
        assert_eq!(wires.irq[0] >> IRQ & 1, 1);
        put(&mut rtc, &mut wires, SCR, WUTF);
        assert_eq!(wires.irq[0], 0);
    }
}

#[test]
fn an_alarm_comes_when_its_parts_fit() {
    let (mut rtc, mut wires) = started();
    set(&mut rtc, &mut wires, 0x12_3458, 0x26_E1_01);
    // Any day and hour, at xx:35:01.
    put(&mut rtc, &mut wires, ALRMAR, 1 << 31 | 1 << 23 | 0x3501);
    put(&mut rtc, &mut wires, CR, ALRAE | ALRAE << 4);
    let mut seconds = 0;
    while get(&mut rtc, &mut wires, SR) == 0 {
        wires.now = rtc.next_event().unwrap();
        rtc.tick(&mut wires);
        seconds += 1;
    }
    assert_eq!((seconds, get(&mut rtc, &mut wires, TR)), (3, 0x12_3501));
    assert_eq!(wires.irq[0] >> IRQ & 1, 1);
}

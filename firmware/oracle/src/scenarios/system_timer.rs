//! SysTick, by what does not depend on how long an instruction takes (B3.3).

use core::sync::atomic::{AtomicU32, Ordering::Relaxed};

use super::{Scenario, scenario};
use crate::{
    handler::{hook, ignore_frames, provoke},
    log::note,
    system::*,
};

const ENABLE: u32 = 1;
const TICKINT: u32 = 2;
const CLKSOURCE: u32 = 4;
const COUNTFLAG: u32 = 1 << 16;
/// Enough instructions lie in a period, and it is over soon.
const PERIOD: u32 = 20_000;
/// Never over here.
const LONG: u32 = 0x00FF_FFFF;

static TICKS: AtomicU32 = AtomicU32::new(0);

pub const SCENARIOS: &[Scenario] = &[
    scenario("registers of the stopped timer", || {
        note("CSR", read(SYST_CSR));
        write(SYST_RVR, u32::MAX);
        note("RVR", read(SYST_RVR));
        write(SYST_CVR, 1234);
        note("CVR", read(SYST_CVR));
        write(SYST_CSR, CLKSOURCE | TICKINT);
        note("CSR", read(SYST_CSR));
    }),
    scenario("COUNTFLAG comes, and a read clears it", || {
        start(PERIOD, 0);
        note("flag", wait_for_flag());
        stop();
        note("CSR", read(SYST_CSR));
    }),
    scenario("COUNTFLAG stays until it is read", || {
        start(PERIOD, 0);
        wait_for_wrap();
        stop();
        note("CSR", read(SYST_CSR));
        note("CSR", read(SYST_CSR));
    }),
    scenario(
        "a write of the current value clears it and COUNTFLAG",
        || {
            start(PERIOD, 0);
            wait_for_wrap();
            stop();
            write(SYST_CVR, 1);
            note("CSR", read(SYST_CSR));
            note("CVR", read(SYST_CVR));
        },
    ),
    scenario("the counter goes down from the reload value", || {
        start(LONG, 0);
        let mut first = 0;
        while first == 0 {
            first = read(SYST_CVR);
        }
        while read(SYST_CVR) >= first {}
        stop();
        let third = read(SYST_CVR);
        note("down", u32::from(first > third && third > 0));
        note("still", u32::from(read(SYST_CVR) == third));
        note("CSR", read(SYST_CSR));
    }),
    scenario("a reload value of zero stops it", || {
        start(PERIOD, 0);
        write(SYST_RVR, 0);
        wait_for_flag();
        note("CVR", read(SYST_CVR));
        note("CSR", read(SYST_CSR));
        stop();
    }),
    scenario("three ticks", || {
        ignore_frames();
        TICKS.store(0, Relaxed);
        hook(|taken| {
            if taken.number == SYS_TICK && TICKS.fetch_add(1, Relaxed) == 2 {
                write(SYST_CSR, 0);
            }
        });
        start(10 * PERIOD, TICKINT);
        while TICKS.load(Relaxed) < 3 {}
        note("ticks", TICKS.load(Relaxed));
    }),
    scenario("without TICKINT nothing pends", || {
        start(PERIOD, 0);
        wait_for_wrap();
        stop();
        note("ICSR", read(ICSR));
    }),
    scenario("a tick waits under PRIMASK", || {
        ignore_frames();
        msr!("primask", 1);
        start(PERIOD, TICKINT);
        wait_for_wrap();
        stop();
        note("ICSR", read(ICSR));
        msr!("primask", 0);
        note("ICSR", read(ICSR));
    }),
    scenario("a tick under PRIMASK is taken back", || {
        msr!("primask", 1);
        start(PERIOD, TICKINT);
        wait_for_wrap();
        stop();
        write(ICSR, PENDSTCLR);
        note("ICSR", read(ICSR));
        msr!("primask", 0);
    }),
    scenario("a tick preempts a handler by its priority", || {
        ignore_frames();
        TICKS.store(0, Relaxed);
        prioritise(SYS_TICK, 0x40);
        external(&[0x80]);
        hook(|taken| {
            if taken.number == SYS_TICK {
                write(SYST_CSR, 0);
                TICKS.store(1, Relaxed);
            } else {
                start(10 * PERIOD, TICKINT);
                while TICKS.load(Relaxed) == 0 {}
            }
        });
        pend(0);
    }),
    scenario("SysTick by ICSR with the timer off", || {
        provoke!("nop");
        write(ICSR, PENDSTSET);
        note("ICSR", read(ICSR));
    }),
];

/// The timer from its reload value on, at the core's clock.
fn start(reload: u32, control: u32) {
    write(SYST_RVR, reload);
    write(SYST_CVR, 0);
    write(SYST_CSR, CLKSOURCE | ENABLE | control);
}

fn stop() {
    write(SYST_CSR, CLKSOURCE);
}

fn wait_for_flag() -> u32 {
    loop {
        let flag = read(SYST_CSR) & COUNTFLAG;
        if flag != 0 {
            return flag;
        }
    }
}

/// Until the counter has begun again; does not look at COUNTFLAG.
fn wait_for_wrap() {
    let mut last = 0;
    while last == 0 {
        last = read(SYST_CVR);
    }
    loop {
        let now = read(SYST_CVR);
        if now > last {
            return;
        }
        last = now;
    }
}

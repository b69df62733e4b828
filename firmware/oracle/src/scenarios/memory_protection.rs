//! The MPU: permissions, regions over regions, subregions, the default map, and code at negative priority (B3.5).

use super::{Scenario, scenario};
use crate::{
    handler::{hook, provoke, usual},
    log::note,
    system::*,
};

/// What the accesses are tried on: code of two instructions, and data behind it.
const PLACE: u32 = SCRATCH + 0x2000;

pub const SCENARIOS: &[Scenario] = &[
    scenario("permissions, privileged and not", || {
        begin();
        for permissions in [
            NO_ACCESS,
            PRIVILEGED,
            USER_READS,
            FULL,
            PRIVILEGED_READ_ONLY,
            READ_ONLY,
            7,
        ] {
            note("AP", permissions);
            region(1, PLACE, rasr(12, permissions, 0));
            try_all(PLACE);
        }
    }),
    scenario("execute never", || {
        begin();
        for never in [0, XN] {
            region(1, PLACE, rasr(12, FULL, never));
            try_all(PLACE);
        }
    }),
    scenario("the higher region number decides", || {
        begin();
        for (below, above) in [
            (NO_ACCESS, FULL),
            (FULL, NO_ACCESS),
            (READ_ONLY, PRIVILEGED),
        ] {
            region(2, SCRATCH, rasr(16, below, 0));
            region(3, PLACE, rasr(12, above, 0));
            try_all(PLACE);
            try_all(PLACE + 0x1000);
        }
    }),
    scenario("subregions", || {
        begin();
        // Eight of 4 KB; the third, where PLACE is, and the last are left out.
        region(1, SCRATCH, rasr(15, PRIVILEGED_READ_ONLY, 0b1000_0100 << 8));
        for place in [
            SCRATCH + 0x1000,
            PLACE,
            SCRATCH + 0x3000,
            SCRATCH + 0x6000,
            SCRATCH + 0x7000,
        ] {
            note("subregion", place);
            try_all(place);
        }
    }),
    scenario("a disabled subregion uncovers the region below", || {
        begin();
        region(1, SCRATCH, rasr(16, USER_READS, 0));
        region(2, SCRATCH, rasr(15, NO_ACCESS, 0b0000_0100 << 8));
        try_all(PLACE);
        try_all(PLACE + 0x1000);
    }),
    scenario("small regions", || {
        begin();
        region(1, PLACE + 0x20, rasr(5, NO_ACCESS, 0));
        for place in [
            PLACE,
            PLACE + 0x1C,
            PLACE + 0x20,
            PLACE + 0x3C,
            PLACE + 0x40,
        ] {
            note("place", place);
            load(place, 0);
            load(place, UNPRIVILEGED);
        }
    }),
    scenario("small subregions", || {
        begin();
        region(1, PLACE, rasr(8, READ_ONLY, 0b0000_0010 << 8));
        for place in [
            PLACE,
            PLACE + 0x1C,
            PLACE + 0x20,
            PLACE + 0x3C,
            PLACE + 0x40,
        ] {
            note("place", place);
            store(place, 0);
        }
    }),
    scenario("no default map", || {
        begin();
        write(MPU_CTRL, MPU_ENABLE);
        load(PLACE, 0);
        load(PLACE, UNPRIVILEGED);
        note("the private bus", read(MPU_CTRL));
    }),
    scenario("the default map is not for unprivileged code", || {
        begin();
        load(PLACE, 0);
        load(PLACE, UNPRIVILEGED);
    }),
    scenario("HFNMIENA off: HardFault and NMI see no MPU", || {
        begin();
        region(1, PLACE, rasr(12, NO_ACCESS, 0));
        write(SHCSR, 0);
        hook(|taken| {
            // SAFETY: PLACE is memory.
            note("read", unsafe { (PLACE as *const u32).read_volatile() });
            usual(taken);
        });
        load(PLACE, 0);
        write(ICSR, NMIPENDSET);
    }),
    scenario("FAULTMASK takes the MPU away", || {
        begin();
        region(1, PLACE, rasr(12, NO_ACCESS, 0));
        msr!("faultmask", 1);
        note("read", read(PLACE));
        msr!("faultmask", 0);
        load(PLACE, 0);
    }),
    scenario(
        "HFNMIENA on: FAULTMASK reads through an open region",
        || {
            begin();
            region(1, PLACE, rasr(12, PRIVILEGED, 0));
            write(MPU_CTRL, MPU_ENABLE | HFNMIENA | PRIVDEFENA);
            msr!("faultmask", 1);
            note("read", read(PLACE));
            msr!("faultmask", 0);
        },
    ),
    scenario("the registers: RNR, VALID, aliases", || {
        write(MPU_RNR, 3);
        write(MPU_RBAR, PLACE);
        note("RBAR", read(MPU_RBAR));
        write(MPU_RBAR, SCRATCH | 1 << 4 | 5);
        note("RNR", read(MPU_RNR));
        note("RBAR", read(MPU_RBAR));
        write(MPU_RASR, rasr(16, NO_ACCESS, 0));
        note("RASR", read(MPU_RASR));
        write(MPU_RNR, 4);
        note("RBAR_A1", read(MPU_RBAR_A1));
        note("RASR_A1", read(MPU_RASR_A1));
        write(MPU_RNR, 3);
        note("RBAR", read(MPU_RBAR));
        write(MPU_CTRL, HFNMIENA);
        note("CTRL", read(MPU_CTRL));
    }),
    scenario("disabling the MPU opens everything", || {
        begin();
        region(1, PLACE, rasr(12, NO_ACCESS, 0));
        write(MPU_CTRL, 0);
        try_all(PLACE);
    }),
    scenario(
        "a region over a peripheral makes code of it no more",
        || {
            begin();
            region(1, 0x4000_0000, rasr(29, FULL, XN));
            execute(0x4000_0000, 0);
            execute(0xA000_0000, 0);
        },
    ),
];

/// The MPU on, the default map for privileged code, this program and its stack for everybody.
fn begin() {
    write(SHCSR, FAULTS);
    hook(|taken| {
        usual(taken);
        msr!("control", 0);
    });
    for place in (SCRATCH..SCRATCH + 0x8000).step_by(0x1000) {
        write(place, 0xBF00_4770); // bx lr; nop
    }
    region(0, 0, rasr(22, READ_ONLY, 0));
    region(6, 0x2000_0000, rasr(19, FULL, 0));
    write(MPU_CTRL, MPU_ENABLE | PRIVDEFENA);
}

fn try_all(place: u32) {
    for control in [0, UNPRIVILEGED] {
        load(place, control);
        store(place + 8, control);
        execute(place, control);
    }
}

fn load(place: u32, control: u32) {
    let value: u32;
    provoke!(
        "movs r0, #0", "msr control, {control}", "isb", "ldr r0, [{place}]", "svc 0";
        control = in(reg) control, place = in(reg) place, out("r0") value,
    );
    note("loaded", value);
}

fn store(place: u32, control: u32) {
    write_quietly(place, 0);
    provoke!(
        "msr control, {control}", "isb", "str {place}, [{place}]", "svc 0";
        control = in(reg) control, place = in(reg) place,
    );
    note("stored", read_quietly(place));
}

fn execute(place: u32, control: u32) {
    provoke!(
        "orr {place}, {place}, #1", "msr control, {control}", "isb", "blx {place}", "svc 0";
        control = in(reg) control, place = inout(reg) place => _, out("lr") _,
    );
}

/// With the MPU off.
fn write_quietly(place: u32, value: u32) {
    let control = read(MPU_CTRL);
    write(MPU_CTRL, 0);
    write(place, value);
    write(MPU_CTRL, control);
}

fn read_quietly(place: u32) -> u32 {
    let control = read(MPU_CTRL);
    write(MPU_CTRL, 0);
    let value = read(place);
    write(MPU_CTRL, control);
    value
}

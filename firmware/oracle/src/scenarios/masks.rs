//! PRIMASK, BASEPRI and FAULTMASK: what they hold back, when it comes, and who may change them (B1.4.3, B1.5.4).

use core::arch::asm;

use super::{Scenario, scenario};
use crate::{
    handler::{Taken, hook, provoke, usual},
    log::note,
    system::*,
};

pub const SCENARIOS: &[Scenario] = &[
    scenario("PRIMASK holds all but NMI", || {
        external(&[0x00]);
        prioritise(PEND_SV, 0x10);
        msr!("primask", 1);
        pend(0);
        write(ICSR, NMIPENDSET | PENDSVSET);
        note("ICSR", read(ICSR));
        // SAFETY: handlers restore everything.
        unsafe { asm!("cpsie i", "isb") };
        note("ICSR", read(ICSR));
    }),
    scenario("BASEPRI lets the more urgent through", || {
        external(&[0x40, 0x60, 0x80, 0xA0]);
        msr!("basepri", 0x60);
        write(ISPR0, 0b1111);
        for basepri in [0x70, 0x90, 0] {
            note("BASEPRI", basepri);
            msr!("basepri", basepri);
        }
    }),
    scenario("BASEPRI and priority grouping", || {
        external(&[0x40, 0x50, 0x60, 0x30]);
        group(5);
        msr!("basepri", 0x50);
        write(ISPR0, 0b1111);
        note("ISPR0", read(ISPR0));
        msr!("basepri", 0);
    }),
    scenario("BASEPRI_MAX only rises", || {
        for value in [0x80, 0xA0, 0x40, 0x00, 0x60, 0x20] {
            msr!("basepri_max", value);
            note("BASEPRI", mrs!("basepri"));
        }
    }),
    scenario("BASEPRI set by a handler stays", || {
        external(&[0x80, 0x40, 0x80]);
        hook(|taken| {
            if taken.number == EXTERNAL {
                msr!("basepri", 0x40);
                write(ISPR0, 0b110);
                note("ISPR0", read(ISPR0));
            }
        });
        pend(0);
        note("BASEPRI", mrs!("basepri"));
        msr!("basepri", 0);
    }),
    scenario("FAULTMASK holds all but NMI", || {
        external(&[0x00]);
        // SAFETY: nothing faults here.
        unsafe { asm!("cpsid f", "isb") };
        pend(0);
        write(ICSR, NMIPENDSET);
        note("FAULTMASK", mrs!("faultmask"));
        note("ICSR", read(ICSR));
        // SAFETY: as above.
        unsafe { asm!("cpsie f", "isb") };
    }),
    scenario("FAULTMASK is cleared by a handler's return", || {
        external(&[0x40, 0x20]);
        hook(|taken| {
            if taken.number == EXTERNAL {
                msr!("faultmask", 1);
                pend(1);
                note("FAULTMASK", mrs!("faultmask"));
            }
        });
        pend(0);
        note("FAULTMASK", mrs!("faultmask"));
    }),
    scenario("FAULTMASK cannot be set in HardFault and NMI", || {
        hook(|taken| {
            // SAFETY: nothing faults here.
            unsafe { asm!("cpsid f", "isb") };
            note("FAULTMASK", mrs!("faultmask"));
            msr!("faultmask", 0);
            usual(taken);
        });
        write(ICSR, NMIPENDSET);
        note("FAULTMASK", mrs!("faultmask"));
        provoke!("udf #1");
        note("FAULTMASK", mrs!("faultmask"));
    }),
    scenario("SVC under PRIMASK escalates", || {
        msr!("primask", 1);
        provoke!("svc 0");
    }),
    scenario("SVC under BASEPRI escalates", || {
        prioritise(SV_CALL, 0x80);
        msr!("basepri", 0x80);
        provoke!("svc 0");
        msr!("basepri", 0x90);
        provoke!("svc 0");
    }),
    scenario("a fault under BASEPRI escalates", || {
        write(SHCSR, FAULTS);
        prioritise(USAGE_FAULT, 0x80);
        msr!("basepri", 0x40);
        provoke!("udf #0");
        msr!("basepri", 0xC0);
        provoke!("udf #0");
    }),
    scenario("a fault under PRIMASK escalates", || {
        write(SHCSR, FAULTS);
        msr!("primask", 1);
        provoke!("udf #0");
    }),
    scenario("masks under an active handler", || {
        external(&[0x80, 0x60, 0x40]);
        hook(nested_masks);
        pend(0);
    }),
    scenario("a fault with PRIMASK and the handler clearing it", || {
        external(&[0x40]);
        msr!("primask", 1);
        pend(0);
        hook(|taken| {
            usual(taken);
            msr!("primask", 0);
        });
        provoke!("udf #0");
    }),
];

fn nested_masks(taken: &mut Taken) {
    match taken.number - EXTERNAL {
        0 => {
            msr!("basepri", 0x50);
            write(ISPR0, 0b110);
            note("ISPR0", read(ISPR0));
            msr!("basepri", 0);
            note("ISPR0", read(ISPR0));
        }
        1 => msr!("primask", 1),
        _ => msr!("primask", 0),
    }
}

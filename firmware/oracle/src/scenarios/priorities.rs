//! Who preempts whom, who waits, and what pending and active look like meanwhile (B1.5.4, B3.4).

use super::{Scenario, scenario};
use crate::{
    handler::{hook, provoke, usual},
    log::note,
    system::*,
};

pub const SCENARIOS: &[Scenario] = &[
    scenario("a higher priority preempts", || {
        external(&[0x40, 0x20]);
        hook(line_0_pends_others);
        pend(0);
    }),
    scenario("an equal priority waits and tail-chains", || {
        external(&[0x40, 0x40]);
        hook(line_0_pends_others);
        pend(0);
    }),
    scenario("a lower priority waits and tail-chains", || {
        external(&[0x40, 0x60, 0x50]);
        hook(line_0_pends_others);
        pend(0);
    }),
    scenario("some preempt, some wait", || {
        external(&[0x40, 0x60, 0x20, 0x40]);
        hook(line_0_pends_others);
        pend(0);
    }),
    scenario("simultaneous: by priority, then by number", || {
        external(&[0x40, 0x20, 0x40, 0x20, 0xF0, 0x00]);
        together(0b111111);
    }),
    scenario("priority grouping", || {
        external(&[0x60, 0x40, 0x20, 0x70, 0xE0]);
        hook(line_0_pends_others);
        for grouping in 3..=7 {
            note("PRIGROUP", grouping);
            group(grouping);
            note("AIRCR", read(AIRCR));
            pend(0);
        }
    }),
    scenario("subpriority decides among those that wait", || {
        external(&[0x70, 0x60, 0x50, 0x40]);
        group(6);
        together(0b1111);
    }),
    scenario("a chain of four preemptions", || {
        external(&[0x80, 0x60, 0x40, 0x20]);
        hook(|taken| {
            if taken.number < EXTERNAL + 3 {
                pend(taken.number - EXTERNAL + 1);
            }
        });
        pend(0);
    }),
    scenario("pended late: what waits is decided at the return", || {
        external(&[0x40, 0x80, 0x60]);
        hook(|taken| {
            if taken.number == EXTERNAL {
                pend(1);
                pend(2);
                note("ISPR0", read(ISPR0));
                write(ICPR0, 1 << 2);
                note("ICSR", read(ICSR));
            }
            if taken.number == EXTERNAL + 1 {
                pend(2);
            }
        });
        pend(0);
    }),
    scenario("an active interrupt pends itself", || {
        external(&[0x40]);
        hook(|taken| {
            if read(IPR0) & 0xFF == 0x40 {
                prioritise(taken.number, 0x80);
                pend(0);
                note("ISPR0", read(ISPR0));
            }
        });
        pend(0);
    }),
    scenario("a priority lowered while active", || {
        external(&[0x40, 0x60]);
        hook(|taken| {
            if taken.number == EXTERNAL {
                pend(1);
                prioritise(EXTERNAL, 0x80);
                note("line 0 at", 0x80);
            }
        });
        pend(0);
    }),
    scenario("pending while disabled", || {
        external(&[0x40]);
        write(ICER0, 1);
        pend(0);
        note("ICSR", read(ICSR));
        note("ISPR0", read(ISPR0));
        write(ISER0, 1);
        pend(9);
        note("ISER0", read(ISER0));
        note("ICER0", read(ICER0));
        write(ICPR0, 1 << 9);
        note("ICPR0", read(ICPR0));
    }),
    scenario("disabled while active", || {
        external(&[0x40]);
        hook(|_| {
            write(ICER0, 1);
            note("IABR0", read(IABR0));
        });
        pend(0);
        note("IABR0", read(IABR0));
    }),
    scenario(
        "SVC, PendSV, SysTick and a line, each by its own way",
        || {
            prioritise(PEND_SV, 0xF0);
            prioritise(SYS_TICK, 0xE0);
            external(&[0xD0]);
            hook(|taken| {
                if taken.number == SV_CALL {
                    write(ICSR, PENDSVSET);
                    write(ICSR, PENDSTSET);
                    write(STIR, 0);
                    note("ICSR", read(ICSR));
                }
            });
            provoke!("svc 1");
        },
    ),
    scenario("PendSV and SysTick taken back", || {
        prioritise(PEND_SV, 0x80);
        external(&[0x40]);
        hook(|taken| {
            if taken.number == EXTERNAL {
                write(ICSR, PENDSVSET | PENDSTSET);
                note("ICSR", read(ICSR));
                write(ICSR, PENDSVCLR | PENDSTCLR);
                note("ICSR", read(ICSR));
            }
        });
        prioritise(SYS_TICK, 0x80);
        pend(0);
        note("ICSR", read(ICSR));
    }),
    scenario("STIR", || {
        external(&[0x40, 0x40, 0x40]);
        write(STIR, 2);
        write(STIR, 0);
    }),
    scenario("NMI from thread and from handlers", || {
        external(&[0x00]);
        hook(|taken| {
            if taken.number != NMI {
                write(ICSR, NMIPENDSET);
            }
            usual(taken);
        });
        write(ICSR, NMIPENDSET);
        pend(0);
        provoke!("udf #0");
    }),
    scenario("NMI pends a line and a HardFault waits for nobody", || {
        external(&[0x00]);
        hook(|taken| {
            if taken.number == NMI {
                pend(0);
                write(ICSR, PENDSVSET | PENDSTSET);
            }
        });
        write(ICSR, NMIPENDSET);
    }),
    scenario("SVC in a handler that it cannot preempt", || {
        external(&[0x40]);
        prioritise(SV_CALL, 0x40);
        hook(svc_on_line_0);
        pend(0);
    }),
    scenario("SVC in a handler that it preempts", || {
        external(&[0x40]);
        prioritise(SV_CALL, 0x20);
        hook(svc_on_line_0);
        pend(0);
    }),
    scenario("exceptions made pending by SHCSR", || {
        write(SHCSR, FAULTS);
        prioritise(USAGE_FAULT, 0x20);
        prioritise(SV_CALL, 0x40);
        hook(|_| {});
        msr!("primask", 1);
        set(SHCSR, 0b1111 << 12);
        note("SHCSR", read(SHCSR));
        note("ICSR", read(ICSR));
        msr!("primask", 0);
        note("SHCSR", read(SHCSR));
    }),
    scenario(
        "interrupts and system handlers, equal priority: number",
        || {
            external(&[0x40]);
            for exception in [PEND_SV, SYS_TICK] {
                prioritise(exception, 0x40);
            }
            msr!("primask", 1);
            write(ICSR, PENDSVSET | PENDSTSET);
            together(1);
        },
    ),
    scenario("WFI with PRIMASK goes on without the handler", || {
        external(&[0x40]);
        msr!("primask", 1);
        pend(0);
        // SAFETY: something is pending, so the core wakes.
        unsafe { core::arch::asm!("wfi") };
        note("ISPR0", read(ISPR0));
        msr!("primask", 0);
    }),
    scenario("the last external interrupt of the first word", || {
        prioritise(EXTERNAL + 31, 0x40);
        write(ISER0, 1 << 31);
        write(STIR, 31);
        note("ISER0", read(ISER0));
    }),
    scenario("priority bytes", || {
        write(IPR0, 0xF0A0_7010);
        note("IPR0", read(IPR0));
        write(SHPR1, 0xFFF0_A070);
        note("SHPR1", read(SHPR1) & 0x00FF_FFFF);
        write(SHPR3, 0xE0D0_0000);
        note("SHPR3", read(SHPR3));
        write(IPR0, u32::MAX);
        note("IPR0 of ones", read(IPR0));
    }),
];

fn line_0_pends_others(taken: &mut crate::handler::Taken) {
    if taken.number == EXTERNAL {
        write(ISPR0, 0b11110);
        note("ICSR", read(ICSR));
    }
}

fn svc_on_line_0(taken: &mut crate::handler::Taken) {
    if taken.number == EXTERNAL {
        provoke!("svc 2");
    } else {
        note("SHCSR inside", read(SHCSR));
    }
    if taken.number == HARD_FAULT {
        taken.resume();
    }
}

/// Pends lines under PRIMASK and lets them go at once.
pub fn together(lines: u32) {
    msr!("primask", 1);
    write(ISPR0, lines);
    note("ICSR", read(ICSR));
    msr!("primask", 0);
}

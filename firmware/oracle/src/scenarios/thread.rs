//! Thread mode: its stacks and privilege, and where the vectors are (B1.4, B1.5.3, B1.5.8).

use super::{Scenario, scenario};
use crate::{
    handler::{hook, provoke, usual},
    log::note,
    system::*,
};

/// The process stack of these scenarios.
const PROCESS: u32 = SCRATCH + 0x8000;
/// A vector table in RAM.
const TABLE: u32 = SCRATCH + 0x400;
/// The last 32 words of memory: a table here has no entry for line 16 and above.
const TABLE_AT_THE_END: u32 = END_OF_MEMORY - 4 * 32;

pub const SCENARIOS: &[Scenario] = &[
    scenario("privileged thread on the process stack", || {
        external(&[0x40]);
        msr!("psp", PROCESS);
        provoke!(
            "msr control, {control}", "isb", "svc 3", "ldr r0, ={ispr0}", "movs r1, #1", "str r1, [r0]", "dsb", "isb",
            "mrs r2, control", "mrs r3, msp";
            control = in(reg) PROCESS_STACK, ispr0 = const ISPR0, out("r0") _, out("r1") _, out("r2") _, out("r3") _,
        );
        note("PSP", mrs!("psp"));
    }),
    scenario("unprivileged thread on the process stack", || {
        external(&[0x40]);
        msr!("psp", PROCESS + 4);
        let (primask, control, xpsr);
        provoke!(
            "msr control, {control}", "isb",
            "movs r0, #1", "msr primask, r0", "msr basepri, r0", "msr msp, r0", "msr psp, r0", "msr control, r0", "cpsid i", "cpsid f",
            "mrs r1, primask", "mrs r2, control", "mrs r3, xpsr",
            "svc 4";
            control = in(reg) PROCESS_STACK | UNPRIVILEGED, out("r0") _, out("r1") primask, out("r2") control, out("r3") xpsr,
        );
        for (name, value) in [("PRIMASK", primask), ("CONTROL", control), ("xPSR", xpsr)] {
            note(name, value);
        }
        note("PSP", mrs!("psp"));
        note("BASEPRI", mrs!("basepri"));
    }),
    scenario("an unprivileged read of the private bus", || {
        write(SHCSR, FAULTS);
        hook(|taken| {
            usual(taken);
            msr!("control", 0);
        });
        provoke!("msr control, {control}", "isb", "ldr r0, [{address}]";
            control = in(reg) UNPRIVILEGED, address = in(reg) VTOR, out("r0") _);
        note("CONTROL", mrs!("control"));
    }),
    scenario("an unprivileged write of STIR, refused and allowed", || {
        external(&[0x40, 0x40]);
        write(SHCSR, FAULTS);
        for allowed in [0, USERSETMPEND] {
            write(CCR, STKALIGN | allowed);
            note("CCR", read(CCR));
            hook(|taken| {
                usual(taken);
                msr!("control", 0);
            });
            provoke!("msr control, {control}", "isb", "str {line}, [{address}]", "dsb", "isb";
                control = in(reg) UNPRIVILEGED, address = in(reg) STIR, line = in(reg) 1);
            note("ISPR0", read(ISPR0));
            msr!("control", 0);
        }
    }),
    scenario("a handler moves thread to the process stack", || {
        hook(|taken| {
            if taken.number == SV_CALL {
                taken.resume_on_new_stack();
            }
        });
        provoke!("svc 5"; out("r0") _, out("r1") _, out("r2") _, out("r3") _, out("lr") _);
        note("CONTROL", mrs!("control"));
        note("PSP", mrs!("psp"));
    }),
    scenario("a misaligned stack is aligned and comes back", || {
        provoke!("sub sp, #4", "svc 6", "add sp, #4", "svc 7");
        note("MSP", mrs!("msp"));
    }),
    scenario("flags and IT state survive", || {
        let flags: u32;
        provoke!(
            "movs r0, #0", "cmp r0, #0", "ite eq", "svceq 8", "movne r0, #1", "mrs {flags}, apsr",
            "mov r1, #0xF0000000", "msr apsr_nzcvq, r1", "itttt vs", "movvs r0, #5", "svcvs 9", "addvs r0, #1", "movvs r1, r0";
            flags = out(reg) flags, out("r0") _, out("r1") _,
        );
        note("APSR", flags);
    }),
    scenario("the vector table in RAM", || {
        external(&[0x40]);
        for entry in 0..64 {
            write(TABLE + 4 * entry, read(4 * entry));
        }
        write(VTOR, TABLE);
        note("VTOR", read(VTOR));
        pend(0);
        provoke!("svc 10");
        write(TABLE + 4 * SV_CALL, 1 | other_handler as *const () as u32);
        provoke!("svc 11");
        write(VTOR, TABLE | 0x7F);
        note("VTOR", read(VTOR));
    }),
    scenario("a vector without its Thumb bit", || {
        write(SHCSR, FAULTS);
        for entry in 0..64 {
            write(TABLE + 4 * entry, read(4 * entry));
        }
        write(TABLE + 4 * PEND_SV, read(4 * PEND_SV) & !1);
        prioritise(PEND_SV, 0x80);
        write(VTOR, TABLE);
        hook(|taken| {
            if taken.number == USAGE_FAULT {
                // The handler is there, in Thumb state after all.
                taken.frame().xpsr |= 1 << 24;
                write(CFSR, u32::MAX);
            }
        });
        write(ICSR, PENDSVSET);
    }),
    scenario("a vector that cannot be read", || {
        for entry in 0..32 {
            write(TABLE_AT_THE_END + 4 * entry, read(4 * entry));
        }
        write(ISER0, 1 << 16 | 1 << 15);
        prioritise(EXTERNAL + 15, 0x80);
        prioritise(EXTERNAL + 16, 0x40);
        write(VTOR, TABLE_AT_THE_END);
        hook(|taken| {
            if taken.number == HARD_FAULT {
                note("ISPR0 now", read(ISPR0));
                write(ICPR0, 1 << 16);
                write(HFSR, u32::MAX);
            }
        });
        pend(15);
        pend(16);
    }),
    scenario(
        "thread mode under an active handler, NONBASETHRDENA",
        || {
            external(&[0x80]);
            write(CCR, STKALIGN | NONBASETHRDENA);
            prioritise(SV_CALL, 0x40);
            hook(|taken| match taken.number {
                EXTERNAL => {
                    provoke!("svc 12");
                    note("IPSR", mrs!("ipsr"));
                }
                SV_CALL => {
                    let frame = taken.frame();
                    note("stacked exception", frame.xpsr & 0x1FF);
                }
                _ => usual(taken),
            });
            pend(0);
            note("IABR0", read(IABR0));
        },
    ),
    scenario("what the core says of itself", || {
        note("CPUID", read(CPUID));
        note("AIRCR", read(AIRCR));
        note("CCR", read(CCR));
        note("SHCSR", read(SHCSR));
        note("MPU_TYPE", read(MPU_TYPE));
        note("FPCCR", read(FPCCR));
        for address in [0xE000_EF40, 0xE000_EF44, 0xE000_EF48] {
            note("MVFR", read(address));
        }
    }),
];

/// Where a table in RAM sends SVC.
extern "C" fn other_handler() {
    note("the other handler", mrs!("ipsr"));
}

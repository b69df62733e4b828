//! Stacks that cannot be pushed to or popped from: the fault comes while an exception is entered or left (B1.5.14).

use super::{Scenario, scenario};
use crate::{
    handler::{Taken, hook, ignore_frames, provoke},
    log::note,
    system::*,
};

/// Runs SVC on a process stack that has no memory, or is closed by the MPU, below `$top`.
macro_rules! svc_on {
    ($top:expr, $instruction:literal) => {{
        provoke!(
            "msr psp, {top}", "msr control, {control}", "isb", $instruction;
            top = in(reg) $top, control = in(reg) PROCESS_STACK,
            out("r0") _, out("r1") _, out("r2") _, out("r3") _, out("lr") _,
        );
    }};
}

/// The MPU closes what lies here.
const CLOSED: u32 = SCRATCH + 0x4000;

pub const SCENARIOS: &[Scenario] = &[
    scenario("STKERR, entering SVC", || {
        begin(FAULTS);
        svc_on!(HOLE + 0x100, "svc 0");
    }),
    scenario("STKERR, entering SVC, with BusFault less urgent", || {
        begin(FAULTS);
        prioritise(BUS_FAULT, 0x40);
        prioritise(SV_CALL, 0x20);
        svc_on!(HOLE + 0x100, "svc 0");
    }),
    scenario("STKERR, entering SVC, with BusFault more urgent", || {
        begin(FAULTS);
        prioritise(BUS_FAULT, 0x20);
        prioritise(SV_CALL, 0x40);
        svc_on!(HOLE + 0x100, "svc 0");
    }),
    scenario("STKERR, BusFault off", || {
        begin(0);
        prioritise(SV_CALL, 0x40);
        svc_on!(HOLE + 0x100, "svc 0");
    }),
    scenario("STKERR, entering UsageFault", || {
        begin(FAULTS);
        prioritise(USAGE_FAULT, 0x40);
        svc_on!(HOLE + 0x100, "udf #0");
    }),
    scenario("STKERR, entering HardFault", || {
        begin(0);
        svc_on!(HOLE + 0x100, "udf #0");
    }),
    scenario("STKERR in the middle of a frame", || {
        begin(FAULTS);
        prioritise(SV_CALL, 0x40);
        svc_on!(END_OF_MEMORY + 0x10, "svc 0");
    }),
    scenario("MSTKERR, entering SVC", || {
        begin(FAULTS);
        close();
        prioritise(SV_CALL, 0x40);
        svc_on!(CLOSED + 0x100, "svc 0");
    }),
    scenario("MSTKERR, MemManage off", || {
        begin(0);
        close();
        prioritise(SV_CALL, 0x40);
        svc_on!(CLOSED + 0x100, "svc 0");
    }),
    scenario("MSTKERR after a DACCVIOL", || {
        begin(FAULTS);
        close();
        svc_on!(CLOSED + 0x100, "ldr r0, [sp]");
    }),
    scenario("MSTKERR, read-only stack", || {
        begin(FAULTS);
        region(0, CLOSED, rasr(12, READ_ONLY, 0));
        write(MPU_CTRL, MPU_ENABLE | PRIVDEFENA);
        prioritise(SV_CALL, 0x40);
        svc_on!(CLOSED + 0x100, "svc 0");
    }),
    scenario("MSTKERR, and an interrupt more urgent than all", || {
        begin(FAULTS);
        close();
        prioritise(SV_CALL, 0x80);
        prioritise(MEM_MANAGE, 0x60);
        external(&[0x40]);
        hook(|taken| {
            if taken.number == MEM_MANAGE {
                pend(0);
            }
            if taken.exc_return == 0xFFFF_FFFD {
                taken.resume_on_new_stack();
            }
        });
        svc_on!(CLOSED + 0x100, "svc 0");
    }),
    scenario("UNSTKERR", || {
        begin(FAULTS);
        prioritise(SV_CALL, 0x40);
        hook(|taken| return_from(taken, HOLE));
        svc();
    }),
    scenario("UNSTKERR, BusFault off", || {
        begin(0);
        hook(|taken| return_from(taken, HOLE));
        svc();
    }),
    scenario("UNSTKERR in the middle of a frame", || {
        begin(FAULTS);
        prioritise(SV_CALL, 0x40);
        hook(|taken| return_from(taken, END_OF_MEMORY - 0x10));
        svc();
    }),
    scenario("MUNSTKERR", || {
        begin(FAULTS);
        close();
        prioritise(SV_CALL, 0x40);
        hook(|taken| return_from(taken, CLOSED));
        svc();
    }),
    scenario("MUNSTKERR, MemManage off", || {
        begin(0);
        close();
        hook(|taken| return_from(taken, CLOSED));
        svc();
    }),
    scenario("MUNSTKERR: unprivileged thread, privileged stack", || {
        begin(FAULTS);
        region(0, CLOSED, rasr(12, PRIVILEGED, 0));
        region(1, 0, rasr(22, FULL, 0));
        write(MPU_CTRL, MPU_ENABLE | PRIVDEFENA);
        prioritise(SV_CALL, 0x40);
        hook(|taken| {
            if taken.number == SV_CALL {
                msr!("control", UNPRIVILEGED);
            } else {
                msr!("control", 0);
            }
            return_from(taken, CLOSED);
        });
        svc();
    }),
];

/// Handlers bring thread mode to a stack with memory under it.
fn begin(handlers: u32) {
    write(SHCSR, handlers);
    ignore_frames();
    hook(Taken::resume_on_new_stack);
}

fn close() {
    region(0, CLOSED, rasr(12, NO_ACCESS, 0));
    write(MPU_CTRL, MPU_ENABLE | PRIVDEFENA);
}

/// SVC returns with the process stack at `stack`; the fault of that puts it right.
fn return_from(taken: &mut Taken, stack: u32) {
    if taken.number == SV_CALL {
        msr!("psp", stack);
        taken.exc_return = 0xFFFF_FFFD;
    } else {
        note("PSP", mrs!("psp"));
        taken.resume_on_new_stack();
    }
}

fn svc() {
    provoke!("svc 0"; out("r0") _, out("r1") _, out("r2") _, out("r3") _, out("lr") _);
}

//! The FP part of frames: reserved, filled when an FP instruction comes, or filled at once (B1.5.7).

use core::arch::asm;

use super::{Scenario, scenario};
use crate::{
    handler::{Taken, hook, provoke, usual},
    log::note,
    system::*,
};

/// Code with an FP context raises an exception by `$line`; afterwards its registers are noted.
macro_rules! with_context {
    ($($line:literal),+ $(; $($operand:tt)*)?) => {{
        let (s0, s7, s15, fpscr): (u32, u32, u32, u32);
        provoke!(
            "ldr r0, =0x40000000", "vmov s0, r0", "adds r0, #7", "vmov s7, r0", "adds r0, #8", "vmov s15, r0",
            "mov r0, #0x08000000", "vmsr fpscr, r0",
            $($line),+
            ; out("r0") _, out("s0") s0, out("s7") s7, out("s15") s15, $($($operand)*)?
        );
        // SAFETY: reads FPSCR.
        unsafe { asm!("vmrs {}, fpscr", out(reg) fpscr) };
        for (name, value) in [("s0", s0), ("s7", s7), ("s15", s15), ("FPSCR", fpscr)] {
            note(name, value);
        }
        note("CONTROL", mrs!("control"));
        note("FPCCR", read(FPCCR));
        // SAFETY: leaves FPSCR as it was after reset.
        unsafe { asm!("vmsr fpscr, {}", in(reg) 0) };
    }};
}

pub const SCENARIOS: &[Scenario] = &[
    scenario("the first FP instruction makes a context", || {
        begin();
        note("CONTROL", mrs!("control"));
        provoke!("svc 0");
        with_context!("nop");
        note("CONTROL", mrs!("control"));
    }),
    scenario("a handler without FP leaves the frame empty", || {
        begin();
        hook(look_at_frame);
        with_context!("svc 0");
    }),
    scenario("a handler with FP fills the frame", || {
        begin();
        hook(|taken| {
            use_fpu();
            look_at_frame(taken);
        });
        with_context!("svc 0");
    }),
    scenario("LSPEN off: filled at once", || {
        begin();
        write(FPCCR, ASPEN);
        hook(look_at_frame);
        with_context!("svc 0");
    }),
    scenario("ASPEN off: no FP frame", || {
        begin();
        write(FPCCR, 0);
        hook(look_at_frame);
        with_context!("svc 0");
    }),
    scenario("FPDSCR is the new context's FPSCR", || {
        begin();
        write(FPDSCR, 0x0240_0000);
        hook(|_| {
            let fpscr: u32;
            // SAFETY: an FP instruction begins a context.
            unsafe { asm!("vmrs {}, fpscr", out(reg) fpscr) };
            note("FPSCR of the handler", fpscr);
        });
        with_context!("svc 0");
    }),
    scenario("nested: two contexts, both lazy", || {
        begin();
        external(&[0x80, 0x40]);
        hook(|taken| {
            if taken.number == EXTERNAL {
                use_fpu();
                note("FPCCR", read(FPCCR));
                pend(1);
            } else {
                use_fpu();
            }
            look_at_frame(taken);
        });
        with_context!("str {one}, [{ispr}]", "dsb", "isb"; one = in(reg) 1, ispr = in(reg) ISPR0);
    }),
    scenario("nested: only the inner handler uses FP", || {
        begin();
        external(&[0x80, 0x40]);
        hook(|taken| {
            if taken.number == EXTERNAL {
                pend(1);
                note("FPCCR", read(FPCCR));
            } else {
                use_fpu();
            }
        });
        with_context!("str {one}, [{ispr}]", "dsb", "isb"; one = in(reg) 1, ispr = in(reg) ISPR0);
    }),
    scenario(
        "tail-chained: the second handler fills the first one's frame",
        || {
            begin();
            external(&[0x40, 0x80]);
            hook(|taken| {
                if taken.number != EXTERNAL {
                    use_fpu();
                }
                look_at_frame(taken);
            });
            with_context!("str {lines}, [{ispr}]", "dsb", "isb"; lines = in(reg) 3, ispr = in(reg) ISPR0);
        },
    ),
    scenario("what FPCCR says was ready", || {
        begin();
        write(SHCSR, FAULTS);
        prioritise(MEM_MANAGE, 0x20);
        prioritise(BUS_FAULT, 0x60);
        external(&[0x40]);
        hook(|taken| {
            if taken.number == EXTERNAL {
                use_fpu();
                write(ICSR, NMIPENDSET);
            }
        });
        with_context!("str {one}, [{ispr}]", "dsb", "isb"; one = in(reg) 1, ispr = in(reg) ISPR0);
        msr!("basepri", 0x40);
        with_context!("svc 0");
        msr!("basepri", 0);
    }),
    scenario("a context on the process stack, unprivileged", || {
        begin();
        msr!("psp", SCRATCH + 0x8000);
        hook(|taken| {
            use_fpu();
            usual(taken);
        });
        with_context!("msr control, {control}", "isb", "vmov s0, s7", "svc 0"; control = in(reg) PROCESS_STACK | UNPRIVILEGED);
    }),
    scenario("unprivileged code without access to the FPU", || {
        begin();
        write(CPACR, 0b0101 << 20);
        write(SHCSR, FAULTS);
        hook(|taken| {
            usual(taken);
            msr!("control", 0);
        });
        provoke!("msr control, {control}", "isb", "vmov s0, r0"; control = in(reg) UNPRIVILEGED, out("s0") _);
    }),
    scenario("MLSPERR", || {
        begin();
        lazy_frame_closed(MEM_MANAGE, 0x40);
    }),
    scenario("MLSPERR waits for a handler less urgent", || {
        begin();
        prioritise(SV_CALL, 0x20);
        lazy_frame_closed(MEM_MANAGE, 0x60);
    }),
    scenario("MLSPERR, MemManage off", || {
        begin();
        lazy_frame_closed(0, 0x40);
    }),
    scenario("LSPERR", || {
        begin();
        write(SHCSR, FAULTS);
        prioritise(SV_CALL, 0x80);
        hook(|taken| {
            if taken.number == SV_CALL {
                write(FPCAR, HOLE);
                touch_fpu();
            } else {
                after_touch(taken);
            }
        });
        with_context!("svc 0");
    }),
    scenario("the FPU switched off under a lazy frame", || {
        begin();
        write(SHCSR, FAULTS);
        prioritise(SV_CALL, 0x80);
        hook(|taken| {
            if taken.number == SV_CALL {
                write(CPACR, 0);
                touch_fpu();
                write(CPACR, FPU);
            } else {
                after_touch(taken);
            }
        });
        with_context!("svc 0");
    }),
    scenario("a fault with a context goes on with it", || {
        begin();
        write(SHCSR, FAULTS);
        with_context!("udf #0");
        with_context!("vldr s0, [{at}]"; at = in(reg) HOLE);
        with_context!("vstr s0, [{at}]"; at = in(reg) SCRATCH + 2);
    }),
];

/// With the FPU on, and no context.
fn begin() {
    write(CPACR, FPU);
    msr!("control", 0);
    // SAFETY: these registers belong to nobody.
    unsafe {
        asm!("vmov s0, {0}", "vmov s7, {0}", "vmov s15, {0}", "vmsr fpscr, {0}", in(reg) 0, out("s0") _, out("s7") _, out("s15") _);
    }
    msr!("control", 0);
}

fn use_fpu() {
    // SAFETY: a handler's FP registers are its own.
    unsafe {
        asm!("vmov s0, {0}", "vmov s7, {0}", "vmov s15, {0}", in(reg) 0x3F80_0000, out("s0") _, out("s7") _, out("s15") _);
    }
}

/// One FP instruction that may fault.
fn touch_fpu() {
    provoke!("vmov s0, r0"; out("s0") _);
}

/// The fault of that comes inside SVC's handler, or has waited for its return.
fn after_touch(taken: &mut Taken) {
    const TO_HANDLER: u32 = 1;
    if taken.exc_return & 0xF == TO_HANDLER {
        usual(taken);
    } else {
        write(CFSR, u32::MAX);
    }
}

/// The FP part behind the basic frame.
fn look_at_frame(taken: &mut Taken) {
    const RETURN_BASIC: u32 = 1 << 4;
    if taken.exc_return & RETURN_BASIC == 0 && read(FPCCR) & LSPACT == 0 {
        for place in [0, 7, 15, 16] {
            note("stacked FP word", taken.fp_word(place));
        }
    }
    note("CONTROL in the handler", mrs!("control"));
}

/// The handler of SVC makes the MPU close the frame that waits, then uses the FPU.
fn lazy_frame_closed(enabled: u32, priority: u8) {
    write(SHCSR, if enabled == 0 { 0 } else { FAULTS });
    if read(SHPR2) == 0 {
        prioritise(SV_CALL, 0x80);
    }
    prioritise(MEM_MANAGE, priority);
    hook(|taken| {
        if taken.number == SV_CALL {
            region(0, SCRATCH, rasr(16, NO_ACCESS, 0));
            write(MPU_CTRL, MPU_ENABLE | PRIVDEFENA);
            write(FPCAR, SCRATCH + 0x100);
            touch_fpu();
        } else {
            after_touch(taken);
        }
    });
    with_context!("svc 0");
}

//! Each fault, taken by its own handler and escalated, and faults in handlers of faults (B1.5.14, B3.2.15).

use super::{Scenario, scenario};
use crate::{
    handler::{Taken, hook, provoke, usual},
    log::note,
    system::*,
};

/// A way to fault.
type Provoke = fn();

/// Each of these runs with the fault handlers enabled, then disabled.
const EACH: &[(&str, Provoke)] = &[
    ("UNDEFINSTR, narrow", || provoke!("udf #7")),
    ("UNDEFINSTR, wide", || provoke!("udf.w #7")),
    ("PRECISERR in an IT block", || {
        provoke!("cmp r0, r0", "ite ne", "movne r1, #1", "ldreq r1, [{at}]"; at = in(reg) HOLE, out("r1") _);
    }),
    (
        "INVSTATE: BX",
        || provoke!("movs r0, #0x40", "bx r0"; out("r0") _),
    ),
    ("INVSTATE: BLX", || {
        provoke!("movs r0, #0x40", "blx r0"; out("r0") _, out("lr") _);
    }),
    ("INVSTATE: LDR pc", || {
        provoke!("adr.w r0, 78f", "ldr pc, [r0]", ".balign 4", "78:", ".word 0x40"; out("r0") _);
    }),
    ("EXC_RETURN in thread mode is an address", || {
        provoke!("mvn r0, #6", "bx r0"; out("r0") _);
    }),
    (
        "NOCP: the FPU is off",
        || provoke!("vmov s0, r0"; out("s0") _),
    ),
    ("NOCP: no coprocessor 5", || {
        provoke!("cdp p5, #0, c0, c0, c0, #0")
    }),
    ("NOCP: load to coprocessor 3", || {
        provoke!("ldc p3, c0, [r0]")
    }),
    ("UNALIGNED: LDRD", || {
        provoke!("ldrd r0, r1, [{at}]"; at = in(reg) SCRATCH + 2, out("r0") _, out("r1") _);
    }),
    ("UNALIGNED: LDM", || {
        provoke!("ldm {at}, {{r0, r1}}"; at = in(reg) SCRATCH + 1, out("r0") _, out("r1") _);
    }),
    ("UNALIGNED: STREX", || {
        provoke!("ldrex r0, [{at}]"; at = in(reg) SCRATCH + 2, out("r0") _);
    }),
    ("UNALIGNED: LDR with UNALIGN_TRP", || {
        write(CCR, STKALIGN | UNALIGN_TRP);
        provoke!("ldr r0, [{at}]"; at = in(reg) SCRATCH + 1, out("r0") _);
    }),
    ("UNALIGNED: STRH with UNALIGN_TRP", || {
        write(CCR, STKALIGN | UNALIGN_TRP);
        provoke!("strh r0, [{at}]"; at = in(reg) SCRATCH + 1);
    }),
    ("DIVBYZERO: UDIV", || {
        write(CCR, STKALIGN | DIV_0_TRP);
        provoke!("movs r0, #0", "udiv r1, r1, r0"; out("r0") _, out("r1") _);
    }),
    ("DIVBYZERO: SDIV", || {
        write(CCR, STKALIGN | DIV_0_TRP);
        provoke!("movs r0, #0", "sdiv r1, r1, r0"; out("r0") _, out("r1") _);
    }),
    ("IACCVIOL: peripherals", || jump(0x4000_0000)),
    ("IACCVIOL: a device region", || jump(0xA000_0000)),
    ("IACCVIOL: the private bus", || jump(0xE000_E000)),
    ("DACCVIOL: LDR", || {
        close_scratch();
        provoke!("ldr r0, [{at}]"; at = in(reg) SCRATCH + 0x24, out("r0") _);
    }),
    ("DACCVIOL: STRB", || {
        close_scratch();
        provoke!("strb r0, [{at}]"; at = in(reg) SCRATCH + 0x27);
    }),
    ("DACCVIOL: unaligned into a closed region", || {
        close_scratch();
        provoke!("str r0, [{at}]"; at = in(reg) SCRATCH - 2);
        note("what was written", read(SCRATCH - 4));
    }),
    ("DACCVIOL: STM runs into a closed region", || {
        close_scratch();
        write(SCRATCH - 4, 0);
        provoke!("movs r0, #3", "movs r1, #4", "stmia {at}!, {{r0, r1}}"; at = inout(reg) SCRATCH - 4 => _, out("r0") _, out("r1") _);
    }),
    ("DACCVIOL: LDRT as unprivileged", || {
        region(0, SCRATCH, rasr(16, PRIVILEGED, 0));
        write(MPU_CTRL, MPU_ENABLE | PRIVDEFENA);
        provoke!("ldrt r0, [{at}]"; at = in(reg) SCRATCH + 8, out("r0") _);
    }),
    ("IBUSERR", || jump(HOLE)),
    ("PRECISERR: LDR", || {
        provoke!("ldr r0, [{at}]"; at = in(reg) HOLE + 0x10, out("r0") _);
    }),
    ("PRECISERR: LDRB", || {
        provoke!("ldrb r0, [{at}]"; at = in(reg) HOLE + 0x13, out("r0") _);
    }),
    ("PRECISERR: STR to Strongly-ordered memory", || {
        region(0, HOLE, 3 << 24 | 15 << 1 | 1);
        write(MPU_CTRL, MPU_ENABLE | PRIVDEFENA);
        provoke!("str r0, [{at}]"; at = in(reg) HOLE);
    }),
];

pub const SCENARIOS: &[Scenario] = &[
    scenario("faults, each taken by its handler", || {
        each(FAULTS);
    }),
    scenario("faults, each escalated to HardFault", || each(0)),
    scenario("a store into a hole", || {
        write(SHCSR, FAULTS);
        provoke!("str r0, [{at}]", "dsb"; at = in(reg) HOLE + 4);
    }),
    scenario("UsageFault's handler faults: a HardFault inside", || {
        write(SHCSR, FAULTS);
        hook(|taken| {
            if taken.number == USAGE_FAULT {
                taken.meanwhile(nested_undefined);
            } else {
                usual(taken);
            }
        });
        provoke!("udf #0");
    }),
    scenario("BusFault more urgent than UsageFault's handler", || {
        write(SHCSR, FAULTS);
        prioritise(USAGE_FAULT, 0x40);
        prioritise(BUS_FAULT, 0x20);
        prioritise(MEM_MANAGE, 0x00);
        hook(|taken| match taken.number {
            USAGE_FAULT => {
                taken.meanwhile(nested_bus_fault);
            }
            BUS_FAULT => {
                taken.meanwhile(nested_memory_fault);
            }
            _ => usual(taken),
        });
        provoke!("udf #0");
    }),
    scenario("BusFault less urgent than UsageFault's handler", || {
        write(SHCSR, FAULTS);
        prioritise(USAGE_FAULT, 0x20);
        prioritise(BUS_FAULT, 0x40);
        hook(|taken| match taken.number {
            USAGE_FAULT => {
                taken.meanwhile(nested_bus_fault);
            }
            _ => usual(taken),
        });
        provoke!("udf #0");
    }),
    scenario(
        "a fault in an interrupt's handler, more and less urgent",
        || {
            write(SHCSR, FAULTS);
            prioritise(USAGE_FAULT, 0x40);
            hook(|taken| match taken.number {
                EXTERNAL => nested_undefined(),
                _ => usual(taken),
            });
            external(&[0x80]);
            pend(0);
            external(&[0x20]);
            pend(0);
            external(&[0x40]);
            pend(0);
        },
    ),
    scenario("status bits gather until they are cleared", || {
        write(SHCSR, FAULTS);
        write(CCR, STKALIGN | DIV_0_TRP);
        hook(|taken| {
            taken.go_on();
        });
        provoke!("udf #0");
        provoke!("movs r0, #0", "udiv r0, r0, r0"; out("r0") _);
        provoke!("ldr r0, [{at}]"; at = in(reg) HOLE, out("r0") _);
        write(CFSR, 1 << 16);
        note("CFSR", read(CFSR));
        // SAFETY: the byte of BFSR (B3.2.15).
        unsafe { ((CFSR + 1) as *mut u8).write_volatile(0xFF) };
        note("CFSR", read(CFSR));
    }),
    scenario("a bad EXC_RETURN is INVPC on the same frame", || {
        write(SHCSR, FAULTS);
        external(&[0x80]);
        hook(|taken| instead(taken, 0xFFFF_FFF5));
        pend(0);
        hook(|taken| instead(taken, 0xFFFF_FFFF));
        pend(0);
        hook(|taken| instead(taken, 0xFFFF_FFF0));
        pend(0);
        hook(|taken| instead(taken, 0xFFFF_FFF3));
        pend(0);
    }),
    scenario(
        "a return to thread mode past an active handler is INVPC",
        || {
            write(SHCSR, FAULTS);
            external(&[0x80, 0x60]);
            hook(|taken| match taken.number {
                EXTERNAL => pend(1),
                17 => taken.exc_return = 0xFFFF_FFF9,
                _ => {
                    write(CFSR, u32::MAX);
                    taken.exc_return = 0xFFFF_FFF1;
                }
            });
            pend(0);
        },
    ),
    scenario("a frame of handler mode for thread mode is INVPC", || {
        write(SHCSR, FAULTS);
        external(&[0x80]);
        hook(|taken| match taken.number {
            EXTERNAL => taken.frame().xpsr |= PEND_SV,
            _ => {
                write(CFSR, u32::MAX);
                taken.frame().xpsr &= !0x1FF;
            }
        });
        pend(0);
    }),
    scenario("the returning handler is not active: INVPC", || {
        write(SHCSR, FAULTS);
        hook(|taken| match taken.number {
            SV_CALL => write(SHCSR, FAULTS),
            _ => write(CFSR, u32::MAX),
        });
        provoke!("svc 0");
    }),
    scenario("INVPC escalates", || {
        external(&[0x80]);
        hook(|taken| instead(taken, 0xFFFF_FFF5));
        pend(0);
    }),
    scenario("HardFault waits behind NMI", || {
        write(SHCSR, FAULTS);
        hook(|taken| {
            if taken.number == USAGE_FAULT {
                write(ICSR, NMIPENDSET);
            }
            usual(taken);
        });
        provoke!("udf #0");
    }),
];

fn each(handlers: u32) {
    for (name, provoke) in EACH {
        restore();
        write(SHCSR, handlers);
        note(name, handlers);
        provoke();
    }
}

fn jump(address: u32) {
    provoke!("orr r0, r0, #1", "bx r0"; inout("r0") address => _);
}

fn close_scratch() {
    region(0, SCRATCH, rasr(16, NO_ACCESS, 0));
    write(MPU_CTRL, MPU_ENABLE | PRIVDEFENA);
}

fn nested_undefined() {
    provoke!("udf #1");
}

fn nested_bus_fault() {
    provoke!("ldr r0, [{at}]"; at = in(reg) HOLE, out("r0") _);
}

fn nested_memory_fault() {
    close_scratch();
    provoke!("ldr r0, [{at}]"; at = in(reg) SCRATCH, out("r0") _);
}

/// Returns with `exc_return` the first time; UsageFault, or HardFault, puts it right.
fn instead(taken: &mut Taken, exc_return: u32) {
    if taken.number == EXTERNAL {
        taken.exc_return = exc_return;
    } else {
        write(CFSR, u32::MAX);
        write(HFSR, u32::MAX);
        taken.exc_return = 0xFFFF_FFF9;
    }
}

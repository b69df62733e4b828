//! Every fault of ARMv7-M on demand (DDI 0403E B1.5.14), and where the appli stays after one.

use core::arch::asm;

use cortex_m::{
    asm,
    peripheral::{SCB, scb::Exception},
};
use cortex_m_rt::{ExceptionFrame, exception};

use crate::{
    SUPERVISOR_CALLS, TROUBLE,
    observed::{Trouble, count, set},
};

/// Just past AXI SRAM: nothing answers there.
const NOBODY: u32 = 0x2408_0000;
const CCR_DIVIDE_BY_ZERO_TRAP: u32 = 1 << 4;

/// Gives each configurable fault its own handler; division by zero becomes one.
pub fn enable(scb: &mut SCB) {
    scb.enable(Exception::MemoryManagement);
    scb.enable(Exception::BusFault);
    scb.enable(Exception::UsageFault);
    // SAFETY: adds one trap.
    unsafe { scb.ccr.modify(|ccr| ccr | CCR_DIVIDE_BY_ZERO_TRAP) };
}

/// Where the appli stays after `trouble`.
#[inline(never)]
pub fn stop(trouble: Trouble) -> ! {
    set(&raw mut TROUBLE, trouble);
    loop {
        asm::nop();
    }
}

/// HardFault: a supervisor call that cannot be taken.
pub fn hard_fault() {
    cortex_m::interrupt::disable();
    supervisor_call();
}

/// Precise data bus error: reads at `address`, or where nobody is.
pub fn bus_fault(address: u32) -> u32 {
    let address = if address == 0 { NOBODY } else { address };
    // SAFETY: the fault is the purpose.
    unsafe { (address as *const u32).read_volatile() }
}

/// Data bus error of a buffered write at `address`, or where nobody is: imprecise on a core with a write buffer.
pub fn bus_fault_by_write(address: u32) {
    let address = if address == 0 { NOBODY } else { address };
    // SAFETY: the fault is the purpose.
    unsafe { (address as *mut u32).write_volatile(0) };
    asm::dsb();
}

/// UsageFault: UNDEFINSTR.
pub fn undefined_instruction() {
    asm::udf();
}

/// UsageFault: DIVBYZERO.
pub fn divide_by_zero() -> u32 {
    let quotient;
    // SAFETY: traps, or yields 0.
    unsafe { asm!("udiv {0}, {1}, {2}", out(reg) quotient, in(reg) 1, in(reg) 0) };
    quotient
}

/// UsageFault: UNALIGNED, by a multiple load, which never takes an odd address.
pub fn unaligned() {
    // SAFETY: the fault is the purpose; the registers are declared.
    unsafe { asm!("ldm {0}, {{r1, r2}}", in(reg) 0x2000_0001, out("r1") _, out("r2") _) };
}

/// UsageFault: INVSTATE, by a branch without the Thumb bit.
pub fn invalid_state() {
    // SAFETY: the fault is the purpose.
    unsafe { asm!("bx {0}", in(reg) 0x7000_0000) };
}

/// UsageFault: NOCP, by arithmetic with the FPU switched off.
pub fn no_coprocessor() {
    // SAFETY: the fault is the purpose; the FPU's registers are kept.
    unsafe {
        (*SCB::PTR).cpacr.write(0);
        asm::dsb();
        asm::isb();
        asm!("vmov.f32 s0, s0", options(nomem, nostack));
    }
}

/// MemManage: DACCVIOL, by a write into the window, which the MPU keeps read-only.
pub fn write_into_window() {
    // SAFETY: the fault is the purpose.
    unsafe { (board::nor::WINDOW_BASE as *mut u32).write_volatile(0) };
}

/// MemManage: IACCVIOL, by a jump into peripheral space, which is never executable.
pub fn execute_peripheral() {
    // SAFETY: the fault is the purpose.
    unsafe { asm!("bx {0}", in(reg) 0x4000_0001) };
}

/// MemManage in the stack's guard region, by recursion without an end.
pub fn stack_overflow() -> u32 {
    recurse(u32::MAX)
}

/// Calls itself `depth` times; a deep backtrace.
#[inline(never)]
pub fn recurse(depth: u32) -> u32 {
    let frame = [depth; 8];
    let below = if depth == 0 {
        0
    } else {
        recurse(core::hint::black_box(depth - 1))
    };
    core::hint::black_box(&frame);
    below.wrapping_add(frame[7] & 1)
}

/// Calls the SVC handler.
pub fn supervisor_call() {
    // SAFETY: the handler counts and returns.
    unsafe { asm!("svc #0") };
}

#[exception]
fn SVCall() {
    count(&raw mut SUPERVISOR_CALLS);
}

#[exception]
unsafe fn HardFault(_frame: &ExceptionFrame) -> ! {
    stop(Trouble::HardFault)
}

#[exception]
fn MemoryManagement() -> ! {
    stop(Trouble::MemoryManagement)
}

#[exception]
fn BusFault() -> ! {
    stop(Trouble::BusFault)
}

#[exception]
fn UsageFault() -> ! {
    stop(Trouble::UsageFault)
}

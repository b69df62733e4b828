//! Registers of the core as the scenarios use them, by address (ARM ARM B3.2-B3.5, B1.4.4).

use core::arch::asm;

/// No memory here, and the default map lets code execute (external RAM region, B3.1).
pub const HOLE: u32 = 0x7000_0000;
/// Behind the last word of the PSRAM there is no memory either.
pub const END_OF_MEMORY: u32 = 0x6100_0000;
/// Memory that nothing else uses, aligned for an MPU region of 64 KB.
pub const SCRATCH: u32 = 0x2010_0000;

pub const SYST_CSR: u32 = 0xE000_E010;
pub const SYST_RVR: u32 = 0xE000_E014;
pub const SYST_CVR: u32 = 0xE000_E018;
pub const ISER0: u32 = 0xE000_E100;
pub const ICER0: u32 = 0xE000_E180;
pub const ISPR0: u32 = 0xE000_E200;
pub const ICPR0: u32 = 0xE000_E280;
pub const IABR0: u32 = 0xE000_E300;
pub const IPR0: u32 = 0xE000_E400;
pub const CPUID: u32 = 0xE000_ED00;
pub const ICSR: u32 = 0xE000_ED04;
pub const VTOR: u32 = 0xE000_ED08;
pub const AIRCR: u32 = 0xE000_ED0C;
pub const SCR: u32 = 0xE000_ED10;
pub const CCR: u32 = 0xE000_ED14;
pub const SHPR1: u32 = 0xE000_ED18;
pub const SHPR2: u32 = 0xE000_ED1C;
pub const SHPR3: u32 = 0xE000_ED20;
pub const SHCSR: u32 = 0xE000_ED24;
pub const CFSR: u32 = 0xE000_ED28;
pub const HFSR: u32 = 0xE000_ED2C;
pub const MMFAR: u32 = 0xE000_ED34;
pub const BFAR: u32 = 0xE000_ED38;
pub const CPACR: u32 = 0xE000_ED88;
pub const MPU_TYPE: u32 = 0xE000_ED90;
pub const MPU_CTRL: u32 = 0xE000_ED94;
pub const MPU_RNR: u32 = 0xE000_ED98;
pub const MPU_RBAR: u32 = 0xE000_ED9C;
pub const MPU_RASR: u32 = 0xE000_EDA0;
pub const MPU_RBAR_A1: u32 = 0xE000_EDA4;
pub const MPU_RASR_A1: u32 = 0xE000_EDA8;
pub const STIR: u32 = 0xE000_EF00;
pub const FPCCR: u32 = 0xE000_EF34;
pub const FPCAR: u32 = 0xE000_EF38;
pub const FPDSCR: u32 = 0xE000_EF3C;

pub const NMI: u32 = 2;
pub const HARD_FAULT: u32 = 3;
pub const MEM_MANAGE: u32 = 4;
pub const BUS_FAULT: u32 = 5;
pub const USAGE_FAULT: u32 = 6;
pub const SV_CALL: u32 = 11;
pub const PEND_SV: u32 = 14;
pub const SYS_TICK: u32 = 15;
/// External interrupt 0.
pub const EXTERNAL: u32 = 16;

pub const NMIPENDSET: u32 = 1 << 31;
pub const PENDSVSET: u32 = 1 << 28;
pub const PENDSVCLR: u32 = 1 << 27;
pub const PENDSTSET: u32 = 1 << 26;
pub const PENDSTCLR: u32 = 1 << 25;

/// CFSR.
pub const MMARVALID: u32 = 1 << 7;
pub const BFARVALID: u32 = 1 << 15;

/// CCR; a Cortex-M7 always aligns the stack.
pub const STKALIGN: u32 = 1 << 9;
pub const NONBASETHRDENA: u32 = 1 << 0;
pub const USERSETMPEND: u32 = 1 << 1;
pub const UNALIGN_TRP: u32 = 1 << 3;
pub const DIV_0_TRP: u32 = 1 << 4;

/// SHCSR: MemManage, BusFault and UsageFault enabled.
pub const FAULTS: u32 = 0b111 << 16;
/// CPACR: CP10 and CP11, full access.
pub const FPU: u32 = 0xF << 20;
/// FPCCR.
pub const LSPACT: u32 = 1 << 0;
pub const LSPEN: u32 = 1 << 30;
pub const ASPEN: u32 = 1 << 31;

/// CONTROL.
pub const UNPRIVILEGED: u32 = 1;
pub const PROCESS_STACK: u32 = 2;

pub fn read(address: u32) -> u32 {
    // SAFETY: every scenario names memory of its own or a register of the core.
    unsafe { (address as *const u32).read_volatile() }
}

pub fn write(address: u32, value: u32) {
    // SAFETY: as for `read`. Barriers: the effect is complete before the next instruction.
    unsafe {
        (address as *mut u32).write_volatile(value);
        asm!("dsb", "isb");
    }
}

pub fn set(address: u32, bits: u32) {
    write(address, read(address) | bits);
}

/// Priority of an exception from 4 on: a byte of SHPR or IPR.
pub fn prioritise(exception: u32, priority: u8) {
    let address = match exception {
        ..EXTERNAL => SHPR1 + exception - 4,
        _ => IPR0 + exception - EXTERNAL,
    };
    // SAFETY: these registers take bytes (B3.4.9, B3.2.10).
    unsafe {
        (address as *mut u8).write_volatile(priority);
        asm!("dsb", "isb");
    }
}

/// Pends external interrupt `line`.
pub fn pend(line: u32) {
    write(ISPR0, 1 << line);
}

/// Enables external interrupts and gives them priorities, from line 0 on.
pub fn external(priorities: &[u8]) {
    for (line, &priority) in (0..).zip(priorities) {
        prioritise(EXTERNAL + line, priority);
        write(ISER0, 1 << line);
    }
}

/// PRIGROUP.
pub fn group(grouping: u32) {
    write(AIRCR, 0x05FA_0000 | grouping << 8);
}

/// Describes MPU region `number`.
pub fn region(number: u32, base: u32, rasr: u32) {
    write(MPU_RNR, number);
    write(MPU_RBAR, base);
    write(MPU_RASR, rasr);
}

/// MPU_RASR of a Normal, write-back region (B3.5.9): 2^`size` bytes, AP, and other bits.
pub const fn rasr(size: u32, permissions: u32, other: u32) -> u32 {
    permissions << 24 | 0b011 << 16 | (size - 1) << 1 | 1 | other
}

pub const XN: u32 = 1 << 28;
pub const NO_ACCESS: u32 = 0;
pub const PRIVILEGED: u32 = 1;
pub const USER_READS: u32 = 2;
pub const FULL: u32 = 3;
pub const READ_ONLY: u32 = 6;
pub const PRIVILEGED_READ_ONLY: u32 = 5;

/// MPU_CTRL.
pub const MPU_ENABLE: u32 = 1;
pub const HFNMIENA: u32 = 2;
pub const PRIVDEFENA: u32 = 4;

/// Reads a special register.
macro_rules! mrs {
    ($name:literal) => {{
        let value: u32;
        // SAFETY: reading a special register has no effect.
        unsafe { core::arch::asm!(concat!("mrs {}, ", $name), out(reg) value) };
        value
    }};
}

/// Writes a special register.
macro_rules! msr {
    ($name:literal, $value:expr) => {{
        let value: u32 = $value;
        // SAFETY: stacks and modes are left as the compiler's code needs them; the barrier makes the change visible.
        unsafe { core::arch::asm!(concat!("msr ", $name, ", {}"), "isb", in(reg) value) }
    }};
}
pub(crate) use {mrs, msr};

/// The state in which every scenario begins: nothing enabled, pending or left over.
pub fn restore() {
    msr!("primask", 0);
    msr!("faultmask", 0);
    msr!("basepri", 0);
    msr!("control", 0);
    write(MPU_CTRL, 0);
    for number in 0..8 {
        region(number, 0, 0);
    }
    write(SYST_CSR, 0);
    write(SYST_CVR, 0);
    write(ICER0, u32::MAX);
    write(ICPR0, u32::MAX);
    write(ICSR, PENDSVCLR | PENDSTCLR);
    for line in 0..32 {
        prioritise(EXTERNAL + line, 0);
    }
    for address in [SHPR1, SHPR2, SHPR3, SHCSR, CPACR, SCR, VTOR, FPDSCR, FPCAR] {
        write(address, 0);
    }
    write(FPCCR, ASPEN | LSPEN);
    write(CCR, STKALIGN);
    write(CFSR, u32::MAX);
    write(HFSR, u32::MAX);
    group(0);
}

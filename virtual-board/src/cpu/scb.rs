//! System control block: identification, configuration, fault status, FP context control (ARM ARM B3.2; ARM DDI 0489, 4).
//!
//! Registers that are views of the exception tables (ICSR, SHCSR, SHPR) read and write the [`Nvic`]. What CCR and CACR say of the
//! caches, and the maintenance operations, are the business of `cache`.

use super::{
    nvic::{Nvic, number},
    ppb::address as at,
};

/// Fault status bits of CFSR (ARM ARM B3.2.15).
pub mod cfsr {
    /// MMFSR.IACCVIOL.
    pub const IACCVIOL: u32 = 1 << 0;
    /// MMFSR.DACCVIOL.
    pub const DACCVIOL: u32 = 1 << 1;
    /// MMFSR.MUNSTKERR.
    pub const MUNSTKERR: u32 = 1 << 3;
    /// MMFSR.MSTKERR.
    pub const MSTKERR: u32 = 1 << 4;
    /// MMFSR.MLSPERR.
    pub const MLSPERR: u32 = 1 << 5;
    /// MMFSR.MMARVALID.
    pub const MMARVALID: u32 = 1 << 7;
    /// BFSR.IBUSERR.
    pub const IBUSERR: u32 = 1 << 8;
    /// BFSR.PRECISERR.
    pub const PRECISERR: u32 = 1 << 9;
    /// BFSR.IMPRECISERR.
    pub const IMPRECISERR: u32 = 1 << 10;
    /// BFSR.UNSTKERR.
    pub const UNSTKERR: u32 = 1 << 11;
    /// BFSR.STKERR.
    pub const STKERR: u32 = 1 << 12;
    /// BFSR.LSPERR.
    pub const LSPERR: u32 = 1 << 13;
    /// BFSR.BFARVALID.
    pub const BFARVALID: u32 = 1 << 15;
    /// UFSR.UNDEFINSTR.
    pub const UNDEFINSTR: u32 = 1 << 16;
    /// UFSR.INVSTATE.
    pub const INVSTATE: u32 = 1 << 17;
    /// UFSR.INVPC.
    pub const INVPC: u32 = 1 << 18;
    /// UFSR.NOCP.
    pub const NOCP: u32 = 1 << 19;
    /// UFSR.UNALIGNED.
    pub const UNALIGNED: u32 = 1 << 24;
    /// UFSR.DIVBYZERO.
    pub const DIVBYZERO: u32 = 1 << 25;
}

/// HardFault status bits (ARM ARM B3.2.16).
pub mod hfsr {
    /// Bus error on a vector read.
    pub const VECTTBL: u32 = 1 << 1;
    /// A fault escalated.
    pub const FORCED: u32 = 1 << 30;
    /// A debug event escalated.
    pub const DEBUGEVT: u32 = 1 << 31;
}

/// Configuration and control bits (ARM ARM B3.2.8).
pub mod ccr {
    /// Thread mode may be entered with exceptions active.
    pub const NONBASETHRDENA: u32 = 1 << 0;
    /// Unprivileged code may write STIR.
    pub const USERSETMPEND: u32 = 1 << 1;
    /// Unaligned word and halfword accesses fault.
    pub const UNALIGN_TRP: u32 = 1 << 3;
    /// Division by zero faults.
    pub const DIV_0_TRP: u32 = 1 << 4;
    /// Data bus faults are ignored at priority -1 and -2.
    pub const BFHFNMIGN: u32 = 1 << 8;
    /// Frames are aligned to 8 bytes; always set on a Cortex-M7.
    pub const STKALIGN: u32 = 1 << 9;
    /// D-cache enable.
    pub const DC: u32 = 1 << 16;
    /// I-cache enable.
    pub const IC: u32 = 1 << 17;
    /// Branch prediction; always set on a Cortex-M7.
    pub const BP: u32 = 1 << 18;
    /// Bits that software can change.
    pub const WRITABLE: u32 =
        NONBASETHRDENA | USERSETMPEND | UNALIGN_TRP | DIV_0_TRP | BFHFNMIGN | DC | IC;
}

/// L1 cache control bits (ARM DDI 0489F, 3.3.8).
pub mod cacr {
    /// Shareable memory is written through rather than not cached.
    pub const SIWT: u32 = 1 << 0;
    /// All cacheable memory is written through.
    pub const FORCEWT: u32 = 1 << 2;
}

/// System control register bits (ARM ARM B3.2.7).
pub mod scr {
    /// Sleep when the last handler returns.
    pub const SLEEPONEXIT: u32 = 1 << 1;
    /// Deep sleep.
    pub const SLEEPDEEP: u32 = 1 << 2;
    /// Pending interrupts, enabled or not, are wake-up events.
    pub const SEVONPEND: u32 = 1 << 4;
}

/// FP context control bits (ARM ARM B3.2.21).
pub mod fpccr {
    /// A frame waits to be filled at FPCAR.
    pub const LSPACT: u32 = 1 << 0;
    /// The waiting frame belongs to unprivileged code.
    pub const USER: u32 = 1 << 1;
    /// The waiting frame belongs to Thread mode.
    pub const THREAD: u32 = 1 << 3;
    /// HardFault could be taken when the frame was allocated.
    pub const HFRDY: u32 = 1 << 4;
    /// MemManage could be taken when the frame was allocated.
    pub const MMRDY: u32 = 1 << 5;
    /// BusFault could be taken when the frame was allocated.
    pub const BFRDY: u32 = 1 << 6;
    /// DebugMonitor could be taken when the frame was allocated.
    pub const MONRDY: u32 = 1 << 8;
    /// Lazy preservation.
    pub const LSPEN: u32 = 1 << 30;
    /// CONTROL.FPCA is set by the first FP instruction.
    pub const ASPEN: u32 = 1 << 31;
    /// Everything that exists.
    pub const IMPLEMENTED: u32 =
        LSPACT | USER | THREAD | HFRDY | MMRDY | BFRDY | MONRDY | LSPEN | ASPEN;
}

/// AHP, DN, FZ, RMode: what FPDSCR passes to a new context.
const FPDSCR_WRITABLE: u32 = 0x07C0_0000;
/// CPACR.CP10 and CP11.
const CPACR_WRITABLE: u32 = 0x00F0_0000;
const VTOR_WRITABLE: u32 = 0xFFFF_FF80;

const CPUID_R1P2: u32 = 0x411F_C272;

const ICSR_PENDSTCLR: u32 = 1 << 25;
const ICSR_PENDSTSET: u32 = 1 << 26;
const ICSR_PENDSVCLR: u32 = 1 << 27;
const ICSR_PENDSVSET: u32 = 1 << 28;
const ICSR_NMIPENDSET: u32 = 1 << 31;
const ICSR_ISRPENDING: u32 = 1 << 22;
const ICSR_RETTOBASE: u32 = 1 << 11;

/// SHCSR: bit, exception; active bits.
const SHCSR_ACTIVE: [(u32, u16); 7] = [
    (1 << 0, number::MEM_MANAGE),
    (1 << 1, number::BUS_FAULT),
    (1 << 3, number::USAGE_FAULT),
    (1 << 7, number::SV_CALL),
    (1 << 8, number::DEBUG_MONITOR),
    (1 << 10, number::PEND_SV),
    (1 << 11, number::SYS_TICK),
];
const SHCSR_PENDED: [(u32, u16); 4] = [
    (1 << 12, number::USAGE_FAULT),
    (1 << 13, number::MEM_MANAGE),
    (1 << 14, number::BUS_FAULT),
    (1 << 15, number::SV_CALL),
];
const SHCSR_ENABLED: [(u32, u16); 3] = [
    (1 << 16, number::MEM_MANAGE),
    (1 << 17, number::BUS_FAULT),
    (1 << 18, number::USAGE_FAULT),
];

/// Registers with state of their own.
#[derive(Clone, Debug)]
pub struct Scb {
    /// VTOR.
    pub vector_table: u32,
    /// CCR.
    pub configuration: u32,
    /// SCR.
    pub system_control: u32,
    /// CFSR: MMFSR, BFSR and UFSR.
    pub fault_status: u32,
    /// HFSR.
    pub hard_fault_status: u32,
    /// MMFAR.
    pub memory_fault_address: u32,
    /// BFAR.
    pub bus_fault_address: u32,
    /// CPACR.
    pub coprocessor_access: u32,
    /// FPCCR.
    pub fp_context_control: u32,
    /// FPCAR.
    pub fp_context_address: u32,
    /// FPDSCR.
    pub fp_default_status: u32,
    auxiliary_control: u32,
    cache_selection: u32,
    itcm_control: u32,
    dtcm_control: u32,
    ahb_peripheral_control: u32,
    /// CACR.
    pub cache_control: u32,
    ahb_slave_control: u32,
}

/// ITCMCR and DTCMCR: SZ, and its value for 64 KB (DDI 0489, 4.5).
const TCM_SIZE: u32 = 0b1111 << 3;
const TCM_64_KB: u32 = 0b0111 << 3;
/// ITCMCR and DTCMCR after reset: EN and SZ for 64 KB.
const TCM_RESET: u32 = TCM_64_KB | 1;
/// EN, RMW, RETEN.
const TCM_WRITABLE: u32 = 0b111;
/// AHBPCR: 512 MB at 0x4000_0000, EN.
const AHBP_SIZE: u32 = 0b100 << 1;

impl Scb {
    /// Reset state with the vector table at `vector_table`.
    pub fn new(vector_table: u32) -> Self {
        Self {
            vector_table: vector_table & VTOR_WRITABLE,
            configuration: ccr::STKALIGN | ccr::BP,
            system_control: 0,
            fault_status: 0,
            hard_fault_status: 0,
            memory_fault_address: 0,
            bus_fault_address: 0,
            coprocessor_access: 0,
            fp_context_control: fpccr::ASPEN | fpccr::LSPEN,
            fp_context_address: 0,
            fp_default_status: 0,
            auxiliary_control: 0,
            cache_selection: 0,
            itcm_control: TCM_RESET,
            dtcm_control: TCM_RESET,
            ahb_peripheral_control: 1,
            cache_control: 0,
            ahb_slave_control: 0,
        }
    }

    /// Sizes of ITCM and DTCM, as the chip ties them to the core. SZ has powers of two only: the next larger one stands for 192 KB \[U\].
    pub fn set_tcm_sizes(&mut self, itcm_bytes: u32, dtcm_bytes: u32) {
        let size =
            |bytes: u32| TCM_64_KB + ((bytes.div_ceil(0x1_0000)).next_power_of_two().ilog2() << 3);
        self.itcm_control = self.itcm_control & !TCM_SIZE | size(itcm_bytes);
        self.dtcm_control = self.dtcm_control & !TCM_SIZE | size(dtcm_bytes);
    }

    /// True if every bit of `bits` is set in CCR.
    pub fn configured(&self, bits: u32) -> bool {
        self.configuration & bits == bits
    }

    /// Reads a register of the block, or `None` if it is not one of its own.
    pub fn read(&self, address: u32, nvic: &Nvic) -> Option<u32> {
        Some(match address {
            at::ACTLR => self.auxiliary_control,
            at::CPUID => CPUID_R1P2,
            at::VTOR => self.vector_table,
            // VECTKEYSTAT, little-endian, PRIGROUP.
            at::AIRCR => 0xFA05_0000 | u32::from(nvic.priority_grouping()) << 8,
            at::SCR => self.system_control,
            at::CCR => self.configuration,
            at::SHPR1..=at::SHPR3 => read_priorities(nvic, system_handler(address)),
            at::SHCSR => read_shcsr(nvic),
            at::CFSR => self.fault_status,
            at::HFSR => self.hard_fault_status,
            at::MMFAR => self.memory_fault_address,
            at::BFAR => self.bus_fault_address,
            at::CPACR => self.coprocessor_access,
            at::FPCCR => self.fp_context_control,
            at::FPCAR => self.fp_context_address,
            at::FPDSCR => self.fp_default_status,
            at::CSSELR => self.cache_selection,
            at::CCSIDR if self.cache_selection & 1 == 1 => INSTRUCTION_CACHE_32K,
            at::CCSIDR if self.cache_selection == 0 => DATA_CACHE_32K,
            at::ITCMCR => self.itcm_control,
            at::DTCMCR => self.dtcm_control,
            at::AHBPCR => AHBP_SIZE | self.ahb_peripheral_control,
            at::CACR => self.cache_control,
            at::AHBSCR => self.ahb_slave_control,
            _ => {
                return IDENTIFICATION
                    .iter()
                    .find(|(id, _)| *id == address)
                    .map(|(_, value)| *value);
            }
        })
    }

    /// Writes a register of the block; AIRCR, which asks for resets, is `Core`'s.
    pub fn write(&mut self, address: u32, value: u32, nvic: &mut Nvic) {
        match address {
            at::ACTLR => self.auxiliary_control = value,
            at::ICSR => write_icsr(value, nvic),
            at::VTOR => self.vector_table = value & VTOR_WRITABLE,
            at::SCR => {
                self.system_control = value & (scr::SLEEPONEXIT | scr::SLEEPDEEP | scr::SEVONPEND);
            }
            at::CCR => {
                self.configuration = value & ccr::WRITABLE | ccr::STKALIGN | ccr::BP;
            }
            at::SHPR1..=at::SHPR3 => write_priorities(nvic, system_handler(address), value),
            at::SHCSR => write_shcsr(value, nvic),
            at::CFSR => self.fault_status &= !value,
            at::HFSR => self.hard_fault_status &= !value,
            at::MMFAR => self.memory_fault_address = value,
            at::BFAR => self.bus_fault_address = value,
            at::CPACR => self.coprocessor_access = value & CPACR_WRITABLE,
            at::FPCCR => self.fp_context_control = value & fpccr::IMPLEMENTED,
            at::FPCAR => self.fp_context_address = value & !7,
            at::FPDSCR => self.fp_default_status = value & FPDSCR_WRITABLE,
            at::CSSELR => self.cache_selection = value & 0xF,
            at::ITCMCR => {
                self.itcm_control = self.itcm_control & TCM_SIZE | value & TCM_WRITABLE;
            }
            at::DTCMCR => {
                self.dtcm_control = self.dtcm_control & TCM_SIZE | value & TCM_WRITABLE;
            }
            at::AHBPCR => self.ahb_peripheral_control = value & 1,
            at::CACR => self.cache_control = value & 0b111,
            at::AHBSCR => self.ahb_slave_control = value & 0xFFFF,
            _ => {}
        }
    }
}

/// CCSIDR: 512 sets, 2 ways, 32-byte lines.
const INSTRUCTION_CACHE_32K: u32 = 0xF03F_E009;
/// CCSIDR: 256 sets, 4 ways, 32-byte lines.
const DATA_CACHE_32K: u32 = 0xF01F_E019;

/// Fixed values (ARM DDI 0489, table 3-1, and 6.3 for MVFR).
const IDENTIFICATION: [(u32, u32); 18] = [
    (0xE000_ED40, 0x0000_0030), // ID_PFR0
    (0xE000_ED44, 0x0000_0200), // ID_PFR1
    (0xE000_ED48, 0x0010_0000), // ID_DFR0
    (0xE000_ED4C, 0x0000_0000), // ID_AFR0
    (0xE000_ED50, 0x0010_0030), // ID_MMFR0
    (0xE000_ED54, 0x0000_0000), // ID_MMFR1
    (0xE000_ED58, 0x0100_0000), // ID_MMFR2
    (0xE000_ED5C, 0x0000_0000), // ID_MMFR3
    (0xE000_ED60, 0x0110_1110), // ID_ISAR0
    (0xE000_ED64, 0x0211_2000), // ID_ISAR1
    (0xE000_ED68, 0x2023_2231), // ID_ISAR2
    (0xE000_ED6C, 0x0111_1131), // ID_ISAR3
    (0xE000_ED70, 0x0131_0132), // ID_ISAR4
    (0xE000_ED78, 0x0900_0003), // CLIDR
    (0xE000_ED7C, 0x8303_C003), // CTR
    (0xE000_EF40, 0x1011_0221), // MVFR0: FPv5 with double precision
    (0xE000_EF44, 0x1200_0011), // MVFR1
    (0xE000_EF48, 0x0000_0040), // MVFR2
];

/// First of the four exceptions whose priorities the word at `address` (SHPR1-3) holds.
fn system_handler(address: u32) -> u16 {
    4 + (address - at::SHPR1) as u16
}

/// Four priority bytes from exception `first` on.
pub fn read_priorities(nvic: &Nvic, first: u16) -> u32 {
    u32::from_le_bytes([0, 1, 2, 3].map(|place| nvic.priority(first + place)))
}

/// Writes four priority bytes from exception `first` on.
pub fn write_priorities(nvic: &mut Nvic, first: u16, value: u32) {
    for (exception, priority) in (first..).zip(value.to_le_bytes()) {
        nvic.set_priority(exception, priority);
    }
}

/// ICSR as software running exception `active` sees it (0 in Thread mode).
pub fn read_icsr(nvic: &Nvic, active: u16) -> u32 {
    let pending = nvic.candidate().map_or(0, |next| next.exception);
    let mut value = u32::from(active) | u32::from(pending) << 12;
    for (bit, set) in [
        (ICSR_NMIPENDSET, nvic.is_pending(number::NMI)),
        (ICSR_PENDSVSET, nvic.is_pending(number::PEND_SV)),
        (ICSR_PENDSTSET, nvic.is_pending(number::SYS_TICK)),
        (ICSR_ISRPENDING, nvic.external_pending()),
        (ICSR_RETTOBASE, nvic.active_count() <= 1),
    ] {
        if set {
            value |= bit;
        }
    }
    value
}

fn write_icsr(value: u32, nvic: &mut Nvic) {
    for (bit, exception) in [
        (ICSR_NMIPENDSET, number::NMI),
        (ICSR_PENDSVSET, number::PEND_SV),
        (ICSR_PENDSTSET, number::SYS_TICK),
    ] {
        if value & bit != 0 {
            nvic.pend(exception);
        }
    }
    for (bit, exception) in [
        (ICSR_PENDSVCLR, number::PEND_SV),
        (ICSR_PENDSTCLR, number::SYS_TICK),
    ] {
        if value & bit != 0 {
            nvic.unpend(exception);
        }
    }
}

fn read_shcsr(nvic: &Nvic) -> u32 {
    let mut value = 0;
    for (bit, exception) in SHCSR_ACTIVE {
        value |= if nvic.is_active(exception) { bit } else { 0 };
    }
    for (bit, exception) in SHCSR_PENDED {
        value |= if nvic.is_pending(exception) { bit } else { 0 };
    }
    for (bit, exception) in SHCSR_ENABLED {
        value |= if nvic.is_enabled(exception) { bit } else { 0 };
    }
    value
}

fn write_shcsr(value: u32, nvic: &mut Nvic) {
    for (bit, exception) in SHCSR_ACTIVE {
        nvic.set_active(exception, value & bit != 0);
    }
    for (bit, exception) in SHCSR_PENDED {
        if value & bit != 0 {
            nvic.pend(exception);
        } else {
            nvic.unpend(exception);
        }
    }
    for (bit, exception) in SHCSR_ENABLED {
        nvic.set_enabled(exception, value & bit != 0);
    }
}

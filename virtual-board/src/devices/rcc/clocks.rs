//! The clock tree as the registers set it, computed from what really oscillates (RM0477, RCC, clock tree).

use std::collections::BTreeMap;

use super::{CFGR, CR};

/// Internal high-speed oscillator.
pub const HSI_HZ: u64 = 64_000_000;
/// Internal low-power oscillator.
pub const CSI_HZ: u64 = 4_000_000;
/// Crystal of the board.
pub const HSE_HZ: u64 = 24_000_000;

const CDCFGR: u32 = 0x18;
const BMCFGR: u32 = 0x1C;
const APBCFGR: u32 = 0x20;
const PLLCKSELR: u32 = 0x28;
const PLLCFGR: u32 = 0x2C;
/// DIVR1 of each PLL: DIVN, P, Q, R.
const DIVR1: [u32; 3] = [0x30, 0x38, 0x40];
/// Fractional parts.
const FRACR: [u32; 3] = [0x34, 0x3C, 0x44];
/// DIVR2: S, T.
const DIVR2: [u32; 3] = [0xC0, 0xC4, 0xC8];
const CCIPR1: u32 = 0x4C;

/// Indices into the ready bits.
const HSI: usize = 0;
const CSI: usize = 1;
const HSE: usize = 3;
const PLL1: usize = 4;

/// Outputs of a PLL that lead to something we model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Output {
    P,
    S,
    T,
}

/// Registers and readiness at one moment.
pub struct Clocks<'a> {
    /// By offset.
    pub registers: &'a BTreeMap<u32, u32>,
    /// HSI, CSI, HSI48, HSE, PLL1, PLL2, PLL3.
    pub ready: [bool; 7],
}

impl Clocks<'_> {
    fn register(&self, offset: u32) -> u32 {
        self.registers.get(&offset).copied().unwrap_or(0)
    }

    fn source(&self, which: usize) -> u64 {
        match which {
            _ if !self.ready[which] => 0,
            HSI => HSI_HZ >> (self.register(CR) >> 3 & 3),
            CSI => CSI_HZ,
            HSE => HSE_HZ,
            _ => 0,
        }
    }

    fn pll_source(&self) -> Option<usize> {
        match self.register(PLLCKSELR) & 3 {
            0 => Some(HSI),
            1 => Some(CSI),
            2 => Some(HSE),
            _ => None,
        }
    }

    /// An output of PLL 0, 1 or 2; 0 Hz if it does not run.
    fn pll(&self, which: usize, output: Output) -> u64 {
        let (first, second) = (self.register(DIVR1[which]), self.register(DIVR2[which]));
        // PLLCFGR has eleven bits a PLL: FRACEN at 0, 11 and 22, then the output enables.
        let field = 11 * which as u32;
        let enable = match output {
            Output::P => 5,
            Output::S => 8,
            Output::T => 9,
        };
        let is_on = self.ready[PLL1 + which] && self.register(PLLCFGR) >> (field + enable) & 1 == 1;
        let prescaler = u64::from(self.register(PLLCKSELR) >> (4 + 8 * which) & 0x3F);
        let Some(source) = self.pll_source().filter(|_| is_on && prescaler != 0) else {
            return 0;
        };
        let fraction = match self.register(PLLCFGR) >> field & 1 {
            1 => u64::from(self.register(FRACR[which]) >> 3 & 0x1FFF),
            _ => 0,
        };
        let multiplier = (u64::from(first & 0x1FF) + 1) * 8192 + fraction;
        let oscillator = self.source(source) * multiplier / prescaler / 8192;
        let divider = match output {
            Output::P => (first >> 9 & 0x7F) + 1,
            Output::S => (second & 7) + 1,
            Output::T => (second >> 8 & 7) + 1,
        };
        oscillator / u64::from(divider)
    }

    /// CFGR.SWS: what the core runs from; a source that is not ready is not switched to.
    pub fn switch(&self) -> u32 {
        let wanted = self.register(CFGR) & 7;
        let runs = match wanted {
            1 => self.ready[CSI],
            2 => self.ready[HSE],
            3 => self.pll(0, Output::P) != 0,
            _ => true,
        };
        if runs { wanted } else { 0 }
    }

    /// Sources that must not stop because the core runs from them.
    pub fn sources_of_core(&self) -> [bool; 7] {
        let mut used = [false; 7];
        match self.switch() {
            0 => used[HSI] = true,
            1 => used[CSI] = true,
            2 => used[HSE] = true,
            _ => {
                used[PLL1] = true;
                if let Some(source) = self.pll_source() {
                    used[source] = true;
                }
            }
        }
        used
    }

    fn system(&self) -> u64 {
        match self.switch() {
            0 => self.source(HSI).max(1),
            1 => CSI_HZ,
            2 => HSE_HZ,
            _ => self.pll(0, Output::P),
        }
    }

    /// The core's clock.
    pub fn core(&self) -> u64 {
        self.system() / long_divider(self.register(CDCFGR))
    }

    /// The bus matrix's: HCLK, and HCLK5 with it.
    pub fn hclk(&self) -> u64 {
        self.core() / long_divider(self.register(BMCFGR))
    }

    /// Of peripherals on APB1.
    pub fn apb1(&self) -> u64 {
        self.hclk() / short_divider(self.register(APBCFGR))
    }

    /// Of timers on APB1: twice PCLK1 unless APB1 is not divided; TIMPRE makes it four times.
    pub fn timer(&self) -> u64 {
        let divider = short_divider(self.register(APBCFGR));
        let fast = self.register(CFGR) >> 15 & 1 == 1;
        let factor = if fast { 4 } else { 2 };
        if divider <= factor {
            self.hclk()
        } else {
            self.hclk() / divider * factor
        }
    }

    /// Kernel clock of XSPI1 (0) or XSPI2 (1).
    pub fn xspi(&self, which: u32) -> u64 {
        match self.register(CCIPR1) >> (4 + 2 * which) & 3 {
            0 => self.hclk(),
            1 => self.pll(1, Output::S),
            2 => self.pll(1, Output::T),
            _ => 0,
        }
    }

    /// CKPROTR: position of a kernel clock switch.
    pub fn switch_position(&self, which: u32) -> u32 {
        self.register(CCIPR1) >> (4 + 2 * which) & 3
    }
}

/// CPRE and BMPRE.
fn long_divider(field: u32) -> u64 {
    match field & 0xF {
        0x8 => 2,
        0x9 => 4,
        0xA => 8,
        0xB => 16,
        0xC => 64,
        0xD => 128,
        0xE => 256,
        0xF => 512,
        _ => 1,
    }
}

/// PPREx.
fn short_divider(field: u32) -> u64 {
    match field & 7 {
        4 => 2,
        5 => 4,
        6 => 8,
        7 => 16,
        _ => 1,
    }
}

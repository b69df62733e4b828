//! The chip's peripherals. A device behaves and nothing else; `board.rs` wires; an access to what is not modelled is loud.
//!
//! | Device | Constructor | Base | Memory that it maps |
//! |---|---|---|---|
//! | [`rcc::Rcc`] | `new()` | 0x5802_4400 | |
//! | [`pwr::Pwr`] | `new()` | 0x5802_4800 | |
//! | [`sbs::Sbs`] | `new()` | 0x5800_0400 | |
//! | [`flash::Flash`] | `new()` | 0x5200_2000 | 0x0800_0000, 64 KB |
//! | [`dma::Dma`] | `gpdma1()`, `hpdma1()` | 0x4002_1000, 0x5200_0000 | |
//! | [`gpio::Gpio`] | `new('A')` ... | [`gpio::Gpio::base`] | |
//! | [`xspi::Xspi`] | `xspi1()` | 0x5200_5000 | 0x9000_0000, 256 MB |
//! | [`xspi::Xspi`] | `xspi2()` | 0x5200_A000 | 0x7000_0000, 256 MB |
//! | [`xspim::Xspim`] | `new()` | 0x5200_B400 | |
//! | [`mce::Mce`] | `new(1)` ... | 0x5200_B800 + 0x400 * (n - 1) | before the windows of XSPI1 and XSPI2 |
//! | [`ramecc::Ramecc`] | `new(1)`, `new(2)` | 0x5200_9000, 0x5802_7000 | |
//! | [`timer::Timer`] | `new(1)` ... | [`timer::Timer::base`] | |
//! | [`uart::Uart`] | `new(1)` ... | 0x4200_1000 (USART1), 0x4000_4400 (USART2) ... | |
//! | [`crc::Crc`] | `new()` | 0x5802_4C00 | |
//! | [`rng::Rng`] | `new()` | 0x4802_0000 | |
//! | [`exti::Exti`] | `new()` | 0x5800_0000 | |
//! | [`rtc::Rtc`] | `new()` | 0x5800_4000 | |
//! | [`tamp::Tamp`] | `new()` | 0x5800_4400 | |
//! | [`iwdg::Iwdg`] | `new()` | 0x5800_4800 | |
//! | [`wwdg::Wwdg`] | `new()` | 0x4000_2C00 | |
//! | [`dbgmcu::Dbgmcu`] | `new()` | 0x5C00_1000 (AP0: 0xE00E_1000) | |
//!
//! The external memories are [`crate::nor::Nor`] and [`psram::Psram`], both [`external_memory::ExternalMemory`], each in a
//! [`socket::Socket`] of [`Wires::sockets`]: whichever controller XSPIM connects to the port reaches it.
//!
//! What the board owes the devices: `reset(Reset::Power)` of all at power-on, RCC last, so that the wires are driven;
//! [`Wires::reset_cause`] set before a system reset; [`Wires::core_halted`] and [`Wires::low_power`], with a `tick` of all before they
//! change; and [`iwdg::Iwdg::start`] at a reset if the option bytes say so.
//!
//! A new device: copy `devices/_template.rs` to `devices/NAME.rs`; name its registers, reset state and behaviour; add it to
//! the table above, to the `mod` list below, and to the map in `board.rs`.

pub mod crc;
pub mod dbgmcu;
pub mod dma;
pub mod external_memory;
pub mod exti;
pub mod flash;
pub mod gate;
pub mod gpio;
pub mod iwdg;
pub mod mce;
pub mod psram;
pub mod pwr;
pub mod ramecc;
pub mod rcc;
pub mod rng;
pub mod rtc;
pub mod sbs;
pub mod socket;
pub mod tamp;
#[cfg(test)]
mod testing;
pub mod timer;
pub mod uart;
pub mod wwdg;
pub mod xspi;
pub mod xspim;

#[cfg(test)]
#[path = "devices/_template.rs"]
mod template;

use self::socket::{PortPins, Socket};
use crate::{
    bus::{BusError, Width},
    clock::Time,
    mishap::Strike,
};

/// Outcome of a register access that did not simply succeed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The device refuses: a bus error for the master (gated clock, closed window, bad width).
    Error,
    /// The device never answers.
    Stall,
    /// Nobody modelled this offset. The map logs it once with address and pc, reads as the given reset value and drops
    /// writes, or refuses when the board is strict.
    Unmodelled {
        /// What the real register holds after reset.
        reset: u32,
    },
}

impl From<Refusal> for BusError {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Stall => Self::Stalled,
            Refusal::Error | Refusal::Unmodelled { .. } => Self::Refused,
        }
    }
}

/// What a device returns.
pub type Access<T> = Result<T, Refusal>;

/// What reset a device sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reset {
    /// Power came back: everything volatile is lost.
    Power,
    /// System reset (AIRCR, nRST, watchdog): external chips keep their mode.
    System,
}

/// Why the chip was last reset.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ResetCause {
    /// Power came.
    #[default]
    Power,
    /// nRST from outside.
    Pin,
    /// AIRCR.SYSRESETREQ.
    Software,
    /// Independent watchdog.
    Watchdog,
    /// Window watchdog.
    WindowWatchdog,
    /// Stop or Standby was entered where the option bytes make that a reset.
    LowPower,
    /// Standby is over.
    Standby,
    /// The supply dipped below the brown-out level.
    BrownOut,
}

impl ResetCause {
    /// Flags that it leaves in RCC_RSR: an internal reset pulls the pin as well.
    pub const fn flags(self) -> u32 {
        const PIN: u32 = 1 << 22;
        match self {
            Self::Power => 1 << 21 | PIN | 1 << 23,
            Self::BrownOut => 1 << 21 | PIN,
            Self::Pin => PIN,
            Self::Software => 1 << 24 | PIN,
            Self::Watchdog => 1 << 26 | PIN,
            Self::WindowWatchdog => 1 << 28 | PIN,
            Self::LowPower => 1 << 30 | PIN,
            // PWR_CSR3.SBF tells.
            Self::Standby => 0,
        }
    }
}

/// What the chip's clocks and supplies are doing (RM0477, PWR, low-power modes).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LowPower {
    /// Everything runs.
    #[default]
    Run,
    /// The core's clock stands still.
    Sleep,
    /// Every clock but the low-speed ones stands still.
    Stop,
    /// The core domain has no supply.
    Standby,
}

/// Option bits of the independent watchdog (FLASH_OBW1SR).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct WatchdogOptions {
    /// IWDG_FZ_STOP is 0.
    pub frozen_in_stop: bool,
    /// IWDG_FZ_STBY is 0.
    pub frozen_in_standby: bool,
}

/// Signals between devices, as the chip wires them: one device drives a field, others look at it.
///
/// A device gets `&mut Wires` with each call and never another device.
#[derive(Debug, Default)]
pub struct Wires {
    /// Now, in virtual time; exact to the core cycle during an access by the core.
    pub now: Time,
    /// Core clock in Hz (sys_ck after the CPU prescaler): driven by RCC.
    pub core_hz: u64,
    /// AHB clock HCLK5 in Hz: driven by RCC.
    pub hclk_hz: u64,
    /// Timer kernel clock in Hz (APB1): driven by RCC.
    pub timer_hz: u64,
    /// Clock of the peripherals on APB1 in Hz: driven by RCC.
    pub pclk1_hz: u64,
    /// Since when LSI runs, if it does: driven by RCC.
    pub lsi_since: Option<Time>,
    /// The independent watchdog keeps LSI on: driven by IWDG.
    pub lsi_forced: bool,
    /// A clock or a gate has changed since all devices were last told: driven by RCC.
    pub clocks_changed: bool,
    /// Clock of the RTC in Hz, 0 while none is selected or it is stopped: driven by RCC.
    pub rtc_hz: u64,
    /// HSI48 oscillates: driven by RCC.
    pub hsi48: bool,
    /// Kernel clock of XSPI1 and XSPI2 in Hz as it really runs; 0 while its source is stopped: driven by RCC.
    pub xspi_hz: [u64; 2],
    /// Raised by whoever drives a wire on which an open window depends (clocks, gates, resets, supplies, pins, ports), so that
    /// the windows need not look at them all at each fetch.
    pub generation: u64,
    /// Rising edges of peripheral reset lines, by RCC reset-register offset and bit: driven by RCC.
    pub reset_pulses: std::collections::BTreeMap<(u32, u32), u32>,
    /// Why the coming or last reset: set by the board, or by a device with `reset_request`.
    pub reset_cause: ResetCause,
    /// The core is in debug state: driven by the board.
    pub core_halted: bool,
    /// The low-power mode that the chip is in: driven by the board.
    pub low_power: LowPower,
    /// DBGMCU_CR, its low three bits: driven by DBGMCU.
    pub debug_low_power: u32,
    /// PWR_CSR3.PDDS: driven by PWR.
    pub power_down_deepsleep: bool,
    /// Driven by the board, from the option bytes.
    pub watchdog_options: WatchdogOptions,
    /// DBGMCU_APB1FZR: driven by DBGMCU.
    pub frozen_apb1: u32,
    /// DBGMCU_APB4FZR: driven by DBGMCU.
    pub frozen_apb4: u32,
    /// Peripheral clock gates as RCC set them, by RCC enable-register offset (0x134 AHB5ENR ...): driven by RCC.
    pub gates: std::collections::BTreeMap<u32, u32>,
    /// I/O supplies of XSPIM port 1 and 2 (PWR_CSR2 EN_XSPIM1, EN_XSPIM2): driven by PWR.
    pub xspim_supply: [bool; 2],
    /// I/O supply of port M (PWR_CSR2 USB33DEN or USBREGEN): driven by PWR.
    pub usb_supply: bool,
    /// XSPIM_CR as written, for the port mapping: driven by XSPIM.
    pub xspim_cr: u32,
    /// Pins of XSPIM port 1 (PO/PP) and 2 (PN) that are at their alternate function: driven by GPIO.
    pub xspim_pins: [PortPins; 2],
    /// What the board has on XSPIM port 1 and 2.
    pub sockets: [Option<Socket>; 2],
    /// Request lines to the DMA controllers: levels, driven by each peripheral for its own lines.
    pub dma_requests: dma::request::Requests,
    /// Port, 0 for A, whose pin is the EXTI line of each number: driven by SBS.
    pub exti_ports: [u8; 16],
    /// EXTI lines whose pin has risen since EXTI was told: driven by GPIO.
    pub risen: u16,
    /// EXTI lines whose pin has fallen since EXTI was told: driven by GPIO.
    pub fallen: u16,
    /// Which of MCE1 to MCE3 has a region that is on, one bit each: driven by MCE.
    pub cipher_engines: u8,
    /// Hide protection level, 0 to 3 (SBS_HDPLSR): driven by SBS.
    pub hide_level: u8,
    /// Code opened AP1 of a closed product (SBS_DBGCR): driven by SBS.
    pub debug_opened: bool,
    /// The product state closes AP1: driven by the board.
    pub debug_closed: bool,
    /// RAMECC1 and RAMECC2 ask for the interrupt that they share: each drives its own.
    pub ram_errors: [bool; 2],
    /// Interrupt lines by NVIC number: level, driven by each device for its own line.
    pub irq: [u64; 4],
    /// A device asks for a system reset (IWDG, option byte launch); the board takes it.
    pub reset_request: bool,
    /// The last read returned something that changes with time alone, or changed something itself.
    pub time_dependent: bool,
    /// The core must look up before its next instruction.
    pub attention: bool,
    /// What will happen to the board in the middle of an operation that has begun; the board takes it.
    pub strikes: Vec<Strike>,
}

impl Wires {
    /// Drives interrupt line `number`.
    pub fn set_irq(&mut self, number: usize, level: bool) {
        let (word, bit) = (number / 64, 1u64 << (number % 64));
        let before = self.irq[word];
        if level {
            self.irq[word] |= bit;
        } else {
            self.irq[word] &= !bit;
        }
        if before != self.irq[word] {
            self.attention = true;
        }
    }

    /// DBGMCU_CR keeps the clocks, and the supply, of the low-power mode that the chip is in.
    pub fn keeps_clocks(&self) -> bool {
        let bit = match self.low_power {
            LowPower::Run => return true,
            LowPower::Sleep => 0,
            LowPower::Stop => 1,
            LowPower::Standby => 2,
        };
        self.debug_low_power >> bit & 1 == 1
    }

    /// Asks for a system reset.
    pub fn request_reset(&mut self, cause: ResetCause) {
        self.reset_cause = cause;
        self.reset_request = true;
        self.attention = true;
    }

    /// An event waits for its time.
    pub fn expect_strike(&mut self, strike: Strike) {
        self.strikes.push(strike);
        self.attention = true;
    }

    /// Port, 0 or 1, that XSPIM gives to XSPI1 (0) or XSPI2 (1): MODE swaps, with MUXEN both have the port that MODE names.
    pub fn xspim_port(&self, controller: usize) -> usize {
        let (multiplexed, mode) = (self.xspim_cr & 1, self.xspim_cr >> 1 & 1);
        let port = match controller {
            0 => mode,
            _ => 1 ^ mode ^ multiplexed,
        };
        port as usize
    }

    /// Both controllers have the same port.
    pub fn xspim_multiplexed(&self) -> bool {
        self.xspim_cr & 1 != 0
    }

    /// Chip select, 0 or 1, that a transaction of XSPI1 (0) or XSPI2 (1) drives: XSPI_CR.CSSEL unless XSPIM overrides it.
    pub fn xspim_select(&self, controller: usize, cssel: bool) -> usize {
        let overridden = self.xspim_cr >> 4 & 1 == 1;
        let select = match overridden {
            true => self.xspim_cr >> (5 + controller) & 1 == 1,
            false => cssel,
        };
        select.into()
    }

    /// Drives a request line to the DMA controllers.
    pub fn request_dma(&mut self, request: dma::request::Request, level: bool) {
        if self.dma_requests.set(request, level) {
            self.attention = true;
        }
    }

    /// True if the RCC enable register at `offset` has `bit` set.
    pub fn clocked(&self, offset: u32, bit: u32) -> bool {
        self.gates
            .get(&offset)
            .is_some_and(|register| register >> bit & 1 == 1)
    }
}

/// An access that a device makes as a bus master.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MasterAccess {
    /// Where.
    pub address: u32,
    /// How wide.
    pub width: Width,
    /// What is written; `None` reads.
    pub value: Option<u32>,
}

impl MasterAccess {
    /// Reads 1, 2 or 4 bytes.
    pub const fn read(address: u32, bytes: u32) -> Self {
        Self {
            address,
            width: width_of(bytes),
            value: None,
        }
    }

    /// Writes 1, 2 or 4 bytes.
    pub const fn write(address: u32, bytes: u32, value: u32) -> Self {
        Self {
            address,
            width: width_of(bytes),
            value: Some(value),
        }
    }
}

const fn width_of(bytes: u32) -> Width {
    match bytes {
        1 => Width::Byte,
        2 => Width::Half,
        _ => Width::Word,
    }
}

/// A peripheral behind a range of addresses.
pub trait Device: std::any::Any + Send {
    /// Name as in the reference manual, for the log.
    fn name(&self) -> &str;

    /// Reads at `offset` from the device's base.
    fn read(&mut self, offset: u32, width: Width, wires: &mut Wires) -> Access<u32>;

    /// True if a read at `offset` that is narrower than a word does something else than to show a lane of the word (a FIFO).
    /// Elsewhere [`Self::read`] is asked for whole words only.
    fn takes_narrow_reads(&self, _offset: u32) -> bool {
        false
    }

    /// Writes at `offset` from the device's base.
    fn write(&mut self, offset: u32, width: Width, value: u32, wires: &mut Wires) -> Access<()>;

    /// Reads from the memory that this device maps (an XSPI window), at `offset` from that range's base.
    fn read_memory(&mut self, _offset: u32, _width: Width, _wires: &mut Wires) -> Access<u32> {
        Err(Refusal::Error)
    }

    /// A read of the mapped memory that the core makes ahead of need; only a stall shows.
    fn read_ahead(&mut self, _offset: u32, _wires: &mut Wires) -> Access<()> {
        Ok(())
    }

    /// True if this device maps memory that it does not serve now, so that a read ahead may matter.
    fn is_closed(&self) -> bool {
        false
    }

    /// Writes to the memory that this device maps, at `offset` from that range's base.
    fn write_memory(
        &mut self,
        _offset: u32,
        _width: Width,
        _value: u32,
        _wires: &mut Wires,
    ) -> Access<()> {
        Err(Refusal::Error)
    }

    /// An access to RAM met wrong check bits; `data` is the word as it is there.
    fn ram_error(&mut self, _error: &ramecc::RamError, _data: [u32; 2], _wires: &mut Wires) {}

    /// [`Wires::risen`] and [`Wires::fallen`] say what pins have done.
    fn pins_changed(&mut self, _wires: &mut Wires) {}

    /// Returns to reset state.
    fn reset(&mut self, reset: Reset, wires: &mut Wires);

    /// Time has come to `wires.now`: finish what is due, drive the lines.
    fn tick(&mut self, _wires: &mut Wires) {}

    /// As a bus master: the next access that this device makes now. Asked after [`Self::tick`] until there is none.
    fn next_access(&mut self, _wires: &mut Wires) -> Option<MasterAccess> {
        None
    }

    /// What came of the access that [`Self::next_access`] asked for; a write that succeeds gives 0.
    fn accessed(&mut self, _result: Result<u32, BusError>, _wires: &mut Wires) {}

    /// When this device next changes something by itself.
    fn next_event(&self) -> Option<Time> {
        None
    }
}

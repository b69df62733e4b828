//! The chip's debug port: a debug port with a serial wire and a JTAG side (SWJ-DP) and two memory access ports.
//!
//! AP0 is an APB-AP onto the system debug bus (DBGMCU, SWO, trace), AP1 an AHB-AP into the Cortex-M7 and, through it, onto the
//! bus matrix. There is no AP2. Source: ADIv5.2 (ARM IHI 0031E) for DP and MEM-AP; the set of APs and their ROM tables are those
//! of ST's device pack for this chip.

pub mod dp;
pub mod jtag;
pub mod line;
pub mod mem_ap;
pub mod registers;
pub mod rom_table;
pub mod tap;
pub mod wire;

pub use dp::{Acknowledge, DebugPort, Register};
pub use jtag::Pins;
pub use line::Line;

use crate::bus::{BusError, Width};

/// What lies behind the access ports.
pub trait System {
    /// One aligned read.
    fn read(&mut self, by: Requester, address: u32, width: Width) -> Result<u32, BusError>;

    /// One aligned write.
    fn write(
        &mut self,
        by: Requester,
        address: u32,
        width: Width,
        value: u32,
    ) -> Result<(), BusError>;

    /// True if access port `ap` can make cacheable accesses (CSW.Prot bit HPROT\[3\] can be set).
    fn offers_cacheable(&self, _ap: Port) -> bool {
        true
    }

    /// True while the product state lets access port `ap` make transfers (CSW.DeviceEn).
    fn enabled(&self, ap: Port) -> bool;
}

/// Who asks for a transfer, and what CSW says of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Requester {
    /// The access port.
    pub port: Port,
    /// CSW.Prot asks for a cacheable access (HPROT\[3\]).
    pub cacheable: bool,
}

/// The access ports that exist.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Port {
    /// AP0, the APB-AP of the system debug bus.
    SystemDebug,
    /// AP1, the AHB-AP of the core.
    Core,
}

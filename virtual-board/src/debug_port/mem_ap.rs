//! A memory access port (ADIv5.2 part C): CSW, TAR, DRW, the banked data registers, CFG, BASE, IDR.
//!
//! TAR counts up inside an aligned block of 1 KB and wraps there, as on the AHB-AP of the Cortex-M7 (DDI 0489F), so a host must
//! rewrite TAR at each boundary. Data travel in their byte lanes. Packed transfers are supported by the AHB-AP, and sub-word ones
//! not at all by the APB-AP. Deviation: an unaligned TAR (UNPREDICTABLE) is aligned down.

use super::{Port, Requester, System};
use crate::bus::{BusError, Width};

/// Register addresses (bank and A[3:2]).
mod register {
    pub const CSW: u8 = 0x00;
    pub const TAR: u8 = 0x04;
    pub const DRW: u8 = 0x0C;
    pub const BD0: u8 = 0x10;
    pub const BD3: u8 = 0x1C;
    pub const BASE: u8 = 0xF8;
    pub const IDR: u8 = 0xFC;
}

/// CSW fields (ADIv5.2 C2.6.4).
mod csw {
    pub const SIZE: u32 = 0x7;
    pub const ADDRESS_INCREMENT: u32 = 0x3 << 4;
    pub const DEVICE_ENABLED: u32 = 1 << 6;
    pub const TRANSFER_IN_PROGRESS: u32 = 1 << 7;
    pub const PROTECTION: u32 = 0x7F << 24;
    /// HPROT[3], cacheable.
    pub const CACHEABLE: u32 = 1 << 27;
    pub const DEBUG_SOFTWARE_ENABLE: u32 = 1 << 31;
    pub const WORD: u32 = 2;
    pub const INCREMENT_SINGLE: u32 = 1 << 4;
    pub const INCREMENT_PACKED: u32 = 2 << 4;
}

/// TAR increments within these bits only.
const INCREMENT_MASK: u32 = 0x3FF;

/// The bus that an access port drives.
#[derive(Clone, Copy, Debug)]
struct Bus {
    idr: u32,
    base: u32,
    reset_protection: u32,
    subword: bool,
}

/// APB-AP, IDR as that of the APB-AP in the same vendor's STM32H7 [U for this chip].
const APB: Bus = Bus {
    idr: 0x5477_0002,
    base: 0xE00E_0003,
    reset_protection: 0,
    subword: false,
};

/// AHB-AP of the Cortex-M7.
const AHB: Bus = Bus {
    idr: 0x8477_0001,
    base: 0xE00F_E003,
    reset_protection: 0x23 << 24,
    subword: true,
};

/// One MEM-AP.
#[derive(Clone, Debug)]
pub struct MemAp {
    port: Port,
    bus: Bus,
    control: u32,
    address: u32,
    in_progress: bool,
}

impl MemAp {
    /// The access port `port` after power-on.
    pub fn new(port: Port) -> Self {
        let bus = match port {
            Port::SystemDebug => APB,
            Port::Core => AHB,
        };
        Self {
            port,
            bus,
            control: bus.reset_protection | csw::WORD,
            address: 0,
            in_progress: false,
        }
    }

    /// DAPABORT: the port gives up its transfer. What the bus does with it is not the port's affair.
    pub fn abort(&mut self) {
        self.in_progress = false;
    }

    /// Reads the register at `address` (bank in bits 7:4).
    pub fn read(&mut self, address: u8, system: &mut dyn System) -> Result<u32, BusError> {
        match address {
            register::CSW => Ok(self.status(system)),
            register::TAR => Ok(self.address),
            register::DRW => self.read_data(system),
            register::BD0..=register::BD3 => {
                let result = self.bus_read(self.banked_address(address), Width::Word, system);
                self.note(result)
            }
            register::BASE => Ok(self.bus.base),
            register::IDR => Ok(self.bus.idr),
            // CFG, TAR2, MBT and BASE2 are zero without the large address and data extensions.
            _ => Ok(0),
        }
    }

    /// Writes the register at `address` (bank in bits 7:4).
    pub fn write(
        &mut self,
        address: u8,
        value: u32,
        system: &mut dyn System,
    ) -> Result<(), BusError> {
        match address {
            register::CSW => self.write_control(value),
            register::TAR => self.address = value,
            register::DRW => return self.write_data(value, system),
            register::BD0..=register::BD3 => {
                let target = self.banked_address(address);
                let result = self.bus_write(target, Width::Word, value, system);
                return self.note(result);
            }
            _ => {}
        }
        Ok(())
    }

    fn status(&self, system: &dyn System) -> u32 {
        let mut value = self.control;
        if system.enabled(self.port) {
            value |= csw::DEVICE_ENABLED;
        }
        if self.in_progress {
            value |= csw::TRANSFER_IN_PROGRESS;
        }
        if !system.offers_cacheable(self.port) {
            value &= !csw::CACHEABLE;
        }
        value
    }

    fn write_control(&mut self, value: u32) {
        let mut control = value
            & (csw::SIZE | csw::ADDRESS_INCREMENT | csw::PROTECTION | csw::DEBUG_SOFTWARE_ENABLE);
        if !self.bus.subword || control & csw::SIZE > csw::WORD {
            control = control & !csw::SIZE | csw::WORD;
        }
        if !self.bus.subword && control & csw::ADDRESS_INCREMENT == csw::INCREMENT_PACKED {
            control &= !csw::ADDRESS_INCREMENT;
        }
        self.control = control;
    }

    fn width(&self) -> Width {
        match self.control & csw::SIZE {
            0 => Width::Byte,
            1 => Width::Half,
            _ => Width::Word,
        }
    }

    /// Transfers that one DRW access makes.
    fn transfers(&self) -> u32 {
        if self.control & csw::ADDRESS_INCREMENT == csw::INCREMENT_PACKED {
            4 / self.width().bytes()
        } else {
            1
        }
    }

    fn advance(&mut self) {
        if matches!(
            self.control & csw::ADDRESS_INCREMENT,
            csw::INCREMENT_SINGLE | csw::INCREMENT_PACKED
        ) {
            let next = self.address.wrapping_add(self.width().bytes());
            self.address = self.address & !INCREMENT_MASK | next & INCREMENT_MASK;
        }
    }

    fn banked_address(&self, register: u8) -> u32 {
        self.address & !0xF | u32::from(register & 0xC)
    }

    fn read_data(&mut self, system: &mut dyn System) -> Result<u32, BusError> {
        let width = self.width();
        let mut lanes = 0;
        for _ in 0..self.transfers() {
            let result = self.bus_read(self.address, width, system);
            let value = self.note(result)?;
            lanes |= value << lane_shift(self.address, width);
            self.advance();
        }
        Ok(lanes)
    }

    fn write_data(&mut self, lanes: u32, system: &mut dyn System) -> Result<(), BusError> {
        let width = self.width();
        for _ in 0..self.transfers() {
            let value = lanes >> lane_shift(self.address, width) & mask(width);
            let result = self.bus_write(self.address, width, value, system);
            self.note(result)?;
            self.advance();
        }
        Ok(())
    }

    fn requester(&self, system: &dyn System) -> Requester {
        Requester {
            port: self.port,
            cacheable: self.control & csw::CACHEABLE != 0 && system.offers_cacheable(self.port),
        }
    }

    fn bus_read(
        &self,
        address: u32,
        width: Width,
        system: &mut dyn System,
    ) -> Result<u32, BusError> {
        if !system.enabled(self.port) {
            return Err(BusError::Refused);
        }
        system.read(
            self.requester(system),
            address & !(width.bytes() - 1),
            width,
        )
    }

    fn bus_write(
        &self,
        address: u32,
        width: Width,
        value: u32,
        system: &mut dyn System,
    ) -> Result<(), BusError> {
        if !system.enabled(self.port) {
            return Err(BusError::Refused);
        }
        system.write(
            self.requester(system),
            address & !(width.bytes() - 1),
            width,
            value,
        )
    }

    fn note<T>(&mut self, result: Result<T, BusError>) -> Result<T, BusError> {
        self.in_progress = matches!(result, Err(BusError::Stalled));
        result
    }
}

/// Where in the word the bytes at `address` travel.
fn lane_shift(address: u32, width: Width) -> u32 {
    match width {
        Width::Byte => 8 * (address & 3),
        Width::Half => 8 * (address & 2),
        Width::Word => 0,
    }
}

fn mask(width: Width) -> u32 {
    match width {
        Width::Byte => 0xFF,
        Width::Half => 0xFFFF,
        Width::Word => u32::MAX,
    }
}

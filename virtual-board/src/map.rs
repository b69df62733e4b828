//! The chip's memory map (RM0477, "Memory organization"): what a bus master meets at each address.
//!
//! RAM answers here. Internal flash, external memories and registers belong to devices; the map finds the device, keeps its notion
//! of time up to date and turns a refusal into a bus error. Where a real register exists that nobody modelled, the access is
//! noted once, reads as the reset value, and is refused if the board is strict. AP1 meets the same map: the AHB-AP of a Cortex-M7
//! reaches the TCMs too.
//!
//! Deviation: the AHB and backup SRAMs answer without their clock gate.

mod ecc;
mod fixed;
mod guarded;
mod peripherals;
mod ram;
mod time;

use std::{any::Any, collections::BTreeSet};

use crate::{
    bus::{Bus, BusError, Master, Stalled, Width},
    clock::{CycleClock, Time},
    devices::{Device, Refusal, Reset, Wires},
};
pub use fixed::BOOTLOADER_BASE;
use ram::Ram;
pub use ram::Shares;

/// Internal flash: 64 KB.
pub const FLASH_BASE: u32 = 0x0800_0000;
/// DBGMCU as the core and AP1 see it.
pub const DBGMCU_BASE: u32 = 0x5C00_1000;
/// The clock of the core out of reset (RM0477, HSI), until a device drives another.
const HSI_HZ: u64 = 64_000_000;
/// An access to a register that nobody modelled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unmodelled {
    /// Device as in the reference manual.
    pub device: String,
    /// Where.
    pub address: u32,
    /// What was to be written.
    pub written: Option<u32>,
    /// Who.
    pub master: Master,
}

struct Slot {
    base: u32,
    bytes: u32,
    device: Box<dyn Device>,
}

/// Memory that a device maps.
struct Window {
    base: u32,
    bytes: u32,
    slot: usize,
    /// The cipher engine before it.
    engine: Option<usize>,
}

/// The memory map with everything behind it.
pub struct Map {
    ram: Ram,
    slots: Vec<Slot>,
    windows: Vec<Window>,
    /// Signals between the devices.
    pub wires: Wires,
    clock: CycleClock,
    cycle: u64,
    /// The cycle whose time the devices were told last.
    told: u64,
    /// Until when the core was told that no device acts.
    horizon: Time,
    strict: bool,
    /// nRST is low: the bus matrix answers nobody.
    held: bool,
    /// The chip's unique identifier.
    pub identifier: [u32; 3],
    noted: BTreeSet<u32>,
    unreported: Vec<Unmodelled>,
}

impl Map {
    /// A map with RAM and nothing else.
    pub fn new(strict: bool) -> Self {
        Self {
            ram: Ram::default(),
            slots: Vec::new(),
            windows: Vec::new(),
            wires: Wires {
                core_hz: HSI_HZ,
                ..Wires::default()
            },
            clock: CycleClock::default(),
            cycle: 0,
            told: 0,
            horizon: Time(0),
            strict,
            held: false,
            identifier: fixed::USUAL_IDENTIFIER,
            noted: BTreeSet::new(),
            unreported: Vec::new(),
        }
    }

    /// Puts the registers of `device` at `base`. Devices see a reset in the order in which they are placed.
    pub fn place(&mut self, base: u32, bytes: u32, device: impl Device) {
        self.slots.push(Slot {
            base,
            bytes,
            device: Box::new(device),
        });
    }

    /// Puts `device` in, with the memory that it maps.
    pub fn place_with_memory(
        &mut self,
        registers: (u32, u32),
        memory: (u32, u32),
        device: impl Device,
    ) {
        self.windows.push(Window {
            base: memory.0,
            bytes: memory.1,
            slot: self.slots.len(),
            engine: None,
        });
        self.place(registers.0, registers.1, device);
    }

    /// Puts the cipher engine at `engine`, which was placed, before the memory at `window`.
    pub fn guard(&mut self, window: u32, engine: u32) {
        let engine = self.slots.iter().position(|slot| slot.base == engine);
        for window in self.windows.iter_mut().filter(|w| w.base == window) {
            window.engine = engine;
        }
    }

    /// The device at `base`, as what it is.
    pub fn device<D: Device>(&self, base: u32) -> Option<&D> {
        let slot = self.slots.iter().find(|slot| slot.base == base)?;
        let device: &dyn Any = slot.device.as_ref();
        device.downcast_ref()
    }

    /// The device at `base`, to change it.
    pub fn device_mut<D: Device>(&mut self, base: u32) -> Option<&mut D> {
        let slot = self.slots.iter_mut().find(|slot| slot.base == base)?;
        let device: &mut dyn Any = slot.device.as_mut();
        device.downcast_mut()
    }

    /// The device at `base` with the signals, to act on both.
    pub fn with_device<D: Device>(&mut self, base: u32, act: impl FnOnce(&mut D, &mut Wires)) {
        let slot = self.slots.iter_mut().find(|slot| slot.base == base);
        let device: Option<&mut dyn Any> = slot.map(|slot| slot.device.as_mut() as &mut dyn Any);
        if let Some(device) = device.and_then(|device| device.downcast_mut()) {
            act(device, &mut self.wires);
        }
    }

    /// Resets every device, and scrambles RAM if power was lost.
    pub fn reset(&mut self, reset: Reset) {
        if reset == Reset::Power {
            self.lose_memory();
        }
        for slot in &mut self.slots {
            slot.device.reset(reset, &mut self.wires);
        }
        // EXTI is in reset while the pins return to theirs.
        (self.wires.risen, self.wires.fallen) = (0, 0);
        self.wires.reset_request = false;
        self.wires.attention = false;
    }

    /// RAM had no supply for a while.
    pub fn lose_memory(&mut self) {
        self.ram.scramble();
    }

    /// Sizes the RAMs as the option bytes say.
    pub fn share(&mut self, shares: Shares) {
        self.ram.share(shares);
    }

    /// What the option bytes made of the RAMs.
    pub fn shares(&self) -> Shares {
        self.ram.shares()
    }

    /// Holds the bus matrix in reset, or lets it go.
    pub fn hold(&mut self, held: bool) {
        self.held = held;
    }

    /// True while the bus matrix, and with it the core, is held in reset.
    pub fn is_held(&self) -> bool {
        self.held
    }

    /// Accesses to what is not modelled since the last call, each address once.
    pub fn take_unmodelled(&mut self) -> Vec<Unmodelled> {
        std::mem::take(&mut self.unreported)
    }

    /// An access by the debugger to a register that no device has.
    pub fn unmodelled_debug(
        &mut self,
        name: &str,
        address: u32,
        written: Option<u32>,
    ) -> Result<u32, BusError> {
        self.unmodelled(name, (address, written, Master::Debug), 0)
    }

    /// True if nRST keeps this address from answering: DBGMCU lies in the debug domain and does answer.
    fn held_at(&self, address: u32) -> bool {
        self.held && address & !0xFFF != DBGMCU_BASE
    }

    fn slot_at(&self, address: u32) -> Option<usize> {
        self.slots
            .iter()
            .position(|slot| address.wrapping_sub(slot.base) < slot.bytes)
    }

    fn window_at(&self, address: u32) -> Option<(&Window, u32)> {
        self.windows
            .iter()
            .map(|window| (window, address.wrapping_sub(window.base)))
            .find(|(window, offset)| *offset < window.bytes)
    }

    /// What an access to an unmodelled register comes to.
    fn unmodelled(
        &mut self,
        device: &str,
        access: (u32, Option<u32>, Master),
        reset: u32,
    ) -> Result<u32, BusError> {
        let (address, written, master) = access;
        if self.noted.insert(address) {
            self.unreported.push(Unmodelled {
                device: device.to_owned(),
                address,
                written,
                master,
            });
            self.wires.attention = true;
        }
        if self.strict {
            Err(BusError::Refused)
        } else {
            Ok(reset)
        }
    }

    /// Acts on the device at `base` from outside the chip, where pins are.
    pub fn from_outside<D: Device>(&mut self, base: u32, act: impl FnOnce(&mut D, &mut Wires)) {
        self.with_device(base, act);
        self.note_edges();
    }

    /// Tells the devices of pins that the last access, or somebody outside, has moved.
    #[inline]
    fn note_edges(&mut self) {
        if self.wires.risen | self.wires.fallen != 0 {
            self.tell_edges();
        }
    }

    #[cold]
    fn tell_edges(&mut self) {
        for slot in &mut self.slots {
            slot.device.pins_changed(&mut self.wires);
        }
        (self.wires.risen, self.wires.fallen) = (0, 0);
    }

    /// Tells the devices of wrong check bits that the last access to RAM met.
    #[inline]
    fn note_ram_error(&mut self) {
        if self.ram.met_error() {
            self.tell_ram_error();
        }
    }

    #[cold]
    fn tell_ram_error(&mut self) {
        if let Some((error, data)) = self.ram.take_error() {
            for slot in &mut self.slots {
                slot.device.ram_error(&error, data, &mut self.wires);
            }
        }
    }

    /// Reads what is neither RAM nor behind a device.
    fn read_rest(&mut self, address: u32, width: Width, master: Master) -> Result<u32, BusError> {
        if let Some(word) = fixed::word(address & !3, &self.identifier) {
            return Ok(lane(word, address, width));
        }
        let name = peripherals::name(address).ok_or(BusError::Refused)?;
        self.unmodelled(name, (address, None, master), 0)
    }
}

impl Bus for Map {
    #[inline]
    fn read(&mut self, address: u32, width: Width, master: Master) -> Result<u32, BusError> {
        if self.held_at(address) {
            return Err(BusError::Refused);
        }
        if let Some(result) = self.ram.read(address, width) {
            self.note_ram_error();
            return result;
        }
        self.tell_time();
        if let Some((window, offset)) = self.window_at(address) {
            let slot = window.slot;
            if let Some(engine) = window.engine.filter(|_| self.wires.cipher_engines != 0) {
                return self.read_guarded((slot, engine), offset, width);
            }
            let device = &mut self.slots[slot].device;
            return Ok(device.read_memory(offset, width, &mut self.wires)?);
        }
        let Some(index) = self.slot_at(address) else {
            return self.read_rest(address, width, master);
        };
        let slot = &mut self.slots[index];
        let offset = address - slot.base;
        let access = if width == Width::Word || slot.device.takes_narrow_reads(offset) {
            slot.device.read(offset, width, &mut self.wires)
        } else {
            let word = slot.device.read(offset & !3, Width::Word, &mut self.wires);
            word.map(|word| lane(word, address, width))
        };
        match access {
            Err(Refusal::Unmodelled { reset }) => {
                let name = slot.device.name().to_owned();
                self.unmodelled(&name, (address, None, master), reset)
            }
            result => Ok(result?),
        }
    }

    #[inline]
    fn write(
        &mut self,
        address: u32,
        width: Width,
        value: u32,
        master: Master,
    ) -> Result<(), BusError> {
        if self.held_at(address) {
            return Err(BusError::Refused);
        }
        if let Some(result) = self.ram.write(address, width, value) {
            self.note_ram_error();
            return result;
        }
        self.tell_time();
        if let Some((window, offset)) = self.window_at(address) {
            let slot = window.slot;
            if let Some(engine) = window.engine.filter(|_| self.wires.cipher_engines != 0) {
                return self.write_guarded((slot, engine), (address, offset), width, value);
            }
            let device = &mut self.slots[slot].device;
            return Ok(device.write_memory(offset, width, value, &mut self.wires)?);
        }
        let access = (address, Some(value), master);
        let Some(index) = self.slot_at(address) else {
            let name = peripherals::name(address).ok_or(BusError::Refused)?;
            return self.unmodelled(name, access, 0).map(drop);
        };
        let slot = &mut self.slots[index];
        tracing::trace!(
            "{} {:#05x} = {value:#010x}",
            slot.device.name(),
            address - slot.base
        );
        let written = slot
            .device
            .write(address - slot.base, width, value, &mut self.wires);
        let event = slot.device.next_event();
        self.wires.attention |=
            event.is_some_and(|event| event > self.wires.now && event < self.horizon);
        let done = match written {
            Err(Refusal::Unmodelled { .. }) => {
                let name = slot.device.name().to_owned();
                self.unmodelled(&name, access, 0).map(drop)
            }
            result => Ok(result?),
        };
        self.note_edges();
        done
    }

    fn read_ahead(&mut self, address: u32) -> Result<(), Stalled> {
        if self.held_at(address) {
            return Ok(());
        }
        self.tell_time();
        let Some((window, offset)) = self.window_at(address) else {
            return Ok(());
        };
        let slot = window.slot;
        let device = &mut self.slots[slot].device;
        match device.read_ahead(offset, &mut self.wires) {
            Err(Refusal::Stall) => Err(Stalled),
            _ => Ok(()),
        }
    }

    fn closed_windows(&self) -> u32 {
        let closed = |window: &&Window| self.slots[window.slot].device.is_closed();
        let windows = self.windows.iter().filter(closed);
        windows.fold(0, |mask, window| mask | 1 << (window.base >> 28))
    }

    fn at_cycle(&mut self, cycle: u64) {
        self.cycle = cycle;
    }

    fn take_attention(&mut self) -> bool {
        std::mem::take(&mut self.wires.attention)
    }

    fn take_time_dependence(&mut self) -> bool {
        std::mem::take(&mut self.wires.time_dependent)
    }
}

/// The part of `word` that an access at `address` sees.
fn lane(word: u32, address: u32, width: Width) -> u32 {
    let shifted = word >> (8 * (address & 3));
    match width {
        Width::Byte => shifted & 0xFF,
        Width::Half => shifted & 0xFFFF,
        Width::Word => word,
    }
}

#[cfg(test)]
mod tests;

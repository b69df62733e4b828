//! The chip with what is soldered around it, and its time.
//!
//! The core runs until something else changes: a device's event, an interrupt line, a reset. While it sleeps, is halted, or only
//! polls, time skips to that event. A system reset (AIRCR, a watchdog, nRST) resets devices and core, and keeps RAM.

use super::{pins::Pin, wiring};
use crate::{
    bus::{Bus, BusError, Master, Width},
    clock::Time,
    cpu::{Core, Outcome, ResetRequest},
    debug_port::{Port, Requester, System, rom_table},
    devices::{
        LowPower, Reset, ResetCause,
        flash::{Flash, options::CLOSED},
        gpio::Gpio,
        iwdg::Iwdg,
        sbs::Sbs,
    },
    map::{Map, Shares, Unmodelled},
    mishap::Event,
};

/// Why time stands still before its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pause {
    /// Something happens to the board.
    Strike(Event),
    /// An access port that was asked in vain has its clock back.
    Awake,
}

/// Core, memory map and time.
pub struct Chip {
    /// The Cortex-M7.
    pub core: Core,
    /// All else on the bus.
    pub map: Map,
    pub(super) now: Time,
    vector_base: u32,
    /// What BOOT0 said at the last reset of the system.
    boot_vectors: u32,
    /// A transfer of AP1 never ended: the AHB-AP's bus is dead until nRST.
    bus_dead: bool,
    /// AP1 can make cacheable accesses.
    cacheable_debug: bool,
    lines: [u64; 4],
    /// In Standby, with no supply.
    pub(super) off: bool,
    /// The debug port has lost its supply, and has not been told.
    pub(super) port_lost: bool,
    /// An access port was asked while it had no clock.
    awaited: bool,
}

impl Chip {
    /// The chip with power just applied. The core starts at the vectors at `vector_base`.
    pub fn new(map: Map, vector_base: u32) -> Self {
        let mut chip = Self {
            core: Core::new(),
            map,
            now: Time::default(),
            vector_base,
            boot_vectors: vector_base,
            bus_dead: false,
            cacheable_debug: true,
            lines: [0; 4],
            off: false,
            port_lost: false,
            awaited: false,
        };
        chip.reset(ResetCause::Power);
        chip
    }

    /// Virtual time.
    pub fn now(&self) -> Time {
        self.now
    }

    /// Whether AP1 can make cacheable accesses.
    pub fn offer_cacheable_debug(&mut self, offered: bool) {
        self.cacheable_debug = offered;
    }

    /// Where the core finds its vectors from the next reset on.
    pub fn set_vector_base(&mut self, vector_base: u32) {
        self.vector_base = vector_base;
    }

    /// Resets devices and core.
    pub fn reset(&mut self, cause: ResetCause) {
        let reset = match cause {
            ResetCause::Power => Reset::Power,
            _ => Reset::System,
        };
        if reset == Reset::Power {
            self.core = Core::new();
            self.map.wires.strikes.clear();
        }
        self.bus_dead = false;
        self.supply_core_domain();
        self.map.synchronise(self.now, self.core.cycles);
        self.map.wires.reset_cause = cause;
        self.map.reset(reset);
        self.load_options();
        self.reset_core();
        self.settle();
    }

    fn reset_core(&mut self) {
        if self.map.is_held() {
            self.core.hold_in_reset(self.boot_vectors);
        } else {
            self.core.reset(&mut self.map, self.boot_vectors);
        }
        let shares = self.map.shares();
        self.core
            .set_tcm_sizes(shares.itcm_bytes(), shares.dtcm_bytes());
    }

    /// What the option bytes and the boot pin decide at a reset.
    fn load_options(&mut self) {
        if let Some(flash) = self.map.device::<Flash>(wiring::FLASH) {
            let options = flash.options();
            let (itcm, dtcm) = options.tcm_shares();
            let closed = options.product_state() == CLOSED;
            let (hardware, watchdog) = (
                options.is_watchdog_in_hardware(),
                options.watchdog_options(),
            );
            let shares = Shares::new(itcm, dtcm).with_ecc(options.is_ram_checked());
            self.map.wires.debug_closed = closed;
            self.map.share(shares);
            self.map.wires.watchdog_options = watchdog;
            if hardware {
                self.map.with_device(wiring::IWDG, Iwdg::start);
            }
        }
        let vector_base = self.vector_base;
        self.boot_vectors = vector_base;
        if let Some(sbs) = self.map.device_mut::<Sbs>(wiring::SBS) {
            sbs.set_boot_vector(vector_base);
        }
    }

    /// Drives nRST.
    pub fn drive_reset_pin(&mut self, level: bool) {
        let held = !level;
        if held != self.map.is_held() {
            self.map.hold(held);
            self.reset(ResetCause::Pin);
        }
    }

    /// Holds a pin at a level from outside, or lets go of it.
    pub fn drive_pin(&mut self, pin: Pin, level: Option<bool>) {
        let base = Gpio::base(pin.port);
        self.map.synchronise(self.now, self.core.cycles);
        self.map.from_outside(base, |gpio: &mut Gpio, wires| {
            gpio.drive(pin.number, level, wires);
        });
        self.settle();
    }

    /// Lets time pass until `end`, give or take the core's last instruction, or until the board has something to do: that.
    pub fn run_until(&mut self, end: Time) -> Option<Pause> {
        while self.now < end {
            self.map.synchronise(self.now, self.core.cycles);
            self.map.tick();
            self.settle();
            if let Some(event) = self.due_strike() {
                return Some(Pause::Strike(event));
            }
            if self.awaited && self.map.wires.low_power == LowPower::Run {
                self.awaited = false;
                return Some(Pause::Awake);
            }
            let strikes = self.map.wires.strikes.iter().map(|strike| strike.at);
            let event = strikes.chain(self.map.next_event()).min().unwrap_or(end);
            let limit = event.min(end).max(self.now + Time(1));
            if self.map.is_held() || self.off {
                self.now = limit;
            } else {
                self.run_core(limit);
            }
        }
        self.map.synchronise(self.now, self.core.cycles);
        self.due_strike().map(Pause::Strike)
    }

    /// What happens to the board now.
    fn due_strike(&mut self) -> Option<Event> {
        let strikes = &mut self.map.wires.strikes;
        let due = strikes.iter().position(|strike| strike.at <= self.now)?;
        Some(strikes.swap_remove(due).event)
    }

    /// Cycles until `limit`, at least one.
    fn cycles_until(&self, limit: Time) -> u64 {
        (limit - self.now).cycles_at(self.map.wires.core_hz).max(1)
    }

    fn run_core(&mut self, limit: Time) {
        // Devices that the tick above touched may have changed the clock.
        self.map.synchronise(self.now, self.core.cycles);
        // Whoever waits for the core must see it awake, however soon it sleeps again.
        let budget = match self.awaited {
            true => 1,
            false => self.cycles_until(limit),
        };
        self.map.set_horizon(limit);
        let outcome = self.core.run(&mut self.map, budget);
        self.now = self.now.max(self.map.time_at(self.core.cycles));
        match outcome {
            Outcome::Budget | Outcome::Attention => {}
            Outcome::Sleeping => {
                self.follow_low_power();
                self.sleep_until(limit);
            }
            Outcome::Idle => self.skip_to(limit),
            Outcome::Halted | Outcome::LockedUp => self.now = self.now.max(limit),
            Outcome::ResetRequested(ResetRequest::System) => self.reset(ResetCause::Software),
            Outcome::ResetRequested(ResetRequest::Core) => {
                self.reset_core();
            }
        }
        self.settle();
    }

    /// The core sleeps; if its clock stands still, so does its own timer.
    fn sleep_until(&mut self, limit: Time) {
        let wires = &self.map.wires;
        match wires.low_power {
            LowPower::Stop | LowPower::Standby if !wires.keeps_clocks() => {
                self.map.synchronise(self.now, self.core.cycles);
                self.core.stand_still(self.cycles_until(limit));
                self.now = self.now.max(limit);
            }
            LowPower::Run => {}
            _ => self.skip_to(limit),
        }
    }

    /// Nothing happens before `limit` or the core's own next event.
    fn skip_to(&mut self, limit: Time) {
        if self.now >= limit {
            return;
        }
        self.map.synchronise(self.now, self.core.cycles);
        let until_limit = self.cycles_until(limit);
        let cycles = self
            .core
            .cycles_to_event()
            .map_or(until_limit, |event| event.clamp(1, until_limit));
        self.core.skip(cycles);
        self.now = self.map.time_at(self.core.cycles);
    }

    /// Takes what the devices changed: interrupt lines, a reset request, an access that nobody modelled.
    fn settle(&mut self) {
        for access in self.map.take_unmodelled() {
            self.report(&access);
        }
        if self.lines != self.map.wires.irq {
            self.lines = self.map.wires.irq;
            self.core.set_irq_lines(self.lines);
        }
        let halted = self.core.is_halted();
        if self.map.wires.core_halted != halted {
            // What stands still in debug state has counted until now.
            self.map.synchronise(self.now, self.core.cycles);
            self.map.tick_all();
            self.map.wires.core_halted = halted;
        }
        if std::mem::take(&mut self.map.wires.reset_request) {
            self.reset(self.map.wires.reset_cause);
        }
        self.follow_low_power();
    }

    fn report(&self, access: &Unmodelled) {
        let Unmodelled {
            device,
            address,
            written,
            master,
        } = access;
        let by = match master {
            Master::Debug => "the debugger".to_owned(),
            Master::Fetch => "a fetch".to_owned(),
            Master::Dma => "DMA".to_owned(),
            Master::Data => format!("pc {:#010x}", self.core.attention_pc()),
        };
        match written {
            Some(value) => tracing::warn!(
                "{device}: write of {value:#010x} to {address:#010x}, which is not modelled (by {by})"
            ),
            None => {
                tracing::warn!("{device}: read of {address:#010x}, which is not modelled (by {by})")
            }
        }
    }

    fn debug_bus_read(&mut self, address: u32, width: Width) -> Result<u32, BusError> {
        match rom_table::word(address) {
            rom_table::Word::Fixed(word) => Ok(word >> (8 * (address & 3))),
            rom_table::Word::Dbgmcu(mirrored) => {
                self.map.read(mirrored | address & 3, width, Master::Debug)
            }
            rom_table::Word::Unmodelled(name) => self.map.unmodelled_debug(name, address, None),
            rom_table::Word::Nothing => Err(BusError::Refused),
        }
    }

    fn debug_bus_write(&mut self, address: u32, width: Width, value: u32) -> Result<(), BusError> {
        match rom_table::word(address) {
            rom_table::Word::Fixed(_) => Ok(()),
            rom_table::Word::Dbgmcu(mirrored) => {
                self.map
                    .write(mirrored | address & 3, width, value, Master::Debug)
            }
            rom_table::Word::Unmodelled(name) => self
                .map
                .unmodelled_debug(name, address, Some(value))
                .map(drop),
            rom_table::Word::Nothing => Err(BusError::Refused),
        }
    }

    /// Keeps the AHB-AP's bus dead after a transfer that never ended.
    fn note_stall<T>(&mut self, result: Result<T, BusError>) -> Result<T, BusError> {
        self.bus_dead |= matches!(result, Err(BusError::Stalled));
        self.settle();
        result
    }
}

impl System for Chip {
    fn read(&mut self, by: Requester, address: u32, width: Width) -> Result<u32, BusError> {
        if self.is_unclocked(by.port, address) {
            self.awaited = true;
            return Err(BusError::Stalled);
        }
        if by.port == Port::SystemDebug || rom_table::contains(address) {
            let result = self.debug_bus_read(address, width);
            self.settle();
            return result;
        }
        if self.bus_dead {
            return Err(BusError::Stalled);
        }
        let (core, map) = (&mut self.core, &mut self.map);
        let result = if by.cacheable {
            core.debug_read_cacheable(map, address, width)
        } else {
            core.debug_read(map, address, width)
        };
        self.note_stall(result)
    }

    fn write(
        &mut self,
        by: Requester,
        address: u32,
        width: Width,
        value: u32,
    ) -> Result<(), BusError> {
        if self.is_unclocked(by.port, address) {
            self.awaited = true;
            return Err(BusError::Stalled);
        }
        if by.port == Port::SystemDebug || rom_table::contains(address) {
            let result = self.debug_bus_write(address, width, value);
            self.settle();
            return result;
        }
        if self.bus_dead {
            return Err(BusError::Stalled);
        }
        let (core, map) = (&mut self.core, &mut self.map);
        let result = if by.cacheable {
            core.debug_write_cacheable(map, address, width, value)
        } else {
            core.debug_write(map, address, width, value)
        };
        self.note_stall(result)
    }

    fn offers_cacheable(&self, _ap: Port) -> bool {
        self.cacheable_debug
    }

    /// A closed product denies AP1 unless its own code has opened it. AP0, with the mailbox of debug authentication, stays: DBGMCU_SR
    /// says so from reset. That a denied port answers with an error is an assumption \[U\].
    fn enabled(&self, ap: Port) -> bool {
        let wires = &self.map.wires;
        ap == Port::SystemDebug || !wires.debug_closed || wires.debug_opened
    }
}

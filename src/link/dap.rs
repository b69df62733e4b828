//! The debug port's registers through a probe, as its driver sends them: writes gather, and a read, a block or a flush is an exchange
//! (one round trip with the probe). Everything that a probe with DAP registers is asked for goes through here, so what it costs can be
//! written down: `--trace-link`.
//!
//! probe-rs writes SELECT by itself where the bank changes. That is one write more in the same exchange, and counted here, since a packet
//! that is full goes out by itself. A J-Link or ST-LINK is sent each write at once: it is an exchange then.

use std::fmt;

use probe_rs::architecture::arm::{
    ArmDebugInterface, ArmError, FullyQualifiedApAddress,
    dp::{Abort, DPIDR, DpAccess as _, DpAddress},
    memory::ArmMemoryInterface,
};

use super::trace::Trace;

/// Words of a block that a packet of a CMSIS-DAP v2 probe on high-speed USB holds: 512 bytes with a header of 6.
const PACKET_WORDS: usize = 126;
/// Writes of single registers that such a packet holds: five bytes each behind a header of 3.
const PACKET_WRITES: usize = 101;

/// What probe-rs calls the probes whose single writes it gathers: those of CMSIS-DAP, and the virtual board. To others it sends each at once.
const GATHERING: [&str; 2] = ["CMSIS-DAP", "Virtual"];

/// The registers of the debug port and of one access port behind it.
pub(super) struct Dap {
    interface: Box<dyn ArmDebugInterface>,
    gathers: bool,
    /// Writes that wait for the next exchange.
    waiting: usize,
    /// The bank of AP registers that SELECT has.
    bank: Option<u64>,
    log: Option<Log>,
}

/// What has been gathered for the next exchange.
struct Log {
    trace: Trace,
    gathered: Vec<String>,
}

impl Dap {
    pub(super) fn new(interface: Box<dyn ArmDebugInterface>, trace: Option<Trace>) -> Self {
        let probe = interface.try_dap_probe();
        let gathers = probe.is_some_and(|probe| {
            let name = probe.get_name();
            GATHERING.iter().any(|known| name.starts_with(known))
        });
        let log = trace.map(|trace| Log {
            trace,
            gathered: Vec::new(),
        });
        Self {
            interface,
            gathers,
            waiting: 0,
            bank: None,
            log,
        }
    }

    /// True for probes whose driver offers the DAP itself; an ST-LINK has a command for a register, and memory commands besides.
    pub(super) fn has_registers(&self) -> bool {
        self.interface.try_dap_probe().is_some()
    }

    /// For whom the next exchanges are.
    pub(super) fn is_for(&mut self, caller: &dyn fmt::Display) {
        if let Some(log) = &mut self.log {
            log.trace.is_for(caller);
        }
    }

    /// What the link does with the next exchanges.
    pub(super) fn does(&mut self, operation: &'static str) {
        if let Some(log) = &mut self.log {
            log.trace.does(operation);
        }
    }

    pub(super) fn read(
        &mut self,
        ap: &FullyQualifiedApAddress,
        register: u64,
    ) -> Result<u32, ArmError> {
        self.select(register);
        self.waiting = 0;
        let value = self.interface.read_raw_ap_register(ap, register);
        if let Some(log) = &mut self.log {
            let answer = value.as_ref().ok().map(|value| format!("={value:#010x}"));
            let answer = answer.unwrap_or_else(|| " failed".to_owned());
            log.gathered.push(format!("R {}{answer}", name(register)));
            log.end();
        }
        value
    }

    pub(super) fn read_block(
        &mut self,
        ap: &FullyQualifiedApAddress,
        register: u64,
        values: &mut [u32],
    ) -> Result<(), ArmError> {
        self.select(register);
        self.blocks('R', register, values.len());
        self.interface
            .read_raw_ap_register_repeated(ap, register, values)
    }

    /// Waits in the probe until a read, a block or a flush takes it along.
    pub(super) fn write(
        &mut self,
        ap: &FullyQualifiedApAddress,
        register: u64,
        value: u32,
    ) -> Result<(), ArmError> {
        self.select(register);
        self.gather(|| format!("W {}={value:#010x}", name(register)));
        self.interface.write_raw_ap_register(ap, register, value)
    }

    /// Of `words` for one register, so many as are worth a block now; none if the first had better go as a write of its own.
    ///
    /// A block sends before it what has gathered, full packet or not: it is worth that where nothing has.
    pub(super) fn worth_a_block(&self, words: usize) -> usize {
        match self.gathers {
            true if self.waiting == 0 && words >= PACKET_WORDS => PACKET_WORDS,
            false if words > 1 => words,
            _ => 0,
        }
    }

    pub(super) fn write_block(
        &mut self,
        ap: &FullyQualifiedApAddress,
        register: u64,
        values: &[u32],
    ) -> Result<(), ArmError> {
        self.select(register);
        self.blocks('W', register, values.len());
        self.interface
            .write_raw_ap_register_repeated(ap, register, values)
    }

    /// What has gathered is done on return.
    pub(super) fn flush(&mut self) -> Result<(), ArmError> {
        self.end();
        self.interface.flush()
    }

    /// Writes ABORT.
    pub(super) fn abort(&mut self, flags: Abort) -> Result<(), ArmError> {
        self.gather(|| format!("W ABORT={:#x}", flags.0));
        self.interface
            .write_dp_register(DpAddress::Default, flags)?;
        self.flush()
    }

    /// Sends `bits` on SWDIO, then reads DPIDR, as the protocol asks for behind a line reset.
    pub(super) fn reset_line(&mut self, (count, bits): (u8, u64)) -> Result<(), ArmError> {
        self.interface.swj_sequence(count, bits)?;
        self.interface
            .read_dp_register::<DPIDR>(DpAddress::Default)?;
        self.alone("line reset");
        self.alone("R DPIDR");
        Ok(())
    }

    /// Drives the pins of `mask` to `level`.
    pub(super) fn drive_pins(&mut self, level: u32, mask: u32) -> Result<(), ArmError> {
        self.alone("pins");
        self.interface.swj_pins(level, mask, 0).map(drop)?;
        Ok(())
    }

    /// Memory by commands of the probe, or through another access port: each call is an exchange at least.
    pub(super) fn memory(
        &mut self,
        ap: &FullyQualifiedApAddress,
    ) -> Result<Box<dyn ArmMemoryInterface + '_>, ArmError> {
        self.alone("memory command");
        self.bank = None;
        self.interface.memory_interface(ap)
    }

    fn select(&mut self, register: u64) {
        let bank = register >> 4;
        // An ST-LINK does that by itself.
        if self.has_registers() && self.bank != Some(bank) {
            self.bank = Some(bank);
            self.gather(|| format!("W SELECT={bank:#x}"));
        }
    }

    /// Notes a write; a packet that is full goes out by itself.
    fn gather(&mut self, transfer: impl FnOnce() -> String) {
        self.waiting += 1;
        if let Some(log) = &mut self.log {
            log.gathered.push(transfer());
        }
        if self.waiting >= PACKET_WRITES || !self.gathers {
            self.end();
        }
    }

    /// Notes that what has gathered is sent.
    fn end(&mut self) {
        self.waiting = 0;
        if let Some(log) = &mut self.log {
            log.end();
        }
    }

    /// Blocks travel alone, behind what has gathered.
    fn blocks(&mut self, direction: char, register: u64, words: usize) {
        self.end();
        if let Some(log) = &mut self.log {
            for begin in (0..words).step_by(PACKET_WORDS) {
                let count = PACKET_WORDS.min(words - begin);
                let block = format!("{direction} {} x {count}", name(register));
                log.gathered.push(block);
                log.end();
            }
        }
    }

    fn alone(&mut self, what: &str) {
        self.end();
        if let Some(log) = &mut self.log {
            log.gathered.push(what.to_owned());
            log.end();
        }
    }
}

impl Log {
    fn end(&mut self) {
        if !self.gathered.is_empty() {
            self.trace.exchange(&self.gathered.join(", "));
            self.gathered.clear();
        }
    }
}

/// What IHI 0031 (chapter C2.6) calls a register of a MEM-AP.
fn name(register: u64) -> &'static str {
    match register {
        0x00 => "CSW",
        0x04 => "TAR",
        0x0C => "DRW",
        0x10 => "BD0",
        0x14 => "BD1",
        0x18 => "BD2",
        0x1C => "BD3",
        0xFC => "IDR",
        _ => "another",
    }
}

//! The debug port's registers through a probe, as its driver sends them: writes gather, and a read, a block or a flush is an exchange
//! (one round trip with the probe). Everything that a probe with DAP registers is asked for goes through here, so what it costs can be
//! written down: `--trace-link`.
//!
//! probe-rs writes SELECT by itself where the bank changes. That is one write more in the same exchange, and counted here, since a packet
//! that is full goes out by itself.

use probe_rs::architecture::arm::{
    ArmDebugInterface, ArmError, FullyQualifiedApAddress,
    dp::{Abort, DPIDR, DpAccess as _, DpAddress},
    memory::ArmMemoryInterface,
};

use super::trace::Trace;

/// Words of a block that a packet of a CMSIS-DAP v2 probe on high-speed USB holds: 512 bytes with a header of 6.
pub(super) const PACKET_WORDS: usize = 126;
/// Writes of single registers that such a packet holds: five bytes each behind a header of 3.
const PACKET_WRITES: usize = 101;

/// The registers of the debug port and of one access port behind it.
pub(super) struct Dap {
    interface: Box<dyn ArmDebugInterface>,
    log: Option<Log>,
}

/// What has been gathered for the next exchange.
struct Log {
    trace: Trace,
    gathered: Vec<String>,
    /// The bank of AP registers that SELECT has.
    bank: Option<u64>,
}

impl Dap {
    pub(super) fn new(interface: Box<dyn ArmDebugInterface>, trace: Option<Trace>) -> Self {
        let log = trace.map(|trace| Log {
            trace,
            gathered: Vec::new(),
            bank: None,
        });
        Self { interface, log }
    }

    /// True for probes that offer DAP registers; ST-LINK has memory commands instead.
    pub(super) fn has_registers(&self) -> bool {
        self.interface.try_dap_probe().is_some()
    }

    /// For whom the next exchanges are.
    pub(super) fn is_for(&mut self, caller: &str) {
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
        let value = self.interface.read_raw_ap_register(ap, register);
        if let Some(log) = &mut self.log {
            let answer = value.as_ref().ok().map(|value| format!("={value:#010x}"));
            let answer = answer.unwrap_or_else(|| " failed".to_owned());
            log.gather(format!("R {}{answer}", name(register)));
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
        if let Some(log) = &mut self.log {
            log.gather(format!("W {}={value:#010x}", name(register)));
        }
        self.interface.write_raw_ap_register(ap, register, value)
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
        if let Some(log) = &mut self.log {
            log.end();
        }
        self.interface.flush()
    }

    /// Writes ABORT.
    pub(super) fn abort(&mut self, flags: Abort) -> Result<(), ArmError> {
        if let Some(log) = &mut self.log {
            log.gather(format!("W ABORT={:#x}", flags.0));
        }
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
        if let Some(log) = &mut self.log {
            log.bank = None;
        }
        self.interface.memory_interface(ap)
    }

    fn select(&mut self, register: u64) {
        if let Some(log) = &mut self.log {
            let bank = register >> 4;
            if log.bank != Some(bank) {
                log.bank = Some(bank);
                log.gather(format!("W SELECT={bank:#x}"));
            }
        }
    }

    /// Blocks travel alone, behind what has gathered.
    fn blocks(&mut self, direction: char, register: u64, words: usize) {
        if let Some(log) = &mut self.log {
            log.end();
            for begin in (0..words).step_by(PACKET_WORDS) {
                let count = PACKET_WORDS.min(words - begin);
                log.gather(format!("{direction} {} x {count}", name(register)));
                log.end();
            }
        }
    }

    fn alone(&mut self, what: &str) {
        if let Some(log) = &mut self.log {
            log.end();
            log.gather(what.to_owned());
            log.end();
        }
    }
}

impl Log {
    fn gather(&mut self, transfer: String) {
        self.gathered.push(transfer);
        if self.gathered.len() >= PACKET_WRITES {
            self.end();
        }
    }

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

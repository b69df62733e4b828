//! The board as a debug probe of probe-rs: everything above works as on a real probe that offers raw DAP registers.
//!
//! Batches and errors follow the CMSIS-DAP driver of probe-rs: writes are collected, a read or a flush ends the batch, FAULT clears
//! STICKYERR, WAIT aborts the transfer, and only then the error is reported.

mod factory;

use std::{fmt, io, sync::Arc};

use probe_rs::{
    CoreStatus,
    architecture::arm::{
        ArmCommunicationInterface, ArmDebugInterface, ArmError, DapError, DapProbe, RawDapAccess,
        RegisterAddress, dp::DpRegisterAddress, sequences::ArmDebugSequence,
    },
    probe::{DebugProbe, DebugProbeError, WireProtocol},
};

use crate::{
    adapter::{Adapter, BATCH_WRITES, BLOCK_WORDS, Request, Response},
    clock::Time,
    debug_port::{Acknowledge, Register},
    handle::VirtualBoard,
};
pub use factory::{PRODUCT_ID, VENDOR_ID};

/// How long a press of the reset button lasts.
const RESET_PULSE: Time = Time::millis(10);
/// nRESET among the pins of a CMSIS-DAP probe.
const NRESET_PIN: u32 = 1 << 7;
/// The pins that nobody pulls read high: SWDIO, SWCLK, nTRST.
const IDLE_PINS: u32 = 1 << 0 | 1 << 1 | 1 << 5;

/// CTRL/STAT.STICKYERR, ABORT.STKERRCLR and ABORT.DAPABORT.
const STICKY_ERROR: u32 = 1 << 5;
const CLEAR_STICKY_ERROR: u32 = 1 << 2;
const DAP_ABORT: u32 = 1 << 0;

/// A probe that is wired to one virtual board.
pub struct VirtualProbe {
    board: VirtualBoard,
    batch: Vec<Request>,
    /// nRESET as this probe drives it.
    reset_released: bool,
}

impl fmt::Debug for VirtualProbe {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("VirtualProbe")
            .field("speed_khz", &self.speed_khz())
            .field("batch", &self.batch.len())
            .finish_non_exhaustive()
    }
}

impl VirtualProbe {
    /// A probe on `board`.
    pub fn new(board: VirtualBoard) -> Self {
        Self {
            board,
            batch: Vec::new(),
            reset_released: true,
        }
    }

    /// Does something with the adapter, if it is plugged in and stays so.
    fn reach<T>(&self, act: impl FnOnce(&mut Adapter) -> T) -> Result<T, DebugProbeError> {
        self.board.adapter(|adapter| {
            let answer = adapter.board.is_plugged().then(|| act(adapter));
            answer
                .filter(|_| adapter.board.is_plugged())
                .ok_or_else(|| DebugProbeError::Usb(io::ErrorKind::NotConnected.into()))
        })
    }

    fn drive_reset(&mut self, level: bool, wait: Time) -> Result<(), DebugProbeError> {
        self.reset_released = level;
        self.reach(|adapter| adapter.exchange_reset_pin(Some(level), wait))
    }

    /// Sends what was collected; the value of the read that ended it, if one did.
    fn process_batch(&mut self) -> Result<Option<u32>, ArmError> {
        if self.batch.is_empty() {
            return Ok(None);
        }
        let mut batch = std::mem::take(&mut self.batch);
        let answers = self.send(&batch);
        // The next one gathers in the same place.
        batch.clear();
        self.batch = batch;
        Ok(answers?.last().copied())
    }

    fn send(&self, requests: &[Request]) -> Result<Vec<u32>, ArmError> {
        let Response {
            acknowledge, data, ..
        } = self.reach(|adapter| adapter.exchange(requests))?;
        match acknowledge {
            Acknowledge::Ok => Ok(data),
            Acknowledge::Silent => Err(DapError::NoAcknowledge.into()),
            Acknowledge::Corrupt => Err(DapError::Protocol(WireProtocol::Swd).into()),
            Acknowledge::Fault => {
                self.clear_sticky_error()?;
                Err(DapError::FaultResponse.into())
            }
            Acknowledge::Wait => {
                self.abort(DAP_ABORT)?;
                Err(DapError::WaitResponse.into())
            }
        }
    }

    /// CTRL/STAT in bank 0 can be read whatever flags are set.
    fn clear_sticky_error(&self) -> Result<(), ArmError> {
        let request = [Request::Read(Register::Debug(4))];
        let response = self.reach(|adapter| adapter.exchange(&request))?;
        match (response.acknowledge, response.data.first()) {
            (Acknowledge::Ok, Some(status)) if status & STICKY_ERROR == 0 => Ok(()),
            (Acknowledge::Ok | Acknowledge::Fault, _) => self.abort(CLEAR_STICKY_ERROR),
            (Acknowledge::Wait, _) => Err(DapError::WaitResponse.into()),
            (Acknowledge::Silent, _) => Err(DapError::NoAcknowledge.into()),
            (Acknowledge::Corrupt, _) => Err(DapError::Protocol(WireProtocol::Swd).into()),
        }
    }

    fn abort(&self, flags: u32) -> Result<(), ArmError> {
        let request = [Request::Write(Register::Debug(0), flags)];
        let response = self.reach(|adapter| adapter.exchange(&request))?;
        match response.acknowledge {
            Acknowledge::Ok => Ok(()),
            Acknowledge::Wait => Err(DapError::WaitResponse.into()),
            Acknowledge::Fault => Err(DapError::FaultResponse.into()),
            Acknowledge::Silent => Err(DapError::NoAcknowledge.into()),
            Acknowledge::Corrupt => Err(DapError::Protocol(WireProtocol::Swd).into()),
        }
    }
}

/// An unplugged probe drives nothing: what was collected is sent, and nRST rises.
impl Drop for VirtualProbe {
    fn drop(&mut self) {
        if let Err(error) = self.process_batch() {
            tracing::debug!("the probe's last writes failed: {error}");
        }
        if !self.reset_released
            && let Err(error) = self.drive_reset(true, Time::default())
        {
            tracing::debug!("the probe's nRST went up by itself: {error}");
        }
    }
}

/// The register that `address` names on the wire: bits 3:2 alone.
fn register(address: RegisterAddress) -> Register {
    match address {
        RegisterAddress::DpRegister(DpRegisterAddress { address, .. }) => {
            Register::Debug(address & 0xC)
        }
        RegisterAddress::ApRegister(address) => Register::Access(address & 0xC),
    }
}

impl DebugProbe for VirtualProbe {
    fn get_name(&self) -> &str {
        "Virtual STM32H7S78-DK"
    }

    fn speed_khz(&self) -> u32 {
        self.board.adapter(|adapter| adapter.speed_khz())
    }

    fn set_speed(&mut self, speed_khz: u32) -> Result<u32, DebugProbeError> {
        if self.board.adapter(|adapter| adapter.set_speed(speed_khz)) {
            Ok(speed_khz)
        } else {
            Err(DebugProbeError::UnsupportedSpeed(speed_khz))
        }
    }

    fn attach(&mut self) -> Result<(), DebugProbeError> {
        self.batch.clear();
        self.reach(|_| ())
    }

    fn detach(&mut self) -> Result<(), probe_rs::Error> {
        self.process_batch()?;
        Ok(())
    }

    fn target_reset(&mut self) -> Result<(), DebugProbeError> {
        self.drive_reset(false, RESET_PULSE)?;
        self.drive_reset(true, Time::default())
    }

    fn target_reset_assert(&mut self) -> Result<(), DebugProbeError> {
        self.drive_reset(false, Time::default())
    }

    fn target_reset_deassert(&mut self) -> Result<(), DebugProbeError> {
        self.drive_reset(true, Time::default())
    }

    fn select_protocol(&mut self, protocol: WireProtocol) -> Result<(), DebugProbeError> {
        match protocol {
            WireProtocol::Swd => Ok(()),
            WireProtocol::Jtag => Err(DebugProbeError::UnsupportedProtocol(protocol)),
        }
    }

    fn active_protocol(&self) -> Option<WireProtocol> {
        Some(WireProtocol::Swd)
    }

    fn has_arm_interface(&self) -> bool {
        true
    }

    fn try_get_arm_debug_interface<'probe>(
        self: Box<Self>,
        sequence: Arc<dyn ArmDebugSequence>,
    ) -> Result<Box<dyn ArmDebugInterface + 'probe>, (Box<dyn DebugProbe>, ArmError)> {
        Ok(ArmCommunicationInterface::create(self, sequence, false))
    }

    fn into_probe(self: Box<Self>) -> Box<dyn DebugProbe> {
        self
    }

    fn try_as_dap_probe(&mut self) -> Option<&mut dyn DapProbe> {
        Some(self)
    }

    fn get_target_voltage(&mut self) -> Result<Option<f32>, DebugProbeError> {
        Ok(Some(3.3))
    }
}

impl RawDapAccess for VirtualProbe {
    fn raw_read_register(&mut self, address: RegisterAddress) -> Result<u32, ArmError> {
        self.batch.push(Request::Read(register(address)));
        let value = self.process_batch()?;
        value.ok_or_else(|| DapError::NoAcknowledge.into())
    }

    fn raw_read_block(
        &mut self,
        address: RegisterAddress,
        values: &mut [u32],
    ) -> Result<(), ArmError> {
        self.process_batch()?;
        for chunk in values.chunks_mut(BLOCK_WORDS) {
            let requests = vec![Request::Read(register(address)); chunk.len()];
            let data = self.send(&requests)?;
            chunk
                .iter_mut()
                .zip(data)
                .for_each(|(value, read)| *value = read);
        }
        Ok(())
    }

    fn raw_write_register(&mut self, address: RegisterAddress, value: u32) -> Result<(), ArmError> {
        self.batch.push(Request::Write(register(address), value));
        if self.batch.len() >= BATCH_WRITES {
            self.process_batch()?;
        }
        Ok(())
    }

    fn raw_write_block(
        &mut self,
        address: RegisterAddress,
        values: &[u32],
    ) -> Result<(), ArmError> {
        self.process_batch()?;
        for chunk in values.chunks(BLOCK_WORDS) {
            let requests: Vec<_> = chunk
                .iter()
                .map(|value| Request::Write(register(address), *value))
                .collect();
            self.send(&requests)?;
        }
        Ok(())
    }

    fn raw_flush(&mut self) -> Result<(), ArmError> {
        self.process_batch().map(drop)
    }

    fn jtag_sequence(&mut self, _: u8, _: bool, _: u64) -> Result<(), DebugProbeError> {
        Err(DebugProbeError::UnsupportedProtocol(WireProtocol::Jtag))
    }

    fn swj_sequence(&mut self, bit_len: u8, bits: u64) -> Result<(), DebugProbeError> {
        self.reach(|adapter| adapter.exchange_sequence(bit_len, bits))
    }

    fn swj_pins(
        &mut self,
        pin_out: u32,
        pin_select: u32,
        pin_wait: u32,
    ) -> Result<u32, DebugProbeError> {
        let driven = (pin_select & NRESET_PIN != 0).then_some(pin_out & NRESET_PIN != 0);
        self.reset_released = driven.unwrap_or(self.reset_released);
        let wait = Time::micros(pin_wait.into());
        self.reach(|adapter| adapter.exchange_reset_pin(driven, wait))?;
        let nreset = if self.reset_released { NRESET_PIN } else { 0 };
        Ok(IDLE_PINS | nreset)
    }

    fn into_probe(self: Box<Self>) -> Box<dyn DebugProbe> {
        self
    }

    fn core_status_notification(&mut self, _: CoreStatus) -> Result<(), DebugProbeError> {
        Ok(())
    }
}

impl DapProbe for VirtualProbe {}

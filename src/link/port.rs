//! Memory through a probe, in pieces of the right width; errors become ours here.
//!
//! The AHB-AP is driven by its registers (`mem_ap.rs`). An ST-LINK, which has a command for each of them and none for several, has memory
//! commands as well: they are taken for what is longer than a few words (decision 0011). They set CSW and TAR themselves, so that
//! afterwards nothing is known of these, and coherency is not promised.
//!
//! probe-rs names FAULT and WAIT where the probe tells them. Where a probe keeps the reason to itself, the link is asked whether it is
//! alive: if DHCSR can be read, it was the target that refused.

use std::{fmt, time::Duration};

use probe_rs::architecture::arm::{
    ArmDebugInterface, ArmError, DapError, FullyQualifiedApAddress, ap::AccessPortError, dp::Abort,
};

use super::{LinkError, dap::Dap, mem_ap::MemAp, trace::Trace};
use crate::{
    layout::Address,
    registers::{
        Register,
        dbgmcu::{Cr, DBGMCU_OF_AP0},
        debug::{Dhcsr, SCS},
    },
};

/// The AHB-AP of the core on STM32H7RS (AP0 is the APB-AP).
pub(super) const CORE_AP: u8 = 1;
/// The APB-AP of the system debug bus.
const SYSTEM_AP: u8 = 0;

/// nRESET among the pins of CMSIS-DAP's DAP_SWJ_Pins, and its level when released.
const RESET_PIN: u32 = 1 << 7;

/// 51 cycles high and three low, lowest bit first.
const LINE_RESET: (u8, u64) = (54, (1 << 51) - 1);

/// Up to so many words, registers take no more commands of an ST-LINK than its memory command with what probe-rs asks around it.
const FEW_WORDS: usize = 4;

/// A connected debug port, and the way through it to memory.
pub(super) struct Port {
    dap: Dap,
    mem_ap: MemAp,
    /// Whose memory commands are taken for blocks.
    commands: Option<FullyQualifiedApAddress>,
}

/// What a failed transfer was.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Failure {
    Fault,
    Wait,
    /// No acknowledge, or one without sense, or a wrong parity.
    Garbled,
    Unknown,
}

impl Port {
    pub(super) fn open(
        interface: Box<dyn ArmDebugInterface>,
        trace: Option<Trace>,
    ) -> Result<Self, LinkError> {
        let mut dap = Dap::new(interface, trace);
        let denied = |source: Box<dyn std::error::Error + Send + Sync>| LinkError::Denied {
            ap: CORE_AP,
            source,
        };
        let mem_ap =
            MemAp::open(&mut dap, CORE_AP).map_err(|unusable| denied(Box::new(unusable)))?;
        let commands =
            (!dap.has_registers()).then(|| FullyQualifiedApAddress::v1_with_default_dp(CORE_AP));
        Ok(Self {
            dap,
            mem_ap,
            commands,
        })
    }

    /// For whom the next exchanges are, where they are written down.
    pub(super) fn is_for(&mut self, caller: &dyn fmt::Display) {
        self.dap.is_for(caller);
    }

    /// What the next exchanges do.
    pub(super) fn does(&mut self, operation: &'static str) {
        self.dap.does(operation);
    }

    pub(super) fn is_coherent(&self) -> bool {
        self.commands.is_none() && self.mem_ap.is_coherent()
    }

    /// Bytes to the next boundary, words while there are any, the rest: never wider or narrower than it must be.
    pub(super) fn read(&mut self, address: Address, data: &mut [u8]) -> Result<(), LinkError> {
        let length = data.len();
        let mut at = address.0;
        let mut rest = data;
        while !rest.is_empty() {
            let (piece, later) = rest.split_at_mut(piece_length(at, rest.len()));
            self.read_piece(Address(at), piece)
                .map_err(|error| self.explain(error, address, length))?;
            at = at.wrapping_add(piece.len() as u32);
            rest = later;
        }
        Ok(())
    }

    /// The same in the other direction; complete, or failed, on return.
    pub(super) fn write(&mut self, address: Address, data: &[u8]) -> Result<(), LinkError> {
        self.write_later(address, data)?;
        self.flush(address, data.len())
    }

    /// Written with the next read or flush.
    pub(super) fn write_later(&mut self, address: Address, data: &[u8]) -> Result<(), LinkError> {
        let mut at = address.0;
        let mut rest = data;
        while !rest.is_empty() {
            let (piece, later) = rest.split_at(piece_length(at, rest.len()));
            self.write_piece(Address(at), piece)
                .map_err(|error| self.explain(error, address, data.len()))?;
            at = at.wrapping_add(piece.len() as u32);
            rest = later;
        }
        Ok(())
    }

    /// A debug register: one of the four around DHCSR, by the banked data registers where there are any.
    pub(super) fn read_debug<R: Register>(&mut self, block: R::Block) -> Result<R, LinkError> {
        let address = R::at(block);
        let value = self.mem_ap.read_banked(&mut self.dap, address);
        value
            .map(R::from_bits)
            .map_err(|error| self.explain(error, address, 4))
    }

    /// Written with the next read or flush.
    pub(super) fn write_debug<R: Register>(
        &mut self,
        block: R::Block,
        value: R,
    ) -> Result<(), LinkError> {
        let address = R::at(block);
        let written = self
            .mem_ap
            .write_banked(&mut self.dap, address, value.bits());
        written.map_err(|error| self.explain(error, address, 4))
    }

    /// Each value to the one register at `address`; complete on return.
    pub(super) fn write_each(&mut self, address: Address, values: &[u32]) -> Result<(), LinkError> {
        for value in values {
            let written = self.mem_ap.write_banked(&mut self.dap, address, *value);
            written.map_err(|error| self.explain(error, address, 4))?;
        }
        self.flush(address, 4)
    }

    /// What waits in the probe is done on return.
    pub(super) fn flush_debug(&mut self) -> Result<(), LinkError> {
        self.flush(Dhcsr::at(SCS), 4)
    }

    fn flush(&mut self, address: Address, length: usize) -> Result<(), LinkError> {
        self.dap
            .flush()
            .map_err(|error| self.explain(error, address, length))
    }

    /// Drives nRST.
    pub(super) fn drive_reset(&mut self, released: bool) -> Result<(), LinkError> {
        let level = if released { RESET_PIN } else { 0 };
        self.dap
            .drive_pins(level, RESET_PIN)
            .map_err(|error| LinkError::Lost {
                doing: "driving nRST",
                source: Box::new(error),
            })
    }

    /// Sets the bits of DBGMCU_CR that keep the core's clock in its low-power modes, through AP0, which has a clock of its own in Sleep.
    /// What was there before.
    pub(super) fn keep_clocks(&mut self) -> Result<Cr, LinkError> {
        let address = Cr::at(DBGMCU_OF_AP0);
        self.set_low_power_bits(address)
            .map_err(|error| self.explain(error, address, 4))
    }

    fn set_low_power_bits(&mut self, address: Address) -> Result<Cr, ArmError> {
        let ap = FullyQualifiedApAddress::v1_with_default_dp(SYSTEM_AP);
        let mut memory = self.dap.memory(&ap)?;
        let found = Cr::from_bits(memory.read_word_32(address.0.into())?);
        let wanted = found.with_sleep(true).with_stop(true).with_standby(true);
        memory.write_word_32(address.0.into(), wanted.bits())?;
        memory.flush()?;
        Ok(found)
    }

    /// Writes DBGMCU_CR through AP0: behind that write the core's own bus may have no clock.
    pub(super) fn put_clocks_back(&mut self, found: Cr) -> Result<(), LinkError> {
        let address = Cr::at(DBGMCU_OF_AP0);
        self.flush_debug()?;
        let ap = FullyQualifiedApAddress::v1_with_default_dp(SYSTEM_AP);
        let written = self.dap.memory(&ap).and_then(|mut memory| {
            memory.write_word_32(address.0.into(), found.bits())?;
            memory.flush()
        });
        written.map_err(|error| self.explain(error, address, 4))
    }

    /// DAP abort: the transfer under way is given up, sticky errors are cleared.
    pub(super) fn abort(&mut self) -> Result<(), LinkError> {
        self.write_abort(true).map_err(|error| LinkError::Lost {
            doing: "aborting a transfer",
            source: Box::new(error),
        })
    }

    fn write_abort(&mut self, transfer: bool) -> Result<(), ArmError> {
        self.mem_ap.forget();
        let mut abort = Abort(0);
        abort.set_dapabort(transfer);
        abort.set_orunerrclr(true);
        abort.set_wderrclr(true);
        abort.set_stkerrclr(true);
        abort.set_stkcmpclr(true);
        self.dap.abort(abort)
    }

    /// A line reset and the identification that must follow it (ADIv5.2 B4.3.3); a port that lost its power does not answer it.
    fn synchronise(&mut self) -> Result<(), ArmError> {
        self.dap.reset_line(LINE_RESET)?;
        self.write_abort(false)
    }

    fn read_piece(&mut self, address: Address, data: &mut [u8]) -> Result<(), ArmError> {
        if data.len() < 4 {
            return self.mem_ap.read_narrow(&mut self.dap, address, data);
        }
        let mut words = vec![0; data.len() / 4];
        match self.block_commands(words.len()) {
            Some(ap) => self
                .dap
                .memory(&ap)?
                .read_32(address.0.into(), &mut words)?,
            None => self.mem_ap.read_words(&mut self.dap, address, &mut words)?,
        }
        for (bytes, word) in data.chunks_exact_mut(4).zip(words) {
            bytes.copy_from_slice(&word.to_le_bytes());
        }
        Ok(())
    }

    fn write_piece(&mut self, address: Address, data: &[u8]) -> Result<(), ArmError> {
        if data.len() < 4 {
            return self.mem_ap.write_narrow(&mut self.dap, address, data);
        }
        let (words, _) = data.as_chunks::<4>();
        let words: Vec<u32> = words.iter().map(|word| u32::from_le_bytes(*word)).collect();
        match self.block_commands(words.len()) {
            Some(ap) => self.dap.memory(&ap)?.write_32(address.0.into(), &words),
            None => self.mem_ap.write_words(&mut self.dap, address, &words),
        }
    }

    /// The access port for memory commands, if the probe has them and a block of `words` is worth one.
    fn block_commands(&mut self, words: usize) -> Option<FullyQualifiedApAddress> {
        let ap = self.commands.clone().filter(|_| words > FEW_WORDS)?;
        self.mem_ap.forget();
        Some(ap)
    }

    /// Our error for probe-rs's; the debug port is usable again on return, if the probe is there.
    fn explain(&mut self, error: ArmError, address: Address, length: usize) -> LinkError {
        let failure = classify(&error);
        let recovered = match failure {
            Failure::Garbled => self.synchronise(),
            _ => self.write_abort(failure == Failure::Wait),
        };
        let told = matches!(failure, Failure::Fault | Failure::Wait);
        let alive = recovered.is_ok() && (told || self.is_alive());
        let source = Box::new(error);
        match failure {
            _ if !alive => LinkError::Lost {
                doing: "transferring memory",
                source,
            },
            Failure::Wait => LinkError::Stalled {
                address,
                length,
                source,
            },
            Failure::Garbled => LinkError::Garbled {
                address,
                length,
                source,
            },
            Failure::Fault | Failure::Unknown => LinkError::Refused {
                address,
                length,
                source,
            },
        }
    }

    /// The core answers for itself: DHCSR is always readable.
    fn is_alive(&mut self) -> bool {
        self.mem_ap
            .read_banked(&mut self.dap, Dhcsr::at(SCS))
            .is_ok()
    }
}

/// How long nRST is held down; the chip asks for a microsecond, probes with a slow driver for more.
pub(super) const RESET_PULSE: Duration = Duration::from_millis(10);

/// How much can be transferred from `at` on in one width: words, else a half-word, else a byte.
fn piece_length(at: u32, length: usize) -> usize {
    if at.is_multiple_of(4) && length >= 4 {
        length & !3
    } else if at.is_multiple_of(2) && length >= 2 {
        2
    } else {
        1
    }
}

fn classify(error: &ArmError) -> Failure {
    match error {
        ArmError::Dap(DapError::FaultResponse) => Failure::Fault,
        ArmError::Dap(DapError::WaitResponse) => Failure::Wait,
        ArmError::Dap(
            DapError::Protocol(_) | DapError::NoAcknowledge | DapError::IncorrectParity,
        ) => Failure::Garbled,
        ArmError::AccessPort {
            source:
                AccessPortError::RegisterRead { source, .. }
                | AccessPortError::RegisterWrite { source, .. },
            ..
        } => source
            .downcast_ref::<ArmError>()
            .map_or(Failure::Unknown, classify),
        ArmError::NoTargetResponse { source } => classify(source),
        _ => Failure::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_piece_has_the_widest_access_that_fits() {
        let pieces = |mut at: u32, mut length: usize| {
            let mut pieces = Vec::new();
            while length > 0 {
                let piece = piece_length(at, length);
                pieces.push(piece);
                at += piece as u32;
                length -= piece;
            }
            pieces
        };
        assert_eq!(pieces(0x100, 4), [4]);
        assert_eq!(pieces(0x102, 2), [2]);
        assert_eq!(pieces(0x101, 1), [1]);
        assert_eq!(pieces(0x101, 14), [1, 2, 8, 2, 1]);
        assert_eq!(pieces(0x102, 4), [2, 2]);
        assert_eq!(pieces(0x103, 6), [1, 4, 1]);
    }

    #[test]
    fn fault_and_wait_are_found_under_probe_rs_wrappers() {
        let wrapped = |error: DapError| ArmError::AccessPort {
            address: FullyQualifiedApAddress::v1_with_default_dp(CORE_AP),
            source: AccessPortError::RegisterRead {
                address: 0x0C,
                name: "DRW",
                source: Box::new(ArmError::Dap(error)),
            },
        };
        assert!(classify(&wrapped(DapError::FaultResponse)) == Failure::Fault);
        assert!(classify(&wrapped(DapError::WaitResponse)) == Failure::Wait);
        assert!(classify(&wrapped(DapError::NoAcknowledge)) == Failure::Garbled);
        assert!(classify(&ArmError::Timeout) == Failure::Unknown);
    }
}

//! Instrumentation trace macrocell: enough that firmware which prints through it neither faults nor waits (ARM ARM C1.7).
//!
//! A stimulus port always says that its FIFO has room, and what is written to it is dropped: trace is not modelled.

use super::coresight::{self, Lock};

const STIMULUS_END: u32 = 0x400;
const TER0: u32 = 0xE00;
const TPR: u32 = 0xE40;
const TCR: u32 = 0xE80;
/// ITMENA, TSENA, SYNCENA, TXENA, SWOENA, TSPRESCALE, GTSFREQ, TraceBusID.
const TCR_WRITABLE: u32 = 0x007F_0F1F;
const FIFO_READY: u32 = 1;

/// The unit's registers.
#[derive(Clone, Debug, Default)]
pub struct Itm {
    enables: u32,
    privilege: u32,
    control: u32,
    lock: Lock,
}

impl Itm {
    /// Reads at `offset` from 0xE000_0000.
    pub fn read(&self, offset: u32) -> u32 {
        match offset {
            0..STIMULUS_END => FIFO_READY,
            TER0 => self.enables,
            TPR => self.privilege,
            TCR => self.control,
            Lock::STATUS => self.lock.status(),
            _ => coresight::ITM.read(offset),
        }
    }

    /// Writes at `offset`.
    pub fn write(&mut self, offset: u32, value: u32) {
        match offset {
            TER0 => self.enables = value,
            TPR => self.privilege = value & 0xF,
            TCR => self.control = value & TCR_WRITABLE,
            _ => {}
        }
    }

    /// Unprivileged code may write the stimulus ports.
    pub fn is_stimulus(offset: u32) -> bool {
        offset < STIMULUS_END
    }

    /// The lock in front of the core's writes.
    pub fn lock(&mut self) -> &mut Lock {
        &mut self.lock
    }
}

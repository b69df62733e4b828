//! XSPI as a bus of commands (RM0477, XSPI): indirect transfers and the memory-mapped mode.
//!
//! A command is one instruction with an optional address and data. What starts a transfer depends on its shape: without address
//! and data, writing IR; with an address but no data to write, writing AR; an indirect write with data, filling DR. SR.BUSY says
//! that a transfer runs; in memory-mapped mode it stays set after the first access and says nothing (RM0456 28.4.11, same IP).

use stm32_metapac::xspi::{
    regs,
    vals::{Csht, Fmode, Fthres, Mtyp},
};

use crate::{
    journal::{Cause, Failure},
    wait::{Micros, Waits},
    wiring::XSPI,
};

const SR_TCF: u32 = 1 << 1;
const SR_FTF: u32 = 1 << 2;
const FCR_ALL: u32 = 0x1b;

// XSPI_CCR: lines of each phase, double rate, sizes.
const INSTRUCTION_LINES: u32 = 0;
const INSTRUCTION_DOUBLE: u32 = 1 << 3;
const INSTRUCTION_16_BITS: u32 = 1 << 4;
const ADDRESS_LINES: u32 = 8;
const ADDRESS_DOUBLE: u32 = 1 << 11;
const ADDRESS_24_BITS: u32 = 2 << 12;
const ADDRESS_32_BITS: u32 = 3 << 12;
const ALTERNATE_LINES: u32 = 16;
const DATA_LINES: u32 = 24;
const DATA_DOUBLE: u32 = 1 << 27;
const STROBE: u32 = 1 << 29;
const ONE: u32 = 1;
const FOUR: u32 = 3;
const EIGHT: u32 = 4;
/// Alternate byte of a read on four lines: mode bits that ask for nothing.
const MODE_BITS: u32 = 0xff;

/// A transfer of one page takes 13 us at 50 MHz on one line; nothing on the bus takes longer than this.
const TRANSFER: Micros = Micros::millis(2);
/// 2^27 bytes until the chip has said how many it holds (XSPI_DCR1.DEVSIZE counts from 2^1).
const LARGEST_DEVICE: u8 = 26;
/// 200 MHz / 4 for the 1-bit mode, 200 MHz for octal, 100 MHz for a window on four lines.
const SLOW: u8 = 3;
const FAST: u8 = 0;
const QUAD: u8 = 1;
/// Order of bytes in octal DTR: Macronix's. Nothing else depends on it.
const MACRONIX: u8 = 1;

/// How the NOR is spoken to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// 1S-1S-1S: one line, 8-bit instructions.
    Single,
    /// 8S-8S-8S: eight lines, 16-bit instructions.
    Octal,
    /// 8D-8D-8D with data strobe.
    OctalDouble,
}

/// Lines behind the instruction, where they are not the protocol's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lines {
    /// Those of the protocol.
    OfProtocol,
    /// 1S-1S-4S.
    FourForData,
    /// 1S-4S-4S, with a byte of mode bits behind the address.
    FourBehindInstruction,
}

/// Data phase of a command.
#[derive(Debug)]
pub enum Data<'a> {
    /// None.
    None,
    /// The NOR drives the lines.
    Read(&'a mut [u8]),
    /// A register of the NOR: one byte at single data rate, also in octal DTR (as ST's boot stage reads status registers).
    ReadRegister(&'a mut u8),
    /// We drive the lines.
    Write(&'a [u8]),
}

/// One command.
#[derive(Debug)]
pub struct Command<'a> {
    /// 8-bit code, or the 16-bit one of the octal protocols.
    pub instruction: u16,
    /// Address: 32 bits, of quad parts 24.
    pub address: Option<u32>,
    /// Clock cycles between address and data.
    pub dummies: u8,
    /// Lines behind the instruction.
    pub lines: Lines,
    /// Data phase.
    pub data: Data<'a>,
}

impl Command<'_> {
    /// A command of nothing but its code.
    pub const fn bare(instruction: u16) -> Self {
        Self {
            instruction,
            address: None,
            dummies: 0,
            lines: Lines::OfProtocol,
            data: Data::None,
        }
    }

    fn frame(&self, protocol: Protocol) -> u32 {
        let double = protocol == Protocol::OctalDouble;
        let lines = if protocol == Protocol::Single {
            ONE
        } else {
            EIGHT
        };
        let (address_lines, data_lines) = match self.lines {
            Lines::OfProtocol => (lines, lines),
            Lines::FourForData => (lines, FOUR),
            Lines::FourBehindInstruction => (FOUR, FOUR),
        };
        let mut frame = lines << INSTRUCTION_LINES;
        if protocol != Protocol::Single {
            frame |= INSTRUCTION_16_BITS;
        }
        if double {
            frame |= INSTRUCTION_DOUBLE;
        }
        if self.address.is_some() {
            frame |= address_lines << ADDRESS_LINES | ADDRESS_BITS;
            if double {
                frame |= ADDRESS_DOUBLE;
            }
        }
        if self.lines == Lines::FourBehindInstruction {
            frame |= FOUR << ALTERNATE_LINES;
        }
        frame
            | match (&self.data, double) {
                (Data::None, _) => 0,
                (Data::Read(_), true) => data_lines << DATA_LINES | DATA_DOUBLE | STROBE,
                (Data::ReadRegister(_), true) => data_lines << DATA_LINES | STROBE,
                (Data::Write(_), true) => data_lines << DATA_LINES | DATA_DOUBLE,
                (_, false) => data_lines << DATA_LINES,
            }
    }
}

/// Size of an address.
const ADDRESS_BITS: u32 = if cfg!(feature = "quad") {
    ADDRESS_24_BITS
} else {
    ADDRESS_32_BITS
};

/// The controller, clocked and supplied (see [`crate::supplies`]).
pub struct Xspi<'a> {
    waits: Waits<'a>,
    protocol: Protocol,
}

impl<'a> Xspi<'a> {
    /// Configures the controller for one line at 50 MHz.
    pub fn start(waits: Waits<'a>) -> Result<Self, Failure> {
        XSPI.cr().write(|_| ());
        XSPI.dcr1().write(|w| {
            w.set_mtyp(Mtyp::from_bits(MACRONIX));
            w.set_devsize(LARGEST_DEVICE);
            w.set_csht(Csht::from_bits(1)); // NCS high for two cycles
        });
        XSPI.dcr3().write(|_| ());
        XSPI.dcr4().write(|_| ());
        let mut xspi = Self {
            waits,
            protocol: Protocol::Single,
        };
        xspi.speak(Protocol::Single)?;
        Ok(xspi)
    }

    /// The chip holds 2 to the power of `capacity_log2` bytes: accesses beyond are errors from now on.
    pub fn device_is(&mut self, capacity_log2: u8) {
        XSPI.dcr1().modify(|w| w.set_devsize(capacity_log2 - 1));
    }

    /// Takes over a controller that an earlier call has left configured for `protocol`.
    pub const fn resume(waits: Waits<'a>, protocol: Protocol) -> Self {
        Self { waits, protocol }
    }

    /// Waits, for whoever sits above.
    pub fn waits(&mut self) -> &mut Waits<'a> {
        &mut self.waits
    }

    /// Gives the waits back.
    pub fn release(self) -> Waits<'a> {
        self.waits
    }

    /// The protocol in use.
    pub const fn protocol(&self) -> Protocol {
        self.protocol
    }

    /// Speaks `protocol` from now on, at the speed that fits.
    pub fn speak(&mut self, protocol: Protocol) -> Result<(), Failure> {
        self.idle()?;
        self.set_prescaler(if protocol == Protocol::OctalDouble {
            FAST
        } else {
            SLOW
        });
        self.protocol = protocol;
        self.idle()
    }

    fn set_prescaler(&mut self, prescaler: u8) {
        XSPI.cr().modify(|w| w.set_en(false));
        XSPI.dcr2().write(|w| w.set_prescaler(prescaler));
        XSPI.cr().modify(|w| w.set_en(true));
    }

    /// Ends whatever runs (a mapped window included) and returns to indirect mode.
    pub fn abort(&mut self) -> Result<(), Failure> {
        XSPI.cr().modify(|w| w.set_abort(true));
        self.waits.register(XSPI.cr(), |cr| !cr.abort(), TRANSFER)?;
        self.waits.register(XSPI.sr(), |sr| !sr.busy(), TRANSFER)?;
        XSPI.fcr().write(|w| w.0 = FCR_ALL);
        XSPI.cr().modify(|w| w.set_fmode(Fmode::from_bits(0)));
        if self.protocol == Protocol::Single {
            self.set_prescaler(SLOW);
        }
        Ok(())
    }

    /// Runs one command. A transfer that does not end is aborted and reported.
    pub fn run(&mut self, command: Command<'_>) -> Result<(), Failure> {
        let outcome = self.transfer(command);
        if outcome.is_err() {
            self.abort()?;
        }
        outcome
    }

    fn transfer(&mut self, command: Command<'_>) -> Result<(), Failure> {
        self.idle()?;
        self.configure(&command);
        let address = command.address;
        XSPI.ir().write(|w| w.0 = command.instruction.into());
        if let Some(address) = address {
            XSPI.ar().write(|w| w.0 = address);
        }
        match command.data {
            Data::None => {}
            Data::Write(bytes) => self.fill(bytes)?,
            Data::Read(bytes) => self.drain(bytes)?,
            Data::ReadRegister(byte) => self.drain(core::slice::from_mut(byte))?,
        }
        self.waits
            .register(XSPI.sr(), |sr| sr.tcf() && !sr.busy(), TRANSFER)?;
        let sr = XSPI.sr().read();
        XSPI.fcr().write(|w| w.0 = FCR_ALL);
        if sr.tef() {
            return Err(Failure {
                cause: Cause::Transfer,
                location: XSPI.sr().as_ptr() as u32,
                value: sr.0,
            });
        }
        Ok(())
    }

    /// Everything but instruction and address, which start the transfer.
    fn configure(&mut self, command: &Command<'_>) {
        let (mode, length) = match &command.data {
            Data::None => (0, 0),
            Data::Write(bytes) => (0, bytes.len()),
            Data::Read(bytes) => (1, bytes.len()),
            Data::ReadRegister(_) => (1, 1),
        };
        // FTF: room for a word in the FIFO, or a byte in it.
        let threshold = if matches!(command.data, Data::Write(_)) {
            3
        } else {
            0
        };
        XSPI.cr().modify(|w| {
            w.set_fthres(Fthres::from_bits(threshold));
            w.set_fmode(Fmode::from_bits(mode));
        });
        XSPI.dlr()
            .write(|w| w.0 = (length as u32).saturating_sub(1));
        XSPI.tcr().write(|w| w.set_dcyc(command.dummies));
        XSPI.ccr().write(|w| w.0 = command.frame(self.protocol));
    }

    fn fill(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        let fifo: *mut u8 = XSPI.dr().as_ptr().cast();
        let (words, rest) = bytes.as_chunks::<4>();
        for word in words {
            self.fifo_ready(SR_FTF)?;
            // SAFETY: XSPI_DR takes words; FTF says that the FIFO has room for one.
            unsafe { fifo.cast::<u32>().write_volatile(u32::from_le_bytes(*word)) };
        }
        for byte in rest {
            self.fifo_ready(SR_FTF)?;
            // SAFETY: XSPI_DR takes byte accesses; the FIFO has room.
            unsafe { fifo.write_volatile(*byte) };
        }
        Ok(())
    }

    fn drain(&mut self, bytes: &mut [u8]) -> Result<(), Failure> {
        let fifo: *const u8 = XSPI.dr().as_ptr().cast();
        for byte in bytes {
            self.fifo_ready(SR_FTF | SR_TCF)?;
            // SAFETY: XSPI_DR takes byte accesses; the FIFO holds a byte.
            *byte = unsafe { fifo.read_volatile() };
        }
        Ok(())
    }

    /// Waits for any of `flags`: looks once before it goes through the timed wait, which is the rare way.
    fn fifo_ready(&mut self, flags: u32) -> Result<(), Failure> {
        if XSPI.sr().read().0 & flags != 0 {
            return Ok(());
        }
        if self
            .waits
            .until(TRANSFER, || XSPI.sr().read().0 & flags != 0)
        {
            return Ok(());
        }
        Err(Failure {
            cause: Cause::NotReady,
            location: XSPI.sr().as_ptr() as u32,
            value: XSPI.sr().read().0,
        })
    }

    fn idle(&mut self) -> Result<(), Failure> {
        self.waits.register(XSPI.sr(), |sr| !sr.busy(), TRANSFER)
    }

    /// Enters memory-mapped mode: reads by `read`, writes (which nobody should make) by `write`.
    ///
    /// TCEN stays 0: no time-out releases NCS. CR, CCR, TCR and IR end as in ST's boot stage; WIR is the NOR's own octal
    /// program instruction.
    pub fn map(&mut self, read: Command<'_>, write: Command<'_>) -> Result<(), Failure> {
        self.idle()?;
        if read.lines == Lines::FourBehindInstruction {
            self.set_prescaler(QUAD);
        }
        XSPI.abr().write(|w| w.0 = MODE_BITS);
        XSPI.wccr().write(|w| w.0 = write.frame(self.protocol));
        XSPI.wtcr().write(|w| w.set_dcyc(write.dummies));
        XSPI.wir().write(|w| w.0 = write.instruction.into());
        XSPI.ccr().write(|w| w.0 = read.frame(self.protocol));
        XSPI.tcr().write(|w| w.set_dcyc(read.dummies));
        XSPI.ir()
            .write(|w: &mut regs::Ir| w.0 = read.instruction.into());
        XSPI.cr().modify(|w| w.set_fmode(Fmode::from_bits(3)));
        Ok(())
    }

    /// True if the controller is enabled and in memory-mapped mode.
    pub fn is_mapped() -> bool {
        let cr = XSPI.cr().read();
        cr.en() && cr.fmode().to_bits() == 3
    }
}

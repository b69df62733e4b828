//! Registers of an XSPI controller: offsets, bits, and the wire format that a CCR, TCR, IR, ABR quadruple describes.

use crate::devices::external_memory::{Direction, Frame, Lines, Phase};

/// Control register.
pub const CR: u32 = 0x000;
/// Device configuration register 1.
pub const DCR1: u32 = 0x008;
/// Device configuration register 2.
pub const DCR2: u32 = 0x00C;
/// Device configuration register 3.
pub const DCR3: u32 = 0x010;
/// Device configuration register 4.
pub const DCR4: u32 = 0x014;
/// Status register.
pub const SR: u32 = 0x020;
/// Flag clear register.
pub const FCR: u32 = 0x024;
/// Data length register.
pub const DLR: u32 = 0x040;
/// Address register.
pub const AR: u32 = 0x048;
/// Data register, and the 32 bits that a burst may spread over.
pub const DR: u32 = 0x050;
/// Last byte of the data register.
pub const DR_END: u32 = 0x053;
/// Polling status mask register.
pub const PSMKR: u32 = 0x080;
/// Polling status match register.
pub const PSMAR: u32 = 0x088;
/// Polling interval register.
pub const PIR: u32 = 0x090;
/// Low-power timeout register.
pub const LPTR: u32 = 0x130;
/// HyperBus latency configuration register.
pub const HLCR: u32 = 0x200;
/// Full-cycle calibration register (read only).
pub const CALFCR: u32 = 0x210;
/// DLL master calibration register.
pub const CALMR: u32 = 0x218;
/// DLL slave output calibration register.
pub const CALSOR: u32 = 0x220;
/// DLL slave input calibration register.
pub const CALSIR: u32 = 0x228;

/// CR: enable.
pub const CR_EN: u32 = 1 << 0;
/// CR: abort.
pub const CR_ABORT: u32 = 1 << 1;
/// CR: requests to the DMA controllers.
pub const CR_DMAEN: u32 = 1 << 2;
/// CR: timeout counter enable.
pub const CR_TCEN: u32 = 1 << 3;
/// CR: automatic polling stops at a match.
pub const CR_APMS: u32 = 1 << 22;
/// CR: polling match mode, 1 = any bit.
pub const CR_PMM: u32 = 1 << 23;
/// CR: NCS2 in place of NCS1.
pub const CR_CSSEL: u32 = 1 << 24;
/// CR: bits that exist.
pub const CR_MASK: u32 = 0xF1DF_1F4F;
/// CR: bits that hold still while BUSY: FMODE, MSEL, CSSEL, DMM, PMM, APMS and TCEN.
pub const CR_WHILE_IDLE: u32 = 0xF1C0_0048;

/// SR and FCR: transfer error.
pub const TEF: u32 = 1 << 0;
/// SR and FCR: transfer complete.
pub const TCF: u32 = 1 << 1;
/// SR: FIFO threshold.
pub const FTF: u32 = 1 << 2;
/// SR and FCR: status match.
pub const SMF: u32 = 1 << 3;
/// SR and FCR: timeout.
pub const TOF: u32 = 1 << 4;
/// SR: busy.
pub const BUSY: u32 = 1 << 5;

/// DCR1.MTYP of Macronix: pairs of bytes travel as D1, D0 in octal DTR.
pub const MTYP_MACRONIX: u32 = 1;

/// CR.FMODE.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FunctionalMode {
    /// Software writes data.
    IndirectWrite,
    /// Software reads data.
    IndirectRead,
    /// The controller reads a status register until it matches.
    Polling,
    /// Loads, stores and fetches become transactions.
    MemoryMapped,
}

/// Of a CR value.
pub fn functional_mode(cr: u32) -> FunctionalMode {
    match cr >> 28 & 3 {
        0 => FunctionalMode::IndirectWrite,
        1 => FunctionalMode::IndirectRead,
        2 => FunctionalMode::Polling,
        _ => FunctionalMode::MemoryMapped,
    }
}

/// CCR, TCR, IR and ABR, or the same for writes or wrapped reads.
#[derive(Clone, Copy, Debug, Default)]
pub struct Command {
    /// Communication configuration.
    pub ccr: u32,
    /// Timing configuration.
    pub tcr: u32,
    /// Instruction.
    pub ir: u32,
    /// Alternate bytes.
    pub abr: u32,
}

/// Lines of an xMODE field: 0 none, 1 to 5 for 1, 2, 4, 8, 16.
fn lines(field: u32, double_rate: u32) -> Option<Lines> {
    let count = match field & 7 {
        1 => 1,
        2 => 2,
        3 => 4,
        4 => 8,
        5 => 16,
        _ => return None,
    };
    Some(Lines::new(count, double_rate & 1 == 1))
}

impl Command {
    /// Address phase is there.
    pub fn has_address(&self) -> bool {
        self.ccr >> 8 & 7 != 0
    }

    /// Lines of the data phase.
    pub fn data_lines(&self) -> Option<Lines> {
        lines(self.ccr >> 24, self.ccr >> 27)
    }

    /// DQS is used.
    pub fn uses_strobe(&self) -> bool {
        self.ccr >> 29 & 1 == 1
    }

    /// The transaction for `address`.
    pub fn frame(&self, address: u32, direction: Direction) -> Frame {
        let phase = |mode: u32, double_rate: u32, size: u32, value: u32| {
            let length = (size & 3) as u8 + 1;
            Some(Phase {
                value,
                length,
                lines: lines(mode, double_rate)?,
            })
        };
        let ccr = self.ccr;
        Frame {
            instruction: phase(ccr, ccr >> 3, ccr >> 4, self.ir),
            address: phase(ccr >> 8, ccr >> 11, ccr >> 12, address),
            alternate: phase(ccr >> 16, ccr >> 19, ccr >> 20, self.abr),
            dummy_cycles: (self.tcr & 0x1F) as u8,
            data: self.data_lines().map(|lines| (direction, lines)),
        }
    }

    /// The register at `offset` within CCR +00, TCR +08, IR +10, ABR +20.
    pub fn register(&mut self, offset: u32) -> Option<&mut u32> {
        match offset {
            0x00 => Some(&mut self.ccr),
            0x08 => Some(&mut self.tcr),
            0x10 => Some(&mut self.ir),
            0x20 => Some(&mut self.abr),
            _ => None,
        }
    }
}

/// Everything that software writes and reads back.
#[derive(Clone, Debug, Default)]
pub struct Registers {
    /// Control.
    pub cr: u32,
    /// Device configuration 1 to 4.
    pub dcr: [u32; 4],
    /// Flags of SR that latch: TEF, TCF, SMF, TOF.
    pub flags: u32,
    /// Data length.
    pub dlr: u32,
    /// Address.
    pub ar: u32,
    /// Polling mask.
    pub psmkr: u32,
    /// Polling match.
    pub psmar: u32,
    /// Polling interval.
    pub pir: u32,
    /// Timeout.
    pub lptr: u32,
    /// HyperBus latency.
    pub hlcr: u32,
    /// Calibration: CALMR, CALSOR, CALSIR.
    pub calibration: [u32; 3],
    /// CCR, TCR, IR, ABR.
    pub common: Command,
    /// WPCCR, WPTCR, WPIR, WPABR.
    pub wrap: Command,
    /// WCCR, WTCR, WIR, WABR.
    pub write: Command,
}

impl Registers {
    /// Size of the device in bytes, as DCR1 has it.
    pub fn device_size(&self) -> u64 {
        2u64 << (self.dcr[0] >> 16 & 0x1F)
    }

    /// Bytes that FTF waits for.
    pub fn fifo_threshold(&self) -> usize {
        (self.cr >> 8 & 0x1F) as usize + 1
    }

    /// Clock on the pins for a kernel clock of `kernel_hz`.
    pub fn clock_hz(&self, kernel_hz: u64) -> u64 {
        kernel_hz / u64::from((self.dcr[1] & 0xFF) + 1)
    }

    /// Pairs of bytes are exchanged on the lines.
    pub fn swaps_pairs(&self, data: Option<Lines>) -> bool {
        self.dcr[0] >> 24 & 7 == MTYP_MACRONIX && data == Some(Lines::OCTAL_DTR)
    }

    /// The register at `offset` that sets up a transfer: software reads it back, and it holds still while BUSY.
    pub fn setting(&mut self, offset: u32) -> Option<&mut u32> {
        Some(match offset {
            DCR1 => &mut self.dcr[0],
            DCR2 => &mut self.dcr[1],
            DCR3 => &mut self.dcr[2],
            DCR4 => &mut self.dcr[3],
            DLR => &mut self.dlr,
            AR => &mut self.ar,
            PSMKR => &mut self.psmkr,
            PSMAR => &mut self.psmar,
            PIR => &mut self.pir,
            LPTR => &mut self.lptr,
            HLCR => &mut self.hlcr,
            CALMR => &mut self.calibration[0],
            CALSOR => &mut self.calibration[1],
            CALSIR => &mut self.calibration[2],
            0x100..=0x120 => return self.common.register(offset - 0x100),
            0x140..=0x160 => return self.wrap.register(offset - 0x140),
            0x180..=0x1A0 => return self.write.register(offset - 0x180),
            _ => return None,
        })
    }
}

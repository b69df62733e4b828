//! The RAMs: TCMs, AXI SRAM, AHB SRAM, backup SRAM. They keep their contents over a system reset and lose them with the power.
//!
//! The option bytes of FLASH_OBW2SR size them: each TCM takes steps of 64 KB from AXI SRAM, so that what is left is in one piece
//! from SRAM1 to SRAM3: ITCM from the low end, DTCM from the high one. With ECC_ON_SRAM, SRAM4 serves for check bits and is gone.
//! Both as public firmware that allocates all of this chip's RAM has it; ST's header states the sizes.

use super::ecc::Ecc;
use crate::{
    bus::{BusError, Width},
    devices::ramecc::RamError,
};

const KB: u32 = 1024;
const ITCM_BASE: u32 = 0x0000_0000;
const DTCM_BASE: u32 = 0x2000_0000;
const AXI_BASE: u32 = 0x2400_0000;
const AXI_BYTES: u32 = 456 * KB;
/// SRAM4, behind what the TCMs can take.
const AXI4_OFFSET: u32 = 384 * KB;
const AHB_BASE: u32 = 0x3000_0000;
const AHB_BYTES: u32 = 32 * KB;
const BACKUP_BASE: u32 = 0x3880_0000;
const BACKUP_BYTES: u32 = 4 * KB;
/// Smallest TCM, and the step by which option bytes enlarge it.
const TCM_STEP: u32 = 64 * KB;
/// A TCM is 64, 128 or 192 KB.
const LARGEST_SHARE: u32 = 2;

/// What the option bytes make of the RAMs (FLASH_OBW2SR: ITCM_AXI_SHARE, DTCM_AXI_SHARE, ECC_ON_SRAM).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Shares {
    itcm: u32,
    dtcm: u32,
    ecc: bool,
}

impl Shares {
    /// As ITCM_AXI_SHARE and DTCM_AXI_SHARE say; reserved values give the TCM nothing.
    pub fn new(itcm: u32, dtcm: u32) -> Self {
        let steps = |share| if share <= LARGEST_SHARE { share } else { 0 };
        Self {
            itcm: steps(itcm),
            dtcm: steps(dtcm),
            ecc: false,
        }
    }

    /// With check bits or without.
    pub fn with_ecc(self, ecc: bool) -> Self {
        Self { ecc, ..self }
    }

    /// Bytes of ITCM.
    pub fn itcm_bytes(self) -> u32 {
        (1 + self.itcm) * TCM_STEP
    }

    /// Bytes of DTCM.
    pub fn dtcm_bytes(self) -> u32 {
        (1 + self.dtcm) * TCM_STEP
    }
}

/// All of the chip's RAM.
pub struct Ram {
    itcm: Vec<u8>,
    dtcm: Vec<u8>,
    axi: Vec<u8>,
    ahb: Vec<u8>,
    backup: Vec<u8>,
    shares: Shares,
    ecc: Option<Box<Ecc>>,
    /// What the last access met.
    error: Option<RamError>,
}

impl Default for Ram {
    fn default() -> Self {
        let zeros = |bytes: u32| vec![0; bytes as usize];
        let mut ram = Self {
            itcm: zeros(TCM_STEP),
            dtcm: zeros(TCM_STEP),
            axi: zeros(AXI_BYTES),
            ahb: zeros(AHB_BYTES),
            backup: zeros(BACKUP_BYTES),
            shares: Shares::default(),
            ecc: None,
            error: None,
        };
        ram.scramble();
        ram
    }
}

impl Ram {
    /// What RAM holds after power-on: nothing that anybody should rely on, and the same each time.
    pub fn scramble(&mut self) {
        let memories = [
            &mut self.itcm,
            &mut self.dtcm,
            &mut self.axi,
            &mut self.ahb,
            &mut self.backup,
        ];
        let mut state = 0x9E37_79B9_7F4A_7C15_u64;
        for chunk in memories.into_iter().flat_map(|memory| memory.chunks_mut(8)) {
            // xorshift64
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            chunk.copy_from_slice(&state.to_le_bytes()[..chunk.len()]);
        }
        let Shares { ecc, .. } = self.shares;
        self.ecc = ecc.then(|| {
            let (itcm, dtcm) = (self.shares.itcm_bytes(), self.shares.dtcm_bytes());
            Box::new(Ecc::new(itcm, dtcm))
        });
    }

    /// Does as the option bytes say. What RAM holds is lost if they say something new: other cells, or cells without check bits.
    pub fn share(&mut self, shares: Shares) {
        if shares == self.shares {
            return;
        }
        self.shares = shares;
        self.itcm.resize(shares.itcm_bytes() as usize, 0);
        self.dtcm.resize(shares.dtcm_bytes() as usize, 0);
        self.scramble();
    }

    /// What the option bytes made of the RAMs.
    pub fn shares(&self) -> Shares {
        self.shares
    }

    /// True if this offset in AXI SRAM serves for something else.
    fn is_lent(&self, offset: u32) -> bool {
        if offset < AXI4_OFFSET {
            let left = self.shares.itcm * TCM_STEP..AXI4_OFFSET - self.shares.dtcm * TCM_STEP;
            !left.contains(&offset)
        } else {
            self.shares.ecc
        }
    }

    /// True if the last access met wrong check bits.
    #[inline]
    pub fn met_error(&self) -> bool {
        self.error.is_some()
    }

    /// The wrong check bits that the last access met, with the word as it is there.
    pub fn take_error(&mut self) -> Option<(RamError, [u32; 2])> {
        let error = self.error.take()?;
        let memory = match error.address >> 24 {
            0x00 => &self.itcm,
            0x20 => &self.dtcm,
            0x24 => &self.axi,
            _ => &self.backup,
        };
        let start = (error.address & 0x7F_FFFF) as usize;
        let word = |place: usize| {
            let bytes = memory.get(start + 4 * place..)?.first_chunk()?;
            Some(u32::from_le_bytes(*bytes))
        };
        let high = if error.word_bytes == 8 { word(1) } else { None };
        Some((error, [word(0).unwrap_or(0), high.unwrap_or(0)]))
    }

    /// Reads, if `address` lies where RAM is.
    #[inline]
    pub fn read(&mut self, address: u32, width: Width) -> Option<Result<u32, BusError>> {
        let (memory, base) = match address >> 24 {
            0x00 => (&self.itcm, ITCM_BASE),
            0x20 => (&self.dtcm, DTCM_BASE),
            0x24 if !self.is_lent(address - AXI_BASE) => (&self.axi, AXI_BASE),
            0x30 => (&self.ahb, AHB_BASE),
            0x38 => (&self.backup, BACKUP_BASE),
            0x24 => return Some(Err(BusError::Refused)),
            _ => return None,
        };
        if let Some(ecc) = &mut self.ecc {
            self.error = ecc.read(address);
        }
        let bytes = memory.get(address.wrapping_sub(base) as usize..);
        let value = bytes.and_then(|bytes| match width {
            Width::Byte => bytes.first().map(|byte| u32::from(*byte)),
            Width::Half => bytes
                .first_chunk()
                .map(|bytes| u16::from_le_bytes(*bytes).into()),
            Width::Word => bytes.first_chunk().map(|bytes| u32::from_le_bytes(*bytes)),
        });
        Some(value.ok_or(BusError::Refused))
    }

    /// Writes, if `address` lies where RAM is.
    #[inline]
    pub fn write(
        &mut self,
        address: u32,
        width: Width,
        value: u32,
    ) -> Option<Result<(), BusError>> {
        let (memory, base) = match address >> 24 {
            0x00 => (&mut self.itcm, ITCM_BASE),
            0x20 => (&mut self.dtcm, DTCM_BASE),
            0x24 if !self.is_lent(address - AXI_BASE) => (&mut self.axi, AXI_BASE),
            0x30 => (&mut self.ahb, AHB_BASE),
            0x38 => (&mut self.backup, BACKUP_BASE),
            0x24 => return Some(Err(BusError::Refused)),
            _ => return None,
        };
        if let Some(ecc) = &mut self.ecc {
            self.error = ecc.write(address, width);
        }
        let offset = address.wrapping_sub(base) as usize;
        let length = width.bytes() as usize;
        let written = memory
            .get_mut(offset..)
            .and_then(|bytes| bytes.get_mut(..length))
            .map(|bytes| bytes.copy_from_slice(&value.to_le_bytes()[..length]));
        Some(written.ok_or(BusError::Refused))
    }
}

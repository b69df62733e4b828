//! The RAMs: TCMs, AXI SRAM, AHB SRAM, backup SRAM. They keep their contents over a system reset and lose them with the power.

use crate::bus::{BusError, Width};

const KB: u32 = 1024;
const ITCM_BASE: u32 = 0x0000_0000;
const DTCM_BASE: u32 = 0x2000_0000;
const AXI_BASE: u32 = 0x2400_0000;
const AXI_BYTES: u32 = 456 * KB;
/// SRAM3, from which the DTCM takes its share.
const AXI3_OFFSET: u32 = 256 * KB;
const AHB_BASE: u32 = 0x3000_0000;
const AHB_BYTES: u32 = 32 * KB;
const BACKUP_BASE: u32 = 0x3880_0000;
const BACKUP_BYTES: u32 = 4 * KB;
/// Smallest TCM, and the step by which option bytes enlarge it.
const TCM_STEP: u32 = 64 * KB;
/// A TCM is 64, 128 or 192 KB.
const LARGEST_SHARE: u32 = 2;

/// How many steps of 64 KB each TCM takes from AXI SRAM (FLASH_OBW2SR: ITCM_AXI_SHARE, DTCM_AXI_SHARE).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Shares {
    itcm: u32,
    dtcm: u32,
}

impl Shares {
    /// As ITCM_AXI_SHARE and DTCM_AXI_SHARE say.
    pub fn new(itcm: u32, dtcm: u32) -> Self {
        Self {
            itcm: itcm.min(LARGEST_SHARE),
            dtcm: dtcm.min(LARGEST_SHARE),
        }
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
    }

    /// Sizes the TCMs.
    pub fn share(&mut self, shares: Shares) {
        self.shares = shares;
        let bytes = |steps: u32| ((1 + steps) * TCM_STEP) as usize;
        self.itcm.resize(bytes(shares.itcm), 0);
        self.dtcm.resize(bytes(shares.dtcm), 0);
    }

    /// True if this offset in AXI SRAM serves as TCM.
    fn shared(&self, offset: u32) -> bool {
        offset < self.shares.itcm * TCM_STEP
            || offset.wrapping_sub(AXI3_OFFSET) < self.shares.dtcm * TCM_STEP
    }

    /// Reads, if `address` lies where RAM is.
    #[inline]
    pub fn read(&self, address: u32, width: Width) -> Option<Result<u32, BusError>> {
        let (memory, base) = match address >> 24 {
            0x00 => (&self.itcm, ITCM_BASE),
            0x20 => (&self.dtcm, DTCM_BASE),
            0x24 if !self.shared(address - AXI_BASE) => (&self.axi, AXI_BASE),
            0x30 => (&self.ahb, AHB_BASE),
            0x38 => (&self.backup, BACKUP_BASE),
            0x24 => return Some(Err(BusError::Refused)),
            _ => return None,
        };
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
            0x24 if !self.shared(address - AXI_BASE) => (&mut self.axi, AXI_BASE),
            0x30 => (&mut self.ahb, AHB_BASE),
            0x38 => (&mut self.backup, BACKUP_BASE),
            0x24 => return Some(Err(BusError::Refused)),
            _ => return None,
        };
        let offset = address.wrapping_sub(base) as usize;
        let length = width.bytes() as usize;
        let written = memory
            .get_mut(offset..)
            .and_then(|bytes| bytes.get_mut(..length))
            .map(|bytes| bytes.copy_from_slice(&value.to_le_bytes()[..length]));
        Some(written.ok_or(BusError::Refused))
    }
}

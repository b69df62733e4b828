//! The AHB-AP that reaches the core, at register level (IHI 0031, chapter C2).
//!
//! TAR increments by itself within a naturally aligned block of 1 KB (C2.2.2); CSW and TAR are written only when they change. The banked
//! data registers BD0 to BD3 reach four words around TAR without moving it: DHCSR, DCRSR, DCRDR and DEMCR sit in one such block, so a
//! core register is one exchange.
//!
//! HPROT asks for cacheable accesses (CSW\[27\]): the Cortex-M7 then answers from its data cache where that holds the line. What CSW
//! reads back decides whether the probe sees memory as the core does. That the core honours HPROT is what other debuggers of this
//! chip rely on too, and their users see stale variables without it; we have not measured it ourselves.

use probe_rs::architecture::arm::{ArmError, FullyQualifiedApAddress};

use super::dap::Dap;
use crate::layout::Address;

const CSW: u64 = 0x00;
const TAR: u64 = 0x04;
const DRW: u64 = 0x0C;
const BD0: u64 = 0x10;
const IDR: u64 = 0xFC;

/// CSW.Size (C2.6.4).
#[derive(Clone, Copy, PartialEq, Eq)]
enum Size {
    Byte = 0,
    HalfWord = 1,
    Word = 2,
}

/// CSW.AddrInc: single.
const INCREMENT: u32 = 1 << 4;
/// CSW.Size and CSW.AddrInc.
const ACCESS_MODE: u32 = 0x37;
/// CSW.DeviceEn.
const DEVICE_ENABLED: u32 = 1 << 6;
/// CSW.SPIDEN: where it is clear, HNONSEC (bit 30) must be 1.
const SECURE: u32 = 1 << 23;
const NON_SECURE: u32 = 1 << 30;
/// CSW.DbgSwEnable, MasterType (debug), HPROT: cacheable, privileged, data.
const CACHEABLE: u32 = 1 << 27;
const DEBUG_MASTER: u32 = 1 << 31 | 1 << 29 | CACHEABLE | 1 << 25 | 1 << 24;

/// TAR increments within blocks of this size.
const INCREMENT_BLOCK: u32 = 0x400;
/// The banked data registers cover this much.
const BANK: u32 = 0x10;

/// Why the access port cannot be used.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unusable {
    /// IDR reads zero.
    #[error("there is no access port {ap}")]
    Absent { ap: u8 },
    /// CSW.DeviceEn is 0.
    #[error("access port {ap} is disabled (CSW {csw:#010x})")]
    Disabled { ap: u8, csw: u32 },
    /// The debug port failed.
    #[error("access port {ap} cannot be reached")]
    Unreachable {
        ap: u8,
        #[source]
        source: ArmError,
    },
}

/// The access port, with CSW and TAR as they are known to be.
pub(super) struct MemAp {
    ap: FullyQualifiedApAddress,
    /// CSW without size and increment.
    protection: u32,
    size: Option<Size>,
    tar: Option<u32>,
}

impl MemAp {
    /// Opens access port `number` of the only debug port.
    pub(super) fn open(dap: &mut Dap, number: u8) -> Result<Self, Unusable> {
        let ap = FullyQualifiedApAddress::v1_with_default_dp(number);
        let unreachable = |source| Unusable::Unreachable { ap: number, source };
        if dap.read(&ap, IDR).map_err(unreachable)? == 0 {
            return Err(Unusable::Absent { ap: number });
        }
        let csw = dap.read(&ap, CSW).map_err(unreachable)?;
        if csw & DEVICE_ENABLED == 0 {
            return Err(Unusable::Disabled { ap: number, csw });
        }
        let non_secure = if csw & SECURE == 0 { NON_SECURE } else { 0 };
        let mut mem_ap = Self {
            ap,
            protection: csw & !ACCESS_MODE | DEBUG_MASTER | non_secure,
            size: None,
            tar: None,
        };
        mem_ap.set_size(dap, Size::Word).map_err(unreachable)?;
        let ap = &mem_ap.ap;
        let granted = dap.read(ap, CSW).map_err(unreachable)?;
        mem_ap.protection = granted & !ACCESS_MODE;
        Ok(mem_ap)
    }

    /// True if the accesses are cacheable.
    pub(super) fn is_coherent(&self) -> bool {
        self.protection & CACHEABLE != 0
    }

    /// Nothing is known of CSW and TAR any more: an access failed, or the port was reset.
    pub(super) fn forget(&mut self) {
        self.size = None;
        self.tar = None;
    }

    pub(super) fn read_words(
        &mut self,
        dap: &mut Dap,
        address: Address,
        values: &mut [u32],
    ) -> Result<(), ArmError> {
        self.set_size(dap, Size::Word)?;
        let mut at = address.0;
        let mut rest = values;
        while !rest.is_empty() {
            let (now, later) = rest.split_at_mut(words_before_wrap(at).min(rest.len()));
            self.set_address(dap, at)?;
            let bytes = now.len() as u32 * 4;
            match now {
                [value] => *value = dap.read(&self.ap, DRW)?,
                many => dap.read_block(&self.ap, DRW, many)?,
            }
            at = self.advance(at, bytes);
            rest = later;
        }
        Ok(())
    }

    pub(super) fn write_words(
        &mut self,
        dap: &mut Dap,
        address: Address,
        values: &[u32],
    ) -> Result<(), ArmError> {
        self.set_size(dap, Size::Word)?;
        let mut at = address.0;
        let mut rest = values;
        while !rest.is_empty() {
            let (now, later) = rest.split_at(words_before_wrap(at).min(rest.len()));
            self.set_address(dap, at)?;
            let mut words = now;
            while let [first, behind @ ..] = words {
                words = match words.split_at(dap.worth_a_block(words.len())) {
                    ([], _) => {
                        dap.write(&self.ap, DRW, *first)?;
                        behind
                    }
                    (block, behind) => {
                        dap.write_block(&self.ap, DRW, block)?;
                        behind
                    }
                };
            }
            at = self.advance(at, now.len() as u32 * 4);
            rest = later;
        }
        Ok(())
    }

    /// One byte or half-word: it travels in the lane of its address (C2.2.6).
    pub(super) fn read_narrow(
        &mut self,
        dap: &mut Dap,
        address: Address,
        data: &mut [u8],
    ) -> Result<(), ArmError> {
        self.set_size(dap, narrow(data.len()))?;
        self.set_address(dap, address.0)?;
        let lanes = dap.read(&self.ap, DRW)?.to_le_bytes();
        self.advance(address.0, data.len() as u32);
        for (byte, lane) in data.iter_mut().zip(&lanes[(address.0 & 3) as usize..]) {
            *byte = *lane;
        }
        Ok(())
    }

    pub(super) fn write_narrow(
        &mut self,
        dap: &mut Dap,
        address: Address,
        data: &[u8],
    ) -> Result<(), ArmError> {
        self.set_size(dap, narrow(data.len()))?;
        self.set_address(dap, address.0)?;
        let mut lanes = [0; 4];
        for (lane, byte) in lanes[(address.0 & 3) as usize..].iter_mut().zip(data) {
            *lane = *byte;
        }
        dap.write(&self.ap, DRW, u32::from_le_bytes(lanes))?;
        self.advance(address.0, data.len() as u32);
        Ok(())
    }

    /// A word through the banked data registers: TAR stays at the bank.
    pub(super) fn read_banked(&mut self, dap: &mut Dap, address: Address) -> Result<u32, ArmError> {
        let register = self.select_bank(dap, address)?;
        dap.read(&self.ap, register)
    }

    /// The write waits in the probe until a read or a flush takes it along.
    pub(super) fn write_banked(
        &mut self,
        dap: &mut Dap,
        address: Address,
        value: u32,
    ) -> Result<(), ArmError> {
        let register = self.select_bank(dap, address)?;
        dap.write(&self.ap, register, value)
    }

    fn select_bank(&mut self, dap: &mut Dap, address: Address) -> Result<u64, ArmError> {
        self.set_size(dap, Size::Word)?;
        let bank = address.0 & !(BANK - 1);
        if self.tar.map(|tar| tar & !(BANK - 1)) != Some(bank) {
            self.set_address(dap, bank)?;
        }
        Ok(BD0 + u64::from(address.0 & (BANK - 1)))
    }

    fn set_size(&mut self, dap: &mut Dap, size: Size) -> Result<(), ArmError> {
        if self.size != Some(size) {
            let csw = self.protection | INCREMENT | size as u32;
            dap.write(&self.ap, CSW, csw)?;
            self.size = Some(size);
        }
        Ok(())
    }

    fn set_address(&mut self, dap: &mut Dap, at: u32) -> Result<(), ArmError> {
        if self.tar != Some(at) {
            dap.write(&self.ap, TAR, at)?;
            self.tar = Some(at);
        }
        Ok(())
    }

    /// What TAR holds behind an access; unknown at the end of its block.
    fn advance(&mut self, at: u32, bytes: u32) -> u32 {
        let next = at.wrapping_add(bytes);
        self.tar = (!next.is_multiple_of(INCREMENT_BLOCK)).then_some(next);
        next
    }
}

fn words_before_wrap(at: u32) -> usize {
    ((INCREMENT_BLOCK - at % INCREMENT_BLOCK) / 4) as usize
}

fn narrow(length: usize) -> Size {
    if length == 1 {
        Size::Byte
    } else {
        Size::HalfWord
    }
}

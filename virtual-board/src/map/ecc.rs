//! Error correction of the RAMs (RM0477, RAMECC 3.3): which words hold data that fit their check bits.
//!
//! With the option byte ECC_ON_SRAM, ITCM, DTCM, AXI SRAM1 and SRAM3 and the backup SRAM carry check bits: for each 8 bytes of ITCM
//! and AXI SRAM, for each 4 of DTCM and backup SRAM. A word that was never written since the power came has random ones.
//! - A read of such a word is an error each time.
//! - A store of less than a word is merged in a buffer of one word. If the rest of the word follows at once, as in a 64-bit store,
//!   nothing is read and nothing is wrong; else the old word is read to be merged, which is an error once.
//! - An error is told to RAMECC and to nobody else: the access itself succeeds. So do ST's article on ECC errors in STM32H7 RAM and
//!   its start-up code for OEMiROT, which fills DTCM, SRAM1 and SRAM3 with zeros "to prevent RAMECC notifications".
//!
//! Deviations: check bits of random data are a single error in half of all words and a double one in most others; here always a
//! double one. A merged word fits its check bits from then on \[U\]. The buffer outlives a system reset.

use crate::{
    bus::Width,
    devices::ramecc::{Monitored, RamError},
};

/// One memory with its check bits.
struct Bank {
    monitored: [Monitored; 2],
    first: u32,
    word_bytes: u32,
    /// One bit a word, set while the word does not fit its check bits.
    broken: Vec<u64>,
    /// The word that is being merged, and which of its bytes are there.
    merging: Option<(u32, u8)>,
}

impl Bank {
    fn new(monitored: [Monitored; 2], first: u32, bytes: u32, word_bytes: u32) -> Self {
        Self {
            monitored,
            first,
            word_bytes,
            broken: vec![u64::MAX; (bytes / word_bytes).div_ceil(64) as usize],
            merging: None,
        }
    }

    fn is_broken(&self, word: u32) -> bool {
        let bits = self.broken.get((word / 64) as usize);
        bits.is_some_and(|bits| bits >> (word % 64) & 1 == 1)
    }

    fn mend(&mut self, word: u32) {
        if let Some(bits) = self.broken.get_mut((word / 64) as usize) {
            *bits &= !(1 << (word % 64));
        }
    }

    fn error(&self, word: u32, partial_write: bool) -> RamError {
        // Words of DTCM lie in its two halves in turn.
        let (monitored, place) = if self.monitored[0] == self.monitored[1] {
            (self.monitored[0], word)
        } else {
            (self.monitored[(word & 1) as usize], word / 2)
        };
        RamError {
            monitored,
            place,
            address: self.first + word * self.word_bytes,
            word_bytes: self.word_bytes,
            partial_write,
        }
    }

    /// What waited to be merged is read and written now.
    fn merge(&mut self) -> Option<RamError> {
        let (word, _) = self.merging.take()?;
        self.mend(word);
        Some(self.error(word, true))
    }

    fn read(&mut self, offset: u32) -> Option<RamError> {
        let word = offset / self.word_bytes;
        if self.merging.is_some_and(|(merging, _)| merging == word) {
            return self.merge();
        }
        self.is_broken(word).then(|| self.error(word, false))
    }

    fn write(&mut self, offset: u32, width: Width) -> Option<RamError> {
        let word = offset / self.word_bytes;
        let all = u8::MAX >> (8 - self.word_bytes);
        let bytes = ((1 << width.bytes()) - 1) << (offset % self.word_bytes);
        let (before, merged) = match self.merging {
            Some((merging, _)) if merging != word => (0, self.merge()),
            Some((_, before)) => (before, None),
            None => (0, None),
        };
        let there = before | bytes;
        if there == all {
            self.merging = None;
            self.mend(word);
        } else if self.is_broken(word) {
            self.merging = Some((word, there));
        }
        merged
    }
}

/// The memories that have check bits.
pub struct Ecc {
    itcm: Bank,
    dtcm: Bank,
    axi1: Bank,
    axi3: Bank,
    backup: Bank,
}

impl Ecc {
    /// Nothing was written yet. Sizes in bytes.
    pub fn new(itcm_bytes: u32, dtcm_bytes: u32) -> Self {
        use Monitored::{AxiSram1, AxiSram3, Backup, Dtcm0, Dtcm1, Itcm};
        const AXI_BANK: u32 = 0x2_0000;
        const BACKUP_BYTES: u32 = 0x1000;
        Self {
            itcm: Bank::new([Itcm; 2], 0, itcm_bytes, 8),
            dtcm: Bank::new([Dtcm0, Dtcm1], 0x2000_0000, dtcm_bytes, 4),
            axi1: Bank::new([AxiSram1; 2], 0x2400_0000, AXI_BANK, 8),
            axi3: Bank::new([AxiSram3; 2], 0x2404_0000, AXI_BANK, 8),
            backup: Bank::new([Backup; 2], 0x3880_0000, BACKUP_BYTES, 4),
        }
    }

    fn bank(&mut self, address: u32) -> Option<&mut Bank> {
        Some(match address >> 17 {
            0x0000..0x0002 => &mut self.itcm,
            0x1000..0x1002 => &mut self.dtcm,
            0x1200 => &mut self.axi1,
            0x1202 => &mut self.axi3,
            0x1C40 => &mut self.backup,
            _ => return None,
        })
    }

    /// The error that a read at `address` finds.
    pub fn read(&mut self, address: u32) -> Option<RamError> {
        let bank = self.bank(address)?;
        bank.read(address - bank.first)
    }

    /// The error that a write at `address` finds, which may be that of the write before.
    pub fn write(&mut self, address: u32, width: Width) -> Option<RamError> {
        let bank = self.bank(address)?;
        bank.write(address - bank.first, width)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ecc() -> Ecc {
        Ecc::new(0x1_0000, 0x1_0000)
    }

    #[test]
    fn a_read_of_what_was_never_written_is_an_error_and_of_what_was_is_none() {
        let mut ecc = ecc();
        let error = ecc.read(0x2400_0044).unwrap();
        assert_eq!(
            (error.monitored, error.place, error.address),
            (Monitored::AxiSram1, 8, 0x2400_0040)
        );
        assert!(ecc.read(0x2400_0044).is_some(), "and stays one");
        for half in [0x2400_0040, 0x2400_0044] {
            assert!(ecc.write(half, Width::Word).is_none());
        }
        assert!(ecc.read(0x2400_0040).is_none());
        assert_eq!(ecc.read(0x2000_0004).unwrap().monitored, Monitored::Dtcm1);
        assert_eq!(ecc.read(0x2000_0008).unwrap().place, 1);
    }

    #[test]
    fn a_part_of_a_word_is_an_error_unless_the_rest_follows() {
        let mut ecc = ecc();
        assert!(ecc.write(0, Width::Word).is_none(), "the rest may yet come");
        let error = ecc.write(8, Width::Word).unwrap();
        assert!(error.partial_write && error.address == 0);
        assert!(ecc.read(0).is_none(), "merged");
        for place in 12..16 {
            assert!(ecc.write(place, Width::Byte).is_none());
        }
        assert!(ecc.read(8).is_none());
        assert!(
            ecc.write(9, Width::Byte).is_none(),
            "what fits can be read to be merged"
        );
        ecc.write(0x2000_0000, Width::Half);
        assert!(ecc.read(0x2000_0000).unwrap().partial_write);
    }

    #[test]
    fn other_memories_have_no_check_bits() {
        let mut ecc = ecc();
        for address in [0x2402_0000, 0x2406_0000, 0x3000_0000, 0x7000_0000] {
            assert!(ecc.read(address).is_none());
            assert!(ecc.write(address, Width::Byte).is_none());
        }
    }
}

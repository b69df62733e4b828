//! Memory of the halted core, fetched once a halt in blocks. Only memory that a read does not change comes here: never a peripheral.

use std::collections::BTreeMap;

use crate::layout::Address;

/// Bytes of a block: eight cache lines, one transfer within every probe's packet.
pub(super) const BLOCK: usize = 256;

/// Blocks that are kept: a megabyte, which is more than the chip has in RAM. A client may read a window of 128 MB in one halt.
const MOST_BLOCKS: usize = 4096;

/// Blocks by their first address.
#[derive(Debug, Default)]
pub(super) struct MemoryCache {
    blocks: BTreeMap<u32, [u8; BLOCK]>,
}

impl MemoryCache {
    pub(super) fn clear(&mut self) {
        self.blocks.clear();
    }

    /// Forgets the blocks that `stays` does not hold for, by their first address.
    pub(super) fn retain(&mut self, stays: impl Fn(Address) -> bool) {
        self.blocks.retain(|start, _| stays(Address(*start)));
    }

    /// The first address of the block that `address` lies in.
    pub(super) fn start_of(address: Address) -> Address {
        Address(address.0 & !(BLOCK as u32 - 1))
    }

    /// The bytes from `address` to the end of its block, if the block is here.
    pub(super) fn from(&self, address: Address) -> Option<&[u8]> {
        let start = Self::start_of(address);
        let block = self.blocks.get(&start.0)?;
        Some(&block[(address.0 - start.0) as usize..])
    }

    /// Keeps whole blocks from `start` on; a rest is dropped.
    pub(super) fn keep(&mut self, start: Address, data: &[u8]) {
        let (blocks, _) = data.as_chunks::<BLOCK>();
        if self.blocks.len() + blocks.len() > MOST_BLOCKS {
            self.blocks.clear();
        }
        for (index, block) in blocks.iter().enumerate() {
            self.blocks.insert(start.0 + (index * BLOCK) as u32, *block);
        }
    }

    /// What is written to memory is written here too.
    pub(super) fn update(&mut self, address: Address, data: &[u8]) {
        for (at, byte) in (address.0..).zip(data) {
            let start = Self::start_of(Address(at));
            if let Some(block) = self.blocks.get_mut(&start.0) {
                block[(at - start.0) as usize] = *byte;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_read_from_end_to_end_is_not_kept() {
        let mut cache = MemoryCache::default();
        let piece = vec![0x5A; 16 * 1024];
        for start in (0x7000_0000..0x7800_0000).step_by(piece.len()) {
            cache.keep(Address(start), &piece);
            assert_eq!(cache.from(Address(start)).map(<[u8]>::len), Some(BLOCK));
            assert!(cache.blocks.len() <= MOST_BLOCKS);
        }
    }
}

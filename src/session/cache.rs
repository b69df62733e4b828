//! Memory of the halted core, fetched once a halt in blocks. Only memory that a read does not change comes here: never a peripheral.

use std::collections::BTreeMap;

use crate::layout::Address;

/// Bytes of a block: eight cache lines, one transfer within every probe's packet.
pub(super) const BLOCK: usize = 256;

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

//! Blocks that refuse programs and erases.

use super::Nor;

impl Nor {
    /// True if a byte of the range is protected.
    pub(super) fn is_protected(&self, start: u32, length: u32) -> bool {
        let size = self.part.size();
        match self.registers.protected(size) {
            (_, 0) => false,
            (true, bytes) => start < bytes,
            (false, bytes) => start + length > size - bytes,
        }
    }
}

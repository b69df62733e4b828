//! What the board counted, as its command `statistics` tells it.

use std::ops::Sub;

use serde::{Deserialize, Serialize};

/// What was done to a flash memory.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wear {
    pub erased_bytes: u64,
    pub programmed_bytes: u64,
}

/// Everything since the board was made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    pub exchanges: u64,
    pub transfers: u64,
    pub bytes: u64,
    /// Modelled time of the link alone: exchanges at their cost, bits at the set clock.
    pub link_ns: u64,
    /// The board's own time.
    pub time_ns: u64,
    pub nor: Wear,
    pub internal_flash: Wear,
}

impl Sub for Wear {
    type Output = Self;

    fn sub(self, earlier: Self) -> Self {
        Self {
            erased_bytes: self.erased_bytes - earlier.erased_bytes,
            programmed_bytes: self.programmed_bytes - earlier.programmed_bytes,
        }
    }
}

impl Sub for Counts {
    type Output = Self;

    fn sub(self, earlier: Self) -> Self {
        Self {
            exchanges: self.exchanges - earlier.exchanges,
            transfers: self.transfers - earlier.transfers,
            bytes: self.bytes - earlier.bytes,
            link_ns: self.link_ns - earlier.link_ns,
            time_ns: self.time_ns - earlier.time_ns,
            nor: self.nor - earlier.nor,
            internal_flash: self.internal_flash - earlier.internal_flash,
        }
    }
}

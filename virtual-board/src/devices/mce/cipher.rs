//! What stands for the ciphers of the engines: a permutation of blocks of 16 bytes, and a key stream for them.
//!
//! The real ones are AES-128 (MCE1) and Noekeon (MCE2, MCE3), with a derivation of keys and a use of the address that the sources at
//! hand do not give in full, so no image made for a real engine could be read here anyway. What matters to software holds: who has
//! the key gets its data back, nobody else does, and equal data at two addresses differ. It protects nothing.

/// Rounds of the Feistel network.
const ROUNDS: u64 = 4;

/// A key with its use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cipher {
    pub(super) key: [u32; 4],
    /// Nonce and version of a stream; what tells one mode from the other.
    pub(super) domain: u64,
    /// A stream is the same both ways.
    pub(super) is_stream: bool,
}

/// 16 bytes.
pub type Block = [u32; 4];

impl Cipher {
    /// Each byte is enciphered by itself.
    pub fn is_stream(&self) -> bool {
        self.is_stream
    }

    /// What stands in memory for `plain` at `address`.
    pub fn encipher(&self, address: u32, plain: Block) -> Block {
        if self.is_stream {
            return self.streamed(address, plain);
        }
        let (mut left, mut right) = halves(plain);
        for round in 0..ROUNDS {
            (left, right) = (right, left ^ self.mix(round, address, right));
        }
        joined(left, right)
    }

    /// What `stored` at `address` means.
    pub fn decipher(&self, address: u32, stored: Block) -> Block {
        if self.is_stream {
            return self.streamed(address, stored);
        }
        let (mut left, mut right) = halves(stored);
        for round in (0..ROUNDS).rev() {
            (left, right) = (right ^ self.mix(round, address, left), left);
        }
        joined(left, right)
    }

    fn streamed(&self, address: u32, block: Block) -> Block {
        let (left, right) = halves(block);
        joined(
            left ^ self.mix(0, address, 0),
            right ^ self.mix(1, address, 0),
        )
    }

    /// splitmix64 of half a block with key, address and round.
    fn mix(&self, round: u64, address: u32, half: u64) -> u64 {
        let (low, high) = halves(self.key);
        let key = if round & 1 == 0 { low } else { high };
        let mut state = half ^ key.rotate_left(round as u32);
        for word in [self.domain, u64::from(address) << 3 | round] {
            state = state.wrapping_add(word).wrapping_add(0x9E37_79B9_7F4A_7C15);
            state = (state ^ state >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
            state = (state ^ state >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
            state ^= state >> 31;
        }
        state
    }
}

fn halves(block: Block) -> (u64, u64) {
    let half = |low: u32, high: u32| u64::from(low) | u64::from(high) << 32;
    (half(block[0], block[1]), half(block[2], block[3]))
}

fn joined(left: u64, right: u64) -> Block {
    [
        left as u32,
        (left >> 32) as u32,
        right as u32,
        (right >> 32) as u32,
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAIN: Block = [0, 0, 0, 0xFFFF_FFFF];

    fn cipher(key: u32, is_stream: bool) -> Cipher {
        Cipher {
            key: [key, 2, 3, 4],
            domain: 5,
            is_stream,
        }
    }

    #[test]
    fn only_the_same_key_at_the_same_address_gives_the_data_back() {
        for is_stream in [false, true] {
            let right = cipher(1, is_stream);
            let stored = right.encipher(0x40, PLAIN);
            assert_eq!(right.decipher(0x40, stored), PLAIN);
            assert_ne!(right.decipher(0x50, stored), PLAIN);
            assert_ne!(cipher(9, is_stream).decipher(0x40, stored), PLAIN);
            let equal = stored.iter().zip(PLAIN).filter(|(a, b)| **a == *b);
            assert_eq!(equal.count(), 0, "no word shines through");
        }
    }
}

//! Registers for a client that has read no target description, as GDB without one numbers an Arm core's (GDB, `arm_register_names` and
//! `features/arm/arm-m-profile-with-fpa.xml`): r0-r15, eight registers of 12 bytes of a floating point unit that this core has not,
//! that unit's status, and the program status at number 25.
//!
//! `set remote target-features-packet off` makes such a client of GDB, and so does `set remote supported-packets-packet off`: it offers
//! nothing then. It connects, and shows r0-r15 and xPSR; MSP and the registers beyond it cannot have.

use super::arch::{GENERAL_REGISTERS, Number};

/// Bytes of `g` and `G`.
pub const BYTES: usize = STATUS + 4;

/// Bytes of r0-r15.
const CORE: usize = 16 * 4;
/// Where the program status lies.
const STATUS: usize = CORE + 8 * 12 + 4;
/// The program status.
const STATUS_NUMBER: u32 = 25;

/// What a register's number stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Meaning {
    /// One of the target description.
    Ours(Number),
    /// One that is not there, of so many bytes.
    Absent(usize),
    /// None.
    Unknown,
}

/// The meaning of `number`.
pub fn meaning(number: u32) -> Meaning {
    match number {
        0..=15 => Meaning::Ours(Number(number as u16)),
        16..=23 => Meaning::Absent(12),
        24 => Meaning::Absent(4),
        STATUS_NUMBER => Meaning::Ours(Number::XPSR),
        _ => Meaning::Unknown,
    }
}

/// The number of a register of ours, if it has one.
pub fn number(ours: Number) -> Option<u16> {
    match ours {
        Number(0..=15) => Some(ours.0),
        Number::XPSR => Some(STATUS_NUMBER as u16),
        _ => None,
    }
}

/// The reply to `g`, from ours.
pub fn general(digits: &[u8]) -> Vec<u8> {
    let (Some(core), Some(status)) = (digits.get(..2 * CORE), digits.get(2 * CORE..2 * CORE + 8))
    else {
        return digits.to_vec();
    };
    let absent = vec![b'x'; 2 * (STATUS - CORE)];
    [core, &absent, status].concat()
}

/// The values of `G` in our order. Those that it does not carry are kept as they are in `now`.
pub fn values(bytes: &[u8], now: [u32; GENERAL_REGISTERS]) -> Option<Vec<u8>> {
    if bytes.len() != BYTES {
        return None;
    }
    let mut values = [bytes.get(..CORE)?, bytes.get(STATUS..)?].concat();
    for value in now.iter().skip(values.len() / 4) {
        values.extend(value.to_le_bytes());
    }
    Some(values)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_go_there_and_back() {
        assert_eq!(BYTES, 168);
        assert_eq!(meaning(15), Meaning::Ours(Number::PC));
        assert_eq!(meaning(16), Meaning::Absent(12));
        assert_eq!(meaning(25), Meaning::Ours(Number::XPSR));
        assert_eq!(meaning(26), Meaning::Unknown);
        assert_eq!(number(Number::XPSR), Some(25));
        assert_eq!(number(Number::MSP), None);
    }

    #[test]
    fn general_registers_go_there_and_back() {
        let ours: Vec<u8> = (0..2 * 4 * GENERAL_REGISTERS)
            .map(|at| b"0123456789"[at % 10])
            .collect();
        let theirs = general(&ours);
        assert_eq!(theirs.len(), 2 * BYTES);
        assert_eq!(theirs[..2 * CORE], ours[..2 * CORE]);
        assert_eq!(theirs[2 * STATUS..], ours[2 * CORE..2 * CORE + 8]);
        assert_eq!(general(b"E05"), b"E05");

        let mut bytes = vec![0; BYTES];
        bytes[60] = 15;
        bytes[STATUS] = 16;
        let values = values(&bytes, [7; GENERAL_REGISTERS]).expect("of the right length");
        let (words, _) = values.as_chunks::<4>();
        assert_eq!(words.len(), GENERAL_REGISTERS);
        assert_eq!(
            (words[15], words[16], words[17]),
            ([15, 0, 0, 0], [16, 0, 0, 0], [7, 0, 0, 0])
        );
        assert_eq!(super::values(&[0; 76], [0; GENERAL_REGISTERS]), None);
    }
}

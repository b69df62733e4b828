//! 32-bit loads and stores (ARM ARM A5.3.5 to A5.3.10).

use crate::bus::Width;

use super::{Operation::*, *};

/// Load and store multiple (A5.3.5).
pub(super) fn multiple(e: u32) -> Operation {
    let before = match bits(e, 24, 23) {
        0b01 => false,
        0b10 => true,
        _ => return Undefined,
    };
    let (n, list, writeback) = (register(e, 16), bits(e, 15, 0) as u16, bit(e, 21));
    if n == 15 || list == 0 {
        return Undefined;
    }
    if bit(e, 20) {
        LoadMultiple {
            n,
            list,
            before,
            writeback,
        }
    } else {
        StoreMultiple {
            n,
            list,
            before,
            writeback,
        }
    }
}

/// Load and store dual or exclusive, table branch (A5.3.6).
pub(super) fn dual_exclusive_table(e: u32) -> Operation {
    let (n, t, t2) = (register(e, 16), register(e, 12), register(e, 8));
    let scaled = (bits(e, 7, 0) * 4) as i16;
    let (add, write_back, load) = (bit(e, 23), bit(e, 21), bit(e, 20));
    if !bit(e, 24) && !write_back {
        return if add {
            narrow_exclusive_or_table(e, n, t, load)
        } else if load {
            LoadExclusive {
                width: Width::Word,
                t,
                n,
                offset: scaled,
            }
        } else {
            StoreExclusive {
                width: Width::Word,
                d: t2,
                t,
                n,
                offset: scaled,
            }
        };
    }
    let offset = if add { scaled } else { -scaled };
    let index = index(bit(e, 24), write_back);
    if load {
        LoadDual {
            t,
            t2,
            n,
            index,
            offset,
        }
    } else if n == 15 {
        Undefined
    } else {
        StoreDual {
            t,
            t2,
            n,
            index,
            offset,
        }
    }
}

fn narrow_exclusive_or_table(e: u32, n: u8, t: u8, load: bool) -> Operation {
    let width = match bits(e, 7, 4) {
        0 | 1 if load => {
            return TableBranch {
                half: bit(e, 4),
                n,
                m: register(e, 0),
            };
        }
        4 => Width::Byte,
        5 => Width::Half,
        _ => return Undefined,
    };
    if load {
        LoadExclusive {
            width,
            t,
            n,
            offset: 0,
        }
    } else {
        StoreExclusive {
            width,
            d: register(e, 0),
            t,
            n,
            offset: 0,
        }
    }
}

fn index(pre: bool, write_back: bool) -> Index {
    match (pre, write_back) {
        (true, false) => Index::Offset,
        (true, true) => Index::Pre,
        (false, _) => Index::Post,
    }
}

/// The four ways to form an address that single loads and stores share.
enum Addressing {
    Immediate(Index, i16),
    Register { m: u8, shift: u8 },
}

fn addressing(e: u32) -> Option<Addressing> {
    if bit(e, 23) {
        return Some(Addressing::Immediate(Index::Offset, bits(e, 11, 0) as i16));
    }
    if !bit(e, 11) {
        let shift = bits(e, 5, 4) as u8;
        let m = register(e, 0);
        return (bits(e, 10, 6) == 0).then_some(Addressing::Register { m, shift });
    }
    let immediate = bits(e, 7, 0) as i16;
    let (pre, add, write_back) = (bit(e, 10), bit(e, 9), bit(e, 8));
    match (pre, add, write_back) {
        (false, _, false) => None,
        (true, true, false) => Some(Addressing::Immediate(Index::Unprivileged, immediate)),
        _ => {
            let offset = if add { immediate } else { -immediate };
            Some(Addressing::Immediate(index(pre, write_back), offset))
        }
    }
}

/// Store single data item (A5.3.10).
pub(super) fn store(e: u32) -> Operation {
    let (t, n) = (register(e, 12), register(e, 16));
    let width = match bits(e, 22, 21) {
        0 => Width::Byte,
        1 => Width::Half,
        2 => Width::Word,
        _ => return Undefined,
    };
    if n == 15 {
        return Undefined;
    }
    match addressing(e) {
        Some(Addressing::Immediate(index, offset)) => Store {
            width,
            t,
            n,
            index,
            offset,
        },
        Some(Addressing::Register { m, shift }) => StoreRegister {
            width,
            t,
            n,
            m,
            shift,
        },
        None => Undefined,
    }
}

/// Load word, halfword or byte, and memory hints (A5.3.7 to A5.3.9).
pub(super) fn load(e: u32) -> Operation {
    let (t, n) = (register(e, 12), register(e, 16));
    let size = match (bit(e, 24), bits(e, 22, 21)) {
        (false, 0) => LoadSize::Byte,
        (false, 1) => LoadSize::Half,
        (false, 2) => LoadSize::Word,
        (true, 0) => LoadSize::SignedByte,
        (true, 1) => LoadSize::SignedHalf,
        _ => return Undefined,
    };
    let operation = if n == 15 {
        let offset = bits(e, 11, 0) as i16;
        Load {
            size,
            t,
            n,
            index: Index::Offset,
            offset: if bit(e, 23) { offset } else { -offset },
        }
    } else {
        match addressing(e) {
            Some(Addressing::Immediate(index, offset)) => Load {
                size,
                t,
                n,
                index,
                offset,
            },
            Some(Addressing::Register { m, shift }) => LoadRegister {
                size,
                t,
                n,
                m,
                shift,
            },
            None => return Undefined,
        }
    };
    // PLD, PLI and the unallocated hints take the place of loads to the pc that are not words.
    if t == 15 && size != LoadSize::Word {
        return Nothing;
    }
    operation
}

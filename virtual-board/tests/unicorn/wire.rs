//! What is exchanged with `oracle.py`: little-endian records, as its `struct` formats say.

use std::io::{self, Read, Write};

/// Where the instructions of all cases lie: `SLOT` bytes each, the rest of them NOPs, with padding around for literal loads.
pub const CODE_BASE: u32 = 0x1000_0000;
pub const SLOT: u32 = 32;
pub const PADDING: u32 = 0x2000;
/// Memory that loads and stores reach.
pub const DATA_BASE: u32 = 0x2000_0000;
pub const DATA_SIZE: u32 = 0x4000;

/// Which model of unicorn answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Oracle {
    MProfile = 0,
    AProfile = 1,
}

/// Registers before or after a case.
#[derive(Clone, Debug, PartialEq)]
pub struct State {
    /// R0-R12, SP, LR, PC.
    pub r: [u32; 16],
    pub apsr: u32,
    pub fpscr: u32,
    pub s: [u32; 32],
    /// Bytes of the data memory that changed: offset and new value.
    pub memory: Vec<(u16, u8)>,
    /// True if it ended in an exception of any kind.
    pub trapped: bool,
}

/// One test case: the code at `state.r[15]` is executed from `state`.
#[derive(Clone, Debug)]
pub struct Case {
    /// Index of its class.
    pub class: usize,
    pub oracle: Oracle,
    pub code: Vec<u16>,
    /// Instructions in `code`.
    pub count: u8,
    pub state: State,
}

/// The memories that all cases start from.
pub struct Memories {
    pub code: Vec<u8>,
    pub data: Vec<u8>,
}

pub fn write_request<'a>(
    out: &mut impl Write,
    memories: &Memories,
    cases: impl Iterator<Item = &'a Case>,
) -> io::Result<()> {
    let word = |out: &mut dyn Write, value: u32| out.write_all(&value.to_le_bytes());
    word(out, CODE_BASE)?;
    word(out, memories.code.len() as u32)?;
    word(out, DATA_BASE)?;
    word(out, memories.data.len() as u32)?;
    out.write_all(&memories.code)?;
    out.write_all(&memories.data)?;
    for case in cases {
        let length = (case.code.len() * 2) as u8;
        out.write_all(&[case.oracle as u8, case.count, length, 0])?;
        let State {
            r, apsr, fpscr, s, ..
        } = &case.state;
        word(out, r[15])?;
        for value in r[..15].iter().chain([apsr, fpscr]).chain(s) {
            word(out, *value)?;
        }
    }
    Ok(())
}

pub fn read_state(input: &mut impl Read) -> io::Result<State> {
    let mut words = [0; 52];
    for word in &mut words {
        let mut bytes = [0; 4];
        input.read_exact(&mut bytes)?;
        *word = u32::from_le_bytes(bytes);
    }
    let [error, values @ .., differences] = words;
    let mut memory = Vec::new();
    for _ in 0..differences {
        let mut bytes = [0; 4];
        input.read_exact(&mut bytes)?;
        let [low, high, value, _] = bytes;
        memory.push((u16::from_le_bytes([low, high]), value));
    }
    let mut state = State {
        r: [0; 16],
        apsr: values[16],
        fpscr: values[17],
        s: [0; 32],
        memory,
        trapped: error != 0,
    };
    state.r.copy_from_slice(&values[..16]);
    state.s.copy_from_slice(&values[18..]);
    Ok(state)
}

//! Memory images for tests: recorded from running kernels, text, a line a row; rows that are not there are zero. The first memory is RAM.

use std::collections::BTreeMap;

use super::{Context, Core, Kernel, Memory, Place, ReadError, Running, Threads};
use crate::{
    image::{Symbols, Variable},
    layout::Address,
};

/// A recorded program.
#[derive(Clone, Debug)]
pub(crate) struct Recorded {
    pub(crate) symbols: Symbols,
    registers: BTreeMap<String, u32>,
    memories: Vec<(u32, Vec<u8>)>,
}

impl Recorded {
    pub(crate) fn parse(text: &str) -> Self {
        let (mut variables, mut registers) = (Vec::new(), BTreeMap::new());
        let mut memories: Vec<(u32, Vec<u8>)> = Vec::new();
        for line in text.lines().filter(|line| !line.starts_with('#')) {
            let words: Vec<&str> = line.split_whitespace().collect();
            match words[..] {
                ["symbol", name, address, size] => variables.push(Variable {
                    address: Address(hex(address)),
                    size: size.parse().unwrap(),
                    name: name.to_owned(),
                }),
                ["register", name, value] => {
                    registers.insert(name.to_owned(), hex(value));
                }
                ["memory", address, length] => {
                    memories.push((hex(address), vec![0; hex(length) as usize]));
                }
                [address, row] => {
                    let (start, bytes) = memories.last_mut().unwrap();
                    let at = (hex(address) - *start) as usize;
                    for (index, pair) in row.as_bytes().chunks(2).enumerate() {
                        let pair = std::str::from_utf8(pair).unwrap();
                        bytes[at + index] = u8::from_str_radix(pair, 16).unwrap();
                    }
                }
                _ => panic!("not understood: {line}"),
            }
        }
        Self {
            symbols: Symbols::of_variables(variables),
            registers,
            memories,
        }
    }

    /// RAM: the first of the memories.
    fn ram(&self) -> (u32, usize) {
        let (start, bytes) = &self.memories[0];
        (*start, bytes.len())
    }

    pub(crate) fn address(&self, name: &str) -> Address {
        super::variable(&self.symbols, name).unwrap().address
    }

    pub(crate) fn poke(&mut self, address: Address, word: u32) {
        let (start, bytes) = &mut self.memories[0];
        let at = (address.0 - *start) as usize;
        bytes[at..at + 4].copy_from_slice(&word.to_le_bytes());
    }

    pub(crate) fn peek(&mut self, address: Address) -> u32 {
        self.word(address).unwrap()
    }

    /// Addresses of all words of memory.
    pub(crate) fn words(&self) -> impl Iterator<Item = Address> + use<> {
        let (start, length) = self.ram();
        (start..start + length as u32).step_by(4).map(Address)
    }

    /// What the core's registers say.
    pub(crate) fn core(&self) -> Core {
        let register = |name| self.registers.get(name).copied().unwrap_or_default();
        Core {
            handles_exception: register("xpsr") & 0x1FF != 0,
            on_process_stack: register("control") & 2 != 0,
        }
    }

    pub(crate) fn threads(&mut self, kernel: &dyn Kernel) -> Threads {
        let core = self.core();
        Threads::read(kernel, core, self).unwrap()
    }

    pub(crate) fn running(&mut self, kernel: &dyn Kernel) -> Running {
        let core = self.core();
        kernel.running(core, self).unwrap()
    }

    /// A line a thread: what a table shows, and pc, sp and s20, by which a frame shows that it was understood.
    pub(crate) fn table(&mut self, threads: &Threads) -> String {
        let mut table = String::new();
        for thread in &threads.list {
            let mut value = |number| match thread.context.place(number) {
                Place::At(address) => format!("{:08x}", self.peek(address)),
                Place::Is(value) => format!("{value:08x}"),
                Place::Core => "core".to_owned(),
                Place::Unknown => "-".to_owned(),
            };
            let (pc, sp, s20) = (value(15), value(13), value(23 + 10));
            let (name, state) = (&thread.name, &thread.state);
            table.push_str(&format!(
                "{:08x} {name}: {state}; pc {pc} sp {sp} s20 {s20}\n",
                thread.id.0
            ));
        }
        for damage in &threads.damage {
            table.push_str(&format!("damage: {damage}\n"));
        }
        table
    }
}

impl Recorded {
    /// Whatever single word is wrong, the list ends, no thread is there twice, and one of them runs.
    pub(crate) fn survives_any_wrong_word(&self, kernel: &dyn Kernel) {
        let somewhere = self.ram().0 + 0x28;
        for address in self.words() {
            for wrong in [0, somewhere, u32::MAX] {
                let mut image = self.clone();
                image.poke(address, wrong);
                let threads = image.threads(kernel);
                assert!(threads.find(threads.running).is_some(), "{address}");
                let mut ids: Vec<_> = threads.list.iter().map(|thread| thread.id).collect();
                ids.sort();
                ids.dedup();
                assert_eq!(ids.len(), threads.list.len(), "{address}");
            }
        }
    }
}

/// A table as a test writes it: indented, with a line before and one behind.
pub(crate) fn lines(text: &str) -> String {
    let lines = text.trim().lines();
    lines.map(|line| format!("{}\n", line.trim())).collect()
}

impl Memory for Recorded {
    fn read(&mut self, address: Address, data: &mut [u8]) -> Result<(), ReadError> {
        let found = self.memories.iter().find_map(|(start, bytes)| {
            let at = (address.0 as usize).wrapping_sub(*start as usize);
            bytes.get(at..at.wrapping_add(data.len()))
        });
        let bytes = found.ok_or(ReadError::Outside { address })?;
        data.copy_from_slice(bytes);
        Ok(())
    }
}

fn hex(text: &str) -> u32 {
    u32::from_str_radix(text.trim_start_matches("0x"), 16).unwrap()
}

#[test]
fn a_context_without_a_frame_knows_nothing() {
    let context = Context::saved();
    assert!(!context.is_live());
    assert_eq!(context.place(15), Place::Unknown);
    assert_eq!(context.place(99), Place::Unknown);
}

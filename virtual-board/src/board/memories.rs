//! The memories that outlive the power: seen and filled behind everybody's back, and kept in the state file.

use std::path::Path;

use super::{Board, BuildError};
use crate::{
    devices::{
        external_memory::ExternalMemory,
        flash::{SECTOR, SIZE, WORD},
        socket::Socket,
    },
    nor::Nor,
    state::{BLANK, Claim, State, StateError},
};

/// Names of the memories in a state file.
const INTERNAL_FLASH: &str = "internal flash";
const NOR: &str = "NOR";
/// One byte a flash word of internal flash: blank where its ECC fits.
const ECC: &str = "internal flash ECC";
/// A flash word whose ECC does not fit.
const BROKEN: u8 = 0;
/// What tells chips apart; never blank.
const IDENTIFIER: &str = "unique identifier";
/// And of the option words, in errors.
const OPTION_WORDS: &str = "the option words";

/// What was done to a flash memory since the board was made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Wear {
    /// Bytes programmed.
    pub programmed_bytes: u64,
    /// Sectors erased.
    pub erased_sectors: u64,
    /// Bytes of the ranges that were erased.
    pub erased_bytes: u64,
}

impl Board {
    /// Contents of internal flash.
    pub fn internal_flash(&self) -> &[u8] {
        self.flash().array().contents()
    }

    /// What was done to internal flash.
    pub fn internal_flash_wear(&self) -> Wear {
        Wear {
            programmed_bytes: self.flash().programmed_bytes(),
            erased_sectors: self.flash().erased_sectors(),
            erased_bytes: self.flash().erased_sectors() * u64::from(SECTOR),
        }
    }

    /// Puts bytes into internal flash behind everybody's back.
    pub fn program_internal_flash(
        &mut self,
        offset: usize,
        bytes: &[u8],
    ) -> Result<(), BuildError> {
        if self.flash_mut().array_mut().store(offset, bytes) {
            return Ok(());
        }
        Err(BuildError::ImageTooLarge {
            memory: INTERNAL_FLASH,
            image: bytes.len(),
            offset,
            capacity: SIZE as usize,
        })
    }

    /// The NOR.
    pub fn nor(&self) -> &Nor {
        let mut sockets = self.chip.map.wires.sockets.iter().flatten();
        sockets
            .find_map(Socket::chip)
            .expect("every description has a NOR")
    }

    /// The NOR, to give it a past: a mode that firmware left it in, an operation that goes on, protected blocks.
    pub fn nor_mut(&mut self) -> &mut Nor {
        let wires = &mut self.chip.map.wires;
        // A window that is open looks at the chip anew.
        wires.generation += 1;
        let mut sockets = wires.sockets.iter_mut().flatten();
        sockets
            .find_map(Socket::chip_mut)
            .expect("every description has a NOR")
    }

    /// Bytes of the NOR's array.
    pub fn nor_contents(&self, offset: u32, bytes: &mut [u8]) {
        self.nor().contents().load(offset, bytes);
    }

    /// What was done to the NORs, all of them together.
    pub fn nor_wear(&self) -> Wear {
        let sockets = self.chip.map.wires.sockets.iter().flatten();
        let counters = sockets.filter_map(Socket::chip::<Nor>).map(Nor::counters);
        counters.fold(Wear::default(), |sum, chip| Wear {
            programmed_bytes: sum.programmed_bytes + chip.programmed_bytes,
            erased_sectors: sum.erased_sectors + chip.erased_sectors,
            erased_bytes: sum.erased_bytes + chip.erased_bytes,
        })
    }

    /// Puts bytes into the NOR behind everybody's back.
    pub fn program_nor(&mut self, offset: u32, bytes: &[u8]) -> Result<(), BuildError> {
        let memory = self.nor_mut();
        let capacity = memory.size() as usize;
        if offset as usize + bytes.len() > capacity {
            return Err(BuildError::ImageTooLarge {
                memory: NOR,
                image: bytes.len(),
                offset: offset as usize,
                capacity,
            });
        }
        memory.contents_mut().store(offset, bytes);
        Ok(())
    }

    /// Writes the state file, if there is one.
    pub fn save(&self) -> Result<(), StateError> {
        match &self.state_file {
            Some(claim) => self.state().save(claim.path()),
            None => Ok(()),
        }
    }

    /// Keeps the memories in another file, if no other board has it.
    pub fn save_to(&self, path: &Path) -> Result<(), StateError> {
        let own = self.state_file.as_ref().map(Claim::path);
        if own.map(std::path::absolute).and_then(Result::ok) == std::path::absolute(path).ok() {
            return self.save();
        }
        let claim = Claim::take(path)?;
        self.state().save(claim.path())
    }

    /// Takes the power away, gives every memory what the file holds and nothing else, and gives the power back.
    pub fn load_from(&mut self, path: &Path) -> Result<(), StateError> {
        let state = State::load(path)?.ok_or_else(|| StateError::Absent {
            path: path.to_owned(),
        })?;
        let before = self.state();
        self.blank();
        let result = self.restore(&state, path);
        if result.is_err() {
            self.blank();
            self.restore(&before, path)?;
        }
        self.power_cycle();
        result
    }

    fn blank(&mut self) {
        self.flash_mut()
            .array_mut()
            .store(0, &[BLANK; SIZE as usize]);
        let nor = self.nor_mut();
        let size = nor.size();
        nor.contents_mut().clear(0, size);
    }

    fn state(&self) -> State {
        let mut state = State {
            option_words: self.flash().options().all().collect(),
            boot_pin: self.boot_pin,
            ..State::default()
        };
        state.keep(INTERNAL_FLASH, 0, self.flash().array().contents());
        let mut ecc = vec![BLANK; (SIZE / WORD) as usize];
        for word in self.flash().array().broken_words() {
            ecc[word as usize] = BROKEN;
        }
        state.keep(ECC, 0, &ecc);
        let identifier = self.unique_identifier().map(u32::to_le_bytes);
        state.keep(IDENTIFIER, 0, identifier.as_flattened());
        for (offset, bytes) in self.nor().contents().occupied() {
            state.keep(NOR, offset, bytes);
        }
        state
    }

    /// Fills the memories from `state`, read from `path`. All of it must find its place: what did not would be lost with the
    /// next [`Self::save`].
    pub(super) fn restore(&mut self, state: &State, path: &Path) -> Result<(), StateError> {
        let misfit = |memory: &str, offset, bytes: usize| StateError::Misfit {
            path: path.to_owned(),
            memory: memory.to_owned(),
            offset,
            bytes,
        };
        self.set_boot_pin(state.boot_pin);
        let options = self.flash_mut().options_mut();
        for (offset, word) in &state.option_words {
            if options.register(*offset).is_none() {
                return Err(misfit(OPTION_WORDS, *offset, size_of_val(word)));
            }
            options.set(*offset, *word);
        }
        let special = [ECC, IDENTIFIER];
        let plain = |memory: &&String| !special.contains(&memory.as_str());
        for memory in state.memories.keys().filter(plain) {
            for (offset, bytes) in state.blocks(memory) {
                let stored = match memory.as_str() {
                    INTERNAL_FLASH => self.program_internal_flash(offset as usize, bytes),
                    NOR => self.program_nor(offset, bytes),
                    _ => return Err(misfit(memory, offset, bytes.len())),
                };
                stored.map_err(|_| misfit(memory, offset, bytes.len()))?;
            }
        }
        for (offset, bytes) in state.blocks(ECC) {
            let array = self.flash_mut().array_mut();
            let broken = (offset..).zip(bytes).filter(|(_, byte)| **byte != BLANK);
            for (word, _) in broken {
                if !array.break_word(word) {
                    return Err(misfit(ECC, offset, bytes.len()));
                }
            }
        }
        for (offset, bytes) in state.blocks(IDENTIFIER) {
            let (words, rest) = bytes.as_chunks();
            let words: Vec<u32> = words.iter().map(|word| u32::from_le_bytes(*word)).collect();
            match <[u32; 3]>::try_from(words) {
                Ok(identifier) if rest.is_empty() => self.chip.map.identifier = identifier,
                _ => return Err(misfit(IDENTIFIER, offset, bytes.len())),
            }
        }
        Ok(())
    }

    /// The chip's unique identifier, 96 bits (RM0477, "Unique device ID register").
    pub fn unique_identifier(&self) -> [u32; 3] {
        self.chip.map.identifier
    }

    /// Gives the chip of a state file that has none yet an identifier of its own, made of the file's path.
    pub(super) fn identify(&mut self, state_file: &Path) {
        let path = std::path::absolute(state_file).unwrap_or_else(|_| state_file.to_owned());
        let hash = fnv(path.as_os_str().as_encoded_bytes());
        let [lot, ..] = self.chip.map.identifier;
        self.chip.map.identifier = [lot, hash as u32, (hash >> 32) as u32];
    }
}

/// FNV-1a, 64 bits.
fn fnv(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xCBF2_9CE4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01B3)
    })
}

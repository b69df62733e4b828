//! Checksums on the way to a program that is to begin as if nothing had been there.
//!
//! The core stands at the program's first instruction, and none of it has run. The routine (firmware/checksum, `in_passing.rs`) keeps the
//! general registers and the MPU itself, on its own stack; pc, stack pointer, status, vector catches and the RAM that it takes are read
//! before it and written back behind it. What cannot be put back: time has passed, for a timer or watchdog that the boot stage has
//! started; and lines of what was compared may be in the data cache, unchanged.
//!
//! A routine that faulted has left an exception behind that nothing takes back: the board then has to be reset.

use std::{ops::Range, sync::OnceLock};

use super::{
    LoaderError, Plan,
    call::Caller,
    checksum::{self, parts},
    core_state,
};
use crate::{
    layout::{Address, BoardProfile},
    link::{CoreRegister, Link, LinkError, RegisterAccess},
    registers::debug::{Demcr, SCS},
    window::Windows,
};

/// firmware/checksum, made for a core whose state is kept.
const FILE: &[u8] = include_bytes!("../../firmware/prebuilt/checksum-in-passing.elf");

/// Its name in messages.
const NAME: &str = "checksum in passing";

/// It takes 156.
const STACK_BYTES: usize = 0xC0;

/// The instruction at which it ends, and the request behind that: five instructions come first, in 16 bytes.
const END: usize = 0xE;
const REQUEST: usize = 0x10;

/// Runs in one list lie in one of the parts that the memory map gives to a window or to the RAMs.
const BITS_OF_A_PART: u32 = 28;

/// IPSR and EPSR.T of xPSR; CONTROL.nPRIV of what answers for the four special registers (ARM ARM C1.6.3).
const EXCEPTION: u32 = 0x1FF;
const THUMB: u32 = 1 << 24;
const UNPRIVILEGED: u32 = 1 << 24;

/// CRC-32 of each part of `runs` between multiples of `unit`. The core and its RAM are afterwards as they were, unless an error says that
/// the routine did not return. What lies in a window must be open.
pub fn checksums_in_passing(
    link: &mut dyn Link,
    windows: &mut Windows,
    profile: &BoardProfile,
    runs: &[Range<u64>],
    unit: u32,
) -> Result<Vec<u32>, LoaderError> {
    let routine = Routine::beside(profile, runs, unit)?;
    let before = State::of(link, &routine)?;
    core_state::catch_every_fault(link, before.catches)?;
    let caller = Caller::ending(NAME, routine.at(END), core_state::is_watchdog_on(link)?);
    let mut sums = Vec::new();
    for runs in runs.chunk_by(|a, b| a.start >> BITS_OF_A_PART == b.start >> BITS_OF_A_PART) {
        sums.extend(routine.run(&caller, link, windows, &before, runs)?);
    }
    before.put_back(link, &routine)?;
    Ok(sums)
}

/// The routine in its place: its code with the request, the list of runs, the results, the stack.
struct Routine {
    code: &'static [u8],
    start: Address,
    bytes: usize,
    list: usize,
    results: usize,
    unit: u32,
}

impl Routine {
    fn beside(profile: &BoardProfile, runs: &[Range<u64>], unit: u32) -> Result<Self, LoaderError> {
        static CODE: OnceLock<Vec<u8>> = OnceLock::new();
        let code = checksum::code(&CODE, FILE, NAME)?;
        let list = code.len().next_multiple_of(4);
        let results = list + runs.len() * checksum::RUN_BYTES;
        let end = results + 4 * (1 + parts(runs, unit) as usize);
        let bytes = end.next_multiple_of(8) + STACK_BYTES;
        let start = Plan::one_piece_beside(profile, runs, bytes as u64)
            .ok_or_else(|| checksum::no_room(bytes as u32))?;
        Ok(Self {
            code,
            start,
            bytes,
            list,
            results,
            unit,
        })
    }

    fn at(&self, offset: usize) -> Address {
        Address(self.start.0 + offset as u32)
    }

    /// What is written for one call. The number of results is zero until all of them are there.
    fn image(&self, runs: &[Range<u64>]) -> Vec<u8> {
        let region = match (runs.first(), runs.last()) {
            (Some(first), Some(last)) if Address(first.start as u32).is_external() => {
                core_state::open_region(&(first.start..last.end))
            }
            _ => [0; 4],
        };
        let list = self.at(self.list).0;
        let results = self.at(self.results).0;
        let request = [list, runs.len() as u32, self.unit, results];
        let request = request.into_iter().chain(region).flat_map(u32::to_le_bytes);
        let mut image = self.code.to_vec();
        image.resize(self.list, 0);
        for (byte, asked) in image.iter_mut().skip(REQUEST).zip(request) {
            *byte = asked;
        }
        image.extend(checksum::list(runs));
        image.resize(self.results, 0);
        image.extend([0; 4]);
        image
    }

    fn run(
        &self,
        caller: &Caller,
        link: &mut dyn Link,
        windows: &mut Windows,
        before: &State,
        runs: &[Range<u64>],
    ) -> Result<Vec<u32>, LoaderError> {
        // RAM of the chip refuses nothing.
        link.post(self.start, &self.image(runs))?;
        let request = checksum::request(runs, self.start);
        let call = caller.begin_with(link, windows, request, &before.for_routine(self))?;
        caller.wait(link, windows, call)?;
        let count = parts(runs, self.unit);
        let mut bytes = vec![0; 4 * (1 + count as usize)];
        link.read(self.at(self.results), &mut bytes)?;
        let (words, _) = bytes.as_chunks::<4>();
        let mut words = words.iter().map(|word| u32::from_le_bytes(*word));
        match words.next() {
            Some(found) if found == count => Ok(words.collect()),
            found => Err(caller.reported(&request, found.unwrap_or_default())),
        }
    }
}

/// What the routine leaves to us.
struct State {
    special: u32,
    stack: u32,
    status: u32,
    pc: u32,
    catches: Demcr,
    ram: Vec<u8>,
}

impl State {
    fn of(link: &mut dyn Link, routine: &Routine) -> Result<Self, LinkError> {
        let mut registers = [0; 4];
        let names = [
            CoreRegister::SPECIAL,
            CoreRegister::SP,
            CoreRegister::XPSR,
            CoreRegister::PC,
        ];
        link.read_registers(&names, &mut registers)?;
        let [special, stack, status, pc] = registers;
        let mut ram = vec![0; routine.bytes];
        link.read(routine.start, &mut ram)?;
        Ok(Self {
            special,
            stack,
            status,
            pc,
            catches: link.peek(SCS)?,
            ram,
        })
    }

    /// The registers with which the routine begins: in the same exception, privileged.
    fn for_routine(&self, routine: &Routine) -> Vec<(CoreRegister, u32)> {
        let mut registers = vec![
            (CoreRegister::SP, routine.at(routine.bytes).0),
            (CoreRegister::XPSR, self.status & EXCEPTION | THUMB),
            (CoreRegister::PC, routine.start.0),
        ];
        if self.special & UNPRIVILEGED != 0 {
            registers.push((CoreRegister::SPECIAL, self.special & !UNPRIVILEGED));
        }
        registers
    }

    fn put_back(&self, link: &mut dyn Link, routine: &Routine) -> Result<(), LinkError> {
        link.post(routine.start, &self.ram)?;
        link.poke(SCS, self.catches)?;
        let mut registers = vec![
            (CoreRegister::SP, self.stack),
            (CoreRegister::XPSR, self.status),
            (CoreRegister::PC, self.pc),
        ];
        if self.special & UNPRIVILEGED != 0 {
            registers.push((CoreRegister::SPECIAL, self.special));
        }
        link.write_registers(&registers)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The routine ends where the caller waits for it, and its request lies where it is written.
    #[test]
    fn end_and_request_are_where_the_routine_has_them() {
        let profile = BoardProfile::find("stm32h7s78-dk").expect("the kit");
        let run = 0x7000_0000..0x7000_1000;
        let routine = Routine::beside(&profile, std::slice::from_ref(&run), 0x1000).expect("room");
        assert_eq!(routine.code[END..REQUEST], [0x00, 0xBE], "BKPT #0");
        assert!(routine.code[REQUEST..][..32].iter().all(|byte| *byte == 0));
        // ADR R0, #8 at offset 4: the address of what follows the BKPT.
        assert_eq!(routine.code[4..6], [0x02, 0xA0]);
        assert!(routine.bytes < 1000, "{}", routine.bytes);
    }
}

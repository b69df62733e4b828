//! Checksums on the way to a program that is to begin as if nothing had been there.
//!
//! The core stands at the program's first instruction, and none of it has run. What the routine takes is read before it and written back
//! behind it: the core's registers, the MPU with its last region, the vector catches, and 2 KB of RAM. What cannot be put back: time has
//! passed, for a timer or watchdog that the boot stage has started; and lines of what was compared may be in the data cache, unchanged.
//!
//! A routine that faulted has left an exception behind that nothing takes back: the board then has to be reset.

use std::ops::Range;

use super::{
    LoaderError, Plan,
    call::Caller,
    checksum::{self, Place},
    core_state,
};
use crate::{
    layout::{Address, BoardProfile},
    link::{CoreRegister, Link, LinkError, RegisterAccess},
    registers::{
        debug::{Demcr, SCS},
        mpu::{MpuControl, MpuRegionAttributes, MpuRegionBase, MpuRegionNumber},
    },
    window::Windows,
};

/// Its table takes 1 KiB of the stack; 128 answers at once.
const STACK_BYTES: u32 = 0x480;
const BUFFER_BYTES: u32 = 0x200;

/// Runs in one list lie in one of the parts that the memory map gives to a window or to the RAMs.
const BITS_OF_A_PART: u32 = 28;

/// The core's registers, in the order in which they are written back: CONTROL decides which stack pointer is in use, and is privileged.
const REGISTERS: [CoreRegister; 19] = [
    CoreRegister::SPECIAL,
    CoreRegister::MSP,
    CoreRegister::PSP,
    CoreRegister(0),
    CoreRegister(1),
    CoreRegister(2),
    CoreRegister(3),
    CoreRegister(4),
    CoreRegister(5),
    CoreRegister(6),
    CoreRegister(7),
    CoreRegister(8),
    CoreRegister(9),
    CoreRegister(10),
    CoreRegister(11),
    CoreRegister(12),
    CoreRegister::LR,
    CoreRegister::XPSR,
    CoreRegister::PC,
];

/// CRC-32 of each part of `runs` between multiples of `unit`. The core and its RAM are afterwards as they were, unless an error says that
/// the routine did not return. What lies in a window must be open.
pub fn checksums_in_passing(
    link: &mut dyn Link,
    windows: &mut Windows,
    profile: &BoardProfile,
    runs: &[Range<u64>],
    unit: u32,
) -> Result<Vec<u32>, LoaderError> {
    let plan = Plan::beside(profile, runs, STACK_BYTES, BUFFER_BYTES)
        .ok_or_else(|| checksum::no_room(STACK_BYTES))?;
    let before = State::of(link, &plan)?;
    core_state::mask_and_catch(link, before.catches)?;
    for (address, data) in plan.additions() {
        link.write(address, data)?;
    }
    let caller = Caller::bare(checksum::NAME, &plan, core_state::is_watchdog_on(link)?);
    let place = Place::of(&plan);
    let mut sums = Vec::new();
    for runs in runs.chunk_by(|a, b| a.start >> BITS_OF_A_PART == b.start >> BITS_OF_A_PART) {
        sums.extend(checksum::checksums(
            &caller, &place, link, windows, runs, unit,
        )?);
    }
    before.put_back(link)?;
    Ok(sums)
}

/// What the routine will change.
struct State {
    registers: [u32; REGISTERS.len()],
    catches: Demcr,
    mpu: Mpu,
    ram: Vec<(Address, Vec<u8>)>,
}

/// The MPU: what is in force, which region its registers show, and the last one.
struct Mpu {
    control: MpuControl,
    number: MpuRegionNumber,
    base: MpuRegionBase,
    attributes: MpuRegionAttributes,
}

impl State {
    fn of(link: &mut dyn Link, plan: &Plan) -> Result<Self, LinkError> {
        let mut registers = [0; REGISTERS.len()];
        link.read_registers(&REGISTERS, &mut registers)?;
        let mut ram = Vec::new();
        for (start, bytes) in plan.taken() {
            let mut there = vec![0; bytes as usize];
            link.read(start, &mut there)?;
            ram.push((start, there));
        }
        Ok(Self {
            registers,
            catches: link.peek(SCS)?,
            mpu: Mpu::of(link)?,
            ram,
        })
    }

    fn put_back(&self, link: &mut dyn Link) -> Result<(), LinkError> {
        for (start, bytes) in &self.ram {
            link.write(*start, bytes)?;
        }
        self.mpu.put_back(link)?;
        link.poke(SCS, self.catches)?;
        let registers: Vec<_> = REGISTERS.into_iter().zip(self.registers).collect();
        link.write_registers(&registers)
    }
}

impl Mpu {
    fn of(link: &mut dyn Link) -> Result<Self, LinkError> {
        let (control, number) = (link.peek(SCS)?, link.peek(SCS)?);
        link.poke(SCS, core_state::last_region())?;
        Ok(Self {
            control,
            number,
            base: link.peek(SCS)?,
            attributes: link.peek(SCS)?,
        })
    }

    fn put_back(&self, link: &mut dyn Link) -> Result<(), LinkError> {
        link.poke(SCS, core_state::last_region())?;
        link.poke(SCS, self.base)?;
        link.poke(SCS, self.attributes)?;
        link.poke(SCS, self.number)?;
        link.poke(SCS, self.control)
    }
}

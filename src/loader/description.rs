//! What a loader says of itself, and whether it fits a board: for `loader info`, `monitor loader` and JSON.

use std::fmt;

use serde::Serialize;

use super::{Convention, Plan, Routine, SectorRun};
use crate::{
    fault::Fault,
    layout::{BoardProfile, Memory},
    loader::LoaderError,
};

/// A loader, and what a board makes of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Description {
    /// Its file's name, or the name that selects it.
    pub name: String,
    /// What it is.
    pub kind: &'static str,
    /// The flash, as it calls it.
    pub device: String,
    /// First address of the flash.
    pub start: String,
    /// Its bytes.
    pub bytes: u64,
    /// What it takes in one call, or the flash's page.
    pub page_bytes: u32,
    /// What an erased byte reads as.
    pub erased_byte: u8,
    /// Its sectors.
    pub sectors: Vec<Sectors>,
    /// Its functions and where they are.
    pub functions: Vec<Function>,
    /// What it occupies in RAM.
    pub ram: Vec<Occupied>,
    /// Where its stack and buffers would be; none if there is no room.
    pub buffers: Option<Buffers>,
    /// Longest program and erase, in milliseconds.
    pub limits: [u64; 2],
    /// The windows of the board that it serves.
    pub windows: Vec<String>,
    /// What is in its way on this board.
    pub conflicts: Vec<String>,
}

/// Equal sectors.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Sectors {
    /// How many.
    pub count: u32,
    /// Bytes of each.
    pub bytes: u32,
}

/// A function.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Function {
    /// Its name.
    pub name: &'static str,
    /// Where it is.
    pub address: String,
}

/// A piece of RAM.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Occupied {
    /// First address.
    pub start: String,
    /// Bytes from the file.
    pub bytes: usize,
    /// Zeros.
    pub zeros: u32,
}

/// What is placed beside the loader.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Buffers {
    /// Initial stack pointer.
    pub stack_top: String,
    /// Bytes of the stack.
    pub stack_bytes: u32,
    /// The two buffers.
    pub starts: [String; 2],
    /// Bytes of each.
    pub bytes: u32,
}

impl Description {
    /// Looks at a routine with the eyes of a board. `program_bytes` is what one call may program at most.
    pub fn of(routine: &Routine, profile: &BoardProfile, program_bytes: Option<u32>) -> Self {
        let flash = &routine.flash;
        let plan = Plan::new(routine, profile, program_bytes);
        let nors = profile
            .windows
            .iter()
            .filter(|window| window.memory == Memory::Nor);
        let windows: Vec<String> = nors
            .filter(|window| flash.serves(&window.range(), window.sector_bytes))
            .map(ToString::to_string)
            .collect();
        let internal = flash.serves(&profile.internal_range(), profile.internal_sector_bytes);
        let windows = match internal {
            true => vec!["internal flash".to_owned()],
            false => windows,
        };
        let mut conflicts = Vec::new();
        if windows.is_empty() {
            conflicts.push(format!("it serves no flash of {}", profile.name));
        }
        if let Err(error) = &plan {
            conflicts.push(Fault::from(LoaderError::from(error.clone())).headline);
        }
        Self {
            name: routine.name.clone(),
            kind: kind(&routine.convention),
            device: flash.device.clone(),
            start: hexadecimal(flash.range.start as u32),
            bytes: flash.range.end - flash.range.start,
            page_bytes: flash.page_bytes,
            erased_byte: flash.erased_byte,
            sectors: flash.sectors.iter().map(Sectors::of).collect(),
            functions: functions(&routine.convention),
            ram: routine
                .segments
                .iter()
                .map(|segment| Occupied {
                    start: hexadecimal(segment.address.0),
                    bytes: segment.data.len(),
                    zeros: segment.zeros,
                })
                .collect(),
            buffers: plan.ok().map(|plan| Buffers {
                stack_top: hexadecimal(plan.stack_top.0),
                stack_bytes: plan.stack_top.0 - plan.stack_bottom.0,
                starts: plan.buffers.map(|buffer| hexadecimal(buffer.0)),
                bytes: plan.buffer_bytes,
            }),
            limits: [routine.limits.program, routine.limits.erase]
                .map(|limit| limit.as_millis() as u64),
            windows,
            conflicts,
        }
    }
}

impl Sectors {
    fn of(run: &SectorRun) -> Self {
        Self {
            count: run.count,
            bytes: run.bytes,
        }
    }
}

fn hexadecimal(value: u32) -> String {
    format!("0x{value:08x}")
}

fn kind(convention: &Convention) -> &'static str {
    match convention {
        Convention::Cmsis(_) => "CMSIS-Pack flash algorithm",
        Convention::St(st) if st.fast.is_some() => "ST external loader with our fast path",
        Convention::St(_) => "ST external loader",
    }
}

fn functions(convention: &Convention) -> Vec<Function> {
    let all = match convention {
        Convention::Cmsis(cmsis) => vec![
            ("Init", cmsis.init),
            ("UnInit", cmsis.uninit),
            ("EraseSector", Some(cmsis.erase_sector)),
            ("ProgramPage", Some(cmsis.program_page)),
            ("Verify", cmsis.verify),
        ],
        Convention::St(st) => vec![
            ("Init", Some(st.init)),
            ("Write", Some(st.write)),
            ("SectorErase", Some(st.sector_erase)),
            ("MassErase", st.mass_erase),
            ("Verify", st.verify),
            ("CheckSum", st.checksum),
            ("Read", st.read),
            ("FastCrc", st.fast.map(|fast| fast.crc)),
            ("FastProgram", st.fast.map(|fast| fast.program)),
        ],
    };
    let present = all.into_iter().filter_map(|(name, address)| {
        Some(Function {
            name,
            address: hexadecimal(address?.0 & !1),
        })
    });
    present.collect()
}

/// A line each, the fact first.
impl fmt::Display for Description {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}: {}", self.name, self.kind)?;
        writeln!(f, "  device    {}", self.device)?;
        writeln!(f, "  flash     {} bytes at {}", self.bytes, self.start)?;
        write!(f, "  sectors   ")?;
        for (index, sectors) in self.sectors.iter().enumerate() {
            let comma = if index == 0 { "" } else { ", " };
            write!(f, "{comma}{} of {} bytes", sectors.count, sectors.bytes)?;
        }
        writeln!(
            f,
            "\n  page      {} bytes, erased to 0x{:02x}",
            self.page_bytes, self.erased_byte
        )?;
        write!(f, "  functions ")?;
        for (index, function) in self.functions.iter().enumerate() {
            let comma = if index == 0 { "" } else { ", " };
            write!(f, "{comma}{} {}", function.name, function.address)?;
        }
        writeln!(f)?;
        for occupied in &self.ram {
            let (bytes, zeros) = (occupied.bytes, occupied.zeros);
            writeln!(
                f,
                "  RAM       {bytes} bytes and {zeros} zeros at {}",
                occupied.start
            )?;
        }
        if let Some(buffers) = &self.buffers {
            let [first, second] = &buffers.starts;
            writeln!(
                f,
                "  placed    stack of {} bytes below {}, buffers of {} bytes at {first} and {second}",
                buffers.stack_bytes, buffers.stack_top, buffers.bytes
            )?;
        }
        let [program, erase] = self.limits;
        writeln!(f, "  limits    {program} ms a page, {erase} ms a sector")?;
        match self.windows.is_empty() {
            true => write!(f, "  serves    nothing here")?,
            false => write!(f, "  serves    {}", self.windows.join(", "))?,
        }
        for conflict in &self.conflicts {
            write!(f, "\n  conflict  {conflict}")?;
        }
        Ok(())
    }
}

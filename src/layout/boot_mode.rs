//! What the boot stage does with the appli, and where the appli executes because of it.

use std::{ops::Range, str::FromStr};

use serde::Deserialize;

use super::{Address, BoardProfile, Memory, ParseAddressError, parse_number};

/// What the boot stage does with the appli.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum BootMode {
    /// It opens the window and jumps: the appli executes in place.
    #[default]
    Xip,
    /// It copies the appli from NOR to RAM, then jumps.
    Lrun,
    /// A secure boot or MCUboot checks a header first; the appli executes in place behind it.
    Signed,
}

/// What a load-and-run boot stage copies: a fixed number of bytes, whatever the appli's size (ST calls the three
/// EXTMEM_LRUN_SOURCE_ADDRESS, EXTMEM_LRUN_DESTINATION_ADDRESS and EXTMEM_LRUN_SOURCE_SIZE, stm32_extmem_conf.h).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LoadAndRun {
    /// Where the NOR holds the appli, as an address of the window.
    pub source: Address,
    /// Where it executes: RAM on the chip or behind a window.
    pub destination: Address,
    /// Bytes.
    pub size: u32,
}

impl LoadAndRun {
    /// Where the appli executes.
    pub fn destination_range(&self) -> Range<u64> {
        let start = u64::from(self.destination.0);
        start..start + u64::from(self.size)
    }

    /// Where `address`, at which the appli executes, is stored.
    fn stored_at(&self, address: Address) -> Option<Address> {
        let offset = address.0.checked_sub(self.destination.0)?;
        (offset < self.size).then(|| self.source.checked_add(offset))?
    }
}

/// Reads `SOURCE:DESTINATION:SIZE`.
impl FromStr for LoadAndRun {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parts: Vec<&str> = text.split(':').collect();
        let [source, destination, size] = parts[..] else {
            return Err("SOURCE:DESTINATION:SIZE is expected".to_owned());
        };
        let number = |what: &str, text| {
            parse_number(text).map_err(|error: ParseAddressError| format!("{what}: {error}"))
        };
        Ok(Self {
            source: Address(number("source", source)?),
            destination: Address(number("destination", destination)?),
            size: number("size", size)?,
        })
    }
}

impl BoardProfile {
    /// What the boot stage copies, if it does.
    pub fn load_and_run(&self) -> Option<&LoadAndRun> {
        match self.boot_mode {
            BootMode::Lrun => self.lrun.as_ref(),
            BootMode::Xip | BootMode::Signed => None,
        }
    }

    /// True if an appli executes at `address`: in a NOR window, or where the boot stage copies it.
    pub fn is_appli_place(&self, address: Address) -> bool {
        match self.load_and_run() {
            Some(copy) => copy.destination_range().contains(&u64::from(address.0)),
            None => self
                .window(address)
                .is_some_and(|window| window.memory == Memory::Nor),
        }
    }

    /// True if `address` lies in the memory that the boot stage copies an appli to, from the copy's start on.
    pub fn is_copied(&self, address: Address) -> bool {
        self.load_and_run().is_some_and(|copy| {
            let memory = self.memory_around(copy.destination);
            address >= copy.destination && memory.contains(&u64::from(address.0))
        })
    }

    /// The RAM on the chip or behind a window that `address` lies in; empty if it lies in none.
    pub fn memory_around(&self, address: Address) -> Range<u64> {
        let on_chip = self.ram(address).map(|ram| ram.range());
        let window = self.window(address).map(|window| window.range());
        on_chip.or(window).unwrap_or_default()
    }

    /// Where the NOR holds what an appli has at `address`.
    pub fn stored_at(&self, address: Address) -> Address {
        self.load_and_run()
            .and_then(|copy| copy.stored_at(address))
            .unwrap_or(address)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lrun() -> BoardProfile {
        let mut profile = BoardProfile::find("stm32h7s78-dk").expect("the kit");
        profile.boot_mode = BootMode::Lrun;
        profile.lrun = "0x70100000:0x24000000:0x10000".parse().ok();
        profile
    }

    #[test]
    fn a_load_and_run_appli_executes_in_ram_and_is_stored_in_the_nor() {
        let profile = lrun();
        assert!(profile.is_appli_place(Address(0x2400_FFFF)));
        assert!(!profile.is_appli_place(Address(0x2401_0000)));
        assert!(!profile.is_appli_place(Address(0x7010_0000)));
        assert_eq!(
            profile.stored_at(Address(0x2400_0400)),
            Address(0x7010_0400)
        );
        assert_eq!(
            profile.stored_at(Address(0x2000_0000)),
            Address(0x2000_0000)
        );
    }

    #[test]
    fn the_copy_is_read_as_three_numbers() {
        let copy: LoadAndRun = "0x70000000:0x24000000:4096".parse().expect("a copy");
        assert_eq!(copy.size, 4096);
        for wrong in ["", "1:2", "1:2:3:4", "a:b:c"] {
            assert!(wrong.parse::<LoadAndRun>().is_err(), "{wrong}");
        }
    }
}

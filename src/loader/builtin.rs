//! The flash algorithms that probe-rs ships for a chip: ST's own routines, compiled for each of its boards.
//!
//! We take code and figures, and call them ourselves: probe-rs's own flasher leaves the chip where the routine left it, and a
//! chip's memory map there knows nothing of a board's windows.

use std::{sync::OnceLock, time::Duration};

use probe_rs::config::{ChipFamily, RawFlashAlgorithm, Registry};

use super::{Algorithm, LoaderError};
use crate::layout::Address;

/// probe-rs's name of STM32H7RS and STM32H7S.
const FAMILY: &str = "STM32H7RS Series";

/// The family that `chip` belongs to.
fn family(chip: &str) -> Option<&'static ChipFamily> {
    static REGISTRY: OnceLock<Registry> = OnceLock::new();
    // Unpacking the descriptions of all chips takes a moment: once is enough.
    let registry = REGISTRY.get_or_init(Registry::from_builtin_families);
    let mut families = registry.families().iter();
    families.find(|family| family.variants.iter().any(|variant| serves(variant, chip)))
}

/// True if probe-rs knows a chip of that name, of the family that this server is made for.
pub fn is_of_our_family(chip: &str) -> bool {
    family(chip).is_some_and(|family| family.name == FAMILY)
}

/// The routine called `name` for `chip`.
pub fn find(chip: &str, name: &str) -> Result<Algorithm, LoaderError> {
    let unknown = || LoaderError::Unknown {
        name: name.to_owned(),
        chip: chip.to_owned(),
    };
    let family = family(chip).ok_or_else(unknown)?;
    let raw = family
        .flash_algorithms
        .iter()
        .find(|algorithm| algorithm.name == name)
        .ok_or_else(unknown)?;
    convert(raw)
}

fn serves(variant: &probe_rs::config::Chip, chip: &str) -> bool {
    variant.name.eq_ignore_ascii_case(chip)
        || variant
            .package_variants()
            .any(|package| package.eq_ignore_ascii_case(chip))
}

fn convert(raw: &RawFlashAlgorithm) -> Result<Algorithm, LoaderError> {
    let incomplete = |lacks| LoaderError::Incomplete {
        name: raw.name.clone(),
        lacks,
    };
    let load_address = raw
        .load_address
        .and_then(|address| u32::try_from(address).ok())
        .ok_or_else(|| incomplete("load address"))?;
    let at = |offset: u64| Address(load_address.wrapping_add(offset as u32));
    let properties = &raw.flash_properties;
    let sector = properties
        .sectors
        .first()
        .and_then(|sector| u32::try_from(sector.size).ok())
        .filter(|size| *size > 0)
        .ok_or_else(|| incomplete("sector size"))?;
    if properties.page_size == 0 {
        return Err(incomplete("page size"));
    }
    Ok(Algorithm {
        name: raw.name.clone(),
        load_address: Address(load_address),
        code: raw.instructions.clone(),
        static_base: at(raw.data_section_offset),
        init: raw.pc_init.map(at),
        uninit: raw.pc_uninit.map(at),
        erase_sector: at(raw.pc_erase_sector),
        program_page: at(raw.pc_program_page),
        range: properties.address_range.clone(),
        page_bytes: properties.page_size,
        sector_bytes: sector,
        erased_byte: properties.erased_byte_value,
        program_limit: Duration::from_millis(properties.program_page_timeout.into()),
        erase_limit: Duration::from_millis(properties.erase_sector_timeout.into()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{layout::BoardProfile, loader::Plan};

    #[test]
    fn every_routine_of_every_known_board_exists_serves_its_flash_and_fits() {
        for name in BoardProfile::names() {
            let board = BoardProfile::find(name).expect("a board");
            let internal = find(&board.chip, &board.internal_algorithm).expect("a routine");
            assert_eq!(internal.range, board.internal_range());
            assert_eq!(internal.sector_bytes, board.internal_sector_bytes);
            Plan::new(&internal, &board, None).expect("room");
            for window in &board.windows {
                let Some(name) = &window.algorithm else {
                    continue;
                };
                let routine = find(&board.chip, name).expect("a routine");
                assert_eq!(routine.range, window.range());
                assert_eq!(routine.sector_bytes, window.sector_bytes);
                let plan = Plan::new(&routine, &board, window.program_bytes).expect("room");
                assert_eq!(Some(plan.buffer_bytes), window.program_bytes);
            }
        }
    }

    #[test]
    fn a_chip_is_known_by_its_family() {
        assert!(is_of_our_family("STM32H7S3L8") && is_of_our_family("stm32h7s7l8"));
        assert!(!is_of_our_family("STM32F407VG") && !is_of_our_family("none"));
    }

    #[test]
    fn an_unknown_routine_or_chip_is_named() {
        for (chip, name) in [("STM32H7S7L8", "none"), ("none", "stm32h7rx_64k")] {
            assert!(matches!(find(chip, name), Err(LoaderError::Unknown { .. })));
        }
    }
}

//! The flash algorithms that probe-rs ships for a chip: ST's own routines, compiled for each of its boards. One that it does not ship
//! comes as a target description in YAML, which probe-rs itself reads.
//!
//! We take code and figures, and call them ourselves: probe-rs's own flasher leaves the chip where the routine left it, and a
//! chip's memory map there knows nothing of a board's windows.

use std::{sync::OnceLock, time::Duration};

use probe_rs::config::{ChipFamily, FlashProperties, RawFlashAlgorithm, Registry};

use super::{
    Cmsis, Convention, Geometry, Limits, LoaderError, LoaderFileError, Origin, Routine, SectorRun,
    Segment,
};
use crate::{
    layout::{Address, BoardProfile},
    link::Interrupts,
};

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
pub fn find(chip: &str, name: &str) -> Result<Routine, LoaderError> {
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
    convert(raw, Origin::Shipped)
}

/// The routine in a target description for probe-rs: the first one that serves a NOR window of the board, or else the first.
pub fn from_yaml(text: &str, name: &str, profile: &BoardProfile) -> Result<Routine, LoaderError> {
    let mut registry = Registry::new();
    registry
        .add_target_family_from_yaml(text)
        .map_err(|source| LoaderFileError::Yaml {
            name: name.to_owned(),
            source: Box::new(source),
        })?;
    let families = registry.families().iter();
    let algorithms: Vec<_> = families
        .flat_map(|family| &family.flash_algorithms)
        .collect();
    let serves_window = |algorithm: &&&RawFlashAlgorithm| {
        let range = &algorithm.flash_properties.address_range;
        profile.windows.iter().any(|window| {
            let window = window.range();
            range.start <= window.start && window.end <= range.end
        })
    };
    let chosen = algorithms.iter().find(serves_window).or(algorithms.first());
    match chosen {
        Some(algorithm) => convert(algorithm, Origin::File),
        None => Err(LoaderFileError::Incomplete {
            name: name.to_owned(),
            lacks: "flash algorithm",
        }
        .into()),
    }
}

fn serves(variant: &probe_rs::config::Chip, chip: &str) -> bool {
    variant.name.eq_ignore_ascii_case(chip)
        || variant
            .package_variants()
            .any(|package| package.eq_ignore_ascii_case(chip))
}

fn convert(raw: &RawFlashAlgorithm, origin: Origin) -> Result<Routine, LoaderError> {
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
    let sectors = sectors(properties).ok_or_else(|| incomplete("sector size"))?;
    let range = &properties.address_range;
    if range.start >= range.end || range.end > 1 << 32 {
        return Err(incomplete("flash that a chip can address"));
    }
    if properties.page_size == 0 {
        return Err(incomplete("page size"));
    }
    if raw.instructions.is_empty() {
        return Err(incomplete("code"));
    }
    Ok(Routine {
        name: raw.name.clone(),
        origin,
        segments: vec![Segment {
            address: Address(load_address),
            data: raw.instructions.clone(),
            zeros: 0,
        }],
        convention: Convention::Cmsis(Cmsis {
            init: raw.pc_init.map(at),
            uninit: raw.pc_uninit.map(at),
            erase_sector: at(raw.pc_erase_sector),
            program_page: at(raw.pc_program_page),
            verify: raw.pc_verify.map(at),
            static_base: at(raw.data_section_offset),
        }),
        flash: Geometry {
            device: raw.description.clone(),
            range: properties.address_range.clone(),
            page_bytes: properties.page_size,
            erased_byte: properties.erased_byte_value,
            sectors,
        },
        limits: Limits {
            init: Limits::INIT,
            call: Duration::ZERO,
            program: Limits::stated(properties.program_page_timeout),
            erase: Limits::stated(properties.erase_sector_timeout),
        },
        stack_bytes: raw.stack_size.unwrap_or(Routine::STACK_BYTES),
        interrupts: Interrupts::Masked,
    })
}

/// Each description says where its sectors begin; they reach to the next one.
fn sectors(properties: &FlashProperties) -> Option<Vec<SectorRun>> {
    let range = &properties.address_range;
    let starts = properties
        .sectors
        .iter()
        .map(|sector| range.start + sector.address);
    let ends = starts.clone().skip(1).chain([range.end]);
    let runs = properties.sectors.iter().zip(starts.zip(ends));
    let runs: Option<Vec<SectorRun>> = runs
        .map(|(sector, (start, end))| {
            let bytes = u32::try_from(sector.size).ok().filter(|bytes| *bytes > 0)?;
            Some(SectorRun {
                start: Address(u32::try_from(start).ok()?),
                bytes,
                count: u32::try_from(end.checked_sub(start)? / u64::from(bytes)).ok()?,
            })
        })
        .collect();
    runs.filter(|runs| !runs.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::loader::{Choice, Plan};

    #[test]
    fn every_routine_of_every_known_board_exists_serves_its_flash_and_fits() {
        for name in BoardProfile::names() {
            let board = BoardProfile::find(name).expect("a board");
            let internal = find(&board.chip, &board.internal_algorithm).expect("a routine");
            assert_eq!(internal.flash.range, board.internal_range());
            assert!(
                internal
                    .flash
                    .serves(&board.internal_range(), board.internal_sector_bytes)
            );
            Plan::new(&internal, &board, None).expect("room");
            for window in &board.windows {
                let Some(name) = &window.algorithm else {
                    continue;
                };
                let routine = Choice::parse(name).routine(&board).expect("a routine");
                let (flash, range) = (&routine.flash.range, window.range());
                assert!(flash.start == range.start && flash.end >= range.end);
                assert!(routine.flash.serves(&window.range(), window.sector_bytes));
                let plan = Plan::new(&routine, &board, window.program_bytes).expect("room");
                let wanted = window.program_bytes.unwrap_or(plan.buffer_bytes);
                assert_eq!(plan.buffer_bytes, wanted);
            }
        }
    }

    #[test]
    fn the_kits_built_in_routine_serves_its_nor_and_fits() {
        let board = BoardProfile::find("stm32h7s78-dk").expect("the kit");
        let nor = board.nor().expect("a NOR");
        let routine = find(&board.chip, "mx66uw1g45g_stm32h7s78-dk").expect("a routine");
        assert_eq!(routine.flash.range, nor.range());
        assert!(routine.flash.serves(&nor.range(), nor.sector_bytes));
        Plan::new(&routine, &board, Some(0x3000)).expect("room");
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

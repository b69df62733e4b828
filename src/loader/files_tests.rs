//! The traps of real loader files, each on a crafted one.

use proptest::prelude::*;

use super::{
    crafted::{Crafted, flm, stldr, storage_info, storage_info_of},
    *,
};
use crate::fault::{Code, Explain as _, Fault};

const CODE: u32 = 0x2000_0004;

fn kit() -> BoardProfile {
    BoardProfile::find("stm32h7s78-dk").expect("the kit")
}

fn read(file: &Crafted) -> Result<Routine, LoaderError> {
    from_bytes(&file.build(), "sample", &kit())
}

#[track_caller]
fn refused(file: &Crafted, code: Code) -> String {
    let error = read(file).expect_err("refused");
    assert_eq!(error.code(), code, "{error}");
    error.to_string()
}

fn ranges(routine: &Routine) -> Vec<(u32, usize, u32)> {
    let segments = routine.segments.iter();
    segments
        .map(|s| (s.address.0, s.data.len(), s.zeros))
        .collect()
}

fn info_at(description: u32, info: &[u8]) -> Crafted {
    let mut loader = Crafted::new()
        .load("P1-P2 ro", CODE, &[0xBF; 0x100])
        .load("P3", description, info)
        .symbol("StorageInfo", description, 1);
    for name in ["Init", "Write", "SectorErase"] {
        loader = loader.symbol(name, CODE | 1, 0);
    }
    loader
}

#[test]
fn a_description_at_address_0_is_read_and_not_loaded_over_itcm() {
    let routine = read(&stldr(CODE, 0)).expect("a loader");
    assert_eq!(ranges(&routine), [(CODE, 0x100, 0)]);
    assert_eq!(routine.flash.range, 0x7000_0000..0x7800_0000);
    assert_eq!(routine.flash.device, "SAMPLE");
    assert_eq!(
        (routine.flash.page_bytes, routine.flash.erased_byte),
        (0x100, 0xFF)
    );
}

#[test]
fn a_description_beside_the_code_is_loaded_because_code_may_read_it() {
    let routine = read(&stldr(CODE, 0x2000_0200)).expect("a loader");
    assert_eq!(ranges(&routine), [(CODE, 0x100, 0), (0x2000_0200, 200, 0)]);
}

#[test]
fn a_description_within_the_codes_segment_is_laid_over_its_gap() {
    let mut code = vec![0xBF; 0x100];
    code.resize(0x300, 0);
    let file = stldr(CODE, CODE + 0x100);
    let wide = Crafted::new()
        .load("code", CODE, &code)
        .load("info", CODE + 0x100, &storage_info())
        .symbol("StorageInfo", CODE + 0x100, 1)
        .symbol("Init", CODE | 1, 0)
        .symbol("Write", CODE | 1, 0)
        .symbol("SectorErase", CODE | 1, 0);
    let routine = read(&wide).expect("a loader");
    assert_eq!(ranges(&routine), [(CODE, 0x300, 0)]);
    assert_eq!(routine.segments[0].data[0x100..0x106], *b"SAMPLE");
    assert!(read(&file).is_ok(), "behind the code");
}

#[test]
fn a_description_where_zeros_belong_is_not_loaded() {
    let routine = read(&stldr(CODE, 0x2000_0104).zeros(0x2000_0104, 0x40)).expect("a loader");
    assert_eq!(ranges(&routine), [(CODE, 0x100, 0), (0x2000_0104, 0, 0x40)]);
}

#[test]
fn a_segment_of_64_mb_is_not_filled_with_zeros() {
    let file = |bss| {
        let loader = Crafted::new()
            .load_sized("code", CODE, &[0xBF; 0x100], 0x0402_02C4)
            .load("info", 0, &storage_info())
            .symbol("StorageInfo", 0, 1)
            .symbol("Init", CODE | 1, 0)
            .symbol("Write", CODE | 1, 0)
            .symbol("SectorErase", CODE | 1, 0);
        match bss {
            true => loader.zeros(0x2402_0000, 0x2C4),
            false => loader,
        }
    };
    let routine = read(&file(true)).expect("a loader");
    assert_eq!(
        ranges(&routine),
        [(CODE, 0x100, 0), (0x2402_0000, 0, 0x2C4)]
    );
    let routine = read(&file(false)).expect("a loader");
    assert_eq!(ranges(&routine), [(CODE, 0x100, 0)]);
    assert!(Plan::new(&routine, &kit(), None).is_ok());
}

#[test]
fn zeros_that_are_in_no_segment_are_kept_free_of_our_own_things() {
    let routine = read(&stldr(CODE, 0).zeros(0x2000_0104, 0x168)).expect("a loader");
    assert_eq!(ranges(&routine)[1], (0x2000_0104, 0, 0x168));
    let plan = Plan::new(&routine, &kit(), None).expect("room");
    assert!(plan.breakpoint.0 >= 0x2000_026C, "{plan:?}");
}

#[test]
fn every_address_that_loaders_are_linked_to_is_ram_of_the_kit() {
    for address in [0x2000_0004, 0x2000_0008, 0x2400_0000, 0x2400_0004] {
        let routine = read(&stldr(address, 0)).expect("a loader");
        assert_eq!(routine.load_address(), Address(address));
        let plan = Plan::new(&routine, &kit(), None).expect("room");
        for buffer in plan.buffers {
            assert!(
                buffer.0 < address || buffer.0 >= address + 0x100,
                "{plan:?}"
            );
        }
    }
    let elsewhere = read(&stldr(0x2000_F000, 0).zeros(0x2000_F100, 0x2000)).expect("a loader");
    let error = LoaderError::from(Plan::new(&elsewhere, &kit(), None).expect_err("no RAM"));
    assert_eq!(error.code(), Code::XG034);
    assert!(error.to_string().contains("0x2000f100"), "{error}");
}

#[test]
fn what_is_only_sometimes_there_may_be_missing() {
    let all = stldr(CODE, 0).symbol("Read", CODE | 1, 0);
    let Convention::St(st) = read(&all).expect("a loader").convention else {
        panic!("ST's convention");
    };
    assert!(st.read.is_some() && st.mass_erase.is_some() && st.fast.is_none());
    let least = stldr(CODE, 0).without("Verify").without("MassErase");
    let Convention::St(st) = read(&least).expect("a loader").convention else {
        panic!("ST's convention");
    };
    assert_eq!((st.read, st.verify, st.mass_erase), (None, None, None));
}

#[test]
fn a_function_that_is_needed_and_missing_is_named() {
    for name in ["Init", "Write", "SectorErase"] {
        let text = refused(&stldr(CODE, 0).without(name), Code::XG091);
        assert!(text.contains(name), "{text}");
    }
    for name in ["EraseSector", "ProgramPage"] {
        let text = refused(&flm().without(name), Code::XG091);
        assert!(text.contains(name), "{text}");
    }
}

#[test]
fn a_file_without_description_is_no_loader() {
    refused(&stldr(CODE, 0).without("StorageInfo"), Code::XG090);
    let kit = kit();
    for text in ["not: a target\n", "", "\u{7f}elf"] {
        let error = from_bytes(text.as_bytes(), "text", &kit).expect_err("refused");
        assert_eq!(error.code(), Code::XG090, "{error}");
    }
    let error = from_bytes(&[0xFF; 64], "noise", &kit).expect_err("refused");
    assert_eq!(error.code(), Code::XG090);
}

#[test]
fn a_description_without_figures_is_told_by_what_it_lacks() {
    for (info, lacks) in [
        (
            storage_info_of(0x7000_0000, 0, 0x100, &[(1, 0x1000)]),
            "flash",
        ),
        (
            storage_info_of(0xF000_0000, 0x2000_0000, 0x100, &[(1, 0x1000)]),
            "flash",
        ),
        (
            storage_info_of(0x7000_0000, 0x1000, 0, &[(1, 0x1000)]),
            "page",
        ),
        (storage_info_of(0x7000_0000, 0x1000, 0x100, &[]), "sector"),
    ] {
        let text = refused(&info_at(0, &info), Code::XG091);
        assert!(text.contains(lacks), "{text}");
    }
}

#[test]
fn ten_runs_of_sectors_are_read_and_end_without_zeros() {
    let info = storage_info_of(0x7000_0000, 0xA000, 0x100, &[(1, 0x1000); 10]);
    let routine = read(&info_at(0, &info)).expect("a loader");
    assert_eq!(routine.flash.sectors.len(), 10);
    assert_eq!(
        routine.flash.sector(Address(0x7000_9FFF)),
        Some(0x7000_9000..0x7000_A000)
    );
    assert!(routine.flash.serves(&routine.flash.range, 0x1000));
}

#[test]
fn a_loader_of_another_chip_serves_none_of_the_boards_windows() {
    let info = storage_info_of(0x9000_0000, 0x0100_0000, 0x100, &[(0x100, 0x1_0000)]);
    let routine = read(&info_at(0, &info)).expect("a loader");
    let description = Description::of(&routine, &kit(), None);
    assert!(description.windows.is_empty());
    assert_eq!(
        description.conflicts,
        ["it serves no flash of stm32h7s78-dk"]
    );
}

#[test]
fn a_truncated_file_is_refused_wherever_it_ends() {
    for file in [stldr(CODE, 0), flm()] {
        let whole = file.build();
        assert!(from_bytes(&whole, "whole", &kit()).is_ok());
        for length in 0..whole.len() {
            assert!(
                from_bytes(&whole[..length], "part", &kit()).is_err(),
                "{length}"
            );
        }
    }
}

#[test]
fn a_file_for_another_machine_is_refused() {
    let text = refused(&stldr(CODE, 0).machine(0xF3), Code::XG090);
    assert!(text.contains("machine 243"), "{text}");
}

#[test]
fn a_segment_of_4_gb_is_refused_without_being_made() {
    let mut file = stldr(CODE, 0).build();
    // p_filesz and p_memsz of the first segment.
    file[52 + 16..52 + 24].fill(0xFF);
    let error = from_bytes(&file, "huge", &kit()).expect_err("refused");
    assert_eq!(error.code(), Code::XG090);
    assert!(error.to_string().contains("4294967295 bytes"), "{error}");
    file[52 + 16..52 + 20].copy_from_slice(&0x8_0000u32.to_le_bytes());
    let error = from_bytes(&file, "cut off", &kit()).expect_err("refused");
    assert!(error.to_string().contains("is cut off"), "{error}");
}

#[test]
fn an_algorithm_is_placed_in_dtcm_with_its_data_and_zeros() {
    let routine = read(&flm()).expect("a loader");
    let [base, data] = [0x2000_0020, 0x2000_0120];
    assert_eq!(
        ranges(&routine),
        [(base, 0x100, 0), (data, 4, 0), (0x2000_0124, 0, 0x40)]
    );
    let Convention::Cmsis(cmsis) = routine.convention else {
        panic!("CMSIS's convention");
    };
    assert_eq!(cmsis.static_base, Address(data));
    assert_eq!(cmsis.program_page, Address(base + 0x31));
    assert_eq!(routine.limits.erase, Duration::from_secs(6));
    assert_eq!(routine.flash.sectors[0].count, 0x800);
}

#[test]
fn an_algorithm_too_large_for_dtcm_goes_into_axi_sram_or_nowhere() {
    let large = |bytes: usize| {
        let mut loader = Crafted::new().load("PrgCode", 0, &vec![0xBF; bytes]);
        loader = loader
            .load("DevDscr", bytes as u32, &super::crafted::flash_device())
            .symbol("FlashDevice", bytes as u32, 1);
        for name in ["Init", "EraseSector", "ProgramPage"] {
            loader = loader.symbol(name, 1, 0);
        }
        loader
    };
    let routine = read(&large(0x1_0000)).expect("a loader");
    assert_eq!(routine.load_address(), Address(0x2400_0020));
    refused(&large(0x8_0000), Code::XG034);
}

/// A target description as probe-rs's target-gen writes it.
const TARGET: &str = "\
name: STM32H7RS Series
manufacturer:
  cc: 0x0
  id: 0x20
variants:
- name: STM32H7S7L8
  cores:
  - name: main
    type: armv7em
    core_access_options: !Arm
      ap: !v1 1
  memory_map:
  - !Ram
    range:
      start: 0x20000000
      end: 0x20010000
    cores:
    - main
  flash_algorithms:
  - mx66
flash_algorithms:
- name: mx66
  description: MX66
  default: true
  instructions: v7+/vwC+AL4=
  load_address: 0x20000020
  pc_init: 0x1
  pc_uninit: 0x1
  pc_program_page: 0x1
  pc_erase_sector: 0x1
  data_section_offset: 0x0
  flash_properties:
    address_range:
      start: 0x70000000
      end: 0x78000000
    page_size: 0x1000
    erased_byte_value: 0xff
    program_page_timeout: 1000
    erase_sector_timeout: 6000
    sectors:
    - size: 0x10000
      address: 0x0
";

#[test]
fn a_target_description_of_probe_rs_has_its_algorithm_read_by_probe_rs() {
    let kit = kit();
    let routine = from_bytes(TARGET.as_bytes(), "target.yaml", &kit).expect("a loader");
    assert_eq!(
        (routine.name.as_str(), routine.segments[0].data.len()),
        ("mx66", 8)
    );
    assert!(routine.flash.serves(&(0x7000_0000..0x7800_0000), 0x1_0000));
    let none = TARGET.replace(
        "sectors:\n    - size: 0x10000\n      address: 0x0\n",
        "sectors: []\n",
    );
    let error = from_bytes(none.as_bytes(), "target.yaml", &kit).expect_err("no sectors");
    assert_eq!(error.code(), Code::XG034, "{error}");
}

#[test]
fn another_text_is_no_loader_and_is_not_quoted() {
    let text = "a letter to somebody, ".repeat(100);
    let error = from_bytes(text.as_bytes(), "letter.txt", &kit()).expect_err("no loader");
    assert_eq!(error.code(), Code::XG090);
    assert!(Fault::from(error).to_string().len() < 300);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4000))]

    #[test]
    fn no_damage_makes_a_parser_panic(
        is_flm in any::<bool>(),
        damage in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..12),
        words in proptest::collection::vec((any::<prop::sample::Index>(), prop_oneof![
            Just(0), Just(1), Just(0x2000_0000), Just(u32::MAX), Just(0x7FFF_FFFF), any::<u32>(),
        ]), 0..4),
    ) {
        let mut file = if is_flm { flm() } else { stldr(CODE, 0) }.build();
        for (at, byte) in damage {
            let at = at.index(file.len());
            file[at] = byte;
        }
        for (at, word) in words {
            let at = at.index(file.len() / 4 - 1) * 4;
            file[at..at + 4].copy_from_slice(&word.to_le_bytes());
        }
        if let Ok(routine) = from_bytes(&file, "damaged", &kit()) {
            for pair in routine.segments.windows(2) {
                prop_assert!(pair[0].range().end <= pair[1].range().start);
            }
            let _ = Description::of(&routine, &kit(), None).to_string();
        }
    }
}

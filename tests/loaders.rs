//! Loaders on the virtual board: each programs the same appli, and each that misbehaves is caught.

mod bench;

use bench::{Bench, contents, firmware, patched::Patched};
use xspi_gdb::{
    fault::{Code, Fault},
    flash::{InternalFlash, Transaction},
    layout::{Address, BoardProfile},
    link::{Link as _, ResetMode},
    loader::{self, Plan},
};

const NOR: u32 = 0x7000_0000;

/// A board with our boot stage whose NOR is programmed by `loader`.
fn bench(loader: &str) -> Bench {
    let mut bench = Bench::with_boot("boot.elf");
    for window in &mut bench.profile.windows {
        if window.algorithm.is_some() {
            window.algorithm = Some(loader.to_owned());
        }
    }
    bench
}

#[test]
fn every_loader_programs_the_appli_which_then_starts() {
    let appli = firmware("appli.elf");
    let expected = contents(&appli, NOR);
    for loader in ["own", "mx66uw1g45g_stm32h7s78-dk"] {
        let mut bench = bench(loader);
        let (report, cost) = bench.cost(|bench| bench.flash(&appli).expect("programmed"));
        println!("{loader}: {report}\n{cost:?}");
        assert_eq!(bench.nor(0, expected.len()), expected, "{loader}");
        bench.arm(Some(&appli)).expect("armed");
        let again = bench.flash(&appli).expect("compared");
        assert_eq!(again.programmed_bytes(), 0, "{loader}");
    }
}

/// The files of a folder of yours, in XSPI_GDB_LOADER_FILES: each is read, and one for the kit's NOR is run.
#[test]
fn the_loader_files_of_a_folder_are_read_and_those_for_this_board_are_run() {
    let Some(folder) = std::env::var_os("XSPI_GDB_LOADER_FILES") else {
        println!("XSPI_GDB_LOADER_FILES names no folder: nothing to read");
        return;
    };
    let kit = BoardProfile::find("stm32h7s78-dk").expect("the kit");
    let nor_range = kit.nor().expect("a NOR").range();
    let mut files: Vec<_> = std::fs::read_dir(folder)
        .expect("a folder")
        .map(|entry| entry.expect("a file").path())
        .collect();
    files.sort();
    let (mut read, mut refused, mut run) = (0, Vec::new(), Vec::new());
    for file in &files {
        let name = file.file_name().expect("a name").to_string_lossy();
        let bytes = std::fs::read(file).expect("a file");
        match loader::from_bytes(&bytes, &name, &kit) {
            Ok(routine) => {
                read += 1;
                if routine.flash.serves(&nor_range, 0x1_0000) {
                    run.push((file.clone(), Plan::new(&routine, &kit, None)));
                }
            }
            Err(error) => refused.push(format!("{name}: {error}")),
        }
    }
    println!(
        "{read} of {} files are loaders that can be used",
        files.len()
    );
    println!("{}", refused.join("\n"));
    for (file, plan) in run {
        println!("{}: {plan:?}", file.display());
        let path = file.to_str().expect("a path");
        let appli = firmware("appli.elf");
        let expected = contents(&appli, NOR);
        let mut bench = bench(path);
        match bench.flash(&appli) {
            Ok(report) => println!("  {report}"),
            Err(error) => {
                println!("  {}", Fault::from(error));
                continue;
            }
        }
        assert_eq!(bench.nor(0, expected.len()), expected, "{path}");
        bench.arm(Some(&appli)).expect("armed");
    }
}

/// What the core would read through its data cache of a word that lies in AXI SRAM.
fn through_the_cache(bench: &mut Bench, value: u32) -> u32 {
    let (ccr, axi_sram) = (Address(0xE000_ED14), Address(0x2400_0000));
    bench.link.write_word(axi_sram, value).expect("RAM");
    let off = bench.link.read_word(ccr).expect("CCR");
    bench.link.write_word(ccr, off | 1 << 16).expect("CCR");
    let seen = bench.link.read_word(axi_sram).expect("RAM");
    bench.link.write_word(ccr, off).expect("CCR");
    seen
}

#[test]
fn no_stale_line_is_left_in_a_cache_when_a_loader_has_changed_something() {
    let mut bench = bench("own");
    bench.link.reset(ResetMode::Halt).expect("a reset");
    assert!(bench.link.is_coherent());
    assert_ne!(
        through_the_cache(&mut bench, 0x1234_5678),
        0x1234_5678,
        "as after power-on"
    );
    bench.flash(&firmware("appli.elf")).expect("programmed");
    assert_eq!(through_the_cache(&mut bench, 0x1234_5678), 0x1234_5678);
}

/// What stands in the NOR before a loader misbehaves: nothing of it may be lost.
const BEFORE: u32 = 0x4_0000;

/// Programs two sectors in the middle of a NOR that is full, by a loader with a defect; the fault, and the NOR as it is then.
fn misbehave(name: &str, loader: Patched) -> (Fault, Bench) {
    let file = tempfile::Builder::new()
        .suffix(".stldr")
        .tempfile()
        .expect("a file");
    std::fs::write(file.path(), loader.bytes()).expect("a file");
    let mut bench = bench(file.path().to_str().expect("a path"));
    let before = before();
    bench
        .board
        .with(|board| board.program_nor(0, &before))
        .expect("a NOR");
    let kept = bench.internal_flash();
    let mut change = Transaction::new();
    change.write(Address(NOR + 0x1_0000), &wanted());
    let error = bench
        .commit(&change, InternalFlash::Keep)
        .expect_err("a defect");
    let fault = Fault::from(error);
    println!("{name}: {fault}\n");
    assert!(
        fault.headline.is_ascii() && !fault.headline.contains('\n'),
        "{fault}"
    );
    assert_eq!(bench.internal_flash(), kept);
    assert_eq!(
        bench.nor(0, 0x1_0000),
        before[..0x1_0000],
        "the sector before"
    );
    assert_eq!(
        bench.nor(0x3_0000, 0x1_0000),
        before[0x3_0000..],
        "the one behind"
    );
    (fault, bench)
}

fn before() -> Vec<u8> {
    (0..BEFORE)
        .map(|index| (index * 7 + index / 256) as u8)
        .collect()
}

fn wanted() -> Vec<u8> {
    (0..0x2_0000u32)
        .map(|index| (index * 13 + index / 512) as u8)
        .collect()
}

/// The same change by a good loader, on the board that a bad one has left.
fn make_good(mut bench: Bench) {
    for window in &mut bench.profile.windows {
        window.algorithm = window.algorithm.take().map(|_| "own".to_owned());
    }
    let mut change = Transaction::new();
    change.write(Address(NOR + 0x1_0000), &wanted());
    bench
        .commit(&change, InternalFlash::Keep)
        .expect("made good");
    assert_eq!(bench.nor(0x1_0000, 0x2_0000), wanted());
}

/// MOVS R0, #1; BX LR.
const SUCCESS: [u16; 2] = [0x2001, 0x4770];

#[test]
fn a_loader_that_says_it_has_written_is_not_believed() {
    let (fault, bench) = misbehave("liar", Patched::own().code("Write", &SUCCESS));
    assert_eq!(fault.code, Code::XG095);
    assert!(
        fault
            .headline
            .contains("reports success and has programmed nothing"),
        "{fault}"
    );
    make_good(bench);
}

#[test]
fn a_loader_that_says_it_has_erased_is_not_believed() {
    let (fault, bench) = misbehave("lazy", Patched::own().code("SectorErase", &SUCCESS));
    assert_eq!(fault.code, Code::XG095);
    assert!(fault.headline.contains("has erased nothing"), "{fault}");
    make_good(bench);
}

#[test]
fn a_loader_that_does_not_return_is_stopped() {
    // B .
    let (fault, bench) = misbehave("looper", Patched::own().code("Write", &[0xE7FE]));
    assert_eq!(fault.code, Code::XG094);
    assert!(fault.headline.contains("programming failed") && fault.headline.contains("still busy"));
    make_good(bench);
}

#[test]
fn a_loader_that_faults_is_told_by_its_fault() {
    // UDF #0
    let (fault, bench) = misbehave("crasher", Patched::own().code("SectorErase", &[0xDE00]));
    assert_eq!(fault.code, Code::XG093);
    assert!(
        fault
            .headline
            .contains("erase failed: sector 0x70010000 crashed"),
        "{fault}"
    );
    make_good(bench);
}

#[test]
fn a_loader_that_runs_away_is_told_by_where_it_stops() {
    // BKPT #1
    let (fault, bench) = misbehave("stray", Patched::own().code("Write", &[0xBE01]));
    assert_eq!(fault.code, Code::XG093);
    assert!(fault.headline.contains("instead of returning"), "{fault}");
    make_good(bench);
}

#[test]
fn a_loader_that_erases_more_than_asked_is_found_out_and_made_good() {
    // ADD.W R1, R1, #0x1000: one sector more.
    let greedy = [0xF501, 0x5180];
    let loader = Patched::own().before("SectorErase", "CheckSum", &greedy);
    let (fault, bench) = misbehave("greedy", loader);
    assert_eq!(fault.code, Code::XG097);
    assert!(fault.headline.contains("0x70030000"), "{fault}");
    assert!(fault.headline.contains("put back"), "{fault}");
    make_good(bench);
}

#[test]
fn a_loader_that_overruns_its_stack_is_found_out() {
    // SUB.W R12, SP, #0x1000; STR.W R0, [R12]: the lowest word of the stack.
    let deep = [0xF5AD, 0x5C80, 0xF8CC, 0x0000];
    let loader = Patched::own().before("Write", "CheckSum", &deep);
    let (fault, bench) = misbehave("deep", loader);
    assert_eq!(fault.code, Code::XG096);
    assert!(fault.headline.contains("4096 bytes of stack"), "{fault}");
    make_good(bench);
}

#[test]
fn a_loader_for_another_chip_does_not_run() {
    let other = Patched::own().storage_info(104, 0x9000_0000);
    let (fault, bench) = misbehave("other chip", other);
    assert_eq!(fault.code, Code::XG092);
    assert_eq!(bench.nor(0, BEFORE as usize), before());
    let large = Patched::own()
        .storage_info(120, 0x80)
        .storage_info(124, 0x10_0000);
    let (fault, bench) = misbehave("other sectors", large);
    assert_eq!(fault.code, Code::XG092);
    make_good(bench);
}

#[test]
fn a_loader_with_success_and_failure_reversed_is_refused() {
    // MOVS R0, #0; BX LR.
    let reversed = Patched::own().code("Write", &[0x2000, 0x4770]);
    let (fault, bench) = misbehave("reversed", reversed);
    assert_eq!(fault.code, Code::XG031);
    assert!(fault.headline.contains("it returned 0"), "{fault}");
    make_good(bench);
}

#[test]
fn a_loader_that_forgets_the_cache_programs_what_is_wanted_all_the_same() {
    // LDR R3, [CCR]; ORR R3, #DC; STR; DSB; ISB: every byte of a buffer that it has seen stays in the cache.
    let forgetful = [
        0xF64E, 0x5C14, 0xF2CE, 0x0C00, 0xF8DC, 0x3000, 0xF443, 0x3380, 0xF8CC, 0x3000, 0xF3BF,
        0x8F4F, 0xF3BF, 0x8F6F,
    ];
    let file = tempfile::Builder::new()
        .suffix(".stldr")
        .tempfile()
        .expect("a file");
    let loader = Patched::own().before("Write", "CheckSum", &forgetful);
    std::fs::write(file.path(), loader.bytes()).expect("a file");
    for program_bytes in [0x3000, 0x8000] {
        let mut bench = bench(file.path().to_str().expect("a path"));
        for window in &mut bench.profile.windows {
            window.program_bytes = window.program_bytes.map(|_| program_bytes);
        }
        bench
            .board
            .with(|board| board.program_nor(0, &before()))
            .expect("a NOR");
        let mut change = Transaction::new();
        change.write(Address(NOR + 0x1_0000), &wanted());
        bench
            .commit(&change, InternalFlash::Keep)
            .expect("programmed");
        assert_eq!(bench.nor(0x1_0000, 0x2_0000), wanted());
        assert_eq!(through_the_cache(&mut bench, 0x1234_5678), 0x1234_5678);
    }
}

//! Loaders on the virtual board: each programs the same appli, and each that misbehaves is caught.

mod bench;

use bench::{Bench, contents, firmware};
use xspi_gdb::{
    fault::Fault,
    layout::BoardProfile,
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

fn nor(bench: &Bench, offset: u32, length: usize) -> Vec<u8> {
    let mut bytes = vec![0; length];
    bench
        .board
        .with(|board| board.nor_contents(offset, &mut bytes));
    bytes
}

#[test]
fn every_loader_programs_the_appli_which_then_starts() {
    let appli = firmware("appli.elf");
    let expected = contents(&appli, NOR);
    for loader in ["own", "mx66uw1g45g_stm32h7s78-dk"] {
        let mut bench = bench(loader);
        let (report, cost) = bench.cost(|bench| bench.flash(&appli).expect("programmed"));
        println!("{loader}: {report}\n{cost:?}");
        assert_eq!(nor(&bench, 0, expected.len()), expected, "{loader}");
        bench.arm(Some(&appli)).expect("armed");
        let again = bench.flash(&appli).expect("compared");
        assert_eq!(again.programmed_bytes, 0, "{loader}");
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
        assert_eq!(nor(&bench, 0, expected.len()), expected, "{path}");
        bench.arm(Some(&appli)).expect("armed");
    }
}

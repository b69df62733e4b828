//! Loaders on the virtual board: each programs the same appli, and each that misbehaves is caught.

mod bench;

use bench::{Bench, contents, firmware};

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

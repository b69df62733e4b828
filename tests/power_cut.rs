//! The power fails in the middle of every erase and every program of a load: the next run knows and says what is incomplete, ends
//! with the right contents, and the boot stage was never touched.

mod bench;

use std::{
    ops::RangeInclusive,
    path::{Path, PathBuf},
};

use bench::{Bench, contents, firmware};
use virtual_board::{board::Board, mishap::Mishap};
use xspi_gdb::{
    fault::{Code, Explain},
    flash::{FlashError, InternalFlash, Report, Transaction, unfinished},
    layout::Address,
};

const NOR: u32 = 0x7000_0000;
const PAGE: usize = 256;

/// A load that changes some sectors of the NOR, over and over from the same beginning.
struct Load {
    /// Always there but while it connects again.
    bench: Option<Bench>,
    journals: PathBuf,
    boot: Vec<u8>,
    before: Vec<u8>,
    wanted: Vec<u8>,
}

impl Load {
    /// By this routine, which erases so many bytes at least; so many pages of each sector are not blank.
    fn new(name: &str, algorithm: &str, count: usize, sector_bytes: usize, pages: usize) -> Self {
        let boot = contents(&firmware("boot.elf"), 0x0800_0000);
        let mut bench = Bench::new(name, Board::builder().boot_image(boot.clone()));
        let window = bench.profile.windows.first_mut().expect("a window");
        window.algorithm = Some(algorithm.to_owned());
        window.sector_bytes = sector_bytes as u32;
        let journals = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        let _ = std::fs::remove_dir_all(&journals);
        bench.journal = Some(journals.clone());
        Self {
            bench: Some(bench),
            journals,
            boot,
            before: sectors(count, sector_bytes, pages, 0x11),
            wanted: sectors(count, sector_bytes, pages, 0x80),
        }
    }

    fn bench(&mut self) -> &mut Bench {
        self.bench.as_mut().expect("a bench")
    }

    fn board<T>(&self, look: impl FnOnce(&mut Board) -> T) -> T {
        self.bench.as_ref().expect("a bench").board.with(look)
    }

    fn connect_again(&mut self) {
        self.bench = self.bench.take().map(Bench::connected_again);
    }

    fn flash(&mut self) -> Result<Report, FlashError> {
        let mut transaction = Transaction::new();
        transaction.write(Address(NOR), &self.wanted);
        self.bench().commit(&transaction, InternalFlash::Keep)
    }

    fn there(&self) -> Vec<u8> {
        let mut bytes = vec![0; self.wanted.len()];
        self.board(|board| board.nor_contents(0, &mut bytes));
        bytes
    }

    /// The board as it was before the first load.
    fn start_over(&mut self) {
        self.board(|board| {
            board.program_nor(0, &self.before).expect("a NOR");
            board.power_cycle();
        });
        self.connect_again();
    }

    fn inject(&self, words: &str) {
        let mishap: Mishap = words.parse().expect("a mishap");
        self.board(|board| board.inject(mishap));
    }

    /// What the next run is told.
    fn told(&mut self) -> Vec<String> {
        let journals = self.journals.clone();
        let bench = self.bench();
        let left = unfinished(&mut bench.link, &bench.profile.name, &journals).expect("a link");
        left.iter().map(ToString::to_string).collect()
    }

    /// Operations of the NOR that the load takes when nothing goes wrong.
    fn operations(&mut self) -> u64 {
        self.start_over();
        let before = self.board(|board| board.nor_wear());
        self.flash().expect("programmed");
        let after = self.board(|board| board.nor_wear());
        let programs = (after.programmed_bytes - before.programmed_bytes) / PAGE as u64;
        after.erased_sectors - before.erased_sectors + programs
    }

    /// The power is cut in the middle of operation `number`.
    fn survives(&mut self, number: u64) {
        self.start_over();
        self.inject(&format!("power-cut nor {number}"));
        let lost = self.flash().expect_err("the power was cut");
        assert_eq!(lost.code(), Code::XG001, "operation {number}: {lost}");
        assert_ne!(self.there(), self.wanted, "operation {number} was not done");

        self.connect_again();
        let told = self.told();
        assert_eq!(told.len(), 1, "operation {number}: {told:?}");
        let [line] = told.as_slice() else { return };
        assert!(
            line.contains("window nor at 0x70000000 ended in the middle, between 0x7000")
                && line.contains("the probe no longer answers"),
            "operation {number}: {line}"
        );
        let report = self
            .flash()
            .unwrap_or_else(|error| panic!("operation {number}: {error}"));
        assert!(
            report.to_string().contains("is complete"),
            "operation {number}: {report}"
        );
        assert!(self.there() == self.wanted, "operation {number}");
        assert_eq!(self.told(), Vec::<String>::new());
        let (internal, wear) = self.board(|board| {
            let flash = board.internal_flash()[..self.boot.len()].to_vec();
            (flash, board.internal_flash_wear())
        });
        assert!(
            internal == self.boot && wear == Default::default(),
            "the boot stage"
        );
    }

    fn survives_all(&mut self, numbers: RangeInclusive<u64>) {
        for number in numbers {
            self.survives(number);
        }
    }
}

/// So many sectors, each blank but for some pages in places of its own.
fn sectors(count: usize, bytes: usize, pages: usize, seed: u8) -> Vec<u8> {
    let mut all = vec![0xFF; count * bytes];
    for (number, sector) in all.chunks_mut(bytes).enumerate() {
        for page in 0..pages {
            let start = (number * 3 + page * 5) * PAGE % bytes;
            for (index, byte) in sector[start..start + PAGE].iter_mut().enumerate() {
                *byte = seed.wrapping_add((number * 7 + page + index) as u8);
            }
        }
    }
    all
}

/// An image of 40 sectors: an erase and two programs each.
fn forty_sectors(name: &str) -> Load {
    Load::new(name, "own", 40, 0x1000, 2)
}

#[test]
fn every_operation_of_the_first_half_survives() {
    let mut load = forty_sectors("cut-first-half");
    load.survives_all(1..=60);
}

#[test]
fn every_operation_of_the_second_half_survives() {
    let mut load = forty_sectors("cut-second-half");
    let operations = load.operations();
    assert_eq!(operations, 120);
    load.survives_all(61..=operations);
}

/// ST's routine erases 64 KB and programs sixteen pages a call: an erase, pages at the beginning, in the middle and at the end of a call.
#[test]
fn operations_of_sts_routine_survive() {
    let mut load = Load::new("cut-st", "mx66uw1g45g_stm32h7s78-dk", 2, 0x1_0000, 1);
    for number in [1, 2, 9, 17, 18] {
        load.survives(number);
    }
}

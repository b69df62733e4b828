//! Programming by difference, from 1 KB to 64 MB: over another program, unchanged, one byte changed.

use std::time::Instant;

use serde::{Deserialize, Serialize};
use xspi_gdb::{
    flash::{InternalFlash, Standing, Transaction},
    layout::Address,
};

use crate::{
    bench::{Bench, firmware},
    chart::{self, Axis, Chart, Curve},
    measure::{KILOBYTE, MEGABYTE, NOR, board, image, older},
};

const SIZES: [usize; 9] = [
    KILOBYTE,
    4 * KILOBYTE,
    16 * KILOBYTE,
    64 * KILOBYTE,
    256 * KILOBYTE,
    MEGABYTE,
    4 * MEGABYTE,
    16 * MEGABYTE,
    64 * MEGABYTE,
];

/// What GDB's `load` puts into a packet of 16 KB, escapes aside.
const PIECE_BYTES: usize = 16 * KILOBYTE - 64;

/// One programming.
#[derive(Serialize, Deserialize)]
pub struct Programming {
    exchanges: u64,
    programmed_bytes: u64,
    modelled_seconds: f64,
    /// What the heap of server and virtual board grew to, above what it held before: without the client's bytes, which are collected until
    /// `vFlashDone`, and with the pages of the virtual NOR that were erased and programmed.
    peak_heap_bytes: usize,
}

/// All of one size.
#[derive(Serialize, Deserialize)]
pub struct Size {
    bytes: usize,
    first: Programming,
    unchanged: Programming,
    one_byte_changed: Programming,
}

pub fn measure() -> Vec<Size> {
    SIZES.into_iter().map(of_size).collect()
}

fn of_size(bytes: usize) -> Size {
    let began = Instant::now();
    let mut bench = board("own", older(bytes));
    let mut image = image(bytes);
    let first = program(&mut bench, &image);
    let unchanged = program(&mut bench, &image);
    image[bytes / 2] ^= 0x10;
    let one_byte_changed = program(&mut bench, &image);
    let size = Size {
        bytes,
        first,
        unchanged,
        one_byte_changed,
    };
    let label = chart::bytes(&(bytes as f64));
    println!(
        "{label}: {:.1} s of this machine",
        began.elapsed().as_secs_f64()
    );
    for measured in [&size.first, &size.unchanged, &size.one_byte_changed] {
        println!("  {}", serde_json::to_string(measured).expect("figures"));
    }
    size
}

/// As `load` does behind a reset: the boot stage has opened the window, and nothing of the appli has run.
fn program(bench: &mut Bench, image: &[u8]) -> Programming {
    bench.arm(Some(&firmware("appli.elf"))).expect("armed");
    bench.standing = Standing::BeforeAppli;
    let mut transaction = Transaction::new();
    for (index, piece) in image.chunks(PIECE_BYTES).enumerate() {
        transaction.write(Address(NOR + (index * PIECE_BYTES) as u32), piece);
    }
    let heap = dhat::Profiler::builder()
        .testing()
        .trim_backtraces(Some(1))
        .build();
    let (report, cost) = bench.cost(|bench| bench.commit(&transaction, InternalFlash::Keep));
    let peak_heap_bytes = dhat::HeapStats::get().max_bytes;
    drop(heap);
    let report = report.expect("programmed");
    assert!(
        bench.nor(0, image.len()) == image,
        "the NOR holds something else"
    );
    Programming {
        exchanges: cost.exchanges,
        programmed_bytes: report.programmed_bytes(),
        modelled_seconds: cost.time.as_secs_f64(),
        peak_heap_bytes,
    }
}

pub fn section(sizes: &[Size]) -> String {
    let curves = |of: fn(&Programming) -> f64| -> [Curve<'static>; 3] {
        let curve = |pick: fn(&Size) -> &Programming| {
            sizes
                .iter()
                .map(|size| (size.bytes as f64, of(pick(size))))
                .collect()
        };
        [
            ("over another program", curve(|size| &size.first)),
            ("one byte changed", curve(|size| &size.one_byte_changed)),
            ("unchanged", curve(|size| &size.unchanged)),
        ]
    };
    let x = || Axis {
        title: "size of the image",
        from: KILOBYTE as f64,
        to: 64.0 * MEGABYTE as f64,
        base: 2.0,
        label: chart::bytes,
    };
    let exchanges = Chart {
        name: "images-exchanges",
        title: "Programming by difference: exchanges with the probe",
        x: x(),
        y: Axis {
            title: "exchanges",
            from: 10.0,
            to: 1e6,
            base: 10.0,
            label: chart::plain,
        },
    };
    let time = Chart {
        name: "images-time",
        title: "Programming by difference: modelled time",
        x: x(),
        y: Axis {
            title: "seconds",
            from: 0.001,
            to: 1000.0,
            base: 10.0,
            label: chart::plain,
        },
    };
    let heap = Chart {
        name: "images-heap",
        title: "Programming by difference: peak of the heap",
        x: x(),
        y: Axis {
            title: "heap, above what was there before",
            from: KILOBYTE as f64,
            to: 512.0 * MEGABYTE as f64,
            base: 2.0,
            label: chart::bytes,
        },
    };
    let [Some(fourth), Some(last)] = [
        sizes.iter().find(|size| size.bytes == MEGABYTE),
        sizes.last(),
    ] else {
        return String::new();
    };
    let megabytes = ((last.bytes - fourth.bytes) / MEGABYTE) as f64;
    let per_megabyte = |of: fn(&Size) -> f64| (of(last) - of(fourth)) / megabytes;
    let about_exchanges = format!(
        "Straight from 256 KB on: {:.0} exchanges a MB, the packets that carry the data. Below that a load costs what its loader does before and \
         behind ({} exchanges for one changed byte of 64 KB), whatever its size. What is unchanged the core finds by checksums from 16 KB on, \
         and below that the host by reading. Checksums come back at {:.0} exchanges a MB, which show from 4 MB on.\n",
        per_megabyte(|size| size.first.exchanges as f64),
        sizes[3].one_byte_changed.exchanges,
        per_megabyte(|size| size.unchanged.exchanges as f64),
    );
    let about_time = format!(
        "Straight from 256 KB on: {:.2} s a MB, the NOR's erases and programs. The dip of the lowest curve is where the core's checksums take \
         over from reading; its {:.0} ms a MB show in one changed byte too, from 16 MB on.\n",
        per_megabyte(|size| size.first.modelled_seconds),
        1000.0 * per_megabyte(|size| size.unchanged.modelled_seconds),
    );
    let about_heap = format!(
        "Straight from 256 KB on in the upper curve, {:.2} bytes a byte: one is the plan's, which holds each sector that changes, and one is the \
         virtual NOR itself, whose programmed pages are on the same heap. What does not change is looked at sector by sector: {} for 64 MB. Below \
         one sector of 64 KB the loader's file is what counts. The bytes that the client has sent are not in it.\n",
        per_megabyte(|size| size.first.peak_heap_bytes as f64) / MEGABYTE as f64,
        chart::bytes(&(last.unchanged.peak_heap_bytes as f64)),
    );
    [
        "### Size of an image\n",
        &exchanges.draw(&curves(|measured| measured.exchanges as f64)),
        &about_exchanges,
        &time.draw(&curves(|measured| measured.modelled_seconds)),
        &about_time,
        &heap.draw(&curves(|measured| measured.peak_heap_bytes as f64)),
        &about_heap,
    ]
    .join("\n")
}

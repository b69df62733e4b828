//! What programming costs through each loader, in modelled time: `cargo bench --bench programming`. No wall clock is looked at, so the
//! figures are the same everywhere.
//!
//! ST's own files are not part of this repository: XSPI_GDB_STLDR names MX66UW1G45G_STM32H7S78-DK.stldr (STM32CubeProgrammer has
//! it), XSPI_GDB_FLM the MX66UW1G45G_STM32H7S78-DK.FLM of the pack STM32H7RSxx_DFP. Without them their rows are left out.

#[path = "../tests/bench/mod.rs"]
mod bench;
#[path = "../tests/programming/measure.rs"]
mod measure;

use measure::{
    KILOBYTE, KIT, MEGABYTE, Measured, NUCLEO, efficiency, full, load, program, three_loads,
};

/// What probe-rs ships for the NUCLEO's NOR.
const NUCLEO_BUILT_IN: &str = "mx25uw25645g_stm32h7s38-nucleo";

/// A line of the table, and what selects its loader.
type Row = (&'static str, Option<String>);

fn main() {
    let rows: [Row; 4] = [
        (
            "probe-rs's built-in",
            Some("mx66uw1g45g_stm32h7s78-dk".to_owned()),
        ),
        ("ST's .stldr", std::env::var("XSPI_GDB_STLDR").ok()),
        ("DFP's .FLM", std::env::var("XSPI_GDB_FLM").ok()),
        ("own loader", Some("own".to_owned())),
    ];
    table("512 KB", KIT, &rows);
    println!();
    let rows = [
        ("probe-rs's built-in", Some(NUCLEO_BUILT_IN.to_owned())),
        ("own loader", Some("own".to_owned())),
    ];
    table("512 KB, NUCLEO-H7S3L8", NUCLEO, &rows);
    println!("\n| 4 MB, own loader | Modelled time | Of what NOR and wire allow |");
    println!("|---|---|---|");
    let bytes = 4 * MEGABYTE;
    let [over_another, onto_blank] = full("own", bytes);
    for (story, measured, erases) in [
        ("over another program", &over_another, true),
        ("onto a blank NOR", &onto_blank, false),
    ] {
        let part = 100.0 * efficiency(measured, bytes, erases);
        println!(
            "| {story} | {:.2} s | {part:.1} % |",
            measured.cost.time.as_secs_f64()
        );
    }
    let full_time = over_another.cost.time.as_secs_f64();
    let image = measure::image(bytes);
    let mut bench = measure::board("own", image.clone());
    let by_loader = program(&mut bench, &image);
    let in_place = load(&mut bench, &image);
    for (story, measured) in [
        ("unchanged, behind a reset", in_place),
        ("unchanged, window closed", by_loader),
    ] {
        let time = measured.cost.time.as_secs_f64();
        let part = 100.0 * time / full_time;
        println!("| {story} | {time:.3} s | {part:.2} % of the full time |");
    }
}

/// Three loads through each loader.
fn table(title: &str, board: &str, rows: &[Row]) {
    println!("| {title} | Loader | Erased | Programmed | Exchanges | Modelled time |");
    println!("|---|---|---|---|---|---|");
    for (name, loader) in rows {
        let Some(loader) = loader else {
            println!("| | {name} | not named, see benches/programming.rs | | | |");
            continue;
        };
        let stories = ["over another program", "one byte changed", "unchanged"];
        let loads = three_loads(board, loader, 512 * KILOBYTE);
        for (story, measured) in stories.iter().zip(&loads) {
            row(story, name, measured);
        }
    }
}

fn row(story: &str, loader: &str, measured: &Measured) {
    println!(
        "| {story} | {loader} | {} | {} | {} | {:.3} s |",
        measured.report.erased_bytes(),
        measured.report.programmed_bytes(),
        measured.cost.exchanges,
        measured.cost.time.as_secs_f64()
    );
}

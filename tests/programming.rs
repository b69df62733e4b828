//! Programming through each loader, and what it costs. docs/programming.md has the table that `cargo bench --bench programming` prints.

mod bench;
#[path = "programming/measure.rs"]
mod measure;

use measure::{KILOBYTE, KIT, MEGABYTE, NUCLEO, efficiency, full, load, three_loads};

const BUILT_IN: &str = "mx66uw1g45g_stm32h7s78-dk";
const OWN: &str = "own";

#[test]
fn half_a_megabyte_through_our_own_loader_then_a_byte_then_nothing() {
    let bytes = 512 * KILOBYTE;
    let [first, changed, unchanged] = three_loads(KIT, OWN, bytes);
    assert_eq!(first.report.erased_bytes(), bytes as u64);
    assert_eq!(first.report.programmed_bytes(), bytes as u64);
    assert_eq!(
        (
            changed.report.erased_bytes(),
            changed.report.programmed_bytes()
        ),
        (4096, 4096)
    );
    assert_eq!(
        (
            unchanged.report.erased_bytes(),
            unchanged.report.programmed_bytes()
        ),
        (0, 0)
    );
    assert!(unchanged.cost.exchanges <= 48, "{:?}", unchanged.cost);
    assert!(changed.cost.exchanges <= 320, "{:?}", changed.cost);
    assert!(
        changed.cost.time * 8 < first.cost.time,
        "{:?} of {:?}",
        changed.cost.time,
        first.cost.time
    );
}

#[test]
fn two_sectors_through_the_built_in_routine_then_a_byte_then_nothing() {
    let bytes = 128 * KILOBYTE;
    let [first, changed, unchanged] = three_loads(KIT, BUILT_IN, bytes);
    assert_eq!(first.report.programmed_bytes(), bytes as u64);
    assert_eq!(
        (
            changed.report.erased_bytes(),
            changed.report.programmed_bytes()
        ),
        (0x1_0000, 0x1_0000)
    );
    assert_eq!(
        (
            unchanged.report.erased_bytes(),
            unchanged.report.programmed_bytes()
        ),
        (0, 0)
    );
    assert!(unchanged.cost.exchanges <= 48, "{:?}", unchanged.cost);
}

/// The smaller NOR of the NUCLEO, whose built-in routine erases 64 KB for a byte.
#[test]
fn our_own_loader_is_faster_on_the_nucleo_too() {
    let built_in = "mx25uw25645g_stm32h7s38-nucleo";
    let [own, theirs] = [OWN, built_in].map(|loader| three_loads(NUCLEO, loader, 64 * KILOBYTE));
    for (own, theirs) in own.iter().zip(&theirs).take(2) {
        let (own, theirs) = (&own.cost, &theirs.cost);
        assert!(
            own.time * 5 < theirs.time * 4 && own.exchanges < theirs.exchanges,
            "{own:?} and {theirs:?}"
        );
    }
    let [_, changed, unchanged] = own;
    assert_eq!(changed.report.erased_bytes(), 4096);
    assert_eq!(unchanged.report.programmed_bytes(), 0);
}

/// A small image is read over the wire when that is cheaper; what a relaunch costs does not grow with the image.
#[test]
fn a_relaunch_costs_the_same_for_any_size() {
    let cost = |bytes| {
        let image = measure::image(bytes);
        let mut bench = measure::board(OWN, image.clone());
        load(&mut bench, &image).cost.exchanges
    };
    let [tiny, small, large] = [KILOBYTE, 16 * KILOBYTE, MEGABYTE].map(cost);
    assert!(tiny < small, "{tiny} and {small}");
    assert!(small <= 48, "{small}");
    assert!(
        large <= small + 12,
        "{large} and {small}: answers are read, not contents"
    );
}

/// The acceptance of four megabytes: 85 % of what NOR and wire allow together; unchanged 3 % of the full time.
#[test]
fn four_megabytes_at_the_rate_of_nor_and_wire() {
    let bytes = 4 * MEGABYTE;
    let [over_another, onto_blank] = full(OWN, bytes);
    assert_eq!(over_another.report.erased_bytes(), bytes as u64);
    let erasing = efficiency(&over_another, bytes, true);
    assert!(erasing >= 0.85, "{erasing:.3}, {:?}", over_another.cost);
    assert_eq!(onto_blank.report.erased_bytes(), 0);
    let blank = efficiency(&onto_blank, bytes, false);
    assert!(blank >= 0.85, "{blank:.3}, {:?}", onto_blank.cost);

    let image = measure::image(bytes);
    let mut bench = measure::board(OWN, image.clone());
    let unchanged = load(&mut bench, &image);
    assert!(
        unchanged.cost.time.as_secs_f64() <= 0.03 * over_another.cost.time.as_secs_f64(),
        "{:?}",
        unchanged.cost
    );
    println!(
        "over another program {:.1} %, onto blank {:.1} %, unchanged {:.2} %",
        100.0 * erasing,
        100.0 * blank,
        100.0 * unchanged.cost.time.as_secs_f64() / over_another.cost.time.as_secs_f64()
    );
}

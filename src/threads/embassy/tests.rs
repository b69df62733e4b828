use super::*;
use crate::{
    image::Variable,
    threads::recorded::{Recorded, lines},
};

/// Three pools as `#[embassy_executor::task]` makes them: of two tasks, of one that has ended, and of `main`.
const LAID_OUT: &str = "
memory 0x20000000 0x200
20000000 0100000000000000000100200100017000000000000000000000000003000000
20000020 0101000000000000000100200100017000000000000000000000000000000000
20000040 0000000000000000000100200103007000000000000000000000000001000000
20000060 0100000000000000000100200105007000000000000000000000000004000000
";

fn variable(address: u32, size: u32, name: &str) -> Variable {
    Variable {
        address: Address(address),
        size,
        name: name.to_owned(),
    }
}

fn pools() -> Symbols {
    Symbols::of_variables(vec![
        variable(0x2000_0000, 0x40, "app::blink::POOL"),
        variable(0x2000_0040, 0x20, "app::greet::POOL"),
        variable(0x2000_0060, 0x20, "app::__embassy_main::POOL"),
    ])
}

fn found(known: &BTreeMap<String, Structure>) -> String {
    let mut image = Recorded::parse(LAID_OUT.trim_start());
    let kernel = find(&pools(), known).unwrap();
    let threads = image.threads(&kernel);
    image.table(&threads)
}

#[test]
fn without_debug_information_one_task_of_each_function_is_shown() {
    let expected = lines(
        "
        00000001 Cortex-M7: ; pc core sp core s20 core
        20000000 blink: waiting; pc 70010000 sp - s20 -
        20000060 main: waiting; pc 70000500 sp - s20 -
        ",
    );
    assert_eq!(found(&BTreeMap::new()), expected);
}

#[test]
fn memory_that_is_not_initialised_has_no_tasks() {
    let mut image = Recorded::parse("memory 0x20000000 0x200");
    let kernel = find(&pools(), &BTreeMap::new()).unwrap();
    assert_eq!(image.threads(&kernel).list.len(), 1);
    for address in image.words().collect::<Vec<_>>() {
        image.poke(address, 0xA5A5_A5A5);
    }
    assert_eq!(image.threads(&kernel).list.len(), 1);
}

/// The file that the end-to-end test runs.
#[test]
fn a_file_says_how_many_tasks_there_are_and_where_each_can_wait() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/firmware/prebuilt/tasks.elf");
    let image = Image::open(path).unwrap();
    let wanted = |_: &str| true;
    let kernel = find(image.symbols(), &structures(&image, wanted).unwrap()).unwrap();
    let mut pools: Vec<_> = kernel
        .pools
        .iter()
        .map(|pool| (pool.name.as_str(), pool.tasks))
        .collect();
    pools.sort_unstable();
    assert_eq!(
        pools,
        [("blink", 2), ("count", 1), ("greet", 1), ("main", 1)]
    );
    let count = kernel.pools.iter().find(|pool| pool.name == "count");
    let places = &count.unwrap().waits.as_ref().unwrap().places;
    let awaits: Vec<_> = places.range(FIRST_AWAIT..).collect();
    assert_eq!(awaits.len(), 2, "{places:?}");
    assert!(awaits.iter().all(|(_, (file, _))| file == "main.rs"));
    assert!(detect(&image).is_some());
}

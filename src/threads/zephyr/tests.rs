//! The image is laid out by hand, as V3.6 lays out `_kernel` and `struct k_thread` for a Cortex-M7 whose threads share the FPU.

use super::*;
use crate::threads::recorded::{Recorded, lines};

/// The table of that configuration.
const OFFSETS: [u32; 14] = [
    1,             // version
    8,             // _cpu.current
    0x28,          // z_kernel.threads
    0x60,          // k_thread.entry
    0x6C,          // k_thread.next_thread
    0x0D,          // _thread_base.thread_state
    0x0C,          // _thread_base.user_options
    0x0E,          // _thread_base.prio
    0x48,          // k_thread.callee_saved.psp
    0x74,          // k_thread.name
    0x98,          // k_thread.arch
    0x08,          // _thread_arch.preempt_float
    UNIMPLEMENTED, // coop_float
    0x04,          // _thread_arch.mode_exc_return
];

fn laid_out() -> (Zephyr, Recorded) {
    let image = Recorded::parse(include_str!("../../../tests/thread-images/zephyr.memory"));
    (find(&image.symbols, &OFFSETS).unwrap(), image)
}

#[test]
fn threads_are_found_with_states_and_registers() {
    let (kernel, mut image) = laid_out();
    let threads = image.threads(&kernel);
    let expected = lines(
        "
        20000200 main: running, priority 0; pc core sp core s20 core
        20000400 idle: ready, priority 15; pc 70000abc sp 20001020 s20 -
        20000600 filter: waiting, priority -1; pc 70000de0 sp 2000126c s20 40d80000
        20000800 0x20000800: asleep or not started, priority 7; pc - sp - s20 -
        ",
    );
    assert_eq!(image.table(&threads), expected);
}

#[test]
fn a_table_without_what_matters_is_none() {
    let mut table = OFFSETS;
    assert!(Layout::of(&table).is_some());
    table[8] = UNIMPLEMENTED;
    assert_eq!(Layout::of(&table), None);
    assert_eq!(Layout::of(&OFFSETS[..5]), None);
    table[8] = 0x7FFF_0000;
    assert_eq!(Layout::of(&table).unwrap().thread_bytes(), None);
    // Version 0 of the table ends before the names.
    let old = Layout::of(&OFFSETS[..9]).unwrap();
    assert_eq!((old.name, old.floats, old.exc_return), (None, None, None));
}

#[test]
fn a_current_thread_that_is_in_no_list_leaves_the_core_to_itself() {
    let (kernel, mut image) = laid_out();
    image.poke(plus(kernel.kernel, 8), 0x2000_0A00);
    let threads = image.threads(&kernel);
    assert_eq!(threads.running, ThreadId::CORE);
    assert_eq!(threads.list.len(), 4 + 1);
    assert_eq!(threads.damage.len(), 1);
    image.poke(plus(kernel.kernel, 8), 0);
    assert_eq!(image.running(&kernel), Running::NotStarted);
}

#[test]
fn no_word_of_memory_can_break_the_list() {
    let (kernel, image) = laid_out();
    image.survives_any_wrong_word(&kernel);
}

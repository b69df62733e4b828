use super::*;
use crate::threads::recorded::{Recorded, lines};

/// As the recorded program's debug information has it.
const BASE: Base = Base {
    pended_on: 8,
    timeout: 24,
};

fn recorded() -> (Zephyr, Recorded) {
    recorded_with(None)
}

fn recorded_with(base: Option<Base>) -> (Zephyr, Recorded) {
    let mut image = Recorded::parse(include_str!("../../../tests/thread-images/zephyr.memory"));
    let symbols = image.symbols.clone();
    let read = |address, bytes: &mut [u8]| image.read(address, bytes).is_ok();
    let kernel = find(&symbols, read, || base);
    (kernel.unwrap(), image)
}

/// The table that is recorded.
fn table(image: &mut Recorded) -> Vec<u32> {
    let start = image.address(TABLE);
    (0..14)
        .map(|index| image.peek(plus(start, 4 * index)))
        .collect()
}

/// The control block of a thread.
const WAITS: Address = Address(0x2000_04C0);

#[test]
fn threads_are_found_with_states_and_registers() {
    let (kernel, mut image) = recorded();
    let threads = image.threads(&kernel);
    let expected = lines(
        "
        200004c0 t_waits: waiting, priority 2; pc 70001288 sp 20001588 s20 -
        20000120 t_suspended: suspended or asleep, priority 6; pc 7000256e sp 20000da0 s20 -
        200003d8 0x200003d8: suspended or asleep, priority 3; pc 70001288 sp 20001370 s20 -
        200002f0 t_locks: waiting, priority 4; pc 70001288 sp 20001178 s20 -
        20000038 t_later: asleep or not started, priority -2; pc 7000256e sp 20000ba0 s20 -
        200005a8 floats2: running, priority 14; pc core sp core s20 core
        20000690 floats: ready, priority 14; pc 70001288 sp 20001970 s20 40700000
        20000780 idle: ready, priority 15; pc 7000256e sp 200023a0 s20 -
        20000868 main: suspended or asleep, priority 0; pc 70001288 sp 20002768 s20 -
        ",
    );
    assert_eq!(image.table(&threads), expected);
}

/// Debug information tells whom a thread waits for, and who sleeps.
#[test]
fn with_debug_information_states_are_told_apart() {
    let (kernel, mut image) = recorded_with(Some(BASE));
    let threads = image.threads(&kernel);
    let states: Vec<String> = threads
        .list
        .iter()
        .map(|thread| format!("{}: {}", thread.name, thread.state))
        .collect();
    assert_eq!(
        states,
        [
            "t_waits: waiting for never, priority 2",
            "t_suspended: suspended, priority 6",
            "0x200003d8: asleep, priority 3",
            "t_locks: waiting for held, priority 4",
            "t_later: not started, priority -2",
            "floats2: running, priority 14",
            "floats: ready, priority 14",
            "idle: ready, priority 15",
            "main: asleep, priority 0",
        ]
    );
    image.survives_any_wrong_word(&kernel);
}

/// Bits that no thread of the recorded program has.
#[test]
fn every_state_has_its_word() {
    let (kernel, mut image) = recorded();
    for (bits, word) in [
        (1 << 3, "terminated"),
        (1 << 5 | 1 << 4, "aborting"),
        (1 << 7, "ready"),
        (0, "ready"),
    ] {
        let word_at = plus(WAITS, kernel.layout.state & !3);
        let others = image.peek(word_at) & !0xFF00;
        image.poke(word_at, others | bits << 8);
        let threads = image.threads(&kernel);
        let thread = threads.find(ThreadId::of(WAITS)).unwrap();
        assert_eq!(thread.state, format!("{word}, priority 2"));
    }
}

#[test]
fn a_table_without_what_matters_is_none() {
    let (_, mut image) = recorded();
    let mut table = table(&mut image);
    assert!(Layout::of(&table).is_some());
    table[8] = UNIMPLEMENTED;
    assert_eq!(Layout::of(&table), None);
    assert_eq!(Layout::of(&table[..5]), None);
    table[8] = 0x7FFF_0000;
    assert_eq!(Layout::of(&table).unwrap().thread_bytes(Some(BASE)), None);
    // Version 0 of the table ends before the names.
    let old = Layout::of(&table[..9]).unwrap();
    assert_eq!((old.name, old.floats, old.exc_return), (None, None, None));
}

/// Halted before the main thread runs: the current thread is a dummy, and the process stack is used already.
#[test]
fn before_the_main_thread_there_is_the_core() {
    let (kernel, mut image) = recorded();
    let state = plus(WAITS, kernel.layout.state & !3);
    let others = image.peek(state) & !0xFF00;
    image.poke(state, others | u32::from(DUMMY) << 8);
    image.poke(plus(kernel.kernel, kernel.layout.current), WAITS.0);
    assert_eq!(image.running(&kernel), Running::NotStarted);
    assert_eq!(image.threads(&kernel), Threads::default());
    image.poke(plus(kernel.kernel, kernel.layout.current), 0);
    assert_eq!(image.running(&kernel), Running::NotStarted);
}

/// GDB 13 ends itself at a stop of a thread that it does not find in the list.
#[test]
fn a_current_thread_that_is_in_no_list_is_the_core() {
    let (kernel, mut image) = recorded();
    for nobody in [0x2000_2000, 0xF000_0000] {
        image.poke(plus(kernel.kernel, kernel.layout.current), nobody);
        let told = image.running(&kernel).id();
        let threads = image.threads(&kernel);
        assert_eq!(threads.running, told);
        assert!(threads.find(told).unwrap().context.is_live());
        assert_eq!(threads.list.len(), 9 + 1);
        assert_eq!(threads.damage.len(), 1);
    }
}

#[test]
fn no_word_of_memory_can_break_the_list() {
    let (kernel, image) = recorded();
    image.survives_any_wrong_word(&kernel);
}

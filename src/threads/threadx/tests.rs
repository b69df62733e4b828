use super::*;
use crate::threads::recorded::{Recorded, lines};

fn recorded() -> (ThreadX, Recorded) {
    let image = Recorded::parse(include_str!("../../../tests/thread-images/threadx.memory"));
    (find(&image.symbols).unwrap(), image)
}

#[test]
fn threads_are_found_with_states_and_registers() {
    let (kernel, mut image) = recorded();
    let threads = image.threads(&kernel);
    let expected = lines(
        "
        20002ed4 System Timer Thread: suspended, priority 0; pc 700019f5 sp 20002ec0 s20 -
        20000130 holder: waiting for a semaphore, priority 3; pc 70001f3c sp 20000af0 s20 -
        200001e4 waits: waiting for a mutex, priority 4; pc 70001f3c sp 20000de8 s20 -
        20000298 consumer: waiting for a queue, priority 5; pc 70001f3c sp 200010d0 s20 -
        2000034c producer: sleeping, priority 6; pc 70001f3c sp 200013f0 s20 -
        20000400 flagger: waiting for event flags, priority 7; pc 70001f3c sp 200016d0 s20 -
        200004b4 sleeper: sleeping, priority 8; pc 70001f3c sp 200019f8 s20 -
        20000568 stopped: suspended, priority 9; pc 70001f3c sp 20001cf0 s20 -
        2000061c done: completed, priority 10; pc 70001f3c sp 20002010 s20 -
        200006d0 filter 1: ready, priority 20; pc 7000190c sp 20002308 s20 40d80000
        20000784 filter 2: running, priority 20; pc core sp core s20 core
        ",
    );
    assert_eq!(image.table(&threads), expected);
}

#[test]
fn while_the_kernel_waits_the_core_is_a_thread_of_its_own() {
    let (kernel, mut image) = recorded();
    image.poke(kernel.current, 0);
    assert_eq!(image.running(&kernel), Running::Nobody);
    let threads = image.threads(&kernel);
    assert_eq!(threads.running, ThreadId::CORE);
    assert_eq!(threads.list.len(), 11 + 1);
    let live = |thread: &&Thread| thread.context.is_live();
    assert_eq!(threads.list.iter().filter(live).count(), 1);
    image.poke(kernel.created, 0);
    assert_eq!(image.running(&kernel), Running::NotStarted);
}

#[test]
fn what_is_no_thread_ends_the_ring() {
    let (kernel, mut image) = recorded();
    let first = Address(image.peek(kernel.created));
    let second = Address(image.peek(plus(first, kernel.layout.created_next)));
    image.poke(second, 0);
    let threads = image.threads(&kernel);
    assert_eq!(
        threads.damage,
        [Damage::Stray {
            list: CREATED,
            address: second
        }]
    );
    assert!(threads.find(ThreadId::of(first)).is_some());
    assert!(threads.find(threads.running).is_some());
}

#[test]
fn no_word_of_memory_can_break_the_list() {
    let (kernel, image) = recorded();
    image.survives_any_wrong_word(&kernel);
}

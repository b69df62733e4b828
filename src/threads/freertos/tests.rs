use super::*;
use crate::threads::recorded::{Recorded, lines};

fn recorded() -> (FreeRtos, Recorded) {
    let image = Recorded::parse(include_str!("../../../tests/thread-images/freertos.memory"));
    (find(&image.symbols).unwrap(), image)
}

#[test]
fn tasks_are_found_with_states_and_registers() {
    let (kernel, mut image) = recorded();
    let threads = image.threads(&kernel);
    let expected = lines(
        "
        20000da0 floats: ready, priority 1; pc 700005c0 sp 20000d8c s20 40d80000
        20001088 floats2: running, priority 1; pc core sp core s20 core
        20001e90 IDLE: ready, priority 0; pc 700020a2 sp 20001e80 s20 -
        200007d0 producer: blocked until tick 5, priority 3; pc 70000a22 sp 20000790 s20 -
        200004e8 holder: blocked until tick 100, priority 4; pc 70000a22 sp 200004b0 s20 -
        20001370 sleeper: blocked until tick 1000, priority 2; pc 70000a22 sp 20001338 s20 -
        20002178 Tmr Svc: blocked on 0x20001f14, priority 6; pc 70002eb6 sp 20002150 s20 -
        20000ab8 consumer: blocked on 0x200001d4, priority 2; pc 70002840 sp 20000a60 s20 -
        20001658 waits: blocked on 0x20000234, priority 2; pc 700029be sp 20001600 s20 -
        20001940 stopped: suspended, priority 2; pc 70000ea6 sp 20001910 s20 -
        20001c28 dies: deleted, priority 2; pc 7000095c sp 20001bf0 s20 -
        ",
    );
    assert_eq!(image.table(&threads), expected);
    assert_eq!(threads.kernel, Some("FreeRTOS"));
}

#[test]
fn nothing_runs_before_the_scheduler_has_started() {
    let (kernel, mut image) = recorded();
    let main_stack = Core {
        handles_exception: false,
        on_process_stack: false,
    };
    let at = Threads::read(&kernel, main_stack, &mut image).unwrap();
    assert_eq!(at, Threads::default(), "memory still holds the run before");
    image.poke(image.address("xSchedulerRunning"), 0);
    assert_eq!(image.threads(&kernel), Threads::default());
    let (kernel, mut image) = recorded();
    image.poke(kernel.current, 0);
    assert_eq!(image.running(&kernel), Running::NotStarted);
}

#[test]
fn a_list_that_leads_nowhere_ends_there_and_says_so() {
    let (kernel, mut image) = recorded();
    let suspended = image.address("xSuspendedTaskList");
    image.poke(plus(suspended, 12), 0x1234_5678);
    let threads = image.threads(&kernel);
    assert_eq!(
        threads.damage,
        [Damage::Outside {
            list: "xSuspendedTaskList",
            address: Address(0x1234_5678)
        }]
    );
    assert!(threads.list.iter().any(|thread| thread.name == "IDLE"));
    assert!(!threads.list.iter().any(|thread| thread.name == "stopped"));
}

#[test]
fn a_circle_is_caught() {
    let (kernel, mut image) = recorded();
    let list = image.address("xDelayedTaskList1");
    let first = Address(image.peek(plus(list, 12)));
    let second = Address(image.peek(plus(first, 4)));
    image.poke(plus(second, 4), first.0);
    let threads = image.threads(&kernel);
    assert!(
        matches!(
            threads.damage[..],
            [Damage::Twice {
                list: "xDelayedTaskList1",
                ..
            }]
        ),
        "{:?}",
        threads.damage
    );
}

#[test]
fn a_current_task_that_is_none_is_the_core() {
    let (kernel, mut image) = recorded();
    image.poke(kernel.current, 0xFFFF_FFF0);
    let threads = image.threads(&kernel);
    assert_eq!(threads.running, image.running(&kernel).id());
    assert!(threads.find(threads.running).is_some());
}

#[test]
fn no_word_of_memory_can_break_the_list() {
    let (kernel, image) = recorded();
    image.survives_any_wrong_word(&kernel);
}

#[test]
fn a_list_of_every_configuration_is_laid_out_as_the_compiler_does() {
    let plain = Layout::by_list_size(20).unwrap();
    assert_eq!((plain.next, plain.owner, plain.container), (4, 12, 16));
    assert_eq!((plain.state_item, plain.event_item), (4, 24));
    assert_eq!((plain.priority, plain.stack, plain.name), (44, 48, 52));
    let checked = Layout::by_list_size(32).unwrap();
    assert_eq!((checked.count, checked.end, checked.next), (4, 12, 8));
    assert_eq!((checked.event_item, checked.priority), (32, 60));
    let wide_ticks = Layout::by_list_size(24).unwrap();
    assert_eq!((wide_ticks.state_item, wide_ticks.event_item), (8, 32));
    assert_eq!((wide_ticks.next, wide_ticks.owner), (8, 16));
    assert_eq!(Layout::by_list_size(4), None);
}

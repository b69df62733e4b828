use super::*;

fn with_enabled(interrupts: u32) -> Nvic {
    let mut nvic = Nvic::new();
    nvic.enable(0, interrupts);
    nvic
}

fn winner(nvic: &Nvic) -> Option<u16> {
    nvic.candidate().map(|candidate| candidate.exception)
}

#[test]
fn lowest_priority_value_wins_then_lowest_number() {
    let mut nvic = with_enabled(0b111);
    nvic.set_priority(16, 0x40);
    nvic.set_priority(17, 0x20);
    nvic.set_priority(18, 0x20);
    nvic.pend_external(0, 0b111);
    assert_eq!(winner(&nvic), Some(17));
    nvic.activate(17);
    assert_eq!(winner(&nvic), Some(18));
    nvic.pend(number::HARD_FAULT);
    assert_eq!(winner(&nvic), Some(number::HARD_FAULT));
    nvic.pend(number::NMI);
    assert_eq!(winner(&nvic), Some(number::NMI));
}

#[test]
fn subpriority_orders_but_does_not_preempt() {
    let mut nvic = with_enabled(0b11);
    nvic.set_priority_grouping(5); // [7:6] group, [5:4] subpriority
    nvic.set_priority(16, 0x70);
    nvic.set_priority(17, 0x60);
    nvic.pend_external(0, 0b11);
    let first = nvic.candidate();
    assert_eq!(
        first,
        Some(Candidate {
            exception: 17,
            group: 0x40
        })
    );
    nvic.activate(17);
    assert_eq!(nvic.execution_priority(0, false, false), 0x40);
    assert_eq!(nvic.candidate().map(|next| next.group), Some(0x40));
}

#[test]
fn low_priority_bits_and_fixed_priorities_do_not_take_writes() {
    let mut nvic = Nvic::new();
    nvic.set_priority(20, 0xFF);
    assert_eq!(nvic.priority(20), 0xF0);
    nvic.set_priority(number::HARD_FAULT, 0x80);
    assert_eq!(nvic.group_priority(number::HARD_FAULT), -1);
}

#[test]
fn mask_registers_boost_the_execution_priority() {
    let nvic = Nvic::new();
    assert_eq!(nvic.execution_priority(0, false, false), THREAD_PRIORITY);
    assert_eq!(nvic.execution_priority(0x50, false, false), 0x50);
    assert_eq!(nvic.execution_priority(0x50, true, false), 0);
    assert_eq!(nvic.execution_priority(0, true, true), -1);
}

#[test]
fn a_line_that_stays_high_pends_again_when_its_handler_returns() {
    let mut nvic = with_enabled(1 << 3);
    nvic.set_lines([1 << 3, 0, 0, 0]);
    assert_eq!(winner(&nvic), Some(19));
    nvic.activate(19);
    assert_eq!(winner(&nvic), None);
    nvic.deactivate(19);
    assert_eq!(winner(&nvic), Some(19));
    nvic.unpend_external(0, 1 << 3);
    assert!(nvic.is_pending(19));
    nvic.set_lines([0; 4]);
    assert!(nvic.is_pending(19), "a latched request outlives its line");
    nvic.unpend_external(0, 1 << 3);
    assert!(!nvic.is_pending(19));
}

#[test]
fn interrupt_154_is_in_word_4() {
    let mut nvic = Nvic::new();
    nvic.enable(4, 1 << (154 - 128));
    nvic.set_lines([0, 0, 1 << (154 - 128), 0]);
    assert_eq!(winner(&nvic), Some(16 + 154));
}

#[test]
fn maskints_holds_interrupts_but_not_faults() {
    let mut nvic = with_enabled(1);
    nvic.set_masking(Masking::Interrupts);
    for exception in [number::PEND_SV, number::SYS_TICK, number::EXTERNAL] {
        nvic.pend(exception);
        assert_eq!(winner(&nvic), None);
    }
    nvic.pend(number::SV_CALL);
    assert_eq!(winner(&nvic), Some(number::SV_CALL));
}

//! What is tried, one file a subject.

mod faults;
mod lazy_fp;
mod masks;
mod memory_protection;
mod priorities;
mod stacks;
mod system_timer;
mod thread;

/// One thing to try; it begins in the state of `system::restore`.
pub struct Scenario {
    pub name: &'static str,
    pub run: fn(),
}

/// All of them, in order.
pub const ALL: &[&[Scenario]] = &[
    priorities::SCENARIOS,
    masks::SCENARIOS,
    thread::SCENARIOS,
    faults::SCENARIOS,
    stacks::SCENARIOS,
    lazy_fp::SCENARIOS,
    memory_protection::SCENARIOS,
    system_timer::SCENARIOS,
];

const fn scenario(name: &'static str, run: fn()) -> Scenario {
    Scenario { name, run }
}

//! SysTick every millisecond, and a future that waits for it. Each waiting task has a slot for its waker.

use core::{cell::RefCell, future::poll_fn, task::Poll, task::Waker};

use board::clocks::CORE_HERTZ;
use cortex_m::peripheral::{SYST, syst::SystClkSource};
use cortex_m_rt::exception;
use critical_section::Mutex;

/// How many tasks can wait at a time.
const SLOTS: usize = 4;

struct Clock {
    milliseconds: u32,
    waiting: [Option<(u32, Waker)>; SLOTS],
}

static CLOCK: Mutex<RefCell<Clock>> = Mutex::new(RefCell::new(Clock {
    milliseconds: 0,
    waiting: [const { None }; SLOTS],
}));

/// Starts SysTick.
pub fn start(systick: &mut SYST) {
    systick.set_clock_source(SystClkSource::Core);
    systick.set_reload(CORE_HERTZ / 1_000 - 1);
    systick.clear_current();
    systick.enable_interrupt();
    systick.enable_counter();
}

fn with_clock<T>(use_it: impl FnOnce(&mut Clock) -> T) -> T {
    critical_section::with(|section| use_it(&mut CLOCK.borrow(section).borrow_mut()))
}

/// Waits; `slot` is the caller's own.
pub async fn wait(slot: usize, milliseconds: u32) {
    let due = with_clock(|clock| clock.milliseconds.wrapping_add(milliseconds));
    poll_fn(|context| {
        with_clock(|clock| {
            if clock.milliseconds.wrapping_sub(due) as i32 >= 0 {
                return Poll::Ready(());
            }
            clock.waiting[slot] = Some((due, context.waker().clone()));
            Poll::Pending
        })
    })
    .await;
}

#[exception]
fn SysTick() {
    with_clock(|clock| {
        clock.milliseconds = clock.milliseconds.wrapping_add(1);
        let now = clock.milliseconds;
        for slot in &mut clock.waiting {
            if let Some((_, waker)) = slot.take_if(|(due, _)| now.wrapping_sub(*due) as i32 >= 0) {
                waker.wake();
            }
        }
    });
}

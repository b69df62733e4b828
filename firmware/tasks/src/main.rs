//! An appli of Embassy tasks: two blink at their own pace, one counts what they have done, one ends at once.
//!
//! Whoever debugs it finds the tasks as threads. They have no stacks of their own: what a task does while it waits is in its future.

#![no_std]
#![no_main]

mod ticks;

use core::{
    future::poll_fn,
    panic::PanicInfo,
    sync::atomic::{AtomicU32, Ordering},
    task::Poll,
};

use cortex_m::asm;
use embassy_executor::Spawner;

/// What the blinking tasks have done.
#[unsafe(no_mangle)]
pub static BLINKS: AtomicU32 = AtomicU32::new(0);
/// What the counting task has seen of it.
#[unsafe(no_mangle)]
pub static COUNTED: AtomicU32 = AtomicU32::new(0);

/// Blinks every `milliseconds`.
#[embassy_executor::task(pool_size = 2)]
async fn blink(slot: usize, milliseconds: u32) {
    loop {
        ticks::wait(slot, milliseconds).await;
        toggled();
    }
}

/// Where a breakpoint stops in a task that is being polled.
#[inline(never)]
fn toggled() {
    BLINKS.fetch_add(1, Ordering::Relaxed);
}

/// Looks every ten milliseconds.
#[embassy_executor::task]
async fn count() {
    loop {
        ticks::wait(2, 10).await;
        COUNTED.store(BLINKS.load(Ordering::Relaxed), Ordering::Relaxed);
        yield_now().await;
    }
}

/// Lets the other tasks have their turn.
async fn yield_now() {
    let mut yielded = false;
    poll_fn(|context| {
        if core::mem::replace(&mut yielded, true) {
            return Poll::Ready(());
        }
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

/// Ends.
#[embassy_executor::task]
async fn greet() {
    BLINKS.store(0, Ordering::Relaxed);
}

#[embassy_executor::main]
async fn main(spawner: Spawner) {
    if let Some(mut peripherals) = cortex_m::Peripherals::take() {
        ticks::start(&mut peripherals.SYST);
    }
    let tasks = [blink(0, 3), blink(1, 5)];
    for task in tasks.into_iter().flatten() {
        spawner.spawn(task);
    }
    if let (Ok(count), Ok(greet)) = (count(), greet()) {
        spawner.spawn(count);
        spawner.spawn(greet);
    }
    core::future::pending::<()>().await;
}

#[panic_handler]
fn panic(_: &PanicInfo<'_>) -> ! {
    loop {
        asm::bkpt();
    }
}

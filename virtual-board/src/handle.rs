//! A board that several owners share: the probe, the server, a test.
//!
//! In lockstep, time passes only by exchanges of the probe and by [`VirtualBoard::idle`], so a run gives the same numbers every
//! time. Free-running, a thread lets time follow the wall clock as well as the host manages: where the host is slower than the
//! chip, virtual time falls behind and is not made up.

use std::{
    fmt,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, Weak,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use crate::{
    adapter::{Adapter, Statistics},
    board::Board,
    clock::Time,
};

/// How often the free-running thread looks at the clock.
const TICK: Duration = Duration::from_millis(5);
/// Longest the board is kept from its other owners in one go.
const LONGEST_TURN: Duration = Duration::from_millis(3);
/// Span of virtual time between two looks at the wall clock.
const SLICE: Time = Time::micros(50);

/// A board to share.
#[derive(Clone)]
pub struct VirtualBoard {
    owner: Arc<Owner>,
}

/// What the owners share. The last of them to go stops the clock, so that the board is gone, and its state saved, by then.
struct Owner {
    adapter: Arc<Mutex<Adapter>>,
    clock: Mutex<Option<WallClock>>,
}

/// The thread that lets time follow the wall clock.
struct WallClock {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<()>,
}

impl Drop for Owner {
    fn drop(&mut self) {
        let clock = self.clock.get_mut().unwrap_or_else(PoisonError::into_inner);
        if let Some(WallClock { stop, thread }) = clock.take() {
            stop.store(true, Ordering::Relaxed);
            if thread.join().is_err() {
                tracing::error!("the virtual board's clock stopped by a panic");
            }
        }
    }
}

impl fmt::Debug for VirtualBoard {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("VirtualBoard")
            .finish_non_exhaustive()
    }
}

/// A board that is not kept alive.
#[derive(Clone)]
pub struct WeakBoard {
    owner: Weak<Owner>,
}

impl fmt::Debug for WeakBoard {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("WeakBoard").finish_non_exhaustive()
    }
}

impl WeakBoard {
    /// The board, if anybody still owns it.
    pub fn upgrade(&self) -> Option<VirtualBoard> {
        self.owner.upgrade().map(|owner| VirtualBoard { owner })
    }
}

impl VirtualBoard {
    /// Shares `board`, in lockstep.
    pub fn new(board: Board) -> Self {
        Self {
            owner: Arc::new(Owner {
                adapter: Arc::new(Mutex::new(Adapter::new(board))),
                clock: Mutex::new(None),
            }),
        }
    }

    /// Does something with the board, which nobody else touches meanwhile.
    pub fn with<T>(&self, act: impl FnOnce(&mut Board) -> T) -> T {
        self.adapter(|adapter| act(&mut adapter.board))
    }

    /// Does something with the probe on the board.
    ///
    /// A panic of another owner leaves the board as it was then; it stays usable.
    pub fn adapter<T>(&self, act: impl FnOnce(&mut Adapter) -> T) -> T {
        act(&mut locked(&self.owner.adapter))
    }

    /// The board without a share in its life.
    pub fn downgrade(&self) -> WeakBoard {
        WeakBoard {
            owner: Arc::downgrade(&self.owner),
        }
    }

    /// Waits: in lockstep the board's time passes, free-running the caller's.
    pub fn idle(&self, duration: Duration) {
        if self.adapter(|adapter| adapter.is_free_running()) {
            thread::sleep(duration);
        } else {
            self.with(|board| board.run_for(duration.into()));
        }
    }

    /// What the probe has done so far.
    pub fn statistics(&self) -> Statistics {
        self.adapter(|adapter| adapter.statistics())
    }

    /// Lets time follow the wall clock from now on, until the last owner is gone.
    pub fn run_freely(&self) {
        if self.adapter(Adapter::set_free_running) {
            return;
        }
        let stop = Arc::new(AtomicBool::new(false));
        let thread = thread::spawn({
            let (adapter, stop) = (self.owner.adapter.clone(), stop.clone());
            move || follow_wall_clock(&adapter, &stop)
        });
        *locked(&self.owner.clock) = Some(WallClock { stop, thread });
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn follow_wall_clock(adapter: &Mutex<Adapter>, stop: &AtomicBool) {
    let mut looked = Instant::now();
    let mut reached = locked(adapter).board.now();
    while !stop.load(Ordering::Relaxed) {
        thread::sleep(TICK);
        let end = reached + looked.elapsed().into();
        looked = Instant::now();
        reached = run_until(&mut locked(adapter).board, end);
    }
}

/// Runs `board` until `end`, or until its turn is over. The time it then has.
fn run_until(board: &mut Board, end: Time) -> Time {
    let started = Instant::now();
    while board.now() < end && started.elapsed() < LONGEST_TURN {
        board.run_for(SLICE.min(end - board.now()));
    }
    board.now()
}

//! A board that several owners share: the probe, the server, a test.
//!
//! In lockstep, time passes only by exchanges of the probe and by [`VirtualBoard::idle`], so a run gives the same numbers every
//! time. Free-running, a thread lets time follow the wall clock as well as the host manages: where the host is slower than the
//! chip, virtual time falls behind and is not made up.

use std::{
    sync::{Arc, Mutex, PoisonError, Weak},
    thread,
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
    shared: Arc<Mutex<Adapter>>,
}

impl std::fmt::Debug for VirtualBoard {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("VirtualBoard")
            .finish_non_exhaustive()
    }
}

/// A board that is not kept alive.
#[derive(Clone, Debug)]
pub struct WeakBoard {
    shared: Weak<Mutex<Adapter>>,
}

impl WeakBoard {
    /// The board, if anybody still owns it.
    pub fn upgrade(&self) -> Option<VirtualBoard> {
        self.shared.upgrade().map(|shared| VirtualBoard { shared })
    }
}

impl VirtualBoard {
    /// Shares `board`, in lockstep.
    pub fn new(board: Board) -> Self {
        Self {
            shared: Arc::new(Mutex::new(Adapter::new(board))),
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
        act(&mut self.shared.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// The board without a share in its life.
    pub fn downgrade(&self) -> WeakBoard {
        WeakBoard {
            shared: Arc::downgrade(&self.shared),
        }
    }

    /// Waits: in lockstep the board's time passes, free-running the caller's.
    pub fn idle(&self, duration: Duration) {
        if self.adapter(|adapter| adapter.is_free_running()) {
            thread::sleep(duration);
        } else {
            let nanos = u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX / 1_000);
            self.with(|board| board.run_for(Time::nanos(nanos)));
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
        let board = self.downgrade();
        thread::spawn(move || {
            let mut looked = Instant::now();
            let mut reached = None;
            while let Some(board) = board.upgrade() {
                let elapsed = looked.elapsed();
                looked = Instant::now();
                reached = Some(board.follow(reached, elapsed));
                drop(board);
                thread::sleep(TICK);
            }
        });
    }

    /// Runs the board to `elapsed` after the time it had `reached`, or until its turn is over. The time it then has.
    fn follow(&self, reached: Option<Time>, elapsed: Duration) -> Time {
        let started = Instant::now();
        let nanos = u64::try_from(elapsed.as_nanos()).unwrap_or(u64::MAX / 1_000);
        self.with(|board| {
            let end = reached.unwrap_or_else(|| board.now()) + Time::nanos(nanos);
            while board.now() < end && started.elapsed() < LONGEST_TURN {
                board.run_for(SLICE.min(end - board.now()));
            }
            board.now()
        })
    }
}

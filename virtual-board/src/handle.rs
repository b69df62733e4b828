//! A board that several owners share: the probe, the server, a test.
//!
//! In lockstep, time passes only by exchanges of the probe and by [`VirtualBoard::idle`], so a run gives the same numbers every
//! time. Free-running, a thread lets time follow the wall clock as well as the host manages: where the host is slower than the
//! chip, virtual time falls behind and is not made up.
//!
//! Paced, an exchange takes what the model says or what passes by the wall clock until the next one arrives, whichever is longer;
//! what this host needs to execute it does not count. So a debugger pays for its probe as in lockstep, and for its own sleeps
//! and its own work as in life: an exchange that the model has run ahead with gives no credit beyond the next one. What the thread
//! had no time for is made up when the next exchange arrives, but for more than [`LONGEST_DEBT`]: a debugger would give up waiting.

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
    adapter::{Adapter, Clock, Statistics},
    board::Board,
    clock::Time,
};

/// How often the free-running thread looks at the clock.
const TICK: Duration = Duration::from_millis(5);
/// Longest the board is kept from its other owners in one go.
const LONGEST_TURN: Duration = Duration::from_millis(3);
/// Span of virtual time between two looks at the wall clock.
const SLICE: Time = Time::micros(50);
/// Most of the wall clock's time that a paced board makes up at once.
const LONGEST_DEBT: Time = Time::millis(100);

/// A board to share.
#[derive(Clone)]
pub struct VirtualBoard {
    owner: Arc<Owner>,
}

/// What the owners share. The last of them to go stops the clock, so that the board is gone, and its state saved, by then.
struct Owner {
    shared: Arc<Mutex<Shared>>,
    clock: Mutex<Option<WallClock>>,
}

/// What one of them touches at a time.
struct Shared {
    adapter: Adapter,
    /// The wall clock of a paced board.
    pace: Option<Pace>,
}

/// Time of the wall clock that a paced board has not followed yet.
struct Pace {
    /// Up to when it is counted.
    looked: Instant,
    owed: Time,
    /// What the last exchange has taken in the model, less what has passed since by the wall clock.
    advance: Time,
}

impl Pace {
    fn new() -> Self {
        Self {
            looked: Instant::now(),
            owed: Time::default(),
            advance: Time::default(),
        }
    }

    /// The wall clock's time up to `until` is owed too.
    fn count(&mut self, until: Instant) {
        let passed = until.saturating_duration_since(self.looked).into();
        self.owed = (self.owed + (passed - self.advance)).min(LONGEST_DEBT);
        self.advance = self.advance - passed;
        self.looked = self.looked.max(until);
    }

    /// Runs `board` until nothing is owed.
    fn pay(&mut self, board: &mut Board) {
        board.run_for(std::mem::take(&mut self.owed));
    }

    /// The same, until the turn is over.
    fn pay_for_a_turn(&mut self, board: &mut Board) {
        let end = board.now() + self.owed;
        self.owed = end - run_until(board, end);
    }

    /// An exchange begins.
    fn begin_exchange(&mut self) {
        self.advance = Time::default();
    }

    /// What has passed since the last look was the host's affair, and is `modelled` on the board.
    fn restart(&mut self, modelled: Time) {
        self.looked = Instant::now();
        self.advance += modelled;
    }
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
                shared: Arc::new(Mutex::new(Shared {
                    adapter: Adapter::new(board),
                    pace: None,
                })),
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
        let arrived = Instant::now();
        let Shared { adapter, pace } = &mut *locked(&self.owner.shared);
        if let Some(pace) = pace {
            pace.count(arrived);
            pace.pay(&mut adapter.board);
        }
        let (began, exchanges) = (adapter.board.now(), adapter.statistics().exchanges);
        let outcome = act(adapter);
        if let Some(pace) = pace {
            if adapter.statistics().exchanges != exchanges {
                pace.begin_exchange();
            }
            pace.restart(adapter.board.now() - began);
        }
        outcome
    }

    /// The board without a share in its life.
    pub fn downgrade(&self) -> WeakBoard {
        WeakBoard {
            owner: Arc::downgrade(&self.owner),
        }
    }

    /// Waits: free-running the caller's time passes, else the board's.
    pub fn idle(&self, duration: Duration) {
        match self.adapter(|adapter| adapter.clock()) {
            Clock::Free => thread::sleep(duration),
            Clock::Lockstep | Clock::Paced => self.with(|board| board.run_for(duration.into())),
        }
    }

    /// What the probe has done so far.
    pub fn statistics(&self) -> Statistics {
        self.adapter(|adapter| adapter.statistics())
    }

    /// Lets time follow the wall clock from now on, until the last owner is gone.
    pub fn run_freely(&self) {
        self.run_by(Clock::Free);
    }

    /// Lets time pass so from now on, until the last owner is gone. A board that follows the wall clock already goes on as it does.
    pub fn run_by(&self, clock: Clock) {
        let mut shared = locked(&self.owner.shared);
        if shared.adapter.clock() != Clock::Lockstep {
            return;
        }
        shared.adapter.set_clock(clock);
        let follow = match clock {
            Clock::Lockstep => return,
            Clock::Free => follow_wall_clock,
            Clock::Paced => {
                shared.pace = Some(Pace::new());
                keep_pace
            }
        };
        drop(shared);
        let stop = Arc::new(AtomicBool::new(false));
        let thread = thread::spawn({
            let (shared, stop) = (self.owner.shared.clone(), stop.clone());
            move || follow(&shared, &stop)
        });
        *locked(&self.owner.clock) = Some(WallClock { stop, thread });
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn follow_wall_clock(shared: &Mutex<Shared>, stop: &AtomicBool) {
    let mut looked = Instant::now();
    let mut reached = locked(shared).adapter.board.now();
    while !stop.load(Ordering::Relaxed) {
        thread::sleep(TICK);
        let end = reached + looked.elapsed().into();
        looked = Instant::now();
        reached = run_until(&mut locked(shared).adapter.board, end);
    }
}

/// Spreads over the time between exchanges what would be made up at the next.
fn keep_pace(shared: &Mutex<Shared>, stop: &AtomicBool) {
    while !stop.load(Ordering::Relaxed) {
        thread::sleep(TICK);
        let Shared { adapter, pace } = &mut *locked(shared);
        if let Some(pace) = pace {
            pace.count(Instant::now());
            pace.pay_for_a_turn(&mut adapter.board);
        }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_paced_board_owes_what_passed_between_exchanges_once_and_not_without_end() {
        let mut board = Board::builder()
            .build()
            .expect("a blank board needs no file");
        let mut pace = Pace::new();
        let began = pace.looked;
        pace.count(began + Duration::from_millis(3));
        // Another owner was waiting since before that look.
        pace.count(began + Duration::from_millis(2));
        pace.pay(&mut board);
        assert_eq!(board.now(), Time::millis(3));
        pace.pay(&mut board);
        assert_eq!(board.now(), Time::millis(3));
        pace.count(began + Duration::from_secs(1_000));
        pace.pay(&mut board);
        assert_eq!(board.now(), Time::millis(3) + LONGEST_DEBT);
    }

    #[test]
    fn an_exchange_takes_the_longer_of_model_and_wall_clock() {
        let mut pace = Pace::new();
        pace.begin_exchange();
        pace.restart(Time::millis(3));
        pace.restart(Time::millis(1));
        let began = pace.looked;
        pace.count(began + Duration::from_millis(3));
        assert_eq!(pace.owed, Time::default());
        pace.count(began + Duration::from_millis(6));
        assert_eq!(pace.owed, Time::millis(2));
        // What one has run ahead is no credit for what follows the next.
        for _ in 0..10 {
            pace.begin_exchange();
            pace.restart(Time::millis(4));
        }
        let ended = pace.looked;
        pace.count(ended + Duration::from_millis(7));
        assert_eq!(pace.owed, Time::millis(2 + 3));
    }
}

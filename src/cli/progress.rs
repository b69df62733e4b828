//! Long work at the command line: a bar on a terminal, and Ctrl-C or SIGTERM ends it after the operation under way.

use std::{
    io::{IsTerminal, Write},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
};

use crate::link::{Attendant, Link, Phase, Progress, Verdict};

/// Characters of the bar.
const WIDTH: u64 = 30;

/// Exit code of a process that a signal has ended (SIGINT is 2).
const INTERRUPTED: i32 = 128 + 2;

/// Shows progress on stderr if that is a terminal, and watches for signals.
pub struct Watcher {
    cancelled: Arc<AtomicBool>,
    shows: bool,
    shown: Option<(Phase, u64)>,
}

impl Watcher {
    /// Watches from now on.
    pub fn new() -> anyhow::Result<Self> {
        let cancelled = Arc::new(AtomicBool::new(false));
        let flag = Arc::clone(&cancelled);
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        thread::spawn(move || {
            runtime.block_on(signal());
            flag.store(true, Ordering::Relaxed);
            // Whoever asks twice does not want to wait.
            runtime.block_on(signal());
            std::process::exit(INTERRUPTED);
        });
        Ok(Self {
            cancelled,
            shows: std::io::stderr().is_terminal(),
            shown: None,
        })
    }

    fn show(&mut self, progress: &Progress) {
        let filled = (progress.done * WIDTH)
            .checked_div(progress.total)
            .unwrap_or(0)
            .min(WIDTH);
        let shown = (progress.phase, filled);
        if !self.shows || self.shown == Some(shown) {
            return;
        }
        self.shown = Some(shown);
        let what = match progress.phase {
            Phase::Erase | Phase::Program => "programming",
            Phase::Verify => "verifying",
            Phase::Boot => "boot stage runs",
        };
        let bar: String = (0..WIDTH)
            .map(|at| if at < filled { '#' } else { '.' })
            .collect();
        // A terminal that is gone is no reason to stop programming.
        let _ = write!(std::io::stderr(), "\r{what:<16}[{bar}]");
    }

    /// Leaves the line of the bar.
    pub fn finish(&mut self) {
        if self.shown.take().is_some() {
            eprintln!();
        }
    }
}

impl Attendant for Watcher {
    fn attend(&mut self, progress: &Progress, _link: &mut dyn Link) -> Verdict {
        self.show(progress);
        match self.cancelled.load(Ordering::Relaxed) {
            true => Verdict::Cancel,
            false => Verdict::Continue,
        }
    }
}

/// Waits for Ctrl-C or SIGTERM.
#[cfg(unix)]
async fn signal() {
    use tokio::signal::unix::{SignalKind, signal};

    let Ok(mut terminated) = signal(SignalKind::terminate()) else {
        return interrupt().await;
    };
    tokio::select! {
        () = interrupt() => {}
        _ = terminated.recv() => {}
    }
}

/// Waits for Ctrl-C.
#[cfg(not(unix))]
async fn signal() {
    interrupt().await;
}

async fn interrupt() {
    if tokio::signal::ctrl_c().await.is_err() {
        std::future::pending::<()>().await;
    }
}

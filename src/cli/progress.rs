//! Long work at the command line: a bar on a terminal or JSON events, and Ctrl-C or SIGTERM ends it after the operation under way.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
};

use indicatif::{ProgressBar, ProgressStyle};

use crate::{
    fault::Fault,
    gdb::events::{Event, Events, Pace},
    link::{Attendant, Link, Phase, Progress, Verdict},
    platform,
};

/// Exit code of a process that a signal has ended (SIGINT is 2).
const INTERRUPTED: i32 = 128 + 2;

/// How progress is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// A bar on stderr, if that is a terminal.
    Bar,
    /// JSON events on stdout.
    Json,
}

/// Shows progress, and watches for signals.
pub struct Watcher {
    cancelled: Arc<AtomicBool>,
    form: Form,
    bar: ProgressBar,
    pace: Pace,
}

impl Watcher {
    /// Watches from now on.
    pub fn new(form: Form) -> anyhow::Result<Self> {
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
        // Hidden by indicatif itself where stderr is no terminal.
        let bar = ProgressBar::no_length().with_style(ProgressStyle::with_template(
            "{prefix:<16}[{bar:30}] {percent:>3} %{msg}",
        )?);
        Ok(Self {
            cancelled,
            form,
            bar,
            pace: Pace::default(),
        })
    }

    /// True once somebody wants the work to end.
    pub fn is_cancelled(&self) -> bool {
        self.cancelled.load(Ordering::Relaxed)
    }

    /// What comes next goes on until somebody asks again.
    pub fn forget_cancellation(&mut self) {
        self.cancelled.store(false, Ordering::Relaxed);
    }

    fn show(&mut self, progress: &Progress) {
        if self.form == Form::Json {
            if let Some(event) = self.pace.event(progress) {
                Events::Json.tell(&event);
            }
            return;
        }
        self.bar.set_prefix(match progress.phase {
            Phase::Erase | Phase::Program => "programming",
            Phase::Verify => "verifying",
            Phase::Boot => "boot stage runs",
        });
        self.bar.set_length(progress.total);
        self.bar.set_position(progress.done);
    }

    /// Takes the bar away: what it came to is said by whoever asked.
    pub fn finish(&mut self) {
        self.bar.finish_and_clear();
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

    /// Below the bar, as long as it holds.
    fn tell(&mut self, sentence: &str) {
        tracing::info!("{sentence}");
        self.bar.set_message(format!("\n{sentence}"));
    }

    fn power_cycles(&mut self, fault: &Fault, sentence: &str) {
        match self.form {
            Form::Json => Events::Json.tell(&Event::PowerCycle { because: fault }),
            Form::Bar => self.tell(sentence),
        }
    }
}

/// Waits for Ctrl-C or SIGTERM.
async fn signal() {
    let Ok(mut terminated) = platform::terminate() else {
        return interrupt().await;
    };
    tokio::select! {
        () = interrupt() => {}
        _ = terminated.recv() => {}
    }
}

async fn interrupt() {
    if tokio::signal::ctrl_c().await.is_err() {
        std::future::pending::<()>().await;
    }
}

//! What a user can ask for beside running and looking: written once, for monitor commands, command line and scripts.
//!
//! A verb returns data that prints itself; who asked decides where it is printed.

use std::{
    fmt,
    path::{Path, PathBuf},
    time::Duration,
};

use crate::{
    fault::Fault,
    flash::{Comparison, Forecast, Report},
    image::Image,
    layout::{Address, Window},
    link::Attendant,
    loader::{Choice, Description},
    registers::{
        Register as _,
        dbgmcu::{DBGMCU, Idcode, OUR_FAMILY},
    },
    session::{
        FaultReport, ResetKind, ResetOutcome, Session, SessionError, in_vain, registers::PC,
    },
    stage::{Armed, StageStatus},
    threads::{Damage, Thread},
    window::State,
};

/// Resets; a boot stage that does not arrive is told in the outcome, and by the next resume.
pub fn reset(
    session: &mut Session,
    kind: ResetKind,
    attendant: &mut dyn Attendant,
) -> Result<ResetOutcome, Fault> {
    session.reset(kind, attendant)
}

/// Brings the core to the appli's first instruction, or says why that is not possible.
pub fn arm(session: &mut Session, attendant: &mut dyn Attendant) -> Result<Armed, Fault> {
    match session.arm(attendant) {
        Err(fault) if session.mend_by_power(&fault, attendant)? => {
            session.arm(attendant).map_err(in_vain)
        }
        armed => armed,
    }
}

/// Brings the NOR back into its power-on protocol; what `arm` needs when a warm reset has left it in one that the boot stage does not
/// look for.
pub fn reset_nor(session: &mut Session) -> Result<(), Fault> {
    session.reset_nor()
}

/// Switches the board off and on.
pub fn power_cycle(session: &mut Session) -> Result<(), Fault> {
    session.power_cycle()
}

/// What the chip shows of its boot stage.
pub fn boot_status(session: &mut Session) -> Result<BootReport, Fault> {
    let status = session.boot_status()?;
    Ok(BootReport {
        status,
        kept: session.boot_fault().cloned(),
    })
}

/// What the chip says it is.
pub fn identity(session: &mut Session) -> Result<Identity, Fault> {
    let mut bytes = [0; 4];
    let at = Idcode::at(DBGMCU);
    match session.read_memory(at, &mut bytes)? {
        4 => Ok(Identity(Idcode::from_bits(u32::from_le_bytes(bytes)))),
        _ => Err(SessionError::NoMemory { address: at }.into()),
    }
}

/// Family and revision of a chip.
#[derive(Clone, Copy, Debug)]
pub struct Identity(Idcode);

impl Identity {
    /// True for an STM32H7RS or STM32H7S.
    pub fn is_of_our_family(&self) -> bool {
        self.0.device() == OUR_FAMILY
    }
}

impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(code) = self;
        write!(
            f,
            "device 0x{:03x}, revision 0x{:04x}",
            code.device(),
            code.revision()
        )
    }
}

/// What programs each NOR window.
pub fn loaders(session: &Session) -> Result<Vec<LoaderReport>, Fault> {
    let profile = &session.settings().profile;
    let mut reports = Vec::new();
    for window in &profile.windows {
        if let Some(loader) = &window.algorithm {
            let routine = Choice::parse(loader).routine(profile)?;
            reports.push(LoaderReport {
                window: window.clone(),
                description: Description::of(&routine, profile, window.program_bytes),
            });
        }
    }
    Ok(reports)
}

/// Programs a boot stage, if it differs.
pub fn boot_install(
    session: &mut Session,
    file: &Path,
    attendant: &mut dyn Attendant,
) -> Result<Report, Fault> {
    session.install_boot(&Image::open(file)?, attendant)
}

/// Programs what differs of some files, verifies it, and arms the board.
pub fn flash(
    session: &mut Session,
    files: &[PathBuf],
    attendant: &mut dyn Attendant,
) -> Result<Report, Fault> {
    let image = open_all(files)?;
    let first = session.flash_image(&image, attendant);
    let failed = match &first {
        Ok(_) => session.boot_fault(),
        Err(fault) => Some(fault),
    };
    let Some(fault) = failed.cloned() else {
        return first;
    };
    if !session.mend_by_power(&fault, attendant)? {
        return first;
    }
    let second = session.flash_image(&image, attendant).map_err(in_vain)?;
    // What only the boot stage failed behind was programmed the first time.
    Ok(first.unwrap_or(second))
}

/// What programming some files would do; changes nothing in flash.
pub fn plan(session: &mut Session, files: &[PathBuf]) -> Result<Forecast, Fault> {
    session.plan_image(&open_all(files)?)
}

/// Compares some files with flash; changes nothing there.
pub fn compare(session: &mut Session, files: &[PathBuf]) -> Result<Comparison, Fault> {
    session.compare_image(&open_all(files)?)
}

fn open_all(files: &[PathBuf]) -> Result<Image, Fault> {
    let images = files.iter().map(Image::open).collect::<Result<_, _>>()?;
    Ok(Image::join(images)?)
}

/// The state of each window, by the board profile's order.
pub fn windows(session: &mut Session) -> Result<Vec<WindowStatus>, Fault> {
    session
        .window_states()?
        .into_iter()
        .map(|(window, state)| Ok(WindowStatus { window, state }))
        .collect()
}

/// The fault that the core is halted at, explained; `None` if it is in none.
pub fn fault(session: &mut Session) -> Result<Option<FaultReport>, Fault> {
    session.explain_fault()
}

/// The threads of the appli's kernel, with what each is at.
pub fn threads(session: &mut Session) -> Result<ThreadTable, Fault> {
    let threads = session.threads()?.clone();
    let mut rows = Vec::new();
    for thread in &threads.list {
        let pc = session.read_thread_register(thread.id, PC)?;
        let pc = pc.map(|pc| Address(pc as u32));
        let place = match pc {
            Some(pc) => session.debug_info()?.describe(pc),
            None => None,
        };
        rows.push(ThreadRow {
            thread: thread.clone(),
            runs: thread.id == threads.running,
            pc,
            place,
        });
    }
    Ok(ThreadTable {
        kernel: threads.kernel,
        rows,
        damage: threads.damage,
    })
}

/// The last fault, in full; `None` if nothing has failed.
pub fn why(session: &mut Session) -> Option<Fault> {
    session.journal().last().cloned()
}

/// How long to wait between two looks at a running core: longer and longer, but never so long that a stop goes unnoticed for 25 ms.
#[derive(Debug)]
pub struct Backoff {
    wait: Duration,
}

impl Backoff {
    const SHORTEST: Duration = Duration::from_micros(250);
    /// No more than 50 looks in any second, those at its start among them.
    const LONGEST: Duration = Duration::from_millis(23);

    /// The next wait.
    pub fn next_wait(&mut self) -> Duration {
        let wait = self.wait;
        self.wait = (wait * 2).min(Self::LONGEST);
        wait
    }
}

impl Default for Backoff {
    fn default() -> Self {
        Self {
            wait: Self::SHORTEST,
        }
    }
}

/// What `boot status` shows.
#[derive(Clone, Debug)]
pub struct BootReport {
    /// What the chip shows.
    pub status: StageStatus,
    /// The fault of the last arm, until a resume has told it.
    pub kept: Option<Fault>,
}

impl fmt::Display for BootReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.status)?;
        match &self.kept {
            Some(fault) => write!(f, "\nlast arm: {fault}"),
            None => Ok(()),
        }
    }
}

/// A window and whether it answers.
#[derive(Clone, Debug)]
pub struct WindowStatus {
    /// Which.
    pub window: Window,
    /// Open, or closed and why.
    pub state: State,
}

/// `nor at 0x70000000: open`.
impl fmt::Display for WindowStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.window, self.state)
    }
}

/// What programs a window.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoaderReport {
    /// The window.
    pub window: Window,
    /// Its loader.
    pub description: Description,
}

impl fmt::Display for LoaderReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "window {} is programmed by {}",
            self.window, self.description
        )
    }
}

/// The threads of a halted program.
#[derive(Clone, Debug)]
pub struct ThreadTable {
    /// The kernel whose threads these are.
    pub kernel: Option<&'static str>,
    /// One for each thread.
    pub rows: Vec<ThreadRow>,
    /// Where the kernel's lists are not what they should be.
    pub damage: Vec<Damage>,
}

/// A thread and what it is at.
#[derive(Clone, Debug)]
pub struct ThreadRow {
    /// The thread.
    pub thread: Thread,
    /// It has the core's registers.
    pub runs: bool,
    /// Where it goes on, if that is known.
    pub pc: Option<Address>,
    /// That in the sources.
    pub place: Option<String>,
}

impl fmt::Display for ThreadTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kernel = self.kernel.unwrap_or("no kernel whose threads are known");
        write!(f, "{kernel}: {} thread", self.rows.len())?;
        f.write_str(if self.rows.len() == 1 { "" } else { "s" })?;
        let width = |text: fn(&ThreadRow) -> &str| {
            let lengths = self.rows.iter().map(|row| text(row).len());
            lengths.max().unwrap_or_default()
        };
        let names = width(|row| &row.thread.name);
        let states = width(|row| &row.thread.state);
        for row in &self.rows {
            let ThreadRow { thread, runs, .. } = row;
            let mark = if *runs { '*' } else { ' ' };
            let at = match (row.pc, &row.place) {
                (Some(pc), Some(place)) => format!("{pc} {place}"),
                (Some(pc), None) => pc.to_string(),
                (None, _) => "registers not known".to_owned(),
            };
            let (id, name, state) = (Address(thread.id.0), &thread.name, &thread.state);
            write!(f, "\n{mark} {id} {name:names$}  {state:states$}  {at}")?;
        }
        for damage in &self.damage {
            write!(f, "\ndamaged: {damage}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The most that an idle client costs, and the longest time for which a stop goes unnoticed.
    #[test]
    fn a_running_core_is_looked_at_fifty_times_a_second_and_every_25_ms() {
        let mut backoff = Backoff::default();
        let second = Duration::from_secs(1);
        let (mut now, mut looks) = (Duration::ZERO, 0);
        while now < second {
            let wait = backoff.next_wait();
            assert!(wait <= Duration::from_millis(24), "{wait:?}");
            now += wait;
            looks += 1;
        }
        assert!(looks <= 50, "{looks}");
    }
}

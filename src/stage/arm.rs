//! `arm`: from system reset through the boot stage to the appli's first instruction.
//!
//! One breakpoint unit waits on the reset handler that is expected: of the last programming, or as the appli's file hints. While the
//! core runs, only VTOR, the debug registers and the retained status are read; none of them disturbs a boot stage that is
//! reconfiguring XSPI. If VTOR shows up in a window and the unit is not hit, the NOR holds another image: its vectors are read, and
//! the next run waits for its handler.
//!
//! The time limit counts what [`Link::idle`] was asked to wait: the target's time, also on the virtual board.

use std::time::Duration;

use super::{
    StageError, WrongPlace,
    comparison::{first_difference_in_place, read_in_place},
    evidence::{Evidence, Start, first_damage},
    finding::{Finding, Place},
    retained::Retained,
    status::{Unlike, first_difference},
};
use crate::{
    image::{Image, Vectors},
    layout::{Address, BoardProfile},
    link::{
        Attendant, CoreRegister, CoreState, HaltReason, Link, LinkError, Phase, Progress,
        RegisterAccess, ResetMode, Verdict,
        core_fault::{CoreFault, Exception},
        units::Units,
    },
    registers::{
        debug::{Demcr, SCS},
        dwt::{DWT, DwtPcsr},
        rcc::{RCC, Rsr},
        scb::Vtor,
    },
    window::{State, WindowError, Windows},
};

/// First and longest wait between two looks at the running core.
const SHORTEST_POLL: Duration = Duration::from_micros(500);
const LONGEST_POLL: Duration = Duration::from_millis(20);

/// A boot stage may reset the chip once or twice on purpose (option bytes, a clock that failed); more is a loop.
const RESETS_OF_A_LOOP: u32 = 3;

/// The first run may show that the NOR holds another image than the one waited for; the second knows it.
const RUNS: usize = 3;

/// What is known before.
#[derive(Clone, Copy, Debug)]
pub struct Setup<'a> {
    /// The board.
    pub profile: &'a BoardProfile,
    /// What internal flash should hold.
    pub boot: Option<&'a Image>,
    /// What the NOR should hold: a hint, and where symbols come from.
    pub appli: Option<&'a Image>,
    /// What the NOR does hold, if it was programmed or seen in this session.
    pub known: Option<Vectors>,
    /// How long the boot stage may take.
    pub timeout: Duration,
}

/// The core stands at the appli's first instruction, and the window is open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Armed {
    /// The appli's first instruction.
    pub entry: Address,
    /// The vectors that the NOR holds: worth knowing the next time.
    pub vectors: Vectors,
    /// What the user should be told.
    pub notices: Vec<String>,
}

/// Resets, runs the boot stage, and stops at the appli's first instruction. All units are free afterwards, whatever happened; on an
/// error the core is in debug state where it was found, and what the user should be told besides it is left in `unsaid`.
pub fn arm(
    link: &mut dyn Link,
    windows: &mut Windows,
    units: &mut Units,
    setup: &Setup<'_>,
    attendant: &mut dyn Attendant,
    unsaid: &mut Vec<String>,
) -> Result<Armed, StageError> {
    let hint = hinted_vectors(setup)?;
    units.park_all(link)?;
    let catches: Demcr = link.peek(SCS)?;
    link.poke(SCS, catches.with_catch_hard_fault(true))?;
    let outcome = Arming {
        link,
        windows,
        units,
        setup,
        attendant,
        notices: unsaid,
        waited: Duration::ZERO,
        boots_before: None,
    }
    .run(hint);
    units.park_all(link)?;
    link.poke(SCS, catches)?;
    windows.forget();
    outcome
}

/// The vectors to wait for at first. An appli that has none in a NOR window cannot execute in place.
fn hinted_vectors(setup: &Setup<'_>) -> Result<Option<Vectors>, StageError> {
    let Some(appli) = setup.appli else {
        return Ok(setup.known);
    };
    let Some(vectors) = appli.appli_vectors(setup.profile) else {
        if let Some(at) = setup.profile.vectors {
            return Err(StageError::NoVectors {
                file: appli.name(),
                at,
            });
        }
        let first = appli.segments().first().map(|segment| segment.address);
        return Err(StageError::LinkedElsewhere {
            file: appli.name(),
            at: first.unwrap_or_default(),
            wrong: setup
                .profile
                .load_and_run()
                .map_or(WrongPlace::NotInNor, |copy| {
                    WrongPlace::NotCopiedThere(copy.destination)
                }),
        });
    };
    Ok(setup.known.or(Some(vectors)))
}

/// How one run ended, if it ended well enough.
enum Run {
    /// At the first instruction of the image whose vectors these are.
    Arrived(Vectors),
    /// The NOR holds an image with these vectors, and it has run on.
    Unexpected(Vectors),
}

struct Arming<'a> {
    link: &'a mut dyn Link,
    windows: &'a mut Windows,
    units: &'a mut Units,
    setup: &'a Setup<'a>,
    attendant: &'a mut dyn Attendant,
    notices: &'a mut Vec<String>,
    waited: Duration,
    boots_before: Option<u32>,
}

impl Arming<'_> {
    fn run(mut self, hint: Option<Vectors>) -> Result<Armed, StageError> {
        let mut target = hint;
        let mut first = true;
        let mut compares = true;
        for _ in 0..RUNS {
            self.reset()?;
            if first {
                self.look_at_boot_stage()?;
                first = false;
            }
            match self.run_to(target)? {
                Run::Arrived(vectors) => {
                    if compares && !self.compare_appli(&vectors)? {
                        compares = false;
                        target = Some(vectors);
                        continue;
                    }
                    return Ok(Armed {
                        entry: vectors.handler(),
                        vectors,
                        notices: std::mem::take(self.notices),
                    });
                }
                Run::Unexpected(vectors) => target = Some(vectors),
            }
        }
        Err(self.stuck()?)
    }

    fn reset(&mut self) -> Result<(), StageError> {
        self.link.reset(ResetMode::Halt)?;
        self.link.was_reset()?;
        self.windows.forget();
        let retained = Retained::read(self.link, self.setup.profile)?;
        self.boots_before = retained.map(|retained| retained.boots);
        Ok(())
    }

    /// What can be seen before the first instruction: a chip that is locked or starts elsewhere, no boot stage, another one.
    fn look_at_boot_stage(&mut self) -> Result<(), StageError> {
        let mut start = Start::read(self.link, self.setup.profile)?;
        start.look_for_damage(self.link, self.setup.profile)?;
        if let Some(finding) = Finding::before_the_first_instruction(&start) {
            return Err(finding.into());
        }
        let Some(boot) = self.setup.boot else {
            return Ok(());
        };
        match first_difference(self.link, boot, self.setup.profile)? {
            None => {}
            Some(Unlike::Damaged(address)) => return Err(Finding::Damaged(address).into()),
            Some(Unlike::Different(at)) => self.notices.push(format!(
                "the boot stage on the board is not {} (first difference at {at}); `--install-boot` would replace it",
                boot.name()
            )),
        }
        Ok(())
    }

    /// Lets the core run until it stands at the target's handler, or something else is certain.
    fn run_to(&mut self, target: Option<Vectors>) -> Result<Run, StageError> {
        if let Some(target) = target {
            self.units.place(self.link, target.handler())?;
        }
        self.link.resume()?;
        let mut resets = 0;
        let mut vtor_seen = false;
        let mut pause = SHORTEST_POLL;
        loop {
            match self.link.state()? {
                CoreState::Halted(reason) => return self.halted(target, reason),
                CoreState::LockedUp => return Err(self.locked_up()?),
                CoreState::Running | CoreState::Sleeping => {}
            }
            if self.link.was_reset()? {
                resets += 1;
                if resets >= RESETS_OF_A_LOOP {
                    return Err(self.reset_loop(resets)?);
                }
            }
            let vtor = Address(self.link.peek::<Vtor>(SCS)?.table());
            if self.setup.profile.is_appli_place(vtor) {
                // The boot stage sets VTOR a few instructions before it jumps: only the second look means that it has jumped.
                if vtor_seen {
                    return self.ran_on(vtor);
                }
                vtor_seen = true;
            }
            if self.has_given_up()? || self.waited >= self.setup.timeout {
                self.halt()?;
                return Err(self.stuck()?);
            }
            self.wait(pause)?;
            pause = (pause * 2).min(LONGEST_POLL);
        }
    }

    fn wait(&mut self, pause: Duration) -> Result<(), StageError> {
        let progress = Progress {
            phase: Phase::Boot,
            done: milliseconds(self.waited),
            total: milliseconds(self.setup.timeout),
        };
        if self.attendant.attend(&progress, self.link) == Verdict::Cancel {
            self.halt()?;
            return Err(StageError::Cancelled);
        }
        self.link.idle(pause)?;
        let told = self.waited.as_secs();
        self.waited += pause;
        if self.waited.as_secs() > told {
            self.tell_where_it_is()?;
        }
        Ok(())
    }

    /// Once a second: the sampled pc, and how far XSPI is.
    fn tell_where_it_is(&mut self) -> Result<(), LinkError> {
        let pc = self.link.peek::<DwtPcsr>(DWT)?.address();
        let place = Place::new(Address(pc & !1), self.setup.boot);
        let mut sentence = format!(
            "the boot stage has run for {} s and is at {place}",
            self.waited.as_secs()
        );
        if let Some(window) = self.setup.profile.nor() {
            match self.windows.glance(self.link, window)? {
                State::Open => sentence.push_str(&format!("; window {window} is open")),
                State::Closed(reason) => {
                    sentence.push_str(&format!("; window {window} is closed: {reason}"));
                }
            }
        }
        self.attendant.tell(&sentence);
        Ok(())
    }

    /// Halts the core. One that waits for a bus access that is never answered cannot be halted: nRST brings it back.
    fn halt(&mut self) -> Result<(), StageError> {
        match self.link.halt() {
            Ok(()) => Ok(()),
            Err(LinkError::Timeout { .. } | LinkError::Stalled { .. }) => {
                self.windows.forget();
                let window = self.setup.profile.nor().and_then(|nor| {
                    let state = self.windows.state(self.link, nor).ok()?;
                    Some((Box::new(nor.clone()), state))
                });
                self.link.recover()?;
                Err(Finding::Hung { window }.into())
            }
            Err(error) => Err(error.into()),
        }
    }

    /// The core is in debug state: at the target, in a fault, or at a BKPT of the boot stage.
    fn halted(&mut self, target: Option<Vectors>, reason: HaltReason) -> Result<Run, StageError> {
        let pc = Address(self.link.read_register(CoreRegister::PC)?);
        if let Some(target) = target
            && target.handler() == pc
        {
            return self.at_handler(target, pc);
        }
        if reason.vector_catch && self.has_jumped()? {
            return Err(self.stuck()?);
        }
        if reason.vector_catch
            && let Some(fault) = CoreFault::of_halted(self.link)?
        {
            return Err(self.faulted(&fault)?.into());
        }
        Err(Finding::Breakpoint(Place::new(pc, self.setup.boot)).into())
    }

    /// The unit was hit. The NOR must name that handler itself, or another image has merely come by.
    fn at_handler(&mut self, target: Vectors, pc: Address) -> Result<Run, StageError> {
        self.windows.forget();
        let vtor = Address(self.link.peek::<Vtor>(SCS)?.table());
        let mut tables = vec![target.address];
        if self.setup.profile.is_appli_place(vtor) && vtor != target.address {
            tables.insert(0, vtor);
        }
        let mut there = target;
        for table in tables {
            there = self.vectors_there(table)?;
            if there.handler() == pc {
                self.needs_appli_table(table)?;
                return Ok(Run::Arrived(there));
            }
        }
        Ok(Run::Unexpected(there))
    }

    /// VTOR is in the window and the unit was not hit: the image there is not the one that was waited for.
    fn ran_on(&mut self, vtor: Address) -> Result<Run, StageError> {
        self.halt()?;
        self.windows.forget();
        self.needs_appli_table(vtor)?;
        self.vectors_there(vtor).map(Run::Unexpected)
    }

    /// Another image at the appli's own vector table is a notice; another vector table is another slot.
    fn needs_appli_table(&self, table: Address) -> Result<(), StageError> {
        let Some(appli) = self.setup.appli else {
            return Ok(());
        };
        match appli.appli_vectors(self.setup.profile) {
            Some(vectors) if vectors.address != table => Err(Finding::OtherImage {
                started: table,
                expected: Some((vectors.address, appli.name())),
            }
            .into()),
            _ => Ok(()),
        }
    }

    fn vectors_there(&mut self, table: Address) -> Result<Vectors, StageError> {
        let mut words = [0; Vectors::BYTES];
        match read_in_place(self.link, self.windows, table, &mut words) {
            Ok(()) => Ok(Vectors::from_bytes(table, words)),
            Err(WindowError::Link(error)) => Err(error.into()),
            Err(error @ (WindowError::Stalled { .. } | WindowError::BusError { .. })) => {
                Err(Finding::NorMode {
                    what: error.to_string(),
                }
                .into())
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Our own boot stage says so when it has given up; others are given their time.
    fn has_given_up(&mut self) -> Result<bool, LinkError> {
        let retained = Retained::read(self.link, self.setup.profile)?;
        Ok(retained.is_some_and(|retained| self.is_fresh(&retained) && retained.has_given_up()))
    }

    fn is_fresh(&self, retained: &Retained) -> bool {
        self.boots_before != Some(retained.boots)
    }

    fn gather(&mut self) -> Result<Evidence, LinkError> {
        let setup = self.setup;
        let mut evidence = Evidence::gather(self.link, self.windows, setup.profile, setup.appli)?;
        // Resets of this run are counted; a flag may be from any before.
        evidence.watchdog = None;
        let retained = evidence.retained.take();
        evidence.retained = retained.filter(|retained| self.is_fresh(retained));
        Ok(evidence)
    }

    fn stuck(&mut self) -> Result<StageError, LinkError> {
        self.windows.forget();
        let mut evidence = self.gather()?;
        let setup = self.setup;
        evidence.start.damaged = first_damage(self.link, setup.profile)?;
        let finding = Finding::of(
            &evidence,
            setup.profile,
            setup.boot,
            setup.appli,
            self.waited,
        );
        Ok(finding.into())
    }

    fn locked_up(&mut self) -> Result<StageError, StageError> {
        self.halt()?;
        if self.has_jumped()? {
            return Ok(self.stuck()?);
        }
        let fault = CoreFault::read(self.link, Exception::Lockup)?;
        Ok(self.faulted(&fault)?.into())
    }

    /// A boot stage that faults may have run into a damaged word.
    fn faulted(&mut self, fault: &CoreFault) -> Result<Finding, LinkError> {
        let damaged = first_damage(self.link, self.setup.profile)?;
        Ok(damaged.map_or_else(
            || Finding::faulted(fault, self.setup.boot),
            Finding::Damaged,
        ))
    }

    /// VTOR names a table in the NOR: what stands there decides whether a fault is the boot stage's own.
    fn has_jumped(&mut self) -> Result<bool, LinkError> {
        let vtor = Address(self.link.peek::<Vtor>(SCS)?.table());
        Ok(self.setup.profile.is_appli_place(vtor))
    }

    fn reset_loop(&mut self, resets: u32) -> Result<StageError, StageError> {
        self.halt()?;
        let flags: Rsr = self.link.peek(RCC)?;
        Ok(Finding::ResetLoop {
            resets,
            watchdog: flags.watchdog(),
        }
        .into())
    }

    /// A NOR that holds another image than the appli's file is worth a line. False if the core has to be reset: nobody could tell.
    fn compare_appli(&mut self, vectors: &Vectors) -> Result<bool, StageError> {
        let window = self.windows.find(vectors.address).cloned();
        if let Some(window) = window
            && let State::Closed(reason) = self.windows.state(self.link, &window)?
        {
            return Err(WindowError::Closed {
                window: Box::new(window),
                reason,
                address: vectors.address,
            }
            .into());
        }
        let Some(appli) = self.setup.appli else {
            return Ok(true);
        };
        match first_difference_in_place(self.link, self.windows, self.setup.profile, appli) {
            Ok(None) => Ok(true),
            Ok(Some(at)) => {
                self.notices.push(format!(
                    "the NOR holds another image than {} (first difference at {at}): `load` programs what differs",
                    appli.name(),
                ));
                Ok(true)
            }
            Err(StageError::Checksums(error)) => {
                self.notices.push(format!(
                    "whether the board holds {} is not known: {error}; `flash --verify` compares over the wire",
                    appli.name(),
                ));
                Ok(false)
            }
            Err(error) => Err(error),
        }
    }
}

fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

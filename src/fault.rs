//! Explained failures: one shape for the GDB console, MI, JSON, the log and `xspi-gdb explain`.
//!
//! Each module owns an error enum that carries facts; [`Explain`] gives it a stable [`Code`], and from there comes a
//! [`Fault`]: headline (the fact and its place), causes (the chain of sources), remedy, errno, disposition.
//! Only `gdb/report.rs` turns a Fault into a reply; only a lost link may end a session, and never the server.

mod catalogue;

use std::{borrow::Cow, collections::VecDeque, fmt};

use serde::{Serialize, Serializer};

pub use catalogue::{Code, Entry};

/// Error numbers that GDB prints by name, with their values in the remote protocol (GDB manual, "Errno Values").
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Errno {
    /// Operation not permitted.
    Eperm = 1,
    /// No such file or directory.
    Enoent = 2,
    /// Input/output error.
    Eio = 5,
    /// Bad address.
    Efault = 14,
    /// Device or resource busy.
    Ebusy = 16,
    /// Invalid argument.
    Einval = 22,
    /// No space left on device (units, RAM).
    Enospc = 28,
}

/// What becomes of the session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Disposition {
    /// The request is refused; everything else goes on.
    Refuse,
    /// The link is lost: the session ends, the server listens on.
    EndSession,
}

/// An error that can be explained to the person at the IDE.
pub trait Explain: std::error::Error {
    /// The stable code.
    fn code(&self) -> Code;

    /// What to do, where this error knows better than the catalogue.
    fn remedy(&self) -> Option<Cow<'static, str>> {
        None
    }
}

/// An explained failure. Its JSON form is the same everywhere: the fields as they are, the code by name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Fault {
    /// Stable code, `XG012`.
    #[cfg_attr(test, schemars(with = "String"))]
    pub code: Code,
    /// One ASCII line: the fact, then the place.
    pub headline: String,
    /// The sources, outermost first.
    pub causes: Vec<String>,
    /// What to do.
    pub remedy: String,
}

impl Fault {
    /// The errno that a client without text errors gets.
    pub fn errno(&self) -> Errno {
        self.code.entry().errno
    }

    /// Whether the session survives.
    pub fn disposition(&self) -> Disposition {
        self.code.entry().disposition
    }

    /// `XG012 window nor is closed: ...; remedy`, for a reply that has one line.
    pub fn one_line(&self) -> String {
        format!("{} {}. {}", self.code, self.headline, self.remedy)
    }
}

impl<E: Explain> From<E> for Fault {
    fn from(error: E) -> Self {
        let mut causes: Vec<String> = Vec::new();
        let mut source = error.source();
        while let Some(cause) = source {
            let text = cause.to_string();
            // Some libraries wrap an error in one that says the same.
            if causes.last() != Some(&text) {
                causes.push(text);
            }
            source = cause.source();
        }
        let code = error.code();
        Self {
            code,
            headline: error.to_string(),
            causes,
            remedy: error
                .remedy()
                .unwrap_or(Cow::Borrowed(code.entry().remedy))
                .into_owned(),
        }
    }
}

impl Serialize for Code {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

/// The form a person reads: code and headline, causes, remedy, a line each.
impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}: {}", self.code, self.headline)?;
        for cause in &self.causes {
            writeln!(f, "  because: {cause}")?;
        }
        write!(f, "  remedy: {}", self.remedy)
    }
}

/// The faults of a session, oldest first; the last [`Journal::CAPACITY`] are kept.
#[derive(Debug, Default)]
pub struct Journal {
    faults: VecDeque<Kept>,
}

#[derive(Debug)]
struct Kept {
    fault: Fault,
    shown: bool,
}

impl Journal {
    /// How many faults are kept.
    pub const CAPACITY: usize = 32;

    /// Keeps `fault` for `monitor why` and for the next moment at which GDB takes console text.
    pub fn record(&mut self, fault: Fault) {
        self.keep(fault, false);
    }

    /// Keeps `fault` for `monitor why` only: a stop or a console shows it by itself.
    pub fn record_shown(&mut self, fault: Fault) {
        self.keep(fault, true);
    }

    /// True if `fault` waits to be shown.
    pub fn is_to_be_shown(&self, fault: &Fault) -> bool {
        let mut faults = self.faults.iter();
        faults.any(|kept| !kept.shown && kept.fault == *fault)
    }

    fn keep(&mut self, fault: Fault, shown: bool) {
        // A client that walks through damaged memory may meet the same one many times between two moments to show it.
        self.faults.retain(|kept| kept.shown || kept.fault != fault);
        if self.faults.len() == Self::CAPACITY {
            self.faults.pop_front();
        }
        self.faults.push_back(Kept { fault, shown });
    }

    /// The last fault, for `monitor why`.
    pub fn last(&self) -> Option<&Fault> {
        self.faults.back().map(|kept| &kept.fault)
    }

    /// All that are kept, oldest first.
    pub fn iter(&self) -> impl Iterator<Item = &Fault> {
        self.faults.iter().map(|kept| &kept.fault)
    }

    /// Faults that no console has shown yet; they count as shown from now on.
    pub fn take_unshown(&mut self) -> Vec<Fault> {
        let mut unshown = Vec::new();
        for kept in self.faults.iter_mut().filter(|kept| !kept.shown) {
            kept.shown = true;
            unshown.push(kept.fault.clone());
        }
        unshown
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(headline: &str) -> Fault {
        Fault {
            code: Code::XG002,
            headline: headline.to_owned(),
            causes: Vec::new(),
            remedy: String::new(),
        }
    }

    #[test]
    fn what_is_shown_elsewhere_is_kept_and_not_shown_again() {
        let mut journal = Journal::default();
        journal.record(fault("first"));
        journal.record_shown(fault("second"));
        assert_eq!(journal.last(), Some(&fault("second")));
        assert_eq!(journal.take_unshown(), [fault("first")]);
        assert_eq!(journal.take_unshown(), []);
        assert_eq!(journal.iter().count(), 2);
    }

    #[test]
    fn what_comes_again_before_it_is_shown_is_shown_once() {
        let mut journal = Journal::default();
        for headline in ["first", "second", "first", "first"] {
            journal.record(fault(headline));
        }
        assert_eq!(journal.last(), Some(&fault("first")));
        assert_eq!(journal.take_unshown(), [fault("second"), fault("first")]);
        journal.record(fault("first"));
        assert_eq!(journal.take_unshown(), [fault("first")]);
    }

    #[test]
    fn only_the_last_faults_are_kept() {
        let mut journal = Journal::default();
        for number in 0..Journal::CAPACITY + 3 {
            journal.record(fault(&number.to_string()));
        }
        assert_eq!(journal.iter().count(), Journal::CAPACITY);
        assert_eq!(journal.take_unshown()[0], fault("3"));
    }
}

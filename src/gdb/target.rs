//! gdbstub's `Target`: what a packet that gdbstub serves asks of the session. One file an extension, named as gdbstub names it.
//!
//! gdbstub passes on an errno at most, so the fault itself is put aside in [`Exchange`], where the reply is made from it. A resume
//! cannot fail in gdbstub's terms: what would be run into becomes a stop with its fault.

use std::{collections::BTreeMap, convert::Infallible};

use gdbstub::target::{Target, TargetError, ext};

use super::{arch::CortexM7, company::Company, event_loop::ClientId, report, snapshot::Snapshot};
use crate::{
    fault::Fault,
    session::{Session, Stop},
};

mod base;
mod breakpoints;
mod flash;
mod host_io;

/// What gdbstub's result type cannot carry, from one packet.
#[derive(Debug, Default)]
pub struct Exchange {
    /// Whose packet it is.
    pub client: ClientId,
    /// Why the packet was refused.
    pub fault: Option<Fault>,
    /// The target stopped (or did not start) within the packet.
    pub stop: Option<Stop>,
    /// Lines for the next moment at which GDB takes console text.
    pub said: Vec<String>,
}

/// The debugged target with everybody who debugs it.
pub struct Debuggee {
    /// The target.
    pub session: Session,
    /// The clients.
    pub company: Company,
    /// Registers of the last halt.
    pub snapshot: Snapshot,
    /// Results of the packet under way.
    pub exchange: Exchange,
    /// Files that clients have opened.
    files: BTreeMap<ClientId, host_io::Files>,
}

impl Debuggee {
    /// A session that nobody has asked anything yet.
    pub fn new(session: Session, company: Company) -> Self {
        Self {
            session,
            company,
            snapshot: Snapshot::default(),
            exchange: Exchange::default(),
            files: BTreeMap::new(),
        }
    }

    /// Forgets what belonged to a client that has gone.
    pub fn forget(&mut self, client: ClientId) {
        self.files.remove(&client);
    }

    /// The files of the client whose packet is served.
    fn files(&mut self) -> &mut host_io::Files {
        self.files.entry(self.exchange.client).or_default()
    }

    /// Puts `fault` aside and gives gdbstub its errno.
    fn refuse(&mut self, fault: impl Into<Fault>) -> TargetError<Infallible> {
        let fault = fault.into();
        let error = report::target_error(&fault);
        self.exchange.fault = Some(fault);
        error
    }

    /// Notes how a resume ended, if it has ended already.
    fn resumed(&mut self, result: Result<Option<Stop>, Fault>) {
        match result {
            Ok(stop) => self.exchange.stop = stop,
            Err(fault) => {
                self.exchange.stop = Some(self.session.last_stop().clone());
                self.exchange.fault = Some(fault);
            }
        }
    }
}

impl Target for Debuggee {
    type Arch = CortexM7;
    type Error = Infallible;

    fn base_ops(&mut self) -> ext::base::BaseOps<'_, CortexM7, Infallible> {
        ext::base::BaseOps::SingleThread(self)
    }

    /// Run-length encoding would have to be undone before a reply can be rewritten.
    fn use_rle(&self) -> bool {
        false
    }

    fn support_breakpoints(&mut self) -> Option<ext::breakpoints::BreakpointsOps<'_, Self>> {
        Some(self)
    }

    fn support_flash_operations(&mut self) -> Option<ext::flash::FlashOps<'_, Self>> {
        Some(self)
    }

    fn support_host_io(&mut self) -> Option<ext::host_io::HostIoOps<'_, Self>> {
        Some(self)
    }
}

//! What the client wants stopped at, and how it becomes units or patches.
//!
//! A request is kept until it is removed: through stops, resets and restarts. Requests occupy units only from a resume on
//! (*arm*), as a difference to what the units hold; GDB's removing and inserting at every stop costs nothing. A loader or an arm
//! of the boot stage *parks* them.
//!
//! Code in flash or in a window stops only by a unit. Code in RAM takes a unit while there is one and is then patched with
//! BKPT (ARM ARM A7.7.17): data cache cleaned, instruction cache invalidated, by address (ARM ARM B2.2.7). A patch is never
//! made in RAM while the boot stage is still to run, for it would overwrite or execute it.
//!
//! A breakpoint can come with terms: whether it stops at all is then found out here, at each hit, without the client (`terms.rs`).

pub mod agent;
mod terms;

use std::sync::Arc;

use crate::{
    fault::{Code, Explain},
    layout::Address,
    link::{
        Link, LinkError, RegisterAccess,
        units::{UnitError, Units, Watch, Watched},
    },
    registers::{
        debug::SCS,
        scb::{CleanAndInvalidateData, CleanData, InvalidateInstruction},
    },
};

pub use terms::{Terms, Verdict};

/// How to stop, as Z0 to Z4 have it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Z0: by whatever serves.
    Software,
    /// Z1: by a breakpoint unit.
    Hardware,
    /// Z2.
    Write,
    /// Z3.
    Read,
    /// Z4.
    Access,
}

/// One breakpoint or watchpoint of the client.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Request {
    /// How.
    pub kind: Kind,
    /// Where.
    pub address: Address,
    /// Bytes that are watched; for a breakpoint GDB's kind of instruction (2, 3 or 4).
    pub length: u32,
}

/// What a request can fail with.
#[derive(Debug, thiserror::Error)]
pub enum BreakpointError {
    /// The units say no.
    #[error(transparent)]
    Units(#[from] UnitError),
    /// A patch could not be made or taken back.
    #[error("the BKPT at {address} could not be {done}")]
    Patch {
        /// Where.
        address: Address,
        /// `written` or `removed`.
        done: &'static str,
        /// Why.
        #[source]
        source: LinkError,
    },
}

impl Explain for BreakpointError {
    fn code(&self) -> Code {
        match self {
            Self::Units(units) => units.code(),
            Self::Patch { source, .. } => source.code(),
        }
    }
}

/// BKPT 0, little endian.
const BKPT: [u8; 2] = [0x00, 0xBE];

/// Two bytes of the program that a BKPT covers.
#[derive(Debug)]
struct Patch {
    address: Address,
    original: [u8; 2],
}

/// Whether RAM may be patched now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Patching {
    /// The program is past its boot stage.
    Allowed,
    /// The boot stage is still to run.
    Forbidden,
}

/// The client's requests and the patches that serve some of them.
#[derive(Debug, Default)]
pub struct Breakpoints {
    requests: Vec<Request>,
    /// Of those requests that have any.
    terms: Vec<(Request, Arc<Terms>)>,
    patches: Vec<Patch>,
}

/// Which requests get a unit and which a patch.
struct Plan {
    units: Vec<Address>,
    patches: Vec<Address>,
}

impl Breakpoints {
    /// The requests in the order of their making.
    pub fn requests(&self) -> &[Request] {
        &self.requests
    }

    /// True if the client wants a stop when the core comes to `address`.
    pub fn stops_at(&self, address: Address) -> bool {
        self.requests.iter().any(|request| {
            matches!(request.kind, Kind::Software | Kind::Hardware) && request.address == address
        })
    }

    /// On what terms the requests at `address` stop, where each of them has any; empty if one stops in any case, or there is none.
    pub fn terms_at(&self, address: Address) -> Vec<Arc<Terms>> {
        let here = self.requests.iter().filter(|request| {
            matches!(request.kind, Kind::Software | Kind::Hardware) && request.address == address
        });
        let terms = here.map(|request| {
            let found = self.terms.iter().find(|(of, _)| of == request);
            found.map(|(_, terms)| Arc::clone(terms))
        });
        terms.collect::<Option<Vec<_>>>().unwrap_or_default()
    }

    /// Where a request with terms is.
    pub fn places_with_terms(&self) -> impl Iterator<Item = Address> + '_ {
        self.terms.iter().map(|(request, _)| request.address)
    }

    /// From now on `request` stops on these terms.
    pub fn set_terms(&mut self, request: Request, terms: Terms) {
        self.terms.retain(|(of, _)| *of != request);
        if !terms.are_none() {
            self.terms.push((request, Arc::new(terms)));
        }
    }

    /// Keeps a request, or refuses it with what holds the units. No transfer is made.
    pub fn insert(
        &mut self,
        request: Request,
        units: &Units,
        is_ram: impl Fn(Address) -> bool,
    ) -> Result<(), BreakpointError> {
        if self.requests.contains(&request) {
            return Ok(());
        }
        self.requests.push(request);
        let possible = self.check(request, units, is_ram);
        if possible.is_err() {
            self.requests.pop();
        }
        possible
    }

    /// Forgets a request; one that is not there is as good as removed.
    pub fn remove(&mut self, request: Request) {
        self.requests.retain(|kept| *kept != request);
        self.terms.retain(|(of, _)| *of != request);
    }

    /// Forgets all of them: the client has left.
    pub fn remove_all(&mut self) {
        self.requests.clear();
        self.terms.clear();
    }

    /// True if a temporary breakpoint at `address` finds a unit beside the requests.
    pub fn has_room_for(
        &self,
        addresses: impl IntoIterator<Item = Address>,
        units: &Units,
        is_ram: impl Fn(Address) -> bool,
    ) -> bool {
        let plan = self.plan(units.breakpoint_units(), is_ram, addresses);
        plan.units.len() <= units.breakpoint_units()
    }

    /// Makes units and patches what the requests want, except at `spare` (the pc that is being stepped off) and with `extra`
    /// (the ends of a range step). Returns the addresses that had to be left out because RAM may not be patched yet.
    pub fn arm(
        &mut self,
        link: &mut dyn Link,
        units: &mut Units,
        is_ram: impl Fn(Address) -> bool,
        patching: Patching,
        spare: Option<Address>,
        extra: impl IntoIterator<Item = Address>,
    ) -> Result<Vec<Address>, BreakpointError> {
        let mut plan = self.plan(units.breakpoint_units(), is_ram, extra);
        plan.units.retain(|address| Some(*address) != spare);
        plan.patches.retain(|address| Some(*address) != spare);
        let watches = self.watches(units)?;
        units.write_difference(link, &plan.units, &watches)?;
        let left_out = match patching {
            Patching::Allowed => Vec::new(),
            Patching::Forbidden => std::mem::take(&mut plan.patches),
        };
        self.patch(link, &plan.patches)?;
        Ok(left_out)
    }

    /// The same for a step of the one instruction at `pc`, which is spared. It comes to no other BKPT, so those stay as they are, wanted or
    /// not: GDB steps off a breakpoint with all of them removed, and inserts them again behind it.
    pub fn arm_for_step(
        &mut self,
        link: &mut dyn Link,
        units: &mut Units,
        is_ram: impl Fn(Address) -> bool,
        pc: Address,
    ) -> Result<(), BreakpointError> {
        let mut plan = self.plan(units.breakpoint_units(), is_ram, None);
        plan.units.retain(|address| *address != pc);
        let watches = self.watches(units)?;
        units.write_difference(link, &plan.units, &watches)?;
        let elsewhere = self.patches.iter().map(|patch| patch.address);
        let elsewhere: Vec<Address> = elsewhere.filter(|address| *address != pc).collect();
        self.patch(link, &elsewhere)
    }

    /// Frees every unit and takes every patch back; the requests stay.
    pub fn park(&mut self, link: &mut dyn Link, units: &mut Units) -> Result<(), BreakpointError> {
        units.park_all(link)?;
        self.patch(link, &[])
    }

    /// A reset or power cycle may have changed RAM: what was patched there is no longer ours to restore.
    pub fn forget_patches(&mut self) {
        self.patches.clear();
    }

    /// Puts the program's own bytes over our BKPTs in what was read at `address`.
    pub fn hide(&self, address: Address, data: &mut [u8]) {
        for patch in &self.patches {
            for (at, byte) in (patch.address.0..).zip(patch.original) {
                let offset = at.wrapping_sub(address.0) as usize;
                if let Some(shown) = data.get_mut(offset) {
                    *shown = byte;
                }
            }
        }
    }

    /// The client writes `data` at `address`: our BKPTs stay in memory, the new bytes become what they hide.
    pub fn cover(&mut self, address: Address, data: &mut [u8]) {
        for patch in &mut self.patches {
            for (index, original) in patch.original.iter_mut().enumerate() {
                let offset = patch
                    .address
                    .0
                    .wrapping_add(index as u32)
                    .wrapping_sub(address.0) as usize;
                if let Some(written) = data.get_mut(offset) {
                    *original = std::mem::replace(written, BKPT[index]);
                }
            }
        }
    }

    fn check(
        &self,
        request: Request,
        units: &Units,
        is_ram: impl Fn(Address) -> bool,
    ) -> Result<(), BreakpointError> {
        if matches!(request.kind, Kind::Software | Kind::Hardware) {
            let plan = self.plan(units.breakpoint_units(), is_ram, None);
            if plan.units.len() > units.breakpoint_units() {
                let mut holders = plan.units;
                holders.retain(|address| *address != request.address);
                return Err(UnitError::NoBreakpointUnit {
                    wanted: request.address,
                    holders,
                }
                .into());
            }
        } else {
            let watches = self.watches(units)?;
            if watches.len() > units.watchpoint_units() {
                return Err(self.too_few(request, &watches, units)?.into());
            }
        }
        Ok(())
    }

    /// The units that the last request, `request`, does not find.
    fn too_few(
        &self,
        request: Request,
        watches: &[Watch],
        units: &Units,
    ) -> Result<UnitError, UnitError> {
        let needed = units
            .watches(request.address, request.length, Watched::Access)?
            .len();
        let holders = watches.iter().take(watches.len() - needed);
        let holders: Vec<Address> = holders.map(|watch| watch.address).collect();
        Ok(match needed {
            1 => UnitError::NoWatchpointUnit {
                wanted: request.address,
                holders,
            },
            _ => UnitError::TooFewWatchpointUnits {
                wanted: request.address,
                length: request.length,
                needed,
                units: units.watchpoint_units(),
                holders,
            },
        })
    }

    /// Units first for those that cannot do without, then for RAM while there are any.
    fn plan(
        &self,
        unit_count: usize,
        is_ram: impl Fn(Address) -> bool,
        extra: impl IntoIterator<Item = Address>,
    ) -> Plan {
        let mut plan = Plan {
            units: extra.into_iter().collect(),
            patches: Vec::new(),
        };
        let breakpoints = self
            .requests
            .iter()
            .filter(|request| matches!(request.kind, Kind::Software | Kind::Hardware));
        let (movable, fixed): (Vec<&Request>, Vec<&Request>) = breakpoints
            .partition(|request| request.kind == Kind::Software && is_ram(request.address));
        for request in fixed {
            if !plan.units.contains(&request.address) {
                plan.units.push(request.address);
            }
        }
        for request in movable {
            if plan.units.contains(&request.address) {
                continue;
            }
            if plan.units.len() < unit_count {
                plan.units.push(request.address);
            } else {
                plan.patches.push(request.address);
            }
        }
        plan
    }

    fn watches(&self, units: &Units) -> Result<Vec<Watch>, UnitError> {
        let mut watches = Vec::new();
        for request in &self.requests {
            let accesses = match request.kind {
                Kind::Software | Kind::Hardware => continue,
                Kind::Write => Watched::Write,
                Kind::Read => Watched::Read,
                Kind::Access => Watched::Access,
            };
            watches.extend(units.watches(request.address, request.length, accesses)?);
        }
        Ok(watches)
    }

    fn patch(&mut self, link: &mut dyn Link, wanted: &[Address]) -> Result<(), BreakpointError> {
        let (kept, gone): (Vec<Patch>, Vec<Patch>) = std::mem::take(&mut self.patches)
            .into_iter()
            .partition(|patch| wanted.contains(&patch.address));
        self.patches = kept;
        for patch in gone {
            restore(link, &patch).map_err(|source| BreakpointError::Patch {
                address: patch.address,
                done: "removed",
                source,
            })?;
        }
        for &address in wanted {
            if self.patches.iter().any(|patch| patch.address == address) {
                continue;
            }
            let original = cover(link, address).map_err(|source| BreakpointError::Patch {
                address,
                done: "written",
                source,
            })?;
            self.patches.push(Patch { address, original });
        }
        Ok(())
    }
}

fn cover(link: &mut dyn Link, address: Address) -> Result<[u8; 2], LinkError> {
    let mut original = [0; 2];
    link.read(address, &mut original)?;
    write_code(link, address, BKPT)?;
    Ok(original)
}

/// The program may have written there meanwhile: only our own BKPT is taken back.
fn restore(link: &mut dyn Link, patch: &Patch) -> Result<(), LinkError> {
    let mut now = [0; 2];
    link.read(patch.address, &mut now)?;
    if now == BKPT {
        write_code(link, patch.address, patch.original)?;
    }
    Ok(())
}

/// The new bytes reach memory, and the core fetches them, whether or not the probe writes through the data cache: an old line is
/// written back before, a new one after.
fn write_code(link: &mut dyn Link, address: Address, code: [u8; 2]) -> Result<(), LinkError> {
    link.poke(
        SCS,
        CleanAndInvalidateData::default().with_address(address.0),
    )?;
    link.write(address, &code)?;
    link.poke(SCS, CleanData::default().with_address(address.0))?;
    link.poke(
        SCS,
        InvalidateInstruction::default().with_address(address.0),
    )
}

#[cfg(test)]
mod tests;

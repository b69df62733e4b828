//! The breakpoint and watchpoint units: who sits in which comparator. Sole owner of FPB and DWT.
//!
//! The Cortex-M7 has eight instruction comparators (FPB revision 2, any address, no access to the memory there) and four data
//! comparators. What is wanted is written as a difference to what was written last: the same set again costs no transfer.
//! A system reset keeps FPB and DWT; nRST or a power cycle may not, so [`Units::verify`] looks after every reset.

use crate::{
    fault::{Code, Explain},
    layout::Address,
    link::{Link, LinkError, RegisterAccess},
    registers::{
        Register,
        debug::{Demcr, SCS},
        dwt::{COMPARATOR_STRIDE, DWT, DwtComp0, DwtCtrl, DwtFunction0, DwtMask0},
        fpb::{FPB, FpComp0, FpCtrl},
    },
};

/// Which accesses a watchpoint stops at, with the value of DWT_FUNCTION (ARM ARM table C1-14).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Watched {
    /// Reads.
    Read = 5,
    /// Writes.
    Write = 6,
    /// Both.
    Access = 7,
}

/// What a watchpoint unit is to watch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Watch {
    /// First address, aligned to the size.
    pub address: Address,
    /// The size as a power of two: 2 is four bytes.
    pub ignored_bits: u32,
    /// Which accesses.
    pub accesses: Watched,
}

/// What the units can fail with.
#[derive(Debug, thiserror::Error)]
pub enum UnitError {
    /// Every breakpoint unit is taken.
    #[error("no breakpoint unit is free for {wanted}: all {} are held by {}", holders.len(), list(holders))]
    NoBreakpointUnit {
        /// The address that wanted one.
        wanted: Address,
        /// The addresses that hold them.
        holders: Vec<Address>,
    },
    /// Every watchpoint unit is taken.
    #[error("no watchpoint unit is free for {wanted}: all {} are held by {}", holders.len(), list(holders))]
    NoWatchpointUnit {
        /// The address that wanted one.
        wanted: Address,
        /// The addresses that hold them.
        holders: Vec<Address>,
    },
    /// What is watched takes several units, and fewer are free.
    #[error(
        "watching {length} bytes at {wanted} takes {needed} watchpoint units of {units}{}",
        held_by(holders)
    )]
    TooFewWatchpointUnits {
        /// First address.
        wanted: Address,
        /// Bytes.
        length: u32,
        /// Units that it takes.
        needed: usize,
        /// Units that there are.
        units: usize,
        /// The addresses that hold them.
        holders: Vec<Address>,
    },
    /// Nothing, or more than all units together cover.
    #[error(
        "{length} bytes at {address} cannot be watched: each of the {units} units covers a power of two of bytes, up to {largest}, aligned to its size"
    )]
    NotWatchable {
        /// First address.
        address: Address,
        /// Bytes.
        length: u32,
        /// How many units there are.
        units: usize,
        /// The largest size that a unit covers.
        largest: u64,
    },
    /// The breakpoint unit is of revision 1, which reaches no further than 0x1FFFFFFF.
    #[error(
        "the breakpoint unit is not revision 2 (FP_CTRL {control:#010x}): it cannot reach a window"
    )]
    Revision {
        /// FP_CTRL.
        control: u32,
    },
    /// The link failed.
    #[error("the breakpoint units cannot be reached")]
    Link(#[from] LinkError),
}

fn list(addresses: &[Address]) -> String {
    let words: Vec<String> = addresses.iter().map(Address::to_string).collect();
    words.join(", ")
}

fn held_by(addresses: &[Address]) -> String {
    match addresses {
        [] => String::new(),
        some => format!(", and {} of them are held by {}", some.len(), list(some)),
    }
}

impl Explain for UnitError {
    fn code(&self) -> Code {
        match self {
            Self::NoBreakpointUnit { .. } => Code::XG040,
            Self::NoWatchpointUnit { .. } | Self::TooFewWatchpointUnits { .. } => Code::XG041,
            Self::NotWatchable { .. } => Code::XG042,
            Self::Revision { .. } => Code::XG043,
            Self::Link(link) => link.code(),
        }
    }
}

/// The comparators as they were last written.
#[derive(Debug)]
pub struct Units {
    breakpoints: Vec<Option<Address>>,
    watchpoints: Vec<Option<Watch>>,
    largest_mask: u32,
}

impl Units {
    /// Counts the units, frees those that an earlier debugger left, and switches them on.
    pub fn discover(link: &mut dyn Link) -> Result<Self, UnitError> {
        enable_trace(link)?;
        let control: FpCtrl = link.peek(FPB)?;
        if control.revision() != 1 {
            return Err(UnitError::Revision {
                control: control.bits(),
            });
        }
        let watchpoints = link.peek::<DwtCtrl>(DWT)?.comparators() as usize;
        let mut units = Self {
            breakpoints: vec![None; control.comparators() as usize],
            watchpoints: vec![None; watchpoints],
            largest_mask: 0,
        };
        units.erase(link)?;
        if watchpoints > 0 {
            link.poke(DWT, DwtMask0::default().with_ignored_bits(u32::MAX))?;
            units.largest_mask = link.peek::<DwtMask0>(DWT)?.ignored_bits();
            link.poke(DWT, DwtMask0::default())?;
        }
        Ok(units)
    }

    /// How many breakpoint units there are.
    pub fn breakpoint_units(&self) -> usize {
        self.breakpoints.len()
    }

    /// How many watchpoint units there are.
    pub fn watchpoint_units(&self) -> usize {
        self.watchpoints.len()
    }

    /// True if a watchpoint unit is in use.
    pub fn are_watching(&self) -> bool {
        self.watchpoints.iter().any(Option::is_some)
    }

    /// What units must hold to watch `length` bytes at `address`: each an aligned power of two, no byte more than asked for.
    pub fn watches(
        &self,
        address: Address,
        length: u32,
        accesses: Watched,
    ) -> Result<Vec<Watch>, UnitError> {
        let not_watchable = || UnitError::NotWatchable {
            address,
            length,
            units: self.watchpoints.len(),
            largest: 1 << self.largest_mask,
        };
        let end = address.checked_add(length).ok_or_else(not_watchable)?;
        let mut at = address;
        let mut watches = Vec::new();
        while at < end && watches.len() <= self.watchpoints.len() {
            let alignment = at.0.trailing_zeros();
            let fits = (end.0 - at.0).ilog2();
            let ignored_bits = alignment.min(fits).min(self.largest_mask);
            watches.push(Watch {
                address: at,
                ignored_bits,
                accesses,
            });
            at = at
                .checked_add(1 << ignored_bits)
                .ok_or_else(not_watchable)?;
        }
        if watches.is_empty() || watches.len() > self.watchpoints.len() {
            return Err(not_watchable());
        }
        Ok(watches)
    }

    /// Makes the units hold exactly this, by difference; `Err` before any transfer when there are too few.
    pub fn write_difference(
        &mut self,
        link: &mut dyn Link,
        breakpoints: &[Address],
        watchpoints: &[Watch],
    ) -> Result<(), UnitError> {
        let next_breakpoints = assign(&self.breakpoints, breakpoints).map_err(|wanted| {
            UnitError::NoBreakpointUnit {
                wanted,
                holders: breakpoints[..self.breakpoints.len()].to_vec(),
            }
        })?;
        let next_watchpoints = assign(&self.watchpoints, watchpoints).map_err(|wanted| {
            UnitError::NoWatchpointUnit {
                wanted: wanted.address,
                holders: watchpoints[..self.watchpoints.len()]
                    .iter()
                    .map(|watch| watch.address)
                    .collect(),
            }
        })?;
        self.write_breakpoints(link, next_breakpoints)?;
        self.write_watchpoints(link, next_watchpoints)
    }

    /// Frees every unit.
    pub fn park_all(&mut self, link: &mut dyn Link) -> Result<(), UnitError> {
        self.write_difference(link, &[], &[])
    }

    /// Adds one breakpoint to what is there.
    pub fn place(&mut self, link: &mut dyn Link, address: Address) -> Result<(), UnitError> {
        let mut breakpoints: Vec<Address> = self.breakpoints.iter().copied().flatten().collect();
        if !breakpoints.contains(&address) {
            breakpoints.push(address);
        }
        let watchpoints: Vec<Watch> = self.watchpoints.iter().copied().flatten().collect();
        self.write_difference(link, &breakpoints, &watchpoints)
    }

    /// After a reset: if the chip lost what was written, the next difference writes it again.
    pub fn verify(&mut self, link: &mut dyn Link) -> Result<(), UnitError> {
        // FP_CTRL, FP_REMAP, and the comparators behind them.
        let first = (FpComp0::OFFSET - FpCtrl::OFFSET) as usize;
        let mut unit = vec![0; first + self.breakpoints.len() * 4];
        link.read(FpCtrl::at(FPB), &mut unit)?;
        let (control, comparators) = unit.split_at(first);
        let control = words(control).next().map(FpCtrl::from_bits);
        let kept = control.is_some_and(FpCtrl::enabled)
            && link.peek::<Demcr>(SCS)?.trace_enabled()
            && words(comparators).eq(self.breakpoints.iter().map(|unit| encode(*unit)))
            && self.watchpoints_kept(link)?;
        if kept {
            return Ok(());
        }
        enable_trace(link)?;
        self.erase(link)
    }

    /// The watch whose unit has seen an access; reading the units forgets it.
    pub fn matched_watch(&mut self, link: &mut dyn Link) -> Result<Option<Watch>, UnitError> {
        let mut matched = None;
        for (index, unit) in self.watchpoints.iter().enumerate() {
            let Some(watch) = unit else { continue };
            let function =
                DwtFunction0::from_bits(link.read_word(nth(DwtFunction0::at(DWT), index))?);
            if function.matched() {
                matched = matched.or(Some(*watch));
            }
        }
        Ok(matched)
    }

    fn watchpoints_kept(&self, link: &mut dyn Link) -> Result<bool, UnitError> {
        for (index, unit) in self.watchpoints.iter().enumerate() {
            let Some(watch) = unit else { continue };
            let function =
                DwtFunction0::from_bits(link.read_word(nth(DwtFunction0::at(DWT), index))?);
            let reference = link.read_word(nth(DwtComp0::at(DWT), index))?;
            if function.function() != watch.accesses as u32 || reference != watch.address.0 {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn erase(&mut self, link: &mut dyn Link) -> Result<(), UnitError> {
        link.post(FpComp0::at(FPB), &vec![0; self.breakpoints.len() * 4])?;
        for index in 0..self.watchpoints.len() {
            link.post(nth(DwtFunction0::at(DWT), index), &[0; 4])?;
        }
        link.poke(FPB, FpCtrl::default().with_key(true).with_enabled(true))?;
        self.breakpoints.fill(None);
        self.watchpoints.fill(None);
        Ok(())
    }

    /// Comparators lie side by side: one transfer from the first change to the last.
    fn write_breakpoints(
        &mut self,
        link: &mut dyn Link,
        next: Vec<Option<Address>>,
    ) -> Result<(), UnitError> {
        let differs = |index: &usize| self.breakpoints[*index] != next[*index];
        let Some(first) = (0..next.len()).find(differs) else {
            return Ok(());
        };
        let last = (0..next.len()).rfind(differs).unwrap_or(first);
        let bytes: Vec<u8> = next[first..=last]
            .iter()
            .flat_map(|unit| encode(*unit).to_le_bytes())
            .collect();
        let comparator = Address(FpComp0::at(FPB).0 + 4 * first as u32);
        link.post(comparator, &bytes)?;
        self.breakpoints = next;
        Ok(())
    }

    /// A comparator is off while its address changes: FUNCTION is written last, and first when the unit was in use.
    fn write_watchpoints(
        &mut self,
        link: &mut dyn Link,
        next: Vec<Option<Watch>>,
    ) -> Result<(), UnitError> {
        for (index, wanted) in next.into_iter().enumerate() {
            if self.watchpoints[index] == wanted {
                continue;
            }
            if self.watchpoints[index].is_some() {
                link.post(nth(DwtFunction0::at(DWT), index), &[0; 4])?;
                self.watchpoints[index] = None;
            }
            if let Some(watch) = wanted {
                let registers = [watch.address.0, watch.ignored_bits, watch.accesses as u32];
                let bytes: Vec<u8> = registers
                    .iter()
                    .flat_map(|word| word.to_le_bytes())
                    .collect();
                link.post(nth(DwtComp0::at(DWT), index), &bytes)?;
            }
            self.watchpoints[index] = wanted;
        }
        Ok(())
    }
}

/// The DWT answers only with DEMCR.TRCENA set.
fn enable_trace(link: &mut dyn Link) -> Result<(), LinkError> {
    let demcr: Demcr = link.peek(SCS)?;
    link.poke(SCS, demcr.with_trace_enabled(true))
}

/// Where comparator `index` has the register that comparator 0 has at `first`.
fn nth(first: Address, index: usize) -> Address {
    Address(first.0 + COMPARATOR_STRIDE * index as u32)
}

fn words(bytes: &[u8]) -> impl Iterator<Item = u32> + '_ {
    bytes
        .chunks_exact(4)
        .map(|word| u32::from_le_bytes([word[0], word[1], word[2], word[3]]))
}

/// The comparator's value: BPADDR and BE.
fn encode(unit: Option<Address>) -> u32 {
    unit.map_or(0, |address| {
        FpComp0::default()
            .with_half_word(address.0 >> 1)
            .with_enabled(true)
            .bits()
    })
}

/// Leaves in place what already sits in a unit, gives the rest the free ones; `Err` names the first that finds none.
fn assign<T: Copy + PartialEq>(now: &[Option<T>], wanted: &[T]) -> Result<Vec<Option<T>>, T> {
    let mut next: Vec<Option<T>> = now
        .iter()
        .map(|unit| unit.filter(|held| wanted.contains(held)))
        .collect();
    for (position, &item) in wanted.iter().enumerate() {
        if next.contains(&Some(item)) {
            continue;
        }
        match next.iter_mut().find(|unit| unit.is_none()) {
            Some(free) => *free = Some(item),
            None => return Err(wanted.get(now.len()).copied().unwrap_or(wanted[position])),
        }
    }
    Ok(next)
}

#[cfg(test)]
mod tests;

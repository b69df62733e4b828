//! What MPU, memory map and cache control say of a line of memory, remembered until one of them changes.
//!
//! The smallest MPU region and a cache line are both 32 bytes, so one verdict holds for a line. It depends on privilege and on
//! whether the execution priority is negative (ARM ARM B3.5.3), which are part of its key.

use super::{
    Core,
    mpu::{Access, Caching, Context},
    scb::ccr,
};

/// Verdicts kept: a power of two.
const KEPT: usize = 256;
const LINE: u32 = 32;

/// Marks a key that stands for an address at all.
const KNOWN: u32 = 1 << 2;

/// What may be done with a line of memory, and how.
#[derive(Clone, Copy, Debug)]
pub(super) struct Verdict {
    key: u32,
    pub(super) read: bool,
    pub(super) write: bool,
    pub(super) fetch: bool,
    /// How the data cache treats it.
    pub(super) data: Caching,
    /// The instruction cache serves it.
    pub(super) code_cached: bool,
}

/// Verdicts by line.
#[derive(Clone, Debug)]
pub(super) struct Verdicts(Box<[Verdict; KEPT]>);

impl Default for Verdicts {
    fn default() -> Self {
        let unknown = Verdict {
            key: 0,
            read: false,
            write: false,
            fetch: false,
            data: Caching::None,
            code_cached: false,
        };
        Self(Box::new([unknown; KEPT]))
    }
}

impl Core {
    /// The verdict for `address`.
    #[inline]
    pub(super) fn verdict(&mut self, address: u32, context: Context) -> Verdict {
        let key = address & !(LINE - 1)
            | KNOWN
            | u32::from(context.negative_priority) << 1
            | u32::from(context.privileged);
        let place = (address / LINE) as usize % KEPT;
        let kept = self.verdicts.0[place];
        if kept.key == key {
            return kept;
        }
        let verdict = self.judge(address, context, key);
        self.verdicts.0[place] = verdict;
        verdict
    }

    #[cold]
    fn judge(&self, address: u32, context: Context, key: u32) -> Verdict {
        let mpu = &self.system.mpu;
        let memory = mpu.memory(address, context);
        Verdict {
            key,
            read: mpu.permits(address, Access::Read, context),
            write: mpu.permits(address, Access::Write, context),
            fetch: mpu.permits(address, Access::Fetch, context),
            data: self.data_caching(address, memory),
            code_cached: self.code_is_cached(address, memory),
        }
    }

    /// The MPU, CCR or CACR changed.
    pub(super) fn forget_verdicts(&mut self) {
        for verdict in self.verdicts.0.iter_mut() {
            verdict.key = 0;
        }
        self.data_is_plain = !self.system.mpu.is_enabled() && !self.system.scb.configured(ccr::DC);
        self.revoke_fetch_grant();
        self.decide_to_look_ahead();
    }
}

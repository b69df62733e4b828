//! Pending, enabled, active and priority of every exception, and who wins (ARM ARM B1.5.2-B1.5.4, B3.4).
//!
//! The system handlers (1-15) live in the same tables as the external interrupts, because the arbiter treats them alike;
//! `SHCSR`, `ICSR` and the NVIC registers are three views of these tables. External lines are levels: a line that is
//! still high when its handler returns, or when software clears its pending bit, pends again (ARM ARM B3.4.1).

/// Exception numbers (ARM ARM B1.5.2).
pub mod number {
    /// Non-maskable interrupt.
    pub const NMI: u16 = 2;
    /// HardFault.
    pub const HARD_FAULT: u16 = 3;
    /// MemManage.
    pub const MEM_MANAGE: u16 = 4;
    /// BusFault.
    pub const BUS_FAULT: u16 = 5;
    /// UsageFault.
    pub const USAGE_FAULT: u16 = 6;
    /// SVCall.
    pub const SV_CALL: u16 = 11;
    /// DebugMonitor.
    pub const DEBUG_MONITOR: u16 = 12;
    /// PendSV.
    pub const PEND_SV: u16 = 14;
    /// SysTick.
    pub const SYS_TICK: u16 = 15;
    /// External interrupt 0.
    pub const EXTERNAL: u16 = 16;
}

/// External interrupts that the chip implements, rounded up to what ICTR can say (RM0477: 155 vectors).
pub const EXTERNAL_INTERRUPTS: usize = 160;
const EXTERNAL_WORDS: usize = EXTERNAL_INTERRUPTS / 32;
const EXCEPTIONS: usize = number::EXTERNAL as usize + EXTERNAL_INTERRUPTS;

/// Four priority bits (`__NVIC_PRIO_BITS`): the low half of a priority byte reads as zero.
const PRIORITY_MASK: u8 = 0xF0;

/// The execution priority when nothing is active.
pub const THREAD_PRIORITY: i16 = 256;
/// Priority of HardFault, and of code under FAULTMASK.
pub const HARD_FAULT_PRIORITY: i16 = -1;
const NMI_PRIORITY: i16 = -2;

/// One bit an exception: word 0 has the system handlers, word `1 + n` the external interrupts `32 * n` and up.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Flags([u32; 1 + EXTERNAL_WORDS]);

impl Flags {
    const fn place(exception: u16) -> (usize, u32) {
        if exception < number::EXTERNAL {
            (0, 1 << exception)
        } else {
            let line = (exception - number::EXTERNAL) as usize;
            (1 + line / 32, 1 << (line % 32))
        }
    }

    fn get(&self, exception: u16) -> bool {
        let (word, bit) = Self::place(exception);
        self.0.get(word).is_some_and(|flags| flags & bit != 0)
    }

    fn set(&mut self, exception: u16, value: bool) {
        let (word, bit) = Self::place(exception);
        if let Some(flags) = self.0.get_mut(word) {
            *flags = if value { *flags | bit } else { *flags & !bit };
        }
    }

    fn external(&self, word: usize) -> u32 {
        self.0.get(1 + word).copied().unwrap_or(0)
    }
}

/// An exception that waits for its turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// Exception number.
    pub exception: u16,
    /// Its group priority: it preempts whatever runs at a greater value.
    pub group: i16,
}

/// Which exceptions a debugger holds back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Masking {
    /// None.
    #[default]
    Off,
    /// PendSV, SysTick and external interrupts (DHCSR.C_MASKINTS, ARM ARM C1.6.2).
    Interrupts,
}

/// The exception tables.
#[derive(Clone, Debug)]
pub struct Nvic {
    pending: Flags,
    active: Flags,
    enabled: Flags,
    lines: Flags,
    priorities: [u8; EXCEPTIONS],
    priority_grouping: u8,
    masking: Masking,
    candidate: Option<Candidate>,
    active_priority: i16,
    /// `pending` when it was last looked at.
    seen: Flags,
    newly_pended: bool,
}

impl Default for Nvic {
    fn default() -> Self {
        Self::new()
    }
}

impl Nvic {
    /// Reset state: everything disabled but what cannot be.
    pub fn new() -> Self {
        let mut enabled = Flags::default();
        for exception in [
            number::NMI,
            number::HARD_FAULT,
            number::SV_CALL,
            number::PEND_SV,
            number::SYS_TICK,
        ] {
            enabled.set(exception, true);
        }
        Self {
            pending: Flags::default(),
            active: Flags::default(),
            enabled,
            lines: Flags::default(),
            priorities: [0; EXCEPTIONS],
            priority_grouping: 0,
            masking: Masking::Off,
            candidate: None,
            active_priority: THREAD_PRIORITY,
            seen: Flags::default(),
            newly_pended: false,
        }
    }

    /// System reset: the lines keep their level, a line that is high pends at once; a debugger's masking survives.
    pub fn reset(&mut self) {
        let (lines, masking) = (self.lines, self.masking);
        *self = Self::new();
        self.lines = lines;
        self.pending = lines;
        self.masking = masking;
        self.arbitrate();
    }

    /// True once after an exception became pending, enabled or not.
    pub fn take_newly_pended(&mut self) -> bool {
        std::mem::take(&mut self.newly_pended)
    }

    /// The exception that would be taken first, whatever the current execution priority is.
    pub fn candidate(&self) -> Option<Candidate> {
        self.candidate
    }

    /// Highest group priority of all active exceptions, before the mask registers.
    pub fn active_priority(&self) -> i16 {
        self.active_priority
    }

    /// ExecutionPriority() (ARM ARM B1.5.4).
    pub fn execution_priority(&self, basepri: u8, primask: bool, faultmask: bool) -> i16 {
        let mut boosted = THREAD_PRIORITY;
        if basepri != 0 {
            boosted = self.group(i16::from(basepri));
        }
        if primask {
            boosted = 0;
        }
        if faultmask {
            boosted = HARD_FAULT_PRIORITY;
        }
        boosted.min(self.active_priority)
    }

    /// Group priority of `exception` with the current PRIGROUP.
    pub fn group_priority(&self, exception: u16) -> i16 {
        self.group(self.full_priority(exception))
    }

    fn full_priority(&self, exception: u16) -> i16 {
        match exception {
            number::NMI => NMI_PRIORITY,
            number::HARD_FAULT => HARD_FAULT_PRIORITY,
            _ => self
                .priorities
                .get(usize::from(exception))
                .map_or(THREAD_PRIORITY, |&priority| priority.into()),
        }
    }

    fn group(&self, priority: i16) -> i16 {
        if priority < 0 {
            priority
        } else {
            priority & !((2 << self.priority_grouping) - 1)
        }
    }

    fn arbitrate(&mut self) {
        self.newly_pended |=
            (self.pending.0.iter().zip(&self.seen.0)).any(|(now, seen)| now & !seen != 0);
        self.seen = self.pending;
        let held = |exception| {
            self.masking == Masking::Interrupts
                && (exception == number::PEND_SV || exception >= number::SYS_TICK)
        };
        self.candidate = self
            .numbers(|word| self.pending.0[word] & self.enabled.0[word])
            .filter(|&exception| !held(exception))
            .min_by_key(|&exception| (self.full_priority(exception), exception))
            .map(|exception| Candidate {
                exception,
                group: self.group_priority(exception),
            });
        self.active_priority = self
            .numbers(|word| self.active.0[word])
            .map(|exception| self.group_priority(exception))
            .min()
            .unwrap_or(THREAD_PRIORITY);
    }

    /// Exception numbers whose bit is set in the words that `select` returns, ascending.
    fn numbers(&self, select: impl Fn(usize) -> u32) -> impl Iterator<Item = u16> {
        (0..1 + EXTERNAL_WORDS).flat_map(move |word| {
            let mut flags = select(word);
            let base = if word == 0 {
                0
            } else {
                number::EXTERNAL + 32 * (word as u16 - 1)
            };
            std::iter::from_fn(move || {
                let bit = flags.trailing_zeros();
                flags &= flags.wrapping_sub(1);
                (bit < 32).then_some(base + bit as u16)
            })
        })
    }

    /// Makes `exception` pending.
    pub fn pend(&mut self, exception: u16) {
        self.pending.set(exception, true);
        self.arbitrate();
    }

    /// Takes back a pending `exception`; a line that is high and not being served pends again.
    pub fn unpend(&mut self, exception: u16) {
        let again = self.lines.get(exception) && !self.active.get(exception);
        self.pending.set(exception, again);
        self.arbitrate();
    }

    /// The handler of `exception` begins.
    pub fn activate(&mut self, exception: u16) {
        self.pending.set(exception, false);
        self.active.set(exception, true);
        self.arbitrate();
    }

    /// The handler of `exception` has returned.
    pub fn deactivate(&mut self, exception: u16) {
        self.active.set(exception, false);
        if self.lines.get(exception) {
            self.pending.set(exception, true);
        }
        self.arbitrate();
    }

    /// True while `exception` waits.
    pub fn is_pending(&self, exception: u16) -> bool {
        self.pending.get(exception)
    }

    /// True while `exception` is being served or preempted.
    pub fn is_active(&self, exception: u16) -> bool {
        self.active.get(exception)
    }

    /// True if `exception` may be taken.
    pub fn is_enabled(&self, exception: u16) -> bool {
        self.enabled.get(exception)
    }

    /// Number of active exceptions (ExceptionActiveBitCount).
    pub fn active_count(&self) -> u32 {
        self.active.0.iter().map(|flags| flags.count_ones()).sum()
    }

    /// Pending external interrupts exist, enabled or not (ICSR.ISRPENDING).
    pub fn external_pending(&self) -> bool {
        self.pending.0[1..].iter().any(|&flags| flags != 0)
    }

    /// Forces the active bit, as a write to SHCSR does.
    pub fn set_active(&mut self, exception: u16, active: bool) {
        self.active.set(exception, active);
        self.arbitrate();
    }

    /// Enables or disables a configurable fault (SHCSR) or DebugMonitor (DEMCR.MON_EN).
    pub fn set_enabled(&mut self, exception: u16, enabled: bool) {
        self.enabled.set(exception, enabled);
        self.arbitrate();
    }

    /// AIRCR.VECTCLRACTIVE: forgets every active exception.
    pub fn clear_active(&mut self) {
        self.active = Flags::default();
        self.arbitrate();
    }

    /// AIRCR.PRIGROUP.
    pub fn priority_grouping(&self) -> u8 {
        self.priority_grouping
    }

    /// Sets AIRCR.PRIGROUP.
    pub fn set_priority_grouping(&mut self, grouping: u8) {
        self.priority_grouping = grouping & 7;
        self.arbitrate();
    }

    /// Priority byte of `exception`; zero for what has none.
    pub fn priority(&self, exception: u16) -> u8 {
        self.priorities
            .get(usize::from(exception))
            .copied()
            .unwrap_or(0)
    }

    /// Sets the priority byte of `exception`; fixed and reserved ones ignore it.
    pub fn set_priority(&mut self, exception: u16, priority: u8) {
        if exception < number::MEM_MANAGE || matches!(exception, 7..=10 | 13) {
            return;
        }
        if let Some(slot) = self.priorities.get_mut(usize::from(exception)) {
            *slot = priority & PRIORITY_MASK;
            self.arbitrate();
        }
    }

    /// DHCSR.C_MASKINTS.
    pub fn set_masking(&mut self, masking: Masking) {
        self.masking = masking;
        self.arbitrate();
    }

    /// Drives the external lines.
    pub fn set_lines(&mut self, lines: [u64; 4]) {
        let mut fresh = 0;
        for word in 0..EXTERNAL_WORDS {
            let level = (lines[word / 2] >> (32 * (word % 2))) as u32;
            let rising = level & !self.lines.0[1 + word];
            self.lines.0[1 + word] = level;
            self.pending.0[1 + word] |= rising;
            fresh |= rising;
        }
        if fresh != 0 {
            self.arbitrate();
        }
    }

    /// Interrupt enables, 32 interrupts a word (ISER, ICER).
    pub fn enables(&self, word: usize) -> u32 {
        self.enabled.external(word)
    }

    /// Interrupt pending bits, 32 interrupts a word (ISPR, ICPR).
    pub fn pendings(&self, word: usize) -> u32 {
        self.pending.external(word)
    }

    /// Interrupt active bits, 32 interrupts a word (IABR).
    pub fn actives(&self, word: usize) -> u32 {
        self.active.external(word)
    }

    /// ISER.
    pub fn enable(&mut self, word: usize, bits: u32) {
        if let Some(flags) = self.enabled.0.get_mut(1 + word) {
            *flags |= bits;
            self.arbitrate();
        }
    }

    /// ICER.
    pub fn disable(&mut self, word: usize, bits: u32) {
        if let Some(flags) = self.enabled.0.get_mut(1 + word) {
            *flags &= !bits;
            self.arbitrate();
        }
    }

    /// ISPR.
    pub fn pend_external(&mut self, word: usize, bits: u32) {
        if let Some(flags) = self.pending.0.get_mut(1 + word) {
            *flags |= bits;
            self.arbitrate();
        }
    }

    /// ICPR.
    pub fn unpend_external(&mut self, word: usize, bits: u32) {
        let held = self.lines.external(word) & !self.active.external(word);
        if let Some(flags) = self.pending.0.get_mut(1 + word) {
            *flags &= !(bits & !held);
            self.arbitrate();
        }
    }
}

#[cfg(test)]
mod tests;

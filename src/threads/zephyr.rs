//! Zephyr threads (subsys/debug/thread_info.c, arch/arm/core/cortex_m/swap_helper.S, V2.6 to V4).
//!
//! With CONFIG_DEBUG_THREAD_INFO the kernel has a list of all threads, and a table of where everything is, made for debuggers:
//! `_kernel_thread_info_offsets`. Without it there is no list to read.
//!
//! A thread that does not run has r4-r11 and its stack pointer in `callee_saved`, which ends with the stack pointer; the exception frame is at
//! that stack pointer, and s16-s31 are in `preempt_float`. `mode_exc_return` has the low byte of EXC_RETURN, where threads share the FPU.
//!
//! What a thread waits for, and whether a timeout will wake it, is not in the table: debug information of the kernel tells where that is.
//!
//! Until the main thread runs, the current thread is a dummy in no list (`z_dummy_thread_init`). Zephyr has switched to the process stack by
//! then, so that the core's registers do not tell.

use super::{
    Context, Core, Damage, Kernel, Memory, ReadError, Record, Running, Thread, ThreadId, Threads,
    context::{high_float_bytes, is_frame, plus},
    variable,
};
use crate::{
    debug_info::structures,
    image::{Image, Symbols},
    layout::Address,
};

/// The list, and the table.
const THREADS: &str = "_kernel.threads";
const TABLE: &str = "_kernel_thread_info_offsets";
const ENTRIES: &str = "_kernel_thread_info_num_offsets";

/// An entry of the table that does not apply.
const UNIMPLEMENTED: u32 = 0xFFFF_FFFF;

/// Entries that we know; more are for later debuggers.
const MOST_ENTRIES: u32 = 64;

/// Bytes of r4 to r11.
const R4_TO_R11: u32 = 32;

/// EXC_RETURN of a kernel that does not store it: its threads do not use the FPU.
const BASIC_RETURN: u32 = 0xFFFF_FFFD;

/// `thread_state`, the most telling bit first. Before V4, bit 4 was for threads that sleep too, and bit 2 meant "not started", which
/// has meant "sleeping" since.
const STATES: &[(u8, &str)] = &[
    (1 << 3, "terminated"),
    (1 << 5, "aborting"),
    (1 << 4, SUSPENDED_OR_ASLEEP),
    (1 << 1, WAITING),
    (1 << 2, ASLEEP_OR_NOT_STARTED),
];

/// What a thread is of which nothing keeps it from running. Bit 7, "queued", is not always set then: the idle thread is in no queue.
const READY: &str = "ready";

const WAITING: &str = "waiting";
const SUSPENDED_OR_ASLEEP: &str = "suspended or asleep";
const ASLEEP_OR_NOT_STARTED: &str = "asleep or not started";

/// The bit of a thread that is none.
const DUMMY: u8 = 1 << 0;

/// Where the members of `_kernel` and `struct k_thread` are, from the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Layout {
    current: u32,
    threads: u32,
    next: u32,
    state: u32,
    priority: u32,
    stack_pointer: u32,
    name: Option<u32>,
    floats: Option<u32>,
    exc_return: Option<u32>,
}

impl Layout {
    /// By the entries of the table, numbered as thread_info.c has them.
    fn of(table: &[u32]) -> Option<Self> {
        let entry = |index: usize| {
            let value = table.get(index).copied()?;
            (value != UNIMPLEMENTED).then_some(value)
        };
        let in_arch = |index| entry(10)?.checked_add(entry(index)?);
        Some(Self {
            current: entry(1)?,
            threads: entry(2)?,
            next: entry(4)?,
            state: entry(5)?,
            priority: entry(7)?,
            stack_pointer: entry(8)?,
            name: entry(9),
            floats: in_arch(11),
            exc_return: in_arch(13),
        })
    }

    /// Bytes of a thread that are looked at, as long as they make sense.
    fn thread_bytes(&self, base: Option<Base>) -> Option<u32> {
        const MOST: u32 = 0x1000;
        let members = [self.next, self.state, self.priority, self.stack_pointer];
        let of_base = base.map(|base| base.pended_on.max(base.timeout));
        let last = members.into_iter().chain(of_base).max()?;
        (last < MOST).then_some(last + 4)
    }
}

/// Where members of `_thread_base` are, with which `struct k_thread` begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Base {
    /// The queue of what the thread waits for.
    pended_on: u32,
    /// It begins with a node, which is in a list as long as the timeout runs.
    timeout: u32,
}

impl Base {
    /// As the debug information has it.
    fn of(image: &Image) -> Option<Self> {
        const NAME: &str = "_thread_base";
        let found = structures(image, |name| name == NAME).ok()?;
        let base = found.get(NAME)?;
        Some(Self {
            pended_on: base.offset("pended_on")?,
            timeout: base.offset("timeout")?,
        })
    }
}

/// Zephyr in an image.
#[derive(Debug)]
struct Zephyr {
    kernel: Address,
    layout: Layout,
    base: Option<Base>,
    thread_bytes: u32,
    /// Names for what threads wait for.
    symbols: Symbols,
}

/// Zephyr, if it is in `image` with what a debugger needs.
pub fn detect(image: &Image) -> Option<Box<dyn Kernel>> {
    let read = |address, bytes: &mut [u8]| image.read(address, bytes) == bytes.len();
    // The symbols first: debug information is large.
    Some(Box::new(find(image.symbols(), read, || Base::of(image))?))
}

/// Zephyr by its symbols, its table, which `read` reads, and its debug information.
fn find(
    symbols: &Symbols,
    mut read: impl FnMut(Address, &mut [u8]) -> bool,
    base: impl FnOnce() -> Option<Base>,
) -> Option<Zephyr> {
    let mut words = |name, count: u32| {
        let mut bytes = vec![0; 4 * count as usize];
        let whole = read(variable(symbols, name)?.address, &mut bytes);
        let (words, _) = bytes.as_chunks::<4>();
        whole.then(|| words.iter().map(|word| u32::from_le_bytes(*word)).collect())
    };
    let count: Vec<u32> = words(ENTRIES, 1)?;
    let table = words(TABLE, count.first()?.min(&MOST_ENTRIES).to_owned())?;
    let layout = Layout::of(&table)?;
    let kernel = variable(symbols, "_kernel")?.address;
    let base = base();
    Some(Zephyr {
        kernel,
        thread_bytes: layout.thread_bytes(base)?,
        base,
        layout,
        symbols: symbols.clone(),
    })
}

impl Kernel for Zephyr {
    fn name(&self) -> &'static str {
        "Zephyr"
    }

    fn running(&self, core: Core, memory: &mut dyn Memory) -> Result<Running, ReadError> {
        if !core.may_run_threads() {
            return Ok(Running::NotStarted);
        }
        let block = memory.word(plus(self.kernel, self.layout.current))?;
        if block == 0 {
            return Ok(Running::NotStarted);
        }
        let mut state = [0];
        match memory.read(plus(Address(block), self.layout.state), &mut state) {
            Ok(()) if state[0] & DUMMY != 0 => Ok(Running::NotStarted),
            Err(ReadError::Lost(fault)) => Err(ReadError::Lost(fault)),
            Ok(()) | Err(ReadError::Outside { .. }) => Ok(Running::Thread(ThreadId(block))),
        }
    }

    fn threads(&self, running: Running, memory: &mut dyn Memory) -> Result<Threads, ReadError> {
        let mut threads = Threads::of(self.name(), running);
        let mut block = Address(memory.word(plus(self.kernel, self.layout.threads))?);
        while block.0 != 0 {
            let read = memory.record(block, self.thread_bytes);
            let Some(read) = threads.note(THREADS, read)? else {
                break;
            };
            let thread = self.thread(&read, threads.running, memory)?;
            if !threads.add(THREADS, thread) {
                break;
            }
            block = read.pointer(self.layout.next)?;
        }
        if threads.find(threads.running).is_none() {
            threads.damage.push(Damage::Stray {
                list: "_kernel.cpus[0].current",
                address: Address(threads.running.0),
            });
        }
        Ok(threads)
    }
}

impl Zephyr {
    fn thread(
        &self,
        block: &Record,
        running: ThreadId,
        memory: &mut dyn Memory,
    ) -> Result<Thread, ReadError> {
        let id = ThreadId::of(block.address);
        let (state, context) = if id == running {
            ("running".to_owned(), Context::live())
        } else {
            (self.state(block)?, self.saved(block, memory)?)
        };
        let priority = block.byte(self.layout.priority).unwrap_or_default() as i8;
        Ok(Thread {
            id,
            name: self.name_of(block.address, memory)?,
            state: format!("{state}, priority {priority}"),
            context,
        })
    }

    /// What a thread does that does not run.
    fn state(&self, block: &Record) -> Result<String, ReadError> {
        let bits = block.byte(self.layout.state).unwrap_or_default();
        let found = STATES.iter().find(|(bit, _)| bits & bit != 0);
        let state = found.map_or(READY, |(_, state)| *state);
        let Some(base) = self.base else {
            return Ok(state.to_owned());
        };
        let has_timeout = block.word(base.timeout)? != 0;
        Ok(match (state, block.word(base.pended_on)?) {
            (WAITING, 1..) => format!(
                "waiting for {}",
                self.name_at(block.pointer(base.pended_on)?)
            ),
            (SUSPENDED_OR_ASLEEP, _) if has_timeout => "asleep".to_owned(),
            (SUSPENDED_OR_ASLEEP, _) => "suspended".to_owned(),
            // One that will start has a timeout too.
            (ASLEEP_OR_NOT_STARTED, _) if !has_timeout => "not started".to_owned(),
            _ => state.to_owned(),
        })
    }

    /// The variable that something lies in, or else where it lies.
    fn name_at(&self, address: Address) -> String {
        let found = self.symbols.variable_at(address);
        found.map_or_else(|| address.to_string(), |variable| variable.name.clone())
    }

    /// CONFIG_THREAD_NAME; a thread without a name has its address.
    fn name_of(&self, block: Address, memory: &mut dyn Memory) -> Result<String, ReadError> {
        let name = match self.layout.name {
            Some(offset) => memory.name(plus(block, offset))?,
            None => String::new(),
        };
        Ok(if name.is_empty() {
            block.to_string()
        } else {
            name
        })
    }

    /// The registers of a thread. Where there is no frame, none is known.
    fn saved(&self, block: &Record, memory: &mut dyn Memory) -> Result<Context, ReadError> {
        match self.frame(block, memory) {
            Err(ReadError::Outside { .. }) => Ok(Context::saved()),
            context => context,
        }
    }

    fn frame(&self, block: &Record, memory: &mut dyn Memory) -> Result<Context, ReadError> {
        let mut context = Context::saved();
        let stack_pointer = self.layout.stack_pointer;
        let frame = block.pointer(stack_pointer)?;
        if !is_frame(frame, memory)? {
            return Ok(context);
        }
        let exc_return = match self.layout.exc_return {
            Some(offset) => {
                let mut byte = [0];
                memory.read(plus(block.address, offset), &mut byte)?;
                0xFFFF_FF00 | u32::from(byte[0])
            }
            None => BASIC_RETURN,
        };
        let callee_saved = plus(block.address, stack_pointer.wrapping_sub(R4_TO_R11));
        context.words(4..=11, callee_saved);
        if let Some(floats) = self.layout.floats
            && high_float_bytes(exc_return) != 0
        {
            context.high_floats(plus(block.address, floats));
        }
        context.exception_frame(frame, exc_return, memory)?;
        Ok(context)
    }
}

#[cfg(test)]
mod tests;

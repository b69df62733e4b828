//! ThreadX threads (Eclipse ThreadX, tx_api.h and tx_thread_schedule.S of the Cortex-M ports, V5 and V6).
//!
//! All threads are in one ring by `tx_thread_created_next`; each says its own state. While none is ready, `_tx_thread_current_ptr` is
//! null and the core waits in the handler of PendSV.
//!
//! A thread that does not run has its registers at `tx_thread_stack_ptr`: EXC_RETURN, then s16-s31 if it has used the FPU, r4-r11, the
//! exception frame. Ports before there was an FPU stored r4-r11 only; which it is is seen at the place of EXC_RETURN.

use super::{
    Context, Core, Damage, Kernel, Memory, ReadError, Record, Running, Thread, ThreadId, Threads,
    context::{high_float_bytes, is_frame, is_thread_return, plus},
    variable,
};
use crate::{
    debug_info::structures,
    image::{Image, Symbols},
    layout::Address,
};

/// The ring.
const CREATED: &str = "_tx_thread_created_ptr";

/// `tx_thread_id` of a thread: "THRD".
const IDENTITY: u32 = 0x5448_5244;

/// What comes before `tx_thread_name` is known to the assembly language of every port.
const STACK_POINTER: u32 = 8;
const STACK_START: u32 = 12;

/// Bytes of r4 to r11.
const R4_TO_R11: u32 = 32;

/// EXC_RETURN of a port that does not store it.
const BASIC_RETURN: u32 = 0xFFFF_FFFD;

/// `tx_thread_state` in words.
const STATES: &[&str] = &[
    "ready",
    "completed",
    "terminated",
    "suspended",
    "sleeping",
    "waiting for a queue",
    "waiting for a semaphore",
    "waiting for event flags",
    "waiting for a block pool",
    "waiting for a byte pool",
    "waiting for a driver",
    "waiting for a file",
    "waiting for TCP/IP",
    "waiting for a mutex",
    "changing its priority",
];

/// Where the members of `TX_THREAD` are: by configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Layout {
    name: u32,
    priority: u32,
    state: u32,
    created_next: u32,
}

impl Layout {
    /// Without extensions, as in the Cortex-M7 ports.
    const PLAIN: Self = Self {
        name: 40,
        priority: 44,
        state: 48,
        created_next: 136,
    };

    /// As the debug information has it.
    fn of(image: &Image) -> Option<Self> {
        let found = structures(image, |name| name == "TX_THREAD_STRUCT").ok()?;
        let thread = found.get("TX_THREAD_STRUCT")?;
        Some(Self {
            name: thread.offset("tx_thread_name")?,
            priority: thread.offset("tx_thread_priority")?,
            state: thread.offset("tx_thread_state")?,
            created_next: thread.offset("tx_thread_created_next")?,
        })
    }
}

/// ThreadX in an image.
#[derive(Debug)]
struct ThreadX {
    created: Address,
    current: Address,
    layout: Layout,
}

/// ThreadX, if it is in `image`.
pub fn detect(image: &Image) -> Option<Box<dyn Kernel>> {
    // The symbols first: debug information is large.
    let kernel = find(image.symbols())?;
    let layout = Layout::of(image).unwrap_or(kernel.layout);
    Some(Box::new(ThreadX { layout, ..kernel }))
}

/// ThreadX by its symbols.
fn find(symbols: &Symbols) -> Option<ThreadX> {
    Some(ThreadX {
        created: variable(symbols, CREATED)?.address,
        current: variable(symbols, "_tx_thread_current_ptr")?.address,
        layout: Layout::PLAIN,
    })
}

impl Kernel for ThreadX {
    fn name(&self) -> &'static str {
        "ThreadX"
    }

    fn running(&self, core: Core, memory: &mut dyn Memory) -> Result<Running, ReadError> {
        if !core.may_run_threads() || memory.word(self.created)? == 0 {
            return Ok(Running::NotStarted);
        }
        Ok(match memory.word(self.current)? {
            0 => Running::Nobody,
            block => Running::Thread(ThreadId(block)),
        })
    }

    fn threads(&self, running: Running, memory: &mut dyn Memory) -> Result<Threads, ReadError> {
        let mut threads = Threads::of(self.name(), running);
        let first = Address(memory.word(self.created)?);
        let mut block = first;
        loop {
            let read = memory.record(block, self.layout.created_next + 4);
            let Some(read) = threads.note(CREATED, read)? else {
                break;
            };
            if read.word(0)? != IDENTITY {
                threads.damage.push(Damage::Stray {
                    list: CREATED,
                    address: block,
                });
                break;
            }
            let thread = self.thread(&read, threads.running, memory)?;
            if !threads.add(CREATED, thread) {
                break;
            }
            block = read.pointer(self.layout.created_next)?;
            if block == first {
                break;
            }
        }
        Ok(threads)
    }
}

impl ThreadX {
    fn thread(
        &self,
        block: &Record,
        running: ThreadId,
        memory: &mut dyn Memory,
    ) -> Result<Thread, ReadError> {
        let id = ThreadId::of(block.address);
        let priority = block.word(self.layout.priority)?;
        let (state, context) = if id == running {
            ("running", Context::live())
        } else {
            let state = block.word(self.layout.state)? as usize;
            let state = STATES.get(state).copied().unwrap_or("in an unknown state");
            (state, self.saved(block.pointer(STACK_POINTER)?, memory)?)
        };
        let overflow = block.word(STACK_POINTER)? < block.word(STACK_START)?;
        let note = if overflow { ", stack overflow" } else { "" };
        Ok(Thread {
            id,
            name: memory.name(block.pointer(self.layout.name)?)?,
            state: format!("{state}{note}, priority {priority}"),
            context,
        })
    }

    /// The registers of a thread whose `tx_thread_stack_ptr` is `top`. Where there is no frame, none is known.
    fn saved(&self, top: Address, memory: &mut dyn Memory) -> Result<Context, ReadError> {
        match frame(top, memory) {
            Err(ReadError::Outside { .. }) => Ok(Context::saved()),
            context => context,
        }
    }
}

fn frame(top: Address, memory: &mut dyn Memory) -> Result<Context, ReadError> {
    let mut context = Context::saved();
    let exc_return = memory.word(top)?;
    let high = plus(top, 4);
    let high_bytes = high_float_bytes(exc_return);
    let low = plus(high, high_bytes);
    let frame = plus(low, R4_TO_R11);
    if is_thread_return(exc_return) && is_frame(frame, memory)? {
        if high_bytes != 0 {
            context.high_floats(high);
        }
        context.words(4..=11, low);
        context.exception_frame(frame, exc_return, memory)?;
        return Ok(context);
    }
    let frame = plus(top, R4_TO_R11);
    if is_frame(frame, memory)? {
        context.words(4..=11, top);
        context.exception_frame(frame, BASIC_RETURN, memory)?;
    }
    Ok(context)
}

#[cfg(test)]
mod tests;

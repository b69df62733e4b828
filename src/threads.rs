//! Threads: what an RTOS in the appli keeps of them in memory, read while the core is halted. One file an RTOS.
//!
//! A kernel is found by the names of its variables in the appli's file. Its lists are the program's, so they may be damaged, half
//! changed, or those of the run before the reset: every walk is bounded, ends where there is no memory, and says what it met
//! ([`Damage`]). Without a kernel, and until its scheduler has started, there is one thread: the core.
//!
//! The core is one. The thread that runs has the core's registers, also while an interrupt handler runs on its behalf; those of the
//! others lie where the kernel saved them ([`Context`]).
//!
//! Adding a kernel: copy `threadx.rs`, change what it knows, add its `detect` to `KERNELS`.

use std::fmt;

use crate::{
    image::{Image, Symbols, Variable},
    layout::Address,
};

mod context;
mod embassy;
mod error;
mod freertos;
mod memory;
#[cfg(test)]
mod recorded;
mod threadx;
mod zephyr;

pub use context::{Context, Place};
pub use error::{Damage, ThreadError};
pub use memory::{Memory, ReadError, Record};

/// More threads than this are a damaged list.
const MOST_THREADS: usize = 256;

/// Bytes of a name that are shown.
const NAME_BYTES: usize = 32;

/// How a kernel looks for itself in an image.
type Detect = fn(&Image) -> Option<Box<dyn Kernel>>;

/// All kernels.
const KERNELS: &[Detect] = &[
    freertos::detect,
    threadx::detect,
    zephyr::detect,
    embassy::detect,
];

/// An RTOS, with the addresses of its variables.
pub trait Kernel: fmt::Debug + Send {
    /// Its name.
    fn name(&self) -> &'static str;

    /// Who runs: a few bytes, read at every stop.
    fn running(&self, core: Core, memory: &mut dyn Memory) -> Result<Running, ReadError>;

    /// All threads; the one that runs has [`Context::live`] for its registers.
    fn threads(&self, running: Running, memory: &mut dyn Memory) -> Result<Threads, ReadError>;
}

/// The kernel of `image`, if there is one.
pub fn detect(image: &Image) -> Option<Box<dyn Kernel>> {
    KERNELS.iter().find_map(|detect| detect(image))
}

/// The variable of that name in a C program. Link-time optimisation may have given it an ending: `xTickCount.lto_priv.0`.
fn variable<'a>(symbols: &'a Symbols, name: &str) -> Option<&'a Variable> {
    let is_meant = |variable: &&Variable| {
        let rest = variable.name.strip_prefix(name);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    };
    symbols.variables().iter().find(is_meant)
}

/// What the core's own registers say of who may be running.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Core {
    /// It handles an exception (xPSR.IPSR is not 0).
    pub handles_exception: bool,
    /// Its Thread mode uses the process stack (CONTROL.SPSEL).
    pub on_process_stack: bool,
}

impl Core {
    /// False in Thread mode on the main stack: after a reset, when memory still holds the threads of the run before, and in `main`.
    /// The kernels that give each thread a stack run them on the process stack.
    fn may_run_threads(self) -> bool {
        self.handles_exception || self.on_process_stack
    }
}

/// Who runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Running {
    /// The scheduler has not started: there are no threads yet.
    NotStarted,
    /// The kernel waits for a thread to be ready.
    Nobody,
    /// This one.
    Thread(ThreadId),
}

impl Running {
    /// The thread that has the core's registers.
    pub fn id(self) -> ThreadId {
        match self {
            Self::NotStarted | Self::Nobody => ThreadId::CORE,
            Self::Thread(id) => id,
        }
    }
}

/// A thread by the address of what its kernel keeps of it: stable, and the same for every client.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ThreadId(pub u32);

impl ThreadId {
    /// The core itself, where no thread of a kernel runs. No control block lies at this address.
    pub const CORE: Self = Self(1);

    fn of(block: Address) -> Self {
        Self(block.0)
    }
}

/// A thread.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Thread {
    /// Which.
    pub id: ThreadId,
    /// Its name.
    pub name: String,
    /// What it does, in words; empty for the core.
    pub state: String,
    /// Where its registers are.
    pub context: Context,
}

/// The threads of the halted program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Threads {
    /// The kernel whose threads these are.
    pub kernel: Option<&'static str>,
    /// The one that has the core's registers.
    pub running: ThreadId,
    /// All.
    pub list: Vec<Thread>,
    /// Where the kernel's lists are not what they should be.
    pub damage: Vec<Damage>,
}

/// The core alone.
impl Default for Threads {
    fn default() -> Self {
        Self::only_the_core(ThreadId::CORE)
    }
}

impl Threads {
    /// Reads them.
    pub fn read(
        kernel: &dyn Kernel,
        core: Core,
        memory: &mut dyn Memory,
    ) -> Result<Self, ReadError> {
        let running = kernel.running(core, memory)?;
        if running == Running::NotStarted {
            return Ok(Self::default());
        }
        let mut threads = kernel.threads(running, memory)?;
        if threads.find(threads.running).is_none() {
            threads.the_core_runs();
        }
        Ok(threads)
    }

    /// The core alone, by the id by which it was told at the stop: a client that does not find that id in the list may not survive it.
    pub fn only_the_core(id: ThreadId) -> Self {
        Self {
            kernel: None,
            running: id,
            list: vec![Thread {
                id,
                name: "Cortex-M7".to_owned(),
                state: String::new(),
                context: Context::live(),
            }],
            damage: Vec::new(),
        }
    }

    /// The list of `kernel`, to be filled.
    fn of(kernel: &'static str, running: Running) -> Self {
        Self {
            kernel: Some(kernel),
            running: running.id(),
            list: Vec::new(),
            damage: Vec::new(),
        }
    }

    /// A thread by its id.
    pub fn find(&self, id: ThreadId) -> Option<&Thread> {
        self.list.iter().find(|thread| thread.id == id)
    }

    /// What the kernel takes for the running thread is in none of its lists: the core has its registers for itself.
    fn the_core_runs(&mut self) {
        self.list.extend(Self::only_the_core(self.running).list);
    }

    /// Adds a thread; false if there is no room for it, or it is here already.
    fn add(&mut self, list: &'static str, thread: Thread) -> bool {
        let address = Address(thread.id.0);
        let damage = if self.find(thread.id).is_some() {
            Damage::Twice { list, address }
        } else if self.list.len() == MOST_THREADS {
            Damage::Long {
                list,
                limit: MOST_THREADS,
            }
        } else {
            self.list.push(thread);
            return true;
        };
        self.damage.push(damage);
        false
    }

    /// What is in no memory is damage of `list`; a lost link is not.
    fn note<T>(
        &mut self,
        list: &'static str,
        read: Result<T, ReadError>,
    ) -> Result<Option<T>, ReadError> {
        match read {
            Ok(value) => Ok(Some(value)),
            Err(ReadError::Outside { address }) => {
                self.damage.push(Damage::Outside { list, address });
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }
}

//! Embassy tasks (embassy-executor 0.7 to 0.10: raw/mod.rs, raw/state_atomics_arm.rs, and what `#[embassy_executor::task]` makes).
//!
//! A task is a future with a header, in a static pool of the function that it was made from: `app::blink::POOL`. It has no stack: between
//! two polls it is a number that says at which `.await` it waits, and the variables that it needs there. The executor polls it on its own
//! stack. So the core is a thread, which has all registers, and each task that was spawned is one that never runs; its pc is
//! the function that polls it (docs/decisions/0009-embassy-tasks-as-threads.md says why), and its state names the line at which it waits.
//!
//! The executor does not write down which task it polls at the moment: `backtrace` of the core's thread shows it.

use std::collections::BTreeMap;

use super::{
    Context, Core, Kernel, Memory, ReadError, Record, Running, Thread, ThreadId, Threads,
    context::plus,
};
use crate::{
    debug_info::{Structure, Variants, structures},
    image::{Image, Symbols},
    layout::Address,
};

/// What every program with an executor has.
const WAKERS: &str = "embassy_executor::raw::waker::VTABLE";

/// The end of a pool's path.
const POOL: &str = "::POOL";

/// What `#[embassy_executor::main]` calls the task of `main`.
const MAIN: &str = "__embassy_main";

/// Paths of the structures.
const HEADER: &str = "embassy_executor::raw::TaskHeader";
const STORAGE: &str = "embassy_executor::raw::TaskStorage<";

/// Bits of the state on Arm: spawned, and in the run queue.
const SPAWNED: u32 = 1 << 0;
const QUEUED: u32 = 1 << 8;

/// The first number of an async function that waits at an `.await`; 0 has not been polled yet, 1 has returned, 2 has panicked.
const FIRST_AWAIT: u8 = 3;

/// More tasks of one function than this are a damaged file.
const MOST_TASKS: u32 = 64;

/// Where the members of `TaskHeader` are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Layout {
    state: u32,
    poll: u32,
}

impl Layout {
    /// Without debug information: as the compiler orders them.
    const PLAIN: Self = Self { state: 0, poll: 12 };

    fn of(header: &Structure) -> Option<Self> {
        Some(Self {
            state: header.offset("state")?,
            poll: header.offset("poll_fn")?,
        })
    }

    fn bytes(&self) -> u32 {
        self.state.max(self.poll) + 4
    }
}

/// The tasks of one function.
#[derive(Debug)]
struct Pool {
    name: String,
    address: Address,
    tasks: u32,
    /// Bytes of each.
    bytes: u32,
    /// The byte that says where it waits, from the header on.
    waits: Option<Variants>,
}

/// Embassy in an image.
#[derive(Debug)]
struct Embassy {
    layout: Layout,
    pools: Vec<Pool>,
}

/// Embassy, if it is in `image`.
pub fn detect(image: &Image) -> Option<Box<dyn Kernel>> {
    // The symbols first: debug information is large.
    image.symbols().variable(WAKERS)?;
    let is_wanted = |path: &str| {
        path == HEADER || path.starts_with(STORAGE) || path.ends_with("{async_fn_env#0}")
    };
    let found = structures(image, is_wanted).unwrap_or_default();
    Some(Box::new(find(image.symbols(), &found)?))
}

/// Embassy by its symbols, with what the debug information says of its structures.
fn find(symbols: &Symbols, structures: &BTreeMap<String, Structure>) -> Option<Embassy> {
    let pools = symbols.variables().iter().filter_map(|variable| {
        let path = variable.name.strip_suffix(POOL)?;
        let (parent, name) = path.rsplit_once("::")?;
        Some(pool(parent, name, variable, structures))
    });
    let pools: Vec<Pool> = pools.collect();
    let layout = structures.get(HEADER).and_then(Layout::of);
    (!pools.is_empty()).then_some(Embassy {
        layout: layout.unwrap_or(Layout::PLAIN),
        pools,
    })
}

/// Without debug information nobody knows how many tasks a pool has: one is shown.
fn pool(
    parent: &str,
    name: &str,
    variable: &crate::image::Variable,
    structures: &BTreeMap<String, Structure>,
) -> Pool {
    let beginning = format!("{STORAGE}{parent}::__{name}_task::");
    let storage = structures
        .iter()
        .find(|(path, _)| path.starts_with(&beginning));
    let bytes = storage.map_or(variable.size, |(_, storage)| storage.bytes);
    let waits = storage.and_then(|(path, storage)| {
        let future = path.strip_prefix(STORAGE)?.strip_suffix('>')?;
        let variants = structures.get(future)?.variants.clone()?;
        let offset = storage.offset("future")?.checked_add(variants.offset)?;
        (offset < bytes).then_some(Variants { offset, ..variants })
    });
    Pool {
        name: if name == MAIN { "main" } else { name }.to_owned(),
        address: variable.address,
        tasks: variable
            .size
            .checked_div(bytes)
            .unwrap_or(0)
            .min(MOST_TASKS),
        bytes,
        waits,
    }
}

impl Kernel for Embassy {
    fn name(&self) -> &'static str {
        "Embassy"
    }

    /// No task ever has the core's registers for its own.
    fn running(&self, _: Core, _: &mut dyn Memory) -> Result<Running, ReadError> {
        Ok(Running::Nobody)
    }

    fn threads(&self, running: Running, memory: &mut dyn Memory) -> Result<Threads, ReadError> {
        let mut threads = Threads::of(self.name(), running);
        threads.the_core_runs();
        for pool in &self.pools {
            for index in 0..pool.tasks {
                let block = plus(pool.address, index * pool.bytes);
                let read = memory.record(block, pool.bytes.max(self.layout.bytes()));
                let Some(read) = threads.note("POOL", read)? else {
                    break;
                };
                if let Some(task) = self.task(pool, index, &read)? {
                    threads.add("POOL", task);
                }
            }
        }
        Ok(threads)
    }
}

impl Embassy {
    /// The task in a place of a pool; none if it was not spawned, has ended, or memory is not initialised yet.
    fn task(&self, pool: &Pool, index: u32, block: &Record) -> Result<Option<Thread>, ReadError> {
        let state = block.word(self.layout.state)?;
        let poll = block.word(self.layout.poll)?;
        let is_task = state & !(SPAWNED | QUEUED) == 0 && state & SPAWNED != 0 && poll & 1 == 1;
        if !is_task {
            return Ok(None);
        }
        let does = if state & QUEUED == 0 {
            "waiting"
        } else {
            "ready"
        };
        let name = match pool.tasks {
            1 => pool.name.clone(),
            _ => format!("{}[{index}]", pool.name),
        };
        Ok(Some(Thread {
            id: ThreadId::of(block.address),
            name,
            state: format!("{does}{}", pool.place(block)),
            context: Context::without_stack(Address(poll & !1)),
        }))
    }
}

impl Pool {
    /// ` at main.rs:36`, as far as it is known.
    fn place(&self, block: &Record) -> String {
        let waits = self.waits.as_ref();
        let value = waits.and_then(|waits| block.byte(waits.offset));
        match (value, waits) {
            (Some(0), _) => ", not polled yet".to_owned(),
            (Some(value @ FIRST_AWAIT..), Some(waits)) => match waits.places.get(&value) {
                Some((file, line)) => format!(" at {file}:{line}"),
                None => String::new(),
            },
            _ => String::new(),
        }
    }
}

#[cfg(test)]
mod tests;

//! FreeRTOS tasks (FreeRTOS-Kernel, tasks.c and list.h, V8 to V11).
//!
//! Every task is in exactly one of the kernel's lists by its `xStateListItem`: ready (a list for each priority), delayed (two lists,
//! swapped when the tick counter wraps), suspended, or waiting to be freed. An interrupt that makes a task ready while the
//! scheduler is locked puts its `xEventListItem` into `xPendingReadyList`, with the other item still where it was. A task that waits
//! without a timeout is in the suspended list too, and only its `xEventListItem` tells it from a suspended one (`eTaskGetState`).
//!
//! A task that does not run has its registers at `pxTopOfStack`. The ports for an FPU (ARM_CM4F, ARM_CM7) store r4-r11 and EXC_RETURN
//! there, then s16-s31 if the task has used the FPU, then comes the exception frame; ARM_CM3 stores r4-r11 only. Which it is
//! is seen at the place where EXC_RETURN would be. The MPU ports keep registers elsewhere: theirs are not shown.

use std::collections::BTreeSet;

use super::{
    Context, Core, Damage, Kernel, Memory, ReadError, Record, Running, Thread, ThreadId, Threads,
    context::{high_float_bytes, is_frame, is_thread_return, plus},
    variable,
};
use crate::{
    debug_info::structures,
    image::{Image, Symbols, Variable},
    layout::Address,
};

/// The ready lists.
const READY: &str = "pxReadyTasksLists";

/// All other lists.
const LISTS: &[(&str, Membership)] = &[
    ("xPendingReadyList", Membership::Pending),
    ("xDelayedTaskList1", Membership::Delayed),
    ("xDelayedTaskList2", Membership::Delayed),
    ("xSuspendedTaskList", Membership::Suspended),
    ("xTasksWaitingTermination", Membership::Deleted),
];

/// Bytes of r4 to r11.
const R4_TO_R11: u32 = 32;

/// EXC_RETURN of ARM_CM3, which does not store it.
const BASIC_RETURN: u32 = 0xFFFF_FFFD;

/// More priorities than this are a damaged symbol.
const MOST_PRIORITIES: u32 = 256;

/// What it means to be in a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Membership {
    Ready,
    Pending,
    Delayed,
    Suspended,
    Deleted,
}

/// A list of the kernel.
#[derive(Clone, Copy, Debug)]
struct List {
    name: &'static str,
    address: Address,
    membership: Membership,
}

/// Where the members of the kernel's structures are: by configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Layout {
    /// Bytes of `List_t`.
    list: u32,
    /// `List_t.uxNumberOfItems`.
    count: u32,
    /// `List_t.xListEnd`.
    end: u32,
    /// `ListItem_t.xItemValue`, `pxNext`, `pvOwner`, `pxContainer`.
    value: u32,
    next: u32,
    owner: u32,
    container: u32,
    /// `TCB_t.xStateListItem`, `xEventListItem`, `uxPriority`, `pxStack`, `pcTaskName` and its bytes.
    state_item: u32,
    event_item: u32,
    priority: u32,
    stack: u32,
    name: u32,
    name_bytes: u32,
    /// The MPU ports save no frame at `pxTopOfStack`.
    has_frame: bool,
}

impl Layout {
    /// As the debug information has it.
    fn of(image: &Image) -> Option<Self> {
        let is_wanted = |name: &str| matches!(name, "tskTaskControlBlock" | "xLIST" | "xLIST_ITEM");
        let found = structures(image, is_wanted).ok()?;
        let block = found.get("tskTaskControlBlock")?;
        let list = found.get("xLIST")?;
        let item = found.get("xLIST_ITEM")?;
        Some(Self {
            list: list.bytes,
            count: list.offset("uxNumberOfItems")?,
            end: list.offset("xListEnd")?,
            value: item.offset("xItemValue")?,
            next: item.offset("pxNext")?,
            owner: item.offset("pvOwner")?,
            container: item
                .offset("pxContainer")
                .or_else(|| item.offset("pvContainer"))?,
            state_item: block
                .offset("xStateListItem")
                .or_else(|| block.offset("xGenericListItem"))?,
            event_item: block.offset("xEventListItem")?,
            priority: block.offset("uxPriority")?,
            stack: block.offset("pxStack")?,
            name: block.offset("pcTaskName")?,
            name_bytes: block.room("pcTaskName")?,
            has_frame: block.offset("xMPUSettings").is_none(),
        })
    }

    /// By the bytes of a `List_t`, for a file without debug information: the variants of list.h with 32-bit ticks, and the one with
    /// 64-bit ticks and mini items.
    fn by_list_size(bytes: u32) -> Option<Self> {
        /// configUSE_LIST_DATA_INTEGRITY_CHECK_BYTES: a word before and one behind.
        const CHECKED: u32 = 4;
        let (before, value, item) = match bytes {
            20 | 28 => (0, 4, 20),
            32 | 44 => (CHECKED, 4, 28),
            24 => (0, 8, 24),
            _ => return None,
        };
        let state_item = value;
        let event_item = state_item + item;
        let priority = event_item + item;
        Some(Self {
            list: bytes,
            count: before,
            end: before + 8,
            value: before,
            next: before + value,
            owner: before + value + 8,
            container: before + value + 12,
            state_item,
            event_item,
            priority,
            stack: priority + 4,
            name: priority + 8,
            name_bytes: 16,
            has_frame: true,
        })
    }

    /// Bytes of a TCB that are looked at.
    fn block_bytes(&self) -> u32 {
        self.name + self.name_bytes
    }

    /// Bytes of an item that are looked at.
    fn item_bytes(&self) -> u32 {
        self.container + 4
    }
}

/// FreeRTOS in an image.
#[derive(Debug)]
struct FreeRtos {
    /// `pxCurrentTCB`.
    current: Address,
    /// `xSchedulerRunning`.
    started: Option<Address>,
    ready: Variable,
    lists: Vec<List>,
    layout: Layout,
}

/// FreeRTOS, if it is in `image`.
pub fn detect(image: &Image) -> Option<Box<dyn Kernel>> {
    // The symbols first: debug information is large.
    let kernel = find(image.symbols())?;
    let layout = Layout::of(image).unwrap_or(kernel.layout);
    Some(Box::new(FreeRtos { layout, ..kernel }))
}

/// FreeRTOS by its symbols; its structures as their sizes tell.
fn find(symbols: &Symbols) -> Option<FreeRtos> {
    let address = |name| variable(symbols, name).map(|variable| variable.address);
    let ready = variable(symbols, READY)?;
    let one = variable(symbols, "xDelayedTaskList1")?;
    let lists = LISTS.iter().filter_map(|&(name, membership)| {
        Some(List {
            name,
            address: address(name)?,
            membership,
        })
    });
    Some(FreeRtos {
        current: address("pxCurrentTCB")?,
        started: address("xSchedulerRunning"),
        ready: ready.clone(),
        lists: lists.collect(),
        layout: Layout::by_list_size(one.size)?,
    })
}

impl Kernel for FreeRtos {
    fn name(&self) -> &'static str {
        "FreeRTOS"
    }

    fn running(&self, core: Core, memory: &mut dyn Memory) -> Result<Running, ReadError> {
        if !core.may_run_threads() {
            return Ok(Running::NotStarted);
        }
        if let Some(started) = self.started
            && memory.word(started)? == 0
        {
            return Ok(Running::NotStarted);
        }
        Ok(match memory.word(self.current)? {
            0 => Running::NotStarted,
            block => Running::Thread(ThreadId(block)),
        })
    }

    fn threads(&self, running: Running, memory: &mut dyn Memory) -> Result<Threads, ReadError> {
        let mut walk = Walk {
            kernel: self,
            memory,
            threads: Threads::of(self.name(), running),
            pending: BTreeSet::new(),
        };
        for list in self.all_lists() {
            walk.through(list)?;
        }
        let Walk {
            mut threads,
            memory,
            ..
        } = walk;
        // What runs is shown, whatever the lists say.
        if threads.find(running.id()).is_none() {
            let block = Address(running.id().0);
            let read = self.task(block, Membership::Ready, running.id(), memory);
            if let Some(thread) = threads.note("pxCurrentTCB", read)? {
                threads.add("pxCurrentTCB", thread);
            }
        }
        Ok(threads)
    }
}

impl FreeRtos {
    /// Every list, in the order in which its tasks are shown.
    fn all_lists(&self) -> impl Iterator<Item = List> {
        let bytes = self.layout.list;
        let priorities = (self.ready.size / bytes).min(MOST_PRIORITIES);
        let ready = (0..priorities).rev().map(move |priority| List {
            name: READY,
            address: plus(self.ready.address, priority * bytes),
            membership: Membership::Ready,
        });
        // The pending list first: what is in it is in another one too.
        let (pending, others): (Vec<List>, Vec<List>) = self
            .lists
            .iter()
            .partition(|list| list.membership == Membership::Pending);
        pending.into_iter().chain(ready).chain(others)
    }

    /// The task whose TCB is at `block`.
    fn task(
        &self,
        block: Address,
        membership: Membership,
        running: ThreadId,
        memory: &mut dyn Memory,
    ) -> Result<Thread, ReadError> {
        let layout = &self.layout;
        let tcb = memory.record(block, layout.block_bytes())?;
        let id = ThreadId::of(block);
        let priority = tcb.word(layout.priority)?;
        let top = tcb.pointer(0)?;
        let (state, context) = if id == running {
            ("running".to_owned(), Context::live())
        } else {
            let overflow = top < tcb.pointer(layout.stack)?;
            let note = if overflow { ", stack overflow" } else { "" };
            let state = format!("{}{note}", self.state(membership, &tcb)?);
            (state, self.saved(top, memory)?)
        };
        Ok(Thread {
            id,
            name: tcb.name(layout.name, layout.name_bytes),
            state: format!("{state}, priority {priority}"),
            context,
        })
    }

    /// What a task does that does not run.
    fn state(&self, membership: Membership, tcb: &Record) -> Result<String, ReadError> {
        let layout = &self.layout;
        let waits_for = tcb.word(layout.event_item + layout.container)?;
        let on = match waits_for {
            0 => String::new(),
            list => format!(" on {}", Address(list)),
        };
        Ok(match membership {
            Membership::Ready | Membership::Pending => "ready".to_owned(),
            Membership::Delayed => {
                let tick = tcb.word(layout.state_item + layout.value)?;
                format!("blocked{on} until tick {tick}")
            }
            Membership::Suspended if waits_for == 0 => "suspended".to_owned(),
            Membership::Suspended => format!("blocked{on}"),
            Membership::Deleted => "deleted".to_owned(),
        })
    }

    /// The registers of a task whose `pxTopOfStack` is `top`. Where there is no frame, none is known.
    fn saved(&self, top: Address, memory: &mut dyn Memory) -> Result<Context, ReadError> {
        match self.frame(top, memory) {
            Err(ReadError::Outside { .. }) => Ok(Context::saved()),
            context => context,
        }
    }

    fn frame(&self, top: Address, memory: &mut dyn Memory) -> Result<Context, ReadError> {
        let mut context = Context::saved();
        if !self.layout.has_frame {
            return Ok(context);
        }
        let exc_return = memory.word(plus(top, R4_TO_R11))?;
        let high = plus(top, R4_TO_R11 + 4);
        let high_bytes = high_float_bytes(exc_return);
        let frame = plus(high, high_bytes);
        if is_thread_return(exc_return) && is_frame(frame, memory)? {
            context.words(4..=11, top);
            if high_bytes != 0 {
                context.high_floats(high);
            }
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
}

/// A way through all lists.
struct Walk<'a> {
    kernel: &'a FreeRtos,
    memory: &'a mut dyn Memory,
    threads: Threads,
    /// Those of the pending list, which are in another list too.
    pending: BTreeSet<ThreadId>,
}

impl Walk<'_> {
    /// Adds the tasks of a list. Its count is not looked at: the kernel changes links and count one after the other, and may have
    /// been stopped in between.
    fn through(&mut self, list: List) -> Result<(), ReadError> {
        let layout = &self.kernel.layout;
        let end = plus(list.address, layout.end);
        let head = self.memory.record(list.address, layout.list);
        let Some(head) = self.threads.note(list.name, head)? else {
            return Ok(());
        };
        let mut item = head.pointer(layout.end + layout.next)?;
        let never_initialised = item.0 == 0 && head.word(layout.count)? == 0;
        while item != end && !never_initialised {
            match self.entry(item, list)? {
                Some(next) => item = next,
                None => return Ok(()),
            }
        }
        Ok(())
    }

    /// Adds the task that `item` is part of, and says where the next item is; `None` if the list cannot be followed further.
    fn entry(&mut self, item: Address, list: List) -> Result<Option<Address>, ReadError> {
        let layout = &self.kernel.layout;
        let read = self.memory.record(item, layout.item_bytes());
        let Some(read) = self.threads.note(list.name, read)? else {
            return Ok(None);
        };
        let block = read.pointer(layout.owner)?;
        let is_pending = list.membership == Membership::Pending;
        let offset = if is_pending {
            layout.event_item
        } else {
            layout.state_item
        };
        if plus(block, offset) != item {
            self.threads.damage.push(Damage::Stray {
                list: list.name,
                address: item,
            });
            return Ok(None);
        }
        let next = read.pointer(layout.next)?;
        let id = ThreadId::of(block);
        // Once for each of the two lists: a circle comes here a second time.
        if !is_pending && self.pending.remove(&id) {
            return Ok(Some(next));
        }
        let running = self.threads.running;
        let task = self
            .kernel
            .task(block, list.membership, running, self.memory);
        let Some(task) = self.threads.note(list.name, task)? else {
            return Ok(None);
        };
        let added = self.threads.add(list.name, task);
        if added && is_pending {
            self.pending.insert(id);
        }
        Ok(added.then_some(next))
    }
}

#[cfg(test)]
mod tests;

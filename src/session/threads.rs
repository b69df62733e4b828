//! Threads of the halted program, and the registers of those that do not run.
//!
//! Who runs is read at every stop of an appli with a kernel: one word. The list is read when somebody asks for it, once a halt.

use super::{
    Session,
    registers::{CONTROL, D0, FPSCR, RegisterFile, XPSR},
    stop::StopReason,
};
use crate::{
    fault::{Disposition, Fault},
    image::Image,
    layout::Address,
    threads::{
        self, Core, Kernel, Memory, Place, ReadError, Running, Thread, ThreadError, ThreadId,
        Threads,
    },
};

/// CONTROL.SPSEL: Thread mode uses the process stack (ARMv7-M ARM B1.4.4).
const PROCESS_STACK: u32 = 1 << 1;

/// xPSR: the exception number, 0 in Thread mode.
const EXCEPTION: u32 = 0x1FF;

/// What is known of the threads.
#[derive(Debug, Default)]
pub(super) struct Known {
    /// The kernel of the appli's file.
    kernel: Option<Box<dyn Kernel>>,
    running: Option<ThreadId>,
    threads: Option<Threads>,
}

impl Known {
    /// The appli's file is `image`.
    pub(super) fn of(image: &Image) -> Self {
        Self {
            kernel: threads::detect(image),
            ..Self::default()
        }
    }

    /// The core has run, or was changed.
    pub(super) fn forget(&mut self) {
        self.running = None;
        self.threads = None;
    }
}

impl Session {
    /// The thread that has the core's registers.
    pub fn running_thread(&mut self) -> Result<ThreadId, Fault> {
        if let Some(running) = self.known_threads.running {
            return Ok(running);
        }
        let found = self.with_kernel(|kernel, core, memory| kernel.running(core, memory))?;
        let id = found.map_or(ThreadId::CORE, Running::id);
        self.known_threads.running = Some(id);
        Ok(id)
    }

    /// All threads.
    pub fn threads(&mut self) -> Result<&Threads, Fault> {
        self.needs_halt("looking at threads")?;
        if self.known_threads.threads.is_none() {
            let running = self.running_thread()?;
            let found = self.with_kernel(Threads::read)?;
            let threads = found.unwrap_or_else(|| Threads::only_the_core(running));
            for damage in &threads.damage {
                self.journal.record(damage.clone().into());
            }
            self.known_threads.running = Some(threads.running);
            self.known_threads.threads = Some(threads);
        }
        Ok(self.known_threads.threads.get_or_insert_default())
    }

    /// A register of a thread by its number in the target description; `None` if its kernel has not saved it.
    pub fn read_thread_register(
        &mut self,
        id: ThreadId,
        number: u16,
    ) -> Result<Option<u64>, Fault> {
        match self.place(id, number)? {
            Place::Core => self.read_register(number).map(Some),
            Place::Is(value) => Ok(Some(u64::from(value))),
            Place::At(address) => self.saved_value(address, number).map(Some),
            Place::Unknown => Ok(None),
        }
    }

    /// Writes a register of a thread: where its kernel has saved it, if it does not run.
    pub fn write_thread_register(
        &mut self,
        id: ThreadId,
        number: u16,
        value: u64,
    ) -> Result<(), Fault> {
        let thread = self.thread(id)?;
        let name = thread.name.clone();
        match thread.context.place(number) {
            Place::Core if thread.context.is_live() => self.write_register(number, value),
            Place::At(address) => {
                let bytes = value.to_le_bytes();
                let length = bytes_of(number);
                self.write_memory(address, bytes.get(..length).unwrap_or(&bytes))
            }
            _ => Err(ThreadError::NotSaved { name, number }.into()),
        }
    }

    /// A thread by its id.
    pub fn thread(&mut self, id: ThreadId) -> Result<&Thread, Fault> {
        let found = self.threads()?.find(id);
        found.ok_or_else(|| ThreadError::Unknown(id).into())
    }

    fn place(&mut self, id: ThreadId, number: u16) -> Result<Place, Fault> {
        Ok(self.thread(id)?.context.place(number))
    }

    fn saved_value(&mut self, address: Address, number: u16) -> Result<u64, Fault> {
        let mut bytes = [0; 8];
        let length = bytes_of(number);
        let wanted = bytes.get_mut(..length).unwrap_or_default();
        match Halted(self).read(address, wanted) {
            Ok(()) => Ok(u64::from_le_bytes(bytes)),
            Err(ReadError::Lost(fault)) => Err(*fault),
            // Its kernel has been found to have saved it there.
            Err(ReadError::Outside { .. }) => Ok(0),
        }
    }

    /// Asks the kernel; `None` if there is none, or nothing of the appli has run since the reset: memory holds what it held before.
    fn with_kernel<T>(
        &mut self,
        ask: impl FnOnce(&dyn Kernel, Core, &mut dyn Memory) -> Result<T, ReadError>,
    ) -> Result<Option<T>, Fault> {
        if self.known_threads.kernel.is_none() || self.stop.reason == StopReason::Reset {
            return Ok(None);
        }
        let core = core_of(self.registers([XPSR, CONTROL])?);
        // Lent out, so that it can be asked while the session reads memory for it.
        let Some(kernel) = self.known_threads.kernel.take() else {
            return Ok(None);
        };
        let asked = ask(kernel.as_ref(), core, &mut Halted(self));
        self.known_threads.kernel = Some(kernel);
        match asked {
            Ok(answer) => Ok(Some(answer)),
            Err(ReadError::Lost(fault)) => Err(*fault),
            Err(ReadError::Outside { .. }) => Ok(None),
        }
    }
}

fn core_of(registers: &RegisterFile) -> Core {
    let control = registers.known(CONTROL).unwrap_or_default();
    let xpsr = registers.known(XPSR).unwrap_or_default();
    Core {
        handles_exception: xpsr & EXCEPTION != 0,
        on_process_stack: control & PROCESS_STACK != 0,
    }
}

/// Bytes of a saved register.
fn bytes_of(number: u16) -> usize {
    if (D0..FPSCR).contains(&number) { 8 } else { 4 }
}

/// The halted session as kernels see it: memory, and nothing that a read could change.
struct Halted<'a>(&'a mut Session);

impl Memory for Halted<'_> {
    fn read(&mut self, address: Address, data: &mut [u8]) -> Result<(), ReadError> {
        let outside = ReadError::Outside { address };
        let last = u32::try_from(data.len().saturating_sub(1))
            .ok()
            .and_then(|more| address.checked_add(more));
        let Some(last) = last else {
            return Err(outside);
        };
        if !self.0.is_memory(address) || !self.0.is_memory(last) {
            return Err(outside);
        }
        match self.0.read_memory(address, data) {
            Ok(length) if length == data.len() => Ok(()),
            Err(fault) if fault.disposition() == Disposition::EndSession => {
                Err(ReadError::Lost(Box::new(fault)))
            }
            Ok(_) | Err(_) => Err(outside),
        }
    }
}

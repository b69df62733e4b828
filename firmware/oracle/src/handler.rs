//! The handler of every exception: logs all that the core shows of it, then does what the scenario asked for.
//!
//! Code that is about to fault says first where it goes on ([`provoke`]); unless the scenario has its own way, a fault's handler
//! clears the status registers and returns there.

use core::{
    arch::global_asm,
    cell::Cell,
    sync::atomic::{AtomicBool, AtomicU32, Ordering::Relaxed},
};

use crate::{
    log::note,
    system::{self, *},
};

/// What the core pushed (B1.5.6).
#[repr(C)]
pub struct Frame {
    pub r: [u32; 4],
    pub r12: u32,
    pub lr: u32,
    pub pc: u32,
    pub xpsr: u32,
}

/// An exception that was taken.
pub struct Taken {
    /// IPSR.
    pub number: u32,
    /// What LR was on entry, and what the handler returns with.
    pub exc_return: u32,
    frame: *mut Frame,
}

impl Taken {
    /// The frame. Not to be asked for where the scenario put the stack into a hole.
    pub fn frame(&mut self) -> &mut Frame {
        // SAFETY: the core pushed it, and nobody else looks at it.
        unsafe { &mut *self.frame }
    }

    /// A word of the FP part of the frame: S0 to S15, FPSCR.
    pub fn fp_word(&self, place: u32) -> u32 {
        read(self.frame as u32 + 0x20 + 4 * place)
    }

    /// Forgets the fault and goes on where the scenario said.
    pub fn resume(&mut self) {
        write(CFSR, u32::MAX);
        write(HFSR, u32::MAX);
        self.go_on();
    }

    /// Lets something else fault inside this handler, then forgets the fault of this one.
    pub fn meanwhile(&mut self, fault: fn()) {
        let resume = RESUME.load(Relaxed);
        fault();
        RESUME.store(resume, Relaxed);
        self.resume();
    }

    /// Goes on where the scenario said; the status registers stay.
    pub fn go_on(&mut self) {
        let frame = self.frame();
        frame.pc = RESUME.load(Relaxed) & !1;
        frame.xpsr = frame.xpsr & (FRAME_ALIGNED | EXCEPTION) | THUMB;
    }

    /// Gives thread mode a process stack with memory under it, and a frame there that goes on where the scenario said.
    pub fn resume_on_new_stack(&mut self) {
        let frame = NEW_STACK as *mut Frame;
        // SAFETY: scratch memory that only this uses.
        unsafe {
            frame.write_volatile(Frame {
                r: [0; 4],
                r12: 0,
                lr: u32::MAX,
                pc: RESUME.load(Relaxed) & !1,
                xpsr: THUMB,
            });
        }
        write(CFSR, u32::MAX);
        write(HFSR, u32::MAX);
        msr!("psp", NEW_STACK);
        self.exc_return = 0xFFFF_FFFD;
    }
}

const NEW_STACK: u32 = SCRATCH + 0xF000;
const FRAME_ALIGNED: u32 = 1 << 9;
const EXCEPTION: u32 = 0x1FF;
const THUMB: u32 = 1 << 24;

/// What a scenario does in handlers.
pub type Hook = fn(&mut Taken);

struct Chosen(Cell<Hook>);
// SAFETY: one core; a scenario sets the hook before it provokes anything.
unsafe impl Sync for Chosen {}

static HOOK: Chosen = Chosen(Cell::new(usual));
static FRAME_IS_LOGGED: AtomicBool = AtomicBool::new(true);
static RESUME: AtomicU32 = AtomicU32::new(0);

/// What a handler does unless the scenario says otherwise.
pub fn usual(taken: &mut Taken) {
    if (HARD_FAULT..=USAGE_FAULT).contains(&taken.number) {
        taken.resume();
    } else if taken.number == SV_CALL {
        // The way back for unprivileged code.
        msr!("control", mrs!("control") & !UNPRIVILEGED);
    }
}

/// The scenario's own way to handle exceptions.
pub fn hook(hook: Hook) {
    HOOK.0.set(hook);
}

/// Frames of this scenario are nowhere, or depend on time.
pub fn ignore_frames() {
    FRAME_IS_LOGGED.store(false, Relaxed);
}

/// The state in which every scenario begins.
pub fn expect_nothing_special() {
    hook(usual);
    FRAME_IS_LOGGED.store(true, Relaxed);
}

/// Address of the word that says where to go on.
pub fn resume_slot() -> *mut u32 {
    RESUME.as_ptr()
}

/// Executes lines that raise an exception; a handler may go on behind them. The stack is the one of before, even
/// if a handler left its frame there.
macro_rules! provoke {
    ($($line:literal),+ $(; $($operand:tt)*)?) => {
        // SAFETY: the handler comes back behind the lines, with every register but those named as it was.
        unsafe {
            core::arch::asm!(
                "mov r8, sp",
                "adr.w r12, 77f",
                "str r12, [{resume}]",
                $($line,)+
                ".balign 4",
                "77:",
                "mrs r12, control",
                "bic r12, r12, #2",
                "msr control, r12",
                "isb",
                "mov sp, r8",
                resume = in(reg) crate::handler::resume_slot(),
                out("r8") _,
                out("r12") _,
                $($($operand)*)?
            )
        }
    };
}
pub(crate) use provoke;

global_asm!(
    ".text",
    ".thumb",
    ".global any_exception",
    ".thumb_func",
    "any_exception:",
    "tst lr, #4",
    "ite eq",
    "mrseq r0, msp",
    "mrsne r0, psp",
    "mov r1, lr",
    "push {{r4, lr}}",
    "bl handle",
    "pop {{r4, lr}}",
    "bx r0",
);

#[unsafe(no_mangle)]
extern "C" fn handle(frame: *mut Frame, exc_return: u32) -> u32 {
    let mut taken = Taken {
        number: mrs!("ipsr"),
        exc_return,
        frame,
    };
    describe(&mut taken);
    HOOK.0.get()(&mut taken);
    note("leaves", taken.number);
    taken.exc_return
}

fn describe(taken: &mut Taken) {
    note("exception", taken.number);
    note("EXC_RETURN", taken.exc_return);
    note("MSP", mrs!("msp"));
    if FRAME_IS_LOGGED.load(Relaxed) {
        note("PSP", mrs!("psp"));
        describe_frame(taken.frame());
    }
    let status = system::read(CFSR);
    note("CFSR", status);
    note("HFSR", system::read(HFSR));
    for (name, valid, address) in [("MMFAR", MMARVALID, MMFAR), ("BFAR", BFARVALID, BFAR)] {
        let value = if status & valid == 0 {
            0
        } else {
            system::read(address)
        };
        note(name, value);
    }
    note("ICSR", system::read(ICSR));
    note("SHCSR", system::read(SHCSR));
    note("ISPR0", system::read(ISPR0));
    note("IABR0", system::read(IABR0));
    note("BASEPRI", mrs!("basepri"));
    note("PRIMASK", mrs!("primask"));
    note("FAULTMASK", mrs!("faultmask"));
    note("CONTROL", mrs!("control"));
    note("FPCCR", system::read(FPCCR));
    if system::read(FPCCR) & LSPACT != 0 {
        note("FPCAR", system::read(FPCAR));
    }
}

fn describe_frame(frame: &Frame) {
    for (name, value) in ["stacked r0", "stacked r1", "stacked r2", "stacked r3"]
        .into_iter()
        .zip(frame.r)
    {
        note(name, value);
    }
    note("stacked r12", frame.r12);
    note("stacked lr", frame.lr);
    note("stacked pc", frame.pc);
    note("stacked xPSR", frame.xpsr);
}

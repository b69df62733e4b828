//! A program that talks: text on RTT channel 0 both ways, defmt on channel 1.
//!
//! It says a word at each tenth of a second, and answers each line that it is sent. Some lines are orders: `exit CODE` ends by
//! semihosting, `panic` panics, `fault` reads where nothing is, `overwrite` spoils its own control block, `stop` says no more.

#![no_std]
#![no_main]

use core::{
    fmt::Write as _,
    panic::PanicInfo,
    sync::atomic::{AtomicU32, Ordering},
};

use cortex_m::{Peripherals, asm, peripheral::syst::SystClkSource};
use cortex_m_rt::{entry, exception};
use rtt_target::{ChannelMode, DownChannel, UpChannel, rtt_init, set_defmt_channel};
use semihosting::process;

/// SysTick's reload for a millisecond of the boot stage's 600 MHz.
const CYCLES_PER_MILLISECOND: u32 = 600_000;

/// A word is due each so many milliseconds.
const PERIOD: u32 = 100;

/// Nothing answers here.
const NOWHERE: u32 = 0x2408_0000;

/// Milliseconds since start.
static TICKS: AtomicU32 = AtomicU32::new(0);

/// A line that is being received.
struct Line {
    bytes: [u8; 64],
    length: usize,
}

impl Line {
    /// Takes a byte; the line when it is complete.
    fn take(&mut self, byte: u8) -> Option<&str> {
        if byte != b'\n' {
            if let Some(place) = self.bytes.get_mut(self.length) {
                *place = byte;
                self.length += 1;
            }
            return None;
        }
        let length = core::mem::take(&mut self.length);
        core::str::from_utf8(&self.bytes[..length]).ok()
    }
}

#[entry]
fn main() -> ! {
    let channels = rtt_init! {
        up: {
            0: { size: 256, mode: ChannelMode::NoBlockTrim, name: "Terminal" }
            1: { size: 1024, mode: ChannelMode::NoBlockTrim, name: "defmt" }
        }
        down: {
            0: { size: 16, name: "Terminal" }
        }
    };
    let mut terminal = channels.up.0;
    set_defmt_channel(channels.up.1);
    if let Some(mut core) = Peripherals::take() {
        core.SYST.set_clock_source(SystClkSource::Core);
        core.SYST.set_reload(CYCLES_PER_MILLISECOND - 1);
        core.SYST.clear_current();
        core.SYST.enable_counter();
        core.SYST.enable_interrupt();
    }
    defmt::info!("talks: {=str}", "every tenth of a second");
    writeln!(terminal, "talk is here").ok();
    talk(&mut terminal, channels.down.0)
}

fn talk(terminal: &mut UpChannel, mut orders: DownChannel) -> ! {
    let mut line = Line {
        bytes: [0; 64],
        length: 0,
    };
    let mut words = 0;
    loop {
        asm::wfi();
        let mut bytes = [0; 16];
        let length = orders.read(&mut bytes);
        for byte in &bytes[..length] {
            if let Some(order) = line.take(*byte) {
                writeln!(terminal, "heard: {order}").ok();
                obey(order);
            }
        }
        if TICKS.load(Ordering::Relaxed) >= words * PERIOD {
            words += 1;
            say(words, terminal);
        }
    }
}

/// One word, at another level each time.
fn say(number: u32, terminal: &mut UpChannel) {
    writeln!(terminal, "word {number}").ok();
    match number % 5 {
        0 => defmt::error!("word {=u32} is an error", number),
        1 => defmt::trace!("word {=u32} is traced", number),
        2 => defmt::debug!("word {=u32} is for debugging", number),
        3 => defmt::warn!("word {=u32} warns", number),
        _ => defmt::println!("word {=u32} is printed", number),
    }
}

#[inline(never)]
fn obey(order: &str) {
    let (word, argument) = order.split_once(' ').unwrap_or((order, ""));
    match word {
        "exit" => process::exit(argument.parse().unwrap_or(1)),
        "panic" => panic!("told to panic"),
        "fault" => read_nowhere(),
        "overwrite" => overwrite(),
        "stop" => loop {
            asm::wfi();
        },
        _ => {}
    }
}

#[inline(never)]
fn read_nowhere() {
    // SAFETY: a bus error is what was asked for.
    let value =
        unsafe { core::ptr::with_exposed_provenance::<u32>(NOWHERE as usize).read_volatile() };
    defmt::info!("nowhere is {=u32}", value);
}

/// Spoils the descriptor of the down channel as a wild pointer would: its buffer seems to lie in the window.
#[inline(never)]
fn overwrite() {
    unsafe extern "C" {
        #[link_name = "_SEGGER_RTT"]
        static mut BLOCK: [u32; 24];
    }
    // SAFETY: the block has more words than are written here.
    unsafe {
        (&raw mut BLOCK)
            .cast::<u32>()
            .add(19)
            .write_volatile(0x7000_0000)
    };
}

#[exception]
fn SysTick() {
    TICKS.fetch_add(1, Ordering::Relaxed);
}

#[panic_handler]
fn panic(info: &PanicInfo<'_>) -> ! {
    defmt::error!("{}", defmt::Display2Format(info));
    // As panic-probe does: a HardFault that a debugger catches.
    asm::udf()
}

defmt::timestamp!("{=u32:ms}", TICKS.load(Ordering::Relaxed));

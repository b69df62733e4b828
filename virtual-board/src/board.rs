//! The board: the chip with what is soldered around it, as a [`Description`] says.

mod builder;
mod chip;
mod description;
mod low_power;
mod memories;
mod mishaps;
mod pins;
mod wiring;

use crate::{
    bus::{Bus, Master, Width},
    clock::Time,
    debug_port::{Acknowledge, DebugPort, Line, Pins, Register},
    devices::{
        Device, ResetCause,
        flash::{Flash, options::CLOSED},
        gpio::Gpio,
        uart::Uart,
    },
    map::{BOOTLOADER_BASE, FLASH_BASE, Map},
    state::{Claim, State},
};
pub use builder::{BuildError, Builder, ProductState};
use chip::{Chip, Pause};
pub use description::{Description, DescriptionError};
pub use memories::Wear;
pub use pins::{Button, Led, NoButton, NoPin, Pin};

/// FLASH_NVSR, the product state.
const NVSR: u32 = 0x200;
/// XSPI_CR with EN and FMODE 3: memory-mapped.
const MEMORY_MAPPED: u32 = 0x3000_0001;

/// The two XSPI controllers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum XspiPort {
    /// Its window begins at 0x9000_0000.
    Xspi1,
    /// Its window begins at 0x7000_0000.
    Xspi2,
}

impl XspiPort {
    /// Base of the window.
    pub const fn window(self) -> u32 {
        match self {
            Self::Xspi1 => wiring::XSPI1_WINDOW,
            Self::Xspi2 => wiring::XSPI2_WINDOW,
        }
    }

    const fn registers(self) -> u32 {
        match self {
            Self::Xspi1 => wiring::XSPI1,
            Self::Xspi2 => wiring::XSPI2,
        }
    }
}

/// What the core is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CoreState {
    /// Executing.
    Running,
    /// In debug state.
    Halted,
    /// In WFI or WFE.
    Sleeping,
    /// Locked up, or hung on the bus.
    LockedUp,
    /// Held by nRST.
    InReset,
}

/// What an LED does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LedState {
    /// It shines.
    Lit,
    /// It does not.
    Dark,
    /// It does not, whatever the program writes to its output: the pad has no supply.
    Unsupplied,
}

/// A virtual board.
pub struct Board {
    description: Description,
    chip: Chip,
    port: DebugPort,
    line: Line,
    state_file: Option<Claim>,
    console: Vec<u8>,
    /// The probe's host reaches it.
    plugged: bool,
    /// BOOT0 is high.
    boot_pin: bool,
}

impl Board {
    /// A board to be configured.
    pub fn builder() -> Builder {
        Builder::default()
    }

    fn assemble(
        builder: Builder,
        claim: Option<Claim>,
        state: Option<State>,
    ) -> Result<Self, BuildError> {
        let mut map = Map::new(builder.strict);
        wiring::place(&mut map);
        let description = builder.description()?;
        map.wires.sockets = description.sockets();
        let mut board = Self {
            description,
            chip: Chip::new(map, FLASH_BASE),
            port: DebugPort::default(),
            line: Line::default(),
            // Until all is well there is nothing to save.
            state_file: None,
            console: Vec::new(),
            plugged: true,
            boot_pin: false,
        };
        if let Some(path) = claim.as_ref().map(Claim::path) {
            board.identify(path);
            if let Some(state) = state {
                board.restore(&state, path)?;
            }
        }
        if let Some(level) = builder.boot_pin {
            board.set_boot_pin(level);
        }
        let options = board.flash_mut().options_mut();
        for (offset, value) in builder.option_words {
            options.set(offset, value);
        }
        if builder.product_state == ProductState::Closed {
            options.set(NVSR, CLOSED.into());
        }
        board.chip.offer_cacheable_debug(builder.cacheable_debug);
        board.program_internal_flash(0, &builder.boot_image)?;
        board.program_nor(0, &builder.nor_image)?;
        board.state_file = claim;
        board.release_buttons();
        board.power_cycle();
        for mishap in builder.mishaps {
            board.inject(mishap);
        }
        Ok(board)
    }

    /// Virtual time since the board was made.
    pub fn now(&self) -> Time {
        self.chip.now()
    }

    /// Lets time pass.
    pub fn run_for(&mut self, span: Time) {
        let end = self.now() + span;
        while let Some(pause) = self.chip.run_until(end) {
            match pause {
                Pause::Strike(event) => self.happen(event),
                Pause::Awake => self.port.catch_up(&mut self.chip),
            }
        }
    }

    /// One SWD read transfer.
    pub fn transfer_read(&mut self, register: Register) -> Result<u32, Acknowledge> {
        if !self.port_answers() {
            return Err(Acknowledge::Silent);
        }
        self.port.read(register, &mut self.chip)
    }

    /// One SWD write transfer.
    pub fn transfer_write(&mut self, register: Register, value: u32) -> Result<(), Acknowledge> {
        if !self.port_answers() {
            return Err(Acknowledge::Silent);
        }
        self.port.write(register, value, &mut self.chip)
    }

    /// True while the debug port has its supply; a transfer that was waiting is done first, if it can be.
    fn port_answers(&mut self) -> bool {
        if self.chip.take_port_loss() {
            self.port.power_cycle();
            self.line = Line::default();
        }
        if self.chip.is_off() {
            return false;
        }
        self.port.catch_up(&mut self.chip);
        true
    }

    /// A bare bit sequence on SWDIO, lowest bit first.
    pub fn sequence(&mut self, count: u8, bits: u64) {
        if self.port_answers() {
            self.port.sequence(count, bits, &mut self.chip);
        }
    }

    /// Drives the JTAG pins. True if that ended a scan which the debug port acted upon.
    pub fn drive_jtag(&mut self, pins: Pins) -> bool {
        self.port_answers() && self.port.drive(pins, &mut self.chip)
    }

    /// Level of TDO.
    pub fn jtag_data_out(&self) -> bool {
        self.port.data_out()
    }

    /// Pulses nTRST, which resets the TAPs and nothing else.
    pub fn reset_jtag(&mut self) {
        self.port.reset_jtag();
    }

    /// One cycle of SWCLK, with SWDIO driven by the host or not. What SWDIO shows.
    pub fn clock_swd(&mut self, driven: Option<bool>) -> bool {
        if !self.port_answers() {
            // Pulled up.
            return driven.unwrap_or(true);
        }
        self.line.clock(driven, &mut self.port, &mut self.chip)
    }

    /// Drives nRST.
    pub fn drive_reset_pin(&mut self, level: bool) {
        self.chip.drive_reset_pin(level);
    }

    /// Presses the reset button.
    pub fn reset(&mut self) {
        self.drive_reset_pin(false);
        self.drive_reset_pin(true);
    }

    /// Takes the power away and gives it back. RAM and the NOR's mode are lost; so is the debug port's state.
    pub fn power_cycle(&mut self) {
        let now = self.now();
        for socket in self.chip.map.wires.sockets.iter_mut().flatten() {
            socket.memory.power_cycle(now);
        }
        self.port.power_cycle();
        self.line = Line::default();
        self.chip.reset(ResetCause::Power);
        self.chip.take_port_loss();
    }

    /// Level of the BOOT0 pin from the next reset on: high starts system memory instead of internal flash.
    pub fn set_boot_pin(&mut self, level: bool) {
        self.boot_pin = level;
        self.chip.set_vector_base(vector_base(level));
    }

    /// What the core is doing.
    pub fn core_state(&self) -> CoreState {
        let core = &self.chip.core;
        if core.is_halted() {
            CoreState::Halted
        } else if core.is_locked_up() {
            CoreState::LockedUp
        } else if core.is_sleeping() {
            CoreState::Sleeping
        } else if core.is_in_reset() {
            CoreState::InReset
        } else {
            CoreState::Running
        }
    }

    /// Address of the next instruction.
    pub fn pc(&self) -> u32 {
        self.chip.core.pc()
    }

    /// A core register by its DCRSR number (ARM ARM C1.6.3), seen behind the debugger's back.
    pub fn core_register(&self, selector: u32) -> u32 {
        self.chip.core.debug_register(selector)
    }

    /// Cycles of the core since power-on, executed and skipped.
    pub fn core_cycles(&self) -> u64 {
        self.chip.core.cycles
    }

    /// What is soldered around the chip.
    pub fn description(&self) -> &Description {
        &self.description
    }

    /// What each LED does, in the order of the board's description. A pad without its supply drives nothing: ports O and P take it from
    /// XSPIM port 1, port N from port 2, port M from USB (RM0477, PWR, "Independent I/O supplies"; people whose LEDs stayed dark on this board).
    pub fn led_states(&self) -> Vec<LedState> {
        let wires = &self.chip.map.wires;
        let state = |led: &Led| {
            let supplied = match led.pin.port {
                'O' | 'P' => wires.xspim_supply[0],
                'N' => wires.xspim_supply[1],
                'M' => wires.usb_supply,
                _ => true,
            };
            let gpio: &Gpio = self.device(Gpio::base(led.pin.port));
            match gpio.pin_output(led.pin.number) {
                Some(_) if !supplied => LedState::Unsupplied,
                Some(level) if level == led.lit => LedState::Lit,
                _ => LedState::Dark,
            }
        };
        self.description.leds().iter().map(state).collect()
    }

    /// Which LEDs are lit, in the order of the board's description.
    pub fn leds(&self) -> Vec<bool> {
        let states = self.led_states().into_iter();
        states.map(|state| state == LedState::Lit).collect()
    }

    /// Everything that the board's console has sent.
    pub fn uart_text(&mut self) -> String {
        String::from_utf8_lossy(self.console_bytes()).into_owned()
    }

    /// The last line of it with anything in it; empty if there is none.
    pub fn last_uart_line(&mut self) -> String {
        let mut lines = self.console_bytes().rsplit(|byte| *byte == b'\n');
        let line = lines.find(|line| !line.trim_ascii().is_empty());
        String::from_utf8_lossy(line.unwrap_or_default().trim_ascii_end()).into_owned()
    }

    fn console_bytes(&mut self) -> &[u8] {
        let base = self.description.console_base();
        let uart: &mut Uart = self.device_mut(base);
        let sent = uart.take_sent();
        self.console.extend_from_slice(&sent);
        &self.console
    }

    /// True while the controller is in memory-mapped mode.
    pub fn is_mapped(&mut self, port: XspiPort) -> bool {
        self.read_word(port.registers())
            .is_some_and(|control| control & MEMORY_MAPPED == MEMORY_MAPPED)
    }

    /// A word of the memory map as AP1 would read it with a cacheable access, without the debug port and without time passing.
    pub fn read_word(&mut self, address: u32) -> Option<u32> {
        let Chip { core, map, .. } = &mut self.chip;
        core.debug_read_cacheable(map, address & !3, Width::Word)
            .ok()
    }

    /// The same word as any other master finds it, past the caches.
    pub fn read_memory_word(&mut self, address: u32) -> Option<u32> {
        let map = &mut self.chip.map;
        map.read(address & !3, Width::Word, Master::Debug).ok()
    }

    fn device<D: Device>(&self, base: u32) -> &D {
        self.chip.map.device(base).expect("wiring placed it")
    }

    fn device_mut<D: Device>(&mut self, base: u32) -> &mut D {
        self.chip.map.device_mut(base).expect("wiring placed it")
    }

    fn flash(&self) -> &Flash {
        self.device(wiring::FLASH)
    }

    fn flash_mut(&mut self) -> &mut Flash {
        self.device_mut(wiring::FLASH)
    }
}

/// Where the core finds its vectors, by the level of BOOT0.
fn vector_base(boot_pin: bool) -> u32 {
    if boot_pin {
        BOOTLOADER_BASE
    } else {
        FLASH_BASE
    }
}

impl Drop for Board {
    fn drop(&mut self) {
        if let Err(error) = self.save() {
            tracing::error!("the board's state is lost: {error}");
        }
    }
}

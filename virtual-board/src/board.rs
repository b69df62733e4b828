//! The board: the chip with what is soldered around it, wired as on an STM32H7S78-DK (MB1736).

mod builder;
mod chip;
mod wiring;

use std::path::PathBuf;

use crate::{
    bus::{Bus, Master, Width},
    clock::Time,
    debug_port::{Acknowledge, DebugPort, Register},
    devices::{
        Device, ResetCause,
        external_memory::ExternalMemory,
        flash::{Flash, options::CLOSED},
        gpio::Gpio,
        uart::Uart,
        xspi::Xspi,
    },
    map::{BOOTLOADER_BASE, FLASH_BASE, Map},
    nor::Nor,
    state::{State, StateError},
};
pub use builder::{BuildError, Builder, ProductState};
use chip::Chip;

/// Names of the memories in a state file.
const INTERNAL_FLASH: &str = "internal flash";
const NOR: &str = "NOR";
/// FLASH_NVSR, the product state.
const NVSR: u32 = 0x200;
/// XSPI_CR with EN and FMODE 3: memory-mapped.
const MEMORY_MAPPED: u32 = 0x3000_0001;

/// The two XSPI controllers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum XspiPort {
    /// The PSRAM's, as the board is delivered.
    Xspi1,
    /// The NOR's, as the board is delivered.
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
}

/// What was done to a flash memory since the board was made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Wear {
    /// Bytes programmed.
    pub programmed_bytes: u64,
    /// Sectors erased.
    pub erased_sectors: u64,
}

/// A virtual STM32H7S78-DK.
pub struct Board {
    chip: Chip,
    port: DebugPort,
    state_file: Option<PathBuf>,
    console: Vec<u8>,
}

impl Board {
    /// A board to be configured.
    pub fn builder() -> Builder {
        Builder::default()
    }

    fn assemble(builder: Builder, state: Option<State>) -> Result<Self, BuildError> {
        let mut map = Map::new(builder.strict);
        wiring::place(&mut map);
        let vector_base = if builder.boot_pin {
            BOOTLOADER_BASE
        } else {
            FLASH_BASE
        };
        let mut board = Self {
            chip: Chip::new(map, vector_base),
            port: DebugPort::default(),
            state_file: builder.state,
            console: Vec::new(),
        };
        if let Some(state) = state {
            board.restore(&state);
        }
        let options = board.flash_mut().options_mut();
        for (offset, value) in builder.option_words {
            options.set(offset, value);
        }
        if builder.product_state == ProductState::Closed {
            options.set(NVSR, CLOSED.into());
        }
        board.program_internal_flash(0, &builder.boot_image)?;
        board.program_nor(0, &builder.nor_image)?;
        board.power_cycle();
        Ok(board)
    }

    /// Virtual time since the board was made.
    pub fn now(&self) -> Time {
        self.chip.now()
    }

    /// Lets time pass.
    pub fn run_for(&mut self, span: Time) {
        let end = self.now() + span;
        self.chip.run_until(end);
    }

    /// One SWD read transfer.
    pub fn transfer_read(&mut self, register: Register) -> Result<u32, Acknowledge> {
        self.port.read(register, &mut self.chip)
    }

    /// One SWD write transfer.
    pub fn transfer_write(&mut self, register: Register, value: u32) -> Result<(), Acknowledge> {
        self.port.write(register, value, &mut self.chip)
    }

    /// A bare bit sequence on SWDIO, lowest bit first.
    pub fn sequence(&mut self, count: u8, bits: u64) {
        self.port.sequence(count, bits);
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
        for port in [XspiPort::Xspi1, XspiPort::Xspi2] {
            self.xspi_mut(port).memory_mut().power_cycle(now);
        }
        self.port = DebugPort::default();
        self.chip.reset(ResetCause::Power);
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
        } else {
            CoreState::Running
        }
    }

    /// Address of the next instruction.
    pub fn pc(&self) -> u32 {
        self.chip.core.pc()
    }

    /// Which of LD1 to LD4 are lit.
    pub fn leds(&self) -> [bool; 4] {
        wiring::LEDS.map(|(port, pin, lit)| {
            let gpio: &Gpio = self.device(Gpio::base(port));
            gpio.pin_output(pin) == Some(lit)
        })
    }

    /// Everything that UART4 has sent.
    pub fn uart_text(&mut self) -> String {
        let uart: &mut Uart = self.device_mut(wiring::UART4);
        let sent = uart.take_sent();
        self.console.extend_from_slice(&sent);
        String::from_utf8_lossy(&self.console).into_owned()
    }

    /// True while the controller is in memory-mapped mode.
    pub fn is_mapped(&mut self, port: XspiPort) -> bool {
        self.read_word(port.registers())
            .is_some_and(|control| control & MEMORY_MAPPED == MEMORY_MAPPED)
    }

    /// A word of the memory map as AP1 would read it, without the debug port and without time passing.
    pub fn read_word(&mut self, address: u32) -> Option<u32> {
        self.chip
            .map
            .read(address & !3, Width::Word, Master::Debug)
            .ok()
    }

    /// Contents of internal flash.
    pub fn internal_flash(&self) -> &[u8] {
        self.flash().contents()
    }

    /// What was done to internal flash.
    pub fn internal_flash_wear(&self) -> Wear {
        Wear {
            programmed_bytes: self.flash().programmed_bytes(),
            erased_sectors: self.flash().erased_sectors(),
        }
    }

    /// Puts bytes into internal flash behind everybody's back.
    pub fn program_internal_flash(
        &mut self,
        offset: usize,
        bytes: &[u8],
    ) -> Result<(), BuildError> {
        let contents = self.flash_mut().contents_mut();
        let capacity = contents.len();
        let target = offset
            .checked_add(bytes.len())
            .and_then(|end| contents.get_mut(offset..end))
            .ok_or(BuildError::ImageTooLarge {
                memory: INTERNAL_FLASH,
                image: bytes.len(),
                offset,
                capacity,
            })?;
        target.copy_from_slice(bytes);
        Ok(())
    }

    /// The NOR, wherever XSPIM connects it.
    pub fn nor(&self) -> &Nor {
        [XspiPort::Xspi2, XspiPort::Xspi1]
            .into_iter()
            .find_map(|port| self.xspi(port).memory().as_any().downcast_ref())
            .expect("the NOR is on one of the two ports")
    }

    fn nor_mut(&mut self) -> &mut dyn ExternalMemory {
        let port = if self.xspi(XspiPort::Xspi2).memory().as_any().is::<Nor>() {
            XspiPort::Xspi2
        } else {
            XspiPort::Xspi1
        };
        self.xspi_mut(port).memory_mut()
    }

    /// Bytes of the NOR's array.
    pub fn nor_contents(&self, offset: u32, bytes: &mut [u8]) {
        self.nor().contents().load(offset, bytes);
    }

    /// What was done to the NOR.
    pub fn nor_wear(&self) -> Wear {
        let counters = self.nor().counters();
        Wear {
            programmed_bytes: counters.programmed_bytes,
            erased_sectors: counters.erased_sectors,
        }
    }

    /// Puts bytes into the NOR behind everybody's back.
    pub fn program_nor(&mut self, offset: u32, bytes: &[u8]) -> Result<(), BuildError> {
        let memory = self.nor_mut();
        let capacity = memory.size() as usize;
        if offset as usize + bytes.len() > capacity {
            return Err(BuildError::ImageTooLarge {
                memory: NOR,
                image: bytes.len(),
                offset: offset as usize,
                capacity,
            });
        }
        memory.contents_mut().store(offset, bytes);
        Ok(())
    }

    /// Writes the state file, if there is one.
    pub fn save(&self) -> Result<(), StateError> {
        match &self.state_file {
            Some(path) => self.state().save(path),
            None => Ok(()),
        }
    }

    fn state(&self) -> State {
        let mut state = State {
            option_words: self.flash().options().all().collect(),
            ..State::default()
        };
        state.keep(INTERNAL_FLASH, 0, self.flash().contents());
        for (offset, bytes) in self.nor().contents().occupied() {
            state.keep(NOR, offset, bytes);
        }
        state
    }

    fn restore(&mut self, state: &State) {
        let flash = self.flash_mut();
        for (offset, word) in &state.option_words {
            flash.options_mut().set(*offset, *word);
        }
        for (offset, bytes) in state.blocks(INTERNAL_FLASH) {
            let start = offset as usize;
            if let Some(target) = flash.contents_mut().get_mut(start..start + bytes.len()) {
                target.copy_from_slice(bytes);
            }
        }
        for (offset, bytes) in state.blocks(NOR) {
            self.nor_mut().contents_mut().store(offset, bytes);
        }
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

    fn xspi(&self, port: XspiPort) -> &Xspi {
        self.device(port.registers())
    }

    fn xspi_mut(&mut self, port: XspiPort) -> &mut Xspi {
        self.device_mut(port.registers())
    }
}

impl Drop for Board {
    fn drop(&mut self) {
        if let Err(error) = self.save() {
            tracing::error!("the board's state is lost: {error}");
        }
    }
}

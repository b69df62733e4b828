//! Which device sits where: the chip's peripherals at their bases (RM0477).

use crate::{
    devices::{
        crc::Crc,
        dbgmcu::Dbgmcu,
        dma::{Dma, request::Request},
        exti::Exti,
        flash::Flash,
        gpio::Gpio,
        iwdg::Iwdg,
        mce::Mce,
        pwr::Pwr,
        ramecc::Ramecc,
        rcc::Rcc,
        rng::Rng,
        rtc::Rtc,
        sbs::Sbs,
        tamp::Tamp,
        timer::Timer,
        uart::Uart,
        wwdg::Wwdg,
        xspi::Xspi,
        xspim::Xspim,
    },
    map::{DBGMCU_BASE, FLASH_BASE, Map},
};

/// Interface of internal flash.
pub const FLASH: u32 = 0x5200_2000;
/// The two XSPI controllers.
pub const XSPI1: u32 = 0x5200_5000;
pub const XSPI2: u32 = 0x5200_A000;
/// Their windows.
pub const XSPI1_WINDOW: u32 = 0x9000_0000;
pub const XSPI2_WINDOW: u32 = 0x7000_0000;
/// System configuration.
pub const SBS: u32 = 0x5800_0400;
/// UARTs that a board may use for its console.
pub const UART4: u32 = 0x4000_4C00;
pub const USART3: u32 = 0x4000_4800;

const WINDOW_BYTES: u32 = 0x1000_0000;
const FLASH_BYTES: u32 = 0x1_0000;
const XSPIM: u32 = 0x5200_B400;
const MCE1: u32 = 0x5200_B800;
/// Every UART, by base and number.
const UARTS: [(u32, u8); 8] = [
    (0x4200_1000, 1),
    (0x4000_4400, 2),
    (USART3, 3),
    (UART4, 4),
    (0x4000_5000, 5),
    (0x4000_7800, 7),
    (0x4000_7C00, 8),
    (0x5800_0C00, Request::LPUART),
];
const CRC: u32 = 0x5802_4C00;
const RNG: u32 = 0x4802_0000;
const EXTI: u32 = 0x5800_0000;
const RTC: u32 = 0x5800_4000;
const TAMP: u32 = 0x5800_4400;
const GPDMA1: u32 = 0x4002_1000;
const HPDMA1: u32 = 0x5200_0000;
const RAMECC1: u32 = 0x5200_9000;
const RAMECC2: u32 = 0x5802_7000;
const WWDG: u32 = 0x4000_2C00;
/// The watchdog that the option bytes can start.
pub const IWDG: u32 = 0x5800_4800;
/// Power control.
pub const PWR: u32 = 0x5802_4800;
/// Reset and clock control.
pub const RCC: u32 = 0x5802_4400;
/// A DMA controller has 16 channels of 128 bytes.
const DMA_REGISTERS: u32 = 0x1000;
/// Peripherals are spaced by 1 KB at least.
const REGISTERS: u32 = 0x400;

/// Places every device.
pub fn place(map: &mut Map) {
    map.place_with_memory((FLASH, REGISTERS), (FLASH_BASE, FLASH_BYTES), Flash::new());
    map.place_with_memory(
        (XSPI2, REGISTERS),
        (XSPI2_WINDOW, WINDOW_BYTES),
        Xspi::xspi2(),
    );
    map.place_with_memory(
        (XSPI1, REGISTERS),
        (XSPI1_WINDOW, WINDOW_BYTES),
        Xspi::xspi1(),
    );
    for letter in "ABCDEFGHMNOP".chars() {
        map.place(Gpio::base(letter), REGISTERS, Gpio::new(letter));
    }
    for number in [1, 2, 3, 4, 5, 6, 7, 9, 12, 13, 14, 15, 16, 17] {
        map.place(Timer::base(number), REGISTERS, Timer::new(number));
    }
    for (base, number) in UARTS {
        map.place(base, REGISTERS, Uart::new(number));
    }
    map.place(XSPIM, REGISTERS, Xspim::new());
    for number in 1..=3u8 {
        let base = MCE1 + REGISTERS * (u32::from(number) - 1);
        map.place(base, REGISTERS, Mce::new(number));
    }
    map.guard(XSPI1_WINDOW, MCE1);
    map.guard(XSPI2_WINDOW, MCE1 + REGISTERS);
    map.place(RAMECC1, REGISTERS, Ramecc::new(1));
    map.place(RAMECC2, REGISTERS, Ramecc::new(2));
    map.place(SBS, REGISTERS, Sbs::new());
    map.place(IWDG, REGISTERS, Iwdg::new());
    map.place(WWDG, REGISTERS, Wwdg::new());
    map.place(DBGMCU_BASE, REGISTERS, Dbgmcu::new());
    map.place(CRC, REGISTERS, Crc::new());
    map.place(RNG, REGISTERS, Rng::new());
    map.place(EXTI, REGISTERS, Exti::new());
    map.place(RTC, REGISTERS, Rtc::new());
    map.place(TAMP, REGISTERS, Tamp::new());
    // After the peripherals whose requests they serve.
    map.place(GPDMA1, DMA_REGISTERS, Dma::gpdma1());
    map.place(HPDMA1, DMA_REGISTERS, Dma::hpdma1());
    map.place(PWR, REGISTERS, Pwr::new());
    // Last, so that the wires that it drives stay driven after a reset of all.
    map.place(RCC, REGISTERS, Rcc::new());
}

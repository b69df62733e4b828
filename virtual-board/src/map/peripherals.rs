//! Names and places of the peripherals of the STM32H7S7 (RM0477, memory map; CMSIS header stm32h7s7xx.h).
//!
//! An access to one that has no model is named by this table; an address outside it has nothing behind it.

/// Name, base, size in bytes, by ascending base.
const PERIPHERALS: [(&str, u32, u32); 106] = [
    ("TIM2", 0x4000_0000, 0x400),
    ("TIM3", 0x4000_0400, 0x400),
    ("TIM4", 0x4000_0800, 0x400),
    ("TIM5", 0x4000_0C00, 0x400),
    ("TIM6", 0x4000_1000, 0x400),
    ("TIM7", 0x4000_1400, 0x400),
    ("TIM12", 0x4000_1800, 0x400),
    ("TIM13", 0x4000_1C00, 0x400),
    ("TIM14", 0x4000_2000, 0x400),
    ("LPTIM1", 0x4000_2400, 0x400),
    ("WWDG", 0x4000_2C00, 0x400),
    ("SPI2", 0x4000_3800, 0x400),
    ("SPI3", 0x4000_3C00, 0x400),
    ("SPDIFRX", 0x4000_4000, 0x400),
    ("USART2", 0x4000_4400, 0x400),
    ("USART3", 0x4000_4800, 0x400),
    ("UART4", 0x4000_4C00, 0x400),
    ("UART5", 0x4000_5000, 0x400),
    ("I2C1", 0x4000_5400, 0x400),
    ("I2C2", 0x4000_5800, 0x400),
    ("I2C3", 0x4000_5C00, 0x400),
    ("CEC", 0x4000_6C00, 0x400),
    ("UART7", 0x4000_7800, 0x400),
    ("UART8", 0x4000_7C00, 0x400),
    ("CRS", 0x4000_8400, 0x400),
    ("MDIOS", 0x4000_9400, 0x400),
    ("FDCAN1", 0x4000_A000, 0x400),
    ("FDCAN2", 0x4000_A400, 0x400),
    ("SRAMCAN", 0x4000_AC00, 0x1000),
    ("UCPD1", 0x4000_EC00, 0x400),
    ("GPDMA1", 0x4002_1000, 0x1000),
    ("ADC1", 0x4002_2000, 0x400),
    ("ETH", 0x4002_8000, 0x2000),
    ("ADF1", 0x4002_F000, 0x1000),
    ("USB_OTG_HS", 0x4004_0000, 0x40000),
    ("USB_OTG_FS", 0x4008_0000, 0x40000),
    ("TIM1", 0x4200_0000, 0x400),
    ("USART1", 0x4200_1000, 0x400),
    ("SPI1", 0x4200_3000, 0x400),
    ("SPI4", 0x4200_3400, 0x400),
    ("TIM15", 0x4200_4000, 0x400),
    ("TIM16", 0x4200_4400, 0x400),
    ("TIM17", 0x4200_4800, 0x400),
    ("TIM9", 0x4200_4C00, 0x400),
    ("SPI5", 0x4200_5000, 0x400),
    ("SAI1", 0x4200_5800, 0x400),
    ("SAI2", 0x4200_5C00, 0x400),
    ("PSSI", 0x4800_0400, 0x400),
    ("SDMMC2", 0x4800_2400, 0x400),
    ("DLYB_SDMMC2", 0x4800_2800, 0x400),
    ("CORDIC", 0x4800_4400, 0x400),
    ("RNG", 0x4802_0000, 0x400),
    ("HASH", 0x4802_0400, 0x400),
    ("CRYP", 0x4802_0800, 0x400),
    ("SAES", 0x4802_1000, 0x400),
    ("PKA", 0x4802_2000, 0x2000),
    ("LTDC", 0x5000_1000, 0x1000),
    ("DCMIPP", 0x5000_2000, 0x1000),
    ("GFXTIM", 0x5000_4000, 0x400),
    ("HPDMA1", 0x5200_0000, 0x1000),
    ("DMA2D", 0x5200_1000, 0x1000),
    ("FLASH", 0x5200_2000, 0x1000),
    ("JPEG", 0x5200_3000, 0x1000),
    ("FMC", 0x5200_4000, 0x1000),
    ("XSPI1", 0x5200_5000, 0x1000),
    ("SDMMC1", 0x5200_7000, 0x1000),
    ("DLYB_SDMMC1", 0x5200_8000, 0x1000),
    ("RAMECC1", 0x5200_9000, 0x1000),
    ("XSPI2", 0x5200_A000, 0x1000),
    ("XSPIM", 0x5200_B400, 0x400),
    ("MCE1", 0x5200_B800, 0x400),
    ("MCE2", 0x5200_BC00, 0x400),
    ("MCE3", 0x5200_C000, 0x400),
    ("GFXMMU", 0x5201_0000, 0x4000),
    ("GPU2D", 0x5201_4000, 0x1000),
    ("ICACHE", 0x5201_5000, 0x1000),
    ("EXTI", 0x5800_0000, 0x400),
    ("SBS", 0x5800_0400, 0x400),
    ("LPUART1", 0x5800_0C00, 0x400),
    ("SPI6", 0x5800_1400, 0x400),
    ("LPTIM2", 0x5800_2400, 0x400),
    ("LPTIM3", 0x5800_2800, 0x400),
    ("LPTIM4", 0x5800_2C00, 0x400),
    ("LPTIM5", 0x5800_3000, 0x400),
    ("VREFBUF", 0x5800_3C00, 0x400),
    ("RTC", 0x5800_4000, 0x400),
    ("TAMP", 0x5800_4400, 0x400),
    ("IWDG", 0x5800_4800, 0x400),
    ("DTS", 0x5800_6800, 0x400),
    ("GPIOA", 0x5802_0000, 0x400),
    ("GPIOB", 0x5802_0400, 0x400),
    ("GPIOC", 0x5802_0800, 0x400),
    ("GPIOD", 0x5802_0C00, 0x400),
    ("GPIOE", 0x5802_1000, 0x400),
    ("GPIOF", 0x5802_1400, 0x400),
    ("GPIOG", 0x5802_1800, 0x400),
    ("GPIOH", 0x5802_1C00, 0x400),
    ("GPIOM", 0x5802_3000, 0x400),
    ("GPION", 0x5802_3400, 0x400),
    ("GPIOO", 0x5802_3800, 0x400),
    ("GPIOP", 0x5802_3C00, 0x400),
    ("RCC", 0x5802_4400, 0x400),
    ("PWR", 0x5802_4800, 0x400),
    ("CRC", 0x5802_4C00, 0x400),
    ("RAMECC2", 0x5802_7000, 0x400),
    ("DBGMCU", 0x5C00_1000, 0x1000),
];

/// The peripheral at `address`.
pub fn name(address: u32) -> Option<&'static str> {
    let after = PERIPHERALS.partition_point(|&(_, base, _)| base <= address);
    let &(name, base, size) = PERIPHERALS.get(after.checked_sub(1)?)?;
    (address - base < size).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn peripherals_ascend_and_do_not_overlap() {
        assert!(
            PERIPHERALS
                .windows(2)
                .all(|pair| pair[0].1 + pair[0].2 <= pair[1].1)
        );
        assert_eq!(name(0x5200_A0F0), Some("XSPI2"));
        assert_eq!(name(0x4FFF_FFFF), None);
        assert_eq!(name(0), None);
    }
}

//! What ST's Boot_XIP 1.3.0 writes to clocks, supplies, pins, XSPI2 and XSPI1 until it jumps, and what a board must answer.
//!
//! The register values and the answers of the memories were recorded from the boot stage itself. They are replayed here at
//! the devices, with the waits of ST's HAL between them.

use virtual_board::{
    bus::Width,
    clock::Time,
    devices::{
        Access, Device, Refusal, Reset, Wires, gpio::Gpio, psram::Psram, pwr::Pwr, rcc::Rcc,
        socket::Socket, xspi::Xspi, xspim::Xspim,
    },
    nor::{Mode, Nor, Part},
};

const CR: u32 = 0x000;
const DCR1: u32 = 0x008;
const DCR2: u32 = 0x00C;
const DCR3: u32 = 0x010;
const SR: u32 = 0x020;
const FCR: u32 = 0x024;
const DLR: u32 = 0x040;
const AR: u32 = 0x048;
const DR: u32 = 0x050;
const PSMKR: u32 = 0x080;
const PSMAR: u32 = 0x088;
const PIR: u32 = 0x090;
const CCR: u32 = 0x100;
const TCR: u32 = 0x108;
const IR: u32 = 0x110;
const WCCR: u32 = 0x180;
const WIR: u32 = 0x190;

const TCF: u32 = 2;
const FTF: u32 = 4;
const SMF: u32 = 8;
const BUSY: u32 = 0x20;
const FUNCTIONAL_MODE: u32 = 3 << 28;

/// SPI with data; without; octal DTR with single-rate data; all double-rate; PSRAM register.
const SPI_DATA: u32 = 0x0100_0001;
const SPI_ONLY: u32 = 0x0000_0001;
const SPI_SFDP: u32 = 0x0100_2101;
const OCTAL_ONLY: u32 = 0x0000_001C;
const OCTAL_8S: u32 = 0x2400_3C1C;
const OCTAL_WRITE: u32 = 0x0C00_3C1C;
const OCTAL_8D: u32 = 0x2C00_3C1C;
const PSRAM_READ: u32 = 0x2C00_3C04;
const PSRAM_WRITE: u32 = 0x0C00_3C04;

/// The part of the board that the boot stage sets up for its windows.
struct Board {
    rcc: Rcc,
    pwr: Pwr,
    ports: [Gpio; 3],
    xspim: Xspim,
    xspi: [Xspi; 2],
    wires: Wires,
}

/// Indices into [`Board::xspi`].
const PSRAM: usize = 0;
const NOR: usize = 1;

fn write(device: &mut dyn Device, wires: &mut Wires, offset: u32, value: u32) {
    device.write(offset, Width::Word, value, wires).unwrap();
}

impl Board {
    fn new(nor: Nor) -> Self {
        let mut board = Self {
            rcc: Rcc::new(),
            pwr: Pwr::new(),
            ports: ['N', 'O', 'P'].map(Gpio::new),
            xspim: Xspim::new(),
            xspi: [Xspi::xspi1(), Xspi::xspi2()],
            wires: Wires {
                sockets: [
                    Some(Socket::new(Box::new(Psram::new()))),
                    Some(Socket::new(Box::new(nor))),
                ],
                ..Wires::default()
            },
        };
        board.rcc.reset(Reset::Power, &mut board.wires);
        board
    }

    fn set(&mut self, which: usize, offset: u32, value: u32) {
        write(&mut self.xspi[which], &mut self.wires, offset, value);
    }

    fn get(&mut self, which: usize, offset: u32) -> u32 {
        let access = self.xspi[which].read(offset, Width::Word, &mut self.wires);
        access.unwrap()
    }

    /// Waits as the HAL does; `None` if nothing that the flag waits for can happen any more.
    fn wait(&mut self, which: usize, flags: u32, set: bool) -> Option<()> {
        while (self.get(which, SR) & flags != 0) != set {
            self.wires.now = self.xspi[which].next_event()?.max(self.wires.now + Time(1));
            self.xspi[which].tick(&mut self.wires);
        }
        Some(())
    }

    fn mode(&mut self, which: usize, mode: u32) {
        let cr = self.get(which, CR);
        self.set(which, CR, cr & !FUNCTIONAL_MODE | mode << 28);
    }

    /// HAL_XSPI_Command: CCR, TCR, DLR, IR, AR in this order.
    fn command(
        &mut self,
        which: usize,
        ccr: u32,
        dummies: u32,
        ir: u32,
        address: Option<u32>,
        length: u32,
    ) -> Option<()> {
        self.wait(which, BUSY, false)?;
        self.mode(which, 0);
        self.set(which, TCR, dummies);
        if length > 0 {
            self.set(which, DLR, length - 1);
        }
        self.set(which, CCR, ccr);
        self.set(which, IR, ir);
        if let Some(address) = address {
            self.set(which, AR, address);
        }
        if length == 0 {
            self.wait(which, TCF, true)?;
            self.set(which, FCR, TCF);
        }
        Some(())
    }

    fn trigger(&mut self, which: usize, address: Option<u32>) {
        match address {
            Some(address) => self.set(which, AR, address),
            None => {
                let ir = self.get(which, IR);
                self.set(which, IR, ir);
            }
        }
    }

    /// HAL_XSPI_Receive.
    fn receive(
        &mut self,
        which: usize,
        ccr: u32,
        dummies: u32,
        ir: u32,
        address: Option<u32>,
        length: u32,
    ) -> Option<Vec<u8>> {
        self.command(which, ccr, dummies, ir, address, length)?;
        self.mode(which, 1);
        self.trigger(which, address);
        let mut bytes = Vec::new();
        for _ in 0..length {
            self.wait(which, FTF | TCF, true)?;
            let byte = self.xspi[which].read(DR, Width::Byte, &mut self.wires);
            bytes.push(byte.unwrap() as u8);
        }
        self.wait(which, TCF, true)?;
        self.set(which, FCR, TCF);
        Some(bytes)
    }

    /// HAL_XSPI_Transmit.
    fn transmit(
        &mut self,
        which: usize,
        ccr: u32,
        ir: u32,
        address: Option<u32>,
        data: &[u8],
    ) -> Option<()> {
        self.command(which, ccr, 0, ir, address, data.len() as u32)?;
        self.mode(which, 0);
        for &byte in data {
            self.wait(which, FTF, true)?;
            let wires = &mut self.wires;
            self.xspi[which]
                .write(DR, Width::Byte, byte.into(), wires)
                .unwrap();
        }
        self.wait(which, TCF, true)?;
        self.set(which, FCR, TCF);
        Some(())
    }

    /// HAL_XSPI_AutoPolling of the status register.
    fn poll(
        &mut self,
        ccr: u32,
        dummies: u32,
        ir: u32,
        address: Option<u32>,
        mask: u32,
        value: u32,
    ) -> Option<()> {
        self.command(NOR, ccr, dummies, ir, address, 1)?;
        self.set(NOR, PSMAR, value);
        self.set(NOR, PSMKR, mask);
        self.set(NOR, PIR, 0x10);
        let cr = self.get(NOR, CR);
        self.set(NOR, CR, cr & !FUNCTIONAL_MODE | 2 << 28 | 1 << 22);
        self.trigger(NOR, address);
        self.wait(NOR, SMF, true)?;
        self.set(NOR, FCR, SMF);
        Some(())
    }

    fn clocks_supplies_and_pins(&mut self) {
        write(&mut self.pwr, &mut self.wires, 0x0C, 0x0001_C004);
        for (offset, value) in [
            (0x28, 0x0000_4200),
            (0x2C, 0x0008_C028),
            (0x30, 0x0101_012B),
            (0xC0, 0x0000_0001),
            (0x38, 0x0101_0218),
            (0xC4, 0x0000_0101),
            (0x00, 0x0500_01A5),
        ] {
            write(&mut self.rcc, &mut self.wires, offset, value);
        }
        while let Some(at) = self.rcc.next_event() {
            self.wires.now = at;
            self.rcc.tick(&mut self.wires);
        }
        for (offset, value) in [
            (0x20, 0x4444),
            (0x1C, 8),
            (0x10, 3),
            (0x140, 0xE000),
            (0x4C, 0x50),
            (0x134, 0x5020),
        ] {
            write(&mut self.rcc, &mut self.wires, offset, value);
        }
        let pins = [
            [0x0999_9999, 0x0000_9999, 0x00AA_2AAA],
            [0x0009_9909, 0, 0x0000_02A2],
            [0x9999_9999, 0x9999_9999, 0xAAAA_AAAA],
        ];
        for (port, [low, high, mode]) in self.ports.iter_mut().zip(pins) {
            for (offset, value) in [(0x20, low), (0x24, high), (0x00, mode)] {
                write(port, &mut self.wires, offset, value);
            }
        }
        write(&mut self.xspim, &mut self.wires, 0, 0x10);
    }

    fn controllers(&mut self) {
        for (which, dcr1, dcr3, cr) in [
            (NOR, 0x011F_0100, 0, 0x301),
            (PSRAM, 0x061F_0400, 0x000A_0000, 0x101),
        ] {
            self.set(which, DCR1, dcr1);
            self.set(which, DCR3, dcr3);
            self.set(which, CR, cr);
        }
        self.set(NOR, DCR2, 3);
    }

    fn sfdp(&mut self, address: u32, length: u32) -> Vec<u8> {
        let bytes = self.receive(NOR, SPI_SFDP, 8, 0x5A, Some(address), length);
        bytes.expect("SFDP in SPI mode")
    }

    /// From SPI to octal DTR, with what the chip answers on the way.
    fn enter_octal_dtr(&mut self) -> Option<()> {
        for opcode in [0x66, 0x99] {
            self.command(NOR, SPI_ONLY, 0, opcode, None, 0)?;
        }
        // The HAL's reset time.
        self.wires.now += Time::millis(1);
        assert_eq!(
            self.receive(NOR, SPI_DATA, 0, 0x9F, None, 4)?,
            [0xC2, 0x81, 0x3B, 0xC2]
        );
        self.set(NOR, DCR1, 0x011A_0100);
        self.command(NOR, SPI_ONLY, 0, 0x06, None, 0)?;
        self.poll(SPI_DATA, 0, 0x05, None, 1, 0)?;
        self.transmit(NOR, SPI_DATA, 0x01, None, &[0x00, 0x02])?;
        self.poll(SPI_DATA, 0, 0x05, None, 1, 0)?;
        self.command(NOR, SPI_ONLY, 0, 0x06, None, 0)?;
        self.poll(SPI_DATA, 0, 0x05, None, 1, 0)?;
        self.transmit(NOR, SPI_DATA, 0x72, None, &[0, 0, 0, 0, 2])?;
        self.poll(OCTAL_8S, 20, 0x05FA, Some(0), 1, 0)?;
        self.set(NOR, DCR2, 0);
        let dummies = self.receive(NOR, OCTAL_8S, 20, 0x718E, Some(0x300), 2)?;
        assert_eq!(dummies, [0, 0]);
        self.command(NOR, OCTAL_ONLY, 0, 0x06F9, None, 0)?;
        self.poll(OCTAL_8S, 20, 0x05FA, Some(0), 2, 2)?;
        self.transmit(NOR, OCTAL_WRITE, 0x728D, Some(0x300), &[0, 0])?;
        self.poll(OCTAL_8S, 20, 0x05FA, Some(0), 1, 0)?;
        let signature = self.receive(NOR, OCTAL_8D, 20, 0x5AA5, Some(0), 8)?;
        assert_eq!(signature, [0x53, 0x46, 0x44, 0x50, 0x08, 0x01, 0x04, 0xFD]);
        Some(())
    }

    fn set_up_psram(&mut self) {
        self.set(PSRAM, DCR1, 0x0618_0400);
        for (register, value) in [(8, 0x46), (4, 0x20), (0, 0x31)] {
            let read = self.receive(PSRAM, PSRAM_READ, 6, 0x40, Some(register), 2);
            assert!(read.is_some());
            let written = self.transmit(PSRAM, PSRAM_WRITE, 0xC0, Some(register), &[value, 0]);
            assert_eq!(written, Some(()));
        }
    }

    fn map(&mut self) {
        // A chip that hung in the middle of a poll keeps the controller busy, and its settings as they were.
        for (which, ccr, tcr, ir, wir, cr) in [
            (NOR, OCTAL_8D, 0x14, 0xEE11, 0x02FD, 0x3040_0301),
            (PSRAM, 0x2D00_3C04, 0x0D, 0x20, 0xA0, 0x3000_0101),
        ] {
            self.mode(which, 0);
            for (offset, value) in [(CCR, ccr), (TCR, tcr), (IR, ir), (WCCR, ccr), (WIR, wir)] {
                self.set(which, offset, value);
            }
            self.set(which, CR, cr);
        }
    }

    fn window(&mut self, which: usize, offset: u32) -> Access<u32> {
        self.xspi[which].read_memory(offset, Width::Word, &mut self.wires)
    }
}

fn nor_with_vectors() -> Nor {
    use virtual_board::devices::external_memory::ExternalMemory;
    let mut nor = Nor::new(Part::built_in("MX66UW1G45G").expect("known"));
    let vectors = [0x2001_0000u32, 0x7000_03E7].map(u32::to_le_bytes).concat();
    nor.contents_mut().store(0, &vectors);
    nor
}

#[test]
fn the_boot_stage_opens_both_windows() {
    let mut board = Board::new(nor_with_vectors());
    assert_eq!(board.window(NOR, 0), Err(Refusal::Error), "closed at reset");
    board.clocks_supplies_and_pins();
    assert_eq!(board.wires.core_hz, 600_000_000);
    assert_eq!(board.wires.xspi_hz, [200_000_000; 2]);
    let lines = board.wires.xspim_pins.map(|pins| (pins.clock, pins.data));
    assert_eq!(lines, [(true, 0xFFFF), (true, 0x00FF)]);
    board.controllers();
    assert_eq!(
        board.sfdp(0, 8),
        [0x53, 0x46, 0x44, 0x50, 0x08, 0x01, 0x04, 0xFD]
    );
    assert_eq!(
        board.sfdp(8, 8),
        [0x00, 0x07, 0x01, 0x14, 0x40, 0x00, 0x00, 0xFF]
    );
    assert_eq!(
        board.sfdp(0x40, 80)[..8],
        [0xE5, 0x20, 0x8A, 0xFF, 0xFF, 0xFF, 0xFF, 0x3F]
    );
    assert_eq!(
        board.sfdp(0x134, 8),
        [0x43, 0x06, 0x0F, 0x00, 0x21, 0xDC, 0xFF, 0xFF]
    );
    assert_eq!(board.enter_octal_dtr(), Some(()));
    board.set_up_psram();
    board.map();
    assert_eq!(board.get(NOR, CR), 0x3040_0301);
    assert_eq!(board.window(NOR, 0), Ok(0x2001_0000));
    assert_eq!(board.window(NOR, 4), Ok(0x7000_03E7));
    assert_eq!(board.window(NOR, 0x07FF_FFFC), Ok(u32::MAX));
    let stored = board.xspi[PSRAM].write_memory(0x1000, Width::Word, 0xCAFE_F00D, &mut board.wires);
    assert_eq!(stored, Ok(()));
    assert_eq!(board.window(PSRAM, 0x1000), Ok(0xCAFE_F00D));
}

#[test]
fn after_a_system_reset_the_nor_is_still_in_octal_dtr() {
    let mut board = Board::new(nor_with_vectors());
    board.clocks_supplies_and_pins();
    board.controllers();
    board.enter_octal_dtr();
    board.wires.reset_cause = virtual_board::devices::ResetCause::Software;
    for which in [PSRAM, NOR] {
        board.xspi[which].reset(Reset::System, &mut board.wires);
    }
    let socket = board.wires.sockets[NOR].as_ref();
    let nor = socket.and_then(|socket| socket.chip());
    assert_eq!(nor.map(Nor::mode), Some(Mode::Dopi));
    board.controllers();
    // On one line it hears nothing: the line stays where the last status byte left it.
    assert_eq!(board.sfdp(0, 4), [0x00; 4]);
}

#[test]
fn with_the_nor_in_another_protocol_the_mapped_window_stalls() {
    let mut nor = nor_with_vectors();
    nor.set_mode(Mode::Sopi);
    let mut board = Board::new(nor);
    board.clocks_supplies_and_pins();
    board.controllers();
    assert_eq!(board.sfdp(0, 4), [0xFF; 4]);
    board.set(NOR, DCR1, 0x011A_0100);
    board.set(NOR, DCR2, 0);
    // The boot stage goes on all the same and maps the window.
    board.map();
    assert_eq!(board.get(NOR, CR) & 0x3000_0001, 0x3000_0001);
    assert_eq!(board.window(NOR, 0), Err(Refusal::Stall));
}

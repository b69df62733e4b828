use super::{
    registers::{AR, CR_APMS, DCR1, DLR, LPTR, PIR, PSMAR, PSMKR},
    *,
};
use crate::{
    devices::{
        gate::AHB5ENR,
        psram::Psram,
        socket::{PortPins, Socket},
    },
    nor::{Mode, Nor, Part},
};

mod pairs;

const CCR: u32 = 0x100;
const TCR: u32 = 0x108;
const IR: u32 = 0x110;
const WCCR: u32 = 0x180;
const WIR: u32 = 0x190;

const MAPPED: u32 = 3 << 28 | CR_EN;
const READ: u32 = 1 << 28 | CR_EN;
const POLL: u32 = 2 << 28 | CR_EN;

/// CCR of 8D-8D-8D with 16-bit instruction, 32-bit address and DQS.
const OCTAL_DTR: u32 = 0x2C00_3C1C;

/// XSPI2 with its NOR, clocked, powered and connected.
struct Bench {
    xspi: Xspi,
    wires: Wires,
}

fn nor() -> Nor {
    Nor::new(Part::built_in("MX66UW1G45G").expect("known"))
}

impl Bench {
    fn new(nor: Nor) -> Self {
        let mut wires = Wires {
            xspi_hz: [200_000_000; 2],
            xspim_supply: [true; 2],
            xspim_pins: [PortPins::ALL; 2],
            sockets: [None, Some(Socket::new(Box::new(nor)))],
            ..Default::default()
        };
        wires.gates.insert(AHB5ENR, u32::MAX);
        let mut bench = Self {
            xspi: Xspi::xspi2(),
            wires,
        };
        // Macronix, 128 MiB.
        bench.set(DCR1, 0x011A_0100);
        bench
    }

    fn dopi() -> Self {
        let mut nor = nor();
        nor.set_mode(Mode::Dopi);
        nor.contents_mut().store(0, &[0x11, 0x22, 0x33, 0x44]);
        let mut bench = Self::new(nor);
        bench.set(CR, CR_EN);
        bench.set(CCR, OCTAL_DTR);
        bench.set(TCR, 20);
        bench.set(IR, 0xEE11);
        bench
    }

    fn set(&mut self, offset: u32, value: u32) {
        self.xspi
            .write(offset, Width::Word, value, &mut self.wires)
            .unwrap();
    }

    fn get(&mut self, offset: u32) -> u32 {
        self.xspi
            .read(offset, Width::Word, &mut self.wires)
            .unwrap()
    }

    fn window(&mut self, offset: u32) -> Access<u32> {
        self.xspi.read_memory(offset, Width::Word, &mut self.wires)
    }

    /// Lets time pass until `flags` are up; false if nothing more happens.
    fn wait(&mut self, flags: u32) -> bool {
        while self.get(SR) & flags == 0 {
            let Some(at) = self.xspi.next_event() else {
                return false;
            };
            self.wires.now = at.max(self.wires.now);
            self.xspi.tick(&mut self.wires);
        }
        true
    }

    /// WREN on one line.
    fn enable_writes(&mut self) {
        self.set(CR, CR_EN);
        self.set(CCR, 1);
        self.set(IR, 0x06);
        assert!(self.wait(TCF));
        self.set(FCR, TCF);
    }

    fn memory(&mut self, port: usize) -> &mut dyn ExternalMemory {
        self.wires.generation += 1;
        &mut *self.wires.sockets[port].as_mut().unwrap().memory
    }

    fn nor(&mut self) -> &mut Nor {
        self.wires.generation += 1;
        self.wires.sockets[1].as_mut().unwrap().chip_mut().unwrap()
    }
}

#[test]
fn an_indirect_read_takes_its_time_on_the_pins() {
    let mut bench = Bench::new(nor());
    bench.set(CR, READ);
    bench.set(CCR, 0x0100_0001);
    bench.set(DLR, 2);
    bench.set(IR, 0x9F);
    assert_eq!(bench.get(SR), BUSY, "nothing has arrived yet");
    bench.wires.now = Time::nanos(5 * 16);
    assert_eq!(
        bench.get(SR),
        BUSY | FTF | 1 << 8,
        "two times eight cycles of 5 ns"
    );
    assert!(bench.wait(TCF));
    assert_eq!(
        bench.get(SR),
        TCF | FTF | BUSY | 3 << 8,
        "busy while the FIFO holds data"
    );
    let id: Vec<u8> = (0..3)
        .map(|_| bench.xspi.read(DR, Width::Byte, &mut bench.wires).unwrap() as u8)
        .collect();
    assert_eq!(id, [0xC2, 0x81, 0x3B]);
    assert_eq!(bench.get(SR), TCF);
    bench.set(FCR, TCF);
    assert_eq!(bench.get(SR), 0);
}

#[test]
fn the_fifo_stops_the_clock_when_it_is_full() {
    let mut bench = Bench::new(nor());
    bench.nor().contents_mut().set(99, 0x5A);
    bench.set(CR, READ);
    bench.set(CCR, 0x0100_3101);
    bench.set(DLR, 99);
    bench.set(IR, 0x13);
    bench.set(AR, 0);
    bench.wires.now = Time::millis(1);
    assert_eq!(bench.get(SR) >> 8, 64);
    assert_eq!(bench.get(SR) & TCF, 0);
    let mut last = 0;
    for _ in 0..25 {
        last = bench.get(DR);
    }
    assert_eq!(
        last, 0x5AFF_FFFF,
        "loads wait for bytes that are on their way"
    );
    assert_eq!(bench.get(SR), TCF);
}

#[test]
fn a_write_starts_at_its_first_data() {
    let mut bench = Bench::new(nor());
    bench.enable_writes();
    bench.set(CCR, 0x0100_3101);
    bench.set(DLR, 3);
    bench.set(IR, 0x12);
    bench.set(AR, 0x200);
    assert_eq!(bench.get(SR), FTF, "address and instruction are not enough");
    bench.set(DR, 0x4433_2211);
    assert!(bench.wait(TCF));
    assert_eq!(bench.nor().mapped_read(0x200, Width::Word), 0x4433_2211);
}

#[test]
fn polling_waits_for_the_chip_in_virtual_time() {
    let mut bench = Bench::new(nor());
    bench.enable_writes();
    bench.set(CCR, 0x0000_3101);
    bench.set(IR, 0xDC);
    bench.set(AR, 0x1_0000);
    assert!(bench.wait(TCF));
    bench.set(FCR, TCF);
    bench.set(CCR, 0x0100_0001);
    bench.set(PSMKR, 1);
    bench.set(PSMAR, 0);
    bench.set(PIR, 0x10);
    bench.set(CR, POLL | CR_APMS);
    bench.set(IR, 0x05);
    assert_eq!(bench.get(SR), BUSY);
    let mut events = 0;
    while bench.get(SR) & SMF == 0 {
        bench.wires.now = bench.xspi.next_event().unwrap();
        events += 1;
    }
    assert!(events < 5, "256 ms take {events} steps");
    assert!(bench.wires.now > Time::millis(256) && bench.wires.now < Time::millis(257));
    assert_eq!(bench.get(SR), SMF, "APMS stops it");
}

#[test]
fn the_window_serves_and_busy_sticks() {
    let mut bench = Bench::dopi();
    bench.set(CR, MAPPED);
    assert_eq!(bench.get(SR), 0);
    assert_eq!(bench.window(0), Ok(0x4433_2211));
    assert_eq!(bench.get(SR), BUSY);
    assert_eq!(bench.window(2), Ok(0xFFFF_4433));
    bench.set(CCR, 0);
    assert_eq!(bench.get(CCR), OCTAL_DTR, "registers hold still while busy");
    bench.set(CR, 0x10 << 8 | CR_EN);
    assert_eq!(bench.get(CR) >> 28, 3, "so does FMODE");
    bench.set(CR, MAPPED | CR_ABORT);
    assert_eq!(bench.get(SR), TCF);
    bench.set(CR, CR_EN);
    assert_eq!(bench.window(0), Err(Refusal::Error));
}

#[test]
fn each_missing_condition_closes_the_window() {
    type Spoil = fn(&mut Bench);
    let causes: [(&str, Spoil); 7] = [
        ("peripheral clock", |b| {
            b.wires.gates.insert(AHB5ENR, 0);
        }),
        ("kernel clock", |b| b.wires.xspi_hz[1] = 0),
        ("supply", |b| b.wires.xspim_supply[1] = false),
        ("pins", |b| b.wires.xspim_pins[1] = PortPins::default()),
        ("enable", |b| b.set(CR, 3 << 28)),
        ("reset", |b| {
            b.wires.reset_pulses.insert((0x7C, 12), 1);
        }),
        ("port", |b| {
            b.wires.xspim_cr = 2;
            b.wires.xspim_pins[0] = PortPins::default();
        }),
    ];
    for (cause, spoil) in causes {
        let mut bench = Bench::dopi();
        bench.set(CR, MAPPED);
        assert!(bench.window(0).is_ok());
        spoil(&mut bench);
        bench.wires.generation += 1;
        assert_eq!(bench.window(0), Err(Refusal::Error), "{cause}");
    }
}

#[test]
fn a_chip_in_another_protocol_stalls_the_window() {
    for mode in [Mode::Spi, Mode::Sopi] {
        let mut bench = Bench::dopi();
        bench.set(CR, MAPPED);
        bench.nor().set_mode(mode);
        assert_eq!(bench.window(0), Err(Refusal::Stall), "{mode:?}");
    }
}

#[test]
fn wrong_dummies_or_byte_order_read_garbage() {
    let mut bench = Bench::dopi();
    bench.set(TCR, 19);
    bench.set(CR, MAPPED);
    assert_eq!(bench.window(0), Ok(0x2211_FFFF));
    let mut bench = Bench::dopi();
    bench.set(DCR1, 0x001A_0100);
    bench.set(CR, MAPPED);
    assert_eq!(
        bench.window(0),
        Ok(0x3344_1122),
        "Micron byte order on a Macronix part"
    );
}

#[test]
fn beyond_the_device_size_is_an_error() {
    let mut bench = Bench::dopi();
    bench.set(DCR1, 0x0117_0100);
    bench.set(CR, MAPPED);
    assert!(bench.window(0x00FF_FFFC).is_ok());
    assert_eq!(bench.window(0x0100_0000), Err(Refusal::Error));
    assert_eq!(bench.get(SR) & TEF, TEF);
}

#[test]
fn a_read_without_strobe_hangs_until_abort() {
    let mut bench = Bench::new(nor());
    bench.set(CR, READ);
    bench.set(CCR, OCTAL_DTR);
    bench.set(TCR, 20);
    bench.set(DLR, 1);
    bench.set(IR, 0x05FA);
    bench.set(AR, 0);
    assert!(!bench.wait(TCF));
    assert_eq!(bench.get(SR), BUSY);
    bench.set(CR, READ | CR_ABORT);
    assert_eq!(bench.get(SR), TCF);
}

#[test]
fn a_timeout_releases_the_chip() {
    let mut bench = Bench::dopi();
    bench.set(LPTR, 200);
    bench.set(CR, MAPPED | CR_TCEN);
    assert!(bench.window(0).is_ok());
    bench.wires.now = Time::nanos(500);
    assert!(bench.window(0).is_ok());
    bench.wires.now = Time::nanos(1400);
    assert_eq!(bench.get(SR), BUSY);
    // 200 cycles of 200 MHz after the second access.
    assert_eq!(bench.xspi.next_event(), Some(Time::nanos(1500)));
    bench.wires.now = Time::nanos(1600);
    assert_eq!(bench.get(SR), TOF);
    assert_eq!(bench.xspi.next_event(), None);
}

#[test]
fn completion_interrupts() {
    let mut bench = Bench::new(nor());
    bench.set(CR, CR_EN | 1 << 17);
    bench.set(CCR, 1);
    bench.set(IR, 0x06);
    assert!(bench.wait(TCF));
    assert_eq!(bench.wires.irq[1] >> (106 - 64) & 1, 1);
    bench.set(FCR, TCF);
    assert_eq!(bench.wires.irq, [0; 4]);
}

#[test]
fn a_mapped_store_does_not_reach_the_nors_array() {
    let mut bench = Bench::dopi();
    bench.set(WCCR, OCTAL_DTR);
    bench.set(WIR, 0x12ED);
    bench.set(CR, MAPPED);
    let wires = &mut bench.wires;
    assert_eq!(bench.xspi.write_memory(0, Width::Word, 0, wires), Ok(()));
    assert_eq!(bench.window(0), Ok(0x4433_2211), "no write enable");
}

#[test]
fn the_psram_is_memory_on_sixteen_lines() {
    let Bench { mut wires, .. } = Bench::new(nor());
    wires.sockets[0] = Some(Socket::new(Box::new(Psram::new())));
    let mut bench = Bench {
        xspi: Xspi::xspi1(),
        wires,
    };
    bench.set(DCR1, 0x0618_0400);
    bench.set(CR, CR_EN);
    // MR8: sixteen lines.
    bench.set(CCR, 0x0C00_3C04);
    bench.set(DLR, 1);
    bench.set(IR, 0xC0);
    bench.set(AR, 8);
    for byte in [0x46, 0x00] {
        bench
            .xspi
            .write(DR, Width::Byte, byte, &mut bench.wires)
            .unwrap();
    }
    assert!(bench.wait(TCF));
    bench.set(CCR, 0x2D00_3C04);
    bench.set(TCR, 13);
    bench.set(IR, 0x20);
    bench.set(WCCR, 0x2D00_3C04);
    bench.set(WIR, 0xA0);
    bench.set(CR, MAPPED);
    let wires = &mut bench.wires;
    bench
        .xspi
        .write_memory(0x10, Width::Half, 0x1234, wires)
        .unwrap();
    assert_eq!(bench.window(0x10), Ok(0xA5A5_1234));
    bench.xspi.reset(Reset::System, &mut bench.wires);
    assert_eq!(
        bench.memory(0).mapped_read(0x10, Width::Half),
        0x1234,
        "kept over a system reset"
    );
}

#[test]
fn a_system_reset_leaves_the_nor_in_its_mode() {
    let mut bench = Bench::dopi();
    bench.xspi.reset(Reset::System, &mut bench.wires);
    assert_eq!(bench.nor().mode(), Mode::Dopi);
    bench.xspi.reset(Reset::Power, &mut bench.wires);
    assert_eq!(bench.nor().mode(), Mode::Spi);
}

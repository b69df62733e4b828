//! Pairs: a set-up that works, and the same with one thing forgotten, which fails as on the chip.

use super::*;

/// XSPI_CCR of EBh on a quad part: opcode on one line, 24-bit address, mode byte and data on four.
const QUAD_READ: u32 = 3 << 24 | 3 << 16 | 2 << 12 | 3 << 8 | 1;
const ABR: u32 = 0x120;
const ONE_LINE: u32 = 1;
const WITH_DATA: u32 = 1 << 24 | 1;
/// XSPIM_CR.
const MULTIPLEXED: u32 = 1 << 0;
const MODE: u32 = 1 << 1;
const OVERRIDE_TO_NCS1: u32 = 1 << 4;
const OVERRIDE_TO_NCS2: u32 = 1 << 4 | 1 << 6;

/// XSPI1 as `bench` has XSPI2 set up, with the same wires.
fn as_xspi1(bench: Bench) -> Bench {
    let mut other = Bench {
        xspi: Xspi::xspi1(),
        wires: bench.wires,
    };
    other.set(DCR1, 0x011A_0100);
    other.set(CR, CR_EN);
    other.set(CCR, OCTAL_DTR);
    other.set(TCR, 20);
    other.set(IR, 0xEE11);
    other.set(CR, MAPPED);
    other
}

#[test]
fn swapped_ports_give_xspi1_the_nor_and_want_the_supply_of_port_2() {
    let mut bench = as_xspi1(Bench::dopi());
    assert_eq!(bench.window(0), Err(Refusal::Stall), "nothing is on port 1");
    bench.wires.xspim_cr = MODE;
    bench.wires.generation += 1;
    assert_eq!(bench.window(0), Ok(0x4433_2211));
    bench.wires.xspim_supply = [true, false];
    bench.wires.generation += 1;
    assert_eq!(
        bench.window(0),
        Err(Refusal::Error),
        "supplied as if direct"
    );
    bench.wires.xspim_supply = [false, true];
    bench.wires.generation += 1;
    assert_eq!(bench.window(0), Ok(0x4433_2211));
}

#[test]
fn multiplexed_controllers_share_the_port_that_mode_names() {
    let mut bench = as_xspi1(Bench::dopi());
    bench.wires.xspim_cr = MULTIPLEXED | MODE;
    bench.wires.generation += 1;
    assert_eq!(bench.window(0), Ok(0x4433_2211), "port 2 for XSPI1");
    assert_eq!(
        [0, 1].map(|controller| bench.wires.xspim_port(controller)),
        [1, 1]
    );
    bench.wires.xspim_cr = MULTIPLEXED;
    bench.wires.generation += 1;
    assert_eq!(bench.window(0), Err(Refusal::Stall), "port 1 for both");
}

#[test]
fn the_chip_select_is_the_one_that_the_chip_is_on() {
    let mut bench = Bench::dopi();
    bench.set(CR, MAPPED | CR_CSSEL);
    assert_eq!(bench.window(0), Err(Refusal::Stall), "NCS2");
    bench.wires.xspim_cr = OVERRIDE_TO_NCS1;
    bench.wires.generation += 1;
    assert_eq!(bench.window(0), Ok(0x4433_2211), "XSPIM overrides CSSEL");
    bench.wires.xspim_cr = OVERRIDE_TO_NCS2;
    bench.wires.generation += 1;
    assert_eq!(bench.window(0), Err(Refusal::Stall));
}

#[test]
fn a_pin_that_was_forgotten_stalls_the_window() {
    type Forget = fn(&mut PortPins);
    let pins: [(&str, Forget); 2] = [
        ("DQS", |pins| pins.strobes = [false; 2]),
        ("IO5", |pins| pins.data &= !(1 << 5)),
    ];
    for (name, forget) in pins {
        let mut bench = Bench::dopi();
        bench.set(CR, MAPPED);
        assert_eq!(bench.window(0), Ok(0x4433_2211));
        forget(&mut bench.wires.xspim_pins[1]);
        bench.wires.generation += 1;
        assert_eq!(bench.window(0), Err(Refusal::Stall), "{name}");
    }
}

#[test]
fn a_device_size_that_is_too_small_ends_the_window_early() {
    let mut bench = Bench::dopi();
    bench.set(CR, MAPPED);
    assert!(bench.window(0x0100_0000).is_ok());
    let mut bench = Bench::dopi();
    bench.set(DCR1, 0x0117_0100);
    bench.set(CR, MAPPED);
    assert_eq!(bench.window(0x0100_0000), Err(Refusal::Error));
}

#[test]
fn busy_stays_in_memory_mapped_mode_until_an_abort() {
    let mut bench = Bench::dopi();
    bench.set(CR, MAPPED);
    assert!(bench.window(0).is_ok());
    bench.wires.now = Time::millis(1_000);
    assert_eq!(
        bench.get(SR) & BUSY,
        BUSY,
        "whoever waits for 0 waits for ever"
    );
    bench.set(CR, MAPPED | CR_ABORT);
    assert_eq!(bench.get(SR) & BUSY, 0);
}

fn quad() -> Bench {
    let mut nor = Nor::new(Part::built_in("W25Q128JV-IM").expect("known"));
    nor.contents_mut().store(0, &[0x11, 0x22, 0x33, 0x44]);
    let mut bench = Bench::new(nor);
    bench.set(DCR1, 0x0017_0100);
    bench.set(CR, CR_EN);
    bench
}

fn send(bench: &mut Bench, opcode: u32, data: Option<u8>) {
    bench.set(CCR, data.map_or(ONE_LINE, |_| WITH_DATA));
    bench.set(DLR, 0);
    bench.set(IR, opcode);
    if let Some(byte) = data {
        let wires = &mut bench.wires;
        bench
            .xspi
            .write(DR, Width::Byte, byte.into(), wires)
            .unwrap();
    }
    assert!(bench.wait(TCF));
    bench.set(FCR, TCF);
    // A status register takes its time.
    bench.wires.now += Time::millis(20);
}

fn map_quad(bench: &mut Bench) {
    bench.set(CCR, QUAD_READ);
    bench.set(TCR, 4);
    bench.set(ABR, 0xFF);
    bench.set(IR, 0xEB);
    bench.set(CR, MAPPED);
}

#[test]
fn four_lines_carry_data_only_with_quad_enable() {
    let mut careless = quad();
    map_quad(&mut careless);
    assert_eq!(careless.window(0), Ok(u32::MAX), "IO2 and IO3 are not data");
    let mut bench = quad();
    send(&mut bench, 0x06, None);
    send(&mut bench, 0x31, Some(0x02));
    map_quad(&mut bench);
    assert_eq!(bench.window(0), Ok(0x4433_2211));
}

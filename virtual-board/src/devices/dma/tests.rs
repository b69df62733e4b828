//! Both controllers on the board's map, as drivers use them.

use super::*;
use crate::{
    bus::{Bus, Master},
    devices::gate::{AHB1ENR, AHB5ENR},
    map::Map,
};

const HPDMA1: u32 = 0x5200_0000;
const GPDMA1: u32 = 0x4002_1000;
const SOURCE: u32 = 0x2400_0000;
const DESTINATION: u32 = 0x2400_1000;

/// Registers of a channel, from its first.
const CSR: u32 = 0x10;
const CFCR: u32 = 0x0C;
const CCR: u32 = 0x14;
const CTR1: u32 = 0x40;
const CTR2: u32 = 0x44;
const CBR1: u32 = 0x48;
const CSAR: u32 = 0x4C;
const CDAR: u32 = 0x50;
const CTR3: u32 = 0x54;
const CBR2: u32 = 0x58;
const CLLR: u32 = 0x7C;

const EN: u32 = 1;
const TCIE: u32 = 1 << 8;
const SWREQ: u32 = 1 << 9;
const TCF: u32 = 1 << 8;
const DTEF: u32 = 1 << 10;
const USEF: u32 = 1 << 12;
/// Words, both addresses move on.
const WORDS: u32 = 2 | 1 << 3 | 2 << 16 | 1 << 19;

fn map() -> Map {
    let mut map = Map::new(true);
    map.place(GPDMA1, 0x1000, Dma::gpdma1());
    map.place(HPDMA1, 0x1000, Dma::hpdma1());
    map.wires.gates.insert(AHB5ENR, 1);
    map.wires.gates.insert(AHB1ENR, 1 << 4);
    map.wires.hclk_hz = 100_000_000;
    for index in 0..64 {
        put(&mut map, SOURCE + 4 * index, 0x1111 * index);
        put(&mut map, DESTINATION + 4 * index, 0);
    }
    map
}

fn put(map: &mut Map, address: u32, value: u32) {
    map.write(address, Width::Word, value, Master::Data)
        .unwrap();
}

fn get(map: &mut Map, address: u32) -> u32 {
    map.read(address, Width::Word, Master::Data).unwrap()
}

fn channel(controller: u32, index: u32) -> u32 {
    controller + 0x50 + 0x80 * index
}

/// Lets time pass until nothing happens any more, or for long.
fn run(map: &mut Map) -> Time {
    map.tick();
    for _ in 0..10_000 {
        let Some(event) = map.next_event() else { break };
        map.synchronise(event, 0);
        map.tick();
    }
    map.wires.now
}

fn set_up(map: &mut Map, base: u32, bytes: u32) {
    put(map, base + CTR1, WORDS);
    put(map, base + CTR2, SWREQ);
    put(map, base + CBR1, bytes);
    put(map, base + CSAR, SOURCE);
    put(map, base + CDAR, DESTINATION);
}

#[test]
fn a_block_is_copied_in_time_and_interrupts() {
    let mut map = map();
    let base = channel(HPDMA1, 1);
    set_up(&mut map, base, 256);
    put(&mut map, base + CCR, EN | TCIE);
    assert_eq!(get(&mut map, base + CSR) & 1, 0, "not idle");
    let end = run(&mut map);
    for index in 0..64 {
        assert_eq!(get(&mut map, DESTINATION + 4 * index), 0x1111 * index);
    }
    // 64 words in and out, 10 ns each; the last sixteen accesses are made at once.
    assert_eq!(end, Time::nanos(1280 - 160));
    assert_eq!(get(&mut map, base + CSR) & (1 | TCF), 1 | TCF);
    assert_eq!(map.wires.irq[1] >> 1 & 1, 1, "interrupt 65");
    assert_eq!(get(&mut map, HPDMA1 + MISR), 2);
    put(&mut map, base + CFCR, TCF);
    assert_eq!(map.wires.irq[1], 0);
    assert_eq!(get(&mut map, base + CCR) & EN, 0);
}

#[test]
fn a_channel_without_a_clock_does_nothing() {
    let mut map = map();
    map.wires.gates.insert(AHB5ENR, 0);
    let base = channel(HPDMA1, 0);
    set_up(&mut map, base, 4);
    put(&mut map, base + CCR, EN);
    run(&mut map);
    map.wires.gates.insert(AHB5ENR, 1);
    assert_eq!(get(&mut map, base + CCR), 0);
}

#[test]
fn a_list_runs_from_item_to_item() {
    let mut map = map();
    let (base, node) = (channel(GPDMA1, 12), 0x2400_2000);
    // All of CTR1, CTR2, CBR1, CSAR, CDAR and CLLR; the second item is the last.
    let all = 0xF801_0000;
    let items = [
        [WORDS, SWREQ, 8, SOURCE, DESTINATION, all | 0x2020],
        [WORDS, SWREQ, 4, SOURCE + 16, DESTINATION + 32, 0],
    ];
    for (index, item) in (0u32..).zip(items) {
        for (word, value) in (0u32..).zip(item) {
            put(&mut map, node + 0x20 * index + 4 * word, value);
        }
    }
    put(&mut map, base, 0x2400_0000);
    put(&mut map, base + CLLR, all | 0x2000);
    put(&mut map, base + CCR, EN);
    run(&mut map);
    assert_eq!(get(&mut map, DESTINATION + 4), 0x1111);
    assert_eq!(get(&mut map, DESTINATION + 8), 0);
    assert_eq!(get(&mut map, DESTINATION + 32), 0x4444);
    assert_eq!(get(&mut map, base + CSR) & (1 | TCF), 1 | TCF);
}

#[test]
fn a_repeated_block_jumps_by_its_offsets() {
    let mut map = map();
    let base = channel(GPDMA1, 12);
    set_up(&mut map, base, 4 | 2 << 16);
    // CBR2: the source skips one word after each block.
    put(&mut map, base + CBR2, 4);
    put(&mut map, base + CCR, EN);
    run(&mut map);
    let copied: [u32; 4] = std::array::from_fn(|i| get(&mut map, DESTINATION + 4 * i as u32));
    assert_eq!(copied, [0, 0x2222, 0x4444, 0]);
}

/// Bytes collect until there is a whole word for the destination.
#[test]
fn narrow_beats_are_packed_into_wide_ones() {
    // CTR1: bytes from the source, words to the destination, PAM packing, both addresses move on.
    const PACKED: u32 = 1 << 3 | 2 << 11 | 2 << 16 | 1 << 19;
    let mut map = map();
    let base = channel(GPDMA1, 0);
    set_up(&mut map, base, 8);
    put(&mut map, base + CTR1, PACKED);
    put(&mut map, SOURCE, 0x4433_2211);
    put(&mut map, base + CCR, EN);
    run(&mut map);
    let copied: [u32; 3] = std::array::from_fn(|i| get(&mut map, DESTINATION + 4 * i as u32));
    assert_eq!(copied, [0x4433_2211, 0x1111, 0]);
    // A block that would end within a word.
    set_up(&mut map, base, 6);
    put(&mut map, base + CTR1, PACKED);
    put(&mut map, base + CCR, EN);
    run(&mut map);
    assert_eq!(get(&mut map, base + CSR) & USEF, USEF);
}

#[test]
fn a_peripheral_paces_its_channel() {
    let mut map = map();
    let base = channel(HPDMA1, 0);
    set_up(&mut map, base, 8);
    // XSPI2 as the destination.
    put(&mut map, base + CTR2, 3 | 1 << 10);
    put(&mut map, base + CCR, EN);
    run(&mut map);
    assert_eq!(get(&mut map, base + CSR) & 1, 0);
    put(&mut map, SOURCE, 7);
    map.wires.request_dma(Request::Xspi(2), true);
    assert!(map.take_attention());
    run(&mut map);
    assert_eq!(get(&mut map, DESTINATION + 4), 0x1111);
    assert_eq!(
        get(&mut map, DESTINATION),
        0,
        "fetched ahead of the request"
    );
}

#[test]
fn what_cannot_be_done_stops_the_channel_with_its_flag() {
    let mut map = map();
    let base = channel(GPDMA1, 12);
    for (register, value, flag) in [
        (CBR1, 6, USEF),
        (CSAR, SOURCE + 2, USEF),
        (CTR1, 3 | 3 << 16, USEF),
        (CTR3, 2 << 16, USEF),
        (CBR2, 2, USEF),
        (CDAR, 0x1000_0000, DTEF),
    ] {
        set_up(&mut map, base, 8);
        put(&mut map, base + register, value);
        put(&mut map, base + CCR, EN);
        run(&mut map);
        assert_eq!(get(&mut map, base + CSR), 1 | flag, "{register:#x}");
        put(&mut map, base + CFCR, u32::MAX);
        put(&mut map, base + CTR3, 0);
        put(&mut map, base + CBR2, 0);
    }
}

#[test]
fn a_suspended_channel_goes_on_where_it_was() {
    let mut map = map();
    let base = channel(GPDMA1, 3);
    const SUSP: u32 = 1 << 2;
    set_up(&mut map, base, 8);
    put(&mut map, base + CCR, EN | SUSP);
    run(&mut map);
    assert_eq!(get(&mut map, base + CSR), 1 | 1 << 13);
    assert_eq!(get(&mut map, DESTINATION + 4), 0);
    put(&mut map, base + CCR, EN);
    run(&mut map);
    assert_eq!(get(&mut map, DESTINATION + 4), 0x1111);
}

#[test]
fn one_channels_end_triggers_another() {
    let mut map = map();
    let (first, second) = (channel(GPDMA1, 0), channel(GPDMA1, 1));
    set_up(&mut map, second, 4);
    put(&mut map, second + CDAR, DESTINATION + 64);
    put(&mut map, second + CSAR, SOURCE + 4);
    put(&mut map, second + CTR2, SWREQ | 29 << 16 | 1 << 24);
    put(&mut map, second + CCR, EN);
    run(&mut map);
    assert_eq!(get(&mut map, DESTINATION + 64), 0, "no trigger yet");
    set_up(&mut map, first, 4);
    put(&mut map, first + CCR, EN);
    run(&mut map);
    assert_eq!(get(&mut map, DESTINATION + 64), 0x1111);
}

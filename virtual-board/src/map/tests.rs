//! The map with one small device.

use super::*;
use crate::devices::Access;

/// Counts reads; knows offset 0 only; maps 16 bytes of memory that never answer.
struct Counter(u32);

impl Device for Counter {
    fn name(&self) -> &str {
        "COUNTER"
    }

    fn read(&mut self, offset: u32, _: Width, wires: &mut Wires) -> Access<u32> {
        if offset != 0 {
            return Err(Refusal::Unmodelled { reset: 0x55 });
        }
        self.0 += 1;
        wires.time_dependent = true;
        Ok(self.0)
    }

    fn write(&mut self, _: u32, _: Width, value: u32, wires: &mut Wires) -> Access<()> {
        self.0 = value;
        wires.attention = true;
        Ok(())
    }

    fn read_memory(&mut self, _: u32, _: Width, _: &mut Wires) -> Access<u32> {
        Err(Refusal::Stall)
    }

    fn reset(&mut self, _: Reset, _: &mut Wires) {
        self.0 = 0;
    }

    fn next_event(&self) -> Option<Time> {
        Some(Time::micros(self.0.into()))
    }
}

fn map(strict: bool) -> Map {
    let mut map = Map::new(strict);
    map.place_with_memory((0x5200_5000, 0x400), (0x9000_0000, 16), Counter(0));
    map
}

#[test]
fn ram_answers_in_every_width_to_its_end() {
    let mut map = map(true);
    for (base, bytes) in [
        (0, 0x1_0000),
        (0x2000_0000, 0x1_0000),
        (0x2400_0000, 0x7_2000),
        (0x3000_0000, 0x8000),
        (0x3880_0000, 0x1000),
    ] {
        let last = base + bytes - 4;
        map.write(last, Width::Word, 0x8765_4321, Master::Data)
            .unwrap();
        assert_eq!(map.read(last + 1, Width::Byte, Master::Data).unwrap(), 0x43);
        assert_eq!(
            map.read(last + 2, Width::Half, Master::Debug).unwrap(),
            0x8765
        );
        assert_eq!(
            map.read(base + bytes, Width::Word, Master::Fetch),
            Err(BusError::Refused)
        );
    }
}

#[test]
fn ram_outlives_a_system_reset_and_not_the_power() {
    let mut map = map(true);
    let before = map.read(0x2400_0000, Width::Word, Master::Data).unwrap();
    map.write(0x2400_0000, Width::Word, !before, Master::Data)
        .unwrap();
    map.reset(Reset::System);
    assert_eq!(
        map.read(0x2400_0000, Width::Word, Master::Data),
        Ok(!before)
    );
    map.reset(Reset::Power);
    assert_eq!(map.read(0x2400_0000, Width::Word, Master::Data), Ok(before));
    assert_ne!(before, 0);
}

#[test]
fn option_bytes_turn_axi_sram_into_tcm() {
    let mut map = map(true);
    map.share(Shares::new(1, 1));
    let mut answers = |address| map.read(address, Width::Word, Master::Data).is_ok();
    assert!(answers(0x0001_FFFC) && !answers(0x0002_0000));
    assert!(answers(0x2001_FFFC) && !answers(0x2002_0000));
    assert!(!answers(0x2400_FFFC) && answers(0x2401_0000));
    assert!(answers(0x2404_FFFC) && !answers(0x2405_0000) && answers(0x2406_0000));
    map.share(Shares::new(2, 2));
    let mut answers = |address| map.read(address, Width::Word, Master::Data).is_ok();
    assert!(answers(0x0002_FFFC) && answers(0x2002_FFFC));
    assert!(!answers(0x2401_FFFC) && answers(0x2402_0000));
    assert!(answers(0x2403_FFFC) && !answers(0x2404_0000));
    map.share(Shares::new(3, 7));
    assert!(map.read(0x2400_0000, Width::Word, Master::Data).is_ok());
    assert!(map.read(0x2001_0000, Width::Word, Master::Data).is_err());
}

#[test]
fn check_bits_take_the_last_axi_sram() {
    let mut map = map(true);
    assert!(map.read(0x2406_0000, Width::Word, Master::Data).is_ok());
    map.share(Shares::default().with_ecc(true));
    assert!(map.read(0x2406_0000, Width::Word, Master::Data).is_err());
    assert!(map.read(0x2405_FFFC, Width::Word, Master::Data).is_ok());
}

#[test]
fn what_is_not_modelled_is_noted_once() {
    let mut map = map(false);
    for _ in 0..2 {
        assert_eq!(map.read(0x5200_5004, Width::Word, Master::Data), Ok(0x55));
        assert_eq!(
            map.write(0x4000_0400, Width::Word, 7, Master::Debug),
            Ok(())
        );
    }
    let notes = map.take_unmodelled();
    assert_eq!(notes.len(), 2);
    assert_eq!(
        (notes[0].device.as_str(), notes[0].address),
        ("COUNTER", 0x5200_5004)
    );
    assert_eq!(
        (notes[1].device.as_str(), notes[1].written),
        ("TIM3", Some(7))
    );
    assert!(map.take_attention() && !map.take_attention());
}

#[test]
fn a_strict_map_refuses_what_is_not_modelled() {
    let mut map = map(true);
    assert_eq!(
        map.read(0x5200_5004, Width::Word, Master::Data),
        Err(BusError::Refused)
    );
    assert_eq!(
        map.write(0x4000_0400, Width::Word, 7, Master::Data),
        Err(BusError::Refused)
    );
}

#[test]
fn a_window_stalls_and_a_hole_refuses() {
    let mut map = map(false);
    assert_eq!(
        map.read(0x9000_0000, Width::Word, Master::Data),
        Err(BusError::Stalled)
    );
    for hole in [0x9000_0010, 0x1000_0000, 0xA000_0000, 0x6000_0000] {
        assert_eq!(
            map.read(hole, Width::Word, Master::Data),
            Err(BusError::Refused)
        );
    }
    assert!(map.take_unmodelled().is_empty());
}

#[test]
fn a_device_sees_the_time_of_the_core_cycle() {
    let mut map = map(false);
    map.wires.core_hz = 64_000_000;
    map.synchronise(Time::micros(5), 100);
    map.at_cycle(164);
    map.read(0x5200_5000, Width::Word, Master::Data).unwrap();
    assert_eq!(map.wires.now, Time::micros(6));
    assert!(map.take_time_dependence());
}

#[test]
fn nothing_answers_while_the_chip_is_held_in_reset() {
    let mut map = map(false);
    map.hold(true);
    assert_eq!(
        map.read(0x2400_0000, Width::Word, Master::Debug),
        Err(BusError::Refused)
    );
}

#[test]
fn the_unique_identifier_and_the_flash_size_are_there() {
    let mut map = map(true);
    assert_eq!(map.read(0x08FF_F80C, Width::Half, Master::Data), Ok(64));
    assert_eq!(
        map.read(0x08FF_F000, Width::Word, Master::Data),
        Ok(u32::MAX)
    );
    assert_eq!(
        map.read(BOOTLOADER_BASE + 4, Width::Word, Master::Data),
        Ok(BOOTLOADER_BASE + 9)
    );
}

#[test]
fn a_narrow_read_sees_its_lane_of_the_register() {
    use crate::devices::{gate::AHB4ENR, gpio::Gpio};
    let mut map = Map::new(true);
    map.place(Gpio::base('A'), 0x400, Gpio::new('A'));
    map.wires.gates.insert(AHB4ENR, 1);
    // MODER after reset: 0xABFF_FFFF.
    let port = Gpio::base('A');
    assert_eq!(map.read(port + 3, Width::Byte, Master::Debug), Ok(0xAB));
    assert_eq!(map.read(port + 2, Width::Half, Master::Debug), Ok(0xABFF));
    assert_eq!(map.read(port, Width::Byte, Master::Debug), Ok(0xFF));
}

#[test]
fn an_event_that_has_passed_means_nothing() {
    let mut map = map(false);
    map.write(0x5200_5000, Width::Word, 7, Master::Data)
        .unwrap();
    assert_eq!(map.next_event(), Some(Time::micros(7)));
    map.synchronise(Time::micros(7), 0);
    assert_eq!(map.next_event(), None);
}

/// Memory and nothing else.
struct Plain(Vec<u8>);

impl Device for Plain {
    fn name(&self) -> &str {
        "PLAIN"
    }

    fn read(&mut self, _: u32, _: Width, _: &mut Wires) -> Access<u32> {
        Err(Refusal::Error)
    }

    fn write(&mut self, _: u32, _: Width, _: u32, _: &mut Wires) -> Access<()> {
        Err(Refusal::Error)
    }

    fn read_memory(&mut self, offset: u32, width: Width, _: &mut Wires) -> Access<u32> {
        let bytes = self.0[offset as usize..]
            .iter()
            .take(width.bytes() as usize);
        Ok(bytes
            .rev()
            .fold(0, |value, byte| value << 8 | u32::from(*byte)))
    }

    fn write_memory(&mut self, offset: u32, width: Width, value: u32, _: &mut Wires) -> Access<()> {
        let bytes = &value.to_le_bytes()[..width.bytes() as usize];
        self.0[offset as usize..][..bytes.len()].copy_from_slice(bytes);
        Ok(())
    }

    fn reset(&mut self, _: Reset, _: &mut Wires) {}
}

const ENGINE: u32 = 0x5200_B800;
const BEHIND: u32 = 0x9000_0000;

/// An engine with a key, before 8 KB of which the first 4 are `control`.
fn guarded(control: u32) -> Map {
    use crate::devices::mce::Mce;
    let mut map = Map::new(true);
    map.place_with_memory(
        (0x5200_5000, 0x400),
        (BEHIND, 0x2000),
        Plain(vec![0; 0x2000]),
    );
    map.place(ENGINE, 0x400, Mce::new(1));
    map.guard(BEHIND, ENGINE);
    let key = [0, 4, 8, 12].map(|word| (0x24C + word, word));
    let region = [(0x240, 1), (0x4C, 1 << 16), (0x40, control)];
    for (offset, value) in key.into_iter().chain(region) {
        let written = map.write(ENGINE + offset, Width::Word, value, Master::Data);
        assert_eq!(written, Ok(()));
    }
    map
}

fn fill(map: &mut Map, words: u32) {
    for place in (0..4 * words).step_by(4) {
        let written = map.write(BEHIND + place, Width::Word, place, Master::Data);
        assert_eq!(written, Ok(()));
    }
}

/// REGCR: context 1, BREN, and the cipher.
const STREAM: u32 = 1 << 14 | 1 << 9 | 1;
const BLOCK: u32 = 2 << 14 | 1 << 9 | 1;

#[test]
fn what_is_written_through_an_engine_is_read_through_it_and_stored_otherwise() {
    for control in [STREAM, BLOCK] {
        let mut map = guarded(control);
        fill(&mut map, 8);
        for place in 0..32 {
            let byte = map.read(BEHIND + place, Width::Byte, Master::Data);
            assert_eq!(byte, Ok(if place % 4 == 0 { place } else { 0 }));
        }
        let stored = map.device::<Plain>(0x5200_5000).unwrap();
        assert!(stored.0[..32].chunks(4).all(|word| word[1..] != [0; 3]));
        // Behind the region nothing is ciphered.
        map.write(BEHIND + 0x1000, Width::Word, 7, Master::Data)
            .unwrap();
        let stored = map.device::<Plain>(0x5200_5000).unwrap();
        assert_eq!(stored.0[0x1000], 7);
    }
}

#[test]
fn a_part_of_a_block_is_not_written_and_a_part_of_a_stream_is() {
    let mut map = guarded(BLOCK);
    fill(&mut map, 5);
    let stored = map.device::<Plain>(0x5200_5000).unwrap();
    assert!(stored.0[..16] != [0; 16] && stored.0[16..32] == [0; 16]);
    let mut map = guarded(STREAM);
    map.write(BEHIND + 5, Width::Byte, 0x42, Master::Data)
        .unwrap();
    assert_eq!(map.read(BEHIND + 5, Width::Byte, Master::Data), Ok(0x42));
}

//! Geometry, and what set and way mean.

use super::*;
use crate::bus::Width;

fn empty() -> Caches {
    let mut caches = Caches::default();
    caches.code.drop_all();
    caches.data.drop_all();
    caches
}

#[test]
fn a_set_has_four_data_ways_and_two_code_ways() {
    let mut caches = empty();
    for (lines, ways, way_bytes) in [(&mut caches.data, 4, 0x2000), (&mut caches.code, 2, 0x4000)] {
        let address = |way: u32| 0x2400_0040 + way * way_bytes;
        for way in 0..=ways {
            let line = lines.victim(address(way));
            lines.fill(line, address(way), [way as u8; LINE as usize]);
        }
        assert_eq!(lines.find(address(0)), None, "the first had to go");
        for way in 1..=ways {
            let line = lines.find(address(way) + 31).unwrap();
            assert_eq!(lines.read(line, address(way) + 31, Width::Byte), way);
        }
        assert_eq!(lines.find(address(1) + 32), None);
    }
}

#[test]
fn set_and_way_are_where_the_manual_has_them() {
    let mut lines = empty().data;
    let address = 0x2400_0000 + 5 * LINE;
    for way in 0..4 {
        let line = lines.victim(address);
        lines.fill(line, address + (way << 13), [0; LINE as usize]);
    }
    for way in 0..4 {
        let line = lines.at_set_way(way << 30 | 5 << 5);
        assert_eq!(lines.find(address + (way << 13)), Some(line));
    }
}

#[test]
fn reads_and_writes_take_their_lanes() {
    let mut lines = empty().data;
    let line = lines.victim(0x2400_0000);
    lines.fill(line, 0x2400_0000, [0; LINE as usize]);
    lines.write(line, 0x2400_0004, Width::Word, 0x4433_2211);
    lines.write(line, 0x2400_0006, Width::Byte, 0xAA);
    assert_eq!(lines.read(line, 0x2400_0004, Width::Word), 0x44AA_2211);
    assert_eq!(lines.read(line, 0x2400_0006, Width::Half), 0x44AA);
    assert_eq!(lines.read(line, 0x2400_0005, Width::Byte), 0x22);
    assert_eq!(lines.dirty(line), None);
    lines.mark_dirty(line);
    assert!(
        lines
            .dirty(line)
            .is_some_and(|(address, contents)| { address == 0x2400_0000 && contents[6] == 0xAA })
    );
}

#[test]
fn after_power_on_every_set_is_full_of_garbage() {
    let caches = Caches::default();
    for address in [0x0800_0000, 0x0800_3FE0, 0x7000_0000] {
        assert!(caches.code.find(address).is_some(), "{address:#010x}");
    }
    for address in [0x0800_0000, 0x2400_1FE0, 0x7000_0000] {
        let line = caches.data.find(address).unwrap();
        assert_eq!(caches.data.dirty(line), None, "{address:#010x}");
    }
    let dirty = caches.data.find(0x6000_0000).unwrap();
    assert!(caches.data.dirty(dirty).is_some());
}

use std::ops::Range;

use super::*;
use crate::{
    fault::{Code, Explain as _},
    link::fake::{Event, FakeLink},
};

const BLOCK: u32 = 0x2000_0100;
const UP: u32 = 0x2400_0200;
const DOWN: u32 = 0x2400_0300;
const NAME: u32 = 0x2000_0080;
const SIZE: u32 = 16;

fn rams() -> Vec<Range<u64>> {
    vec![0x2000_0000..0x2000_1000, 0x2400_0000..0x2400_1000]
}

/// Descriptor words: name, buffer, size, write, read, flags.
type Words = [u32; 6];

const fn up(write: u32, read: u32) -> Words {
    [NAME, UP, SIZE, write, read, 1]
}

const NO_DOWN: Words = [0, 0, 0, 0, 0, 0];

fn bytes(words: &[u32]) -> Vec<u8> {
    words.iter().flat_map(|word| word.to_le_bytes()).collect()
}

fn block(ups: &[Words], downs: &[Words]) -> Vec<u8> {
    let mut block = b"SEGGER RTT\0\0\0\0\0\0".to_vec();
    block.extend(bytes(&[ups.len() as u32, downs.len() as u32]));
    for words in ups.iter().chain(downs) {
        block.extend(bytes(words));
    }
    block
}

fn link(block: &[u8], buffer: &[u8]) -> FakeLink {
    FakeLink::new()
        .with_memory(NAME, b"Terminal\0")
        .with_memory(BLOCK, block)
        .with_memory(UP, buffer)
}

fn rtt() -> Rtt {
    let place = Place::Within {
        start: Address(BLOCK),
        length: 24,
        id: ID.to_vec(),
    };
    Rtt::new(place, None, rams())
}

fn text(chunks: &[Chunk]) -> String {
    let data = chunks.iter().flat_map(|chunk| chunk.data.clone()).collect();
    String::from_utf8(data).expect("text")
}

fn word(link: &FakeLink, address: u32) -> u32 {
    let bytes = link.bytes(address, 4);
    u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]])
}

#[test]
fn what_is_unread_is_read_once_and_the_program_is_told() {
    let mut link = link(&block(&[up(5, 0)], &[]), b"hello");
    let mut rtt = rtt();
    assert_eq!(text(&rtt.read(&mut link, None, &[0]).unwrap()), "hello");
    assert_eq!(word(&link, BLOCK + 24 + 16), 5, "the read offset");
    assert_eq!(rtt.read(&mut link, None, &[0]).unwrap(), []);
}

#[test]
fn text_that_goes_round_the_end_of_the_buffer_is_put_together() {
    let mut link = link(&block(&[up(3, 13)], &[]), b"rld..........Wo");
    let link_write = link.write(Address(UP + 13), b"Wo ");
    assert!(link_write.is_ok());
    let read = rtt().read(&mut link, None, &[0]).unwrap();
    assert_eq!(text(&read), "Wo rld");
}

#[test]
fn an_idle_look_is_one_transfer_and_a_channel_that_nobody_reads_is_left_alone() {
    let mut link = link(&block(&[up(4, 4), up(5, 0)], &[NO_DOWN]), b"");
    let mut rtt = rtt();
    rtt.read(&mut link, None, &[0]).unwrap();
    link.take_events();
    assert_eq!(rtt.read(&mut link, None, &[0]).unwrap(), []);
    let whole = Event::Read(Address(BLOCK), 24 + 3 * 24);
    assert_eq!(link.take_events(), [whole]);
    rtt.read(&mut link, None, &[]).unwrap();
    assert_eq!(link.take_events(), [whole]);
}

#[test]
fn a_down_channel_takes_what_there_is_room_for() {
    let down = [NAME, DOWN, SIZE, 14, 4, 0];
    let mut link = link(&block(&[], &[down]), b"");
    let mut rtt = rtt();
    let written = rtt.write(&mut link, None, 0, b"abcdefgh").unwrap();
    assert_eq!(written, 5, "one byte stays free");
    assert_eq!(link.bytes(DOWN + 14, 2), b"ab");
    assert_eq!(link.bytes(DOWN, 3), b"cde");
    assert_eq!(word(&link, BLOCK + 24 + 12), 3, "the write offset");
    assert_eq!(rtt.write(&mut link, None, 0, b"fgh").unwrap(), 0);
    let error = rtt.write(&mut link, None, 1, b"x").unwrap_err();
    assert!(matches!(
        error,
        RttError::NoChannel {
            number: 1,
            count: 1,
            ..
        }
    ));
    assert_eq!(error.code(), Code::XG112);
}

#[test]
fn channels_have_names_from_ram_and_sizes() {
    let elsewhere = [0x7000_0000, UP, SIZE, 0, 0, 2];
    let mut link = link(&block(&[up(0, 0), elsewhere], &[NO_DOWN]), b"");
    let image = Image::from_segments([(Address(0x7000_0000), b"log\0more".to_vec())]).unwrap();
    let channels = rtt().channels(&mut link, Some(&image)).unwrap().unwrap();
    let told: Vec<_> = channels
        .iter()
        .map(|c| (c.direction, c.number, c.name.as_str(), c.size, c.flags))
        .collect();
    assert_eq!(
        told,
        [
            (Direction::Up, 0, "Terminal", 16, 1),
            (Direction::Up, 1, "log", 16, 2),
            (Direction::Down, 0, "", 0, 0),
        ]
    );
}

#[test]
fn a_block_that_was_overwritten_is_told_once_and_nothing_is_written() {
    let outside = |buffer, size| [NAME, buffer, size, 5, 0, 1];
    let wrong: [(Words, &str); 6] = [
        (outside(0x7000_0000, 16), "0x70000000"),
        (outside(0x2000_0FF8, 16), "0x20000ff8"),
        (outside(0xFFFF_FFF8, 16), "0xfffffff8"),
        (outside(UP, u32::MAX), "4294967295 bytes"),
        ([NAME, UP, SIZE, 16, 0, 1], "an offset of 16"),
        ([NAME, UP, SIZE, 0, u32::MAX, 1], "an offset of 4294967295"),
    ];
    for (words, told) in wrong {
        let mut link = link(&block(&[words], &[]), b"");
        let mut rtt = rtt();
        let error = rtt.read(&mut link, None, &[0]).unwrap_err().to_string();
        assert!(error.contains(told), "{error}");
        assert_eq!(rtt.read(&mut link, None, &[0]).unwrap(), []);
        let writes = |event: &Event| matches!(event, Event::Write(..));
        assert!(!link.take_events().iter().any(writes));
    }
    let mut header = block(&[], &[]);
    header[16] = 200;
    let mut link = link(&header, b"");
    let error = rtt().read(&mut link, None, &[0]).unwrap_err().to_string();
    assert!(error.contains("200 up channels"), "{error}");
}

#[test]
fn a_block_that_is_repaired_is_read_again() {
    let mut link = link(&block(&[up(99, 0)], &[]), b"hello");
    let mut rtt = rtt();
    assert!(rtt.read(&mut link, None, &[0]).is_err());
    link.write(Address(BLOCK), &block(&[up(5, 0)], &[]))
        .unwrap();
    let mut read = Vec::new();
    for _ in 0..=MOST_LEFT_OUT {
        read.extend(rtt.read(&mut link, None, &[0]).unwrap());
    }
    assert_eq!(text(&read), "hello");
}

/// The program of before the reset wrote `old`: it is read, and never again.
#[test]
fn a_block_from_before_a_reset_is_not_read_behind_it() {
    let mut link = link(&block(&[up(3, 0)], &[]), b"old");
    let mut rtt = rtt();
    rtt.read(&mut link, None, &[0]).unwrap();
    link.write(Address(UP), b"oldest").unwrap();
    link.write(Address(BLOCK + 24 + 12), &bytes(&[6])).unwrap();
    assert_eq!(
        rtt.wipe(&mut link).unwrap(),
        Some(u64::from(BLOCK)..u64::from(BLOCK) + 48)
    );
    assert!(link.bytes(BLOCK, 48).iter().all(|byte| *byte == 0));
    rtt.forget(None);
    assert_eq!(text(&rtt.read(&mut link, None, &[0]).unwrap()), "est");
    link.write(Address(BLOCK), &block(&[up(3, 0)], &[]))
        .unwrap();
    link.write(Address(UP), b"new").unwrap();
    assert_eq!(text(&rtt.read(&mut link, None, &[0]).unwrap()), "new");
}

#[test]
fn a_program_that_waits_for_readers_is_let_go_at_the_end() {
    let mut link = link(&block(&[up(0, 0)], &[]), b"");
    let mut rtt = rtt();
    rtt.block_when_full();
    rtt.read(&mut link, None, &[0]).unwrap();
    assert_eq!(word(&link, BLOCK + 24 + 20), 2);
    rtt.release(&mut link).unwrap();
    assert_eq!(word(&link, BLOCK + 24 + 20), 1);
}

#[test]
fn ram_is_scanned_over_what_does_not_answer_and_not_at_every_look() {
    let mut link = FakeLink::new();
    let ranges = vec![0x1000_0000..0x1000_8000, 0x2400_0000..0x2400_1000];
    let mut rtt = Rtt::new(Place::Automatic, None, ranges);
    for _ in 0..100 {
        rtt.read(&mut link, None, &[0]).unwrap();
    }
    let scans = link.take_events().len() / 9;
    assert!(scans < 8, "{scans} scans");
    let found = block(&[[0, UP, SIZE, 2, 0, 0]], &[]);
    link.write(Address(0x2400_0804), &found).unwrap();
    link.write(Address(UP), b"hi").unwrap();
    let mut read = Vec::new();
    for _ in 0..=MOST_LEFT_OUT {
        read.extend(rtt.read(&mut link, None, &[0]).unwrap());
    }
    assert_eq!(text(&read), "hi");
}

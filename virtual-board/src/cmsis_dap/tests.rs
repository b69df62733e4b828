//! Packets of a client, byte by byte.

use super::*;
use crate::{
    adapter::Statistics,
    board::{Board, CoreState},
    clock::Time,
};

const RAM: u32 = 0x2400_0000;
/// Nothing answers there.
const HOLE: u32 = 0x1000_0000;
/// Transfer requests.
const READ_IDENTITY: u8 = 0x02;
const READ_STATUS: u8 = 0x06;
const READ_BUFFER: u8 = 0x0E;
const WRITE_STATUS: u8 = 0x04;
const WRITE_SELECT: u8 = 0x08;
const WRITE_CSW: u8 = 0x01;
const WRITE_TAR: u8 = 0x05;
const WRITE_DRW: u8 = 0x0D;
const READ_DRW: u8 = 0x0F;
const MATCH: u8 = 0x10;
const MASK: u8 = 0x20;
/// CSW of AP1: words, the address counts up, as a core would access it.
const WORDS: u32 = 0x2300_0052;
const IDENTITY: [u8; 4] = 0x6BA0_2477u32.to_le_bytes();

fn probe() -> (Probe, VirtualBoard) {
    let board = Board::builder()
        .build()
        .expect("a blank board needs no file");
    let board = VirtualBoard::new(board);
    (Probe::new(board.clone()), board)
}

fn said(probe: &mut Probe, packet: &[u8]) -> Vec<u8> {
    let mut answers = probe.answer(packet.to_vec());
    assert_eq!(answers.len(), 1, "{packet:02x?}");
    answers.remove(0)
}

/// DAP_Transfer of requests, each with the word that goes with it.
fn transfer(requests: &[(u8, Option<u32>)]) -> Vec<u8> {
    let mut packet = vec![0x05, 0, requests.len() as u8];
    for (request, word) in requests {
        packet.push(*request);
        packet.extend(word.iter().flat_map(|word| word.to_le_bytes()));
    }
    packet
}

fn write(request: u8, word: u32) -> (u8, Option<u32>) {
    (request, Some(word))
}

/// A probe whose port is awake, with AP1 selected.
fn attached() -> (Probe, VirtualBoard) {
    let (mut probe, board) = probe();
    assert_eq!(said(&mut probe, &[0x02, 0]), [0x02, 1]);
    let ones = [0xFF; 7];
    let reset = [&[0x12, 51], ones.as_slice()].concat();
    assert_eq!(said(&mut probe, &reset), [0x12, 0]);
    assert_eq!(said(&mut probe, &[0x12, 16, 0x9E, 0xE7]), [0x12, 0]);
    let long_reset = [&[0x12, 0], [0xFF; 31].as_slice(), &[0x00]].concat();
    assert_eq!(said(&mut probe, &long_reset), [0x12, 0]);
    let answer = said(
        &mut probe,
        &transfer(&[
            (READ_IDENTITY, None),
            write(WRITE_STATUS, 0x5000_0000),
            write(WRITE_SELECT, 0x0100_0000),
            write(WRITE_CSW, WORDS),
        ]),
    );
    assert_eq!(answer, [&[0x05, 4, 1], IDENTITY.as_slice()].concat());
    (probe, board)
}

/// What `packet` costs, and what it is answered.
fn cost(probe: &mut Probe, board: &VirtualBoard, packet: &[u8]) -> (Statistics, Vec<u8>) {
    let before = board.statistics();
    let answer = said(probe, packet);
    let after = board.statistics();
    let spent = Statistics {
        exchanges: after.exchanges - before.exchanges,
        transfers: after.transfers - before.transfers,
        bytes: after.bytes - before.bytes,
        link: after.link - before.link,
    };
    (spent, answer)
}

#[test]
fn packets_have_headers() {
    let mut stream: &[u8] = b"DAP\0\x02\0\x01\0\x00\x04DAP\0\0\0\x01\0DAP\0\x01\x02\x01\0";
    assert_eq!(next_packet(&mut stream).unwrap(), Some(Some(vec![0, 4])));
    assert_eq!(next_packet(&mut stream).unwrap(), Some(Some(Vec::new())));
    let long = [b"DAP\0\x01\x02\x01\0".as_slice(), &[0; 513]].concat();
    let mut stream = [long.as_slice(), b"DAP\0\x01"].concat();
    let mut stream: &[u8] = &mut stream;
    assert_eq!(next_packet(&mut stream).unwrap(), Some(None));
    assert_eq!(next_packet(&mut stream).unwrap(), None);
    for header in [b"dap\0\x01\0\x01\0", b"DAP\0\x01\0\x02\0"] {
        let mut stream: &[u8] = header;
        let error = next_packet(&mut stream).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidData);
    }
    assert_eq!(framed(&[0x05, 7]), *b"DAP\0\x02\0\x02\0\x05\x07");
}

#[test]
fn the_probe_says_who_it_is_and_what_it_can() {
    let (mut probe, _) = probe();
    let info = |probe: &mut Probe, identifier| said(probe, &[0x00, identifier]);
    assert_eq!(info(&mut probe, 0x04), b"\x00\x062.1.0\0");
    assert_eq!(info(&mut probe, 0xF0), [0, 2, 0x11, 0], "SWD, atomic");
    assert_eq!(info(&mut probe, 0xFE), [0, 1, 8]);
    assert_eq!(info(&mut probe, 0xFF), [0, 2, 0x00, 0x02]);
    for identifier in 0..=u8::MAX {
        let answer = info(&mut probe, identifier);
        assert_eq!(answer.len(), 2 + usize::from(answer[1]));
        assert!(answer.len() <= 2 + 32, "{identifier:#04x}");
    }
    for absent in [0x03, 0x05, 0x06, 0x07, 0x08, 0xF1, 0xFB, 0xFC, 0xFD] {
        assert_eq!(info(&mut probe, absent), [0, 0], "{absent:#04x}");
    }
    assert_eq!(said(&mut probe, &[0x01, 0, 1]), [0x01, 0]);
    assert_eq!(said(&mut probe, &[0x01, 2, 1]), [0x01, 0xFF]);
    assert_eq!(said(&mut probe, &[0x02, 2]), [0x02, 0], "no JTAG");
    assert_eq!(said(&mut probe, &[0x0A]), [0x0A, 0, 0]);
    assert_eq!(said(&mut probe, &[0x11, 0, 0, 0, 0]), [0x11, 0xFF]);
    assert_eq!(said(&mut probe, &[0x11, 0, 0x36, 0x6E, 1]), [0x11, 0]);
    assert_eq!(said(&mut probe, &[0x13, 0]), [0x13, 0]);
    assert_eq!(said(&mut probe, &[0x13, 1]), [0x13, 0xFF]);
}

#[test]
fn what_is_no_command_or_cut_short_is_answered_and_changes_nothing() {
    let (mut probe, board) = attached();
    let before = board.statistics().transfers;
    // JTAG, SWO, UART, a vendor's, a reserved one.
    for identifier in (0x14..=0x1C)
        .chain(0x1E..=0x23)
        .chain([0x0B, 0x80, 0x9F, 0xFF])
    {
        assert_eq!(
            said(&mut probe, &[identifier; 8]),
            [0xFF],
            "{identifier:#04x}"
        );
    }
    let whole: [&[u8]; 16] = [
        &[0x00, 4],
        &[0x01, 0, 0],
        &[0x02, 1],
        &[0x04, 0, 100, 0, 0, 0],
        &[0x05, 0, 2, READ_IDENTITY, WRITE_STATUS, 0, 0, 0, 0x50],
        &[0x05, 0, 1, READ_IDENTITY | MATCH, 0, 0, 0, 0],
        &[0x06, 0, 1, 0, WRITE_DRW, 1, 2, 3, 4],
        &[0x06, 0, 1, 0, READ_DRW],
        &[0x08, 0, 0x1E, 0, 0, 0],
        &[0x09, 1, 0],
        &[0x10, 0, 0, 0, 0, 0, 0],
        &[0x11, 0, 9, 61, 0],
        &[0x12, 8, 0],
        &[0x13, 0],
        &[0x1D, 2, 0x81, 1, 0],
        &[0x1D, 1, 0x00, 0, 0, 0, 0, 0, 0, 0, 0],
    ];
    for packet in whole {
        for length in 0..packet.len() {
            let cut = &packet[..length];
            assert_eq!(said(&mut probe, cut), [0xFF], "{cut:02x?}");
        }
    }
    assert_eq!(board.statistics().transfers, before);
    for packet in whole {
        assert_eq!(said(&mut probe, packet)[0], packet[0], "{packet:02x?}");
    }
}

#[test]
fn blocks_are_posted_and_checked() {
    let (mut probe, board) = attached();
    said(&mut probe, &transfer(&[write(WRITE_TAR, RAM)]));
    let words: Vec<u8> = (0..126u32)
        .flat_map(|word| (word * 3).to_le_bytes())
        .collect();
    let packet = [&[0x06, 0, 126, 0, WRITE_DRW], words.as_slice()].concat();
    let (spent, answer) = cost(&mut probe, &board, &packet);
    assert_eq!(answer, [0x06, 126, 0, 1]);
    assert_eq!(
        (spent.exchanges, spent.transfers, spent.bytes),
        (1, 127, 504)
    );
    assert_eq!(
        spent.link,
        Time::micros(250) + Time::of_cycles(127 * 46, 4_000_000)
    );

    said(&mut probe, &transfer(&[write(WRITE_TAR, RAM)]));
    let (spent, answer) = cost(&mut probe, &board, &[0x06, 0, 126, 0, READ_DRW]);
    assert_eq!(answer, [&[0x06, 126, 0, 1], words.as_slice()].concat());
    assert_eq!(
        (spent.exchanges, spent.transfers, spent.bytes),
        (1, 127, 504)
    );
    // One word more has no room in the response, nor have a thousand.
    assert_eq!(said(&mut probe, &[0x06, 0, 128, 0, READ_DRW]), [0xFF]);
    assert_eq!(said(&mut probe, &[0x06, 0, 0xFF, 0xFF, READ_DRW]), [0xFF]);
    let reads = transfer(&[(READ_DRW, None); 128]);
    assert_eq!(said(&mut probe, &reads), [0xFF]);
    assert_eq!(
        said(&mut probe, &[0x06, 0, 0, 0, READ_DRW]),
        [0x06, 0, 0, 0]
    );
}

#[test]
fn a_posted_read_is_fetched_by_the_next_one_or_by_rdbuff() {
    let (mut probe, board) = attached();
    said(
        &mut probe,
        &transfer(&[
            write(WRITE_TAR, RAM),
            write(WRITE_DRW, 0x11),
            write(WRITE_DRW, 0x22),
        ]),
    );
    let (spent, answer) = cost(
        &mut probe,
        &board,
        &transfer(&[
            write(WRITE_TAR, RAM),
            (READ_DRW, None),
            (READ_DRW, None),
            (READ_IDENTITY, None),
            write(WRITE_TAR, RAM),
        ]),
    );
    let words = [[0x11, 0, 0, 0], [0x22, 0, 0, 0], IDENTITY];
    assert_eq!(answer, [&[0x05, 5, 1], words.as_flattened()].concat());
    // Five of the client's, RDBUFF behind the reads, RDBUFF behind the last write.
    assert_eq!((spent.transfers, spent.bytes), (7, 20));
    // Idle cycles behind each.
    assert_eq!(said(&mut probe, &[0x04, 2, 100, 0, 0, 0]), [0x04, 0]);
    let (spent, _) = cost(&mut probe, &board, &transfer(&[(READ_IDENTITY, None)]));
    assert_eq!(spent.link, Time::micros(250) + Time::micros(12));
}

#[test]
fn a_value_is_waited_for_as_often_as_was_configured() {
    let (mut probe, board) = attached();
    said(
        &mut probe,
        &transfer(&[write(WRITE_TAR, RAM), write(WRITE_DRW, 0xAB)]),
    );
    // The mask counts as a request and crosses no wire; an access port is read once more, for what the first read posts.
    let csw = |value| transfer(&[write(MASK, 0xFF), write(MATCH | 0x03, value)]);
    let (spent, answer) = cost(&mut probe, &board, &csw(0x52));
    assert_eq!(answer, [0x05, 2, 1]);
    assert_eq!((spent.transfers, spent.bytes), (2, 4));
    said(&mut probe, &[0x04, 0, 100, 0, 6, 0]);
    let (spent, answer) = cost(&mut probe, &board, &csw(0x53));
    assert_eq!(answer, [0x05, 1, 0x11], "mismatch");
    assert_eq!(spent.transfers, 1 + 7);
    let (spent, answer) = cost(
        &mut probe,
        &board,
        &transfer(&[
            write(MATCH | READ_IDENTITY, 0x77),
            write(MATCH | READ_STATUS, 0xFF),
            (READ_IDENTITY, None),
        ]),
    );
    assert_eq!(answer, [0x05, 1, 0x11]);
    assert_eq!(spent.transfers, 1 + 7);
}

#[test]
fn a_fault_stops_the_packet_until_it_is_cleared() {
    let (mut probe, _) = attached();
    let answer = said(
        &mut probe,
        &transfer(&[write(WRITE_TAR, HOLE), (READ_DRW, None), (READ_DRW, None)]),
    );
    assert_eq!(answer, [0x05, 2, 4]);
    // The first read was accepted, and its word never came.
    assert_eq!(
        said(&mut probe, &[0x06, 0, 3, 0, READ_DRW]),
        [0x06, 0, 0, 4]
    );
    let answer = said(&mut probe, &transfer(&[(READ_STATUS, None)]));
    assert_eq!(answer, [0x05, 1, 1, 0x20, 0, 0, 0xF0], "STICKYERR");
    assert_eq!(said(&mut probe, &[0x08, 0, 4, 0, 0, 0]), [0x08, 0]);
    let answer = said(
        &mut probe,
        &transfer(&[write(WRITE_TAR, RAM), (READ_DRW, None)]),
    );
    assert_eq!(answer[..3], [0x05, 2, 1]);
}

#[test]
fn a_wait_is_retried_as_often_as_was_configured() {
    let (mut probe, board) = attached();
    said(&mut probe, &[0x04, 0, 5, 0, 0, 0]);
    board.with(|board| board.inject("wait next 3".parse().unwrap()));
    let (spent, answer) = cost(&mut probe, &board, &transfer(&[(READ_BUFFER, None)]));
    assert_eq!(answer[..3], [0x05, 1, 1]);
    assert_eq!(spent.transfers, 3 + 1);
    board.with(|board| board.inject("wait next 100".parse().unwrap()));
    let (spent, answer) = cost(&mut probe, &board, &transfer(&[(READ_BUFFER, None)]));
    assert_eq!(answer, [0x05, 0, 2]);
    assert_eq!(spent.transfers, 5 + 1);
    // A refused transfer has no data phase, unless it was asked for.
    let bits = |bits: u64| Time::micros(250) + Time::of_cycles(6 * bits, 4_000_000);
    assert_eq!(spent.link, bits(13));
    assert_eq!(said(&mut probe, &[0x13, 4]), [0x13, 0]);
    let (spent, _) = cost(&mut probe, &board, &transfer(&[(READ_BUFFER, None)]));
    assert_eq!(spent.link, bits(46));
    assert_eq!(said(&mut probe, &[0x08, 0, 1, 0, 0, 0]), [0x08, 0]);
    let answer = said(&mut probe, &transfer(&[(READ_IDENTITY, None)]));
    assert_eq!(answer[..3], [0x05, 1, 1]);
}

#[test]
fn nobody_answers_to_a_wrong_protocol_and_a_wrong_parity_is_told() {
    let (mut probe, board) = probe();
    assert_eq!(said(&mut probe, &[0x02, 1]), [0x02, 1]);
    let identity = transfer(&[(READ_IDENTITY, None)]);
    assert_eq!(said(&mut probe, &identity), [0x05, 0, 7]);
    let (mut probe, board) = {
        drop((probe, board));
        attached()
    };
    board.with(|board| board.inject("parity next 1".parse().unwrap()));
    let buffer = transfer(&[(READ_BUFFER, None)]);
    assert_eq!(said(&mut probe, &buffer), [0x05, 0, 8]);
}

#[test]
fn a_probe_that_is_not_connected_drives_nothing() {
    let (mut probe, board) = attached();
    assert_eq!(said(&mut probe, &[0x03]), [0x03, 0]);
    let before = board.statistics().transfers;
    assert_eq!(
        said(&mut probe, &transfer(&[(READ_IDENTITY, None)])),
        [0x05, 0, 0]
    );
    assert_eq!(
        said(&mut probe, &[0x06, 0, 1, 0, READ_DRW]),
        [0x06, 0, 0, 0]
    );
    assert_eq!(said(&mut probe, &[0x08, 0, 1, 0, 0, 0]), [0x08, 0xFF]);
    assert_eq!(said(&mut probe, &[0x12, 8, 0xFF]), [0x12, 0xFF]);
    assert_eq!(said(&mut probe, &[0x1D, 1, 0x81]), [0x1D, 0xFF]);
    assert_eq!(said(&mut probe, &[0x10, 0, 0x80, 0, 0, 0, 0]), [0x10, 0xA3]);
    assert_eq!(board.statistics().transfers, before);
}

#[test]
fn commands_are_executed_in_one_packet_or_queued_over_several() {
    let (mut probe, board) = attached();
    let delay = [0x09, 0x10, 0x27];
    let packet = [&[0x7F, 3], delay.as_slice(), &[0x00, 0xFE], &delay].concat();
    let began = board.with(|board| board.now());
    let (spent, answer) = cost(&mut probe, &board, &packet);
    assert_eq!(answer, [0x7F, 3, 0x09, 0, 0x00, 1, 8, 0x09, 0]);
    assert_eq!(spent.exchanges, 1);
    let elapsed = board.with(|board| board.now()) - began;
    assert_eq!(elapsed, Time::micros(250 + 2 * 10_000));

    // What is none ends it, and so does what has no room.
    assert_eq!(
        said(&mut probe, &[0x7F, 3, 0x0A, 0x17, 0x0A]),
        [0x7F, 2, 0x0A, 0, 0, 0xFF]
    );
    let block = [0x06, 0, 100, 0, READ_DRW];
    said(&mut probe, &transfer(&[write(WRITE_TAR, RAM)]));
    let answer = said(&mut probe, &[&[0x7F, 2], block.as_slice(), &block].concat());
    assert_eq!(answer.len(), 2 + 404 + 1);
    assert_eq!((answer[1], answer.last()), (2, Some(&0xFF)));
    assert_eq!(said(&mut probe, &[0x7F]), [0xFF]);

    let before = board.statistics().exchanges;
    assert!(probe.answer(vec![0x7E, 1, 0x00, 0xFE]).is_empty());
    assert!(probe.answer(vec![0x7E, 1, 0x0A]).is_empty());
    assert_eq!(board.statistics().exchanges, before);
    let answers = probe.answer(vec![0x00, 0xFE]);
    let expected: [&[u8]; 3] = [&[0x7F, 1, 0, 1, 8], &[0x7F, 1, 0x0A, 0, 0], &[0, 1, 8]];
    assert_eq!(answers, expected);
    assert_eq!(board.statistics().exchanges, before + 3);

    for _ in 0..8 {
        assert!(probe.answer(vec![0x7E, 1, 0x0A]).is_empty());
    }
    assert_eq!(said(&mut probe, &[0x7E, 1, 0x0A]), [0xFF], "the ninth");
    // Nothing is under way that it could abort.
    assert!(probe.answer(vec![0x07]).is_empty());
    assert_eq!(probe.answer(vec![0x0A]).len(), 9);
}

#[test]
fn bits_by_hand_reach_the_port() {
    let (mut probe, _) = attached();
    // A request for DPIDR, turnaround with acknowledge, the word with its parity and the turnaround back.
    let answer = said(&mut probe, &[0x1D, 4, 0x02, 0, 0x08, 0xA5, 0x84, 0xA2]);
    assert_eq!(answer[..2], [0x1D, 0]);
    assert_eq!(answer[2] >> 1, 1, "acknowledge");
    assert_eq!(answer[3..7], IDENTITY);
    assert_eq!(answer.len(), 3 + 5);

    // The same request by the pins, one edge at a time, low and high.
    for bit in [0, 0, 1, 0, 1, 0, 0, 1, 0, 1] {
        let data = bit << 1;
        said(&mut probe, &[0x10, data, 0x03, 0, 0, 0, 0]);
        assert_eq!(
            said(&mut probe, &[0x10, data | 1, 0x01, 0, 0, 0, 0]),
            [0x10, 0xA1 | data]
        );
    }
    let answer = said(&mut probe, &[0x1D, 2, 0x84, 0xA2]);
    assert_eq!(answer[2] >> 1, 1);
    assert_eq!(answer[3..7], IDENTITY);
}

#[test]
fn reset_lasts_until_it_is_released_or_the_client_goes() {
    let (mut probe, board) = attached();
    assert_eq!(said(&mut probe, &[0x10, 0, 0x80, 0, 0, 0, 0]), [0x10, 0x23]);
    let state = |board: &VirtualBoard| {
        board.with(|board| {
            board.run_for(Time::millis(1));
            board.core_state()
        })
    };
    assert_eq!(state(&board), CoreState::InReset);
    assert_eq!(
        said(&mut probe, &[0x10, 0x80, 0x80, 0, 0, 0, 0]),
        [0x10, 0xA3]
    );
    // A blank board's core runs into nothing.
    assert_eq!(state(&board), CoreState::LockedUp);
    said(&mut probe, &[0x10, 0, 0x80, 0, 0, 0, 0]);
    drop(probe);
    assert_eq!(state(&board), CoreState::LockedUp);
}

/// Whatever a client sends, each packet has its response, and that fits into one.
#[test]
fn random_packets_are_answered() {
    let (mut probe, _) = attached();
    let mut state = 1u32;
    let mut random = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as u8
    };
    for _ in 0..20_000 {
        let length = usize::from(random()) % 24;
        let mut packet: Vec<u8> = (0..length).map(|_| random()).collect();
        // Half of them are commands, or lists of such.
        if let Some(identifier) = packet.first_mut()
            && random() & 1 == 0
        {
            *identifier = if random() & 3 == 0 {
                0x7F
            } else {
                *identifier % 0x20
            };
        }
        let silent = matches!(packet.first(), Some(0x07 | 0x7E));
        let answers = probe.answer(packet);
        assert_eq!(answers.is_empty(), silent);
        for answer in answers {
            assert!((1..=PAYLOAD_BYTES).contains(&answer.len()));
        }
    }
}

//! Requests of a client, byte by byte.

use super::*;
use crate::board::{Board, CoreState};

fn remote() -> Remote {
    let board = Board::builder()
        .build()
        .expect("a blank board needs no file");
    Remote::new(VirtualBoard::new(board))
}

fn said(remote: &mut Remote, request: &str) -> String {
    remote.answer(request.as_bytes()).encoded()
}

#[test]
fn requests_are_found_in_noise() {
    let mut stream: &[u8] = b"+#!GA#  !GV!HC##\0!";
    let mut found = Vec::new();
    while let Some(request) = next_request(&mut stream).unwrap() {
        found.push(request.unwrap());
    }
    assert_eq!(found, [b"GA".to_vec(), b"HC".to_vec()]);
}

#[test]
fn a_request_longer_than_the_buffer_is_skipped() {
    let mut bytes = vec![b'!'];
    bytes.resize(LONGEST_REQUEST + 2, b'0');
    bytes.extend_from_slice(b"#!HC#");
    let mut stream: &[u8] = &bytes;
    assert_eq!(next_request(&mut stream).unwrap(), Some(None));
    assert_eq!(
        next_request(&mut stream).unwrap(),
        Some(Some(b"HC".to_vec()))
    );
}

#[test]
fn the_probe_says_who_it_is_and_what_it_can() {
    let remote = &mut remote();
    assert!(said(remote, "GA").starts_with("&KVirtual STM32H7S78-DK v"));
    assert_eq!(said(remote, "HC"), "&K4#");
    assert_eq!(said(remote, "HA"), "&K0#");
    assert_eq!(said(remote, "GV"), "&K3.3V#");
    assert_eq!(said(remote, "GF003d0900"), "&K0#");
    assert_eq!(said(remote, "Gf"), "&K00093d00#");
    assert_eq!(said(remote, "JS"), "&N0#");
    assert_eq!(said(remote, "GP1"), "&N0#");
}

#[test]
fn nonsense_is_refused_by_code() {
    let remote = &mut remote();
    for request in ["", "G", "GX", "HX", "SX", "Gé"] {
        assert_eq!(said(remote, request), "&E1#", "{request:?}");
    }
    for request in [
        "So", "So0", "So21", "So00", "So2", "Soxx1", "So08", "So08-1", "So08+1", "Si", "Si21",
        "Si081", "GZ", "GZ2", "GF", "GFzz", "Sié", "So0é1",
    ] {
        assert_eq!(said(remote, request), "&E2#", "{request:?}");
    }
    assert_eq!(remote.answer(&[0xFF, 0xFE, 0]).encoded(), "&E1#");
    for request in ["XX", "AR", "é!"] {
        assert!(said(remote, request).starts_with('&'));
    }
}

#[test]
fn the_pin_turns_round_by_itself() {
    let remote = &mut remote();
    for request in [
        "SS",
        "So20ffffffff",
        "So13ffffffff",
        "So10e79e",
        "So20ffffffff",
        "So13ffffffff",
        "So030",
        "So08a5",
    ] {
        assert_eq!(said(remote, request), "&K0#");
    }
    assert_eq!(said(remote, "Si03"), "&K1#");
    assert_eq!(said(remote, "SI20"), "&K6ba02477#");
    // CTRL/STAT takes a word with the parity that the probe makes.
    said(remote, "So08a9");
    assert_eq!(said(remote, "Si03"), "&K1#");
    said(remote, "SO2070000000");
    said(remote, "So088d");
    assert_eq!(said(remote, "Si03"), "&K1#");
    assert_eq!(said(remote, "SI20"), "&Kf0000000#");
}

#[test]
fn reset_lasts_until_it_is_released_or_the_client_goes() {
    let mut remote = remote();
    let board = remote.board.clone();
    assert_eq!(said(&mut remote, "GZ1"), "&K0#");
    assert_eq!(said(&mut remote, "Gz"), "&K1#");
    let still = board.with(|board| {
        board.run_for(Time::millis(1));
        (board.pc(), board.core_cycles())
    });
    board.with(|board| board.run_for(Time::millis(1)));
    assert_eq!(
        board.with(|board| (board.pc(), board.core_cycles())),
        still,
        "the core is held"
    );
    drop(remote);
    board.with(|board| board.run_for(Time::millis(1)));
    assert_eq!(
        board.with(|board| board.core_state()),
        CoreState::LockedUp,
        "a blank board's core has run into nothing"
    );
}

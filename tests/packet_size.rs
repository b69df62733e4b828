//! Packets are as large as we offer (PacketSize, 16 KB) in both directions, with an older GDB and a recent one: a bulk transfer takes as
//! few requests as that allows. `m` brings two digits a byte; GDB asks for no more than that by `x` either.

mod support;

use std::fmt::Write as _;

use support::{board::Board, debugger::Debugger, firmware, gdb::Gdb};

const BYTES: usize = 0x1_0000;
/// What a read asks for at once: half of PacketSize.
const READ_BYTES: usize = 0x2000;
/// What a write carries at least, when one byte in 64 is escaped.
const WRITE_BYTES: usize = 0x3E00;

/// Requests that begin with `begin`, in what `set debug remote 1` has shown.
fn requests(log: &str, begin: &str) -> usize {
    log.matches(&format!("Sending packet: ${begin}")).count()
}

/// Bytes in which each value is as frequent as the others.
fn data() -> Vec<u8> {
    (0..BYTES)
        .map(|index| (index * 7 + index / 256) as u8)
        .collect()
}

/// As Intel HEX at `base`: what `load` takes without a linker.
fn hex_file(base: u32, data: &[u8]) -> String {
    let mut text = String::new();
    let mut record = |address: u16, kind: u8, bytes: &[u8]| {
        let [high, low] = address.to_be_bytes();
        let mut whole = vec![bytes.len() as u8, high, low, kind];
        whole.extend(bytes);
        let sum = whole.iter().fold(0_u8, |sum, byte| sum.wrapping_sub(*byte));
        whole.push(sum);
        text.push(':');
        for byte in whole {
            write!(text, "{byte:02X}").expect("a String takes every text");
        }
        text.push('\n');
    };
    record(0, 4, &((base >> 16) as u16).to_be_bytes());
    for (index, piece) in data.chunks(16).enumerate() {
        record((index * 16) as u16, 0, piece);
    }
    record(0, 1, &[]);
    text
}

#[test]
fn bulk_transfers_fill_their_packets() {
    for (debugger, read) in Debugger::ALL.into_iter().zip(["m", "x"]) {
        let board = Board::with_appli("appli.elf");
        let server = board.serve_appli("appli.elf");
        let mut gdb = Gdb::connect_as(debugger, Some(&firmware("appli.elf")), server.port);
        gdb.monitor("reset halt");
        gdb.flush_registers();
        let (file, back, hex) = (
            board.file("data.bin"),
            board.file("back.bin"),
            board.file("data.hex"),
        );
        std::fs::write(&file, data()).expect("a scratch file");
        std::fs::write(&hex, hex_file(0x7010_0000, &data())).expect("a scratch file");
        gdb.cli("set debug remote 1");
        let restored = gdb.cli(&format!("restore {} binary 0x24020000", file.display()));
        let dump = |from: usize| {
            format!(
                "dump binary memory {} {from:#x} {:#x}",
                back.display(),
                from + BYTES
            )
        };
        let dumped = gdb.cli(&dump(0x2402_0000));
        let same = std::fs::read(&back).is_ok_and(|back| back == data());
        assert!(same, "{debugger:?}: AXI SRAM holds something else");
        let loaded = gdb.cli(&format!("load {}", hex.display()));
        let from_window = gdb.cli(&dump(0x7010_0000));
        gdb.cli("set debug remote 0");
        let same = std::fs::read(&back).is_ok_and(|back| back == data());
        assert!(same, "{debugger:?}: the NOR holds something else");
        let most_writes = BYTES.div_ceil(WRITE_BYTES);
        // One without data asks whether `X` is known.
        let writes = requests(&restored, "X") - requests(&restored, "X24020000,0:");
        assert!(
            (1..=most_writes).contains(&writes),
            "{debugger:?}: {writes} writes"
        );
        let writes = requests(&loaded, "vFlashWrite:");
        assert!(
            (1..=most_writes).contains(&writes),
            "{debugger:?}: {writes} flash writes"
        );
        for log in [dumped, from_window] {
            assert_eq!(
                requests(&log, read),
                BYTES / READ_BYTES,
                "{debugger:?}: {read}"
            );
        }
    }
}

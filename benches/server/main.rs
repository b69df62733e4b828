//! What the server itself works, in host time: `cargo bench --bench server`. Everything else in benches/ counts exchanges and modelled
//! time; here the probe costs nothing, so that the host's own share shows.
//!
//! - Packets, at the size that we offer (PacketSize, 16 KB): found by the framer, parsed by the dispatcher, framed as replies.
//! - GDB's memory map.
//! - Difference planning and comparison of images, on a link whose NOR is an array.

#[path = "../../tests/bench/mod.rs"]
mod bench;
mod held;

use std::hint::black_box;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use xspi_gdb::{
    flash::{self, Transaction},
    gdb::{
        memory_map,
        wire::{
            dispatch::parse,
            encoding::{escape, from_hex, to_hex, unescape},
            framer::{Framer, PACKET_BYTES, frame},
            reply,
        },
    },
    layout::{Address, BoardProfile},
    session::{Region, RegionKind},
};

use held::Held;

const NOR: u32 = 0x7000_0000;
const MEGABYTE: usize = 1 << 20;
/// What a TCP segment on Ethernet carries: packets of a GDB on another machine come in such pieces.
const SEGMENT_BYTES: usize = 1448;

/// Bytes of which as many must be escaped as chance has it: one in 64.
fn random_bytes(count: usize) -> Vec<u8> {
    let mut state = 0x2545_F491_u32;
    let mut byte = || {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        state as u8
    };
    (0..count).map(|_| byte()).collect()
}

/// `head` and as much binary data as a packet takes.
fn binary_packet(head: impl Fn(usize) -> String) -> Vec<u8> {
    let data = random_bytes(PACKET_BYTES - 0x200);
    let mut body = head(data.len()).into_bytes();
    body.extend(escape(&data));
    assert!(body.len() <= PACKET_BYTES, "{}", body.len());
    body
}

/// The packets that a session is made of, by name.
fn packets() -> Vec<(&'static str, Vec<u8>)> {
    let digits = to_hex(&random_bytes(PACKET_BYTES / 2 - 16));
    let mut write = format!("M24000000,{:x}:", digits.len() / 2).into_bytes();
    write.extend(digits);
    vec![
        ("m", b"m70001234,40".to_vec()),
        ("g", b"g".to_vec()),
        ("Z1", b"Z1,70001234,2".to_vec()),
        ("vCont;s", b"vCont;s:1;c".to_vec()),
        ("M, full", write),
        ("X, full", binary_packet(|n| format!("X24000000,{n:x}:"))),
        (
            "vFlashWrite, full",
            binary_packet(|_| "vFlashWrite:70000000:".to_owned()),
        ),
    ]
}

fn framing(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("framer receives");
    for (name, body) in packets() {
        let bytes = frame(&body);
        group.throughput(Throughput::Bytes(bytes.len() as u64));
        group.bench_function(name, |bencher| {
            let mut framer = Framer::default();
            bencher.iter(|| receive(&mut framer, [&bytes[..]]));
        });
    }
    let bytes = frame(&binary_packet(|n| format!("X24000000,{n:x}:")));
    group.bench_function("X, full, in segments", |bencher| {
        let mut framer = Framer::default();
        bencher.iter(|| receive(&mut framer, bytes.chunks(SEGMENT_BYTES)));
    });
    group.finish();

    let mut group = criterion.benchmark_group("framer sends");
    for (name, bytes) in [("OK", 2), ("g", 152), ("m or x, full", PACKET_BYTES)] {
        let body = vec![b'a'; bytes];
        group.throughput(Throughput::Bytes(bytes as u64));
        group.bench_function(name, |bencher| {
            let mut framer = Framer::default();
            let mut outgoing = Vec::new();
            bencher.iter(|| {
                outgoing.clear();
                framer.send(black_box(&body), &mut outgoing);
                outgoing.len()
            });
        });
    }
    group.finish();
}

/// As the event loop does with what it has read.
fn receive<'b>(framer: &mut Framer, pieces: impl IntoIterator<Item = &'b [u8]>) -> usize {
    let (mut incoming, mut outgoing) = (Vec::new(), Vec::new());
    for piece in pieces {
        framer.receive(black_box(piece), &mut incoming, &mut outgoing);
    }
    assert_eq!(incoming.len(), 1, "one packet");
    outgoing.len()
}

fn dispatching(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("dispatcher parses");
    for (name, body) in packets() {
        group.throughput(Throughput::Bytes(body.len() as u64));
        group.bench_function(name, |bencher| bencher.iter(|| parse(black_box(&body))));
    }
    group.finish();
}

fn encoding(criterion: &mut Criterion) {
    let data = random_bytes(PACKET_BYTES / 2);
    let (digits, escaped) = (to_hex(&data), escape(&data));
    let mut group = criterion.benchmark_group("encoding of 8 KB");
    group.throughput(Throughput::Bytes(data.len() as u64));
    group.bench_function("to_hex", |bencher| {
        bencher.iter(|| to_hex(black_box(&data)))
    });
    group.bench_function("from_hex", |bencher| {
        bencher.iter(|| from_hex(black_box(&digits)));
    });
    group.bench_function("escape", |bencher| {
        bencher.iter(|| escape(black_box(&data)))
    });
    group.bench_function("unescape", |bencher| {
        bencher.iter(|| unescape(black_box(&escaped)));
    });
    group.finish();
}

/// The kit's map, as a session with it has it.
fn memory_map(criterion: &mut Criterion) {
    let kit = BoardProfile::find("stm32h7s78-dk").expect("the kit");
    let ram = kit
        .rams
        .iter()
        .map(|ram| (ram.base, ram.size, RegionKind::Ram));
    let windows = kit.windows.iter().map(|window| {
        let sector_bytes = window.sector_bytes;
        (window.base, window.size, RegionKind::Flash { sector_bytes })
    });
    let regions: Vec<Region> = ram
        .chain(windows)
        .map(|(start, length, kind)| Region {
            kind,
            start,
            length,
        })
        .collect();
    criterion.bench_function("memory map", |bencher| {
        bencher.iter(|| {
            let xml = memory_map::xml(black_box(&regions));
            reply::part(xml.as_bytes(), 0, PACKET_BYTES)
        });
    });
}

/// An image beside a NOR that holds it, but for `changes` bytes spread over it.
fn transaction(image: &[u8], changes: usize) -> Transaction {
    let mut wanted = image.to_vec();
    for change in 0..changes {
        wanted[image.len() / changes * change + image.len() / changes / 2] ^= 0x10;
    }
    let mut transaction = Transaction::new();
    // As GDB's `load` sends it.
    for (index, piece) in wanted.chunks(PACKET_BYTES - 0x100).enumerate() {
        let start = NOR + (index * (PACKET_BYTES - 0x100)) as u32;
        transaction.write(Address(start), piece);
    }
    transaction
}

fn planning(criterion: &mut Criterion) {
    for (title, changes) in [("unchanged", 0), ("64 bytes changed", 64)] {
        let mut group = criterion.benchmark_group(format!("difference planning, {title}"));
        group.sample_size(10);
        for megabytes in [1, 8, 64] {
            let image = random_bytes(megabytes * MEGABYTE);
            let mut held = Held::open(image.clone());
            let transaction = transaction(&image, changes);
            group.throughput(Throughput::Bytes(image.len() as u64));
            group.bench_function(format!("{megabytes} MB"), |bencher| {
                bencher.iter_batched(
                    || (),
                    |()| {
                        let forecast = held.look(&transaction, flash::forecast);
                        let sectors: usize = forecast.regions.iter().map(|r| r.sectors.len()).sum();
                        assert_eq!(sectors, changes.min(image.len() >> 16));
                    },
                    BatchSize::PerIteration,
                );
            });
        }
        group.finish();
    }
}

fn comparison(criterion: &mut Criterion) {
    let image = random_bytes(8 * MEGABYTE);
    let mut held = Held::open(image.clone());
    let transaction = transaction(&image, 0);
    let mut group = criterion.benchmark_group("comparison");
    group.sample_size(10);
    group.throughput(Throughput::Bytes(image.len() as u64));
    group.bench_function("8 MB", |bencher| {
        bencher.iter(|| held.look(&transaction, flash::compare));
    });
    group.finish();
}

criterion_group!(
    server,
    framing,
    dispatching,
    encoding,
    memory_map,
    planning,
    comparison
);
criterion_main!(server);

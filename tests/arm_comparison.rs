//! An appli that is too large to read over the wire at every reset is compared by the core, which then begins as if nothing had been there.

mod bench;

use bench::{Bench, contents, firmware};
use virtual_board::board::Board;
use xspi_gdb::{
    image::Image,
    layout::Address,
    link::{CoreRegister, Link},
    loader::checksums_in_passing,
};

const NOR: u32 = 0x7000_0000;
const LARGE: usize = 512 << 10;
const DTCM: Address = Address(0x2000_0000);
const AXI_SRAM: Address = Address(0x2400_0000);
/// MPU_CTRL and MPU_RNR.
const MPU: [Address; 2] = [Address(0xE000_ED94), Address(0xE000_ED98)];
/// MPU_RBAR, MPU_RASR.
const REGION: Address = Address(0xE000_ED9C);
const DEMCR: Address = Address(0xE000_EDFC);

/// Our appli with half a megabyte behind it.
fn large() -> Vec<u8> {
    let mut bytes = contents(&firmware("appli.elf"), NOR);
    let more = (bytes.len()..LARGE).map(|index| (index * 7 + index / 256) as u8);
    bytes.extend(more.collect::<Vec<_>>());
    bytes
}

fn appli() -> Image {
    Image::from_segments([(Address(NOR), large())]).expect("an image")
}

/// A board whose NOR holds it, but for one byte.
fn bench(name: &str, different: Option<usize>) -> Bench {
    let boot = contents(&firmware("boot.elf"), 0x0800_0000);
    let mut nor = large();
    if let Some(offset) = different {
        nor[offset] ^= 1;
    }
    Bench::at_speed(name, Board::builder().boot_image(boot).nor_image(nor), None)
}

#[test]
fn one_byte_anywhere_is_found_and_named() {
    // The last of the first kilobyte, one in the middle of nowhere, the last of all.
    for offset in [0x3FF, 0x3_1415, LARGE - 1] {
        let mut bench = bench("differs", Some(offset));
        let armed = bench.arm(Some(&appli())).expect("armed");
        let at = Address(NOR + offset as u32);
        assert_eq!(
            armed.notices,
            [format!(
                "the NOR holds another image than the image (first difference at {at}): `load` programs what differs"
            )]
        );
    }
    let armed = bench("equal", None).arm(Some(&appli())).expect("armed");
    assert!(armed.notices.is_empty(), "{:?}", armed.notices);
}

/// What a program finds at its first instruction.
#[derive(Debug, PartialEq)]
struct Scene {
    registers: Vec<u32>,
    mpu: Vec<u32>,
    catches: u32,
    ram: Vec<u8>,
}

fn word(link: &mut dyn Link, address: Address) -> u32 {
    let mut bytes = [0; 4];
    link.read(address, &mut bytes).expect("a register");
    u32::from_le_bytes(bytes)
}

fn scene(link: &mut dyn Link) -> Scene {
    let registers: Vec<CoreRegister> = (0..=20).filter(|n| *n != 19).map(CoreRegister).collect();
    let mut values = vec![0; registers.len()];
    link.read_registers(&registers, &mut values)
        .expect("registers");
    let mut mpu: Vec<u32> = MPU.map(|address| word(link, address)).to_vec();
    for region in 0..16u32 {
        link.write(MPU[1], &region.to_le_bytes()).expect("MPU_RNR");
        mpu.extend([word(link, REGION), word(link, Address(REGION.0 + 4))]);
    }
    let mut ram = vec![0; 2 * 0x1_0000];
    let (tightly_coupled, axi) = ram.split_at_mut(0x1_0000);
    link.read(DTCM, tightly_coupled).expect("DTCM");
    link.read(AXI_SRAM, axi).expect("AXI SRAM");
    Scene {
        registers: values,
        mpu,
        catches: word(link, DEMCR),
        ram,
    }
}

#[test]
fn the_program_begins_as_if_nothing_had_been_compared() {
    let mut undisturbed = bench("undisturbed", None);
    let vectors = appli().vectors_at(Address(NOR));
    undisturbed.arm_with(None, None, vectors).expect("armed");
    let mut compared = bench("compared", None);
    compared.arm(Some(&appli())).expect("armed");
    let expected = scene(&mut undisturbed.link);
    let found = scene(&mut compared.link);
    assert_eq!(found.registers, expected.registers);
    assert_eq!(found.mpu, expected.mpu);
    assert_eq!(found.catches, expected.catches);
    let moved = |index: &usize| found.ram[*index] != expected.ram[*index];
    assert_eq!(
        (0..expected.ram.len()).find(moved),
        None,
        "of DTCM and AXI SRAM"
    );
}

#[test]
fn it_costs_as_many_exchanges_as_a_few_kilobytes_over_the_wire() {
    let mut bench = bench("costs", None);
    let appli = appli();
    let vectors = appli.vectors_at(Address(NOR));
    let (_, without) = bench.cost(|bench| bench.arm_with(None, None, vectors).expect("armed"));
    let (_, with) = bench.cost(|bench| bench.arm(Some(&appli)).expect("armed"));
    let (exchanges, time) = (with.exchanges - without.exchanges, with.time - without.time);
    println!("{exchanges} exchanges, {time:?}");
    assert!(exchanges <= 26, "{exchanges}");
    assert!(time.as_millis() < 40, "{time:?}");
}

/// General registers that differ, the process stack, unprivileged, a region of the MPU of its own where the routine takes one.
#[test]
fn whatever_the_core_was_in_it_is_in_again() {
    let mut bench = bench("anything", None);
    let vectors = appli().vectors_at(Address(NOR));
    bench.arm_with(None, None, vectors).expect("armed");
    let link = &mut bench.link;
    let mut registers: Vec<_> = (0..13)
        .map(|n| (CoreRegister(n), 0x1111 * u32::from(n) + 7))
        .collect();
    registers.extend([
        (CoreRegister::LR, 0x7000_1235),
        (CoreRegister::PSP, 0x2400_8000),
        (CoreRegister::XPSR, 0xF900_0000),
        (CoreRegister::SPECIAL, 0x0300_5000),
    ]);
    link.write_registers(&registers).expect("registers");
    // Number, base, attributes: 64 KB of AXI SRAM, read-only.
    let region = [15, 0x2400_0000, 0x1603_001F_u32];
    link.write(MPU[1], region.map(u32::to_le_bytes).as_flattened())
        .expect("a region");
    let select = |link: &mut dyn Link| link.write(MPU[1], &3u32.to_le_bytes()).expect("MPU_RNR");
    select(link);
    let expected = scene(link);
    assert_eq!(expected.mpu[1], 3);
    select(link);
    let run = u64::from(NOR)..u64::from(NOR) + LARGE as u64;
    let sums = checksums_in_passing(
        link,
        &mut bench.windows,
        &bench.profile,
        &[run],
        LARGE as u32,
    );
    assert_eq!(sums.expect("a sum"), [crc32fast::hash(&large())]);
    assert_eq!(scene(&mut bench.link), expected);
}

#[test]
fn where_the_core_cannot_tell_the_board_is_armed_all_the_same_and_says_so() {
    let mut bench = bench("no-room", Some(LARGE - 1));
    // Boot stage and appli have their stacks there; there is no room for ours.
    bench.profile.rams.retain(|ram| ram.name == "dtcm");
    let dtcm = &mut bench.profile.rams[0];
    dtcm.base = Address(dtcm.base.0 + dtcm.size - 0x200);
    dtcm.size = 0x200;
    let armed = bench.arm(Some(&appli())).expect("armed");
    let [notice] = armed.notices.as_slice() else {
        panic!("{:?}", armed.notices);
    };
    assert!(
        notice.starts_with("whether the board holds the image is not known: ")
            && notice.ends_with("`flash --verify` compares over the wire"),
        "{notice}"
    );
    assert_eq!(bench.board.with(|board| board.pc()), armed.entry.0);
}

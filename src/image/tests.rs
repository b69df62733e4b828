//! Images from bytes that the tests write themselves: good ones, and every way a file can lie.

use super::*;

/// One program header: address in memory, load address, bytes.
type Load<'a> = (u32, u32, &'a [u8]);

/// An ELF32 for Arm with nothing but program headers.
fn elf(entry: u32, loads: &[Load<'_>]) -> Vec<u8> {
    let mut file = Vec::new();
    file.extend(b"\x7FELF\x01\x01\x01\0\0\0\0\0\0\0\0\0");
    file.extend(2u16.to_le_bytes()); // executable
    file.extend(40u16.to_le_bytes()); // Arm
    for word in [1, entry, 52, 0, 0x0500_0000] {
        file.extend(u32::to_le_bytes(word));
    }
    for half in [52, 32, loads.len() as u16, 40, 0, 0] {
        file.extend(u16::to_le_bytes(half));
    }
    let mut offset = 52 + 32 * loads.len();
    for (runs_at, stored_at, bytes) in loads {
        let length = bytes.len() as u32;
        for word in [1, offset as u32, *runs_at, *stored_at, length, length, 7, 4] {
            file.extend(word.to_le_bytes());
        }
        offset += bytes.len();
    }
    for (_, _, bytes) in loads {
        file.extend(*bytes);
    }
    file
}

fn vectors(stack_pointer: u32, reset: u32) -> Vec<u8> {
    let mut bytes = stack_pointer.to_le_bytes().to_vec();
    bytes.extend(reset.to_le_bytes());
    bytes.extend([0xAA; 24]);
    bytes
}

fn parse(bytes: &[u8]) -> Result<Image, ImageError> {
    Image::from_bytes(bytes, Path::new("appli"))
}

fn kit() -> BoardProfile {
    BoardProfile::find("stm32h7s78-dk").expect("the kit")
}

#[test]
fn an_appli_is_stored_by_load_address_and_reserved_memory_is_left_out() {
    let text = vectors(0x2001_0000, 0x7000_0011);
    let image = parse(&elf(
        0x7000_0011,
        &[
            (0x7000_0000, 0x7000_0000, &text),
            (0x2400_0000, 0x7000_0020, &[1, 2, 3, 4]),
            (0x2000_0000, 0x2000_0000, &[]),
        ],
    ))
    .expect("an image");
    assert_eq!(image.segments().len(), 2);
    assert_eq!(image.segments()[1].runs_at, Some(Address(0x2400_0000)));
    assert_eq!(image.entry(), Some(Address(0x7000_0010)));
    assert_eq!(image.length(), 36);
    let table = image.vectors().expect("vectors");
    assert_eq!(
        (table.address, table.handler()),
        (Address(0x7000_0000), Address(0x7000_0010))
    );
    assert!(table.is_plausible(&kit()));

    let mut bytes = [0; 8];
    assert_eq!(image.read(Address(0x7000_001E), &mut bytes), 6);
    assert_eq!(bytes[..6], [0xAA, 0xAA, 1, 2, 3, 4]);
    assert_eq!(image.read(Address(0x7000_0024), &mut bytes), 0);
}

#[test]
fn vectors_at_an_offset_are_found_in_their_window() {
    let image = parse(&elf(
        0x7002_0011,
        &[
            (0x0800_0000, 0x0800_0000, &vectors(0x2000_1000, 0x0800_0009)),
            (0x7002_0000, 0x7002_0000, &vectors(0x2001_0000, 0x7002_0011)),
        ],
    ))
    .expect("an image");
    let kit = kit();
    let table = image.appli_vectors(&kit).expect("vectors");
    assert_eq!(table.address, Address(0x7002_0000));
    assert_eq!(
        image.vectors().expect("vectors").address,
        Address(0x0800_0000)
    );
}

#[test]
fn segments_are_sorted_by_the_memories_of_the_board() {
    let image = Image::from_segments([
        (Address(0x7000_0000), vec![1; 8]),
        (Address(0x0800_0000), vec![2; 8]),
        (Address(0x2400_0000), vec![3; 8]),
        (Address(0x9000_0000), vec![4; 8]),
        (Address(0x6000_0000), vec![5; 8]),
    ])
    .expect("an image");
    let placement = image.placement(&kit()).into_addresses();
    assert_eq!(
        placement,
        [
            vec![0x0800_0000],
            vec![0x7000_0000],
            vec![0x2400_0000, 0x9000_0000],
            vec![0x6000_0000]
        ]
    );
}

impl Placement<'_> {
    fn into_addresses(self) -> [Vec<u32>; 4] {
        [self.internal, self.windows, self.ram, self.elsewhere]
            .map(|list| list.iter().map(|segment| segment.address.0).collect())
    }
}

#[test]
fn a_cut_off_file_names_the_segment() {
    let mut file = elf(1, &[(0x7000_0000, 0x7000_0000, &[0; 64])]);
    file.truncate(100);
    assert!(matches!(
        parse(&file),
        Err(ImageError::Truncated {
            address: Address(0x7000_0000),
            length: 64,
            ..
        })
    ));
}

#[test]
fn a_segment_of_four_gigabytes_is_refused_before_memory_is_asked_for() {
    let mut file = elf(1, &[(0x7000_0000, 0x7000_0000, &[0; 4])]);
    file[52 + 16..52 + 20].copy_from_slice(&u32::MAX.to_le_bytes()); // p_filesz
    assert!(matches!(
        parse(&file),
        Err(ImageError::Truncated {
            length: 0xFFFF_FFFF,
            ..
        })
    ));
}

#[test]
fn overlapping_segments_and_the_end_of_the_space_are_told_apart() {
    let overlap = elf(
        1,
        &[
            (0x7000_0000, 0x7000_0000, &[0; 16]),
            (0x7000_0008, 0x7000_0008, &[0; 16]),
        ],
    );
    assert!(matches!(
        parse(&overlap),
        Err(ImageError::Overlap {
            first: Address(0x7000_0000),
            second: Address(0x7000_0008),
            ..
        })
    ));
    let beyond = elf(1, &[(0xFFFF_FFF8, 0xFFFF_FFF8, &[0; 16])]);
    assert!(matches!(
        parse(&beyond),
        Err(ImageError::BeyondSpace { .. })
    ));
}

#[test]
fn an_elf_for_another_machine_is_no_appli() {
    let mut file = elf(1, &[(0x7000_0000, 0x7000_0000, &[0; 4])]);
    file[18..20].copy_from_slice(&62u16.to_le_bytes()); // x86-64
    assert!(matches!(
        parse(&file),
        Err(ImageError::WrongMachine { machine: 62, .. })
    ));
}

#[test]
fn damaged_files_are_errors_and_never_panics() {
    let file = elf(
        0x7000_0011,
        &[(0x7000_0000, 0x7000_0000, &vectors(0x2001_0000, 0x7000_0011))],
    );
    for length in 0..file.len() {
        let _ = parse(&file[..length]);
    }
    for position in 0..file.len() {
        for value in [0, 0x7F, 0xFF] {
            let mut damaged = file.clone();
            damaged[position] = value;
            let _ = parse(&damaged);
        }
    }
}

#[test]
fn hex_records_are_joined_whatever_their_order() {
    let text = ":020000047000 8A\n".replace(' ', "")
        + ":0400040005060708DE\n:0400000001020304F2\n:0400000570000011 76\n"
            .replace(' ', "")
            .as_str()
        + ":00000001FF\n";
    let image = parse(text.as_bytes()).expect("an image");
    assert_eq!(image.segments().len(), 1);
    assert_eq!(image.segments()[0].address, Address(0x7000_0000));
    assert_eq!(image.segments()[0].data, [1, 2, 3, 4, 5, 6, 7, 8]);
    assert_eq!(image.entry(), Some(Address(0x7000_0010)));
}

#[test]
fn hex_damage_names_the_line_and_a_missing_end_is_no_success() {
    assert!(matches!(
        parse(b":0400000001020304F2\n:0400000001020304F3\n:00000001FF\n"),
        Err(ImageError::Hex { line: 2, .. })
    ));
    assert!(matches!(
        parse(b":0400000001020304F2\n"),
        Err(ImageError::HexWithoutEnd { .. })
    ));
    assert!(matches!(
        parse(b":\xFF\xFE"),
        Err(ImageError::HexNotText { .. })
    ));
}

#[test]
fn a_plain_binary_needs_an_address() {
    assert!(matches!(parse(b"plain"), Err(ImageError::NoAddress { .. })));
    let path = std::env::temp_dir().join(format!("xspi-gdb-image-{}.bin", std::process::id()));
    fs::write(&path, [1, 2, 3]).expect("a file");
    let image = Image::open(format!("{}@0x7000_1000", path.display())).expect("an image");
    assert_eq!(image.segments()[0].address, Address(0x7000_1000));
    assert!(!image.is_stale());
    fs::write(&path, [1, 2, 3, 4]).expect("a file");
    assert!(image.is_stale());
    assert!(matches!(
        Image::open(format!("{}@here", path.display())),
        Err(ImageError::BadAddress { .. })
    ));
    fs::remove_file(&path).expect("ours");
    assert!(matches!(
        Image::open(&path),
        Err(ImageError::Unreadable { .. })
    ));
}

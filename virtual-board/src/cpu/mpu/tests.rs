//! Permissions and memory types, against the tables of the manual.

use super::*;

const PRIVILEGED: Context = Context {
    privileged: true,
    negative_priority: false,
};
const USER: Context = Context {
    privileged: false,
    negative_priority: false,
};

fn rasr(size_bits: u32, permissions: u32, disabled_subregions: u32) -> u32 {
    permissions << 24 | disabled_subregions << 8 | (size_bits - 1) << 1 | RASR_ENABLE
}

fn with_region(number: u32, base: u32, attributes: u32) -> Mpu {
    let mut mpu = Mpu::default();
    mpu.write(offset::RNR, number);
    mpu.write(offset::RBAR, base);
    mpu.write(offset::RASR, attributes);
    mpu.write(offset::CTRL, CTRL_ENABLE | CTRL_PRIVDEFENA);
    mpu
}

#[test]
fn there_are_sixteen_regions() {
    assert_eq!(Mpu::default().read(offset::TYPE), 0x1000);
}

#[test]
fn disabled_it_leaves_the_default_map() {
    let mpu = Mpu::default();
    for (address, executable) in [
        (0x0800_0000, true),
        (0x2000_0000, true),
        (0x4000_0000, false),
        (0x7000_0000, true),
        (0x9FFF_FFFE, true),
        (0xA000_0000, false),
        (0xE000_E000, false),
    ] {
        assert!(mpu.permits(address, Access::Write, USER));
        assert_eq!(
            mpu.permits(address, Access::Fetch, PRIVILEGED),
            executable,
            "{address:#010x}"
        );
    }
}

#[test]
fn access_permissions_follow_the_table() {
    // AP, then (privileged read, write), (unprivileged read, write).
    let table = [
        (0, (false, false), (false, false)),
        (1, (true, true), (false, false)),
        (2, (true, true), (true, false)),
        (3, (true, true), (true, true)),
        (5, (true, false), (false, false)),
        (6, (true, false), (true, false)),
        (7, (true, false), (true, false)),
    ];
    for (permissions, privileged, user) in table {
        let mpu = with_region(0, 0x2000_0000, rasr(16, permissions, 0));
        for (context, expected) in [(PRIVILEGED, privileged), (USER, user)] {
            let seen = (
                mpu.permits(0x2000_0004, Access::Read, context),
                mpu.permits(0x2000_0004, Access::Write, context),
            );
            assert_eq!(seen, expected, "AP {permissions} {context:?}");
        }
    }
}

#[test]
fn the_highest_region_wins_and_a_disabled_subregion_falls_through() {
    let mut mpu = with_region(0, 0x2000_0000, rasr(16, 3, 0));
    mpu.write(offset::RBAR, 0x2000_0000 | RBAR_VALID | 7);
    mpu.write(offset::RASR, rasr(11, 0, 0b1111_1101));
    assert!(mpu.permits(0x2000_00FF, Access::Write, USER));
    assert!(!mpu.permits(0x2000_0100, Access::Read, PRIVILEGED));
    assert!(!mpu.permits(0x2000_01FF, Access::Read, PRIVILEGED));
    assert!(mpu.permits(0x2000_0200, Access::Read, USER));
}

#[test]
fn outside_every_region_only_privdefena_helps_and_only_privileged_code() {
    let mut mpu = with_region(0, 0x2000_0000, rasr(16, 3, 0));
    assert!(mpu.permits(0x2400_0000, Access::Read, PRIVILEGED));
    assert!(!mpu.permits(0x2400_0000, Access::Read, USER));
    mpu.write(offset::CTRL, CTRL_ENABLE);
    assert!(!mpu.permits(0x2400_0000, Access::Read, PRIVILEGED));
    assert!(mpu.permits(0xE000_ED00, Access::Read, PRIVILEGED), "PPB");
}

#[test]
fn hard_fault_code_is_checked_only_with_hfnmiena() {
    let handler = Context {
        privileged: true,
        negative_priority: true,
    };
    let mut mpu = with_region(0, 0x2000_0000, rasr(16, 0, 0));
    assert!(mpu.permits(0x2000_0000, Access::Write, handler));
    mpu.write(offset::CTRL, CTRL_ENABLE | CTRL_HFNMIENA);
    assert!(!mpu.permits(0x2000_0000, Access::Write, handler));
}

#[test]
fn execute_never_and_the_four_gigabyte_region() {
    let mut mpu = with_region(0, 0, rasr(32, 3, 0) | RASR_EXECUTE_NEVER);
    assert!(!mpu.permits(0x0800_0000, Access::Fetch, PRIVILEGED));
    assert!(mpu.permits(0xF000_0000, Access::Read, USER));
    mpu.write(offset::RASR, rasr(32, 3, 0));
    assert!(mpu.permits(0x5000_0000, Access::Fetch, PRIVILEGED));
    assert!(
        !mpu.permits(0xE010_0000, Access::Fetch, PRIVILEGED),
        "System is XN"
    );
}

#[test]
fn aliases_are_the_same_registers_and_four_regions_are_described_at_once() {
    let mut mpu = Mpu::default();
    mpu.write(offset::RNR, 4);
    for alias in 1..4 {
        let region = alias + 8;
        mpu.write(
            offset::RBAR + 8 * alias,
            (0x3000_0000 + (alias << 12)) | RBAR_VALID | region,
        );
        assert_eq!(mpu.read(offset::RNR), region);
        mpu.write(offset::RASR + 8 * alias, rasr(12, 3, 0));
    }
    for number in 9..12 {
        mpu.write(offset::RNR, number);
        for same in 0..4 {
            assert_eq!(
                mpu.read(offset::RBAR + 8 * same),
                (0x3000_0000 + ((number - 8) << 12)) | number
            );
            assert_eq!(mpu.read(offset::RASR + 8 * same), rasr(12, 3, 0));
        }
    }
}

#[test]
fn memory_types_follow_the_tables() {
    let normal = |caching| Memory::Normal {
        caching,
        shareable: false,
    };
    // TEX, C and B.
    let table = [
        (0b0_0000, Memory::StronglyOrdered),
        (0b0_0001, Memory::Device),
        (0b0_0010, normal(Caching::WriteThrough)),
        (0b0_0011, normal(Caching::WriteBack)),
        (0b0_0100, normal(Caching::None)),
        (0b0_0111, normal(Caching::WriteBackAllocate)),
        (0b0_1000, Memory::Device),
        (0b1_0000, normal(Caching::None)),
        (0b1_1101, normal(Caching::WriteBackAllocate)),
        (0b1_0110, normal(Caching::WriteThrough)),
        (0b1_1011, normal(Caching::WriteBack)),
    ];
    for (bits, memory) in table {
        let attributes = rasr(16, 3, 0) | (bits >> 2) << 19 | (bits & 3) << 16;
        let mpu = with_region(0, 0x5000_0000, attributes);
        assert_eq!(mpu.memory(0x5000_0000, PRIVILEGED), memory, "{bits:#07b}");
    }
    let shared = rasr(16, 3, 0) | 0b001 << 19 | 0b111 << 16;
    let mpu = with_region(0, 0x5000_0000, shared);
    assert_eq!(
        mpu.memory(0x5000_0000, PRIVILEGED),
        Memory::Normal {
            caching: Caching::WriteBackAllocate,
            shareable: true
        }
    );
}

#[test]
fn without_a_region_the_default_map_says_what_memory_is() {
    let mpu = Mpu::default();
    for (address, caching) in [
        (0x0800_0000, Caching::WriteThrough),
        (0x2400_0000, Caching::WriteBackAllocate),
        (0x7000_0000, Caching::WriteBackAllocate),
        (0x9000_0000, Caching::WriteThrough),
    ] {
        let memory = Memory::Normal {
            caching,
            shareable: false,
        };
        assert_eq!(mpu.memory(address, PRIVILEGED), memory, "{address:#010x}");
    }
    for address in [0x4000_0000, 0x5FFF_FFFC, 0xA000_0000, 0xE010_0000] {
        assert_eq!(mpu.memory(address, PRIVILEGED), Memory::Device);
    }
    assert_eq!(mpu.memory(0xE000_ED00, PRIVILEGED), Memory::StronglyOrdered);
}

//! `StorageInfo`: what an external loader says of its memory (UM2237), 200 bytes.

use board::nor;

const NOR_FLASH: u16 = 3;
const ERASED: u8 = 0xff;

/// A run of equal sectors.
#[repr(C)]
pub struct Sectors {
    count: u32,
    size: u32,
}

/// Layout of [`StorageInfo`].
#[repr(C)]
pub struct Storage {
    name: [u8; 100],
    kind: u16,
    start: u32,
    size: u32,
    page: u32,
    erased: u8,
    sectors: [Sectors; 10],
}

const _: () = assert!(size_of::<Storage>() == 200);

const END: Sectors = Sectors { count: 0, size: 0 };

const NAME: &[u8] = if cfg!(feature = "quad") {
    b"W25Q64JV_W25Q128JV_XSPI1_xspi-gdb"
} else {
    b"MX66UW1G45G_STM32H7S78-DK_xspi-gdb"
};

/// The NOR in 4 KiB sectors: of a quad part as much as it may have.
#[unsafe(no_mangle)]
#[unsafe(link_section = ".Dev_Info")]
pub static StorageInfo: Storage = Storage {
    name: padded(NAME),
    kind: NOR_FLASH,
    start: nor::WINDOW_BASE,
    size: nor::CAPACITY,
    page: nor::PAGE as u32,
    erased: ERASED,
    sectors: [
        Sectors {
            count: nor::CAPACITY / nor::SECTOR,
            size: nor::SECTOR,
        },
        END,
        END,
        END,
        END,
        END,
        END,
        END,
        END,
        END,
    ],
};

const fn padded(text: &[u8]) -> [u8; 100] {
    let mut name = [0; 100];
    let mut index = 0;
    while index < text.len() {
        name[index] = text[index];
        index += 1;
    }
    name
}

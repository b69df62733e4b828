//! The memory of an MPS2 with application note 500, as far as the program uses it: two ZBT SRAMs of 4 MB, each seen twice, and
//! 16 MB of PSRAM.

use virtual_board::bus::{Bus, BusError, Master, Width};

const SIZE: usize = 4 << 20;
const CODE: u32 = 0;
const DATA: u32 = 0x2000_0000;
const PSRAM: u32 = 0x6000_0000;
const PSRAM_SIZE: u32 = 16 << 20;
/// Each SRAM and its mirror.
const SEEN: u32 = 2 * SIZE as u32;

/// Everything else refuses.
pub struct Map {
    code: Vec<u8>,
    data: Vec<u8>,
    psram: Vec<u8>,
}

impl Map {
    pub fn new(code: &[u8], data: &[u8]) -> Self {
        let filled = |contents: &[u8]| {
            let mut memory = contents.to_vec();
            memory.resize(SIZE, 0);
            memory
        };
        Self {
            code: filled(code),
            data: filled(data),
            psram: vec![0; PSRAM_SIZE as usize],
        }
    }

    pub fn bytes(&mut self, address: u32, length: usize) -> Option<&mut [u8]> {
        let (memory, base) = match address {
            ..SEEN => (&mut self.code, CODE),
            DATA.. if address - DATA < SEEN => (&mut self.data, DATA),
            PSRAM.. if address - PSRAM < PSRAM_SIZE => (&mut self.psram, PSRAM),
            _ => return None,
        };
        let offset = (address - base) as usize % memory.len();
        memory.get_mut(offset..offset + length)
    }
}

impl Bus for Map {
    fn read(&mut self, address: u32, width: Width, _: Master) -> Result<u32, BusError> {
        let bytes = self
            .bytes(address, width.bytes() as usize)
            .ok_or(BusError::Refused)?;
        let value = bytes.iter().rev();
        Ok(value.fold(0, |value, &byte| value << 8 | u32::from(byte)))
    }

    fn write(&mut self, address: u32, width: Width, value: u32, _: Master) -> Result<(), BusError> {
        let length = width.bytes() as usize;
        let bytes = self.bytes(address, length).ok_or(BusError::Refused)?;
        bytes.copy_from_slice(&value.to_le_bytes()[..length]);
        Ok(())
    }

    fn at_cycle(&mut self, _: u64) {}

    fn take_attention(&mut self) -> bool {
        false
    }

    fn take_time_dependence(&mut self) -> bool {
        false
    }
}

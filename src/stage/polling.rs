//! Which peripheral register a core that spins is reading: the loads around pc, with the bases that its registers hold.
//!
//! Only two encodings are looked at, because compilers use no others for a peripheral register: LDR (immediate) T1 and T3
//! (ARM ARM A7.7.43). This is a hint for a person, not a disassembler.

use crate::{
    layout::{Address, BoardProfile},
    link::{CoreRegister, Link, LinkError},
};

/// Bytes before and after pc: a polling loop is short.
const BEFORE: u32 = 12;
const AROUND: usize = 24;

/// Peripherals, and the registers of the core (ARM ARM B3.1).
fn is_peripheral(address: u32) -> bool {
    (0x4000_0000..0x6000_0000).contains(&address) || (0xE000_0000..0xE010_0000).contains(&address)
}

/// The register that the code around pc loads from, if one is found.
pub(super) fn polled_register(
    link: &mut dyn Link,
    profile: &BoardProfile,
) -> Result<Option<Address>, LinkError> {
    let names: Vec<CoreRegister> = (0..13)
        .map(CoreRegister)
        .chain([CoreRegister::PC])
        .collect();
    let mut values = vec![0; names.len()];
    link.read_registers(&names, &mut values)?;
    let Some(pc) = values.pop() else {
        return Ok(None);
    };
    let start = Address(pc.saturating_sub(BEFORE) & !1);
    // Code in a window is not read here: the window may not answer.
    if !(profile.is_internal(start) || profile.ram(start).is_some()) {
        return Ok(None);
    }
    let mut code = [0; AROUND];
    link.read(start, &mut code)?;
    Ok(load_from_peripheral(&code, &values))
}

fn load_from_peripheral(code: &[u8], registers: &[u32]) -> Option<Address> {
    let (halves, _) = code.as_chunks::<2>();
    let halves: Vec<u32> = halves
        .iter()
        .map(|half| u32::from(u16::from_le_bytes(*half)))
        .collect();
    let next = halves.iter().skip(1).copied().chain([0]);
    let loads = halves.iter().copied().zip(next).filter_map(|(half, next)| {
        let (base, offset) = match half {
            narrow if narrow & 0xF800 == 0x6800 => (narrow >> 3 & 7, (narrow >> 6 & 0x1F) * 4),
            wide if wide & 0xFFF0 == 0xF8D0 => (wide & 0xF, next & 0xFFF),
            _ => return None,
        };
        let address = registers.get(base as usize)?.wrapping_add(offset);
        is_peripheral(address).then_some(Address(address))
    });
    loads.last()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_load_is_found_by_base_and_offset() {
        let mut registers = [0; 13];
        registers[1] = 0x5802_4800;
        // ldr r0, [r1, #8]; lsls r0, r0, #15; bpl back
        let narrow = [0x88, 0x68, 0xC0, 0x03, 0xFC, 0xD5];
        assert_eq!(
            load_from_peripheral(&narrow, &registers),
            Some(Address(0x5802_4808))
        );
        // ldr.w r0, [r1, #0x134]
        let wide = [0xD1, 0xF8, 0x34, 0x01];
        assert_eq!(
            load_from_peripheral(&wide, &registers),
            Some(Address(0x5802_4934))
        );
        registers[1] = 0x2000_0000;
        assert_eq!(load_from_peripheral(&narrow, &registers), None);
    }
}

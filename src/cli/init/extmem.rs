//! The boot stage's own sources, as ST's external memory manager has them (STM32_ExtMem_Manager): `stm32_extmem_conf.h` says whether the appli is
//! copied, `extmem_manager.c` which controller serves which memory. Both are what the compiler sees, other than the `.ioc`.

use crate::layout::{Address, Controller, parse_number};

/// What the boot stage does with the appli.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Use {
    /// EXTMEM_MEMORY_BOOTXIP.
    InPlace,
    /// EXTMEM_LRUN_SOURCE and its like.
    Copied(Copy),
}

/// What is copied where, in the manager's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Copy {
    /// Offset in the memory that it is copied from.
    pub source: u32,
    /// Bytes.
    pub size: u32,
    /// An address if the destination is on the chip, an offset in the second memory otherwise.
    pub destination: u32,
    /// Whether the destination is on the chip.
    pub on_chip: bool,
}

/// Reads `stm32_extmem_conf.h`.
pub fn parse_use(header: &str) -> Option<Use> {
    let define = |name: &str| {
        header.lines().find_map(|line| {
            let mut words = line.split_whitespace();
            (words.next() == Some("#define") && words.next() == Some(name))
                .then(|| words.next().unwrap_or_default())
        })
    };
    if define("EXTMEM_MEMORY_BOOTXIP").is_some() {
        return Some(Use::InPlace);
    }
    define("EXTMEM_LRUN_SOURCE")?;
    let value = |name| parse_number(define(name)?.trim_end_matches(['u', 'U', 'l', 'L'])).ok();
    Some(Use::Copied(Copy {
        source: value("EXTMEM_LRUN_SOURCE_ADDRESS")?,
        size: value("EXTMEM_LRUN_SOURCE_SIZE")?,
        destination: value("EXTMEM_LRUN_DESTINATION_ADDRESS")?,
        on_chip: define("EXTMEM_LRUN_DESTINATION_INTERNAL").is_some(),
    }))
}

/// Reads `extmem_manager.c`: the controllers of the first and the second memory.
pub fn parse_controllers(source: &str) -> [Option<Controller>; 2] {
    let controller = |number: usize| {
        let memory = format!("extmem_list_config[{number}].Handle");
        let line = source.lines().find(|line| line.contains(&memory))?;
        match (line.contains("hxspi1"), line.contains("hxspi2")) {
            (true, false) => Some(Controller::Xspi1),
            (false, true) => Some(Controller::Xspi2),
            _ => None,
        }
    };
    [controller(0), controller(1)]
}

/// Where a controller's memory begins (RM0477, memory map).
pub fn base(controller: Controller) -> Address {
    Address(match controller {
        Controller::Xspi1 => 0x9000_0000,
        Controller::Xspi2 => 0x7000_0000,
    })
}

/// Which controller serves an address: 256 MB each.
pub fn controller_of(address: Address) -> Option<Controller> {
    [Controller::Xspi1, Controller::Xspi2]
        .into_iter()
        .find(|controller| address.0 >> 28 == base(*controller).0 >> 28)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_is_read() {
        let header = "#define EXTMEM_LRUN_SOURCE EXTMEMORY_1\n#define EXTMEM_LRUN_SOURCE_ADDRESS  0x00000000u\n\
            #define EXTMEM_LRUN_SOURCE_SIZE     0x00001500u\n#define EXTMEM_LRUN_DESTINATION_INTERNAL  1\n\
            #define EXTMEM_LRUN_DESTINATION_ADDRESS 0x24050000u\n";
        let copy = Copy {
            source: 0,
            size: 0x1500,
            destination: 0x2405_0000,
            on_chip: true,
        };
        assert_eq!(parse_use(header), Some(Use::Copied(copy)));
        assert_eq!(parse_use("#define EXTMEM_LRUN_SOURCE"), None);
        assert_eq!(
            parse_use("#define EXTMEM_MEMORY_BOOTXIP  EXTMEMORY_1"),
            Some(Use::InPlace)
        );
    }

    #[test]
    fn controllers_are_read_by_their_handles() {
        let source = "  extmem_list_config[0].Handle = (void*)&hxspi2;\n  extmem_list_config[1].Handle = (void*)&hxspi1;";
        assert_eq!(
            parse_controllers(source),
            [Some(Controller::Xspi2), Some(Controller::Xspi1)]
        );
        assert_eq!(
            parse_controllers("extmem_list_config[0].Handle = 0;"),
            [None, None]
        );
    }

    #[test]
    fn an_address_has_its_controller() {
        assert_eq!(controller_of(Address(0x7800_0000)), Some(Controller::Xspi2));
        assert_eq!(controller_of(Address(0x9000_0400)), Some(Controller::Xspi1));
        assert_eq!(controller_of(Address(0x0800_0000)), None);
    }
}

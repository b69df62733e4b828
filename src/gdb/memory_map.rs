//! The memory map as GDB takes it (GDB manual, "Memory Map Format").
//!
//! GDB makes Z0 in a `flash` region Z1, loads it by `vFlash*`, and refuses to touch what no region covers: so peripherals and the private
//! peripheral bus are listed, as `ram`.

use std::fmt::Write as _;

use crate::session::{Region, RegionKind};

/// The document for `regions`.
pub fn xml(regions: &[Region]) -> String {
    let mut xml = String::from(
        "<?xml version=\"1.0\"?>\n\
         <!DOCTYPE memory-map PUBLIC \"+//IDN gnu.org//DTD GDB Memory Map V1.0//EN\" \
         \"http://sourceware.org/gdb/gdb-memory-map.dtd\">\n<memory-map>\n",
    );
    for region in regions {
        // Writing to a String cannot fail.
        let _ = match region.kind {
            RegionKind::Ram => writeln!(
                xml,
                "<memory type=\"ram\" start=\"{}\" length=\"{:#x}\"/>",
                region.start, region.length
            ),
            RegionKind::Flash { sector_bytes } => writeln!(
                xml,
                "<memory type=\"flash\" start=\"{}\" length=\"{:#x}\"><property name=\"blocksize\">{sector_bytes:#x}</property></memory>",
                region.start, region.length
            ),
        };
    }
    xml.push_str("</memory-map>\n");
    xml
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layout::Address;

    #[test]
    fn flash_names_its_sector() {
        let regions = [
            Region {
                kind: RegionKind::Flash {
                    sector_bytes: 0x1_0000,
                },
                start: Address(0x7000_0000),
                length: 0x800_0000,
            },
            Region {
                kind: RegionKind::Ram,
                start: Address(0x9000_0000),
                length: 0x200_0000,
            },
        ];
        let xml = xml(&regions);
        assert!(xml.contains(
            "<memory type=\"flash\" start=\"0x70000000\" length=\"0x8000000\"><property name=\"blocksize\">0x10000</property></memory>"
        ));
        assert!(xml.contains("<memory type=\"ram\" start=\"0x90000000\" length=\"0x2000000\"/>"));
    }
}

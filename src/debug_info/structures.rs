//! Where the members of a program's structures are, for who reads them in memory: an RTOS's control blocks, the futures of async tasks.
//!
//! DWARF 5, 5.7 (structures), 5.7.10 (variant parts). An async function's future is a structure with a variant for each place at which
//! it can wait; the compiler gives each variant the line of its `.await`.

use std::collections::BTreeMap;

use gimli::{AttributeValue, DebuggingInformationEntry, DwTag, Unit, UnitOffset, constants};

use super::{
    DebugInfoError,
    program::{Bytes, Dwarf, dwarf_of},
};
use crate::image::Image;

/// A structure type.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Structure {
    /// Its size.
    pub bytes: u32,
    members: BTreeMap<String, u32>,
    /// What tells its variants apart, if it has any.
    pub variants: Option<Variants>,
}

impl Structure {
    /// A member's offset.
    pub fn offset(&self, member: &str) -> Option<u32> {
        self.members.get(member).copied()
    }

    /// Bytes from a member to the next one, or to the end.
    pub fn room(&self, member: &str) -> Option<u32> {
        let offset = self.offset(member)?;
        let next = self.members.values().filter(|next| **next > offset).min();
        next.unwrap_or(&self.bytes).checked_sub(offset)
    }
}

/// The variants of a structure, by a byte that tells them apart.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Variants {
    /// Where the byte is.
    pub offset: u32,
    /// File and line of each value.
    pub places: BTreeMap<u8, (String, u32)>,
}

/// The structures of `image` whose path is wanted (`TX_THREAD_STRUCT`, `app::work::{async_fn_env#0}`), by path.
pub fn structures(
    image: &Image,
    is_wanted: impl Fn(&str) -> bool,
) -> Result<BTreeMap<String, Structure>, DebugInfoError> {
    let mut found = BTreeMap::new();
    let Some(dwarf) = dwarf_of(image)? else {
        return Ok(found);
    };
    let mut units = dwarf.units();
    // What comes after a malformed unit is lost; what was found is not.
    while let Ok(Some(header)) = units.next() {
        if let Ok(unit) = dwarf.unit(header) {
            let reader = Reader {
                dwarf: &dwarf,
                unit: &unit,
            };
            // The same: a malformed entry ends its unit.
            let _ = reader.collect(&is_wanted, &mut found);
        }
    }
    Ok(found)
}

struct Reader<'a> {
    dwarf: &'a Dwarf,
    unit: &'a Unit<Bytes>,
}

type Entry = DebuggingInformationEntry<Bytes>;

impl Reader<'_> {
    fn collect(
        &self,
        is_wanted: &impl Fn(&str) -> bool,
        found: &mut BTreeMap<String, Structure>,
    ) -> gimli::Result<()> {
        // Names of the namespaces around the entry, by depth.
        let mut around: Vec<(isize, String)> = Vec::new();
        let mut entries = self.unit.entries();
        while let Some(entry) = entries.next_dfs()? {
            let depth = entry.depth();
            around.retain(|(outer, _)| *outer < depth);
            let is_structure = entry.tag() == constants::DW_TAG_structure_type;
            if !is_structure && entry.tag() != constants::DW_TAG_namespace {
                continue;
            }
            let name = self.name(entry).unwrap_or_default();
            let path = around
                .iter()
                .map(|(_, name)| name.as_str())
                .chain([name.as_str()])
                .collect::<Vec<_>>()
                .join("::");
            if is_structure
                && is_wanted(&path)
                && !found.contains_key(&path)
                && let Some(bytes) = number(entry, constants::DW_AT_byte_size)
            {
                let structure = self.structure(entry.offset(), bytes)?;
                found.insert(path, structure);
            }
            around.push((depth, name));
        }
        Ok(())
    }

    fn structure(&self, at: UnitOffset, bytes: u32) -> gimli::Result<Structure> {
        let mut structure = Structure {
            bytes,
            ..Structure::default()
        };
        let mut tree = self.unit.entries_tree(Some(at))?;
        let mut children = tree.root()?.children();
        while let Some(child) = children.next()? {
            let entry = child.entry();
            match entry.tag() {
                constants::DW_TAG_member => {
                    let offset = number(entry, constants::DW_AT_data_member_location);
                    if let (Some(name), Some(offset)) = (self.name(entry), offset) {
                        structure.members.insert(name, offset);
                    }
                }
                constants::DW_TAG_variant_part => {
                    structure.variants = self.variants(child)?;
                }
                _ => {}
            }
        }
        Ok(structure)
    }

    fn variants(
        &self,
        part: gimli::EntriesTreeNode<'_, '_, Bytes>,
    ) -> gimli::Result<Option<Variants>> {
        let mut variants = Variants::default();
        let mut is_byte = false;
        let mut children = part.children();
        while let Some(child) = children.next()? {
            let entry = child.entry();
            match entry.tag() {
                constants::DW_TAG_member => {
                    let offset = number(entry, constants::DW_AT_data_member_location);
                    variants.offset = offset.unwrap_or_default();
                    is_byte = number(entry, constants::DW_AT_alignment) == Some(1);
                }
                constants::DW_TAG_variant => {
                    let value = number(entry, constants::DW_AT_discr_value);
                    let value = value.and_then(|value| u8::try_from(value).ok());
                    if let (Some(value), Some(place)) = (value, self.place_of_variant(child)?) {
                        variants.places.insert(value, place);
                    }
                }
                _ => {}
            }
        }
        Ok(is_byte.then_some(variants))
    }

    /// File and line of the member that is the variant.
    fn place_of_variant(
        &self,
        variant: gimli::EntriesTreeNode<'_, '_, Bytes>,
    ) -> gimli::Result<Option<(String, u32)>> {
        let mut children = variant.children();
        while let Some(child) = children.next()? {
            let entry = child.entry();
            let line = number(entry, constants::DW_AT_decl_line);
            if let (DwTag(_), Some(file), Some(line)) = (entry.tag(), self.file(entry), line) {
                return Ok(Some((file, line)));
            }
        }
        Ok(None)
    }

    /// The file of a declaration, without its folders.
    fn file(&self, entry: &Entry) -> Option<String> {
        let index = match entry.attr_value(constants::DW_AT_decl_file)? {
            AttributeValue::FileIndex(index) => index,
            value => value.udata_value()?,
        };
        let header = self.unit.line_program.as_ref()?.header();
        let path = header.file(index)?.path_name();
        self.text(path)
    }

    fn name(&self, entry: &Entry) -> Option<String> {
        self.text(entry.attr_value(constants::DW_AT_name)?)
    }

    fn text(&self, value: AttributeValue<Bytes>) -> Option<String> {
        let text = self.dwarf.attr_string(self.unit, value).ok()?;
        Some(String::from_utf8_lossy(&text).into_owned())
    }
}

/// An attribute that is a number of 32 bits.
fn number(entry: &Entry, name: constants::DwAt) -> Option<u32> {
    let value = entry.attr_value(name)?.udata_value()?;
    u32::try_from(value).ok()
}

//! Names of functions: which one an address lies in, for messages, and where one begins.

use std::fmt;

use goblin::elf::{Elf, sym::STT_FUNC};

use crate::layout::Address;

/// A function, from its symbol.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Function {
    start: u32,
    size: u32,
    name: String,
}

/// The functions of an image, by address.
#[derive(Clone, Debug, Default)]
pub struct Symbols {
    functions: Vec<Function>,
}

/// A place in a function. Prints as `clocks::start+0x12`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Location<'a> {
    /// The function.
    pub function: &'a str,
    /// Bytes from its beginning.
    pub offset: u32,
}

impl fmt::Display for Location<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.offset {
            0 => f.write_str(self.function),
            offset => write!(f, "{}+0x{offset:x}", self.function),
        }
    }
}

impl Symbols {
    pub(super) fn of(elf: &Elf<'_>) -> Self {
        let mut functions: Vec<Function> = elf
            .syms
            .iter()
            .filter(|symbol| symbol.st_type() == STT_FUNC && symbol.st_shndx != 0)
            .filter_map(|symbol| {
                Some(Function {
                    start: symbol.st_value as u32 & !1,
                    size: symbol.st_size as u32,
                    name: readable(elf.strtab.get_at(symbol.st_name)?),
                })
            })
            .filter(|function| !function.name.is_empty())
            .collect();
        functions.sort_by_key(|function| (function.start, function.size));
        Self { functions }
    }

    /// The function that `address` lies in. One without a size (assembly) reaches to the next.
    pub fn locate(&self, address: Address) -> Option<Location<'_>> {
        let after = self.functions.partition_point(|f| f.start <= address.0);
        let function = self.functions[..after].last()?;
        let offset = address.0 - function.start;
        let end = match self.functions.get(after) {
            Some(next) if function.size == 0 => next.start - function.start,
            _ => function.size,
        };
        (offset < end).then_some(Location {
            function: &function.name,
            offset,
        })
    }

    /// Where the function called `name` begins.
    pub fn address_of(&self, name: &str) -> Option<Address> {
        self.functions
            .iter()
            .find(|function| function.name == name)
            .map(|function| Address(function.start))
    }

    /// True if the file has no symbols of functions.
    pub fn is_empty(&self) -> bool {
        self.functions.is_empty()
    }
}

/// Rust's legacy mangling (`_ZN4boot5clock5start17h0123456789abcdefE`) as a path; other names as they are.
fn readable(name: &str) -> String {
    rust_path(name).unwrap_or_else(|| name.to_owned())
}

fn rust_path(name: &str) -> Option<String> {
    let mut rest = name.strip_prefix("_ZN")?.strip_suffix('E')?;
    let mut parts = Vec::new();
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit())?;
        let length: usize = rest[..digits].parse().ok()?;
        rest = &rest[digits..];
        parts.push(rest.get(..length)?);
        rest = &rest[length..];
    }
    let hash = parts.pop()?;
    let is_hash = hash.len() == 17 && hash.starts_with('h');
    (is_hash && !parts.is_empty()).then(|| parts.join("::"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn symbols(functions: &[(u32, u32, &str)]) -> Symbols {
        Symbols {
            functions: functions
                .iter()
                .map(|&(start, size, name)| Function {
                    start,
                    size,
                    name: name.to_owned(),
                })
                .collect(),
        }
    }

    #[test]
    fn an_address_is_told_by_its_function_and_offset() {
        let symbols = symbols(&[
            (0x100, 0, "Reset"),
            (0x120, 0x10, "main"),
            (0x200, 4, "last"),
        ]);
        let at = |address| symbols.locate(Address(address)).map(|l| l.to_string());
        assert_eq!(at(0x100).as_deref(), Some("Reset"));
        assert_eq!(at(0x11E).as_deref(), Some("Reset+0x1e"));
        assert_eq!(at(0x12F).as_deref(), Some("main+0xf"));
        assert_eq!(at(0x130), None);
        assert_eq!(at(0xFF), None);
        assert_eq!(symbols.address_of("main"), Some(Address(0x120)));
    }

    #[test]
    fn rust_names_are_read_as_paths_and_others_left_alone() {
        assert_eq!(
            readable("_ZN4boot5clock5start17h0123456789abcdefE"),
            "boot::clock::start"
        );
        assert_eq!(readable("_ZN3fooE"), "_ZN3fooE");
        assert_eq!(readable("_ZN99fooE"), "_ZN99fooE");
        assert_eq!(readable("HAL_Init"), "HAL_Init");
    }
}

//! Names of functions and variables: which function an address lies in, for messages, and where a name is.

use std::{borrow::Cow, fmt};

use addr2line::demangle_auto;
use goblin::elf::{
    Elf,
    sym::{STT_FUNC, STT_OBJECT, Sym},
};

use crate::layout::Address;

/// A function, from its symbol.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Function {
    start: u32,
    size: u32,
    name: String,
}

/// A variable in static memory, from its symbol.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Variable {
    /// Where it begins.
    pub address: Address,
    /// Bytes; 0 where the file does not say (assembly, linker scripts).
    pub size: u32,
    /// The name as its language writes it.
    pub name: String,
}

/// The functions and variables of an image, by address.
#[derive(Clone, Debug, Default)]
pub struct Symbols {
    functions: Vec<Function>,
    variables: Vec<Variable>,
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
        let named = |kind: u8| {
            elf.syms
                .iter()
                .filter(move |symbol| symbol.st_type() == kind && symbol.st_shndx != 0)
                .filter_map(|symbol| Some((symbol, readable(name(elf, &symbol)?))))
        };
        let mut functions: Vec<Function> = named(STT_FUNC)
            .map(|(symbol, name)| Function {
                start: symbol.st_value as u32 & !1,
                size: symbol.st_size as u32,
                name,
            })
            .collect();
        functions.sort_by_key(|function| (function.start, function.size));
        let mut variables: Vec<Variable> = named(STT_OBJECT)
            .map(|(symbol, name)| Variable {
                address: Address(symbol.st_value as u32),
                size: symbol.st_size as u32,
                name,
            })
            .collect();
        variables.sort_by_key(|variable| variable.address);
        Self {
            functions,
            variables,
        }
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

    /// Where the function called `name` begins; a name as [`Symbols::variable`] takes it.
    pub fn address_of(&self, name: &str) -> Option<Address> {
        called(&self.functions, name, |function| &function.name)
            .map(|function| Address(function.start))
    }

    /// The variable called `name`: by its whole name (`appli::COUNTER`), or by the last part of it if that names one only (`COUNTER`).
    pub fn variable(&self, name: &str) -> Option<&Variable> {
        called(&self.variables, name, |variable| &variable.name)
    }

    /// All variables, by address.
    pub fn variables(&self) -> &[Variable] {
        &self.variables
    }

    /// The variable that `address` lies in.
    pub fn variable_at(&self, address: Address) -> Option<&Variable> {
        let after = self.variables.partition_point(|v| v.address <= address);
        let variable = self.variables[..after].last()?;
        (address.0 - variable.address.0 < variable.size).then_some(variable)
    }

    /// True if the file has no symbols of functions.
    pub fn is_empty(&self) -> bool {
        self.functions.is_empty()
    }

    /// Of variables only.
    #[cfg(test)]
    pub(crate) fn of_variables(variables: Vec<Variable>) -> Self {
        Self {
            functions: Vec::new(),
            variables,
        }
    }
}

/// The one of `items` whose name is `name`, or else the only one whose path ends so.
fn called<'a, T>(items: &'a [T], name: &str, name_of: impl Fn(&T) -> &str) -> Option<&'a T> {
    let whole = items.iter().find(|item| name_of(item) == name);
    whole.or_else(|| {
        let mut ending = items.iter().filter(|item| {
            let head = name_of(item).strip_suffix(name);
            head.is_some_and(|head| head.ends_with("::"))
        });
        match (ending.next(), ending.next()) {
            (Some(only), None) => Some(only),
            _ => None,
        }
    })
}

fn name<'a>(elf: &Elf<'a>, symbol: &Sym) -> Option<&'a str> {
    elf.strtab
        .get_at(symbol.st_name)
        .filter(|name| !name.is_empty())
}

/// Rust's and C++'s names as they are written; other names as they are.
fn readable(name: &str) -> String {
    demangle_auto(Cow::Borrowed(name), None).into_owned()
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
            variables: Vec::new(),
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
    fn a_variable_is_found_by_its_whole_name_or_by_a_last_part_that_is_one_only() {
        let variable = |address, size, name: &str| Variable {
            address: Address(address),
            size,
            name: name.to_owned(),
        };
        let symbols = Symbols {
            functions: Vec::new(),
            variables: vec![
                variable(0x2000_0000, 4, "appli::COUNTER"),
                variable(0x2000_0004, 8, "appli::work::STATE"),
                variable(0x2000_0010, 8, "board::STATE"),
            ],
        };
        let at = |name| symbols.variable(name).map(|found| found.address.0);
        assert_eq!(at("appli::COUNTER"), Some(0x2000_0000));
        assert_eq!(at("COUNTER"), Some(0x2000_0000));
        assert_eq!(at("OUNTER"), None);
        assert_eq!(at("STATE"), None, "two are called so");
        assert_eq!(at("work::STATE"), Some(0x2000_0004));
        let named = |address| symbols.variable_at(Address(address)).map(|v| &*v.name);
        assert_eq!(named(0x2000_000B), Some("appli::work::STATE"));
        assert_eq!(named(0x2000_000C), None);
    }

    #[test]
    fn names_are_read_as_their_languages_write_them() {
        for (symbol, name) in [
            (
                "_ZN4boot5clock5start17h0123456789abcdefE",
                "boot::clock::start",
            ),
            ("_ZN3GPS4readEv", "GPS::read()"),
            ("_ZN99fooE", "_ZN99fooE"),
            ("HAL_Init", "HAL_Init"),
        ] {
            assert_eq!(readable(symbol), name);
        }
    }
}

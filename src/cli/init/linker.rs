//! Linker scripts (GNU ld 2.40, 3.7 MEMORY) and memory.x: where the code goes. Sums of numbers and names are reckoned, which is what ST's
//! scripts and those of cortex-m-rt have; a region whose origin takes more than that is passed over.

use std::collections::HashMap;

use crate::layout::{Address, parse_number};

/// Names that regions for code have: CubeMX's, cortex-m-rt's.
const CODE_REGIONS: &[&str] = &["FLASH", "ROM"];

/// How deep names may refer to names: a circle ends.
const DEPTH: u32 = 16;

/// A region of memory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Region {
    /// Its name.
    pub name: String,
    /// Where it begins.
    pub origin: Address,
    /// Bytes, if that can be reckoned.
    pub length: Option<u32>,
}

/// The region that a script puts code into.
pub fn code_region(script: &str) -> Option<Region> {
    let mut regions = regions(script);
    let at = regions
        .iter()
        .position(|region| CODE_REGIONS.contains(&&*region.name.to_ascii_uppercase()))?;
    Some(regions.swap_remove(at))
}

/// The regions of a script's MEMORY command.
fn regions(script: &str) -> Vec<Region> {
    let text = without_comments(script);
    let Some((before, after)) = text.split_once("MEMORY") else {
        return Vec::new();
    };
    let body = after.split_once('{').map_or("", |(_, body)| body);
    let (body, behind) = body.split_once('}').unwrap_or((body, ""));
    let outside = [before, behind].join(";");
    let names = assignments(&outside);
    body.lines()
        .filter_map(|line| region(line, &names))
        .collect()
}

/// `FLASH (rx) : ORIGIN = 0x70000000, LENGTH = 128M`.
fn region(line: &str, names: &HashMap<&str, &str>) -> Option<Region> {
    let (name, place) = line.split_once(':')?;
    let name = name.split('(').next().unwrap_or(name).trim();
    let (origin, length) = place.split_once(',')?;
    let value = |part: &str| Some(part.split_once('=')?.1.trim().to_owned());
    Some(Region {
        name: name.to_owned(),
        origin: Address(reckon(&value(origin)?, names, DEPTH)?),
        length: value(length).and_then(|text| reckon(&text, names, DEPTH)),
    })
}

/// `NAME = VALUE;` outside of commands.
fn assignments(text: &str) -> HashMap<&str, &str> {
    let pairs = text.split(';').filter_map(|statement| {
        let (name, value) = statement
            .rsplit_once('\n')
            .map_or(statement, |(_, last)| last)
            .split_once('=')?;
        let name = name.trim();
        let is_name = !name.is_empty()
            && !name.contains(|c: char| c.is_whitespace() || "+-*/<>!|&".contains(c));
        is_name.then(|| (name, value.trim()))
    });
    pairs.collect()
}

/// A sum of numbers and names.
fn reckon(text: &str, names: &HashMap<&str, &str>, depth: u32) -> Option<u32> {
    let depth = depth.checked_sub(1)?;
    let mut sum: u32 = 0;
    let mut rest = text;
    let mut adds = true;
    loop {
        let end = rest.find(['+', '-']).unwrap_or(rest.len());
        let (term, behind) = rest.split_at(end);
        let term = term.trim();
        let value = match number(term) {
            Some(value) => value,
            None => reckon(names.get(term)?, names, depth)?,
        };
        sum = match adds {
            true => sum.checked_add(value)?,
            false => sum.checked_sub(value)?,
        };
        match behind.chars().next() {
            Some(sign) => {
                adds = sign == '+';
                rest = &behind[1..];
            }
            None => return Some(sum),
        }
    }
}

/// `0x1000`, `64K`, `128M`.
fn number(text: &str) -> Option<u32> {
    let (digits, factor) = match text.strip_suffix(['K', 'k']) {
        Some(digits) => (digits, 1 << 10),
        None => match text.strip_suffix(['M', 'm']) {
            Some(digits) => (digits, 1 << 20),
            None => (text, 1),
        },
    };
    parse_number(digits).ok()?.checked_mul(factor)
}

fn without_comments(script: &str) -> String {
    let mut text = String::with_capacity(script.len());
    let mut rest = script;
    while let Some((before, comment)) = rest.split_once("/*") {
        text.push_str(before);
        rest = comment.split_once("*/").map_or("", |(_, behind)| behind);
    }
    text.push_str(rest);
    let lines = text.lines();
    let plain: Vec<&str> = lines
        .map(|line| line.split_once("//").map_or(line, |(code, _)| code))
        .collect();
    plain.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_a_script_of_cubemx_are_reckoned() {
        let script = "
            /* Memories: MEMORY { wrong } */
            __FLASH_BEGIN  = 0x70000000 + OFFSET;
            __FLASH_SIZE   = 0x02000000;
            OFFSET = 1K; /* a comment */
            MEMORY
            {
              RAM    (xrw) : ORIGIN = 0x24000000, LENGTH = 456K
              FLASH  (xrw) : ORIGIN = __FLASH_BEGIN, LENGTH = __FLASH_SIZE - 0x400
            }
            SECTIONS { .text : { *(.text) } >FLASH }";
        let region = code_region(script).expect("a region");
        assert_eq!(region.origin, Address(0x7000_0400));
        assert_eq!(region.length, Some(0x01FF_FC00));
    }

    #[test]
    fn memory_x_is_read() {
        let script = "MEMORY {\n  FLASH : ORIGIN = 0x90000000, LENGTH = 8M // NOR\n  RAM : ORIGIN = 0x24000000, LENGTH = 64K\n}\n";
        let region = code_region(script).expect("a region");
        assert_eq!(
            (region.origin.0, region.length),
            (0x9000_0000, Some(8 << 20))
        );
    }

    #[test]
    fn what_cannot_be_reckoned_is_no_region() {
        for script in [
            "",
            "MEMORY",
            "MEMORY {",
            "MEMORY { FLASH : ORIGIN = , LENGTH = }",
            "MEMORY { FLASH : ORIGIN = 0x70000000 * 2, LENGTH = 1 }",
            "a = b; b = a; MEMORY { FLASH : ORIGIN = a, LENGTH = 1 }",
            "MEMORY { FLASH : ORIGIN = 0xffffffff + 1, LENGTH = 1 }",
            "MEMORY { FLASH : ORIGIN = 1 - 2, LENGTH = 4096M } /*",
        ] {
            assert_eq!(code_region(script), None, "{script}");
        }
    }
}

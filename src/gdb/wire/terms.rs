//! The terms of a breakpoint, behind `ZTYPE,ADDRESS,KIND` (GDB manual, "Packets", Z0): conditions `;XLENGTH,BYTES...`, commands
//! `;cmds:PERSIST,XLENGTH,BYTES...`, the bytes two digits each.
//!
//! `PERSIST` says that commands may be carried out when the client is gone. They may, and are not: no breakpoint outlives its client here.

use super::{
    encoding::{from_hex, number, range, split},
    request::Request,
};
use crate::{
    breakpoints::{self, Kind, Terms, agent::Expression},
    layout::Address,
};

/// Parses what stands before the first `;`, and behind it.
pub fn parse(place: &[u8], terms: &[u8]) -> Option<Request> {
    let (kind, place) = split(place, b',')?;
    let kind = match number(kind)? {
        0 => Kind::Software,
        1 => Kind::Hardware,
        _ => return None,
    };
    let (address, length) = range(place)?;
    let request = breakpoints::Request {
        kind,
        address: Address(address),
        length,
    };
    let terms = self::terms(terms)?;
    Some(Request::Insert { request, terms })
}

fn terms(text: &[u8]) -> Option<Terms> {
    let mut terms = Terms::default();
    for part in text.split(|byte| *byte == b';') {
        match part.strip_prefix(b"cmds:") {
            Some(commands) => {
                let (persist, list) = split(commands, b',')?;
                number(persist)?;
                terms.commands.extend(expressions(list)?);
            }
            None => terms.conditions.extend(expressions(part)?),
        }
    }
    Some(terms)
}

/// `XLENGTH,BYTES` one behind the other, at least one.
fn expressions(list: &[u8]) -> Option<Vec<Expression>> {
    let list = list.strip_prefix(b"X")?;
    // No digit is an X.
    let texts = list.split(|byte| *byte == b'X');
    let parsed = texts.map(|text| {
        let (length, digits) = split(text, b',')?;
        let bytes = from_hex(digits)?;
        (bytes.len() == number(length)? as usize).then(|| Expression::new(bytes))
    });
    parsed.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn expression(bytes: &[u8]) -> Expression {
        Expression::new(bytes.to_vec())
    }

    #[test]
    fn conditions_and_commands_are_lists() {
        assert_eq!(
            terms(b"X3,220127X1,27;cmds:1,X2,2227X1,27"),
            Some(Terms {
                conditions: vec![expression(&[0x22, 0x01, 0x27]), expression(&[0x27])],
                commands: vec![expression(&[0x22, 0x27]), expression(&[0x27])],
            })
        );
        assert_eq!(
            terms(b"cmds:0,X1,27").map(|terms| terms.conditions.len()),
            Some(0)
        );
        assert_eq!(
            terms(b"X0,").map(|terms| terms.conditions),
            Some(vec![expression(&[])])
        );
    }

    #[test]
    fn what_contradicts_itself_is_malformed() {
        for text in [
            "",
            "X",
            "X1",
            "X1,",
            "X1,2",
            "X2,27",
            "X1,zz",
            "X1,27;",
            "X1,27Y",
            "1,27",
            "cmds:",
            "cmds:1",
            "cmds:1,",
            "cmds:,X1,27",
            "X-1,",
            "X1,27X",
            "X100000000,27",
        ] {
            assert_eq!(terms(text.as_bytes()), None, "{text}");
        }
    }
}

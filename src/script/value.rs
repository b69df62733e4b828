//! Values: bytes of memory as JSON, JSON as bytes, and how two of them compare.
//!
//! Integers are JSON numbers or strings (`"0x70000000"`); bytes are a string of hexadecimal digits, blanks allowed; a string ends at its
//! first zero byte. What JSON has no number for (NaN, infinities) is a string.

use std::cmp::Ordering;

use serde::Deserialize;
use serde_json::{Number, Value};

/// How a value is written in memory, in the byte order of the core.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub(super) enum Form {
    /// Unsigned, 1 byte.
    U8,
    /// Unsigned, 2 bytes.
    U16,
    /// Unsigned, 4 bytes.
    U32,
    /// Unsigned, 8 bytes.
    U64,
    /// Signed, 1 byte.
    I8,
    /// Signed, 2 bytes.
    I16,
    /// Signed, 4 bytes.
    I32,
    /// Signed, 8 bytes.
    I64,
    /// Single precision.
    F32,
    /// Double precision.
    F64,
    /// Bytes as they are.
    Bytes,
    /// Text that ends with a zero byte.
    String,
}

impl Form {
    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::U8 => "u8",
            Self::U16 => "u16",
            Self::U32 => "u32",
            Self::U64 => "u64",
            Self::I8 => "i8",
            Self::I16 => "i16",
            Self::I32 => "i32",
            Self::I64 => "i64",
            Self::F32 => "f32",
            Self::F64 => "f64",
            Self::Bytes => "bytes",
            Self::String => "string",
        }
    }

    /// Bytes of one element; `None` for what is as long as it is.
    pub fn width(self) -> Option<usize> {
        match self {
            Self::U8 | Self::I8 => Some(1),
            Self::U16 | Self::I16 => Some(2),
            Self::U32 | Self::I32 | Self::F32 => Some(4),
            Self::U64 | Self::I64 | Self::F64 => Some(8),
            Self::Bytes | Self::String => None,
        }
    }

    /// The form of a variable of which only the size is known.
    pub fn of_size(bytes: u32) -> Self {
        match bytes {
            1 => Self::U8,
            2 => Self::U16,
            4 => Self::U32,
            8 => Self::U64,
            _ => Self::Bytes,
        }
    }

    fn is_signed(self) -> bool {
        matches!(self, Self::I8 | Self::I16 | Self::I32 | Self::I64)
    }

    /// Memory as a value; several elements are an array.
    pub fn decode(self, bytes: &[u8]) -> Value {
        match self.width() {
            None if self == Self::String => {
                let text = bytes.split(|byte| *byte == 0).next().unwrap_or_default();
                String::from_utf8_lossy(text).into()
            }
            None => hex(bytes).into(),
            Some(width) if bytes.len() == width => self.element(bytes),
            Some(width) => bytes
                .chunks(width)
                .map(|bytes| self.element(bytes))
                .collect(),
        }
    }

    fn element(self, bytes: &[u8]) -> Value {
        let mut wide = [0; 8];
        for (place, byte) in wide.iter_mut().zip(bytes) {
            *place = *byte;
        }
        let bits = u64::from_le_bytes(wide);
        match self {
            // By way of its shortest decimal form, so that 0.1 is 0.1.
            Self::F32 => {
                let single = f32::from_bits(bits as u32);
                float(single.to_string().parse().unwrap_or(f64::from(single)))
            }
            Self::F64 => float(f64::from_bits(bits)),
            _ if self.is_signed() => {
                let unused = 64 - 8 * bytes.len() as u32;
                (((bits << unused) as i64) >> unused).into()
            }
            _ => bits.into(),
        }
    }

    /// A value as memory; `None` if it cannot be written so.
    pub fn encode(self, value: &Value) -> Option<Vec<u8>> {
        if let (Value::Array(elements), Some(_)) = (value, self.width()) {
            let elements: Option<Vec<Vec<u8>>> = elements.iter().map(|e| self.encode(e)).collect();
            return elements.map(|elements| elements.concat());
        }
        match self {
            Self::String => {
                let mut bytes = value.as_str()?.as_bytes().to_vec();
                bytes.push(0);
                Some(bytes)
            }
            Self::Bytes => unhex(value.as_str()?),
            Self::F32 => Some((number(value)? as f32).to_le_bytes().to_vec()),
            Self::F64 => Some(number(value)?.to_le_bytes().to_vec()),
            _ => {
                let (integer, width) = (integer(value)?, self.width()?);
                let bits = 8 * width as u32;
                let (least, most) = match self.is_signed() {
                    true => (-(1 << (bits - 1)), (1 << (bits - 1)) - 1),
                    false => (0, (1 << bits) - 1),
                };
                (least..=most)
                    .contains(&integer)
                    .then(|| integer.to_le_bytes()[..width].to_vec())
            }
        }
    }

    /// Whether what was found is what was wanted; numbers may be `within` so much of each other.
    pub fn equal(self, found: &Value, wanted: &Value, within: Option<f64>) -> bool {
        match (self, found, wanted) {
            (Self::Bytes, Value::String(found), Value::String(wanted)) => {
                unhex(found).is_some() && unhex(found) == unhex(wanted)
            }
            (Self::String, _, _) => found == wanted,
            (_, Value::Array(found), Value::Array(wanted)) => {
                found.len() == wanted.len()
                    && found
                        .iter()
                        .zip(wanted)
                        .all(|(found, wanted)| self.equal(found, wanted, within))
            }
            _ => match (within, number(found), number(wanted)) {
                (Some(within), Some(found), Some(wanted)) => (found - wanted).abs() <= within,
                _ => compare(found, wanted) == Some(Ordering::Equal) || found == wanted,
            },
        }
    }
}

/// How two numbers compare; `None` if one of them is none.
pub(super) fn compare(one: &Value, other: &Value) -> Option<Ordering> {
    match (integer(one), integer(other)) {
        (Some(one), Some(other)) => Some(one.cmp(&other)),
        _ => number(one)?.partial_cmp(&number(other)?),
    }
}

/// An integer, as a number or as people write it.
fn integer(value: &Value) -> Option<i128> {
    match value {
        Value::Number(number) => number
            .as_i64()
            .map(i128::from)
            .or_else(|| number.as_u64().map(i128::from)),
        Value::String(text) => {
            let plain = text.trim().replace('_', "");
            match plain.strip_prefix("0x").or(plain.strip_prefix("0X")) {
                Some(digits) => u64::from_str_radix(digits, 16).ok().map(i128::from),
                None => plain.parse::<i64>().ok().map(i128::from),
            }
        }
        _ => None,
    }
}

fn number(value: &Value) -> Option<f64> {
    match value {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => text
            .parse()
            .ok()
            .or_else(|| integer(value).map(|integer| integer as f64)),
        _ => None,
    }
}

fn float(value: f64) -> Value {
    match Number::from_f64(value) {
        Some(number) => number.into(),
        None => value.to_string().into(),
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let digits: Vec<u32> = text
        .chars()
        .filter(|c| !c.is_whitespace())
        .map(|c| c.to_digit(16))
        .collect::<Option<_>>()?;
    let (pairs, rest) = digits.as_chunks::<2>();
    let bytes = pairs.iter().map(|[high, low]| (high << 4 | low) as u8);
    rest.is_empty().then(|| bytes.collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn memory_reads_as_the_core_has_it() {
        assert_eq!(Form::U16.decode(&[0x34, 0x12]), json!(0x1234));
        assert_eq!(Form::I16.decode(&[0xFF, 0xFF]), json!(-1));
        assert_eq!(Form::U64.decode(&[0xFF; 8]), json!(u64::MAX));
        assert_eq!(Form::I64.decode(&[0xFF; 8]), json!(-1));
        assert_eq!(Form::U8.decode(&[1, 2, 3]), json!([1, 2, 3]));
        assert_eq!(Form::F32.decode(&0.1_f32.to_le_bytes()), json!(0.1));
        assert_eq!(Form::F32.decode(&f32::NAN.to_le_bytes()), json!("NaN"));
        assert_eq!(Form::Bytes.decode(&[0xDE, 0xAD]), json!("dead"));
        assert_eq!(Form::String.decode(b"appli\0rest"), json!("appli"));
    }

    #[test]
    fn what_is_written_reads_back() {
        for (form, value) in [
            (Form::U8, json!(255)),
            (Form::I8, json!(-128)),
            (Form::U32, json!([1, 2, 3])),
            (Form::U64, json!(u64::MAX)),
            (Form::I64, json!(i64::MIN)),
            (Form::F32, json!(1.5)),
            (Form::F64, json!(-0.1)),
            (Form::Bytes, json!("00ff10")),
            (Form::String, json!("text")),
        ] {
            let bytes = form.encode(&value).unwrap_or_else(|| panic!("{value}"));
            assert_eq!(form.decode(&bytes), value);
        }
    }

    #[test]
    fn what_does_not_fit_is_not_written() {
        assert_eq!(Form::U8.encode(&json!(256)), None);
        assert_eq!(Form::U8.encode(&json!(-1)), None);
        assert_eq!(Form::I8.encode(&json!(128)), None);
        assert_eq!(Form::U32.encode(&json!("no number")), None);
        assert_eq!(Form::U32.encode(&json!(1.5)), None);
        assert_eq!(Form::Bytes.encode(&json!("0")), None);
        assert_eq!(Form::String.encode(&json!(1)), None);
    }

    #[test]
    fn numbers_compare_however_they_are_written() {
        assert!(Form::U32.equal(&json!(0x7000_0000_u32), &json!("0x7000_0000"), None));
        assert!(Form::F32.equal(&json!(2.0), &json!(2), None));
        assert!(Form::F64.equal(&json!(1.6449), &json!(1.645), Some(0.001)));
        assert!(!Form::F64.equal(&json!(1.6449), &json!(1.645), None));
        assert!(Form::Bytes.equal(&json!("00ff"), &json!("00 FF"), None));
        assert!(!Form::String.equal(&json!("16"), &json!("0x10"), None));
        assert!(Form::U8.equal(&json!([1, 2]), &json!([1, "0x2"]), None));
        assert!(!Form::U8.equal(&json!([1, 2]), &json!([1]), None));
        assert_eq!(compare(&json!("NaN"), &json!(1)), None);
    }
}

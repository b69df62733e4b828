//! Steps that look at memory and registers, and change them.

use serde::Deserialize;
use serde_json::{Map, Value};

use super::Act;
use crate::{
    script::{
        bench::{Answer, Bench, Reading},
        error::{Ended, StepError},
        place::{self, Place},
        value::Form,
    },
    session::registers,
};

/// A string of which nobody says how long it is may be so long.
const LONGEST_STRING: u32 = 256;

/// Values that are longer are cut where people read them, in characters.
const LONGEST_WORDS: usize = 72;

/// Numbers of the registers that the floating-point unit has.
const FLOATING_POINT: std::ops::RangeInclusive<u16> = registers::D0..=registers::FPSCR;

/// Read memory or a register.
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(in crate::script) struct Read {
    /// An address, a variable, either with an offset, or `$` and a register.
    pub at: String,
    /// The type; without it an unsigned integer of the variable's size, bytes if there is none of that size, and u32 at a bare address.
    #[serde(default, rename = "as")]
    pub form: Option<Form>,
    /// Elements, bytes for `bytes`, and the most bytes of a `string`: 1, the variable's size, and 256 unless said otherwise.
    #[serde(default)]
    pub count: Option<u32>,
}

impl Read {
    /// Reads it.
    pub fn reading(&self, bench: &mut Bench<'_>) -> Result<Reading, Ended> {
        let (form, value) = match place::find(bench.session, &self.at)? {
            Place::Register(number) => {
                let value = bench.session.read_register(number)?;
                self.of_register(number, value)
            }
            Place::Memory(spot) => {
                let form = self
                    .form
                    .unwrap_or(spot.bytes.map_or(Form::U32, Form::of_size));
                let length = match (form.width(), self.count) {
                    (Some(width), count) => width * count.unwrap_or(1) as usize,
                    (None, Some(count)) => count as usize,
                    (None, None) => match (form, spot.bytes) {
                        (_, Some(bytes)) => bytes as usize,
                        (Form::String, None) => LONGEST_STRING as usize,
                        (_, None) => {
                            let place = self.at.clone();
                            return Err(StepError::NoSize { place }.into());
                        }
                    },
                };
                let mut bytes = vec![0; length];
                let read = bench.session.read_memory(spot.address, &mut bytes)?;
                if read < length && form != Form::String {
                    return Err(StepError::Short {
                        address: spot.address,
                        wanted: length,
                        length: read,
                    }
                    .into());
                }
                (form, form.decode(&bytes[..read]))
            }
        };
        Ok(Reading {
            subject: self.at.clone(),
            form,
            value,
        })
    }

    fn of_register(&self, number: u16, value: u64) -> (Form, Value) {
        let bytes = value.to_le_bytes();
        let usual = match number {
            registers::D0..registers::FPSCR => Form::U64,
            _ => Form::U32,
        };
        let form = self.form.unwrap_or(usual);
        let width = form.width().unwrap_or(bytes.len());
        (form, form.decode(&bytes[..width]))
    }
}

impl Act for Read {
    fn act(&self, bench: &mut Bench<'_>) -> Result<Answer, Ended> {
        let reading = self.reading(bench)?;
        let words = format!("{} is {}", reading.subject, in_words(&reading.value));
        let value = reading.value.clone();
        bench.reading = Some(reading);
        Ok(Answer::new(value, words))
    }

    fn reads(&self) -> bool {
        true
    }
}

/// Write memory or a register. Flash is programmed by `load` and `flash`.
#[derive(Debug, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(in crate::script) struct Write {
    /// An address, a variable, either with an offset, or `$` and a register.
    at: String,
    /// The type; without it an unsigned integer of the variable's size, and u32 at a bare address.
    #[serde(default, rename = "as")]
    form: Option<Form>,
    /// A number (or a string such as `"0x10"`), an array of them, hexadecimal digits for `bytes`, text for `string`.
    value: Value,
}

impl Act for Write {
    fn act(&self, bench: &mut Bench<'_>) -> Result<Answer, Ended> {
        let place = place::find(bench.session, &self.at)?;
        let usual = match place {
            Place::Register(number) if FLOATING_POINT.contains(&number) => Form::U64,
            Place::Register(_) => Form::U32,
            Place::Memory(spot) => spot.bytes.map_or(Form::U32, Form::of_size),
        };
        let form = self.form.unwrap_or(usual);
        let bytes = form
            .encode(&self.value)
            .ok_or_else(|| StepError::NoSuchValue {
                value: self.value.to_string(),
                form: form.word(),
            })?;
        match place {
            Place::Register(number) => {
                let mut wide = [0; 8];
                for (place, byte) in wide.iter_mut().zip(&bytes) {
                    *place = *byte;
                }
                bench
                    .session
                    .write_register(number, u64::from_le_bytes(wide))?;
            }
            Place::Memory(spot) => bench.session.write_memory(spot.address, &bytes)?,
        }
        let words = format!("{} becomes {}", self.at, in_words(&self.value));
        Ok(Answer::in_words(words))
    }
}

/// Read all registers of the halted core.
#[derive(Debug, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(in crate::script) struct Registers {
    /// Those of the floating-point unit too.
    #[serde(default)]
    floating_point: bool,
}

impl Act for Registers {
    fn act(&self, bench: &mut Bench<'_>) -> Result<Answer, Ended> {
        let mut values = Map::new();
        let mut words = String::new();
        for (number, name) in (0..).zip(registers::NAMES) {
            if FLOATING_POINT.contains(&number) && !self.floating_point {
                continue;
            }
            let value = bench.session.read_register(number)?;
            let text = match number {
                registers::D0..registers::FPSCR => format!("0x{value:016x}"),
                _ => format!("0x{value:08x}"),
            };
            let separator = if number % 4 == 0 { "\n     " } else { "" };
            words += &format!("{separator} {name:<9} {text}");
            values.insert(name.to_owned(), text.into());
        }
        Ok(Answer::new(Value::Object(values), words))
    }
}

/// A value for people: whole numbers from 10 on in hexadecimal too, long ones cut.
pub(super) fn in_words(value: &Value) -> String {
    if let Some(number @ 10..) = value.as_u64() {
        return format!("{number} (0x{number:x})");
    }
    let text = value.to_string();
    match text.char_indices().nth(LONGEST_WORDS) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn numbers_are_shown_in_both_forms() {
        assert_eq!(in_words(&json!(16)), "16 (0x10)");
        assert_eq!(in_words(&json!(9)), "9");
        assert_eq!(in_words(&json!("text")), "\"text\"");
    }
}

//! Lines of xspi-gdb.toml: what is known, from where, and what the user has to fill in.

use std::fmt::Write as _;

use toml::{Table, Value};

/// The file's first lines.
const HEAD: &str = "\
# Settings of xspi-gdb for this project, made by `xspi-gdb init`. Each key is an option of the command line without its dashes, and the
# command line wins. Paths are relative to this file.
";

/// Whether a setting holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// The project says so.
    Known,
    /// It is a proposal, written as a comment.
    Open,
}

/// A line of the file.
#[derive(Clone, Debug, PartialEq)]
pub struct Setting {
    /// The key.
    pub key: &'static str,
    /// The value, or what it may look like.
    pub value: Value,
    /// Whether it holds.
    pub state: State,
    /// What it was taken from, or why it is open.
    pub because: String,
}

impl Setting {
    /// One that holds.
    pub fn known(key: &'static str, value: impl Into<Value>, because: impl Into<String>) -> Self {
        Self::new(key, value.into(), State::Known, because.into())
    }

    /// One that the user has to fill in.
    pub fn open(key: &'static str, value: impl Into<Value>, because: impl Into<String>) -> Self {
        Self::new(key, value.into(), State::Open, because.into())
    }

    fn new(key: &'static str, value: Value, state: State, because: String) -> Self {
        Self {
            key,
            value,
            state,
            because: one_line(&because),
        }
    }

    /// `board = "stm32h7s78-dk"`.
    pub fn line(&self) -> String {
        let value = match &self.value {
            // On one line, with addresses as people read them.
            Value::Table(table) => inline(table),
            value => value.to_string(),
        };
        one_line(&format!("{} = {value}", self.key))
    }
}

/// The whole file.
pub fn file(settings: &[Setting]) -> String {
    let mut text = HEAD.to_owned();
    for setting in settings {
        let mark = match setting.state {
            State::Known => "",
            State::Open => "# ",
        };
        // A String takes every text.
        let _ = write!(text, "\n# {}\n{mark}{}\n", setting.because, setting.line());
    }
    text
}

fn inline(table: &Table) -> String {
    let pairs: Vec<String> = table
        .iter()
        .map(|(key, value)| match value {
            Value::Integer(number) => format!("{key} = {number:#x}"),
            value => format!("{key} = {value}"),
        })
        .collect();
    format!("{{ {} }}", pairs.join(", "))
}

/// What comes from a file of the project must not begin a line of its own.
fn one_line(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_lines_hold_and_open_ones_are_comments() {
        let copy: Table = "source = 0x70000000\nsize = 0x1500"
            .parse()
            .expect("a table");
        let text = file(&[
            Setting::known("board", "stm32h7s78-dk", "named by\nx = 1"),
            Setting::known("lrun", copy, "stm32_extmem_conf.h"),
            Setting::open("probe", "0483:3754", "several may be connected"),
        ]);
        let table: Table = text.parse().expect("a file");
        assert_eq!(table.keys().collect::<Vec<_>>(), ["board", "lrun"]);
        assert!(
            text.contains("lrun = { size = 0x1500, source = 0x70000000 }"),
            "{text}"
        );
        assert!(text.contains("\n# probe = \"0483:3754\"\n"), "{text}");
    }

    #[test]
    fn a_path_with_a_line_break_stays_on_its_line() {
        let text = file(&[Setting::known("appli", "a\nb = 1\"", "x")]);
        let table: Table = text.parse().expect("a file");
        assert_eq!(table.len(), 1);
    }
}

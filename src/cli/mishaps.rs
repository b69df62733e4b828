//! `--virtual-mishap`: what goes wrong on the virtual board.

use std::str::FromStr;

use serde::Deserialize;
use virtual_board::mishap::{Mishap, UnknownMishap};

/// Some mishaps, in words and separated by `;`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Mishaps(pub Vec<Mishap>);

impl FromStr for Mishaps {
    type Err = UnknownMishap;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.split(';')
            .map(str::parse)
            .collect::<Result<_, _>>()
            .map(Self)
    }
}

impl TryFrom<String> for Mishaps {
    type Error = UnknownMishap;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn several_are_separated_by_semicolons() {
        let mishaps: Mishaps = "power-cut nor 3; fault ap every 9"
            .parse()
            .expect("mishaps");
        let words: Vec<String> = mishaps.0.iter().map(ToString::to_string).collect();
        assert_eq!(words, ["power-cut nor 3", "fault ap every 9"]);
        assert!("power-cut nor 3;".parse::<Mishaps>().is_err());
    }
}

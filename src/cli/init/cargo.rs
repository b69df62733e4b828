//! A Cargo package for these chips: Cargo.toml, `.cargo/config.toml`, memory.x.

use std::path::Path;

use toml::{Table, Value};

use super::{
    linker::{self, Region},
    survey::Survey,
};

/// The file that cargo takes the runner from.
pub const CONFIG: &str = ".cargo/config.toml";

/// What a package says of itself.
#[derive(Debug)]
pub struct CargoPackage {
    /// Its name.
    pub name: String,
    /// The target that is built for unless another is named.
    target: Option<String>,
    /// What `cargo run` calls.
    pub runner: Option<String>,
    /// The chip, as a runner's `--chip` or a crate's feature names it.
    pub chip: Option<String>,
    /// Where its code goes.
    pub code: Option<Region>,
}

impl CargoPackage {
    /// The package in a project's folder.
    pub fn read(survey: &Survey) -> Option<Self> {
        let manifest: Table = survey.text(Path::new("Cargo.toml"))?.parse().ok()?;
        let name = manifest.get("package")?.get("name")?.as_str()?.to_owned();
        let config: Option<Table> = survey
            .text(Path::new(CONFIG))
            .and_then(|text| text.parse().ok());
        let target = config.as_ref().and_then(|config| {
            let target = config.get("build")?.get("target")?;
            target.as_str().map(str::to_owned)
        });
        let runner = config.as_ref().and_then(runner);
        let memory = survey.named("memory.x").next();
        Some(Self {
            chip: runner
                .as_deref()
                .and_then(chip_of)
                .or_else(|| feature(&manifest)),
            code: memory
                .and_then(|file| survey.text(file))
                .and_then(|script| linker::code_region(&script)),
            name,
            target,
            runner,
        })
    }

    /// Where cargo builds its ELF file, unless told otherwise.
    pub fn usual_elf(&self) -> String {
        let target = self.target.as_deref().unwrap_or(TARGET);
        format!("target/{target}/debug/{}", self.name)
    }
}

/// The target of every chip of the family.
const TARGET: &str = "thumbv7em-none-eabihf";

/// The runner of any target: text, or a list of words.
fn runner(config: &Table) -> Option<String> {
    let targets = config.get("target")?.as_table()?;
    let runner = targets.values().find_map(|target| target.get("runner"))?;
    match runner {
        Value::String(text) => Some(text.clone()),
        Value::Array(words) => {
            let words: Vec<&str> = words.iter().filter_map(Value::as_str).collect();
            Some(words.join(" "))
        }
        _ => None,
    }
}

/// `probe-rs run --chip STM32H7S3L8Hx`.
fn chip_of(runner: &str) -> Option<String> {
    let mut words = runner.split_whitespace();
    words.find(|word| *word == "--chip")?;
    words.next().map(str::to_owned)
}

/// `embassy-stm32 = { features = ["stm32h7s3l8"] }`.
fn feature(manifest: &Table) -> Option<String> {
    let dependencies = manifest.get("dependencies")?.as_table()?;
    let features = dependencies
        .values()
        .filter_map(|one| one.get("features")?.as_array());
    let chip = features
        .flatten()
        .filter_map(Value::as_str)
        .find(|feature| feature.starts_with("stm32h7r") || feature.starts_with("stm32h7s"));
    chip.map(str::to_ascii_uppercase)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chip_is_named_by_the_runner_or_by_a_feature() {
        assert_eq!(
            chip_of("probe-rs run --chip STM32H7S3L8Hx").as_deref(),
            Some("STM32H7S3L8Hx")
        );
        assert_eq!(chip_of("probe-rs run --chip"), None);
        let manifest: Table =
            "[dependencies]\nembassy-stm32 = { features = [\"defmt\", \"stm32h7s3l8\"] }"
                .parse()
                .expect("a manifest");
        assert_eq!(feature(&manifest).as_deref(), Some("STM32H7S3L8"));
    }

    #[test]
    fn a_runner_is_text_or_words() {
        for text in ["runner = \"a b\"", "runner = [\"a\", \"b\"]"] {
            let config: Table = format!("[target.thumbv7em-none-eabihf]\n{text}")
                .parse()
                .expect("a table");
            assert_eq!(runner(&config).as_deref(), Some("a b"));
        }
    }
}

//! The file: a JSON object with `steps`, and `finally` for what is to be done however they ended.

use std::{
    fmt,
    path::{Path, PathBuf},
};

use serde::{
    Deserialize, Deserializer,
    de::{self, IgnoredAny, MapAccess, Visitor},
};

use super::{error::ScriptError, steps::Verb};
use crate::session::Settings;

/// A headless session.
#[derive(Debug, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Script {
    /// The schema, for editors.
    #[serde(rename = "$schema", default)]
    _schema: Option<String>,
    /// What the session is called in reports; the file's name unless said otherwise.
    #[serde(default)]
    name: Option<String>,
    /// For whoever reads the file.
    #[serde(rename = "comment", default)]
    _comment: Option<String>,
    /// Run one after the other, up to the first that does not hold.
    pub(super) steps: Vec<Step>,
    /// Run afterwards, however `steps` ended; each of them.
    #[serde(default)]
    pub(super) finally: Vec<Step>,
    /// The file.
    #[serde(skip)]
    path: PathBuf,
}

/// One step: an object with the step's word as key (`{"arm": {}}`), and a name and a comment if you like.
#[derive(Debug)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[cfg_attr(test, schemars(deny_unknown_fields))]
pub(super) struct Step {
    /// What the step is called in reports; its word unless said otherwise.
    pub name: Option<String>,
    /// For whoever reads the file.
    #[cfg_attr(test, schemars(rename = "comment"))]
    pub _comment: Option<String>,
    /// What it does.
    #[cfg_attr(test, schemars(flatten))]
    pub verb: Verb,
}

impl Script {
    /// Reads a file. What is wrong in it is told by line and column.
    pub fn read(path: &Path) -> Result<Self, ScriptError> {
        let text = std::fs::read_to_string(path).map_err(|source| ScriptError::Unreadable {
            path: path.to_owned(),
            source,
        })?;
        Self::parse(&text, path)
    }

    /// The file's text; files that it names are looked for beside `path`.
    pub fn parse(text: &str, path: &Path) -> Result<Self, ScriptError> {
        let mut script: Self =
            serde_json::from_str(text).map_err(|source| ScriptError::Syntax {
                path: path.to_owned(),
                source,
            })?;
        path.clone_into(&mut script.path);
        script.check_readings()?;
        Ok(script)
    }

    /// What reports call it.
    pub fn name(&self) -> String {
        self.name.clone().unwrap_or_else(|| {
            let name = self.path.file_stem().unwrap_or_default();
            name.to_string_lossy().into_owned()
        })
    }

    /// The folder that relative names of files begin at.
    pub fn folder(&self) -> &Path {
        self.path.parent().unwrap_or(Path::new(""))
    }

    /// What the session needs and the options do not give is told before anything is touched.
    pub fn check(&self, settings: &Settings) -> Result<(), ScriptError> {
        let mut appli = settings.appli.is_some();
        for (number, step) in self.numbered() {
            if let Verb::Load(load) = &step.verb {
                appli |= load.names_a_file();
                if !appli {
                    return Err(ScriptError::NoAppli { number });
                }
            }
        }
        Ok(())
    }

    /// The RTT channels of which some step expects something.
    pub(super) fn channels(&self) -> Vec<u32> {
        let mut channels: Vec<u32> = self
            .numbered()
            .filter_map(|(_, step)| match &step.verb {
                Verb::RttExpect(expect) => Some(expect.channel),
                _ => None,
            })
            .collect();
        channels.sort_unstable();
        channels.dedup();
        channels
    }

    /// All steps, numbered as reports number them.
    pub(super) fn numbered(&self) -> impl Iterator<Item = (usize, &Step)> {
        (1..).zip(self.steps.iter().chain(&self.finally))
    }

    /// An expectation of the last reading needs one.
    fn check_readings(&self) -> Result<(), ScriptError> {
        let mut read = false;
        for (number, step) in self.numbered() {
            match &step.verb {
                Verb::Expect(expect) if expect.needs_a_reading() && !read => {
                    return Err(ScriptError::NothingRead {
                        path: self.path.clone(),
                        number,
                    });
                }
                verb => read |= verb.reads(),
            }
        }
        Ok(())
    }
}

/// By hand, because serde's `flatten` would lose line and column.
impl<'de> Deserialize<'de> for Step {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(StepVisitor)
    }
}

struct StepVisitor;

impl<'de> Visitor<'de> for StepVisitor {
    type Value = Step;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a step such as {\"arm\": {}}")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Step, A::Error> {
        let (mut name, mut found) = (None, None);
        while let Some(key) = map.next_key::<String>()? {
            match key.as_str() {
                "name" => name = Some(map.next_value()?),
                "comment" => drop(map.next_value::<IgnoredAny>()?),
                word => {
                    let verb = Verb::next(word, &mut map)?;
                    if let Some(other) = found.replace(verb) {
                        return Err(de::Error::custom(format_args!(
                            "`{}` and `{word}` in one step: each is a step of its own",
                            other.word()
                        )));
                    }
                }
            }
        }
        let verb = found.ok_or_else(|| {
            de::Error::custom(format_args!(
                "a step without a word; one of: {}",
                Verb::WORDS.join(", ")
            ))
        })?;
        Ok(Step {
            name,
            _comment: None,
            verb,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fault::Fault;

    fn refused(text: &str) -> String {
        let error = Script::parse(text, Path::new("smoke.json")).expect_err(text);
        Fault::from(error).causes.join("; ")
    }

    #[test]
    fn what_is_wrong_is_told_by_line_and_column() {
        let lines = |step: &str| format!("{{\n  \"steps\": [\n    {step}\n  ]\n}}");
        let unknown = refused(&lines(r#"{"brake": {"at": "main"}}"#));
        assert!(
            unknown.starts_with("there is no step `brake`")
                && unknown.ends_with("line 3 column 12"),
            "{unknown}"
        );
        let field = refused(&lines(r#"{"break": {"att": "main"}}"#));
        assert!(
            field.starts_with("unknown field `att`") && field.ends_with("line 3 column 20"),
            "{field}"
        );
        let two = refused(&lines(r#"{"arm": {}, "halt": {}}"#));
        assert!(two.contains("each is a step of its own"), "{two}");
        let none = refused(&lines(r#"{"name": "nothing"}"#));
        assert!(none.contains("a step without a word"), "{none}");
        let condition = refused(&lines(r#"{"expect": {"at": "COUNTER"}}"#));
        assert!(condition.contains("no condition"), "{condition}");
        let pattern = refused(&lines(r#"{"rtt-expect": {"pattern": "(open"}}"#));
        assert!(
            pattern.starts_with("`(open` is no regular expression") && pattern.contains("line 3"),
            "{pattern}"
        );
        let broken = refused("{\n\"steps\": [\n");
        assert!(broken.contains("line 3 column 0"), "{broken}");
    }

    #[test]
    fn an_expectation_of_nothing_is_found_before_anything_runs() {
        let text = r#"{"steps": [{"arm": {}}, {"expect": {"equal": 3}}]}"#;
        let error = Script::parse(text, Path::new("smoke.json")).expect_err("nothing is read");
        assert!(matches!(error, ScriptError::NothingRead { number: 2, .. }));
    }

    #[test]
    fn a_session_is_called_as_it_says_or_as_its_file() {
        let script =
            Script::parse(r#"{"steps": []}"#, Path::new("ci/smoke.json")).expect("a session");
        assert_eq!(script.name(), "smoke");
        assert_eq!(script.folder(), Path::new("ci"));
    }
}

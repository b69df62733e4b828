//! What `doctor` finds, told as it is found: a line with its remedy, or a JSON object.

use std::fmt::Display;

use serde::Serialize;

use crate::fault::Fault;

/// How much a finding matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Level {
    /// As it should be.
    Ok,
    /// Worth knowing.
    Note,
    /// In the way.
    Fault,
}

impl Level {
    fn word(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Note => "note",
            Self::Fault => "fault",
        }
    }
}

/// One of them.
#[derive(Debug, Serialize)]
struct Finding<'a> {
    level: Level,
    what: &'a str,
    finding: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    remedy: Option<String>,
}

/// Tells findings, and counts what is in the way.
#[derive(Debug)]
pub struct Findings {
    json: bool,
    faults: u32,
}

impl Findings {
    /// None yet.
    pub fn new(json: bool) -> Self {
        Self { json, faults: 0 }
    }

    /// True if nothing is in the way.
    pub fn is_good(&self) -> bool {
        self.faults == 0
    }

    /// Something is as it should be.
    pub fn good(&self, what: &str, finding: impl Display) {
        for line in finding.to_string().lines() {
            self.tell(Level::Ok, what, line, None, None);
        }
    }

    /// Something is worth knowing.
    pub fn note(&self, what: &str, finding: impl Display) {
        self.tell(Level::Note, what, finding, None, None);
    }

    /// Something is in the way, without a code of its own.
    pub fn bad(&mut self, what: &str, finding: impl Display, remedy: impl Display) {
        self.faults += 1;
        self.tell(Level::Fault, what, finding, None, Some(remedy.to_string()));
    }

    /// A fault is in the way.
    pub fn fault(&mut self, what: &str, fault: &Fault) {
        self.faults += 1;
        self.tell(
            Level::Fault,
            what,
            &fault.headline,
            Some(fault.code.name()),
            Some(fault.remedy.to_string()),
        );
    }

    fn tell(
        &self,
        level: Level,
        what: &str,
        finding: impl Display,
        code: Option<&'static str>,
        remedy: Option<String>,
    ) {
        if self.json {
            let finding = Finding {
                level,
                what,
                finding: finding.to_string(),
                code,
                remedy,
            };
            // Texts and a number: always JSON.
            println!("{}", serde_json::to_string(&finding).unwrap_or_default());
            return;
        }
        let code = code.map(|code| format!("{code} ")).unwrap_or_default();
        println!("{:<6} {what:<10} {code}{finding}", level.word());
        if let Some(remedy) = remedy {
            println!("       {:<10} remedy: {remedy}", "");
        }
    }
}

//! A session as JUnit XML, which CI systems show: one suite, a test case a step.
//!
//! What does not hold as expected (and what took too long) is a failure, what went wrong is an error; both carry the fault's words.

use std::{io, time::Duration};

use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite};

use super::report::{Outcome, StepReport, Summary};

/// Writes the report of a session that has ended.
pub fn write(summary: &Summary, out: impl io::Write) -> Result<(), quick_junit::SerializeError> {
    let mut suite = TestSuite::new(summary.session.as_str());
    suite.set_time(seconds(summary.duration_ms));
    for step in &summary.steps {
        suite.add_test_case(case(&summary.session, step));
    }
    if let Some(fault) = &summary.fault {
        let mut status = TestCaseStatus::non_success(NonSuccessKind::Error);
        status
            .set_message(fault.headline.as_str())
            .set_type(fault.code.name())
            .set_description(fault.to_string());
        let mut case = TestCase::new("session", status);
        case.set_classname(summary.session.as_str());
        suite.add_test_case(case);
    }
    let mut report = Report::new("xspi-gdb session");
    report.set_time(seconds(summary.duration_ms));
    report.add_test_suite(suite);
    report.serialize(out)
}

fn case(session: &str, step: &StepReport) -> TestCase {
    let mut status = match step.outcome {
        Outcome::Held => TestCaseStatus::success(),
        Outcome::Skipped => TestCaseStatus::skipped(),
        Outcome::Failed | Outcome::Timeout => TestCaseStatus::non_success(NonSuccessKind::Failure),
        Outcome::Fault | Outcome::Interrupted => TestCaseStatus::non_success(NonSuccessKind::Error),
    };
    if let Some(fault) = &step.fault {
        status
            .set_message(fault.headline.as_str())
            .set_type(fault.code.name())
            .set_description(fault.to_string());
    }
    // Numbered, so that two steps of one name stay two.
    let mut case = TestCase::new(format!("{:03} {}", step.number, step.name), status);
    case.set_classname(session)
        .set_time(seconds(step.duration_ms));
    let said: Vec<&str> = [step.words.as_str()]
        .into_iter()
        .chain(step.notices.iter().map(String::as_str))
        .filter(|text| !text.is_empty())
        .collect();
    if !said.is_empty() {
        case.set_system_out(said.join("\n"));
    }
    case
}

fn seconds(milliseconds: f64) -> Duration {
    Duration::from_secs_f64((milliseconds / 1000.0).max(0.0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fault::{Code, Fault};

    fn step(number: usize, outcome: Outcome) -> StepReport {
        let fault = Fault {
            code: Code::XG132,
            headline: "COUNTER is 2 <and> should \"be\" 3 & more \u{1}".to_owned(),
            causes: Vec::new(),
            remedy: "none ]]>".to_owned(),
        };
        let fails = !matches!(outcome, Outcome::Held | Outcome::Skipped);
        StepReport {
            number,
            step: "expect",
            name: "counter".to_owned(),
            finally: false,
            outcome,
            duration_ms: 1.5,
            value: None,
            notices: Vec::new(),
            fault: fails.then_some(fault),
            words: "said".to_owned(),
        }
    }

    /// Whatever a fault says, the file is XML, and counts what a CI system counts.
    #[test]
    fn a_report_is_well_formed_and_tells_failures_from_errors() {
        let outcomes = [
            Outcome::Held,
            Outcome::Failed,
            Outcome::Fault,
            Outcome::Timeout,
            Outcome::Skipped,
        ];
        let steps = (1..)
            .zip(outcomes)
            .map(|(number, outcome)| step(number, outcome));
        let summary = Summary::of("smoke".into(), steps.collect(), Duration::from_millis(9));
        let mut bytes = Vec::new();
        write(&summary, &mut bytes).expect("memory takes it");
        let text = String::from_utf8(bytes).expect("UTF-8");
        let document = roxmltree::Document::parse(&text).unwrap_or_else(|e| panic!("{e}:\n{text}"));
        let suite = document
            .descendants()
            .find(|node| node.has_tag_name("testsuite"))
            .expect("a suite");
        let count = |name| suite.attribute(name).map(str::to_owned);
        assert_eq!(count("tests").as_deref(), Some("5"));
        assert_eq!(count("failures").as_deref(), Some("2"));
        assert_eq!(count("errors").as_deref(), Some("1"));
        assert_eq!(count("skipped").or(count("disabled")).as_deref(), Some("1"));
        let failure = suite
            .descendants()
            .find(|node| node.has_tag_name("failure"))
            .expect("a failure");
        assert_eq!(failure.attribute("type"), Some("XG132"));
        let message = failure.attribute("message").unwrap_or_default();
        assert!(message.starts_with("COUNTER is 2 <and> should \"be\" 3 & more"));
    }
}

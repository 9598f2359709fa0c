//! Every rule on its own fixtures: `tests/fixtures/rules/ID/{pass,fail}/*.yaml`, with only that rule enabled.
//!
//! What a failing fixture yields stands beside it in a `.snap` file.

mod collected;
mod laws;
mod pod_laws;

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use driftgate::engine::Evaluation;
use driftgate::finding::Severity;
use driftgate::rules::{self, Rule};
use rstest::rstest;

#[rstest]
fn fires(#[files("tests/fixtures/rules/*/fail/*.yaml")] path: PathBuf) {
    let evaluation = judge(&path);
    assert!(!evaluation.findings.is_empty(), "the rule is silent on {}", path.display());
    assert!(evaluation.gaps.is_empty(), "{:?}", evaluation.gaps);
    assert_can_be_excluded(&evaluation);
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path(path.parent().unwrap());
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    let name = path.file_stem().unwrap().to_str().unwrap();
    settings.bind(|| insta::assert_snapshot!(name, render(&evaluation)));
}

#[rstest]
fn stays_silent(#[files("tests/fixtures/rules/*/pass/*.yaml")] path: PathBuf) {
    let evaluation = judge(&path);
    assert!(evaluation.findings.is_empty(), "{}", render(&evaluation));
    assert!(evaluation.gaps.is_empty(), "{:?}", evaluation.gaps);
}

/// An exclusion of a critical rule must say a container or a value, so each of its findings must have one.
fn assert_can_be_excluded(evaluation: &Evaluation) {
    for identity in evaluation.findings.keys() {
        let rule = rules::find(identity.rule).unwrap();
        let says_something = identity.container.is_some() || !identity.value.is_empty();
        assert!(rule.severity < Severity::Critical || says_something, "{identity}");
    }
}

fn judge(fixture: &Path) -> Evaluation {
    collected::judge(rule_of(fixture), fixture)
}

/// The rule that a fixture is for: the name of its folder's parent.
fn rule_of(fixture: &Path) -> &'static Rule {
    let id = fixture.ancestors().nth(2).and_then(Path::file_name).unwrap().to_str().unwrap();
    rules::find(id).unwrap_or_else(|| panic!("no rule {id} for {}", fixture.display()))
}

fn render(evaluation: &Evaluation) -> String {
    let mut text = String::new();
    for finding in evaluation.findings.values() {
        let (severity, certainty) = (finding.severity, finding.certainty);
        let (presence, evidence) = (finding.presence, finding.evidence);
        writeln!(text, "{severity} ({certainty:?}, {presence:?}, {evidence:?}) {}", finding.identity)
            .unwrap();
        writeln!(text, "  {} {}", finding.object, finding.path).unwrap();
        writeln!(text, "  {}", finding.message).unwrap();
        for cause in &finding.causes {
            writeln!(text, "  cause: {cause:?}").unwrap();
        }
    }
    text
}

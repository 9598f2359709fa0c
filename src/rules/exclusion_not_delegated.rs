//! EXC-001: an exclusion that the platform does not delegate. Judged where policies are read, not on objects.

use crate::finding::Severity;
use crate::rules::Rule;

pub(crate) static RULE: Rule = Rule {
    id: "exclusion-not-delegated",
    code: "EXC-001",
    title: "An application excludes what the platform does not delegate",
    severity: Severity::Critical,
    reads: &[],
    consults: &[],
    help: "Remove the entry, or let the platform delegate it or exclude the finding itself",
    page: include_str!("exclusion_not_delegated.md"),
    sources: &["NIST SP 800-53 CM-3 Configuration Change Control"],
    checks: &[],
};

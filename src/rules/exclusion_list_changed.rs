//! EXC-002: an exclusion of an application's team permits more than the list that passed last. Judged where policies are
//! read, not on objects.

use crate::finding::Severity;
use crate::rules::Rule;

pub(crate) static RULE: Rule = Rule {
    id: "exclusion-list-changed",
    code: "EXC-002",
    title: "The exclusions of an application permit more than before",
    severity: Severity::High,
    reads: &[],
    consults: &[],
    help: "Let the platform accept the list with driftgate baseline accept, or undo the change",
    page: include_str!("exclusion_list_changed.md"),
    sources: &["NIST SP 800-53 CM-3 Configuration Change Control"],
    checks: &[],
};

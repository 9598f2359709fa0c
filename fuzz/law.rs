// No text makes the reader of policy files panic, every problem has a place in the text, and what is taken out of a file
// leaves the rest. The fuzzer and the hermetic tests hold texts against it.

use std::collections::BTreeSet;

use driftgate::policy;

/// Panics if the text breaks the law.
pub(crate) fn holds(text: &str) {
    let (read, problems) = policy::read_all(driftgate::rules::RULES, &[("p", text)]);
    let lines = u64::try_from(text.split(['\n', '\r']).count()).unwrap_or(u64::MAX);
    for problem in &problems {
        assert!((1..=lines).contains(&problem.at.line) && problem.at.column >= 1, "{problem}");
        assert!(!problem.message.is_empty(), "{problem}");
    }
    if !problems.is_empty() {
        return;
    }
    let entries = read.exclusions.entries();
    let listed = entries.iter().filter(|entry| entry.injector.is_none());
    let going: BTreeSet<_> = listed.step_by(2).map(|entry| (entry.at.line, entry.at.column)).collect();
    let Ok(rest) = policy::without(text, &going) else { return };
    let left = policy::parse(&[("p", &rest)]).expect("what is left can be read");
    let stays = |entry: &&driftgate::exclusion::Exclusion| !going.contains(&(entry.at.line, entry.at.column));
    let expected: Vec<_> = entries.iter().filter(stays).map(|entry| (entry.rule, &entry.reason)).collect();
    let found: Vec<_> = left.exclusions.entries().iter().map(|entry| (entry.rule, &entry.reason)).collect();
    assert_eq!(found, expected);
}

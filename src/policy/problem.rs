//! What is wrong with policy files, each with its place.

use std::fmt;
use std::sync::Arc;

use super::tree::At;
use crate::exclusion::Position;

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Problem {
    /// Where.
    pub at: Position,
    /// What, one sentence without a full stop.
    pub message: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.at, self.message)
    }
}

/// Everything that is wrong, by file, line and column. Never empty.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct PolicyErrors(pub(super) Vec<Problem>);

impl PolicyErrors {
    /// All problems, by file, line and column.
    pub fn problems(&self) -> &[Problem] {
        &self.0
    }
}

/// One line for each problem.
impl fmt::Display for PolicyErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, problem) in self.0.iter().enumerate() {
            if number > 0 {
                f.write_str("\n")?;
            }
            write!(f, "{problem}")?;
        }
        Ok(())
    }
}

/// Takes the problems of one file.
#[derive(Debug)]
pub(super) struct Problems {
    file: Arc<str>,
    found: Vec<Problem>,
}

impl Problems {
    pub(super) fn new(file: Arc<str>) -> Self {
        Self { file, found: Vec::new() }
    }

    pub(super) fn add(&mut self, at: At, message: impl Into<String>) {
        self.found.push(Problem { at: self.position(at), message: message.into() });
    }

    pub(super) fn position(&self, at: At) -> Position {
        Position { file: Arc::clone(&self.file), line: at.line, column: at.column }
    }

    pub(super) fn into_found(self) -> Vec<Problem> {
        self.found
    }
}

/// The known word that is closest to what was written, if it is close enough to be meant: ` (did you mean X?)`.
pub(crate) fn did_you_mean<'a>(written: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    let near = known.into_iter().map(|word| (distance(written, word), word)).min();
    match near {
        Some((distance, word)) if distance <= 1 + written.chars().count() / 4 => {
            format!(" (did you mean `{word}`?)")
        }
        _ => String::new(),
    }
}

/// Levenshtein distance, for words: what is longer than 64 characters is near to nothing.
fn distance(one: &str, other: &str) -> usize {
    let one: Vec<char> = one.chars().take(65).flat_map(char::to_lowercase).collect();
    if one.len() > 64 {
        return usize::MAX;
    }
    let mut row: Vec<usize> = (0..=one.len()).collect();
    for (number, theirs) in other.chars().enumerate() {
        let mut diagonal = number;
        let mut left = number + 1;
        for (cell, ours) in row.iter_mut().skip(1).zip(&one) {
            let changed = diagonal + usize::from(*ours != theirs);
            diagonal = *cell;
            left = changed.min(left + 1).min(*cell + 1);
            *cell = left;
        }
        if let Some(first) = row.first_mut() {
            *first = number + 1;
        }
    }
    row.last().copied().unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances_count_changed_added_and_dropped_letters() {
        for (one, other, expected) in [
            ("", "", 0),
            ("reason", "reason", 0),
            ("resaon", "reason", 2),
            ("reasn", "reason", 1),
            ("", "abc", 3),
            ("kitten", "sitting", 3),
        ] {
            assert_eq!(distance(one, other), expected, "{one} {other}");
            assert_eq!(distance(other, one), expected, "{other} {one}");
        }
    }

    #[test]
    fn only_near_words_are_suggested() {
        let known = ["reason", "owner", "expires"];
        assert_eq!(did_you_mean("resaon", known), " (did you mean `reason`?)");
        assert_eq!(did_you_mean("Owner", known), " (did you mean `owner`?)");
        assert_eq!(did_you_mean("provenance", known), "");
    }
}

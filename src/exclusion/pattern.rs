//! Shell-style patterns for names.

use globset::{GlobBuilder, GlobMatcher};

/// Characters that make a name a pattern; each one byte.
const META: [char; 4] = ['*', '?', '[', ']'];

/// A name, or a pattern with `*`, `?` and `[…]` that says at least one letter or digit literally.
#[derive(Clone, Debug)]
pub struct Pattern {
    text: String,
    matcher: Matcher,
}

#[derive(Clone, Debug)]
enum Matcher {
    Literal,
    /// Everything before one `*` at the end: the usual pattern, and the cheapest to match.
    Prefix,
    Glob(Box<GlobMatcher>),
}

impl Pattern {
    /// Reads a pattern.
    ///
    /// # Errors
    /// One sentence for people: an empty pattern, one that matches every name, or one that is not well formed.
    pub fn new(text: &str) -> Result<Self, String> {
        if text.is_empty() {
            return Err("is empty".into());
        }
        if text.contains(['{', '}', '\\']) {
            return Err(format!("`{text}` is no pattern of `*`, `?` and `[…]`"));
        }
        if !says_something(text) {
            return Err(format!("`{text}` alone matches every name; say which ones are meant"));
        }
        let matcher = match text.find(META) {
            None => Matcher::Literal,
            Some(first) if first + 1 == text.len() && text.ends_with('*') => Matcher::Prefix,
            Some(_) => Matcher::Glob(Box::new(compile(text)?)),
        };
        Ok(Self { text: text.to_owned(), matcher })
    }

    /// True if the pattern matches the whole name.
    pub fn matches(&self, name: &str) -> bool {
        match &self.matcher {
            Matcher::Literal => name == self.text,
            Matcher::Prefix => self.text.strip_suffix('*').is_some_and(|prefix| name.starts_with(prefix)),
            Matcher::Glob(glob) => glob.is_match(name),
        }
    }

    /// The name, if it is not a pattern.
    pub fn literal(&self) -> Option<&str> {
        matches!(self.matcher, Matcher::Literal).then_some(&self.text)
    }

    /// What every name that matches begins with; may be empty.
    pub(super) fn beginning(&self) -> &str {
        self.text.find(META).and_then(|first| self.text.get(..first)).unwrap_or(&self.text)
    }

    /// What every name that matches ends with; may be empty.
    pub(super) fn ending(&self) -> &str {
        self.text.rfind(META).and_then(|last| self.text.get(last + 1..)).unwrap_or(&self.text)
    }

    /// True if every name that matches the other matches this one too. Says no where it is hard to tell.
    pub(super) fn covers(&self, other: &Self) -> bool {
        if self.text == other.text {
            return true;
        }
        match (&self.matcher, other.literal()) {
            (_, Some(name)) => self.matches(name),
            (Matcher::Literal, None) => false,
            (Matcher::Prefix, None) => other.beginning().starts_with(self.beginning()),
            (Matcher::Glob(_), None) => {
                let ending = self.text.strip_prefix('*').filter(|ending| !ending.contains(META));
                ending.is_some_and(|ending| other.ending().ends_with(ending))
            }
        }
    }

    /// Number of characters that every name has to have as they are written.
    pub fn spelled_out(&self) -> usize {
        let mut in_brackets = false;
        let mut count = 0;
        for character in self.text.chars() {
            match character {
                '[' => in_brackets = true,
                ']' => in_brackets = false,
                '*' | '?' => {}
                _ if in_brackets => {}
                _ => count += 1,
            }
        }
        count
    }

    /// As written.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

/// True if a letter or digit stands outside of brackets; `*`, `?*` and `[a-z]*` say nothing.
fn says_something(text: &str) -> bool {
    let mut in_brackets = false;
    for character in text.chars() {
        match character {
            '[' => in_brackets = true,
            ']' => in_brackets = false,
            _ if !in_brackets && character.is_alphanumeric() => return true,
            _ => {}
        }
    }
    false
}

fn compile(text: &str) -> Result<GlobMatcher, String> {
    let glob = GlobBuilder::new(text).literal_separator(false).backslash_escape(false).build();
    glob.map(|glob| glob.compile_matcher())
        .map_err(|error| format!("`{text}` is no pattern: {}", error.kind()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(pattern: &str, name: &str, expected: bool) {
        assert_eq!(Pattern::new(pattern).unwrap().matches(name), expected, "{pattern} on {name}");
    }

    #[test]
    fn names_prefixes_and_patterns_match_the_whole_name() {
        check("web", "web", true);
        check("web", "web-1", false);
        check("web-*", "web-1", true);
        check("web-*", "my-web-1", false);
        check("*-web", "my-web", true);
        check("w?b-[0-9]", "web-1", true);
        check("w?b-[0-9]", "web-10", false);
        check("apps/*Set", "apps/DaemonSet", true);
        check("web.*", "webx", false);
    }

    #[test]
    fn names_that_match_begin_and_end_alike() {
        for (text, beginning, ending) in [
            ("web", "web", "web"),
            ("web-*", "web-", ""),
            ("*-web", "", "-web"),
            ("a?b[cd]e", "a", "e"),
            ("é*", "é", ""),
        ] {
            let pattern = Pattern::new(text).unwrap();
            assert_eq!((pattern.beginning(), pattern.ending()), (beginning, ending), "{text}");
        }
    }

    #[test]
    fn a_pattern_for_every_name_is_refused() {
        for text in ["*", "**", "?*", "[a-z]*", "*-*", "[!x]*", "", "{a,*}", "a\\*"] {
            assert!(Pattern::new(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_pattern_that_is_not_well_formed_is_refused() {
        assert!(Pattern::new("web[a-").is_err());
    }
}

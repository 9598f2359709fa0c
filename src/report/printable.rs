//! Text that is safe to show: objects, webhooks and people wrote what a report repeats.
//!
//! Owns which characters may appear and how text is cut. Does not know where text is shown.

use std::borrow::Cow;
use std::fmt;

use serde::Serialize;

/// One line of text without control characters, so that no object can move a terminal's cursor, forge a line of a
/// report or turn the reading direction around.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, schemars::JsonSchema)]
#[serde(transparent)]
#[schemars(inline)]
pub struct Printable(String);

impl Printable {
    /// Makes any text printable: breaks and tabs become a space, other control characters become `�`.
    pub fn new(text: impl AsRef<str>) -> Self {
        Self(printable(text.as_ref()))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// At most `limit` bytes of it.
    #[must_use]
    pub fn shortened(&self, limit: usize) -> Self {
        Self(cut(&self.0, limit).into_owned())
    }

    /// True if there is nothing to show.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl From<&str> for Printable {
    fn from(text: &str) -> Self {
        Self::new(text)
    }
}

impl From<String> for Printable {
    fn from(text: String) -> Self {
        Self::new(text)
    }
}

impl fmt::Display for Printable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// What [`Printable`] makes of a text.
pub fn printable(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut broken = false;
    for char in text.trim().chars() {
        match glyph(char) {
            Glyph::Space => broken = true,
            Glyph::Shown if broken && char == ' ' => {}
            glyph @ (Glyph::Shown | Glyph::Hidden) => {
                if broken && !out.ends_with(' ') {
                    out.push(' ');
                }
                broken = false;
                out.push(if glyph == Glyph::Shown { char } else { char::REPLACEMENT_CHARACTER });
            }
        }
    }
    out
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Glyph {
    Shown,
    Space,
    Hidden,
}

/// Cc, the separators of lines and paragraphs, and the characters that change the direction of what follows
/// (<https://www.unicode.org/reports/tr9/#Directional_Formatting_Characters>).
fn glyph(char: char) -> Glyph {
    match char {
        '\t' | '\n' | '\u{b}' | '\u{c}' | '\r' | '\u{85}' | '\u{2028}' | '\u{2029}' => Glyph::Space,
        '\u{61c}'
        | '\u{200e}'
        | '\u{200f}'
        | '\u{202a}'..='\u{202e}'
        | '\u{2066}'..='\u{2069}'
        | '\u{feff}' => Glyph::Hidden,
        char if char.is_control() => Glyph::Hidden,
        _ => Glyph::Shown,
    }
}

/// At most `limit` bytes of a text, cut at a character, with `…` where something is missing and there is room for
/// it.
pub fn cut(text: &str, limit: usize) -> Cow<'_, str> {
    if text.len() <= limit {
        return Cow::Borrowed(text);
    }
    let mark = if limit >= ELLIPSIS.len() { ELLIPSIS } else { "" };
    let mut end = limit - mark.len();
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    Cow::Owned(format!("{}{mark}", &text[..end]))
}

const ELLIPSIS: &str = "…";

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_forged_line_stays_on_its_line() {
        assert_eq!(printable("denied\n\n  PASS  all good\u{1b}[2J"), "denied PASS  all good\u{fffd}[2J");
        assert_eq!(printable("a\r\nb\u{2028}c\u{85}"), "a b c");
        assert_eq!(printable("user\u{202e}nimda"), "user\u{fffd}nimda");
        assert_eq!(printable("two  spaces, ünïcode, 日本 stay"), "two  spaces, ünïcode, 日本 stay");
    }

    #[test]
    fn cut_leaves_whole_characters() {
        assert_eq!(cut("abcdef", 6), "abcdef");
        assert_eq!(cut("abcdefg", 6), "abc…");
        assert_eq!(cut("日本語", 8), "日…");
        assert_eq!(cut("日本語", 2), "");
    }

    proptest! {
        #[test]
        fn nothing_hidden_survives(text in any::<String>()) {
            let text = printable(&text);
            prop_assert!(text.chars().all(|char| glyph(char) == Glyph::Shown), "{text:?}");
            prop_assert_eq!(printable(&text), text);
        }

        #[test]
        fn cut_keeps_its_limit(text in any::<String>(), limit in 0..64_usize) {
            let shown = cut(&text, limit);
            prop_assert!(shown.len() <= limit);
            let head = shown.strip_suffix(ELLIPSIS).unwrap_or(&shown);
            prop_assert!(text.starts_with(head) || text == *shown);
        }
    }
}

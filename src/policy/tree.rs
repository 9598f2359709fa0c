//! YAML as a tree in which every node knows its line and column, so that all problems of a file can be named at once
//! and not only the first.
//!
//! Does not know what a policy is.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_saphyr::{DuplicateKeyPolicy, Location, Spanned};

/// Line and column, from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct At {
    pub(super) line: u64,
    pub(super) column: u64,
}

/// A node and where it stands.
#[derive(Clone, Debug)]
pub(super) struct Node {
    pub(super) at: At,
    pub(super) value: Content,
}

impl Node {
    /// The first member of that name, if this is a mapping.
    pub(super) fn member(&self, name: &str) -> Option<&Self> {
        let Content::Map(members) = &self.value else { return None };
        let named = |key: &Self| key.text().is_some_and(|(_at, text)| text == name);
        members.iter().find(|(key, _value)| named(key)).map(|(_key, value)| value)
    }

    /// What is written here, if it is a text, a number or `true`.
    pub(super) fn text(&self) -> Option<(At, &str)> {
        match &self.value {
            Content::Text(text) | Content::Bool(_, text) | Content::Number(text) => Some((self.at, text)),
            Content::Null | Content::List(_) | Content::Map(_) => None,
        }
    }
}

/// What a node holds.
#[derive(Clone, Debug)]
pub(super) enum Content {
    /// `~`, `null` or nothing at all.
    Null,
    /// A text.
    Text(String),
    /// `true` or `false`, with the text as written.
    Bool(bool, String),
    /// A number, as written.
    Number(String),
    /// A list.
    List(Vec<Node>),
    /// A mapping in file order; a key may stand there twice.
    Map(Vec<(Node, Node)>),
}

/// A text that is no YAML.
#[derive(Clone, Debug)]
pub(super) struct Broken {
    pub(super) at: At,
    pub(super) message: String,
}

/// The documents of a file up to the first that is no YAML, and what is wrong with that one. Documents without
/// content are left out.
pub(super) fn documents(text: &str) -> (Vec<Node>, Option<Broken>) {
    let options = serde_saphyr::options! {
        duplicate_keys: DuplicateKeyPolicy::PassThrough,
        strict_booleans: true,
        // Room for tens of thousands of exclusions, and still a bound.
        budget: serde_saphyr::budget! { max_nodes: 2_000_000, max_events: 4_000_000 },
    };
    let source = Source::new(text);
    let mut documents = Vec::new();
    let mut bytes = text.as_bytes();
    for document in serde_saphyr::read_with_options::<_, Spanned<Raw>>(&mut bytes, options) {
        match document {
            Ok(document) => documents.push(source.node(document)),
            Err(error) => return (documents, Some(broken(&error))),
        }
    }
    (documents, None)
}

fn broken(error: &serde_saphyr::Error) -> Broken {
    let without_snippet = error.without_snippet();
    let at = at(without_snippet.location().unwrap_or(Location::UNKNOWN));
    let text = without_snippet.to_string();
    let message = text.lines().next().unwrap_or_default().to_owned();
    Broken { at, message }
}

fn at(location: Location) -> At {
    At { line: location.line().max(1), column: location.column().max(1) }
}

/// A node before its scalars have got their text back.
enum Raw {
    Null,
    Text(String),
    Bool(bool),
    Number(String),
    List(Vec<Spanned<Self>>),
    Map(Vec<(Spanned<Self>, Spanned<Self>)>),
}

impl<'de> Deserialize<'de> for Raw {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(RawVisitor)
    }
}

struct RawVisitor;

impl<'de> Visitor<'de> for RawVisitor {
    type Value = Raw;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any YAML")
    }

    fn visit_unit<E>(self) -> Result<Raw, E> {
        Ok(Raw::Null)
    }

    fn visit_none<E>(self) -> Result<Raw, E> {
        Ok(Raw::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Raw, D::Error> {
        Raw::deserialize(deserializer)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Raw, E> {
        Ok(Raw::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Raw, E> {
        Ok(Raw::Number(value.to_string()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Raw, E> {
        Ok(Raw::Number(value.to_string()))
    }

    fn visit_i128<E>(self, value: i128) -> Result<Raw, E> {
        Ok(Raw::Number(value.to_string()))
    }

    fn visit_u128<E>(self, value: u128) -> Result<Raw, E> {
        Ok(Raw::Number(value.to_string()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Raw, E> {
        Ok(Raw::Number(value.to_string()))
    }

    fn visit_str<E>(self, value: &str) -> Result<Raw, E> {
        Ok(Raw::Text(value.to_owned()))
    }

    fn visit_bytes<E>(self, value: &[u8]) -> Result<Raw, E> {
        Ok(Raw::Text(String::from_utf8_lossy(value).into_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Raw, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            list.push(item);
        }
        Ok(Raw::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Raw, A::Error> {
        let mut map = Vec::new();
        while let Some(member) = members.next_entry()? {
            map.push(member);
        }
        Ok(Raw::Map(map))
    }
}

/// The file's text by character, to read `012` or `1e3` as they were written.
struct Source<'a> {
    text: &'a str,
    /// Byte offsets of characters; empty where they are the same.
    offsets: Vec<usize>,
}

impl<'a> Source<'a> {
    fn new(text: &'a str) -> Self {
        let offsets = if text.is_ascii() {
            Vec::new()
        } else {
            text.char_indices().map(|(offset, _)| offset).collect()
        };
        Self { text, offsets }
    }

    fn node(&self, raw: Spanned<Raw>) -> Node {
        let value = match raw.value {
            Raw::Null => Content::Null,
            Raw::Text(text) => Content::Text(text),
            Raw::Bool(value) => Content::Bool(value, self.written(raw.defined, &value.to_string())),
            Raw::Number(text) => Content::Number(self.written(raw.defined, &text)),
            Raw::List(items) => Content::List(items.into_iter().map(|item| self.node(item)).collect()),
            Raw::Map(members) => {
                let node = |(key, value)| (self.node(key), self.node(value));
                Content::Map(members.into_iter().map(node).collect())
            }
        };
        Node { at: at(raw.referenced), value }
    }

    fn written(&self, location: Location, otherwise: &str) -> String {
        let span = location.span();
        let from = usize::try_from(span.offset()).ok();
        let to = from.zip(usize::try_from(span.len()).ok()).and_then(|(from, len)| from.checked_add(len));
        let range = from.and_then(|from| self.byte(from)).zip(to.and_then(|to| self.byte(to)));
        let text = range.and_then(|(from, to)| self.text.get(from..to)).map(str::trim);
        text.filter(|text| !text.is_empty()).unwrap_or(otherwise).to_owned()
    }

    fn byte(&self, character: usize) -> Option<usize> {
        if self.text.is_ascii() || character == self.offsets.len() {
            return Some(if self.offsets.is_empty() { character } else { self.text.len() });
        }
        self.offsets.get(character).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn show(node: &Node) -> String {
        let At { line, column } = node.at;
        let value = match &node.value {
            Content::Null => "null".to_owned(),
            Content::Text(text) => format!("{text:?}"),
            Content::Bool(_, text) | Content::Number(text) => text.clone(),
            Content::List(items) => format!("[{}]", items.iter().map(show).collect::<Vec<_>>().join(" ")),
            Content::Map(members) => {
                let member = |(key, value): &(Node, Node)| format!("{}={}", show(key), show(value));
                format!("{{{}}}", members.iter().map(member).collect::<Vec<_>>().join(" "))
            }
        };
        format!("{line}:{column}:{value}")
    }

    #[track_caller]
    fn check(text: &str, expected: &[&str]) {
        let (documents, broken) = documents(text);
        assert!(broken.is_none(), "{broken:?}");
        assert_eq!(documents.iter().map(show).collect::<Vec<_>>(), expected);
    }

    #[test]
    fn every_node_knows_its_place() {
        check("a: b\nc:\n  - d\n", &[r#"1:1:{1:1:"a"=1:4:"b" 2:1:"c"=3:3:[3:5:"d"]}"#]);
    }

    #[test]
    fn scalars_keep_the_text_they_were_written_with() {
        check(
            "é: [012, 1e3, 0x1F, yes, true, ~, 1.10, 2026-12-31]\n",
            &[
                r#"1:1:{1:1:"é"=1:4:[1:5:012 1:10:1e3 1:15:0x1F 1:21:"yes" 1:26:true 1:32:null 1:35:1.10 1:41:"2026-12-31"]}"#,
            ],
        );
    }

    #[test]
    fn documents_are_told_apart_and_empty_ones_left_out() {
        check(
            "---\n# nothing\n---\na: 1\n---\nb: 2\n",
            &[r#"4:1:{4:1:"a"=4:4:1}"#, r#"6:1:{6:1:"b"=6:4:2}"#],
        );
        check("", &[]);
    }

    #[test]
    fn a_key_may_stand_there_twice_and_an_alias_stands_where_it_is_used() {
        check("a: &x 7\na: *x\n", &[r#"1:1:{1:1:"a"=1:7:7 2:1:"a"=2:4:7}"#]);
    }

    #[test]
    fn documents_before_the_broken_one_are_read() {
        let (read, broken) = documents("a: 1\n---\nb: [\n");
        assert_eq!(read.len(), 1);
        let broken = broken.unwrap();
        assert!(broken.at.line >= 3, "{broken:?}");
        assert!(!broken.message.is_empty());
    }
}

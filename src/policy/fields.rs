//! Reads members of mappings with the types that a policy needs, and says everything that is wrong with them.
//!
//! Does not know which members there are.

use std::borrow::Cow;
use std::collections::BTreeMap;

use schemars::{JsonSchema, Schema, SchemaGenerator};

use super::problem::{Problems, did_you_mean};
use super::tree::{At, Content, Node};

/// A value and where it stands.
#[derive(Clone, Debug)]
pub(super) struct Located<T> {
    pub(super) at: At,
    pub(super) value: T,
}

/// In the schema a located value is the value.
impl<T: JsonSchema> JsonSchema for Located<T> {
    fn inline_schema() -> bool {
        T::inline_schema()
    }

    fn schema_name() -> Cow<'static, str> {
        T::schema_name()
    }

    fn schema_id() -> Cow<'static, str> {
        T::schema_id()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        T::json_schema(generator)
    }
}

/// The members of one mapping. What is read is taken away; what is wrong is reported as it is read.
pub(super) struct Members<'n> {
    pub(super) at: At,
    what: &'n str,
    by_name: BTreeMap<&'n str, &'n Node>,
}

impl<'n> Members<'n> {
    /// Opens a mapping that may have these members; `what` names it for people. None if it is no mapping.
    pub(super) fn open(
        node: &'n Node,
        what: &'n str,
        known: &[&str],
        problems: &mut Problems,
    ) -> Option<Self> {
        let Content::Map(map) = &node.value else {
            problems.add(node.at, format!("{what} must be a mapping, and this is {}", describe(&node.value)));
            return None;
        };
        let mut members = BTreeMap::new();
        for (key, value) in map {
            let Content::Text(name) = &key.value else {
                problems.add(key.at, format!("{what} has a field whose name is {}", describe(&key.value)));
                continue;
            };
            if !known.contains(&name.as_str()) {
                let hint = did_you_mean(name, known.iter().copied());
                problems.add(key.at, format!("{what} has no field `{name}`{hint}"));
            } else if matches!(value.value, Content::Null) {
                problems
                    .add(key.at, format!("`{name}` has no value; leave the field out to keep its default"));
                members.insert(name.as_str(), value);
            } else if members.insert(name.as_str(), value).is_some() {
                problems.add(key.at, format!("{what} has `{name}` twice"));
            }
        }
        Some(Self { at: node.at, what, by_name: members })
    }

    /// Members that must be there.
    pub(super) fn required(&self, names: &[&str], problems: &mut Problems) {
        for name in names.iter().filter(|name| !self.by_name.contains_key(**name)) {
            problems.add(self.at, format!("{} needs `{name}`", self.what));
        }
    }

    /// A member with a value; one without has been reported.
    pub(super) fn get(&self, name: &str) -> Option<&'n Node> {
        self.by_name.get(name).copied().filter(|node| !matches!(node.value, Content::Null))
    }

    /// A text that is not blank; numbers and `true` are texts here, as they were written.
    pub(super) fn text(&self, name: &str, problems: &mut Problems) -> Option<Located<String>> {
        text(self.get(name)?, &format!("`{name}`"), problems)
    }

    /// `true` or `false`.
    pub(super) fn flag(&self, name: &str, problems: &mut Problems) -> Option<Located<bool>> {
        let node = self.get(name)?;
        if let Content::Bool(value, _written) = &node.value {
            return Some(Located { at: node.at, value: *value });
        }
        problems
            .add(node.at, format!("`{name}` must be true or false, and this is {}", describe(&node.value)));
        None
    }

    /// A list of nodes.
    pub(super) fn list(&self, name: &str, problems: &mut Problems) -> Option<Located<&'n [Node]>> {
        let node = self.get(name)?;
        if let Content::List(items) = &node.value {
            return Some(Located { at: node.at, value: items });
        }
        problems.add(node.at, format!("`{name}` must be a list, and this is {}", describe(&node.value)));
        None
    }

    /// A list of texts.
    pub(super) fn texts(&self, name: &str, problems: &mut Problems) -> Option<Located<Vec<Located<String>>>> {
        let Located { at, value: items } = self.list(name, problems)?;
        let what = format!("an item of `{name}`");
        let value = items.iter().filter_map(|item| text(item, &what, problems)).collect();
        Some(Located { at, value })
    }
}

fn text(node: &Node, what: &str, problems: &mut Problems) -> Option<Located<String>> {
    let value = match &node.value {
        Content::Text(text) | Content::Bool(_, text) | Content::Number(text) => text,
        Content::Null | Content::List(_) | Content::Map(_) => {
            problems.add(node.at, format!("{what} must be a text, and this is {}", describe(&node.value)));
            return None;
        }
    };
    if value.trim().is_empty() {
        problems.add(node.at, format!("{what} is blank"));
        return None;
    }
    Some(Located { at: node.at, value: value.clone() })
}

fn describe(content: &Content) -> String {
    match content {
        Content::Null => "nothing".into(),
        Content::Text(text) | Content::Bool(_, text) | Content::Number(text) => {
            let short: String = text.chars().take(40).collect();
            format!("`{short}`")
        }
        Content::List(_) => "a list".into(),
        Content::Map(_) => "a mapping".into(),
    }
}

//! Where a field of any document is written, or where it would have to be.

use super::tree::{At, Content, Node, documents};

/// Where the fields of a text's first document are.
#[derive(Debug)]
pub struct Places(Option<Node>);

impl Places {
    /// Of this text.
    pub fn read(text: &str) -> Self {
        let (documents, _broken) = documents(text);
        Self(documents.into_iter().next())
    }

    /// Line and column, from 1, of a field: of its key, or else of the nearest key around it. A field is a path with
    /// dots, below the item of that number of a list of objects, or the name of a label or an annotation.
    pub fn of(&self, item: Option<usize>, field: &str) -> (u64, u64) {
        let Some(root) = &self.0 else { return (1, 1) };
        let object = item.and_then(|number| listed(root, number)).unwrap_or(root);
        let At { line, column } = marked(object, field).unwrap_or_else(|| nearest(object, field));
        (line, column)
    }
}

fn listed(root: &Node, number: usize) -> Option<&Node> {
    let Content::List(items) = &root.member("items")?.value else { return None };
    items.get(number)
}

/// The label or annotation, or what holds annotations.
fn marked(object: &Node, name: &str) -> Option<At> {
    let metadata = object.member("metadata").filter(|_| name.contains('/'))?;
    let holders = ["annotations", "labels"].map(|holder| metadata.member(holder));
    let key = holders.into_iter().flatten().find_map(|holder| key(holder, name));
    key.or_else(|| self::key(metadata, "annotations")).or_else(|| self::key(object, "metadata"))
}

fn nearest(object: &Node, path: &str) -> At {
    let (mut here, mut at) = (object, object.at);
    for name in path.split('.') {
        let (Some(found), Some(next)) = (key(here, name), here.member(name)) else { break };
        (at, here) = (found, next);
    }
    at
}

/// Where the key of that name is written.
fn key(of: &Node, name: &str) -> Option<At> {
    let Content::Map(members) = &of.value else { return None };
    members
        .iter()
        .map(|(key, _value)| key)
        .find(|key| key.text().is_some_and(|it| it.1 == name))
        .map(|it| it.at)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_is_where_its_key_is_or_where_it_would_be() {
        let text = "kind: Job\nmetadata:\n  name: a\n  labels:\n    x.dev/force: b\nspec:\n  template:\n    spec: {a: 1, b: 2}\n";
        for (field, expected) in [
            ("spec.template.spec.b", (8, 18)),
            ("spec.template.spec.c", (8, 5)),
            ("spec.suspend", (6, 1)),
            ("status.conditions", (1, 1)),
            ("x.dev/force", (5, 5)),
            ("x.dev/other", (2, 1)),
        ] {
            assert_eq!(Places::read(text).of(None, field), expected, "{field}");
        }
        let list = "kind: List\nitems:\n- kind: A\n  spec: {}\n- kind: B\n  spec: {}\n";
        assert_eq!(Places::read(list).of(Some(1), "spec.x"), (6, 3));
        assert_eq!(Places::read("").of(None, "spec"), (1, 1));
    }
}

//! What a tapped connection says: objects, redacted as they arrive, and what was refused.

use std::collections::BTreeMap;

use http::StatusCode;
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use crate::cluster::{ApiKind, Asked, Kinds};
use crate::memory::{Fault, Matching, What, Where};
use crate::model::reference::ObjectRef;
use crate::redaction::redact;
use crate::scenario::Forbid;

/// Objects as they may be written down, by name; JSON, because a tree is ten times as large.
pub(super) type Objects = BTreeMap<ObjectRef, Box<str>>;

/// Everything that was heard.
#[derive(Debug, Default)]
pub(super) struct Heard {
    pub(super) objects: Objects,
    refused: BTreeMap<Asked, Refused>,
}

/// Why something was not shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Refused {
    /// The answer's status.
    Status(StatusCode),
    /// The answer is not what was asked for.
    Garbage,
}

/// A list, its items as they came.
#[derive(Deserialize)]
struct List<'a> {
    #[serde(borrow, default)]
    items: Option<Vec<&'a RawValue>>,
}

impl Heard {
    /// Takes in one answer. Of several to the same request the last one counts.
    pub(super) fn take(&mut self, kinds: &Kinds, asked: &Asked, status: StatusCode, body: &[u8]) {
        let Some(kind) = kinds.named(&asked.group, &asked.plural) else { return };
        let is_absent = status == StatusCode::NOT_FOUND && !asked.name.is_empty();
        let passes_by = status == StatusCode::TOO_MANY_REQUESTS || status.is_server_error();
        if status.is_success() {
            match self.read(kind, asked, body) {
                Ok(()) => drop(self.refused.remove(asked)),
                Err(_another_shape) => drop(self.refused.insert(asked.clone(), Refused::Garbage)),
            }
        } else if !is_absent && !passes_by {
            self.refused.insert(asked.clone(), Refused::Status(status));
        }
    }

    fn read(&mut self, kind: &ApiKind, asked: &Asked, body: &[u8]) -> serde_json::Result<()> {
        if !asked.name.is_empty() {
            self.add(kind, &serde_json::from_slice(body)?);
            return Ok(());
        }
        let list: List<'_> = serde_json::from_slice(body)?;
        for item in list.items.into_iter().flatten() {
            self.add(kind, &serde_json::from_str(item.get())?);
        }
        Ok(())
    }

    fn add(&mut self, kind: &ApiKind, object: &Value) {
        let mut kept = redact(&kind.group_kind(), object);
        let text = |name: &str| kept["metadata"][name].as_str().unwrap_or_default().to_owned();
        let name = ObjectRef::new(&kind.group_kind(), text("namespace"), text("name"));
        if name.name.is_empty() {
            return;
        }
        kept["apiVersion"] = kind.api_version().into();
        kept["kind"] = kind.kind.as_str().into();
        self.objects.insert(name, kept.to_string().into());
    }

    /// True if objects of the resource could not be seen, in some place.
    pub(super) fn hides(&self, group: &str, plural: &str) -> bool {
        self.refused.keys().any(|asked| asked.group == group && asked.plural == plural)
    }

    /// Refusals as a scenario writes them: by access rules, and all others as faults.
    pub(super) fn obstacles(&self) -> (Vec<Forbid>, Vec<Fault>) {
        let (mut forbid, mut faults) = (Vec::new(), Vec::new());
        for (asked, refused) in &self.refused {
            match refused {
                Refused::Status(StatusCode::FORBIDDEN) => forbid.push(forbidden(asked)),
                Refused::Status(status) => faults.push(fault(asked, What::Status(status.as_u16()))),
                Refused::Garbage => faults.push(fault(asked, What::GarbageBody)),
            }
        }
        (forbid, faults)
    }
}

fn forbidden(asked: &Asked) -> Forbid {
    let verbs: &[&str] = if asked.name.is_empty() { &["list", "watch"] } else { &["get"] };
    Forbid {
        verbs: verbs.iter().map(|&verb| verb.to_owned()).collect(),
        group: asked.group.clone(),
        resource: asked.plural.clone(),
        namespace: Some(asked.namespace.clone()),
    }
}

fn fault(asked: &Asked, what: What) -> Fault {
    let Asked { group, version, plural, namespace, name } = asked;
    let root = if group.is_empty() { format!("/api/{version}") } else { format!("/apis/{group}/{version}") };
    let place = if namespace.is_empty() { String::new() } else { format!("/namespaces/{namespace}") };
    let (verb, end) = if name.is_empty() { ("list", String::new()) } else { ("get", format!("/{name}")) };
    let matching = Matching {
        verb: Some(verb.to_owned()),
        path: Some(format!("{root}{place}/{plural}{end}")),
        resource: Some(plural.clone()),
        ..Matching::default()
    };
    Fault { at: Where::Every(matching), what }
}

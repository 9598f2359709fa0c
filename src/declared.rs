//! What the source declares of a live object, as a digest: if it is the same at two revisions, then going back to the
//! first changes nothing about the object.
//!
//! Owns the three places where a declaration can be read off a live object, and what in them is noise. Does not know
//! what a record or a verdict is. Values of Secrets and ConfigMaps are neither kept nor hashed.
//!
//! Best first:
//! 1. *applied*: the annotation that a client-side apply leaves (`kubectl`, Argo CD without server-side apply);
//! 2. *managed*: live values of the fields that a GitOps manager owns in `metadata.managedFields`. A server-side apply
//!    wins over the annotation, which it leaves behind without updating it;
//! 3. *spec*: the object's own desired state, where nobody says who declared it.
//!
//! Limits: a webhook that overrides a field which the source declares, or appends to a list that is owned as a whole,
//! changes a *managed* digest too: ownership is by field, not by value.

mod fields;
mod noise;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

/// Annotation of a client-side apply: <https://kubernetes.io/docs/reference/labels-annotations-taints/>.
const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// Digest of a declaration: where it was read and 16 hexadecimal digits of SHA-256, `applied:0123456789abcdef`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Digest(String);

impl Digest {
    fn new(tier: &str, value: &Value) -> Self {
        let mut hasher = Sha256::new();
        feed(&mut hasher, value);
        Self(format!("{tier}:{}", short_hex(hasher)))
    }

    /// What a recording says instead of this digest, which is on record: it stands to `told`, the digest of the
    /// object as it is written down, as this one stands to `live`, the object's own.
    ///
    /// So nobody can guess values that were left out until their digest is right.
    #[must_use]
    pub fn retold(&self, live: Option<&Self>, told: Option<&Self>) -> Self {
        let other = |tier: &str| Self(format!("{tier}:{:016x}", 0));
        match (live, told) {
            (Some(live), Some(told)) if self == live => told.clone(),
            (Some(live), Some(told)) if live.differs_from(self) => other(told.tier()),
            _ => other("elsewhere"),
        }
    }

    fn tier(&self) -> &str {
        self.0.split_once(':').map_or("", |(tier, _hash)| tier)
    }

    /// As written in a record.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// True if the declaration is shown to be another one. Digests that were read in different places cannot be
    /// compared, for instance after a move from client-side to server-side apply: that shows nothing.
    pub fn differs_from(&self, other: &Self) -> bool {
        self.tier() == other.tier() && self != other
    }
}

/// First 16 hexadecimal digits of a SHA-256.
pub(crate) fn short_hex(hasher: Sha256) -> String {
    let first = hasher.finalize().iter().take(8).fold(0, |number: u64, byte| number << 8 | u64::from(*byte));
    format!("{first:016x}")
}

/// The digest of what the source declares of a live object, given as JSON.
///
/// None for Secrets and ConfigMaps, also in a typed list, where items do not name their kind, and for text that is
/// not an object.
pub fn declared(raw: &str) -> Option<Digest> {
    let mut object: Value = serde_json::from_str(raw).ok()?;
    if !object.is_object() || holds_values(&object) {
        return None;
    }
    let applied = take_applied(&mut object);
    if applied.as_ref().is_some_and(holds_values) {
        return None;
    }
    let managers = object.pointer_mut("/metadata/managedFields").map(Value::take).unwrap_or_default();
    noise::strip(&mut object);
    if let Some(fields) = fields::applied_by_gitops(&managers) {
        return Some(Digest::new("managed", &fields::select(&fields, &object)));
    }
    if let Some(mut applied) = applied {
        noise::strip(&mut applied);
        return Some(Digest::new("applied", &applied));
    }
    if let Some(fields) = fields::updated_by_gitops(&managers) {
        return Some(Digest::new("managed", &fields::select(&fields, &object)));
    }
    noise::keep_desired_state(&mut object);
    Some(Digest::new("spec", &object))
}

/// True for a Secret or a ConfigMap, by name or by shape.
fn holds_values(object: &Value) -> bool {
    let named = matches!(object["kind"].as_str(), Some("Secret" | "ConfigMap"));
    named || noise::VALUES.iter().any(|key| object.get(key).is_some())
}

/// The annotation's object; the annotation may be cut or edited by hand, then it says nothing.
fn take_applied(object: &mut Value) -> Option<Value> {
    let annotations = object.pointer_mut("/metadata/annotations")?.as_object_mut()?;
    let text = annotations.remove(LAST_APPLIED)?;
    let applied: Value = serde_json::from_str(text.as_str()?).ok()?;
    applied.is_object().then_some(applied)
}

/// Feeds a value in a form that does not depend on the order of keys.
fn feed(hasher: &mut Sha256, value: &Value) {
    match value {
        Value::Object(map) => {
            hasher.update(b"{");
            let mut members: Vec<_> = map.iter().collect();
            members.sort_unstable_by_key(|(key, _value)| *key);
            for (key, value) in members {
                feed_text(hasher, key);
                feed(hasher, value);
            }
            hasher.update(b"}");
        }
        Value::Array(items) => {
            hasher.update(b"[");
            for item in items {
                feed(hasher, item);
            }
            hasher.update(b"]");
        }
        Value::String(text) => feed_text(hasher, text),
        Value::Null | Value::Bool(_) | Value::Number(_) => {
            hasher.update(b"=");
            hasher.update(value.to_string().as_bytes());
            hasher.update(b";");
        }
    }
}

/// The length first, so that no text can pass for two.
fn feed_text(hasher: &mut Sha256, text: &str) {
    hasher.update(b"\"");
    hasher.update((text.len() as u64).to_be_bytes());
    hasher.update(text.as_bytes());
}

#[cfg(test)]
mod tests;

//! The metadata of written objects: names, generations, and what no client can change.

use serde::Deserialize;
use serde_json::{Map, Value};

use super::super::kinds::Resource;
use super::super::object::Object;
use super::super::respond::{Failure, Subject};
use super::{Fields, Part, subject};

/// Metadata that no client can change.
const KEPT: [&str; 7] = [
    "creationTimestamp",
    "deletionGracePeriodSeconds",
    "deletionTimestamp",
    "generation",
    "namespace",
    "resourceVersion",
    "uid",
];

/// The metadata of an object, made if there is none.
pub(in crate::memory) fn metadata(fields: &mut Fields) -> Result<&mut Fields, Failure> {
    let metadata = fields.entry("metadata").or_insert_with(|| Value::Object(Map::new()));
    metadata.as_object_mut().ok_or_else(|| Failure::bad_request("metadata is not an object"))
}

pub(in crate::memory) fn text<'a>(fields: &'a Fields, name: &str) -> &'a str {
    fields.get(name).and_then(Value::as_str).unwrap_or_default()
}

pub(super) fn set(fields: &mut Fields, name: &str, value: Option<Value>) {
    match value {
        Some(value) => fields.insert(name.to_owned(), value),
        None => fields.remove(name),
    };
}

pub(super) fn has_finalizers(metadata: &Fields) -> bool {
    metadata.get("finalizers").and_then(Value::as_array).is_some_and(|finalizers| !finalizers.is_empty())
}

/// What an object must be like for its deletion.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(in crate::memory) struct Preconditions {
    uid: Option<String>,
    resource_version: Option<String>,
}

/// The name of a new object, given or generated.
pub(super) fn name_of_new(metadata: &Fields, kind: &str, version: u64) -> Result<String, Failure> {
    let name = match (text(metadata, "name"), text(metadata, "generateName")) {
        ("", "") => {
            let why = "Required value: name or generateName is required";
            return Err(Failure::invalid(kind, "", "metadata.name", why));
        }
        ("", prefix) => new_name(prefix, version),
        (name, _) => name.to_owned(),
    };
    if name.contains(['/', '%']) || name == "." || name == ".." {
        let why = format!("Invalid value: \"{name}\": cannot be a segment of a path");
        return Err(Failure::invalid(kind, &name, "metadata.name", &why));
    }
    Ok(name)
}

/// A name made from `generateName` and a number that is never repeated.
pub(in crate::memory) fn new_name(prefix: &str, mut number: u64) -> String {
    const LETTERS: [char; 27] = [
        'b', 'c', 'd', 'f', 'g', 'h', 'j', 'k', 'l', 'm', 'n', 'p', 'q', 'r', 's', 't', 'v', 'w', 'x', 'z',
        '2', '4', '5', '6', '7', '8', '9',
    ];
    let mut name = prefix.to_owned();
    for _ in 0..5 {
        name.extend(LETTERS.iter().cycle().nth(usize::try_from(number % 27).unwrap_or_default()));
        number /= 27;
    }
    name
}

/// What a replacement says about the version and uid it replaces must be true.
pub(super) fn check_preconditions(
    resource: &Resource,
    old: &Object,
    metadata: &Fields,
) -> Result<(), Failure> {
    let name = &*old.key.name;
    if ![name, ""].contains(&text(metadata, "name")) {
        let given = text(metadata, "name");
        let why = format!("the name of the object ({given}) does not match the name on the URL ({name})");
        return Err(Failure::bad_request(why));
    }
    let wanted = Preconditions {
        uid: Some(text(metadata, "uid").to_owned()).filter(|uid| !uid.is_empty()),
        resource_version: Some(text(metadata, "resourceVersion").to_owned())
            .filter(|version| !version.is_empty()),
    };
    wanted.check(resource, old)
}

impl Preconditions {
    /// A deletion is refused in other words than an update.
    pub(super) fn check_deletion(&self, resource: &Resource, object: &Object) -> Result<(), Failure> {
        let subject = Subject { group: &resource.id.group, resource: &resource.kind, name: &object.key.name };
        let found = [
            ("UID", &self.uid, object.uid.to_string(), "deleted and then recreated"),
            ("ResourceVersion", &self.resource_version, object.version.to_string(), "modified"),
        ];
        for (what, wanted, found, happened) in found {
            if let Some(wanted) = wanted.as_ref().filter(|wanted| **wanted != found) {
                let why = format!(
                    "the {what} in the precondition ({wanted}) does not match the {what} in record ({found}). \
                     The object might have been {happened}"
                );
                return Err(Failure::conflict(subject, &why));
            }
        }
        Ok(())
    }

    pub(super) fn check(&self, resource: &Resource, object: &Object) -> Result<(), Failure> {
        let subject = subject(resource, &object.key.name);
        if let Some(uid) = self.uid.as_ref().filter(|uid| **uid != *object.uid) {
            let found = &object.uid;
            let why = format!("Precondition failed: UID in precondition: {uid}, UID in object meta: {found}");
            return Err(Failure::conflict(subject, &why));
        }
        if self.resource_version.as_ref().is_some_and(|version| *version != object.version.to_string()) {
            return Err(Failure::modified(subject));
        }
        Ok(())
    }
}

/// Takes from a new object the metadata that only the server sets.
pub(super) fn reset(metadata: &mut Fields) -> Result<(), Failure> {
    if !text(metadata, "resourceVersion").is_empty() {
        return Err(Failure::unexplained("resourceVersion should not be set on objects to be created"));
    }
    for field in KEPT {
        metadata.remove(field);
    }
    Ok(())
}

/// Puts back the metadata that a write may not change.
pub(super) fn keep_metadata(before: &Fields, after: &mut Fields, part: Part) {
    set(after, "name", before.get("name").cloned());
    for field in KEPT {
        let free = matches!(field, "deletionTimestamp" | "deletionGracePeriodSeconds" | "generation");
        if !(free && part == Part::Whole) {
            set(after, field, before.get(field).cloned());
        }
    }
}

/// Counts a change of anything but metadata and status, unless the write set the generation itself.
pub(super) fn count_generation(before: &mut Fields, after: &mut Fields) -> Result<(), Failure> {
    let specified = |fields: &Fields| -> Fields {
        let fields = fields.iter().filter(|(name, _)| !matches!(name.as_str(), "metadata" | "status"));
        fields.map(|(name, value)| (name.clone(), value.clone())).collect()
    };
    let changed = specified(before) != specified(after);
    let (before, after) = (metadata(before)?, metadata(after)?);
    if changed && before.get("generation") == after.get("generation") {
        let generation = before.get("generation").and_then(Value::as_u64).unwrap_or(1);
        after.insert("generation".to_owned(), (generation + 1).into());
    }
    Ok(())
}

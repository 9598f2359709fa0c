//! The published JSON Schema of a policy file: that of the raw types, with the catalogue's rules filled in.

use schemars::Schema;
use schemars::transform::{RecursiveTransform, Transform as _};
use serde_json::{Value, json};

use super::raw::RawPolicy;
use crate::rules::RULES;

/// Draft 2020-12.
pub(super) fn schema() -> Schema {
    let mut schema = schemars::schema_for!(RawPolicy);
    RecursiveTransform(without_null).transform(&mut schema);
    let names: Vec<&str> = RULES.iter().flat_map(|rule| [rule.id, rule.code]).collect();
    let places = ["Exclusion/properties/rule", "RuleSeverity/properties/rule", "Rules/properties/off/items"];
    for place in places.into_iter().chain(["Permit/properties/rule"]) {
        if let Some(rule) = schema.pointer_mut(&format!("/$defs/{place}")).and_then(Value::as_object_mut) {
            rule.insert("enum".into(), json!(names));
        }
    }
    schema
}

/// The reader refuses a field without a value, so the schema does.
fn without_null(schema: &mut Schema) {
    let Some(members) = schema.as_object_mut() else { return };
    if let Some(Value::Array(types)) = members.get_mut("type") {
        types.retain(|name| name != "null");
        if let [only] = types.as_slice() {
            let only = only.clone();
            members.insert("type".into(), only);
        }
    }
    let Some(Value::Array(choices)) = members.get_mut("anyOf") else { return };
    choices.retain(|choice| choice["type"] != "null");
    if let [Value::Object(only)] = choices.as_slice() {
        let only = only.clone();
        members.remove("anyOf");
        members.extend(only);
    }
}

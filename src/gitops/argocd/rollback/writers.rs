//! Who has written which field of an Application, as far as it is about the switch of auto-sync.

use serde::Deserialize;
use serde::de::IgnoredAny;

use crate::model::lenient::null_as_default;

/// One entry of `metadata.managedFields`, as far as it is about the switch of auto-sync.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Writer {
    /// Name of whoever wrote.
    #[serde(deserialize_with = "null_as_default")]
    pub manager: String,
    /// `Apply` or `Update`.
    #[serde(deserialize_with = "null_as_default")]
    pub operation: String,
    /// What it has written.
    #[serde(deserialize_with = "null_as_default")]
    pub fields_v1: Fields,
}

/// `fieldsV1`, down to the switch.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Fields {
    #[serde(rename = "f:spec", deserialize_with = "null_as_default")]
    spec: SpecFields,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct SpecFields {
    #[serde(rename = "f:syncPolicy", deserialize_with = "null_as_default")]
    sync_policy: PolicyFields,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct PolicyFields {
    #[serde(rename = "f:automated")]
    automated: Option<AutomatedFields>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct AutomatedFields {
    #[serde(rename = "f:enabled")]
    enabled: Option<IgnoredAny>,
}

impl Writer {
    /// True if it declares auto-sync, and the switch if there is one.
    pub fn declares(&self, switch: bool) -> bool {
        let automated = self.fields_v1.spec.sync_policy.automated.as_ref();
        automated.is_some_and(|automated| !switch || automated.enabled.is_some())
    }
}

//! The report for machines.
//!
//! Owns the JSON text and its published schema. Fields keep their order; what is not there is `null` or empty, never
//! missing. Within v1alpha1 fields are added, not renamed or removed.

use schemars::generate::SchemaSettings;

use crate::report::Report;

/// The report as indented JSON with a final line break.
///
/// # Errors
/// None in practice: every key is a string and there are no floats; the caller reports one as a bug.
pub fn render(report: &Report) -> serde_json::Result<String> {
    serde_json::to_string_pretty(report).map(|json| json + "\n")
}

/// JSON Schema (2020-12) of what [`render`] writes, as indented JSON with a final line break.
///
/// # Errors
/// As for [`render`].
pub fn schema() -> serde_json::Result<String> {
    let generator = SchemaSettings::draft2020_12().for_serialize().into_generator();
    serde_json::to_string_pretty(&generator.into_root_schema_for::<Report>()).map(|json| json + "\n")
}

//! By what a `HelmRelease` shows that its chart holds the gate.

use serde_json::Value;

use super::built;
use crate::gitops::job::GATE;

/// Name of the variable that tells `driftgate verdict` which release is meant.
const APPLICATION: &str = "DRIFTGATE_APPLICATION";
/// What is put before the name of a release of Flux.
const TOOL: &str = "helmrelease/";

/// True if its values are the gate's, a filter of its tests names the gate, or it has a mark of ours.
pub(super) fn shows_gate(release: &Value) -> bool {
    let filters = release.pointer("/spec/test/filters").and_then(Value::as_array);
    let names = |filter: &Value| filter["name"].as_str().is_some_and(|name| name.ends_with(GATE));
    let marks = ["labels", "annotations"].into_iter().filter_map(|it| release["metadata"][it].as_object());
    release.pointer("/spec/values").is_some_and(has_gate)
        || filters.is_some_and(|filters| filters.iter().any(names))
        || marks.flat_map(serde_json::Map::keys).any(|key| key.starts_with("driftgate.dev/"))
}

/// Values of the gate, of the chart itself or of one that it depends on.
fn has_gate(values: &Value) -> bool {
    let Value::Object(members) = values else { return false };
    members.iter().any(|(key, value)| (key == GATE && value.is_object()) || has_gate(value))
}

/// Releases, `NAMESPACE/NAME`, whose verdict a Job asks for.
pub(super) fn asked(job: &Value) -> Vec<String> {
    let containers = job.pointer("/spec/template/spec/containers").and_then(Value::as_array);
    let variables = containers.into_iter().flatten().filter_map(|it| it["env"].as_array()).flatten();
    let named = variables.filter(|it| it["name"] == APPLICATION).filter_map(|it| it["value"].as_str());
    named.filter_map(|it| it.strip_prefix(TOOL)).map(str::to_owned).collect()
}

/// True for the `Chart.yaml` of a chart that has the library chart as a dependency.
pub(super) fn depends_on_gate(file: &str, chart: &Value) -> bool {
    let dependencies = chart["dependencies"].as_array();
    let is = |it: &Value| it["name"] == GATE;
    let named = file.strip_prefix(built::folder(file)).map(|name| name.trim_start_matches('/'));
    named == Some("Chart.yaml") && dependencies.is_some_and(|all| all.iter().any(is))
}

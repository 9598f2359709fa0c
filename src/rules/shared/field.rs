//! Paths of fields in the object that a finding is shown on, with names instead of indexes.

use crate::model::container::{Container, ContainerKind};
use crate::model::world::{Evidence, PodView};

/// Path of a field of one container: `spec.containers[name=web].securityContext.privileged`.
pub(crate) fn of_container(
    pod: &PodView<'_>,
    kind: ContainerKind,
    container: &Container,
    field: &str,
) -> String {
    let (prefix, list, name) = (template_prefix(pod), kind.field(), &container.name);
    format!("{prefix}spec.{list}[name={name}].{field}")
}

/// Where the template stands in the object that makes the Pods; custom kinds are taken to do as Deployments do.
fn template_prefix(pod: &PodView<'_>) -> &'static str {
    let kind = (pod.object.group.as_str(), pod.object.kind.as_str());
    match (pod.evidence, kind) {
        (Evidence::Live, _) | (Evidence::Template, ("", "Pod")) => "",
        (Evidence::Template, ("batch", "CronJob")) => "spec.jobTemplate.spec.template.",
        (Evidence::Template, ("", "PodTemplate")) => "template.",
        (Evidence::Template, _) => "spec.template.",
    }
}

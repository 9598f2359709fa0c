//! Paths of fields in the object that a finding is shown on, with names instead of indexes.

use crate::model::container::{Container, ContainerKind};
use crate::model::world::{Evidence, PodView};

/// Path of a field of the Pod, for instance `spec.hostPID`, in the Pod or in the object that holds its template.
pub(crate) fn of_pod(pod: &PodView<'_>, field: &str) -> String {
    format!("{}{field}", template_prefix(pod))
}

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

/// Path of what the kubelet reports of one container: `status.containerStatuses[name=web].user.linux.uid`.
pub(crate) fn of_status(kind: ContainerKind, container: &Container, field: &str) -> String {
    let list = match kind {
        ContainerKind::Init | ContainerKind::Sidecar => "initContainerStatuses",
        ContainerKind::Main => "containerStatuses",
        ContainerKind::Ephemeral => "ephemeralContainerStatuses",
    };
    format!("status.{list}[name={}].{field}", container.name)
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::shared::testing::{View, view};

    #[test]
    fn a_live_pod_shows_the_field_itself() {
        view(&View::default(), |pod| assert_eq!(of_pod(pod, "spec.hostPID"), "spec.hostPID"));
    }

    #[test]
    fn a_template_shows_it_where_its_kind_keeps_templates() {
        for (group, kind, expected) in [
            ("apps", "Deployment", "spec.template.spec.hostPID"),
            ("batch", "CronJob", "spec.jobTemplate.spec.template.spec.hostPID"),
            ("", "PodTemplate", "template.spec.hostPID"),
        ] {
            let input = View { template_of: Some((group, kind)), ..View::default() };
            view(&input, |pod| assert_eq!(of_pod(pod, "spec.hostPID"), expected));
        }
    }
}

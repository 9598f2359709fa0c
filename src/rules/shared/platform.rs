//! What a Pod runs on: operating system and container runtime.

use crate::model::capability::Runtime;
use crate::model::node::Node;
use crate::model::pod_status::PodStatus;
use crate::model::world::{PodView, World};

/// Operating system of a Pod's containers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OperatingSystem {
    /// Also what is assumed where nothing tells.
    Linux,
    /// Linux security settings do not apply.
    Windows,
}

impl OperatingSystem {
    fn parse(name: &str) -> Option<Self> {
        match name {
            "linux" => Some(Self::Linux),
            "windows" => Some(Self::Windows),
            _ => None,
        }
    }
}

/// The Pod's operating system: what it declares, else what it asks of its node, else what its node is.
///
/// Unrecognised names count as absent.
/// <https://kubernetes.io/docs/concepts/workloads/pods/#pod-os>
pub(crate) fn operating_system(pod: &PodView<'_>, world: &World) -> OperatingSystem {
    let declared = pod.spec.os.as_ref().and_then(|os| OperatingSystem::parse(&os.name));
    let selected =
        || pod.spec.node_selector.get("kubernetes.io/os").and_then(|name| OperatingSystem::parse(name));
    let scheduled =
        || node(pod, world).and_then(|node| OperatingSystem::parse(&node.status.node_info.operating_system));
    declared.or_else(selected).or_else(scheduled).unwrap_or(OperatingSystem::Linux)
}

/// True for a Pod whose containers run on Windows.
pub(crate) fn is_windows(pod: &PodView<'_>, world: &World) -> bool {
    operating_system(pod, world) == OperatingSystem::Windows
}

/// The Pod's runtime: the scheme of its containers' ids, else what its node reports. CRI-O grants less by default, so
/// one id that says otherwise is enough.
pub(crate) fn runtime(pod: &PodView<'_>, world: &World) -> Runtime {
    let statuses = pod.status.into_iter().flat_map(PodStatus::every_container);
    let ids: Vec<&str> =
        statuses.map(|status| status.container_id.as_str()).filter(|id| !id.is_empty()).collect();
    let reported = || node(pod, world).map(|node| node.status.node_info.container_runtime_version.as_str());
    let is_crio = |id: &str| id.starts_with("cri-o://");
    let all = if ids.is_empty() { reported().is_some_and(is_crio) } else { ids.into_iter().all(is_crio) };
    if all { Runtime::Crio } else { Runtime::Containerd }
}

/// The Pod's node, once it is scheduled and where Nodes could be read.
pub(crate) fn node<'w>(pod: &PodView<'_>, world: &'w World) -> Option<&'w Node> {
    world.nodes.get(&pod.spec.node_name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::shared::testing::{View, view};

    #[track_caller]
    fn check(spec: &str, node_system: &str, expected: OperatingSystem) {
        let mut world = World::default();
        let mut node = Node::default();
        node_system.clone_into(&mut node.status.node_info.operating_system);
        world.nodes.insert("n1".into(), node);
        view(&View { spec, ..View::default() }, |pod| assert_eq!(operating_system(pod, &world), expected));
    }

    #[test]
    fn the_declared_system_wins() {
        let spec = r#"{"os":{"name":"linux"},"nodeSelector":{"kubernetes.io/os":"windows"},"nodeName":"n1"}"#;
        check(spec, "windows", OperatingSystem::Linux);
    }

    #[test]
    fn an_unrecognised_name_counts_as_absent() {
        check(r#"{"os":{"name":"Windows"}}"#, "windows", OperatingSystem::Linux);
        check(r#"{"os":{"name":"plan9"},"nodeName":"n1"}"#, "windows", OperatingSystem::Windows);
    }

    #[test]
    fn the_node_selector_comes_before_the_node() {
        let spec = r#"{"nodeSelector":{"kubernetes.io/os":"windows"},"nodeName":"n1"}"#;
        check(spec, "linux", OperatingSystem::Windows);
    }

    #[test]
    fn linux_is_assumed_where_nothing_tells() {
        check("{}", "windows", OperatingSystem::Linux);
        check(r#"{"nodeName":"unknown"}"#, "windows", OperatingSystem::Linux);
    }

    #[test]
    fn a_container_id_tells_the_runtime() {
        let status = r#"{"containerStatuses":[{"name":"a"},{"name":"b","containerID":"cri-o://abc"}]}"#;
        view(&View { status, ..View::default() }, |pod| {
            assert_eq!(runtime(pod, &World::default()), Runtime::Crio);
        });
        let both = r#"{"containerStatuses":[{"containerID":"cri-o://a"},{"containerID":"containerd://b"}]}"#;
        view(&View { status: both, ..View::default() }, |pod| {
            assert_eq!(runtime(pod, &World::default()), Runtime::Containerd);
        });
    }

    #[test]
    fn before_a_container_has_started_the_node_tells_the_runtime() {
        let mut world = World::default();
        let mut node = Node::default();
        node.status.node_info.container_runtime_version = "cri-o://1.34.0".into();
        world.nodes.insert("n1".into(), node);
        view(&View { spec: r#"{"nodeName":"n1"}"#, ..View::default() }, |pod| {
            assert_eq!(runtime(pod, &world), Runtime::Crio);
        });
    }
}

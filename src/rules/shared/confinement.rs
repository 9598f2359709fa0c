//! What stands between a container and its node besides the usual: a user namespace, a sandboxed runtime.
//!
//! Both soften some rules. Neither softens a mount of the node's files: identity-mapped mounts let uid 0 of the
//! container act as uid 0 there. <https://kubernetes.io/docs/concepts/workloads/pods/user-namespaces/>

use crate::finding::Severity;
use crate::model::world::{PodView, World};
use crate::rules::Settings;
use crate::rules::shared::platform;

/// The Pod's user namespace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum UserNamespace {
    /// The node's: none was asked for, or the node says that its runtime has none to give.
    Host,
    /// Asked for with `hostUsers: false`; nothing shows that the node honours it, and old ones ignore it.
    Requested,
    /// Asked for, and the node reports that the Pod's runtime handler supports it.
    Proven,
}

/// How far a Pod is confined.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Confinement {
    /// Its user namespace.
    pub(crate) user_namespace: UserNamespace,
    /// True if its runtime handler is a sandbox.
    pub(crate) sandboxed: bool,
}

impl Confinement {
    /// Confinement of a Pod.
    pub(crate) fn of(pod: &PodView<'_>, world: &World, settings: &Settings) -> Self {
        Self { user_namespace: user_namespace(pod, world), sandboxed: is_sandboxed(pod, world, settings) }
    }

    /// One step down for a user namespace and one for a sandbox.
    pub(crate) fn soften(self, severity: Severity) -> Severity {
        let severity = if self.user_namespace == UserNamespace::Host { severity } else { severity.lower() };
        self.soften_for_sandbox(severity)
    }

    /// One step down for a sandbox.
    pub(crate) fn soften_for_sandbox(self, severity: Severity) -> Severity {
        if self.sandboxed { severity.lower() } else { severity }
    }

    /// What a message adds about it; empty for none.
    pub(crate) fn note(self) -> &'static str {
        match (self.user_namespace, self.sandboxed) {
            (UserNamespace::Host, false) => "",
            (UserNamespace::Host, true) => ", inside a sandboxed runtime",
            (UserNamespace::Requested, false) => ", which relies on the node to honour hostUsers: false",
            (UserNamespace::Requested, true) => {
                ", inside a sandboxed runtime, which relies on the node to honour hostUsers: false"
            }
            (UserNamespace::Proven, false) => ", inside a user namespace",
            (UserNamespace::Proven, true) => ", inside a user namespace and a sandboxed runtime",
        }
    }
}

fn user_namespace(pod: &PodView<'_>, world: &World) -> UserNamespace {
    if pod.spec.host_users != Some(false) {
        return UserNamespace::Host;
    }
    let Some(node) = platform::node(pod, world) else { return UserNamespace::Requested };
    let handler = handler(pod, world);
    let mut reported = node.status.runtime_handlers.iter().filter(|known| known.name == handler).peekable();
    if reported.peek().is_none() {
        return UserNamespace::Requested;
    }
    // The API server does not keep a node from reporting a handler twice: one that does not is enough.
    if reported.all(|known| known.features.user_namespaces) {
        UserNamespace::Proven
    } else {
        UserNamespace::Host
    }
}

fn is_sandboxed(pod: &PodView<'_>, world: &World, settings: &Settings) -> bool {
    let handler = handler(pod, world);
    let is = |pattern: &String| match pattern.strip_suffix('*') {
        Some(prefix) => handler.starts_with(prefix),
        None => handler == pattern,
    };
    !handler.is_empty() && settings.sandbox_handlers.iter().any(is)
}

/// The handler of the Pod's RuntimeClass; empty for the default one. Where the class could not be read, its name
/// stands in: classes are usually named after their handler.
fn handler<'a>(pod: &PodView<'a>, world: &'a World) -> &'a str {
    let class = pod.spec.runtime_class_name.as_str();
    world.runtime_classes.get(class).map_or(class, |known| known.handler.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::node::{Node, RuntimeClass};
    use crate::rules::shared::testing::{View, view};

    fn world(handlers: &str) -> World {
        let mut world = World::default();
        let node: Node =
            serde_json::from_str(&format!(r#"{{"status":{{"runtimeHandlers":{handlers}}}}}"#)).unwrap();
        world.nodes.insert("n1".into(), node);
        let classes: [(&str, &str); 2] = [("safe", "kata-qemu"), ("kata", "runc")];
        for (name, handler) in classes {
            let class = RuntimeClass { handler: handler.into(), ..RuntimeClass::default() };
            world.runtime_classes.insert(name.into(), class);
        }
        world
    }

    #[track_caller]
    fn check(spec: &str, handlers: &str, user_namespace: UserNamespace, sandboxed: bool) {
        let expected = Confinement { user_namespace, sandboxed };
        view(&View { spec, ..View::default() }, |pod| {
            assert_eq!(Confinement::of(pod, &world(handlers), &Settings::default()), expected);
        });
    }

    #[test]
    fn a_user_namespace_must_be_asked_for() {
        check("{}", "[]", UserNamespace::Host, false);
        check(r#"{"hostUsers":true}"#, "[]", UserNamespace::Host, false);
        check(r#"{"hostUsers":false}"#, "[]", UserNamespace::Requested, false);
    }

    #[test]
    fn the_node_proves_or_refutes_the_user_namespace() {
        let spec = r#"{"hostUsers":false,"nodeName":"n1"}"#;
        check(spec, "[]", UserNamespace::Requested, false);
        check(spec, r#"[{"name":"","features":{"userNamespaces":true}}]"#, UserNamespace::Proven, false);
        check(spec, r#"[{"name":"","features":{}}]"#, UserNamespace::Host, false);
        let twice = r#"[{"name":"","features":{"userNamespaces":true}},{"name":"","features":{}}]"#;
        check(spec, twice, UserNamespace::Host, false);
    }

    #[test]
    fn the_handler_that_counts_is_the_one_of_the_runtime_class() {
        let handlers = r#"[{"name":""},{"name":"kata-qemu","features":{"userNamespaces":true}}]"#;
        let spec = r#"{"hostUsers":false,"nodeName":"n1","runtimeClassName":"safe"}"#;
        check(spec, handlers, UserNamespace::Proven, true);
    }

    #[test]
    fn the_handler_tells_a_sandbox_not_the_name_of_the_class() {
        check(r#"{"runtimeClassName":"kata"}"#, "[]", UserNamespace::Host, false);
        check(r#"{"runtimeClassName":"safe"}"#, "[]", UserNamespace::Host, true);
    }

    #[test]
    fn the_name_of_an_unseen_class_stands_in_for_its_handler() {
        check(r#"{"runtimeClassName":"gvisor"}"#, "[]", UserNamespace::Host, true);
        check(r#"{"runtimeClassName":"gvisor2"}"#, "[]", UserNamespace::Host, false);
    }

    #[test]
    fn each_confinement_is_one_step() {
        let both = Confinement { user_namespace: UserNamespace::Proven, sandboxed: true };
        assert_eq!(both.soften(Severity::Critical), Severity::Medium);
        assert_eq!(both.soften_for_sandbox(Severity::Critical), Severity::High);
    }
}

//! Which user a Linux container runs as.
//!
//! Precedence: the container's own setting, else the Pod's, field by field.
//! <https://kubernetes.io/docs/tasks/configure-pod-container/security-context/>

use crate::model::container::Container;
use crate::model::world::PodView;

/// The user of a container's first process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum User {
    /// The kubelet reports uid 0.
    ConfirmedRoot,
    /// `runAsUser` is 0.
    DeclaredRoot,
    /// `runAsUser` is 0 and `runAsNonRoot` is true: the kubelet refuses to start it.
    Contradiction,
    /// Another uid is reported, declared, or enforced by the kubelet.
    NonRoot,
    /// The image decides, and we do not see it.
    Image,
}

impl User {
    /// True if it is proven to be root.
    pub(crate) fn is_root(self) -> bool {
        matches!(self, Self::ConfirmedRoot | Self::DeclaredRoot)
    }
}

/// The user of a container; the first thing that tells wins: what the kubelet reports, a declared uid, `runAsNonRoot`.
pub(crate) fn of(pod: &PodView<'_>, container: &Container) -> User {
    let (own, shared) = (&container.security_context, &pod.spec.security_context);
    let declared = own.run_as_user.or(shared.run_as_user);
    let must_not_be_root = own.run_as_non_root.or(shared.run_as_non_root) == Some(true);
    match (reported(pod, container), declared, must_not_be_root) {
        (Some(0), _, _) => User::ConfirmedRoot,
        (None, Some(0), true) => User::Contradiction,
        (None, Some(0), false) => User::DeclaredRoot,
        (None, None, false) => User::Image,
        (Some(_), _, _) | (None, Some(_), _) | (None, None, true) => User::NonRoot,
    }
}

/// True if at least one container of the Pod is proven to run as root.
pub(crate) fn any_root(pod: &PodView<'_>) -> bool {
    pod.spec.every_container().any(|(_, container)| of(pod, container).is_root())
}

/// The uid that the kubelet reports, where the runtime tells it.
fn reported(pod: &PodView<'_>, container: &Container) -> Option<i64> {
    pod.status?.container(&container.name)?.user.linux.as_ref()?.uid
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::shared::testing::{View, view};

    #[track_caller]
    fn check(pod_level: &str, container_level: &str, uid: &str, expected: User) {
        let spec = format!(
            r#"{{"securityContext":{pod_level},"containers":[{{"name":"a","securityContext":{container_level}}}]}}"#
        );
        let status = format!(r#"{{"containerStatuses":[{{"name":"a","user":{uid}}}]}}"#);
        view(&View { spec: &spec, status: &status, ..View::default() }, |pod| {
            assert_eq!(of(pod, &pod.spec.containers[0]), expected);
        });
    }

    #[test]
    fn the_reported_user_wins() {
        check("{}", r#"{"runAsUser":1000}"#, r#"{"linux":{"uid":0}}"#, User::ConfirmedRoot);
        check(r#"{"runAsUser":0}"#, "{}", r#"{"linux":{"uid":1000}}"#, User::NonRoot);
        check("{}", "{}", r#"{"linux":{}}"#, User::Image);
    }

    #[test]
    fn the_container_overrides_the_pod_field_by_field() {
        check(r#"{"runAsUser":1000}"#, r#"{"runAsUser":0}"#, "{}", User::DeclaredRoot);
        check(r#"{"runAsUser":0}"#, r#"{"runAsUser":1000}"#, "{}", User::NonRoot);
        check(
            r#"{"runAsUser":0,"runAsNonRoot":true}"#,
            r#"{"runAsNonRoot":false}"#,
            "{}",
            User::DeclaredRoot,
        );
        check(r#"{"runAsNonRoot":true}"#, r#"{"runAsUser":0}"#, "{}", User::Contradiction);
    }

    #[test]
    fn without_a_declared_uid_the_kubelet_or_the_image_decides() {
        check(r#"{"runAsNonRoot":true}"#, "{}", "null", User::NonRoot);
        check("{}", r#"{"runAsNonRoot":false}"#, "{}", User::Image);
        check("{}", "{}", "{}", User::Image);
    }
}

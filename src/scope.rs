//! Which objects belong to the application.
//!
//! Pure: an object and its metadata in, yes or no out. Does not know how the application was found.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::model::meta::Meta;
use crate::model::reference::ObjectRef;

/// Annotation by which Argo CD marks what it manages:
/// `<instance>:<group>/<Kind>:<namespace>/<name>`.
///
/// Source: <https://argo-cd.readthedocs.io/en/stable/user-guide/resource_tracking/>.
pub const TRACKING_ID: &str = "argocd.argoproj.io/tracking-id";

/// Annotation that tells apart several Argo CD installations that manage one cluster.
pub const INSTALLATION_ID: &str = "argocd.argoproj.io/installation-id";

/// Annotation that makes an object a hook: its life is the operation's, not the application's.
pub const HOOK: &str = "argocd.argoproj.io/hook";

/// Annotations and label by which Helm marks what it manages; it writes them itself, and refuses to take over an object
/// that lacks them.
///
/// Source: `pkg/action/validate.go` of helm.
pub const RELEASE_NAME: &str = "meta.helm.sh/release-name";
/// See [`RELEASE_NAME`].
pub const RELEASE_NAMESPACE: &str = "meta.helm.sh/release-namespace";
/// See [`RELEASE_NAME`].
pub const MANAGED_BY: &str = "app.kubernetes.io/managed-by";
/// Value of [`MANAGED_BY`].
pub const HELM: &str = "Helm";

/// When in the deployment the gate runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, schemars::JsonSchema)]
pub enum HookPhase {
    /// After all resources were applied and became healthy.
    PostSync,
    /// After the operation failed.
    SyncFail,
    /// While Flux waits for what it applied, the gate's Job among it.
    HealthCheck,
    /// Helm's tests, after it has installed or upgraded.
    HelmTest,
}

impl HookPhase {
    /// The GitOps tool's word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::PostSync => "PostSync",
            Self::SyncFail => "SyncFail",
            Self::HealthCheck => "health check",
            Self::HelmTest => "Helm test",
        }
    }
}

/// The application and how to tell its objects from others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scope {
    /// Whose objects.
    pub application: Application,
    /// How they are told from others.
    pub membership: Membership,
    /// Namespaces to look in; none means all.
    pub namespaces: Option<BTreeSet<String>>,
    /// The Job that this gate runs in: never judged, never waited for.
    pub own_job: Option<ObjectRef>,
}

/// The application, for people and for the record.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Application {
    /// `NAMESPACE/NAME` of an Application, `kustomization/NAMESPACE/NAME` with Flux, or words for a selection made by hand.
    pub name: String,
    /// Deployed revision as far as it is known; several, comma-separated, for several sources.
    pub revision: Option<String>,
}

/// How the application's own objects are told from others. Children belong to it through their owners.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Membership {
    /// Marked by the GitOps tool.
    Tracked(Tracking),
    /// Named by the GitOps tool.
    Listed(BTreeSet<ObjectRef>),
    /// Everything in the namespaces.
    Namespace,
    /// Objects of the namespaces that carry these labels.
    Selector(BTreeMap<String, String>),
    /// Everything there is: files.
    Everything,
}

/// The mark of the GitOps tool.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tracking {
    /// Name of the application as the mark has it: `NAME`, or `NAMESPACE_NAME` for applications in any namespace.
    pub instance: String,
    /// Where the mark is.
    pub method: TrackingMethod,
    /// Installation that must have written it, where several manage the cluster.
    pub installation: Option<String>,
}

/// Where the mark is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TrackingMethod {
    /// In the tracking-id annotation, which names the object itself: copies are not taken for the original.
    Annotation,
    /// In a label of this key.
    Label(String),
    /// In Helm's annotations, which name the release, here with its namespace.
    Helm(String),
}

impl Scope {
    /// True if the object is one of the application's own, apart from what it owns in turn.
    pub fn owns(&self, object: &ObjectRef, meta: &Meta) -> bool {
        if self.own_job.as_ref() == Some(object) {
            return false;
        }
        let in_namespaces = self.namespaces.as_ref().is_none_or(|names| names.contains(&object.namespace));
        match &self.membership {
            Membership::Tracked(tracking) => meta.owner_references.is_empty() && tracking.marks(object, meta),
            Membership::Listed(objects) => objects.contains(object),
            Membership::Namespace => in_namespaces && meta.owner_references.is_empty(),
            Membership::Selector(labels) => {
                in_namespaces && labels.iter().all(|(key, value)| meta.labels.get(key) == Some(value))
            }
            Membership::Everything => true,
        }
    }

    /// True if settling waits for the object: hooks live and die with their operation.
    pub fn waits_for(&self, object: &ObjectRef, meta: &Meta) -> bool {
        !meta.annotations.contains_key(HOOK) && self.owns(object, meta)
    }
}

impl Tracking {
    fn marks(&self, object: &ObjectRef, meta: &Meta) -> bool {
        let installation = meta.annotations.get(INSTALLATION_ID);
        if self.installation.is_some() && self.installation.as_ref() != installation {
            return false;
        }
        match &self.method {
            TrackingMethod::Annotation => meta
                .annotations
                .get(TRACKING_ID)
                .and_then(|id| TrackingId::parse(id))
                .is_some_and(|id| id.instance == self.instance && id.names(object)),
            TrackingMethod::Label(key) => meta.labels.get(key) == Some(&self.instance),
            TrackingMethod::Helm(namespace) => {
                meta.labels.get(MANAGED_BY).map(String::as_str) == Some(HELM)
                    && meta.annotations.get(RELEASE_NAME) == Some(&self.instance)
                    && meta.annotations.get(RELEASE_NAMESPACE) == Some(namespace)
            }
        }
    }
}

/// A tracking-id, taken apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TrackingId<'a> {
    /// `NAME` or `NAMESPACE_NAME`.
    pub instance: &'a str,
    /// API group; empty for the core group.
    pub group: &'a str,
    /// Kind.
    pub kind: &'a str,
    /// Namespace; the destination namespace for cluster-scoped objects.
    pub namespace: &'a str,
    /// Name; empty for an object made with `generateName`.
    pub name: &'a str,
}

impl<'a> TrackingId<'a> {
    /// Takes `<instance>:<group>/<Kind>:<namespace>/<name>` apart; names of RBAC objects may hold colons.
    pub fn parse(text: &'a str) -> Option<Self> {
        let mut parts = text.splitn(3, ':');
        let (instance, kind, name) = (parts.next()?, parts.next()?, parts.next()?);
        let (group, kind) = kind.split_once('/')?;
        let (namespace, name) = name.split_once('/')?;
        Some(Self { instance, group, kind, namespace, name })
    }

    /// True if the id was written for this very object. An operator that copies annotations copies the id too.
    fn names(&self, object: &ObjectRef) -> bool {
        let same_name = self.name.is_empty() || self.name == object.name;
        let same_namespace = object.namespace.is_empty() || self.namespace == object.namespace;
        self.group == object.group && self.kind == object.kind && same_name && same_namespace
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::meta::OwnerReference;
    use crate::model::reference::GroupKind;

    fn deployment(name: &str) -> ObjectRef {
        ObjectRef::new(&GroupKind::new("apps", "Deployment"), "shop", name)
    }

    fn tracked(method: TrackingMethod) -> Scope {
        Scope {
            application: Application::default(),
            membership: Membership::Tracked(Tracking { instance: "web".into(), method, installation: None }),
            namespaces: None,
            own_job: None,
        }
    }

    fn annotated(key: &str, value: &str) -> Meta {
        Meta { annotations: [(key.into(), value.into())].into_iter().collect(), ..Meta::default() }
    }

    #[test]
    fn a_tracked_object_names_the_application_and_itself() {
        let scope = tracked(TrackingMethod::Annotation);
        let meta = annotated(TRACKING_ID, "web:apps/Deployment:shop/front");
        assert!(scope.owns(&deployment("front"), &meta));
        assert!(!scope.owns(&deployment("copy"), &meta), "a copy carries its original's id");
        let other = annotated(TRACKING_ID, "api:apps/Deployment:shop/front");
        assert!(!scope.owns(&deployment("front"), &other), "another application of the same namespace");
    }

    #[test]
    fn the_id_of_a_cluster_scoped_object_names_the_destination_namespace() {
        let scope = tracked(TrackingMethod::Annotation);
        let role = ObjectRef::new(&GroupKind::new("rbac.authorization.k8s.io", "ClusterRole"), "", "a:b");
        let meta = annotated(TRACKING_ID, "web:rbac.authorization.k8s.io/ClusterRole:shop/a:b");
        assert!(scope.owns(&role, &meta));
    }

    #[test]
    fn a_child_is_not_the_applications_own_object() {
        let scope = tracked(TrackingMethod::Annotation);
        let mut meta = annotated(TRACKING_ID, "web:apps/Deployment:shop/front");
        meta.owner_references.push(OwnerReference::default());
        assert!(!scope.owns(&deployment("front"), &meta));
    }

    #[test]
    fn a_label_marks_by_instance_alone() {
        let scope = tracked(TrackingMethod::Label("app.kubernetes.io/instance".into()));
        let meta = Meta {
            labels: [("app.kubernetes.io/instance".into(), "web".into())].into_iter().collect(),
            ..Meta::default()
        };
        assert!(scope.owns(&deployment("front"), &meta));
        assert!(!scope.owns(&deployment("front"), &Meta::default()));
    }

    #[test]
    fn helm_marks_by_release_and_namespace_and_says_that_it_does() {
        let scope = tracked(TrackingMethod::Helm("shop".into()));
        let marked = |name: &str, namespace: &str, by: &str| Meta {
            labels: [(MANAGED_BY.into(), by.into())].into_iter().collect(),
            annotations: [(RELEASE_NAME.into(), name.into()), (RELEASE_NAMESPACE.into(), namespace.into())]
                .into_iter()
                .collect(),
            ..Meta::default()
        };
        let owns = |meta: &Meta| scope.owns(&deployment("front"), meta);
        assert!(owns(&marked("web", "shop", "Helm")));
        for (name, namespace, by) in
            [("api", "shop", "Helm"), ("web", "other", "Helm"), ("web", "shop", "argocd")]
        {
            assert!(!owns(&marked(name, namespace, by)), "{name} {namespace} {by}");
        }
        let mut copy = marked("web", "shop", "Helm");
        copy.owner_references.push(OwnerReference::default());
        assert!(!owns(&copy), "a ReplicaSet has its Deployment's annotations");
    }

    #[test]
    fn another_installation_of_the_tool_does_not_mark() {
        let mut scope = tracked(TrackingMethod::Annotation);
        let Membership::Tracked(tracking) = &mut scope.membership else { unreachable!() };
        tracking.installation = Some("blue".into());
        let meta = annotated(TRACKING_ID, "web:apps/Deployment:shop/front");
        assert!(!scope.owns(&deployment("front"), &meta));
    }

    #[test]
    fn the_gates_own_job_is_not_the_applications() {
        let mut scope = tracked(TrackingMethod::Annotation);
        scope.membership = Membership::Everything;
        scope.own_job = Some(deployment("front"));
        assert!(!scope.owns(&deployment("front"), &Meta::default()));
        assert!(scope.owns(&deployment("back"), &Meta::default()));
    }

    #[test]
    fn hooks_are_owned_but_not_waited_for() {
        let scope = tracked(TrackingMethod::Annotation);
        let mut meta = annotated(TRACKING_ID, "web:apps/Deployment:shop/front");
        meta.annotations.insert(HOOK.into(), "PreSync".into());
        assert!(scope.owns(&deployment("front"), &meta));
        assert!(!scope.waits_for(&deployment("front"), &meta));
    }
}

//! Finds the release that the gate is a test of, and its objects.
//!
//! Helm runs a test once everything of the release has been applied. The chart says which release it is and which
//! number it has; the labels of the Job say whether a `HelmRelease` stands above it.

use crate::cluster::{ApiError, Cluster, Reason};
use crate::finding::{Gap, GapReason, GapScope};
use crate::gitops::discovery::Discovery;
use crate::gitops::flux::helm_release::{self, HelmRelease, Snapshot};
use crate::model::meta::Partial;
use crate::model::reference::{GroupKind, ObjectRef};
use crate::rules::resources;
use crate::scope::{Application, HookPhase, Membership, Scope, Tracking, TrackingMethod};

/// The release, as the chart names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Release {
    /// Namespace.
    pub namespace: String,
    /// Name.
    pub name: String,
    /// Number, from 1, if the chart tells.
    pub number: Option<u64>,
    /// Chart, `NAME-VERSION`, if it tells.
    pub chart: Option<String>,
}

impl Release {
    /// True if this is the release of the snapshot, or one that it goes back to: that has the hooks of old, with the
    /// number of old in them.
    fn is_in(&self, number: u64, snapshot: &Snapshot) -> bool {
        let went_back = || number < snapshot.version && self.chart.as_ref() == Some(&snapshot.chart());
        number == snapshot.version || went_back()
    }
}

/// Finds the release.
///
/// # Errors
/// A request failed that nothing can be said without.
pub async fn of_release(
    cluster: &Cluster,
    release: &Release,
    job: Option<&(String, String)>,
) -> Result<Discovery, ApiError> {
    let mut discovery = by_marks(release);
    let Some((namespace, name)) = job else { return Ok(discovery) };
    let own = ObjectRef::new(&GroupKind::new("batch", "Job"), namespace.clone(), name.clone());
    let above = above(cluster, &own).await?;
    discovery.scope.own_job = Some(own);
    if let Some(above) = above {
        discovery.scope.application.name = format!("helmrelease/{}/{}", above.namespace, above.name);
        match read(cluster, &above).await? {
            Ok(found) => discovery.take(&found, release),
            Err(why) => discovery.note = Some(told_by_marks(&why)),
        }
    }
    Ok(discovery)
}

/// Objects are those that Helm has marked.
fn by_marks(release: &Release) -> Discovery {
    let Release { namespace, name, number, chart } = release;
    let revision = match (number, chart) {
        (Some(number), Some(chart)) => Some(helm_release::revision(*number, chart)),
        (Some(number), None) => Some(number.to_string()),
        (None, chart) => chart.clone(),
    };
    let application = Application { name: format!("helm/{namespace}/{name}"), revision };
    let tracking = Tracking {
        instance: name.clone(),
        method: TrackingMethod::Helm(namespace.clone()),
        installation: None,
    };
    let membership = Membership::Tracked(tracking);
    let scope = Scope { application, membership, namespaces: None, own_job: None };
    Discovery { phase: HookPhase::HelmTest, ..Discovery::of_selection(scope) }
}

/// The `HelmRelease` that the Job's labels name.
async fn above(cluster: &Cluster, job: &ObjectRef) -> Result<Option<ObjectRef>, ApiError> {
    let kinds = cluster.kinds().await?;
    let Some(jobs) = kinds.resource(&resources::JOBS) else { return Ok(None) };
    let found: Option<Partial> = cluster.get(jobs, &job.namespace, &job.name).await?;
    let labels = found.map(|found| found.metadata.labels).unwrap_or_default();
    let (namespace, name) = (labels.get(helm_release::NAMESPACE), labels.get(helm_release::NAME));
    Ok(namespace.zip(name).map(|(namespace, name)| ObjectRef::new(&helm_release::kind(), namespace, name)))
}

/// The `HelmRelease`, or why it cannot be read.
async fn read(cluster: &Cluster, object: &ObjectRef) -> Result<Result<HelmRelease, String>, ApiError> {
    let kinds = cluster.kinds().await?;
    let Some(kind) = kinds.find(&helm_release::kind()) else {
        return Ok(Err("this cluster serves no HelmReleases".to_owned()));
    };
    match cluster.get(kind, &object.namespace, &object.name).await {
        Ok(Some(found)) => Ok(Ok(found)),
        Ok(None) => Ok(Err(format!("{object} is not in this cluster"))),
        Err(error) if error.reason() == Reason::Unavailable => Err(error),
        Err(error) => Ok(Err(error.to_string())),
    }
}

fn told_by_marks(why: &str) -> String {
    format!("objects are told by Helm's marks on them: {why}")
}

impl Discovery {
    /// Takes objects and revisions from the `HelmRelease`, if it shows the release that the test belongs to.
    fn take(&mut self, found: &HelmRelease, release: &Release) {
        let object = found.reference();
        let Some((newest, inventory)) = found.status.history.first().zip(found.status.inventory.as_ref())
        else {
            self.note = Some(told_by_marks(&format!("{object} lists none; helm-controller 1.5 does")));
            return;
        };
        let same = newest.name == release.name
            && newest.namespace == release.namespace
            && release.number.is_none_or(|number| release.is_in(number, newest));
        if !same || found.spec.kube_config.is_some() {
            self.note =
                Some(told_by_marks(&format!("{object} shows another release than the one under test")));
            return;
        }
        self.scope.application.revision = Some(newest.revision());
        self.previous = found.status.history.get(1).map(helm_release::Snapshot::revision);
        let unreadable = inventory.entries.iter().filter(|entry| entry.object().is_none());
        self.gaps.extend(unreadable.map(|entry| Gap {
            scope: GapScope::Object(object.clone()),
            reason: GapReason::Undecodable,
            detail: format!("the id {:?} in its inventory names no object", entry.id),
        }));
        let objects = inventory.entries.iter().filter_map(crate::gitops::flux::inventory::Entry::object);
        self.scope.membership = Membership::Listed(objects.collect());
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::memory::Api;

    fn release() -> Release {
        Release {
            namespace: "shop".into(),
            name: "web".into(),
            number: Some(3),
            chart: Some("web-1.2.0".into()),
        }
    }

    fn job(labels: &Value) -> Value {
        json!({"apiVersion": "batch/v1", "kind": "Job",
            "metadata": {"name": "web-driftgate", "namespace": "shop", "labels": labels}})
    }

    fn helm_release(version: u64) -> Value {
        let past = |version: u64, chart: &str| json!({"name": "web", "namespace": "shop", "version": version, "chartName": "web", "chartVersion": chart});
        json!({
            "apiVersion": "helm.toolkit.fluxcd.io/v2", "kind": "HelmRelease",
            "metadata": {"name": "web", "namespace": "apps"},
            "status": {"history": [past(version, "1.2.0"), past(2, "1.1.0")],
                "inventory": {"entries": [{"id": "shop_web_apps_Deployment", "v": "v1"}, {"id": "x", "v": "v1"}]}},
        })
    }

    async fn found(objects: Vec<Value>) -> Discovery {
        let api = Api::default();
        for object in objects {
            api.seed_value(&object).unwrap();
        }
        let job = ("shop".to_owned(), "web-driftgate".to_owned());
        of_release(&Cluster::new(api.client()), &release(), Some(&job)).await.unwrap()
    }

    fn labelled() -> Value {
        job(&json!({helm_release::NAME: "web", helm_release::NAMESPACE: "apps"}))
    }

    #[tokio::test(start_paused = true)]
    async fn a_plain_release_is_told_by_helms_marks() {
        let discovery = found(vec![job(&json!({}))]).await;
        assert_eq!(discovery.scope.application.name, "helm/shop/web");
        assert_eq!(discovery.scope.application.revision.as_deref(), Some("3 (web-1.2.0)"));
        assert_eq!((discovery.phase, discovery.note), (HookPhase::HelmTest, None));
        let Membership::Tracked(tracking) = discovery.scope.membership else { panic!("not by marks") };
        assert_eq!(tracking.method, TrackingMethod::Helm("shop".into()));
        assert_eq!(discovery.scope.own_job.unwrap().name, "web-driftgate");
    }

    #[tokio::test(start_paused = true)]
    async fn a_helm_release_lists_its_objects() {
        let discovery = found(vec![labelled(), helm_release(3)]).await;
        assert_eq!(discovery.scope.application.name, "helmrelease/apps/web");
        assert_eq!(discovery.scope.application.revision.as_deref(), Some("3 (web-1.2.0)"));
        assert_eq!(discovery.previous.as_deref(), Some("2 (web-1.1.0)"));
        let Membership::Listed(objects) = discovery.scope.membership else { panic!("not listed") };
        let names: Vec<_> = objects.iter().map(ToString::to_string).collect();
        assert_eq!(names, ["apps/Deployment shop/web"]);
        assert_eq!(discovery.gaps.len(), 1, "an id that names nothing is said: {:?}", discovery.gaps);
    }

    #[tokio::test(start_paused = true)]
    async fn a_release_that_went_back_has_the_hooks_of_old() {
        let discovery = found(vec![labelled(), helm_release(4)]).await;
        assert_eq!(discovery.scope.application.revision.as_deref(), Some("4 (web-1.2.0)"));
        assert!(matches!(discovery.scope.membership, Membership::Listed(_)));
    }

    #[tokio::test(start_paused = true)]
    async fn a_helm_release_that_shows_another_release_is_not_believed() {
        for (objects, why) in [
            (vec![labelled(), helm_release(2)], "another release"),
            (vec![labelled()], "this cluster serves no HelmReleases"),
        ] {
            let discovery = found(objects).await;
            assert_eq!(discovery.scope.application.name, "helmrelease/apps/web", "its name stays");
            assert!(discovery.note.as_ref().unwrap().contains(why), "{:?}", discovery.note);
            assert!(matches!(discovery.scope.membership, Membership::Tracked(_)));
        }
    }
}

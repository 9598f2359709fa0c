//! An application under the gate: deployed by a real Argo CD, and what its gates have left behind.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{ConfigMap, Event, Pod};
use kube::Api;
use kube::api::ListParams;
use serde_json::Value;

use super::files::Shop;
use crate::harness::argocd::{App, AppOptions, ArgoCd, GitRepo, Operation};
use crate::harness::cluster::{Ctx, with_namespace};
use crate::harness::kubelet::PodLog;
use crate::harness::platform::{self, ACCOUNT, RECORDS_NAMESPACE};

/// Group of the kinds that tests define themselves: no shipped role can know them.
pub(super) const OWN_GROUP: &str = "test.driftgate.dev";

/// Runs a test in a namespace that the platform serves, and fails if the gate was ever refused anything there.
pub(super) fn gated(namespace: &str, test: impl AsyncFnOnce(&Ctx)) {
    with_namespace(namespace, async |ctx| {
        platform::installed(ctx).await;
        test(ctx).await;
        let uses = ctx.plane.audit.uses_by(&ctx.ns, ACCOUNT);
        let refused: Vec<_> = uses.iter().filter(|it| !it.allowed && it.group != OWN_GROUP).collect();
        assert!(!uses.is_empty() && refused.is_empty(), "refused: {refused:#?}");
    });
}

/// One application with its repository.
pub(super) struct Gated<'a> {
    ctx: &'a Ctx,
    repo: GitRepo,
    pub(super) app: App,
}

impl<'a> Gated<'a> {
    /// Commits an application and the gate's Job, and makes Argo CD deploy them to the test's namespace. `name` is
    /// free among all Applications.
    pub(super) async fn create(
        ctx: &'a Ctx,
        argo: &ArgoCd,
        name: &str,
        shop: &Shop,
        job: &str,
    ) -> (Self, Sync<'a>) {
        Self::create_in(ctx, argo, name, AppOptions::default(), shop, job).await
    }

    /// The same with an Application of other options.
    pub(super) async fn create_in(
        ctx: &'a Ctx,
        argo: &ArgoCd,
        name: &str,
        options: AppOptions,
        shop: &Shop,
        job: &str,
    ) -> (Self, Sync<'a>) {
        let repo = GitRepo::new(&format!("{}-{name}", ctx.ns));
        let revision = repo.commit(&[("app.yaml", &shop.text()), ("gate.yaml", job)]);
        let app = App::create(ctx, argo, name, &repo, &options).await;
        let gated = Self { ctx, repo, app };
        let sync = gated.synced(revision).await;
        (gated, sync)
    }

    /// Commits another state of the application and makes Argo CD look.
    pub(super) async fn push(&self, shop: &Shop) {
        self.repo.commit(&[("app.yaml", &shop.text())]);
        self.app.refresh().await;
    }

    /// Commits another state of the application and waits until its sync has ended.
    pub(super) async fn deploy(&self, shop: &Shop) -> Sync<'a> {
        let revision = self.repo.commit(&[("app.yaml", &shop.text())]);
        self.app.refresh().await;
        self.synced(revision).await
    }

    async fn synced(&self, revision: String) -> Sync<'a> {
        let operation = self.app.synced_to(&revision).await;
        Sync { ctx: self.ctx, revision, operation }
    }

    /// The record of the last pass, as Argo CD's name of the application has it, if there is one.
    pub(super) async fn record(&self) -> Option<Value> {
        let application = format!("{}/{}", self.app.namespace, self.app.name);
        let maps: Api<ConfigMap> = Api::namespaced(self.ctx.client.clone(), RECORDS_NAMESPACE);
        let maps = maps.list(&ListParams::default()).await.unwrap();
        let records = maps.items.into_iter().flat_map(|map| map.data.unwrap_or_default());
        let mut records = records
            .filter_map(|(_, text)| serde_json::from_str(&text).ok())
            .filter(|it: &Value| it["application"] == application);
        let record = records.next();
        assert_eq!(records.next(), None, "one record for each application");
        record
    }
}

/// One sync that has ended.
pub(super) struct Sync<'a> {
    ctx: &'a Ctx,
    pub(super) revision: String,
    pub(super) operation: Operation,
}

impl Sync<'_> {
    pub(super) fn phase(&self) -> &str {
        self.operation.phase()
    }

    /// The only gate that ran as a hook of this type.
    pub(super) async fn gate(&self, hook: &str) -> Gate {
        let rows = self.operation.hooks(hook);
        let [row] = rows.as_slice() else { panic!("{hook}: {:#?}", self.operation) };
        let text = |field: &str| row[field].as_str().unwrap_or_default().to_owned();
        let job = text("name");
        let pods = self.ctx.pods(&format!("batch.kubernetes.io/job-name={job}")).await;
        let [pod] = pods.as_slice() else { panic!("Pods of {job}: {pods:#?}") };
        let ended = pod.status.as_ref().unwrap().container_statuses.as_ref().unwrap()[0].state.as_ref();
        let ended = ended.unwrap().terminated.clone().unwrap_or_else(|| panic!("still runs: {pod:#?}"));
        Gate {
            hook_phase: text("hookPhase"),
            row: text("message"),
            exit_code: ended.exit_code,
            termination: ended.message.unwrap_or_default(),
            log: self.ctx.plane.kubelet.log(&self.ctx.ns, pod.metadata.name.as_deref().unwrap()),
            job,
        }
    }

    /// How the gates of both phases ended: hook phase and exit code, by type of hook.
    pub(super) async fn ends(&self) -> BTreeMap<&'static str, (String, i32)> {
        let mut ends = BTreeMap::new();
        for hook in ["PostSync", "SyncFail"] {
            if !self.operation.hooks(hook).is_empty() {
                let gate = self.gate(hook).await;
                ends.insert(hook, (gate.hook_phase, gate.exit_code));
            }
        }
        ends
    }
}

/// What `Sync::ends` is expected to say: type of hook, hook phase, exit code.
pub(super) fn exits(ends: &[(&'static str, &str, i32)]) -> BTreeMap<&'static str, (String, i32)> {
    ends.iter().map(|(hook, phase, code)| (*hook, ((*phase).to_owned(), *code))).collect()
}

/// What one gate has left behind.
#[derive(Debug)]
pub(super) struct Gate {
    pub(super) job: String,
    /// What Argo CD makes of its Job.
    pub(super) hook_phase: String,
    /// What Argo CD shows of its Job.
    pub(super) row: String,
    pub(super) exit_code: i32,
    /// Its termination message.
    pub(super) termination: String,
    pub(super) log: PodLog,
}

/// Events of the gate about an object, as `Type Reason: message`.
pub(super) async fn events(ctx: &Ctx, kind: &str, name: &str) -> Vec<String> {
    let about = format!("involvedObject.kind={kind},involvedObject.name={name}");
    let list = ctx.api::<Event>().list(&ListParams::default().fields(&about)).await.unwrap();
    let ours =
        list.items.into_iter().filter(|it| it.reporting_component.as_deref() == Some("driftgate.dev/gate"));
    ours.map(|it| {
        let [kind, reason, message] = [it.type_, it.reason, it.message].map(Option::unwrap_or_default);
        format!("{kind} {reason}: {message}")
    })
    .collect()
}

/// How a Pod's only container has ended, if it has.
pub(super) fn exit_code(pod: &Pod) -> Option<i32> {
    let containers = pod.status.as_ref()?.container_statuses.as_ref()?;
    Some(containers.first()?.state.as_ref()?.terminated.as_ref()?.exit_code)
}

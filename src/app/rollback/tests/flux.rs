//! The executor on the in-memory API beside a Flux in small, with the process ending before and after every request.

use serde_json::{Value, json};
use tokio::time::{Duration, sleep, timeout};

use super::options;
use crate::app::Clock;
use crate::app::rollback::{Executor, Failure, Name, Wrote};
use crate::cluster::Cluster;
use crate::memory::{Api, Fault, ObjectRef, What, Where};
use crate::rollback::{Mode, Reason as Told, Settings, State};
use crate::store::states::{Kept, example};

const APP: &str = "kustomization/apps/web";

fn reference(api_version: &str, kind: &str, name: &str) -> ObjectRef {
    let [api_version, kind, name] = [api_version, kind, name].map(str::to_owned);
    ObjectRef { api_version, kind, namespace: Some("apps".into()), name }
}

fn source(name: &str) -> ObjectRef {
    reference("source.toolkit.fluxcd.io/v1", "GitRepository", name)
}

/// A kustomize-controller and a source-controller in small: one Kustomization with its gate among it.
#[derive(Clone, Debug)]
struct Flux {
    api: Api,
    mode: Mode,
}

impl Flux {
    /// `good` has passed; the gate of `bad` has just ended with 20.
    fn with_a_rejected_head(mode: Mode) -> Self {
        let flux = Self { api: Api::default(), mode };
        let git = json!({"apiVersion": "source.toolkit.fluxcd.io/v1", "kind": "GitRepository",
            "metadata": {"name": "web", "namespace": "apps"},
            "spec": {"url": "https://git.example/web", "ref": {"branch": "main"}}});
        let app = json!({"apiVersion": "kustomize.toolkit.fluxcd.io/v1", "kind": "Kustomization",
            "metadata": {"name": "web", "namespace": "apps", "annotations": {"driftgate.dev/rollback": "on"}},
            "spec": {"sourceRef": {"kind": "GitRepository", "name": "web"}, "prune": true, "path": "./"},
            "status": {"inventory": {"entries": [{"id": "apps_driftgate_batch_Job", "v": "v1"}]}}});
        for object in [git, app] {
            flux.api.seed_value(&object).unwrap();
        }
        for revision in ["good", "bad"] {
            flux.commit(revision);
            while flux.tick() {}
            if revision == "good" {
                flux.remember_good();
            }
        }
        flux
    }

    /// The controller has seen `good` pass before.
    fn remember_good(&self) {
        let app = self.app();
        let mut state = State::new(APP, app["metadata"]["uid"].as_str().unwrap());
        let rendered = crate::gitops::flux::rollback::live::Live::read(&app).unwrap().rendered;
        state.passed.push(crate::rollback::Revision { name: "sha1:good".into(), source: rendered });
        self.api.seed_value(&example("driftgate", &state)).unwrap();
    }

    fn app(&self) -> Value {
        self.api.get(&reference("kustomize.toolkit.fluxcd.io/v1", "Kustomization", "web")).unwrap()
    }

    fn edit(&self, patch: &Value) {
        self.api.patch(&reference("kustomize.toolkit.fluxcd.io/v1", "Kustomization", "web"), patch).unwrap();
    }

    fn commit(&self, revision: &str) {
        self.offer("web", &format!("main@sha1:{revision}"));
    }

    fn offer(&self, name: &str, revision: &str) {
        let generation = self.api.get(&source(name)).unwrap()["metadata"]["generation"].clone();
        let status = json!({"observedGeneration": generation,
            "conditions": [{"type": "Ready", "status": "True", "reason": "Succeeded"}],
            "artifact": {"revision": revision, "digest": format!("sha256:{revision}")}});
        self.api.patch(&source(name), &json!({"status": status})).unwrap();
    }

    /// source-controller makes what a copy asks for; false if there is nothing.
    fn fetch(&self) -> bool {
        let Some(copy) = self.copy().filter(|it| it["status"]["artifact"].is_null()) else { return false };
        let commit = copy["spec"]["ref"]["commit"].as_str().unwrap();
        self.offer(copy["metadata"]["name"].as_str().unwrap(), &format!("main@sha1:{commit}"));
        true
    }

    /// Does what it does next; false if there is nothing.
    fn tick(&self) -> bool {
        let app = self.app();
        let name = app["spec"]["sourceRef"]["name"].as_str().unwrap();
        if self.fetch() {
            return true;
        }
        let Some(followed) = self.api.get(&source(name)) else { return false };
        let revision = followed["status"]["artifact"]["revision"].as_str().unwrap();
        let tried = (&app["status"]["lastAttemptedRevision"], &app["status"]["applied"]);
        if app["spec"]["suspend"] == true || tried == (&json!(revision), &app["metadata"]["generation"]) {
            return false;
        }
        self.apply(&app, revision);
        true
    }

    /// The only source beside the Kustomization's own.
    fn copy(&self) -> Option<Value> {
        let requests = self.api.requests();
        let mut names: Vec<&str> = requests
            .iter()
            .filter_map(|it| it.path.split_once("/gitrepositories/"))
            .map(|(_, it)| it)
            .collect();
        names.retain(|name| *name != "web");
        names.iter().find_map(|name| self.api.get(&source(name)))
    }

    fn apply(&self, app: &Value, revision: &str) {
        let bad = revision.ends_with("bad");
        let uid = format!("job-{}", revision.len() * 100 + usize::from(revision.as_bytes()[10]));
        let said =
            "Container driftgate for pod apps/x failed with exit code 20 matching FailJob rule at index 0";
        let ended = if bad {
            json!({"type": "Failed", "status": "True", "message": said})
        } else {
            json!({"type": "Complete", "status": "True"})
        };
        let job = json!({"apiVersion": "batch/v1", "kind": "Job",
            "metadata": {"name": "driftgate", "namespace": "apps", "uid": uid},
            "spec": {"template": {"spec": {"containers": [{"name": "driftgate"}]}}},
            "status": {"conditions": [ended]}});
        let place = reference("batch/v1", "Job", "driftgate");
        if self.api.get(&place).is_some() {
            self.api.delete(&place).unwrap();
        }
        self.api.seed_value(&job).unwrap();
        let ready = if bad {
            json!({"type": "Ready", "status": "False", "reason": "HealthCheckFailed", "message": "m"})
        } else {
            json!({"type": "Ready", "status": "True", "reason": "ReconciliationSucceeded"})
        };
        let generation = &app["metadata"]["generation"];
        let mut status =
            json!({"lastAttemptedRevision": revision, "conditions": [ready], "applied": generation});
        if !bad {
            status["lastAppliedRevision"] = json!(revision);
            status["observedGeneration"] = generation.clone();
        }
        self.edit(&json!({"status": status}));
    }

    /// Which revision runs.
    fn live(&self) -> String {
        let app = self.app();
        app["status"]["lastAttemptedRevision"].as_str().unwrap().rsplit(':').next().unwrap().to_owned()
    }

    /// Nothing of ours is on the Kustomization, and no copy is left.
    fn is_as_before(&self) {
        let app = self.app();
        let expected = json!({"driftgate.dev/rollback": "on"});
        let mut annotations = app["metadata"]["annotations"].clone();
        annotations.as_object_mut().unwrap().remove("reconcile.fluxcd.io/requestedAt");
        assert_eq!(annotations, expected);
        let spec = &app["spec"];
        assert_eq!((&spec["sourceRef"]["name"], spec.get("suspend")), (&json!("web"), None), "{spec:#}");
        assert_eq!(self.copy(), None);
    }

    /// One process: it knows nothing but what is kept.
    async fn process(&self, told: &mut Vec<Told>) -> Result<Kept, Failure> {
        let cluster = Cluster::new(self.api.client());
        let settings = Settings { mode: self.mode, ..Settings::default() };
        let clock = Clock::starting_at(self.api.now());
        let executor = Executor::new(&cluster, super::Options { settings, ..options() }, clock).await?;
        let mut kept = executor.states().get(APP).await?;
        let mut wrote = |wrote: &Wrote| {
            if let Wrote::State(state, _) = wrote {
                told.extend(state.untold.iter().map(|notice| notice.reason));
            }
        };
        let name = Name::parse(APP).unwrap();
        let elsewhere = async {
            loop {
                sleep(Duration::from_secs(1)).await;
                self.fetch();
            }
        };
        tokio::select! {
            worked = executor.work(&name, &mut kept, &mut wrote) => drop(worked?),
            () = elsewhere => unreachable!("source-controller never ends"),
        }
        told.sort_unstable();
        told.dedup();
        Ok(kept)
    }

    /// Works until nothing is left to do, with a new process after every failure.
    async fn work(&self) -> (Kept, Vec<Told>) {
        let (mut told, mut failures) = (Vec::new(), 0);
        for _ in 0..200 {
            let outcome = timeout(Duration::from_secs(600), self.process(&mut told)).await;
            let Ok(Ok(kept)) = outcome else {
                failures += 1;
                assert!(failures < 50, "{outcome:?}");
                self.tick();
                continue;
            };
            if !self.tick() {
                return (kept, told);
            }
        }
        panic!("no rest: {:#}", self.app())
    }

    /// A rejected head, and then one that passes.
    async fn bad_then_fixed(&self) {
        let (kept, _told) = self.work().await;
        let held = kept.state.case.as_ref().map(|case| case.stage.as_str());
        assert_eq!(held, Some("Quarantined"), "{:#?}", self.app());
        assert_eq!(self.live(), if self.mode == Mode::Freeze { "bad" } else { "good" });
        self.commit("fix");
        let (kept, _told) = self.work().await;
        assert_eq!((kept.state.case, self.live().as_str()), (None, "fix"));
        assert_eq!(kept.state.rejected.len(), 1);
        self.is_as_before();
    }

    /// Patches of the Kustomization that arrived.
    fn patches(&self) -> usize {
        self.api
            .requests()
            .iter()
            .filter(|it| it.verb == "patch" && it.path.contains("kustomizations"))
            .count()
    }
}

#[tokio::test(start_paused = true)]
async fn a_rejected_head_is_answered_by_one_patch_and_released_by_another() {
    for mode in [Mode::Rollback, Mode::Freeze] {
        let flux = Flux::with_a_rejected_head(mode);
        flux.bad_then_fixed().await;
        assert_eq!(flux.patches(), 2, "{mode:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn nothing_is_lost_whenever_the_process_ends() {
    for mode in [Mode::Rollback, Mode::Freeze] {
        let clean = Flux::with_a_rejected_head(mode);
        clean.bad_then_fixed().await;
        let requests = clean.api.requests().len();
        assert!(requests > 20, "{requests}");
        // Refused, or gone before it arrived; arrived, but nobody heard of it.
        for what in [What::Status(409), What::Status(500), What::Hang, What::TruncatedBody] {
            for nth in 0..requests {
                let flux = Flux::with_a_rejected_head(mode);
                flux.api.add_fault(Fault { at: Where::Nth(nth), what: what.clone() });
                flux.bad_then_fixed().await;
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_state_that_is_lost_while_something_is_held_is_found_again_by_its_marks() {
    for mode in [Mode::Rollback, Mode::Freeze] {
        let flux = Flux::with_a_rejected_head(mode);
        let (kept, _told) = flux.work().await;
        let cluster = Cluster::new(flux.api.client());
        let states = crate::store::states::States::new(&cluster, "driftgate").await.unwrap();
        states.forget(APP).await.unwrap();
        let (found, _told) = flux.work().await;
        let [before, after] = [kept, found].map(|kept| kept.state.case.unwrap());
        let told_apart = |case: &crate::rollback::Case| {
            (case.id.clone(), case.rejected.clone(), case.target.1.clone(), case.stage.as_str())
        };
        assert_eq!(told_apart(&before), told_apart(&after));
        flux.commit("fix");
        let (kept, told) = flux.work().await;
        assert_eq!((kept.state.case, flux.live().as_str()), (None, "fix"));
        assert!(told.contains(&Told::Released), "{told:?}");
        flux.is_as_before();
    }
}

#[tokio::test(start_paused = true)]
async fn marks_on_something_that_is_not_held_are_nobodys_case() {
    let flux = Flux::with_a_rejected_head(Mode::Fail);
    let marks = json!({"driftgate.dev/rollback-case": "driftgate-1-sha1:bad", "driftgate.dev/original-source": "web",
        "driftgate.dev/rejected-revision": "sha1:bad"});
    flux.edit(&json!({"metadata": {"annotations": marks}}));
    let (kept, _told) = flux.work().await;
    assert_eq!(kept.state.case, None);
    assert_eq!(flux.patches(), 0);
}

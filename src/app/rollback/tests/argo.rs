//! An Argo CD in small: one Application in the in-memory API.

use serde_json::{Value, json};

use crate::gitops::argocd::rollback::generator::Generator;
use crate::gitops::argocd::rollback::observe::{Around, observe};
use crate::gitops::argocd::rollback::probe::Knows;
use crate::gitops::wanted::OptIn;
use crate::memory::{Api, ObjectRef};
use crate::rollback::State;
use crate::store::states::example;

/// An object of Argo CD's in its namespace.
pub(in crate::app) fn reference(kind: &str, name: &str) -> ObjectRef {
    ObjectRef {
        api_version: "argoproj.io/v1alpha1".into(),
        kind: kind.into(),
        namespace: Some("argocd".into()),
        name: name.into(),
    }
}

#[derive(Clone, Debug)]
pub(in crate::app) struct Argo {
    pub(in crate::app) api: Api,
}

fn source() -> Value {
    json!({"repoURL": "https://git.example/shop", "path": ".", "targetRevision": "main"})
}

/// The state of an operation to a revision.
fn operation(started: &str, revision: &str, phase: &str, more: &Value) -> Value {
    let mut state = json!({
        "phase": phase, "startedAt": started,
        "operation": {"initiatedBy": {"automated": true}, "sync": {"revision": revision}},
        "syncResult": {"revision": revision, "source": source()},
    });
    json_patch::merge(&mut state, more);
    state
}

impl Argo {
    /// `good` has passed; the gate of `bad` has just ended with 20, and its operation waits or has failed.
    pub(in crate::app) fn with_a_rejected_head(waits: bool) -> Self {
        let row = json!({
            "group": "batch", "kind": "Job", "name": "driftgate-bad-postsync-1", "hookType": "PostSync",
            "hookPhase": "Failed",
            "message": "Container driftgate for pod shop/x failed with exit code 20 matching FailJob rule at index 0",
        });
        let ended = json!({"finishedAt": "2026-01-01T00:00:30Z", "syncResult": {"resources": [row]}});
        let phase = if waits { "Running" } else { "Failed" };
        let mut application = json!({
            "apiVersion": "argoproj.io/v1alpha1", "kind": "Application",
            "metadata": {"name": "shop", "namespace": "argocd",
                "annotations": {"driftgate.dev/rollback": "on"}},
            "spec": {"project": "default", "source": source(),
                "syncPolicy": {"automated": {"prune": true}, "syncOptions": ["ServerSideApply=true"]}},
            "status": {
                "operationState": operation("2026-01-01T00:00:10Z", "bad", phase, &ended),
                "sync": {"status": "OutOfSync", "revision": "bad", "comparedTo": {"source": source()}},
                "health": {"status": "Healthy"}, "reconciledAt": "2026-01-01T00:00:30Z",
                "history": [{"id": 0, "revision": "good", "source": source()}],
            },
        });
        if waits {
            application["operation"] = json!({"sync": {"revision": "bad"}});
        }
        let api = Api::default();
        api.seed_value(&application).unwrap();
        let project = json!({"apiVersion": "argoproj.io/v1alpha1", "kind": "AppProject",
            "metadata": {"name": "default", "namespace": "argocd"}, "spec": {}});
        api.seed_value(&project).unwrap();
        let argo = Self { api };
        argo.remember_good();
        argo
    }

    /// The controller has seen `good` pass before.
    fn remember_good(&self) {
        let application = self.application();
        let live = serde_json::from_value(application).unwrap();
        let (opt_in, generator, now) = (OptIn::default(), Generator::Unknown, self.api.now());
        let seen = observe(&live, &Around { opt_in, project: None, knows: Knows::ALL, generator, now });
        let mut state = State::new("argocd/shop", &*seen.uid);
        state.passed.push(seen.history[0].revision.clone());
        self.api.seed_value(&example("driftgate", &state)).unwrap();
    }

    pub(in crate::app) fn application(&self) -> Value {
        self.api.get(&reference("Application", "shop")).unwrap_or_default()
    }

    pub(in crate::app) fn project(&self) -> Value {
        self.api.get(&reference("AppProject", "default")).unwrap()
    }

    fn patch(&self, patch: &Value) {
        self.api.patch(&reference("Application", "shop"), patch).unwrap();
    }

    /// Git has another head.
    pub(in crate::app) fn commit(&self, revision: &str) {
        self.patch(&json!({"status": {"sync": {"revision": revision, "status": "OutOfSync"}}}));
    }

    /// What we have rolled back to, oldest first.
    pub(in crate::app) fn rollbacks(&self) -> Vec<String> {
        let application = self.application();
        let history = application["status"]["history"].as_array().cloned().unwrap_or_default();
        let ours = history.iter().filter(|entry| entry["initiatedBy"]["username"] == "driftgate");
        ours.map(|entry| entry["revision"].as_str().unwrap().to_owned()).collect()
    }

    /// Does what it does next; false if there is nothing.
    pub(in crate::app) fn tick(&self) -> bool {
        let application = self.application();
        if application.is_null() {
            return false;
        }
        let (status, asked) = (&application["status"], &application["operation"]);
        let state = &status["operationState"];
        let over = state.is_null() || matches!(state["phase"].as_str(), Some("Succeeded" | "Failed"));
        let now = self.api.now().to_string();
        match (asked.is_null(), over, state["phase"].as_str()) {
            (false, true, _) => {
                let revision = asked["sync"]["revision"].as_str().unwrap();
                let state = operation(&now, revision, "Running", &json!({"operation": asked}));
                self.patch(&json!({"status": {"operationState": state}}));
            }
            (false, false, Some("Terminating")) => self.end("Failed", &now),
            (false, false, Some("Running")) if state["finishedAt"].is_null() => self.end("Succeeded", &now),
            (true, _, _) => return self.sync_automatically(&application),
            _ => return false,
        }
        true
    }

    fn end(&self, phase: &str, now: &str) {
        let state = &self.application()["status"]["operationState"];
        let end = json!({"operationState": {"phase": phase, "finishedAt": now}, "reconciledAt": now});
        self.patch(&json!({"operation": null, "status": end}));
        if phase == "Succeeded" {
            let mut history = self.application()["status"]["history"].as_array().cloned().unwrap_or_default();
            history.push(json!({
                "id": history.len(), "revision": state["syncResult"]["revision"], "source": source(),
                "initiatedBy": state["operation"]["initiatedBy"],
            }));
            self.patch(&json!({"status": {"history": history}}));
        }
    }

    fn sync_automatically(&self, application: &Value) -> bool {
        let automated = &application["spec"]["syncPolicy"]["automated"];
        let windows = self.project()["spec"]["syncWindows"].as_array().map_or(0, Vec::len);
        let off = automated.is_null() || automated["enabled"] == false || windows > 0;
        let head = &application["status"]["sync"]["revision"];
        if off || *head == application["status"]["operationState"]["syncResult"]["revision"] {
            return false;
        }
        let sync = json!({"revision": head});
        let operation = json!({"sync": sync, "initiatedBy": {"automated": true}});
        self.patch(&json!({"operation": operation, "status": {"operationState": null}}));
        true
    }
}

//! What the executor would do about a verdict: the GitOps tool's part of the story is played on the recorded cluster,
//! and then the executor looks and decides. Nothing of a rollback is written, there neither.

use serde_json::{Value, json};

use crate::app::Clock;
use crate::app::rollback::{Executor, Failure, Name, Options, foretold};
use crate::cluster::Cluster;
use crate::exit::Exit;
use crate::gitops::flux::discover;
use crate::gitops::flux::job::GateJob;
use crate::gitops::job::GATE;
use crate::gitops::wanted::OptIn;
use crate::memory::{Api, ObjectRef};
use crate::report::Report;
use crate::rollback::{Settings, State, Step, step, trusting};

/// What the executor would decide about a critical verdict on what Flux has deployed; none where Flux has not.
pub(super) async fn planned(
    api: &Api,
    job: (&str, &str),
    report: &Report,
    states: &str,
) -> Result<Option<String>, Failure> {
    let cluster = Cluster::new(api.client());
    let found = discover::job(&cluster, job.0, job.1).await?;
    let name = Name::parse(report.application.name.as_str());
    let (Some(job), Some(name)) = (found, name) else { return Ok(None) };
    health_check_fails(api, &job);
    let options = Options {
        argocd_namespace: String::new(),
        state_namespace: states.to_owned(),
        tools: Vec::new(),
        opt_in: OptIn::default(),
        settings: Settings::default(),
        closely: false,
    };
    let executor = Executor::new(&cluster, options, Clock::starting_at(api.now())).await?;
    let state = executor.states().get(&name.to_string()).await?.state;
    let Some(sight) = executor.look(&name, &state).await? else { return Ok(None) };
    if !sight.seen.wanted {
        return Ok(Some(format!("none: {} is not marked with driftgate.dev/rollback=on", name.words())));
    }
    let passed = report.rollback.as_ref().and_then(|rollback| rollback.to.as_ref());
    let passed: Vec<String> = passed.iter().map(|to| name.in_history(to.as_str()).to_owned()).collect();
    let state = trusting(&sight.seen, &state, &passed);
    Ok(match step(&sight.seen, &state, executor.settings()) {
        Step::Keep(next) => Some(words(&next)),
        Step::Rest(_) | Step::Hold | Step::End | Step::RollBack | Step::Freeze | Step::Lift => None,
    })
}

fn words(state: &State) -> String {
    match (&state.case, state.untold.last()) {
        (None, Some(notice)) => format!("none: {}", notice.text),
        (Some(_), _) | (None, None) => foretold(state),
    }
}

/// The Job ends with the gate's exit code, and the Kustomization that waits for it gives up.
fn health_check_fails(api: &Api, job: &GateJob) {
    let meta = &job.metadata.rest;
    let code = Exit::Critical.code();
    let said = format!(
        "Container {GATE} for pod {}/{} failed with exit code {code} matching FailJob rule at index 0",
        meta.namespace, meta.name
    );
    let failed = condition("Failed", "True", "PodFailurePolicy", &said);
    write(api, "batch/v1", "Job", (&meta.namespace, &meta.name), &json!([failed]));
    let Some(owner) = job.kustomization() else { return };
    let stalled = format!("health check failed: [Job/{}/{} status: 'Failed']", meta.namespace, meta.name);
    let (kind, version) = ("Kustomization", "kustomize.toolkit.fluxcd.io/v1");
    let unready = ["Ready", "Healthy"].map(|it| condition(it, "False", "HealthCheckFailed", &stalled));
    write(api, version, kind, (&owner.namespace, &owner.name), &json!(unready));
}

fn condition(name: &str, status: &str, reason: &str, message: &str) -> Value {
    json!({"type": name, "status": status, "reason": reason, "message": message})
}

fn write(api: &Api, api_version: &str, kind: &str, (namespace, name): (&str, &str), conditions: &Value) {
    let [api_version, kind, name] = [api_version, kind, name].map(str::to_owned);
    let object = ObjectRef { api_version, kind, namespace: Some(namespace.to_owned()), name };
    if let Err(error) = api.patch(&object, &json!({"status": {"conditions": conditions}})) {
        tracing::debug!(%error, "an object of the scenario could not be changed");
    }
}

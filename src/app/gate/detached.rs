//! `--rollback-via=job`: the Job that rolls back after the gate's operation has ended, where no controller runs.
//!
//! It is no hook and belongs to nobody: Argo CD deletes hooks and what they own. It runs as an account of its own,
//! because the gate's may write no Application.

use serde_json::{Value, json};

use crate::cluster::{ApiError, Cluster, Reason};
use crate::policy::RollbackPolicy;
use crate::rules::resources;

/// Most characters of a Job's name.
const NAME: usize = 63;
const SUFFIX: &str = "-rollback";
/// Variable with the address of Flux's notification-controller: whoever is told of the verdict is told of the rollback.
const FLUX_EVENTS: &str = "DRIFTGATE_FLUX_EVENTS_ADDR";

/// What the Job is to do.
pub(super) struct Order<'a> {
    /// The application, by the name it has on records.
    pub(super) application: &'a str,
    /// The revision that passed, by the record.
    pub(super) passed: Option<&'a str>,
    /// What the gate's policy says of rollbacks.
    pub(super) policy: &'a RollbackPolicy,
}

impl Order<'_> {
    /// Whoever has a gate ask for the Job wants the rollback, so that no mark is needed for it.
    fn arguments(&self) -> Vec<String> {
        let words = ["rollback", self.application, "--after-gate", "--opt-in=all"];
        let mut arguments: Vec<String> = words.map(str::to_owned).into();
        if self.policy.allow_opt_out == Some(true) {
            arguments.push("--allow-opt-out".to_owned());
        }
        if self.policy.unproven == Some(true) {
            arguments.push("--unproven-target=last-success".to_owned());
        }
        if let Some(mode) = self.policy.mode {
            arguments.push(format!("--mode={}", mode.as_str()));
        }
        if let Some(timeout) = self.policy.health_timeout {
            arguments.push(format!("--health-timeout={}s", timeout.as_secs()));
        }
        if let Some(revision) = self.passed {
            arguments.extend(["--passed".to_owned(), revision.to_owned()]);
        }
        arguments
    }
}

/// Makes the Job, beside the gate's own; one that is there already is the same.
pub(super) async fn start(
    cluster: &Cluster,
    (namespace, name): &(String, String),
    account: &str,
    order: &Order<'_>,
) -> Result<(), ApiError> {
    let kinds = cluster.kinds().await?;
    let Some(jobs) = kinds.resource(&resources::JOBS) else { return Ok(()) };
    let own: Option<Value> = cluster.get(jobs, namespace, name).await?;
    let job = job(&own.unwrap_or_default(), name, account, order);
    match cluster.create(jobs, namespace, &job).await {
        Ok(_) => Ok(()),
        Err(error) if error.reason() == Reason::AlreadyExists => Ok(()),
        Err(error) => Err(error),
    }
}

/// The gate's own Pod, with other arguments and another account.
fn job(own: &Value, name: &str, account: &str, order: &Order<'_>) -> Value {
    let labels = json!({"app.kubernetes.io/name": "driftgate", "app.kubernetes.io/component": "rollback"});
    let pod = &own["spec"]["template"]["spec"];
    let gate = &pod["containers"][0];
    let mut container = json!({"name": "driftgate", "args": order.arguments()});
    // The policy may be a file of the gate's own volumes; the arguments say what it says.
    let mut env = vec![json!({"name": "DRIFTGATE_PLATFORM_POLICY", "value": ""})];
    let told = |variable: &&Value| variable["name"] == FLUX_EVENTS;
    env.extend(gate["env"].as_array().into_iter().flatten().find(told).cloned());
    container["env"] = json!(env);
    for field in ["image", "imagePullPolicy", "envFrom", "resources", "securityContext"] {
        if !gate[field].is_null() {
            container[field] = gate[field].clone();
        }
    }
    let mut spec =
        json!({"restartPolicy": "Never", "serviceAccountName": account, "containers": [container]});
    for field in ["securityContext", "imagePullSecrets", "nodeSelector", "tolerations", "affinity"] {
        if !pod[field].is_null() {
            spec[field] = pod[field].clone();
        }
    }
    let kept: String = name.chars().take(NAME - SUFFIX.len()).collect();
    json!({
        "apiVersion": "batch/v1", "kind": "Job",
        "metadata": {"name": format!("{}{SUFFIX}", kept.trim_end_matches('-')), "labels": labels},
        "spec": {
            "backoffLimit": 3, "activeDeadlineSeconds": 1800, "ttlSecondsAfterFinished": 86400,
            "template": {"metadata": {"labels": labels}, "spec": spec},
        },
    })
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;
    use crate::cli;

    #[test]
    fn flux_is_told_of_the_rollback_where_it_is_told_of_the_verdict() {
        let text = include_str!("../../../kustomize/components/flux-gate/job.yaml");
        let own: Value = serde_saphyr::from_str(text).unwrap();
        let nothing = RollbackPolicy::default();
        let order = Order { application: "kustomization/apps/shop", passed: None, policy: &nothing };
        let job = job(&own, "driftgate", "driftgate-rollback", &order);
        let env = job["spec"]["template"]["spec"]["containers"][0]["env"].as_array().unwrap();
        let names: Vec<_> = env.iter().map(|it| it["name"].as_str().unwrap()).collect();
        assert_eq!(names, ["DRIFTGATE_PLATFORM_POLICY", FLUX_EVENTS]);
        assert!(env[1]["value"].as_str().unwrap().starts_with("http://notification-controller."), "{env:?}");
    }

    #[test]
    fn the_job_is_the_gates_pod_with_other_arguments_and_no_mark_of_argo_cd() {
        let text = include_str!("../../../manifests/gate/job.yaml");
        let own: Value = serde_saphyr::from_str(text).unwrap();
        let name = format!("driftgate-{}", "x".repeat(60));
        let nothing = RollbackPolicy::default();
        let order = Order { application: "argocd/shop", passed: Some("0a1b2c3d"), policy: &nothing };
        let job = job(&own, &name, "driftgate-rollback", &order);
        let metadata = &job["metadata"];
        assert!(metadata["name"].as_str().unwrap().len() <= 63 && metadata["annotations"].is_null());
        assert!(metadata["ownerReferences"].is_null());
        let pod = &job["spec"]["template"]["spec"];
        let container = &pod["containers"][0];
        assert_eq!(
            container["args"],
            json!(["rollback", "argocd/shop", "--after-gate", "--opt-in=all", "--passed", "0a1b2c3d"])
        );
        assert_eq!(container["image"], own["spec"]["template"]["spec"]["containers"][0]["image"]);
        assert_eq!(container["securityContext"]["readOnlyRootFilesystem"], true);
        assert_eq!(
            (&pod["serviceAccountName"], &pod["volumes"]),
            (&json!("driftgate-rollback"), &Value::Null)
        );
        assert_eq!(pod["securityContext"]["runAsNonRoot"], true);
    }

    #[test]
    fn the_job_is_told_what_the_gates_policy_says_and_reads_none_itself() {
        let policy = RollbackPolicy {
            allow_opt_out: Some(true),
            unproven: Some(true),
            health_timeout: Some(std::time::Duration::from_secs(90)),
            ..RollbackPolicy::default()
        };
        let order = Order { application: "argocd/shop", passed: None, policy: &policy };
        let job = job(&Value::Null, "driftgate", "driftgate-rollback", &order);
        let container = &job["spec"]["template"]["spec"]["containers"][0];
        let env = json!([{"name": "DRIFTGATE_PLATFORM_POLICY", "value": ""}]);
        assert_eq!(container["env"], env);
        let arguments = container["args"].as_array().unwrap().iter().map(|it| it.as_str().unwrap());
        let words: Vec<&str> = std::iter::once("driftgate").chain(arguments).collect();
        let cli::Command::Rollback(args) = cli::Cli::parse_from(words).command else { panic!() };
        let rollback = args.executor.rollback;
        assert!(rollback.allow_opt_out);
        assert_eq!(rollback.unproven_target, Some(cli::UnprovenTarget::LastSuccess));
        assert_eq!(rollback.health_timeout, policy.health_timeout);
    }
}

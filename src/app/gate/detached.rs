//! `--rollback-via=job`: the Job that rolls back after the gate's operation has ended, where no controller runs.
//!
//! It is no hook and belongs to nobody: Argo CD deletes hooks and what they own. It runs as an account of its own,
//! because the gate's may write no Application.

use serde_json::{Value, json};

use crate::cluster::{ApiError, Cluster, Reason};
use crate::rules::resources;

/// Most characters of a Job's name.
const NAME: usize = 63;
const SUFFIX: &str = "-rollback";

/// Makes the Job, beside the gate's own; one that is there already is the same.
pub(super) async fn start(
    cluster: &Cluster,
    (namespace, name): &(String, String),
    account: &str,
    application: &str,
    passed: Option<&str>,
) -> Result<(), ApiError> {
    let kinds = cluster.kinds().await?;
    let Some(jobs) = kinds.resource(&resources::JOBS) else { return Ok(()) };
    let own: Option<Value> = cluster.get(jobs, namespace, name).await?;
    let job = job(&own.unwrap_or_default(), name, account, application, passed);
    match cluster.create(jobs, namespace, &job).await {
        Ok(_) => Ok(()),
        Err(error) if error.reason() == Reason::AlreadyExists => Ok(()),
        Err(error) => Err(error),
    }
}

/// The gate's own Pod, with other arguments and another account.
fn job(own: &Value, name: &str, account: &str, application: &str, passed: Option<&str>) -> Value {
    let labels = json!({"app.kubernetes.io/name": "driftgate", "app.kubernetes.io/component": "rollback"});
    let mut args = vec!["rollback", application, "--after-gate", "--opt-in=all"];
    args.extend(passed.iter().flat_map(|revision| ["--passed", revision]));
    let pod = &own["spec"]["template"]["spec"];
    let gate = &pod["containers"][0];
    let mut container = json!({"name": "driftgate", "args": args});
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
    use super::*;

    #[test]
    fn the_job_is_the_gates_pod_with_other_arguments_and_no_mark_of_argo_cd() {
        let text = include_str!("../../../manifests/gate/job.yaml");
        let own: Value = serde_saphyr::from_str(text).unwrap();
        let name = format!("driftgate-{}", "x".repeat(60));
        let job = job(&own, &name, "driftgate-rollback", "argocd/shop", Some("0a1b2c3d"));
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
}

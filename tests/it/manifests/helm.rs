//! The library chart and what stands beside it agree with the shipped Job and with `policy check`.

use driftgate::gitops::flux::helm_release::HelmRelease;
use driftgate::gitops::helm::traps;
use serde_json::json;

use super::{gate, object, text};

const TEMPLATE: &str = "manifests/helm-test/templates/_driftgate.tpl";

/// Text of a Job from the beginning of its Pod to the end of the file or of its template.
fn pod(text: &str) -> &str {
    let (_above, pod) = text.split_once("\n  template:\n").unwrap();
    pod.split("{{- end }}").next().unwrap().trim_end()
}

#[test]
fn the_test_is_the_shipped_job_but_for_what_helm_says() {
    let (chart, shipped) = (text(TEMPLATE), text("manifests/gate/job.yaml"));
    let rendered = pod(&chart)
        .replace(r#"{{ $account.name | default "driftgate" }}"#, "driftgate")
        .replace(
            r#"{{ $all.image | default "driftgate:0.1.0" }}"#,
            concat!("driftgate:", env!("CARGO_PKG_VERSION")),
        )
        .replace(
            r#"{{ concat (list "gate" "--as=helm-test") ($all.args | default list) | toJson }}"#,
            r#"["gate"]"#,
        );
    let mut lines: Vec<&str> = rendered.lines().collect();
    while let Some(at) = lines.iter().position(|line| line.contains("{{")) {
        assert!(lines[at - 1].contains("name: DRIFTGATE_"), "{}", lines[at]);
        lines.drain(at - 1..=at);
    }
    assert_eq!(lines.join("\n"), pod(&shipped), "change {TEMPLATE} as manifests/gate/job.yaml was changed");
    let rules = |text: &str| {
        let (_above, rules) = text.split_once("  podFailurePolicy:\n").unwrap();
        rules.split_once("  template:\n").unwrap().0.to_owned()
    };
    assert_eq!(rules(&chart), rules(&shipped));
    assert!(
        !chart.contains("\n  ttlSecondsAfterFinished:"),
        "Flux takes a Job that is gone for one that has succeeded"
    );
}

#[test]
fn the_chart_is_of_this_version() {
    let chart = object("manifests/helm-test/Chart.yaml");
    assert_eq!(
        (&chart["type"], &chart["appVersion"]),
        (&json!("library"), &json!(env!("CARGO_PKG_VERSION")))
    );
    let values = object("manifests/helm-test/values.yaml");
    assert_eq!(values["image"], concat!("driftgate:", env!("CARGO_PKG_VERSION")));
}

#[test]
fn a_helm_release_with_the_component_goes_back() {
    let component = object("kustomize/components/helm-test/kustomization.yaml");
    let patch: serde_json::Value =
        serde_saphyr::from_str(component["patches"][0]["patch"].as_str().unwrap()).unwrap();
    let mut spec = json!({"upgrade": {"strategy": {"name": "RetryOnFailure"},
        "remediation": {"retries": 3, "ignoreTestFailures": true}}, "test": {"ignoreFailures": true}});
    json_patch::merge(&mut spec, &patch["spec"]);
    let release = json!({"metadata": {"name": "web", "namespace": "apps"}, "spec": spec});
    let release: HelmRelease = serde_json::from_value(release).unwrap();
    assert_eq!(traps::of_release(&release), []);
}

#[test]
fn the_verdict_job_is_one_that_flux_makes_anew() {
    let job = object("kustomize/components/helm-verdict/job.yaml");
    assert_eq!(job["metadata"]["annotations"]["kustomize.toolkit.fluxcd.io/force"], "enabled");
    assert!(job["spec"]["ttlSecondsAfterFinished"].is_null());
    let shipped = object("manifests/gate/job.yaml");
    assert_eq!(job["spec"]["podFailurePolicy"], shipped["spec"]["podFailurePolicy"]);
    assert_eq!(gate(&job)["securityContext"], gate(&shipped)["securityContext"]);
    assert_eq!(gate(&job)["args"], json!(["verdict"]));
}

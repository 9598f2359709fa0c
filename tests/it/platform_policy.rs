//! A platform's policy in ConfigMaps: what cannot be read ends the gate with 3, and its report says which it was.

use driftgate::memory::ObjectRef;
use rstest::rstest;
use serde_json::{Value, json};

use crate::served::{Ran, Served};

const BY_LABEL: &str = "configmap:driftgate/driftgate.dev/policy=platform";
const BY_NAME: &str = "configmap:driftgate/policy";

fn policy(spec: &Value) -> String {
    json!({"apiVersion": "driftgate.dev/v1alpha1", "kind": "GatePolicy", "spec": spec}).to_string()
}

/// An application with findings, and ConfigMaps with the label of the platform's policy: name and data.
fn with(maps: &[(&str, Value)]) -> Served {
    let served = Served::example("brownfield");
    for (name, data) in maps {
        let labels = json!({"driftgate.dev/policy": "platform"});
        let metadata = json!({"name": name, "namespace": "driftgate", "labels": labels});
        let map = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data});
        served.api.seed_value(&map).unwrap();
    }
    served
}

fn gate(served: &Served, place: &str) -> Ran {
    served.run(&["gate", "--app", "argocd/shop", "--settle-quiet", "0s", "--platform-policy", place])
}

#[track_caller]
fn is_invalid(ran: &Ran, names: &str) {
    assert_eq!(ran.code, 3, "{}{}", ran.out, ran.err);
    let words = ran.out.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(words.contains(names), "{names} is not in {words}");
    assert!(!words.contains("privileged-container"), "nothing is judged under another policy: {words}");
}

#[rstest]
#[case::by_label(BY_LABEL)]
#[case::by_name(BY_NAME)]
fn one_that_can_be_read_is_in_force(#[case] place: &str) {
    let lenient = with(&[("policy", json!({"p.yaml": policy(&json!({"failAt": "critical"}))}))]);
    let strict = with(&[("policy", json!({"p.yaml": policy(&json!({"failAt": "low"}))}))]);
    let codes = [lenient, strict].map(|served| gate(&served, place).code);
    assert_eq!(codes[1], 10, "so a policy that is not read would be seen");
    assert_ne!(codes[0], 3);
}

#[rstest]
#[case::missing_by_label(BY_LABEL, &[], "ConfigMap driftgate/driftgate.dev/policy=platform: it is not there")]
#[case::missing_by_name(BY_NAME, &[], "ConfigMap driftgate/policy: it is not there")]
#[case::without_a_file(
    BY_LABEL,
    &[("policy", json!({"p.yaml": policy(&json!({}))})), ("empty", json!({"README": "none"}))],
    "ConfigMap driftgate/empty: no key of it ends in .yaml or .yml"
)]
#[case::half_written(
    BY_LABEL,
    &[("policy", json!({"p.yaml": policy(&json!({}))})), ("late", json!({"p.yaml": "apiVersion: driftgate.dev/v1alpha1\nkind: GatePolicy\nspec:\n  exclusions:\n  - rule: host-pid\n    reason: \"Until"}))],
    "configmap:driftgate/late/p.yaml:"
)]
#[case::cut_to_nothing(BY_NAME, &[("policy", json!({"p.yaml": ""}))], "configmap:driftgate/policy/p.yaml:")]
#[case::oversized(
    BY_LABEL,
    &[("policy", json!({"p.yaml": policy(&json!({}))})), ("vast", json!({"p.yaml": "#".repeat((16 << 20) + 1)}))],
    "ConfigMap driftgate/driftgate.dev/policy=platform: more than 16 MiB is no policy that anybody wrote"
)]
#[case::oversized_by_name(
    BY_NAME,
    &[("policy", json!({"p.yaml": "#".repeat((16 << 20) + 1)}))],
    "ConfigMap driftgate/policy: more than 16 MiB is no policy that anybody wrote"
)]
fn one_that_cannot_be_read_ends_with_3(
    #[case] place: &str,
    #[case] maps: &[(&str, Value)],
    #[case] names: &str,
) {
    is_invalid(&gate(&with(maps), place), names);
}

#[rstest]
#[case::by_label(BY_LABEL, "list")]
#[case::by_name(BY_NAME, "get")]
fn one_that_may_not_be_read_ends_with_3_and_the_right_that_is_missing(
    #[case] place: &str,
    #[case] verb: &str,
) {
    let served = with(&[("policy", json!({"p.yaml": policy(&json!({}))}))]);
    served.api.forbid(&[verb], "", "configmaps", Some("driftgate"));
    is_invalid(&gate(&served, place), &format!("grant the verb {verb} on configmaps in namespace driftgate"));
}

#[test]
fn a_record_that_is_no_record_ends_with_3_and_its_name() {
    let served = with(&[(
        "policy",
        json!({"p.yaml": policy(&json!({"mode": "both", "baseline": {"firstRun": "accept"}}))}),
    )]);
    let first = gate(&served, BY_NAME);
    assert_eq!(first.code, 0, "{}", first.out);
    let requests = served.api.requests();
    let name =
        requests.iter().find_map(|it| it.path.split_once("/driftgate/configmaps/driftgate-")).unwrap().1;
    let map = ObjectRef {
        api_version: "v1".into(),
        kind: "ConfigMap".into(),
        namespace: Some("driftgate".into()),
        name: format!("driftgate-{name}"),
    };
    served.api.patch(&map, &json!({"data": {"record.json": "{\"apiVersion\": \"driftg"}})).unwrap();
    is_invalid(&gate(&served, BY_NAME), &format!("ConfigMap driftgate/driftgate-{name}: key record.json: "));
    served.api.forbid(&["get"], "", "configmaps", Some("driftgate"));
    let forbidden = served.run(&["gate", "--app", "argocd/shop", "--settle-quiet", "0s"]);
    is_invalid(
        &forbidden,
        &format!("getting configmaps driftgate-{name} in namespace driftgate: 403 Forbidden"),
    );
}

//! `driftgate baseline` against a served API.

use driftgate::memory::ObjectRef;
use serde_json::{Value, json};

use crate::served::{Ran, Served, run};

const APP: [&str; 2] = ["--app", "argocd/shop"];

/// The application of the example: 201 findings.
fn brownfield() -> Served {
    Served::example("brownfield")
}

fn baseline(served: &Served, command: &str, arguments: &[&str]) -> Ran {
    served.run(&[&["baseline", command], &APP[..], arguments].concat())
}

fn accept(served: &Served) -> Ran {
    baseline(served, "accept", &["--settle-quiet", "0s"])
}

/// Adds a capability to the first container of the Pod.
fn add_capability(served: &Served, name: &str) {
    let pod = ObjectRef {
        api_version: "v1".into(),
        kind: "Pod".into(),
        namespace: Some("shop".into()),
        name: "web-5c4d8b7f9e-k2x8p".into(),
    };
    let mut containers = served.api.get(&pod).unwrap()["spec"]["containers"].clone();
    let capabilities = &mut containers[0]["securityContext"]["capabilities"]["add"];
    capabilities.as_array_mut().unwrap().push(Value::from(name));
    served.api.patch(&pod, &json!({"spec": {"containers": containers}})).unwrap();
}

/// Cuts the record in the middle.
fn break_record(served: &Served) {
    let requests = served.api.requests();
    let name = requests.iter().find_map(|request| request.path.split_once("/driftgate/configmaps/"));
    let map = ObjectRef {
        api_version: "v1".into(),
        kind: "ConfigMap".into(),
        namespace: Some("driftgate".into()),
        name: name.unwrap().1.into(),
    };
    let text = served.api.get(&map).unwrap()["data"]["record.json"].as_str().unwrap().to_owned();
    served.api.patch(&map, &json!({"data": {"record.json": text[..text.len() / 2]}})).unwrap();
}

#[test]
fn without_a_baseline_there_is_nothing_to_show_and_everything_is_new() {
    let served = brownfield();
    let shown = baseline(&served, "show", &[]);
    assert_eq!((shown.code, shown.out.as_str()), (12, ""));
    assert!(shown.err.contains("`driftgate baseline accept` makes a baseline"), "{}", shown.err);
    let diff = baseline(&served, "diff", &[]);
    assert_eq!(diff.code, 10, "{}", diff.out);
    assert!(
        diff.out.starts_with("argocd/shop against no revision on record\n201 new, 0 gone"),
        "{}",
        diff.out
    );
}

#[test]
fn what_was_accepted_is_shown_and_what_is_new_stands_out() {
    let served = brownfield();
    let accepted = accept(&served);
    assert_eq!(accepted.code, 0, "{}{}", accepted.out, accepted.err);
    assert!(accepted.out.contains("201 findings accepted into the baseline"), "{}", accepted.out);
    let shown = baseline(&served, "show", &[]);
    assert_eq!(shown.out.lines().count(), 202, "{}", shown.out);
    assert!(shown.out.contains("high     dangerous-capability apps/Deployment shop/web"), "{}", shown.out);
    let same = baseline(&served, "diff", &[]);
    assert_eq!(same.code, 0, "{}", same.out);
    assert!(same.out.contains("0 new, 0 gone, 201 as before"), "{}", same.out);

    add_capability(&served, "SYS_ADMIN");
    let diff = baseline(&served, "diff", &["-o", "json"]);
    let read: Value = serde_json::from_str(&diff.out).unwrap();
    assert_eq!((diff.code, &read["kept"]), (10, &json!(201)));
    let new = read["new"].as_array().unwrap();
    assert_eq!(new.len(), 1, "{read:#}");
    assert_eq!(new[0]["severity"], "critical");

    assert_eq!(accept(&served).code, 0, "a person may accept it");
    assert_eq!(baseline(&served, "diff", &[]).code, 0);
}

#[test]
fn an_export_covers_everything_once_it_is_filled_in() {
    let served = brownfield();
    let export = baseline(&served, "export", &["--days", "30"]);
    assert_eq!(export.code, 0, "{}", export.err);
    assert_eq!(export.out.matches("reason: TODO").count(), 201, "{}", export.out);
    let policy = served.path("policy.yaml");
    let path = policy.display().to_string();
    let scan = |text: &str| {
        std::fs::write(&policy, text).unwrap();
        served.run(&[&["scan", "--policy", &path], &APP[..]].concat())
    };
    let unfilled = scan(&export.out);
    assert_eq!(unfilled.code, 3, "{}", unfilled.out);
    assert!(unfilled.out.contains("`reason` still says TODO"), "{}", unfilled.out);
    let filled = scan(&export.out.replace("TODO", "somebody"));
    assert_eq!(filled.code, 0, "{}", filled.out);
    assert!(filled.out.contains("201 findings covered by exclusions"), "{}", filled.out);
    let again = served.run(&[&["baseline", "export", "--policy", &path], &APP[..]].concat());
    assert!(again.out.contains("exclusions: []"), "{}", again.out);
}

#[test]
fn a_list_that_permits_more_than_the_one_that_passed_is_told_or_counts() {
    let served = brownfield();
    let file = served.path("policy.yaml");
    let gate = |spec: &Value| {
        let policy = json!({"apiVersion": "driftgate.dev/v1alpha1", "kind": "GatePolicy", "spec": spec});
        std::fs::write(&file, policy.to_string()).unwrap();
        let policy = file.display().to_string();
        let ran = served
            .run(&[&["gate", "--settle-quiet", "0s", "-o", "json", "--policy", &policy], &APP[..]].concat());
        serde_json::from_str::<Value>(&ran.out)
            .unwrap_or_else(|error| panic!("{error}: {}{}", ran.out, ran.err))
    };
    let list = |names: &[&str]| {
        let entry = |name: &&str| {
            json!({"rule": "host-pid", "value": "hostPID", "subject": {"namespace": "shop", "name": name},
                "reason": "r", "owner": "o", "expires": "9999-01-01"})
        };
        names.iter().map(entry).collect::<Vec<_>>()
    };
    let spec = |names: &[&str]| json!({"mode": "both", "baseline": {"firstRun": "accept"}, "exclusions": list(names)});
    let changes = |report: &Value, found: &str| {
        let of_it =
            report[found].as_array().unwrap().iter().filter(|it| it["rule"] == "exclusion-list-changed");
        of_it.map(|it| format!("{} {}", it["severity"], it["value"]).replace('"', "")).collect::<Vec<_>>()
    };
    assert_eq!(gate(&spec(&["old"]))["exitCode"], 0, "there is nothing to compare with");
    let mut wider = spec(&["old*", "elsewhere"]);
    wider["exclusions"][1]["subject"]["namespace"] = json!("other");
    wider["rules"] = json!({"severities": [{"rule": "exclusion-list-changed", "severity": "high"}]});
    let widened = "widened host-pid on namespace=shop,name=old* value=hostPID";
    let counts = gate(&wider);
    assert_eq!(
        (counts["exitCode"].as_i64(), changes(&counts, "drift")),
        (Some(10), vec![format!("high {widened}")])
    );
    wider["rules"] = json!({});
    let told = gate(&wider);
    assert_eq!(
        (told["exitCode"].as_i64(), changes(&told, "belowThreshold")),
        (Some(0), vec![format!("info {widened}")])
    );
    assert_eq!(changes(&gate(&wider), "belowThreshold"), Vec::<String>::new(), "it passed");
}

#[test]
fn a_baseline_that_cannot_be_read_is_not_an_empty_one() {
    let served = brownfield();
    assert_eq!(accept(&served).code, 0);
    let shown = baseline(&served, "show", &["-o", "json"]);
    let record: Value = serde_json::from_str(&shown.out).unwrap();
    assert_eq!(record["kind"], "GateRecord");
    break_record(&served);
    for command in ["show", "diff", "export"] {
        let ran = baseline(&served, command, &[]);
        assert_eq!(ran.code, 3, "{command}: {}", ran.out);
        assert!(ran.err.contains("key record.json"), "{command}: {}", ran.err);
    }
    assert_eq!(accept(&served).code, 0, "accepting replaces it");
    assert_eq!(baseline(&served, "diff", &[]).code, 0);
}

#[test]
fn an_application_has_to_be_named() {
    let ran = run(&["baseline", "show"]);
    assert_eq!(ran.code, 2);
    assert!(ran.err.contains("--app"), "{}", ran.err);
}

//! The command line: exit codes, what goes where, and bad input named with what to do.

use assert_cmd::Command;
use driftgate::rules::RULES;

const POD: &str = "apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec: {hostPID: true, containers: [{name: c, image: i}]}\n";

struct Ran {
    code: i32,
    out: String,
    err: String,
}

fn run(arguments: &[&str], input: &str) -> Ran {
    let mut command = Command::cargo_bin("driftgate").unwrap();
    let output = command.env_clear().arg("-q").args(arguments).write_stdin(input).output().unwrap();
    Ran {
        code: output.status.code().unwrap(),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
    }
}

#[test]
fn a_wrong_command_line_ends_with_2_and_a_suggestion() {
    let ran = run(&["scna"], "");
    assert_eq!((ran.code, ran.out.as_str()), (2, ""));
    assert!(ran.err.contains("scan"), "{}", ran.err);
    let ran = run(&["scan", "--namespcae", "x"], "");
    assert_eq!(ran.code, 2);
    assert!(ran.err.contains("--namespace"), "{}", ran.err);
    assert_eq!(run(&["gate"], "").code, 2);
}

#[test]
fn a_scan_of_nothing_says_what_to_name() {
    let ran = run(&["scan"], "");
    assert_eq!(ran.code, 2);
    assert!(ran.out.contains("--filename FILE"), "{}", ran.out);
}

#[test]
fn files_are_judged_like_a_cluster() {
    let ran = run(&["scan", "-f", "-"], POD);
    assert_eq!(ran.code, 10);
    assert!(ran.out.contains("host-pid (WL-007)"), "{}", ran.out);
    assert_eq!(run(&["scan", "-f", "-", "--rule", "host-network"], POD).code, 0);
}

#[test]
fn wide_lists_what_cannot_block_too() {
    let (text, wide) = (run(&["scan", "-f", "-"], POD), run(&["scan", "-f", "-", "-o", "wide"], POD));
    assert!(
        text.out.contains("(-o wide lists them)") && !text.out.contains("root-container"),
        "{}",
        text.out
    );
    assert!(wide.out.contains("root-container"), "{}", wide.out);
    assert!(wide.out.contains("            id: ") && !text.out.contains("            id: "), "{}", wide.out);
}

#[test]
fn lists_and_json_are_manifests_too() {
    let list = r#"{"apiVersion":"v1","kind":"List","items":[{"apiVersion":"v1","kind":"Pod","metadata":{"name":"p"},
        "spec":{"hostPID":true,"containers":[{"name":"c","image":"i"}]}}]}"#;
    assert_eq!(run(&["scan", "-f", "-"], list).code, 10);
}

#[test]
fn what_is_no_manifest_is_named_and_the_rest_is_judged() {
    let ran = run(&["scan", "-f", "-"], &format!("a: 1\n---\n{POD}"));
    assert_eq!(ran.code, 3);
    assert!(ran.err.contains("standard input:1: document 1: "), "{}", ran.err);
    assert!(ran.out.contains("host-pid"), "{}", ran.out);
}

#[test]
fn a_file_that_is_not_there_is_named() {
    let ran = run(&["scan", "-f", "/nonexistent.yaml"], "");
    assert_eq!(ran.code, 3);
    assert!(ran.err.contains("reading /nonexistent.yaml"), "{}", ran.err);
}

#[test]
fn nothing_to_judge_is_not_a_pass() {
    let config = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\n";
    let ran = run(&["scan", "-f", "-"], config);
    assert_eq!(ran.code, 12);
    assert!(ran.out.contains("nothing to judge"), "{}", ran.out);
}

#[test]
fn unknown_fields_never_fail() {
    let pod = POD.replace("spec: {", "spec: {newField: {a: [1]}, ");
    assert_eq!(run(&["scan", "-f", "-"], &pod).code, 10);
}

#[test]
fn a_policy_that_is_not_there_is_invalid() {
    let ran = run(&["scan", "-f", "-", "--policy", "/nonexistent"], POD);
    assert_eq!(ran.code, 3);
    assert!(ran.out.contains("/nonexistent"), "{}", ran.out);
}

#[test]
fn an_unknown_rule_is_answered_with_the_nearest() {
    let ran = run(&["explain", "host-pdi"], "");
    assert_eq!(ran.code, 2);
    assert!(ran.err.contains("did you mean `host-pid`?"), "{}", ran.err);
}

#[test]
fn every_rule_is_listed_and_explained() {
    let listed = run(&["rules"], "").out;
    for rule in RULES {
        assert!(listed.contains(rule.id), "{} is not listed", rule.id);
        let explained = run(&["explain", rule.code], "");
        assert_eq!(explained.code, 0);
        assert!(explained.out.contains("Why it matters"), "{}", explained.out);
    }
    let json: serde_json::Value = serde_json::from_str(&run(&["rules", "-o", "json"], "").out).unwrap();
    assert_eq!(json.as_array().unwrap().len(), RULES.len());
}

/// An example's report as JSON.
fn report_of(example: &str) -> (String, serde_json::Value) {
    let folder = format!("{}/examples/{example}", env!("CARGO_MANIFEST_DIR"));
    let out = run(&["rehearse", &folder, "-o", "json"], "").out;
    let json = serde_json::from_str(&out).unwrap();
    (out, json)
}

#[test]
fn a_finding_is_explained_from_a_report_or_a_scenario_by_how_its_id_begins() {
    let (text, json) = report_of("expired-exclusion");
    let id = json["drift"][0]["id"].as_str().unwrap();
    let told = run(&["explain", &id[..8], "--report", "-"], &text);
    assert_eq!(told.code, 0, "{}", told.err);
    assert!(told.out.starts_with(&format!("{id} ")), "{}", told.out);
    assert!(told.out.contains("  so: it counts: no exclusion covers it"), "{}", told.out);
    assert!(told.out.contains("policy.yaml:5: it expired on 2026-11-01\n"), "{}", told.out);
    let folder = format!("{}/examples/expired-exclusion", env!("CARGO_MANIFEST_DIR"));
    assert_eq!(run(&["explain", id, "--against", &folder], "").out, told.out);
    let (text, json) = report_of("excluded");
    let id = json["excluded"][0]["finding"]["id"].as_str().unwrap();
    let told = run(&["explain", id, "--report", "-"], &text);
    assert!(
        told.out.contains("policy.yaml:5, platform-team@shop.example until 2027-02-01: "),
        "{}",
        told.out
    );
}

#[test]
fn an_id_without_findings_says_where_to_get_them() {
    let told = run(&["explain", "0123456789abcdef"], "");
    assert_eq!(told.code, 2);
    assert!(told.err.contains("--report FILE"), "{}", told.err);
    let told = run(&["explain", "0123456789abcdef", "--report", "-"], &report_of("excluded").0);
    assert_eq!(told.code, 2);
    assert!(told.err.contains("no finding of the report"), "{}", told.err);
    for text in ["", "{}", "[1]"] {
        assert_eq!(run(&["explain", "0123456789abcdef", "--report", "-"], text).code, 3, "{text}");
    }
}

#[test]
fn schemas_are_json() {
    for of in ["policy", "report", "scenario"] {
        let ran = run(&["schema", of], "");
        let schema: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
        assert!(schema["properties"].is_object(), "{of}");
    }
}

#[test]
fn completions_exist_for_common_shells() {
    for shell in ["bash", "zsh", "fish"] {
        assert!(run(&["completion", shell], "").out.contains("driftgate"), "{shell}");
    }
}

//! `driftgate policy check -f`: what is said of a repository that deploys with Flux, where, and how it ends.

use assert_cmd::Command;
use serde_json::Value;

/// Standard output, standard error and exit code, of a check in a small repository.
fn check(arguments: &[&str]) -> (String, String, i32) {
    let mut command = Command::cargo_bin("driftgate").unwrap();
    command.env_clear().current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/fleet"));
    let output = command.args(["-q", "policy", "check"]).args(arguments).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (text(output.stdout), text(output.stderr), output.status.code().unwrap())
}

/// What a shipped file says, from standard input.
fn piped(text: &str) -> (String, i32) {
    let mut command = Command::cargo_bin("driftgate").unwrap();
    command.env_clear().args(["-q", "policy", "check", "-f", "-"]).write_stdin(text);
    let output = command.output().unwrap();
    (String::from_utf8(output.stdout).unwrap(), output.status.code().unwrap())
}

#[test]
fn each_trap_of_a_repository_is_told_with_its_place_and_the_fix() {
    let (out, err, code) = check(&["-f", "."]);
    assert_eq!(code, 3, "{err}");
    insta::assert_snapshot!(format!("{out}{err}"));
}

#[test]
fn machines_are_told_the_same_traps() {
    let (out, _err, code) = check(&["-f", ".", "-o", "json"]);
    let json: Value = serde_json::from_str(&out).unwrap();
    let traps = json["traps"].as_array().unwrap();
    assert_eq!((json["errors"].as_u64(), code), (u64::try_from(traps.len()).ok(), 3));
    assert!(traps.iter().all(|trap| trap["line"].as_u64().is_some_and(|line| line > 0)), "{out}");
    let (out, _err, code) = check(&["-f", ".", "-o", "sarif"]);
    let sarif: Value = serde_json::from_str(&out).unwrap();
    let results = sarif["runs"][0]["results"].as_array().unwrap();
    let rules = sarif["runs"][0]["tool"]["driver"]["rules"].as_array().unwrap();
    assert_eq!((results.len(), code), (traps.len(), 3));
    assert!(rules.iter().any(|rule| rule["id"] == "trap"));
    for (result, trap) in results.iter().zip(traps) {
        assert_eq!((&result["ruleId"], &result["level"]), (&"trap".into(), &"error".into()));
        let place = &result["locations"][0]["physicalLocation"];
        assert_eq!(place["artifactLocation"]["uri"], trap["file"]);
        assert_eq!(place["region"]["startLine"], trap["line"]);
        assert_eq!(place["region"]["startColumn"], trap["column"]);
    }
}

#[test]
fn a_release_without_a_sign_of_a_gate_is_no_error() {
    let redis =
        "apiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\nmetadata: {name: redis}\nspec: {}\n";
    let (out, code) = piped(redis);
    assert_eq!((out.as_str(), code), ("0 errors, 0 warnings, 0 exclusions in 0 files\n", 0));
    let (out, err, code) = check(&["-f", "clusters", "--every-release"]);
    assert_eq!(code, 3);
    assert!(out.contains("HelmRelease apps/redis: spec.test.enable"), "{out}");
    assert!(!err.contains("no sign of a gate"), "{err}");
}

#[test]
fn what_a_cluster_lists_is_held_to_the_same() {
    let job = |ttl: &str| {
        format!(
            "  - apiVersion: batch/v1\n    kind: Job\n    metadata:\n      name: driftgate\n      annotations:\n        \
             kustomize.toolkit.fluxcd.io/force: enabled\n    spec:{ttl}\n      template:\n        spec:\n          \
             restartPolicy: Never\n          containers: [{{name: driftgate}}]\n"
        )
    };
    let list = format!(
        "kind: List\napiVersion: v1\nitems:\n{}{}",
        job(""),
        job("\n      ttlSecondsAfterFinished: 1")
    );
    let (out, code) = piped(&list);
    assert_eq!(code, 3);
    let line = 1 + list.lines().position(|line| line.contains("ttlSeconds")).unwrap();
    assert!(
        out.starts_with(&format!("standard input:{line}:7: error: batch/Job driftgate: spec.ttl")),
        "{out}"
    );
}

#[test]
fn what_cannot_be_read_ends_with_3_and_names_the_line() {
    let broken = "kind: x\n---\napiVersion: batch/v1\nkind: Job\nspec: [\n";
    assert_eq!(piped(broken), (String::new(), 3));
    let odd = "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nspec: {wait: perhaps}\n";
    assert_eq!(piped(odd), (String::new(), 3));
    let others = "- a\n- b\n---\nreplicas: 2\n---\nkind: HelmRelease\n";
    assert_eq!(piped(others).1, 0, "files of others are everywhere in a repository");
}

#[test]
fn the_guide_shows_what_is_said() {
    let guide = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/flux.md")).unwrap();
    let (out, _err, _code) = check(&["-f", "."]);
    let (_above, shown) = guide.split_once("$ driftgate policy check -f .\n").unwrap();
    let shown = shown.split_once("```").unwrap().0;
    assert_eq!(shown, out.replace("; ", ";\n    "));
}

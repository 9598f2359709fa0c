//! Every example is a whole run of the gate that ends as its scenario says, and reads as its snapshot shows.

use std::path::{Path, PathBuf};

use assert_cmd::Command;
use driftgate::scenario::Scenario;
use rstest::rstest;

fn rehearse(folder: &Path, arguments: &[&str]) -> std::process::Output {
    let mut command = Command::cargo_bin("driftgate").unwrap();
    command
        .env_clear()
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .args(["-q", "rehearse"])
        .arg(folder)
        .args(arguments);
    command.output().unwrap()
}

#[rstest]
fn an_example_ends_as_it_says(#[files("examples/*/scenario.yaml")] file: PathBuf) {
    let folder = file.parent().unwrap();
    let name = folder.file_name().unwrap().to_str().unwrap();
    let expected = Scenario::read(folder).unwrap().expect.expect("an example says how it ends");
    let output = rehearse(&Path::new("examples").join(name), &[]);
    assert_eq!(
        output.status.code(),
        Some(i32::from(expected)),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let (report, errors) =
        (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
    insta::with_settings!({prepend_module_to_snapshot => false, omit_expression => true}, {
        insta::assert_snapshot!(name, format!("{report}{errors}"));
    });
}

#[test]
fn a_rehearsal_is_the_same_every_time() {
    let folder = Path::new("examples/sidecar-injected");
    let (once, again) = (rehearse(folder, &["-o", "json"]), rehearse(folder, &["-o", "json"]));
    assert_eq!(String::from_utf8(once.stdout).unwrap(), String::from_utf8(again.stdout).unwrap());
}

#[test]
fn the_json_report_tells_the_same_as_the_exit_code() {
    let output = rehearse(Path::new("examples/sidecar-injected"), &["-o", "json"]);
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["exitCode"], 20);
    assert_eq!(report["verdict"], "critical");
    assert_eq!(report["rollback"]["wanted"], true);
    assert_eq!(report["application"]["name"], "argocd/shop");
}

#[test]
fn a_folder_without_a_scenario_is_refused_by_name() {
    let output = rehearse(Path::new("src"), &[]);
    assert_eq!(output.status.code(), Some(3));
    let errors = String::from_utf8(output.stderr).unwrap();
    assert!(errors.contains("reading scenario src"), "{errors}");
}

#[test]
fn a_first_baseline_that_cannot_be_written_is_no_pass() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    let example = |name: &str| std::fs::read_to_string(Path::new("examples/brownfield").join(name)).unwrap();
    write("objects.yaml", &example("before.yaml"));
    write("policy.yaml", &example("policy.yaml"));
    let scenario = |more: &str| {
        format!(
            "apiVersion: driftgate.dev/v1alpha1\nkind: Scenario\ntitle: t\nstart: 2026-11-24T10:00:00Z\n\
             job: shop/driftgate-7a6b5c4-postsync-1795510800\nobjects: objects.yaml\npolicy: policy.yaml\n{more}"
        )
    };
    write("scenario.yaml", &scenario(""));
    assert_eq!(rehearse(folder.path(), &[]).status.code(), Some(0));
    write("scenario.yaml", &scenario("forbid:\n- verbs: [create]\n  resource: configmaps\n"));
    let output = rehearse(folder.path(), &[]);
    let report = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(3), "{report}");
    assert!(report.contains("the record of what passed: creating"), "{report}");
}

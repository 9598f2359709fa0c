//! `driftgate policy check`: what is said of policy files, where, and how it ends.

use std::path::Path;

use assert_cmd::Command;
use serde_json::Value;

const HEAD: &str = "apiVersion: driftgate.dev/v1alpha1\nkind: GatePolicy\nspec:\n  exclusions:\n";

fn entry(rule: &str, subject: &str, expires: &str) -> String {
    format!(
        "  - rule: {rule}\n    subject: {subject}\n    reason: known\n    owner: team\n    expires: {expires}\n"
    )
}

const LIVE: &str = "9998-12-31";
const OVER: &str = "2020-01-01";

/// Standard output, standard error and exit code of a check of one file.
fn check(file: &Path, arguments: &[&str]) -> (String, String, i32) {
    let mut command = Command::cargo_bin("driftgate").unwrap();
    let folder = file.parent().unwrap();
    command.env_clear().current_dir(folder).args(["-q", "policy", "check"]);
    let output = command.arg(file.file_name().unwrap()).args(arguments).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (text(output.stdout), text(output.stderr), output.status.code().unwrap())
}

/// The same of a file with this text.
fn check_text(text: &str, arguments: &[&str]) -> (String, String, i32) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("policy.yaml");
    std::fs::write(&file, text).unwrap();
    check(&file, arguments)
}

fn example(name: &str) -> String {
    format!("{}/examples/{name}", env!("CARGO_MANIFEST_DIR"))
}

#[test]
fn a_list_that_is_in_order_ends_with_0() {
    let (out, err, code) =
        check_text(&format!("{HEAD}{}", entry("host-ipc", "{namespace: a, name: web}", LIVE)), &["--strict"]);
    assert_eq!((out.as_str(), err.as_str(), code), ("0 errors, 0 warnings, 1 exclusion in 1 file\n", "", 0));
}

#[test]
fn errors_end_with_3_and_everything_odd_is_said_too() {
    let wrong = entry("host-icp", "{namespace: a, name: web}", LIVE);
    let text = format!("{HEAD}{wrong}{}", entry("host-ipc", "{namespace: a}", OVER));
    let (out, err, code) = check_text(&text, &["--fix"]);
    assert_eq!(
        out,
        "policy.yaml:5:11: error: no rule is called `host-icp` (did you mean `host-ipc`?); `driftgate rules` lists them\n\
         policy.yaml:10:5: warning: host-ipc expired on 2020-01-01 and covers nothing [expired]\n\
         policy.yaml:10:5: warning: host-ipc is permitted for all there is in namespace a; name what is meant [over-broad]\n\
         1 error, 2 warnings, 1 exclusion in 1 file\n"
    );
    assert_eq!(
        (err.as_str(), code),
        ("note: nothing is removed or called unused while there are errors\n", 3)
    );
}

#[test]
fn warnings_end_with_0_unless_they_are_errors_here() {
    let text = format!("{HEAD}{}", entry("host-ipc", "{namespace: a, name: web}", OVER));
    assert_eq!(check_text(&text, &[]).2, 0);
    assert_eq!(check_text(&text, &["--strict"]).2, 3);
}

#[test]
fn what_is_soon_can_be_set() {
    let text = format!("{HEAD}{}", entry("host-ipc", "{namespace: a, name: web}", LIVE));
    let (out, _err, code) = check_text(&text, &["--strict", "--expiring-within", "9000years"]);
    assert!(out.contains("team answers for it [expires-soon]"), "{out}");
    assert_eq!(code, 3);
}

#[test]
fn a_file_that_is_not_there_ends_with_3_and_no_file_with_2() {
    let folder = tempfile::tempdir().unwrap();
    let (out, err, code) = check(&folder.path().join("nonexistent.yaml"), &[]);
    assert_eq!((out.as_str(), code), ("", 3));
    assert!(err.contains("nonexistent.yaml"), "{err}");
    let mut command = Command::cargo_bin("driftgate").unwrap();
    let output = command.env_clear().args(["policy", "check"]).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
}

/// The policy of an example, without its last day.
fn policy() -> String {
    let policy = std::fs::read_to_string(format!("{}/policy.yaml", example("excluded"))).unwrap();
    policy.replace("2027-02-01", LIVE)
}

/// The same with one entry more, which covers nothing of it, and one for another application.
fn with_unused() -> String {
    let unused = entry("host-ipc", "{namespace: shop, name: gone}", LIVE);
    let other = entry("host-ipc", "{namespace: other-team, name: web}", LIVE);
    format!("{}  # No longer needed\n{unused}  # Theirs\n{other}", policy())
}

#[test]
fn what_a_recorded_application_does_not_need_is_unused() {
    let against = example("excluded");
    let (out, err, code) = check_text(&with_unused(), &["--against", &against]);
    let unused: Vec<&str> = out.lines().filter(|line| line.ends_with("[unused]")).collect();
    assert_eq!(unused.len(), 1, "{out}{err}");
    assert!(unused[0].contains("warning: host-ipc covers nothing of "), "{out}");
    assert_eq!(code, 0);
    let (out, err, code) = check_text(&with_unused(), &["--against", &example("broken-policy/none")]);
    assert_eq!((out.as_str(), code), ("", 3));
    assert!(err.contains("reading scenario"), "{err}");
}

#[test]
fn nobody_calls_unused_what_could_not_be_seen() {
    let rule = "service-write";
    let text = format!("{HEAD}{}", entry(rule, "{namespace: shop, name: gone}", LIVE));
    let (out, err, code) = check_text(&text, &["--fix", "--against", &example("forbidden")]);
    assert!(!out.contains("unused"), "{out}");
    assert!(err.contains("nobody can say whether this is unused"), "{err}");
    assert_eq!(code, 0);
}

#[test]
fn what_covers_nothing_is_removed_once_and_the_rest_stays() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("policy.yaml");
    let expired = entry("host-ipc", "{namespace: shop, name: old}", OVER);
    std::fs::write(&file, format!("# yaml-language-server: $schema=policy.json\n{}{expired}", with_unused()))
        .unwrap();
    let against = example("excluded");
    let (out, _err, code) =
        check(&file, &["--fix", "--strict", "--against", &against, "--expiring-within", "0s"]);
    assert_eq!(out.lines().filter(|line| line.contains(": removed: ")).count(), 2, "{out}");
    assert_eq!(code, 0, "{out}");
    let theirs = entry("host-ipc", "{namespace: other-team, name: web}", LIVE);
    let expected = format!("# yaml-language-server: $schema=policy.json\n{}  # Theirs\n{theirs}", policy());
    assert_eq!(std::fs::read_to_string(&file).unwrap(), expected);
    let (out, _err, code) =
        check(&file, &["--fix", "--strict", "--against", &against, "--expiring-within", "0s"]);
    assert_eq!((out.as_str(), code), ("0 errors, 0 warnings, 4 exclusions in 1 file\n", 0));
    assert_eq!(std::fs::read_to_string(&file).unwrap(), expected);
}

#[test]
fn what_a_trusted_injector_may_add_is_checked_alike_and_stays() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("policy.yaml");
    let injector = "  rules:\n    trustedInjectors:\n    - {name: m, container: m, image: r.example/m, permits: [{rule: host-ipc, values: [0]}], reason: r, owner: o, expires: 2020-01-01}\n";
    let expired = entry("host-ipc", "{namespace: shop, name: old}", OVER);
    let listed = HEAD.replace("  exclusions:\n", &format!("{injector}  exclusions:\n"));
    std::fs::write(&file, format!("{listed}{expired}")).unwrap();
    let (out, _err, code) = check(&file, &["--fix", "--strict"]);
    assert_eq!(out.lines().filter(|line| line.contains(": removed: ")).count(), 1, "{out}");
    assert!(out.contains("policy.yaml:6:87: warning: host-ipc expired on 2020-01-01"), "{out}");
    assert_eq!(code, 3, "{out}");
    assert_eq!(std::fs::read_to_string(&file).unwrap(), listed.replace("exclusions:", "exclusions: []"));
}

#[test]
fn machines_are_told_the_same() {
    let text = format!(
        "{HEAD}{}{}",
        entry("host-icp", "{name: web}", LIVE),
        entry("host-ipc", "{namespace: a, name: web}", OVER)
    );
    let (out, _err, code) = check_text(&text, &["-o", "json"]);
    let json: Value = serde_json::from_str(&out).unwrap();
    assert_eq!((json["errors"].as_u64(), json["warnings"].as_u64(), code), (Some(1), Some(1), 3));
    assert_eq!(
        (json["found"][1]["id"].as_str(), json["found"][1]["line"].as_u64()),
        (Some("expired"), Some(10))
    );
    let (out, _err, _code) = check_text(&text, &["-o", "sarif"]);
    insta::assert_snapshot!(out.replace(env!("CARGO_PKG_VERSION"), "VERSION"));
}

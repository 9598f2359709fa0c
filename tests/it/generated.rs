//! Files that follow from the code are committed as the code says.

use std::path::Path;

use driftgate::rbac_manifest;

/// Compares a committed file; with `UPDATE_GENERATED=1` it is written first.
#[track_caller]
fn check(path: &str, expected: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    if std::env::var_os("UPDATE_GENERATED").is_some_and(|value| value == "1") {
        std::fs::write(&path, expected).unwrap();
    }
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    let path = path.display();
    assert_eq!(committed, expected, "{path} is out of date: run the tests once with UPDATE_GENERATED=1");
}

#[test]
fn the_gates_cluster_role_is_what_rules_and_edges_declare() {
    check(rbac_manifest::PATH, &rbac_manifest::cluster_role());
}

#[test]
fn what_the_gate_reads_of_flux_is_what_its_edges_declare() {
    check(rbac_manifest::FLUX_PATH, &rbac_manifest::flux_cluster_role());
}

//! The house rules that no compiler checks: who may know whom, sizes, and words on every door.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// For each module of the crate: the modules that it may name. What is not here fails the test.
const MAY_KNOW: &[(&str, &[&str])] = &[
    // The core: nothing here waits, asks or writes.
    ("model", &[]),
    ("finding", &["model"]),
    ("rules", &["model", "finding"]),
    ("rbac_manifest", &["rules"]),
    ("engine", &["model", "finding", "rules"]),
    ("scope", &["model"]),
    ("declared", &["model"]),
    ("redaction", &["model", "rules", "scope"]),
    ("exclusion", &["model", "finding", "rules"]),
    ("policy", &["model", "finding", "rules", "exclusion", "rollback"]),
    ("record", &["model", "finding", "declared", "exclusion"]),
    (
        "verdict",
        &[
            "model",
            "finding",
            "rules",
            "engine",
            "exclusion",
            "policy",
            "record",
            "declared",
            "plan",
            "scope",
        ],
    ),
    ("baseline", &["finding", "record", "verdict"]),
    ("plan", &[]),
    ("rollback", &[]),
    ("exit", &["verdict"]),
    ("rollout", &["model"]),
    ("settling", &["model", "finding", "rollout", "scope"]),
    (
        "report",
        &[
            "model",
            "finding",
            "rules",
            "engine",
            "record",
            "exclusion",
            "policy",
            "verdict",
            "exit",
            "plan",
            "settling",
        ],
    ),
    // The edges.
    ("cluster", &["model", "finding", "rules", "engine", "scope", "declared", "rollout", "settling"]),
    ("gitops", &["model", "finding", "rules", "scope", "cluster", "declared", "exit", "rollback"]),
    ("store", &["model", "record", "cluster", "declared", "rollback"]),
    ("notify", &["model", "report", "cluster", "exit", "verdict", "rollback"]),
    ("memory", &[]),
    ("manifests", &[]),
    ("scenario", &["manifests", "memory"]),
    ("telemetry", &["progress", "report"]),
    ("progress", &["report"]),
    ("cli", &[]),
];

/// Modules of the core: pure functions of what was seen.
const CORE: &[&str] = &[
    "model",
    "finding",
    "rules",
    "engine",
    "scope",
    "declared",
    "redaction",
    "exclusion",
    "policy",
    "record",
    "verdict",
    "baseline",
    "plan",
    "rollback",
    "exit",
    "rollout",
    "settling",
    "report",
    "rbac_manifest",
];

/// What the core must not name.
const NOT_IN_CORE: &[&str] = &[
    "tokio::",
    "kube::",
    "k8s_openapi::",
    "hyper::",
    "reqwest::",
    "tower::",
    "futures::",
    "http::",
    "std::fs",
    "std::env",
    "std::net",
    "std::process",
    "std::thread",
    "SystemTime",
    "Instant",
    "async fn",
    "tracing::",
];

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn rust_files(folder: &Path) -> BTreeSet<PathBuf> {
    let mut found = BTreeSet::new();
    for entry in folder.read_dir().unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(rust_files(&path));
        } else if path.extension().is_some_and(|end| end == "rs") {
            found.insert(path);
        }
    }
    found
}

/// The production part of every source file, without comments, by its path below `src`.
fn sources() -> BTreeMap<String, String> {
    let src = root().join("src");
    let mut found = BTreeMap::new();
    for path in rust_files(&src) {
        let name = path.strip_prefix(&src).unwrap().display().to_string();
        let text = std::fs::read_to_string(&path).unwrap();
        if !is_test_module(&path, &name) {
            let text = text.split("\n#[cfg(test)]\nmod ").next().unwrap().to_owned();
            found.insert(name, text);
        }
    }
    assert!(found.len() > 20, "the sources were not found");
    found
}

/// Files that their parent declares under `#[cfg(test)]`, and those below them.
fn is_test_module(path: &Path, name: &str) -> bool {
    if name.contains("/tests/") {
        return true;
    }
    let stem = path.file_stem().unwrap().to_str().unwrap();
    let parent = match Path::new(name).parent().unwrap().to_str().unwrap() {
        "" => root().join("src/lib.rs"),
        folder => root().join("src").join(format!("{folder}.rs")),
    };
    let text = std::fs::read_to_string(parent).unwrap_or_default();
    text.contains(&format!("#[cfg(test)]\nmod {stem};"))
        || text.contains(&format!("#[cfg(test)]\npub mod {stem};"))
        || text.contains(&format!("#[cfg(test)]\npub(crate) mod {stem};"))
}

fn module(name: &str) -> &str {
    name.split(['/', '.']).next().unwrap()
}

/// Modules of the crate that a text names by `crate::`, outside comments.
fn named(text: &str) -> BTreeSet<&str> {
    let code = text.lines().filter(|line| !line.trim_start().starts_with("//"));
    let after = code.flat_map(|line| line.split("crate::").skip(1));
    let words = after.map(|rest| rest.split(|c: char| !(c.is_alphanumeric() || c == '_')).next().unwrap());
    words.filter(|word| !word.is_empty()).collect()
}

#[test]
fn modules_name_only_what_they_may_know() {
    let rules: BTreeMap<_, _> = MAY_KNOW.iter().copied().collect();
    let mut wrong = Vec::new();
    for (name, text) in sources() {
        let module = module(&name).to_owned();
        if ["app", "lib", "main"].contains(&module.as_str()) {
            continue;
        }
        let Some(allowed) = rules.get(module.as_str()) else {
            wrong.push(format!("{name}: module {module} has no line in MAY_KNOW"));
            continue;
        };
        for other in named(&text) {
            if other != module && !allowed.contains(&other) {
                wrong.push(format!("{name} names crate::{other}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_core_neither_waits_nor_asks() {
    let mut wrong = Vec::new();
    for (name, text) in sources().iter().filter(|(name, _)| CORE.contains(&module(name))) {
        let code = text.lines().filter(|line| !line.trim_start().starts_with("//"));
        for line in code {
            for word in NOT_IN_CORE.iter().filter(|word| line.contains(*word)) {
                wrong.push(format!("{name} has {word}: {}", line.trim()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn only_the_cluster_edge_imports_the_kubernetes_client() {
    let mut wrong = Vec::new();
    for (name, text) in sources() {
        let uses = text.lines().any(|line| !line.trim_start().starts_with("//") && line.contains("kube::"));
        if uses && !["cluster", "memory"].contains(&module(&name)) {
            wrong.push(name);
        }
    }
    assert!(wrong.is_empty(), "{wrong:?} name kube::");
}

#[test]
fn the_backoff_crate_is_used_in_one_module() {
    let users: Vec<_> =
        sources().into_iter().filter(|(_, text)| text.contains("backoff::")).map(|(name, _)| name).collect();
    assert_eq!(users, ["cluster/retry.rs"]);
}

#[test]
fn every_module_says_what_it_is() {
    let silent: Vec<_> =
        sources().into_iter().filter(|(_, text)| !text.starts_with("//! ")).map(|(name, _)| name).collect();
    assert!(silent.is_empty(), "{silent:?} do not begin with `//! `");
}

#[test]
fn files_stay_small() {
    let long: Vec<_> = sources()
        .into_iter()
        .map(|(name, text)| (text.lines().count(), name))
        .filter(|(lines, _)| *lines > 300)
        .collect();
    assert!(long.is_empty(), "over 300 lines before their tests: {long:?}");
}

#[test]
fn nothing_is_left_for_later() {
    let words = [
        "todo!(",
        "unimplemented!(",
        "#[ignore",
        concat!("FIX", "ME"),
        concat!("XX", "X"),
        concat!("HA", "CK"),
    ];
    let mut wrong = Vec::new();
    for folder in ["src", "tests", "benches"] {
        for path in rust_files(&root().join(folder)) {
            let text = std::fs::read_to_string(&path).unwrap();
            if path.ends_with("tests/it/tidy.rs") {
                continue;
            }
            wrong.extend(
                words
                    .iter()
                    .filter(|word| text.contains(**word))
                    .map(|word| format!("{} in {}", word, path.display())),
            );
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_dependency_says_why_it_is_there() {
    let text = std::fs::read_to_string(root().join("Cargo.toml")).unwrap();
    let mut section = "";
    let mut before = "";
    let mut wrong = Vec::new();
    for line in text.lines() {
        if line.starts_with('[') {
            section = line;
        } else if section.contains("dependencies")
            && line.contains(" = ")
            && !line.starts_with('#')
            && !before.starts_with("# ")
        {
            wrong.push(line.to_owned());
        }
        before = line;
    }
    assert!(wrong.is_empty(), "no comment above: {wrong:?}");
}

//! What is written, and what is shipped to be copied, is as the published schemas say.

use std::path::{Path, PathBuf};

use assert_cmd::Command;
use boon::{Compiler, SchemaIndex, Schemas};
use rstest::rstest;
use serde_json::{Value, json};

const POD: &str = "apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec: {hostPID: true, containers: [{name: c, image: i}]}\n";
const LOCATION: &str = "https://driftgate.dev/schema.json";

struct Schema {
    schemas: Schemas,
    index: SchemaIndex,
}

impl Schema {
    /// What `driftgate schema` prints.
    fn published(of: &str) -> Self {
        Self::compile(read(&run(&["schema", of], "").0))
    }

    /// The same, but nothing may be there that it does not name: else a field could be missing in it.
    fn closed(of: &str) -> Self {
        let mut schema = read(&run(&["schema", of], "").0);
        close(&mut schema);
        Self::compile(schema)
    }

    fn compile(schema: Value) -> Self {
        let (mut schemas, mut compiler) = (Schemas::new(), Compiler::new());
        compiler.enable_format_assertions();
        compiler.add_resource(LOCATION, schema).unwrap();
        let index = compiler.compile(LOCATION, &mut schemas).unwrap();
        Self { schemas, index }
    }

    /// What is wrong with a document; none if nothing is.
    fn refuses(&self, document: &Value) -> Option<String> {
        self.schemas.validate(document, self.index).err().map(|error| format!("{error:#}"))
    }

    #[track_caller]
    fn accepts(&self, document: &Value) {
        if let Some(error) = self.refuses(document) {
            panic!("{error}\n{document:#}");
        }
    }
}

/// Closes every object that has properties.
fn close(schema: &mut Value) {
    match schema {
        Value::Object(members) => {
            if members.get("properties").is_some_and(Value::is_object) {
                members.entry("additionalProperties").or_insert(json!(false));
            }
            members.values_mut().for_each(close);
        }
        Value::Array(items) => items.iter_mut().for_each(close),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn read(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Standard output and exit code.
fn run(arguments: &[&str], input: &str) -> (String, i32) {
    let mut command = Command::cargo_bin("driftgate").unwrap();
    command.env_clear().current_dir(root()).arg("-q").args(arguments).write_stdin(input);
    let output = command.output().unwrap();
    (String::from_utf8(output.stdout).unwrap(), output.status.code().unwrap())
}

/// The YAML documents of a file.
fn documents(file: &Path) -> Vec<Value> {
    serde_saphyr::from_multiple(&std::fs::read_to_string(file).unwrap()).unwrap()
}

#[rstest]
fn the_report_of_an_example_is_as_the_schema_says(#[files("examples/*/scenario.yaml")] file: PathBuf) {
    let folder = file.parent().unwrap().display().to_string();
    let (out, code) = run(&["rehearse", &folder, "-o", "json"], "");
    if ["broken-policy", "half-written-list"].iter().any(|name| folder.ends_with(name)) {
        assert_eq!((out.as_str(), code), ("", 3), "there is no report");
        return;
    }
    let report = read(&out);
    assert_eq!(report["exitCode"], code);
    Schema::closed("report").accepts(&report);
}

#[rstest]
#[case::findings(&["-f", "-"], POD, 10)]
#[case::nothing(&["-f", "-"], "", 12)]
#[case::wrong_use(&[], "", 2)]
#[case::no_policy(&["-f", "-", "--policy", "/nonexistent"], "", 3)]
#[case::no_cluster(&["-n", "shop", "--kubeconfig", "/nonexistent"], "", 14)]
fn the_report_of_a_scan_is_as_the_schema_says(
    #[case] arguments: &[&str],
    #[case] input: &str,
    #[case] expected: i32,
) {
    let (out, code) = run(&[&["scan", "-o", "json"], arguments].concat(), input);
    let report = read(&out);
    assert_eq!((code, &report["exitCode"]), (expected, &json!(expected)));
    Schema::closed("report").accepts(&report);
}

#[test]
fn the_schema_of_reports_refuses_what_is_no_report() {
    let schema = Schema::published("report");
    let report = read(&run(&["rehearse", "examples/sidecar-injected", "-o", "json"], "").0);
    for (pointer, wrong) in [
        ("/exitCode", json!("20")),
        ("/verdict", json!("fine")),
        ("/drift/0/severity", json!("very bad")),
        ("/kind", json!("Report")),
    ] {
        let mut other = report.clone();
        *other.pointer_mut(pointer).unwrap() = wrong;
        assert!(schema.refuses(&other).is_some(), "{pointer}");
    }
    let members = report.as_object().unwrap();
    for name in members.keys() {
        let mut other = members.clone();
        other.remove(name);
        assert!(schema.refuses(&Value::Object(other)).is_some(), "{name} may be missing");
    }
    let mut other = report.clone();
    other["drift"][0]["new"] = json!(1);
    assert!(schema.refuses(&other).is_none(), "readers have to bear with what a newer one adds");
    assert!(Schema::closed("report").refuses(&other).is_some());
}

#[rstest]
fn the_policy_of_an_example_is_as_the_schema_says(
    #[files("examples/*/policy.yaml")]
    #[exclude("half-written-list")]
    file: PathBuf,
) {
    let schema = Schema::published("policy");
    for policy in documents(&file) {
        if file.parent().unwrap().ends_with("broken-policy") {
            let error = schema.refuses(&policy).expect("it lacks an owner");
            assert!(error.contains("owner"), "{error}");
        } else {
            schema.accepts(&policy);
        }
    }
}

#[rstest]
#[case::readme("README.md")]
#[case::guide("docs/policy.md")]
#[case::rollbacks("docs/rollback.md")]
fn the_policies_in_the_documentation_are_as_the_schema_says(#[case] page: &str) {
    let schema = Schema::published("policy");
    let text = std::fs::read_to_string(root().join(page)).unwrap();
    let blocks = text.split("```yaml\n").skip(1).map(|block| block.split("```").next().unwrap());
    let policies: Vec<Value> = blocks.filter_map(policy).collect();
    assert!(!policies.is_empty(), "{page} shows a policy");
    for policy in &policies {
        schema.accepts(policy);
    }
}

/// A policy that a page shows; part of one is shown from `spec` on.
fn policy(block: &str) -> Option<Value> {
    let whole = if block.starts_with("spec:") {
        format!("apiVersion: driftgate.dev/v1alpha1\nkind: GatePolicy\n{block}")
    } else {
        block.to_owned()
    };
    whole.contains("kind: GatePolicy").then(|| serde_saphyr::from_str(&whole).unwrap())
}

#[rstest]
fn the_scenario_of_an_example_is_as_the_schema_says(#[files("examples/*/scenario.yaml")] file: PathBuf) {
    let schema = Schema::published("scenario");
    for scenario in &documents(&file) {
        schema.accepts(scenario);
    }
}

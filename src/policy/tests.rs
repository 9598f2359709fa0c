use proptest::prelude::*;

use super::*;
use crate::rules::Check;

const fn rule(id: &'static str, code: &'static str, severity: Severity) -> Rule {
    Rule {
        id,
        code,
        title: "",
        severity,
        reads: &[],
        consults: &[],
        help: "",
        page: "",
        sources: &[],
        checks: const { &[] as &[Check] },
    }
}

static CRITICAL: Rule = rule("privileged-container", "WL-001", Severity::Critical);
static HIGH: Rule = rule("host-network", "WL-009", Severity::High);
static CATALOGUE: &[&Rule] = &[&CRITICAL, &HIGH];

/// A policy with this `spec`, given as indented YAML; its first line is line 4.
fn policy(spec: &str) -> String {
    format!("apiVersion: driftgate.dev/v1alpha1\nkind: GatePolicy\nspec:\n{spec}")
}

/// What is wrong with a policy of this `spec`, without the file's name.
fn problems(spec: &str) -> Vec<String> {
    match parse_for(CATALOGUE, &[("p", policy(spec))]) {
        Ok(_) => Vec::new(),
        Err(errors) => {
            errors.to_string().lines().map(|line| line.trim_start_matches("p:").to_owned()).collect()
        }
    }
}

#[track_caller]
fn check(spec: &str, expected: &[&str]) {
    let found = problems(spec);
    assert_eq!(found.len(), expected.len(), "{found:#?}");
    for (found, expected) in found.iter().zip(expected) {
        assert!(found.starts_with(expected), "{found}\ndoes not start with\n{expected}");
    }
}

const FULL: &str = "  failAt: medium
  rollbackAt: high
  rollback: {withoutBaseline: true}
  rules:
    sensitiveNamespaces: [kube-system, vault]
    sandboxHandlers: [runsc, kata-*]
  exclusions:
    - rule: privileged-container
      subject: {kind: Deployment, namespace: shop, name: web-*}
      container: init
      image: registry.example/mesh
      value: NET_ADMIN
      reason: The mesh needs it
      owner: team-mesh
      expires: 2026-12-31
    - rule: wl-009
      subject: {owner: apps/DaemonSet shop/agent}
      value: 8080
      reason: Reads the node's metrics
      owner: team-metrics
      expires: \"2027-01-31\"
";

#[test]
fn without_a_file_there_is_the_default_policy() {
    let policy = parse::<&str, &str>(&[]).unwrap();
    assert_eq!((policy.fail_at, policy.rollback_at), (Severity::High, Severity::Critical));
    assert!(!policy.rollback.without_baseline);
    assert!(policy.exclusions.entries().is_empty());
}

#[test]
fn a_policy_says_thresholds_parameters_and_exclusions() {
    let policy = parse_for(CATALOGUE, &[("p.yaml", policy(FULL))]).unwrap();
    assert_eq!((policy.fail_at, policy.rollback_at), (Severity::Medium, Severity::High));
    assert!(policy.rollback.without_baseline);
    assert_eq!((policy.rollback.all, policy.rollback.health_timeout), (None, None), "left to the executor");
    assert_eq!(policy.settings.sensitive_namespaces, ["kube-system", "vault"]);
    assert_eq!(policy.settings.sandbox_handlers, ["runsc", "kata-*"]);
    let [first, second] = policy.exclusions.entries() else { panic!("two exclusions") };
    assert_eq!(first.rule, "privileged-container");
    assert_eq!(first.at.to_string(), "p.yaml:11:7");
    assert_eq!(first.owner, "team-mesh");
    assert_eq!(second.rule, "host-network", "a code names the rule too");
    assert_eq!(second.value.as_deref(), Some("8080"), "a number is a value as it is written");
    assert_eq!(second.expires.to_string(), "2027-01-31");
}

#[test]
fn a_baseline_may_permit_what_was_there() {
    let read = |spec: &str| parse_for(CATALOGUE, &[("p", policy(spec))]).unwrap();
    let both = read("  mode: both\n  baseline: {firstRun: accept-below, below: high}\n");
    assert_eq!((both.mode, both.first_run), (Mode::Both, FirstRun::AcceptBelow(Severity::High)));
    assert!(both.first_run.accepts(Severity::Medium) && !both.first_run.accepts(Severity::High));
    let baseline = read("  mode: baseline\n");
    assert_eq!((baseline.mode, baseline.first_run), (Mode::Baseline, FirstRun::Fail));
}

#[test]
fn a_baseline_that_nobody_asks_for_is_named() {
    check("  baseline: {firstRun: accept}\n", &["4:24: `baseline` is for `mode` baseline or both"]);
    check(
        "  mode: bosh\n",
        &["4:9: `mode` must be exclusions, baseline, both, and this is `bosh` (did you mean `both`?)"],
    );
    check(
        "  mode: both\n  baseline: {firstRun: accept-below}\n",
        &["5:24: `firstRun: accept-below` needs `below`"],
    );
    check(
        "  mode: both\n  baseline: {firstRun: accept, below: low}\n",
        &["5:24: `below` is for `firstRun: accept-below`"],
    );
    check(
        "  mode: both\n  baseline: {firstRun: acept}\n",
        &["5:24: `firstRun` must be fail, accept, accept-below"],
    );
    let list = FULL.replace("  failAt", "  mode: baseline\n  failAt");
    check(&list, &["12:7: `mode` is baseline, which uses no exclusions"]);
}

#[test]
fn everything_wrong_is_named_at_once_with_its_place() {
    check(
        "  rollback: {mode: freez, optIn: al, allowOptOut: 1, unprovenTarget: always, healthTimeout: soon}
",
        &[
            "4:20: `mode` of `rollback` must be report, fail, freeze or rollback, and this is `freez` (did you mean `freeze`?)",
            "4:34: `optIn` must be marked or all, and this is `al` (did you mean `all`?)",
            "4:51: `allowOptOut` must be true or false, and this is `1`",
            "4:70: `unprovenTarget` must be never or last-success, and this is `always`",
            "4:93: `healthTimeout` must be a duration of at least a second, for instance 90s or 10m, and this is `soon`",
        ],
    );
    check(
        "  failAt: hihg
  rollback: {withoutBaseline: yes}
  colour: red
  exclusions:
    - rule: privileged-contaner
      subject: {namespace: shop, name: '*'}
      container: init
      reason: ''
      expires: 2026-02-30
    - rule: host-network
      subject: {kind: Deployment}
      resaon: x
      owner: [a]
      expires: soon
    - just text
",
        &[
            "4:11: `failAt` must be critical, high, medium, low or info, and this is `hihg` (did you mean `high`?)",
            "5:31: `withoutBaseline` must be true or false, and this is `yes`",
            "6:3: `spec` has no field `colour`",
            "8:7: an exclusion needs `owner`",
            "8:13: no rule is called `privileged-contaner` (did you mean `privileged-container`?)",
            "9:40: `name`: `*` alone matches every name",
            "11:15: `reason` is blank",
            "12:16: `expires` must be a date YYYY-MM-DD, and this is `2026-02-30`",
            "13:7: an exclusion needs `reason`",
            "14:16: `subject` is every object of a kind; add `namespace` or `name`",
            "15:7: an exclusion has no field `resaon` (did you mean `reason`?)",
            "16:14: `owner` must be a text, and this is a list",
            "17:16: `expires` must be a date",
            "18:7: an exclusion must be a mapping, and this is `just text`",
        ],
    );
}

/// One exclusion with these lines, and everything else in order.
fn excluding(lines: &str) -> String {
    format!("  exclusions:\n    - reason: r\n      owner: o\n      expires: 2026-12-31\n{lines}")
}

#[test]
fn a_critical_rule_needs_a_container_or_a_value() {
    let subject = "      subject: {namespace: shop}\n";
    let spec = |lines: &str| excluding(&format!("{subject}      rule: {lines}\n"));
    check(
        &spec("privileged-container"),
        &["5:7: an exclusion of the critical rule privileged-container needs"],
    );
    check(&spec("privileged-container\n      container: web"), &[]);
    check(&spec("privileged-container\n      value: x"), &[]);
    check(&spec("host-network"), &[]);
}

#[test]
fn an_exclusion_says_whom_it_is_about() {
    let spec = |lines: &str| excluding(&format!("      rule: host-network\n{lines}"));
    check(&spec(""), &["5:7: an exclusion needs `subject`, or `container` together with `image`"]);
    check(&spec("      container: a\n      image: r.example/a\n"), &[]);
    check(&spec("      subject: {}\n"), &["9:16: `subject` needs `kind`, `namespace` and `name`"]);
    check(&spec("      subject: {kind: Pod}\n      container: a\n      image: r.example/a\n"), &[]);
    check(&spec("      subject: {owner: web}\n"), &["9:24: `owner` of a subject must be one object"]);
    check(
        &spec("      subject: {owner: 'Pod shop/*'}\n"),
        &["9:24: `owner` of a subject must be one object"],
    );
    check(
        &spec("      subject: {owner: Pod shop/web, name: web}\n"),
        &["9:16: `subject` has `owner`, which is one object, and names beside it"],
    );
}

#[test]
fn a_star_alone_is_refused_wherever_it_stands() {
    for (member, column) in [("container", 18), ("value", 14), ("image", 14)] {
        let spec = excluding(&format!(
            "      rule: host-network\n      subject: {{namespace: shop}}\n      {member}: '*'\n"
        ));
        check(&spec, &[&format!("10:{column}: `{member}`")]);
    }
    for member in ["kind", "namespace", "name"] {
        let spec =
            excluding(&format!("      rule: host-network\n      subject: {{{member}: '?*', name: a}}\n"));
        assert!(!problems(&spec).is_empty(), "{member}");
    }
}

#[test]
fn a_field_without_a_value_is_no_default() {
    check("  failAt:\n  exclusions: ~\n", &["4:", "5:3: `exclusions` has no value"]);
    let errors =
        parse_for(CATALOGUE, &[("p", "apiVersion: driftgate.dev/v1alpha1\nkind: GatePolicy\n")]).unwrap_err();
    assert_eq!(errors.to_string(), "p:1:1: a policy needs `spec`");
}

#[test]
fn an_empty_file_is_no_policy_without_exclusions() {
    for text in ["", "\n", "# nothing\n", "---\n", "~\n"] {
        let errors = parse_for(CATALOGUE, &[("p", text)]).unwrap_err();
        assert!(errors.to_string().starts_with("p:1:1: the file holds no policy"), "{text:?}: {errors}");
    }
}

#[test]
fn a_broken_file_names_its_place_and_what_stands_before_it() {
    let text = format!("{}---\nspec: [\n", policy("  failAt: no-such\n"));
    let errors = parse_for(CATALOGUE, &[("p", text), ("q", policy("  rollbackAt: x\n"))]).unwrap_err();
    let places: Vec<String> = errors.problems().iter().map(|problem| problem.at.to_string()).collect();
    assert_eq!(places.len(), 3, "{errors}");
    assert_eq!((places[0].as_str(), places[2].as_str()), ("p:4:11", "q:4:15"));
    assert!(places[1].starts_with("p:"), "{errors}");
}

#[test]
fn another_kind_of_object_is_one_problem() {
    let text = "apiVersion: driftgate.dev/v1alpha1\nkind: ConfigMap\ndata: {}\n";
    let errors = parse_for(CATALOGUE, &[("p", text)]).unwrap_err();
    assert_eq!(errors.to_string(), "p:2:7: `kind` must be GatePolicy, and this is ConfigMap");
}

#[test]
fn a_field_may_stand_there_once() {
    check("  failAt: high\n  failAt: low\n", &["5:3: `spec` has `failAt` twice"]);
}

#[test]
fn what_does_not_fail_the_sync_cannot_be_rolled_back() {
    check("  rollbackAt: medium\n", &["4:15: `rollbackAt` is medium and `failAt` is high"]);
    check("  rollbackAt: medium\n  failAt: medium\n", &[]);
}

#[test]
fn files_and_documents_add_up_in_any_order() {
    let second = policy(&excluding("      rule: host-network\n      subject: {namespace: other}\n"));
    let two_documents = format!("---\n{}---\n{}", policy(FULL), policy("  failAt: medium\n"));
    let files = [("b.yaml", two_documents), ("a.yaml", second)];
    let forward = parse_for(CATALOGUE, &files).unwrap();
    let [one, other] = files;
    let backward = parse_for(CATALOGUE, &[other, one]).unwrap();
    let places = |policy: &Policy| -> Vec<String> {
        policy.exclusions.entries().iter().map(|entry| entry.at.to_string()).collect()
    };
    assert_eq!(places(&forward), ["a.yaml:5:7", "b.yaml:12:7", "b.yaml:20:7"]);
    assert_eq!(places(&forward), places(&backward));
    assert_eq!(forward.fail_at, Severity::Medium);
}

#[test]
fn settings_of_two_files_must_agree() {
    let files = [
        ("b", policy("  failAt: low\n")),
        ("a", policy("  failAt: high\n")),
        ("c", policy("  failAt: high\n")),
    ];
    let errors = parse_for(CATALOGUE, &files).unwrap_err();
    assert_eq!(
        errors.to_string(),
        "b:4:11: `failAt` is set to something else at a:4:11; it can have one value only"
    );
}

#[test]
fn the_schema_and_the_reader_know_the_same_fields() {
    let schema = serde_json::to_value(schema()).unwrap();
    for (name, fields) in raw::FIELDS {
        let definition = if name == raw::KIND { &schema } else { &schema["$defs"][name] };
        let mut properties: Vec<&str> =
            definition["properties"].as_object().unwrap().keys().map(String::as_str).collect();
        let mut fields = fields.to_vec();
        properties.sort_unstable();
        fields.sort_unstable();
        assert_eq!(properties, fields, "{name}");
        assert_eq!(definition["additionalProperties"], false, "{name}");
    }
    let definitions: Vec<&str> = schema["$defs"].as_object().unwrap().keys().map(String::as_str).collect();
    let words = 3;
    let mappings = raw::FIELDS.len() - 1;
    assert_eq!(
        definitions.len(),
        mappings + words,
        "Severity, Provenance and Unpassed are words: {definitions:?}"
    );
}

const INJECTOR: &str = "  rules:
    trustedInjectors:
    - name: mesh
      container: mesh-init
      image: registry.example/mesh/
      permits:
      - rule: WL-001
      - {rule: host-network, values: [one, two]}
      reason: It sets up the mesh
      owner: platform
      expires: 2027-02-01
";

#[test]
fn a_trusted_injector_is_exclusions_of_its_container_where_admission_added_it() {
    let read = parse_for(CATALOGUE, &[("p", policy(INJECTOR))]).unwrap();
    let entries: Vec<String> = read.exclusions.entries().iter().map(ToString::to_string).collect();
    let of = "on anything container=mesh-init image=registry.example/mesh/";
    let expected = [
        format!("privileged-container {of} provenance=admission"),
        format!("host-network {of} value=one provenance=admission"),
        format!("host-network {of} value=two provenance=admission"),
    ];
    assert_eq!(entries, expected);
    let places: Vec<_> = read.exclusions.entries().iter().map(|it| (it.at.line, it.at.column)).collect();
    assert_eq!(places, [(10, 9), (11, 39), (11, 44)], "each has a place of its own");
    let overrides: Vec<_> =
        read.overrides().into_iter().map(|it| format!("{}: {}", it.at, it.what)).collect();
    let said = "p:6:7: injector mesh may add container mesh-init of registry.example/mesh/ with \
                privileged-container, host-network one, host-network two until 2027-02-01";
    assert_eq!(overrides, [said]);
}

#[test]
fn what_is_wrong_with_a_trusted_injector_is_said_once() {
    let with = |from: &str, to: &str| {
        assert!(INJECTOR.contains(from), "{from}");
        INJECTOR.replace(from, to)
    };
    check(&with("      image: registry.example/mesh/\n", ""), &["6:7: a trusted injector needs `image`"]);
    check(&with("2027-02-01", "soon"), &["14:16: `expires` must be a date"]);
    check(&with("platform", "TODO"), &["13:14: `owner` still says TODO"]);
    check(&with("mesh-init", "'*'"), &["7:18: `container`: "]);
    check(
        &with("registry.example/mesh/", "registry.example/*"),
        &["8:14: `image` is compared as it is written"],
    );
    check(&with("rule: host-network,", "rule: host-netwrk,"), &["11:16: no rule is called `host-netwrk`"]);
    check(&with("[one, two]", "[]"), &["11:38: `values` names none"]);
    let permits = "\n      - rule: WL-001\n      - {rule: host-network, values: [one, two]}";
    check(&with(permits, " []"), &["9:16: `permits` permits nothing"]);
    let team =
        parse_layers(&[("p", policy(""))], &[("t", policy(INJECTOR))], jiff::civil::date(2026, 11, 24));
    let refused = team.unwrap_err().to_string();
    assert!(refused.contains("t:6:7: `trustedInjectors` is the platform's to set"), "{refused}");
}

#[test]
fn the_schema_refuses_fields_without_a_value_and_lists_the_rules() {
    let schema = serde_json::to_value(schema()).unwrap();
    assert!(!schema.to_string().contains("null"), "{schema:#}");
    let rules = schema["$defs"]["Exclusion"]["properties"]["rule"]["enum"].as_array().unwrap();
    assert!(rules.contains(&serde_json::json!("privileged-container")));
    assert!(rules.contains(&serde_json::json!("WL-001")));
}

#[test]
fn the_schema_requires_what_the_reader_requires() {
    let schema = serde_json::to_value(schema()).unwrap();
    assert_eq!(schema["required"], serde_json::json!(["apiVersion", "kind", "spec"]));
    let exclusion = &schema["$defs"]["Exclusion"];
    assert_eq!(exclusion["required"], serde_json::json!(["rule", "reason", "owner", "expires"]));
}

/// Text made of pieces of policies, so that much of it gets far.
fn any_policy() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        Just(policy("")),
        Just(policy(FULL)),
        Just("  exclusions:\n".to_owned()),
        Just("    - rule: host-network\n".to_owned()),
        Just("      subject: {namespace: 'a[', name: \"*\"}\n".to_owned()),
        Just("      expires: 2026-12-31\n".to_owned()),
        Just("---\n".to_owned()),
        Just("&a [*a, <<: *a]\n".to_owned()),
        Just("!!binary x: !t 1e999\n".to_owned()),
        "[ -~é\n]{0,12}",
    ];
    prop::collection::vec(piece, 0..8).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn no_text_makes_the_parser_panic(text in "(?s).{0,80}", pieces in any_policy()) {
        for text in [text, pieces] {
            if let Err(errors) = parse_for(CATALOGUE, &[("p", &text)]) {
                let lines = u64::try_from(text.split(['\n', '\r']).count()).unwrap();
                prop_assert!(!errors.problems().is_empty());
                for problem in errors.problems() {
                    prop_assert!(problem.at.line >= 1 && problem.at.line <= lines, "{problem} of {lines}");
                    prop_assert!(problem.at.column >= 1);
                    prop_assert!(!problem.message.is_empty());
                }
            }
        }
    }
}

//! The texts themselves are the claim: each snapshot is what a person reads.

use std::collections::BTreeSet;

use insta::assert_snapshot;
use jiff::civil::Date;

use super::text::{Layout, Listing};
use super::wire::{Application, Evidence, Exclusion, Novelty, Object};
use super::*;
use crate::finding::{Certainty, GapReason, GapScope, Presence, Severity};
use crate::model::reference::{GroupKind, ObjectRef};

fn object(kind: &str, name: &str) -> Object {
    let (group, kind) = kind.split_once('/').unwrap_or(("", kind));
    let (namespace, name) = name.split_once('/').unwrap_or(("", name));
    Object::from(&ObjectRef::new(&GroupKind::new(group, kind), namespace, name))
}

fn finding(severity: Severity, rule: &'static str, subject: Object) -> Finding {
    Finding {
        rule,
        code: "WL-001",
        severity,
        certainty: Certainty::Certain,
        evidence: Evidence::Live,
        presence: Presence::Present,
        object: subject.clone(),
        subject: subject.clone(),
        objects: 1,
        container: None,
        images: BTreeSet::new(),
        value: Printable::default(),
        path: "spec.hostNetwork".into(),
        message: "Pods use the node's network".into(),
        help: "remove spec.hostNetwork",
        causes: BTreeSet::from([subject]),
        novelty: None,
        brought_by: None,
    }
}

fn privileged() -> Finding {
    Finding {
        object: object("Pod", "shop/web-7d9c5bf6d4-x2x1z"),
        objects: 3,
        container: Some("agent".into()),
        images: BTreeSet::from(["registry.example/agent:2.1".into()]),
        path: "spec.initContainers[name=agent].securityContext.privileged".into(),
        message: "container agent runs privileged: it has every capability and every device of the node"
            .into(),
        help: "set securityContext.privileged to false, or remove the container",
        novelty: Some(Novelty::New),
        brought_by: Some("this revision, which changed apps/Deployment shop/web".into()),
        ..finding(Severity::Critical, "privileged-container", object("apps/Deployment", "shop/web"))
    }
}

fn runtime_socket() -> Finding {
    Finding {
        code: "WL-009",
        value: "/run/containerd/containerd.sock".into(),
        path: "spec.volumes[name=runtime].hostPath.path".into(),
        message: "container agent mounts the container runtime's socket /run/containerd/containerd.sock, so it can \
                  start any container on the node"
            .into(),
        help: "remove the volume; give the agent the metrics it needs through the kubelet's API",
        ..Finding { rule: "runtime-socket", ..privileged() }
    }
}

fn grant() -> Finding {
    Finding {
        code: "RBAC-003",
        path: "rules[2]".into(),
        message: "ServiceAccount shop/web may create pods in every namespace (ClusterRole shop-web through \
                  ClusterRoleBinding shop-web)"
            .into(),
        help: "grant create on pods in the namespaces that need it, or not at all",
        novelty: Some(Novelty::Known),
        ..finding(Severity::High, "pod-creation", object("ServiceAccount", "shop/web"))
    }
}

fn report(exit: Exit, verdict: Option<Verdict>, reason: &str) -> Report {
    let application = Application {
        name: "argocd/storefront".into(),
        revision: Some("4f2c91e0b7a3d5f68190c2d4e6f8a0b1c3d5e7f9".into()),
    };
    let run = Run { id: "storefront-4f2c91e-1764000000".into(), hook: Some("PostSync".into()) };
    let mut report = Report::new(application, run, exit, reason).judged(engine::Counts {
        pods: 12,
        templates: 1,
        objects: 41,
    });
    report.verdict = verdict;
    report.phases = vec![
        Phase { name: "settle", milliseconds: 12_034 },
        Phase { name: "collect", milliseconds: 1_810 },
        Phase { name: "evaluate", milliseconds: 96 },
    ];
    report
}

fn exclusion(line: u32, rule: &str, expires: Date) -> Exclusion {
    Exclusion {
        at: format!("platform-policy.yaml:{line}").into(),
        rule: rule.into(),
        reason: "the node agent reads container metrics, ticket OPS-1142".into(),
        owner: "platform@shop.example".into(),
        expires: expires.to_string().into(),
    }
}

fn critical() -> Report {
    let reason =
        "2 critical findings are new since the last good revision and follow from what this revision changed";
    let mut report = report(Exit::Critical, Some(Verdict::Critical), reason)
        .drift([grant(), runtime_socket(), privileged()])
        .excluded([Excluded {
            finding: Finding { novelty: None, brought_by: None, ..privileged() },
            exclusion: exclusion(14, "privileged-container", jiff::civil::date(2027, 1, 31)),
        }])
        .below_threshold([
            finding(Severity::Medium, "host-port", object("apps/Deployment", "shop/web")),
            finding(Severity::Low, "latest-tag", object("apps/Deployment", "shop/web")),
        ])
        .gaps(&[finding::Gap {
            scope: GapScope::Kind(GroupKind::new("", "Node"), String::new()),
            reason: GapReason::Forbidden,
            detail: "nodes is forbidden: User \"system:serviceaccount:shop:driftgate\" cannot list resource \
                     \"nodes\" in API group \"\" at the cluster scope"
                .into(),
        }])
        .idle_exclusions(IdleExclusions {
            expired: vec![exclusion(31, "host-network", jiff::civil::date(2026, 11, 1))],
            unused: vec![exclusion(52, "host-port", jiff::civil::date(2027, 6, 30))],
        });
    report.rollback = Some(Rollback {
        wanted: true,
        to: Some("81bd0aa5c3e1f2d4b6a8907f5e3d1c2b4a698877".into()),
        why: "it passed on 2026-11-20 and has none of these".into(),
    });
    report.warnings.push("notifying slack: the server answered 500 four times".into());
    report
}

fn many() -> Report {
    let findings = (0..24).map(|index| {
        let subject = object("apps/Deployment", &format!("shop/web-{index:02}"));
        let severity = if index % 3 == 0 { Severity::Critical } else { Severity::High };
        Finding { novelty: Some(Novelty::Unrecorded), ..finding(severity, "host-network", subject) }
    });
    let mut report =
        report(Exit::Blocked, Some(Verdict::Blocked), "24 findings at or above high").drift(findings);
    report.rollback = Some(Rollback {
        wanted: false,
        to: None,
        why: "no good revision of this application is on record".into(),
    });
    report
}

fn unsettled() -> Report {
    let reason = "2 objects had not settled after 5 minutes";
    report(Exit::NotSettled, Some(Verdict::NotSettled), reason).unsettled([
        Unsettled {
            object: object("apps/Deployment", "shop/web"),
            why:
                "1 of 3 Pods are new; ReplicaFailure: pods \"web-7d9c5bf6d4-\" is forbidden: exceeded quota: \
                  compute, requested: cpu=2, used: cpu=7, limited: cpu=8"
                    .into(),
        },
        Unsettled {
            object: object("batch/Job", "shop/migrate"),
            why: "Pod migrate-x8s2k: ImagePullBackOff".into(),
        },
    ])
}

fn screen(report: &Report) -> String {
    text::render(report, Layout::default())
}

#[test]
fn a_critical_report_says_what_and_why_first() {
    assert_snapshot!(screen(&critical()));
}

#[test]
fn a_full_listing_shows_what_cannot_block_too() {
    assert_snapshot!(text::render(&critical(), Layout { listing: Listing::Full, ..Layout::default() }));
}

#[test]
fn many_findings_are_cut_with_a_count() {
    assert_snapshot!(screen(&many()));
}

#[test]
fn a_pass_is_short() {
    let reason = "nothing at or above high";
    assert_snapshot!(screen(&report(Exit::Pass, Some(Verdict::Pass), reason)));
}

#[test]
fn unsettled_objects_are_named_with_their_cause() {
    assert_snapshot!(screen(&unsettled()));
}

#[test]
fn a_run_without_a_verdict_says_why() {
    let reason = "listing pods in namespace shop: connection refused after 6 attempts";
    assert_snapshot!(screen(&report(Exit::Unavailable, None, reason)));
}

#[test]
fn colours_are_escape_sequences_around_the_same_text() {
    let coloured = text::render(&critical(), Layout { colour: Colour::Always, ..Layout::default() });
    assert_snapshot!(coloured.escape_debug().to_string().replace("\\n", "\n"));
    let mut plain = String::new();
    for piece in coloured.split('\u{1b}') {
        plain.push_str(
            piece.strip_prefix('[').and_then(|rest| rest.split_once('m')).map_or(piece, |(_, text)| text),
        );
    }
    assert_eq!(plain, screen(&critical()));
}

#[test]
fn json_keeps_its_shape() {
    assert_snapshot!(json::render(&critical()).unwrap());
}

#[test]
fn the_schema_is_published() {
    assert_snapshot!(json::schema().unwrap());
}

#[test]
fn a_termination_message_is_worst_first() {
    assert_snapshot!(brief::termination(&critical()));
}

#[test]
fn a_note_says_how_many_are_left_out() {
    assert_snapshot!(brief::note(&many()));
}

#[test]
fn revisions_are_as_short_as_git_prints_them() {
    let hash = "4f2c91e0b7a3d5f68190c2d4e6f8a0b1c3d5e7f9";
    assert_eq!(short(hash), "4f2c91e");
    assert_eq!(short(&format!("main@sha1:{hash}")), "main@sha1:4f2c91e");
    assert_eq!(short(&format!("{hash},1.2.3")), "4f2c91e,1.2.3");
    assert_eq!(short("v1.24.0"), "v1.24.0");
}

mod laws {
    use proptest::prelude::*;

    use super::*;

    fn text() -> impl Strategy<Value = Printable> {
        let piece =
            prop_oneof![any::<String>(), Just("shop/web ".to_owned()), Just("\n\u{1b}[2J".to_owned())];
        let times = prop_oneof![Just(1), Just(1), Just(1), 0..300_usize];
        (piece, times).prop_map(|(piece, times)| piece.repeat(times).into())
    }

    fn severity() -> impl Strategy<Value = Severity> {
        proptest::sample::select(Severity::WORST_FIRST.to_vec())
    }

    prop_compose! {
        fn any_finding()(severity in severity(), name in text(), message in text(), path in text(),
                         container in proptest::option::of(text()), objects in any::<u64>()) -> Finding {
            let subject = Object { name, ..object("apps/Deployment", "shop/web") };
            Finding { objects, container, path, message, ..finding(severity, "host-network", subject) }
        }
    }

    prop_compose! {
        fn any_report()(name in text(), revision in proptest::option::of(text()), reason in text(), why in text(),
                        exit in proptest::sample::select(Exit::ALL.to_vec()),
                        drift in proptest::collection::vec(any_finding(), 0..30),
                        below in proptest::collection::vec(any_finding(), 0..3),
                        warnings in proptest::collection::vec(text(), 0..8)) -> Report {
            let run = Run { id: name.clone(), hook: revision.clone() };
            let unsettled = [Unsettled { object: object("Pod", "shop/web"), why: why.clone() }];
            let mut report = Report::new(Application { name, revision }, run, exit, reason)
                .drift(drift).below_threshold(below).unsettled(unsettled);
            report.rollback = Some(Rollback { wanted: warnings.is_empty(), to: None, why });
            report.warnings = warnings;
            report
        }
    }

    fn printable_only(json: &serde_json::Value) -> bool {
        match json {
            serde_json::Value::String(text) => !text.contains(char::is_control),
            serde_json::Value::Array(items) => items.iter().all(printable_only),
            serde_json::Value::Object(fields) => fields.values().all(printable_only),
            serde_json::Value::Null | serde_json::Value::Bool(_) | serde_json::Value::Number(_) => true,
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]

        #[test]
        fn small_places_keep_their_limits(report in any_report()) {
            let message = brief::termination(&report);
            prop_assert!(message.len() <= brief::TERMINATION_BYTES);
            prop_assert!(!message.contains(|char: char| char.is_control() && char != '\n'));
            let note = brief::note(&report);
            prop_assert!(note.len() <= brief::NOTE_BYTES);
            prop_assert!(!note.contains(char::is_control));
        }

        #[test]
        fn no_text_holds_a_control_character(report in any_report()) {
            for listing in [Listing::Screen, Listing::Full] {
                let text = text::render(&report, Layout { listing, ..Layout::default() });
                prop_assert!(!text.contains(|char: char| char.is_control() && char != '\n'));
            }
            prop_assert!(printable_only(&serde_json::to_value(&report).unwrap()));
        }

        #[test]
        fn order_of_findings_does_not_matter(
            (findings, shuffled) in proptest::collection::vec(any_finding(), 0..12)
                .prop_flat_map(|findings| (Just(findings.clone()), Just(findings).prop_shuffle()))
        ) {
            let of = |findings| report(Exit::Blocked, None, "").drift(findings);
            prop_assert_eq!(of(findings), of(shuffled));
        }

        #[test]
        fn left_out_findings_are_counted(report in any_report()) {
            for text in [brief::termination(&report), brief::note(&report)] {
                let shown = report.drift.len() + report.unsettled.len() + report.warnings.len();
                let Some((_, rest)) = text.rsplit_once("and ") else { continue };
                if let Some(count) = rest.strip_suffix(" more in the report") {
                    prop_assert!((1..=shown).contains(&count.parse().unwrap()));
                }
            }
        }
    }
}

use std::collections::BTreeSet;

use jiff::civil::date;
use proptest::prelude::*;

use super::*;
use crate::finding::{Certainty, Presence, Provenance, Severity};
use crate::model::reference::GroupKind;
use crate::model::world::Evidence;

/// `apps/Deployment NAMESPACE/NAME`.
pub(crate) fn deployment(namespace: &str, name: &str) -> ObjectRef {
    ObjectRef::new(&GroupKind::new("apps", "Deployment"), namespace, name)
}

/// A critical, certain, live finding that follows from its subject alone.
pub(crate) fn finding(
    rule: &'static str,
    subject: &ObjectRef,
    container: Option<&str>,
    value: &str,
) -> Finding {
    Finding {
        identity: Identity {
            rule,
            subject: subject.clone(),
            container: container.map(str::to_owned),
            value: value.to_owned(),
        },
        code: "WL-000",
        severity: Severity::Critical,
        certainty: Certainty::Certain,
        evidence: Evidence::Live,
        presence: Presence::Present,
        object: subject.clone(),
        path: String::new(),
        message: "it is bad".into(),
        help: "make it good",
        causes: vec![crate::finding::Cause::Object(subject.clone())],
        parts: Vec::new(),
        count: 1,
        images: BTreeSet::new(),
        provenance: [Provenance::Declared].into(),
    }
}

/// An entry for a rule and a subject that holds until the end of 2026.
pub(crate) fn exclusion(rule: &'static str, subject: Subject, line: u64) -> Exclusion {
    Exclusion {
        rule,
        subject,
        container: None,
        image: None,
        value: None,
        provenance: None,
        reason: "known".into(),
        owner: "team".into(),
        ticket: None,
        expires: date(2026, 12, 31),
        at: Position { file: "policy.yaml".into(), line, column: 5 },
        layer: Layer::Platform,
        up_to: Severity::Critical,
        injector: None,
    }
}

fn pattern(text: &str) -> Pattern {
    Pattern::new(text).unwrap()
}

fn in_namespace(namespace: &str, name: Option<&str>) -> Subject {
    Subject::Matching { kind: None, namespace: Some(pattern(namespace)), name: name.map(pattern) }
}

#[test]
fn all_keys_that_are_present_must_match() {
    let mut found = finding("r", &deployment("shop", "web"), Some("init"), "NET_ADMIN");
    found.images = ["registry.example/mesh/init:1".to_owned()].into();
    let mut entry = exclusion("r", in_namespace("shop", Some("w*")), 1);
    entry.container = Some(pattern("init"));
    entry.image = Some("registry.example/mesh".into());
    entry.value = Some("NET_ADMIN".into());
    entry.provenance = Some(Provenance::Declared);
    assert!(entry.matches(&found));
    let changes: [fn(&mut Exclusion); 8] = [
        |entry| entry.rule = "other",
        |entry| entry.subject = in_namespace("other", Some("w*")),
        |entry| entry.subject = in_namespace("shop", Some("x*")),
        |entry| entry.subject = Subject::Owner(deployment("shop", "other")),
        |entry| entry.container = Some(pattern("other")),
        |entry| entry.image = Some("registry.example/other".into()),
        |entry| entry.value = Some("NET_RAW".into()),
        |entry| entry.provenance = Some(Provenance::Admission),
    ];
    for change in changes {
        let mut other = entry.clone();
        change(&mut other);
        assert!(!other.matches(&found), "{other:?}");
    }
}

#[test]
fn a_kind_is_matched_with_or_without_its_group() {
    let found = finding("r", &deployment("shop", "web"), None, "");
    for (kind, expected) in
        [("Deployment", true), ("apps/Deployment", true), ("batch/*ment", false), ("*Set", false)]
    {
        let subject = Subject::Matching { kind: Some(pattern(kind)), namespace: None, name: None };
        assert_eq!(exclusion("r", subject, 1).matches(&found), expected, "{kind}");
    }
}

#[test]
fn an_image_is_covered_up_to_the_end_of_a_part_and_only_if_all_pods_run_it() {
    let mut entry = exclusion("r", Subject::Any, 1);
    let mut found = finding("r", &deployment("shop", "web"), Some("init"), "");
    let mut check = |prefix: &str, images: &[&str], expected: bool| {
        entry.image = Some(prefix.to_owned());
        found.images = images.iter().map(|image| (*image).to_owned()).collect();
        assert_eq!(entry.matches(&found), expected, "{prefix} on {images:?}");
    };
    check("r.example/mesh", &["r.example/mesh/proxy:1"], true);
    check("r.example/mesh", &["r.example/mesh:1"], true);
    check("r.example/mesh", &["r.example/mesh@sha256:ab"], true);
    check("r.example/mesh", &["r.example/mesh-evil:1"], false);
    check("r.example/", &["r.example/mesh"], true);
    check("r.example/mesh", &["r.example/mesh:1", "evil.example/mesh:1"], false);
    check("r.example/mesh", &[], false);
}

#[test]
fn an_entry_holds_through_its_last_day_and_not_after() {
    let exclusions = Exclusions::new(vec![exclusion("r", in_namespace("shop", None), 7)]);
    let found = finding("r", &deployment("shop", "web"), None, "");
    let mut last_day = Ledger::new(&exclusions, date(2026, 12, 31));
    assert_eq!(last_day.cover(&found).map(|entry| entry.at.line), Some(7));
    assert!(last_day.expired().is_empty());
    let mut after = Ledger::new(&exclusions, date(2027, 1, 1));
    assert!(after.cover(&found).is_none());
    let expired = after.expired();
    assert_eq!(expired.len(), 1);
    assert_eq!(expired[0].findings, 1);
    assert!(after.unused(&BTreeSet::from([deployment("shop", "web")])).is_empty(), "expired is not unused");
}

#[test]
fn the_first_entry_in_file_order_is_remembered_and_all_that_match_are_used() {
    let mut expired = exclusion("r", in_namespace("shop", None), 1);
    expired.expires = date(2020, 1, 1);
    let by_owner = exclusion("r", Subject::Owner(deployment("shop", "web")), 3);
    let by_pattern = exclusion("r", in_namespace("sh*", None), 2);
    let exclusions = Exclusions::new(vec![by_owner, expired, by_pattern]);
    let mut ledger = Ledger::new(&exclusions, date(2026, 1, 1));
    let found = finding("r", &deployment("shop", "web"), None, "");
    assert_eq!(ledger.cover(&found).map(|entry| entry.at.line), Some(2));
    assert!(ledger.unused(&BTreeSet::from([deployment("shop", "web")])).is_empty());
}

#[test]
fn only_entries_that_speak_of_the_application_are_unused() {
    let role = ObjectRef::new(&GroupKind::new("rbac.authorization.k8s.io", "ClusterRole"), "", "reader");
    let cluster_role = Subject::Matching {
        kind: Some(pattern("ClusterRole")),
        namespace: None,
        name: Some(pattern("reader")),
    };
    let exclusions = Exclusions::new(vec![
        exclusion("r", in_namespace("shop", Some("gone")), 1),
        exclusion("r", in_namespace("other-team", None), 2),
        exclusion("r", Subject::Any, 3),
        exclusion("r", Subject::Owner(deployment("shop", "gone")), 4),
        exclusion("r", Subject::Owner(role.clone()), 5),
        exclusion("r", cluster_role, 6),
        exclusion("r", Subject::Owner(ObjectRef { name: "writer".into(), ..role.clone() }), 7),
    ]);
    let ledger = Ledger::new(&exclusions, date(2026, 1, 1));
    let owned = BTreeSet::from([deployment("shop", "web"), role]);
    let lines: Vec<u64> = ledger.unused(&owned).iter().map(|entry| entry.at.line).collect();
    assert_eq!(lines, [1, 4, 5, 6]);
}

#[test]
fn entries_that_end_soon_are_told_if_this_application_needs_them_or_they_speak_of_it() {
    let until = |subject: Subject, line: u64, day: i16| {
        let mut entry = exclusion("r", subject, line);
        entry.expires = date(2026, 1, 1).checked_add(jiff::Span::new().days(day)).unwrap();
        entry
    };
    let last = i16::try_from(SOON_DAYS).unwrap();
    let exclusions = Exclusions::new(vec![
        until(in_namespace("shop", Some("gone")), 1, 0),
        until(in_namespace("shop", Some("gone")), 2, last),
        until(in_namespace("shop", Some("gone")), 3, last + 1),
        until(in_namespace("shop", Some("gone")), 4, -1),
        until(in_namespace("other-team", None), 5, 1),
        until(Subject::Any, 6, 1),
    ]);
    let expiring = |ledger: &Ledger<'_>| {
        let owned = BTreeSet::from([deployment("shop", "web")]);
        ledger.expiring(&owned).iter().map(|entry| entry.at.line).collect::<Vec<_>>()
    };
    let mut ledger = Ledger::new(&exclusions, date(2026, 1, 1));
    assert_eq!(
        expiring(&ledger),
        [1, 2],
        "neither what holds for longer, nor what has expired, nor another's"
    );
    ledger.cover(&finding("r", &deployment("shop", "web"), None, ""));
    assert_eq!(expiring(&ledger), [1, 2, 6], "one for everybody is needed here");
}

pub(super) fn any_subject() -> impl Strategy<Value = Subject> {
    let pattern = || {
        prop::option::of("\\*?[ab]{1,2}[?*]?").prop_map(|text| text.and_then(|text| Pattern::new(&text).ok()))
    };
    prop_oneof![
        Just(Subject::Any),
        ("[ab]{1,3}", "[ab]{1,3}")
            .prop_map(|(namespace, name)| Subject::Owner(deployment(&namespace, &name))),
        (pattern(), pattern()).prop_map(|(namespace, name)| Subject::Matching {
            kind: None,
            namespace,
            name
        }),
    ]
}

proptest! {
    #[test]
    fn the_index_finds_what_a_search_through_all_entries_finds(
        subjects in prop::collection::vec((any_subject(), prop_oneof![Just("r"), Just("s")]), 0..12),
        namespace in "[ab]{1,3}", name in "[ab]{1,3}",
    ) {
        let entries = subjects.into_iter().zip(1..).map(|((subject, rule), line)| exclusion(rule, subject, line));
        let exclusions = Exclusions::new(entries.collect());
        let found = finding("r", &deployment(&namespace, &name), None, "");
        let all: Vec<usize> = (0..exclusions.entries().len())
            .filter(|number| exclusions.entries()[*number].matches(&found))
            .collect();
        prop_assert_eq!(exclusions.covering(&found), all);
    }
}

//! Precedence, conditions of a rollback, and the laws of a verdict.

use jiff::civil::date;
use proptest::prelude::*;

use super::*;
use crate::exclusion::tests::{deployment, exclusion, finding};
use crate::exclusion::{Exclusions, Subject};
use crate::finding::{Cause, GapReason, GapScope, Severity};
use crate::model::reference::GroupKind;
use crate::policy::RollbackMode;
use crate::policy::{FirstRun, Mode};
use crate::rules::RULES;

const RULE: &str = "privileged-container";

/// One case, changed step by step from a settled PostSync gate without findings.
#[derive(Debug)]
struct Case {
    evaluation: Evaluation,
    policy: Policy,
    record: Option<Record>,
    declared: BTreeMap<ObjectRef, Digest>,
    owned: BTreeSet<ObjectRef>,
    hook: Option<HookPhase>,
    settled: bool,
}

#[test]
fn only_a_critical_verdict_asks_for_a_rollback() {
    for verdict in [Verdict::Pass, Verdict::Inconclusive, Verdict::NotSettled, Verdict::Blocked] {
        assert!(!matches!(verdict.plan(Some("good")), Plan::RollBack { .. }), "{verdict:?}");
    }
    let to = Some("good".to_owned());
    assert_eq!(Verdict::Critical.plan(Some("good")), Plan::RollBack { to });
}

fn web() -> ObjectRef {
    deployment("shop", "web")
}

fn digest(text: &str) -> Digest {
    let raw = format!(r#"{{"kind":"Deployment","spec":{{"image":"{text}"}}}}"#);
    crate::declared::declared(&raw).unwrap()
}

impl Case {
    fn new() -> Self {
        let mut evaluation = Evaluation::default();
        evaluation.counts.pods = 1;
        Self {
            evaluation,
            policy: Policy::default(),
            record: None,
            declared: [(web(), digest("new"))].into(),
            owned: [web()].into(),
            hook: Some(HookPhase::PostSync),
            settled: true,
        }
    }

    fn with(mut self, finding: Finding) -> Self {
        self.evaluation.findings.insert(finding.identity.clone(), finding);
        self
    }

    /// A good revision is on record, with these findings and this declaration of the Deployment.
    fn recorded(mut self, findings: &[&Finding], image: &str) -> Self {
        let findings = findings.iter().copied();
        let time = "2026-11-20T10:00:00Z".parse().unwrap();
        let declared = [(web(), digest(image))].into();
        self.record = Some(Record::new("argocd/shop", Some("good".into()), time, findings, &declared));
        self
    }

    fn gap(mut self, scope: GapScope) -> Self {
        self.evaluation.gaps.insert(Gap { scope, reason: GapReason::Forbidden, detail: String::new() });
        self
    }

    fn inputs(&self) -> Inputs<'_> {
        static NOBODY: BTreeMap<ObjectRef, String> = BTreeMap::new();
        Inputs {
            evaluation: &self.evaluation,
            policy: &self.policy,
            rules: RULES,
            record: self.record.as_ref(),
            declared: &self.declared,
            owned: &self.owned,
            injectors: &NOBODY,
            hook: self.hook,
            settled: self.settled,
            today: date(2026, 11, 24),
        }
    }

    #[track_caller]
    fn is(&self, verdict: Verdict, reason: &str) {
        let decision = decide(&self.inputs());
        assert_eq!(decision.verdict, verdict, "{:?}", decision.reasons);
        assert!(decision.reasons.join("; ").contains(reason), "{:?}", decision.reasons);
    }
}

fn bad() -> Finding {
    let pod = ObjectRef::new(&GroupKind::new("", "Pod"), "shop", "web-0");
    Finding { object: pod, ..finding(RULE, &web(), Some("web"), "") }
}

fn high() -> Finding {
    Finding { severity: Severity::High, ..bad() }
}

#[test]
fn new_critical_drift_that_the_source_brought_is_critical() {
    Case::new().with(bad()).recorded(&[], "old").is(Verdict::Critical, "new since good");
}

#[test]
fn without_a_record_critical_drift_is_blocked() {
    Case::new().with(bad()).is(Verdict::Blocked, "no good revision is on record");
}

/// A policy with a baseline.
fn with_baseline(mut case: Case, first_run: FirstRun) -> Case {
    (case.policy.mode, case.policy.first_run) = (Mode::Both, first_run);
    case
}

#[test]
fn what_the_baseline_has_is_no_drift() {
    let case = with_baseline(Case::new().with(bad()).recorded(&[&bad()], "new"), FirstRun::Fail);
    case.is(Verdict::Blocked, "the last revision that passed had it too");
    let record = case.record.clone().map(|record| record.accepting([&bad()]));
    Case { record: record.clone(), ..case }
        .is(Verdict::Pass, "no drift at or above high, 1 finding in the baseline");
    let without = Case { record, ..Case::new().with(bad()) };
    without.is(Verdict::Blocked, "had it too");
}

#[test]
fn what_became_worse_since_the_baseline_is_drift() {
    let case = with_baseline(Case::new().with(bad()).recorded(&[&high()], "new"), FirstRun::Fail);
    let record = case.record.clone().map(|record| record.accepting([&high()]));
    Case { record, ..case }.is(Verdict::Blocked, "1 critical finding");
}

#[test]
fn the_first_run_accepts_what_the_policy_says() {
    let first = |first_run| with_baseline(Case::new().with(bad()), first_run);
    first(FirstRun::Fail).is(Verdict::Blocked, "no good revision is on record");
    first(FirstRun::Accept).is(Verdict::Pass, "1 finding accepted into the baseline");
    first(FirstRun::AcceptBelow(Severity::Critical)).is(Verdict::Blocked, "1 critical finding");
    let recorded = first(FirstRun::Accept).recorded(&[], "old");
    recorded.is(Verdict::Critical, "new since good");
}

#[test]
fn outside_a_hook_nothing_is_said_about_rollbacks() {
    let case = Case { hook: None, ..Case::new().with(bad()) };
    let decision = decide(&case.inputs());
    assert_eq!(decision.reasons, ["1 critical finding at or above failAt high"]);
}

#[test]
fn a_policy_may_ask_for_a_rollback_without_a_record() {
    let mut case = Case::new().with(bad());
    case.policy.rollback.without_baseline = true;
    case.is(Verdict::Critical, "without a good revision on record");
}

#[test]
fn a_policy_says_how_far_the_answer_goes() {
    let brought = |mode| {
        let mut case = Case::new().with(bad()).recorded(&[], "old");
        case.policy.rollback.mode = Some(mode);
        case
    };
    for mode in [RollbackMode::Report, RollbackMode::Fail] {
        brought(mode).is(Verdict::Blocked, &format!("`rollback.mode` is {}, so no rollback", mode.as_str()));
    }
    brought(RollbackMode::Freeze).is(Verdict::Critical, "is left as it is, and does not go back");
    brought(RollbackMode::Rollback).is(Verdict::Critical, "brought by this revision");
}

#[test]
fn drift_that_the_good_revision_had_too_is_blocked() {
    Case::new().with(bad()).recorded(&[&bad()], "old").is(Verdict::Blocked, "had it too");
}

#[test]
fn drift_whose_cause_the_source_did_not_change_is_blocked() {
    Case::new()
        .with(bad())
        .recorded(&[], "new")
        .is(Verdict::Blocked, "admission, or an edit outside the source");
}

#[test]
fn drift_that_follows_from_somebody_elses_object_is_blocked_by_name() {
    let role = ObjectRef::new(&GroupKind::new("rbac.authorization.k8s.io", "ClusterRole"), "", "other");
    let causes = [Cause::Object(web()), Cause::Object(role)].into();
    let case = Case::new().with(Finding { causes, ..bad() }).recorded(&[], "new");
    case.is(Verdict::Blocked, "ClusterRole other, which this application's source does not declare");
}

#[test]
fn removing_an_object_brings_what_follows_from_its_absence() {
    let any = Cause::Kind(GroupKind::new("apps", "Deployment"), "shop".into());
    let absent = Finding { causes: [any].into(), presence: Presence::Absent, ..bad() };
    let mut case = Case::new().with(absent).recorded(&[], "old");
    (case.owned, case.declared) = (BTreeSet::new(), BTreeMap::new());
    case.is(Verdict::Critical, "brought by this revision");
}

#[test]
fn drift_below_roll_back_at_is_blocked() {
    Case::new().with(high()).recorded(&[], "old").is(Verdict::Blocked, "nothing is at or above rollbackAt");
}

#[test]
fn a_template_never_rolls_back() {
    let template = Finding { evidence: Evidence::Template, ..bad() };
    Case::new().with(template).recorded(&[], "old").is(Verdict::Blocked, "only a template says");
}

#[test]
fn what_is_only_possible_never_counts() {
    let possible = Finding { certainty: Certainty::Possible, ..bad() };
    Case::new().with(possible).recorded(&[], "old").is(Verdict::Pass, "no drift");
}

#[test]
fn an_excluded_finding_passes() {
    let mut case = Case::new().with(bad()).recorded(&[], "old");
    case.policy.exclusions = Exclusions::new(vec![exclusion(RULE, Subject::Owner(web()), 1)]);
    case.is(Verdict::Pass, "1 finding covered by exclusions");
}

#[test]
fn an_expired_exclusion_covers_nothing() {
    let mut case = Case::new().with(bad()).recorded(&[], "old");
    let mut expired = exclusion(RULE, Subject::Owner(web()), 1);
    expired.expires = date(2026, 11, 23);
    case.policy.exclusions = Exclusions::new(vec![expired]);
    case.is(Verdict::Critical, "");
    assert_eq!(decide(&case.inputs()).expired.len(), 1);
}

#[test]
fn an_unsettled_application_is_never_rolled_back() {
    let mut case = Case::new().with(bad()).recorded(&[], "old");
    case.settled = false;
    case.is(Verdict::Blocked, "did not settle before the deadline, so no rollback");
    Case { settled: false, ..Case::new() }.is(Verdict::NotSettled, "did not settle");
}

#[test]
fn what_is_missing_does_not_count_before_the_application_has_settled() {
    let absent = Finding { presence: Presence::Absent, ..bad() };
    let mut case = Case::new().with(absent);
    case.settled = false;
    case.is(Verdict::NotSettled, "1 finding about what may still come");
}

#[test]
fn a_failed_sync_is_judged_on_what_is_live_and_present() {
    let mut case = Case::new().with(bad()).recorded(&[], "old");
    (case.hook, case.settled) = (Some(HookPhase::SyncFail), false);
    case.is(Verdict::Critical, "");
    let absent = Finding { presence: Presence::Absent, ..bad() };
    let mut case = Case::new().with(absent).recorded(&[], "old");
    (case.hook, case.settled) = (Some(HookPhase::SyncFail), false);
    case.is(Verdict::Pass, "the sync failed, but nothing live");
}

#[test]
fn a_gap_where_a_blocking_rule_needed_to_see_is_inconclusive() {
    let pods = GapScope::Kind(GroupKind::new("", "Pod"), "shop".into());
    Case::new().gap(pods).is(Verdict::Inconclusive, "could not be seen");
    Case::new().gap(GapScope::Application).is(Verdict::Inconclusive, "");
    let unknown = GapScope::Kind(GroupKind::new("example.com", "Foo"), "shop".into());
    Case::new().gap(unknown).is(Verdict::Inconclusive, "");
}

#[test]
fn a_gap_of_a_kind_that_only_refines_judgements_blinds_nobody() {
    let nodes = GapScope::Kind(GroupKind::new("", "Node"), String::new());
    Case::new().gap(nodes).is(Verdict::Pass, "");
}

#[test]
fn nothing_to_judge_is_inconclusive() {
    let mut case = Case::new();
    case.evaluation.counts.pods = 0;
    case.owned.clear();
    case.is(Verdict::Inconclusive, "nothing to judge");
}

#[test]
fn a_gap_beside_drift_is_said_too() {
    let case = Case::new().with(bad()).gap(GapScope::Application);
    case.is(Verdict::Blocked, "1 thing could not be seen besides");
}

#[test]
fn what_cannot_be_read_is_not_shown_to_have_changed() {
    let mut case = Case::new().with(bad()).recorded(&[], "old");
    case.declared.clear();
    case.is(Verdict::Blocked, "this revision did not bring it");
}

#[test]
fn what_no_pod_shows_did_not_come_through_an_injector() {
    let service = Finding { object: web(), ..bad() };
    Case::new().with(service).recorded(&[], "new").is(Verdict::Blocked, "it, an edit outside the source did");
}

#[test]
fn a_new_injector_is_named() {
    let webhook = |name: &str| {
        let kind = GroupKind::new("admissionregistration.k8s.io", "MutatingWebhookConfiguration");
        (ObjectRef::new(&kind, "", name), "uid/1".to_owned())
    };
    let mut case = Case::new().with(bad()).recorded(&[], "new");
    let both = [webhook("mesh"), webhook("sneaky")].into();
    case.record = case.record.map(|record| record.injected_by(&[webhook("mesh")].into()));
    let decision = decide(&Inputs { injectors: &both, ..case.inputs() });
    let reasons = decision.reasons.join("; ");
    assert!(reasons.contains("MutatingWebhookConfiguration sneaky, new or changed since then"), "{reasons}");
    assert!(!reasons.contains("mesh"), "{reasons}");
}

#[test]
fn a_hundred_outsiders_are_a_few_sentences() {
    let mut case = Case::new().recorded(&[], "new");
    for number in 0..100 {
        let subject = deployment("other", &number.to_string());
        case = case.with(finding(RULE, &subject, Some("web"), ""));
    }
    let decision = decide(&case.inputs());
    assert_eq!(decision.drift.len(), 100);
    assert!(decision.reasons.len() < 10, "{:?}", decision.reasons);
    assert!(decision.reasons.join("; ").contains("95 others brought more"), "{:?}", decision.reasons);
}

fn subject(number: u8) -> ObjectRef {
    deployment("shop", ["web", "api", "job"].get(usize::from(number)).unwrap_or(&"other"))
}

fn any_cause() -> impl Strategy<Value = Cause> {
    prop_oneof![
        (0..4_u8).prop_map(|number| Cause::Object(subject(number))),
        Just(Cause::Kind(GroupKind::new("apps", "Deployment"), "shop".into())),
        Just(Cause::Kind(GroupKind::new("networking.k8s.io", "NetworkPolicy"), "shop".into())),
    ]
}

fn any_finding() -> impl Strategy<Value = Finding> {
    let severity = proptest::sample::select(Severity::WORST_FIRST.to_vec());
    let flags = (any::<bool>(), any::<bool>(), any::<bool>());
    let identity = (0..4_u8, proptest::sample::select(vec!["web", "init"]), 0..2_u8);
    let causes = proptest::collection::btree_set(any_cause(), 0..3);
    (severity, flags, identity, causes).prop_map(|(severity, (certain, live, present), identity, causes)| {
        let (of, container, value) = identity;
        Finding {
            severity,
            certainty: if certain { Certainty::Certain } else { Certainty::Possible },
            evidence: if live { Evidence::Live } else { Evidence::Template },
            presence: if present { Presence::Present } else { Presence::Absent },
            causes: causes.into_iter().collect(),
            ..finding(RULE, &subject(of), Some(container), &value.to_string())
        }
    })
}

fn any_exclusion() -> impl Strategy<Value = Exclusion> {
    let names = (0..4_u8, any::<bool>(), proptest::option::of("[a-w]\\*"), proptest::option::of("[01]"));
    (names, any::<bool>(), 1..9_u64).prop_map(|((of, any, container, value), expired, line)| {
        let subject = if any { Subject::Any } else { Subject::Owner(subject(of)) };
        let mut entry = exclusion(RULE, subject, line);
        entry.container = container.map(|text| crate::exclusion::Pattern::new(&text).unwrap());
        entry.value = value;
        if expired {
            entry.expires = date(2026, 11, 23);
        }
        entry
    })
}

fn any_gap() -> impl Strategy<Value = GapScope> {
    prop_oneof![
        Just(GapScope::Application),
        Just(GapScope::Kind(GroupKind::new("", "Node"), String::new())),
        Just(GapScope::Kind(GroupKind::new("", "Pod"), "shop".into())),
        (0..4_u8).prop_map(|number| GapScope::Object(subject(number))),
        (0..4_u8).prop_map(|number| GapScope::Rule(RULE, subject(number))),
    ]
}

fn any_case() -> impl Strategy<Value = Case> {
    let findings = proptest::collection::vec(any_finding(), 0..5);
    let exclusions = proptest::collection::vec(any_exclusion(), 0..4).prop_map(|mut entries| {
        // No two entries stand in the same place.
        entries.iter_mut().zip(1..).for_each(|(entry, column)| entry.at.column = column);
        entries
    });
    let gap = proptest::option::of(any_gap());
    let flags = (any::<bool>(), any::<bool>(), any::<bool>(), any::<bool>(), any::<bool>(), any::<bool>());
    let first = proptest::sample::select(vec![
        FirstRun::Fail,
        FirstRun::Accept,
        FirstRun::AcceptBelow(Severity::Critical),
    ]);
    let mode = proptest::sample::select(vec![Mode::Exclusions, Mode::Both]);
    (findings, exclusions, gap, flags, 0..4_usize, (mode, first)).prop_map(
        |(findings, exclusions, gap, flags, known, permits)| {
            let (settled, failed, recorded, changed, empty, unproven) = flags;
            let mut case = Case::new();
            if empty {
                (case.evaluation.counts.pods, case.owned) = (0, BTreeSet::new());
            } else {
                case.owned.insert(subject(1));
                case.declared.insert(subject(1), digest("new"));
            }
            if recorded {
                let known: Vec<_> = findings.iter().take(known).collect();
                case = case.recorded(&known, if changed { "old" } else { "new" });
                case.record = case.record.map(|record| record.accepting(known.into_iter().take(1)));
            }
            for finding in findings {
                case = case.with(finding);
            }
            case.policy.rollback.without_baseline = unproven;
            (case.policy.mode, case.policy.first_run) = permits;
            case.policy.exclusions = Exclusions::new(exclusions);
            case.settled = settled;
            case.hook = Some(if failed { HookPhase::SyncFail } else { HookPhase::PostSync });
            match gap {
                Some(scope) => case.gap(scope),
                None => case,
            }
        },
    )
}

/// All of a decision that anybody reads.
fn told(decision: &Decision<'_>) -> String {
    format!("{decision:?}")
}

proptest! {
    #[test]
    fn another_finding_never_improves_a_verdict(case in any_case(), more in any_finding()) {
        let before = decide(&case.inputs()).verdict;
        prop_assume!(!case.evaluation.findings.contains_key(&more.identity));
        let case = case.with(more);
        prop_assert!(decide(&case.inputs()).verdict >= before);
    }

    #[test]
    fn a_worse_finding_never_improves_a_verdict(case in any_case(), which in any::<proptest::sample::Index>()) {
        prop_assume!(!case.evaluation.findings.is_empty());
        let before = decide(&case.inputs()).verdict;
        let mut case = case;
        let which = which.index(case.evaluation.findings.len());
        for finding in case.evaluation.findings.values_mut().skip(which).take(1) {
            finding.severity = Severity::Critical;
        }
        prop_assert!(decide(&case.inputs()).verdict >= before);
    }

    #[test]
    fn another_gap_never_improves_a_verdict(case in any_case(), scope in any_gap()) {
        let before = decide(&case.inputs()).verdict;
        prop_assert!(decide(&case.gap(scope).inputs()).verdict >= before);
    }

    #[test]
    fn another_exclusion_never_worsens_a_verdict(case in any_case(), more in any_exclusion()) {
        let without = decide(&case.inputs()).verdict;
        let mut case = case;
        let entries = case.policy.exclusions.entries().iter().cloned().chain([more]);
        case.policy.exclusions = Exclusions::new(entries.collect());
        prop_assert!(decide(&case.inputs()).verdict <= without);
    }

    #[test]
    fn every_finding_is_in_exactly_one_list(case in any_case()) {
        let decision = decide(&case.inputs());
        let drift = decision.drift.iter().map(|drift| &drift.finding.identity);
        let excluded = decision.excluded.iter().map(|(finding, _)| &finding.identity);
        let others = [&decision.below, &decision.provisional, &decision.accepted].into_iter().flatten();
        let others = others.map(|finding| &finding.identity);
        let mut all: Vec<_> = drift.chain(excluded).chain(others).collect();
        all.sort();
        let expected: Vec<_> = case.evaluation.findings.keys().collect();
        prop_assert_eq!(all, expected);
        prop_assert!(!decision.reasons.is_empty());
    }

    #[test]
    fn the_order_of_what_is_handed_in_does_not_matter(case in any_case()) {
        let mut other = Case::new();
        for finding in case.evaluation.findings.values().rev().cloned() {
            other = other.with(finding);
        }
        other.evaluation.gaps.clone_from(&case.evaluation.gaps);
        other.evaluation.counts = case.evaluation.counts;
        let entries = case.policy.exclusions.entries().iter().rev().cloned().collect();
        other.policy = Policy { exclusions: Exclusions::new(entries), ..case.policy.clone() };
        (other.record, other.declared, other.owned) =
            (case.record.clone(), case.declared.clone(), case.owned.clone());
        (other.hook, other.settled) = (case.hook, case.settled);
        prop_assert_eq!(told(&decide(&case.inputs())), told(&decide(&other.inputs())));
    }

    #[test]
    fn a_rollback_is_never_asked_for_on_a_guess(case in any_case()) {
        let decision = decide(&case.inputs());
        let rolling: Vec<_> = decision.drift.iter().filter(|drift| drift.rolls_back).collect();
        prop_assert_eq!(!rolling.is_empty(), decision.verdict == Verdict::Critical);
        prop_assert_eq!(matches!(decision.plan, Plan::RollBack { .. }), decision.verdict == Verdict::Critical);
        for drift in rolling {
            prop_assert!(case.settled || case.hook == Some(HookPhase::SyncFail));
            prop_assert!(drift.finding.severity >= case.policy.rollback_at);
            prop_assert_eq!(drift.finding.certainty, Certainty::Certain);
            prop_assert_eq!(drift.finding.evidence, Evidence::Live);
            match &drift.novelty {
                Novelty::Brought { by } => prop_assert!(!by.is_empty()),
                Novelty::Unrecorded => prop_assert!(case.policy.rollback.without_baseline),
                Novelty::Known | Novelty::Outside { .. } => prop_assert!(false, "{:?}", drift.novelty),
            }
        }
    }
}

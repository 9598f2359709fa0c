//! From a decision to its report.

use std::collections::BTreeSet;

use crate::engine::Evaluation;
use crate::exclusion::Exclusion;
use crate::finding;
use crate::plan::Plan;
use crate::report::wire::{Application, Excluded, Finding, Gap, IdleExclusions, Override, Rollback, Run};
use crate::report::{Printable, Report};
use crate::verdict::Decision;

impl Report {
    /// The report of a run that came to a verdict. `previous` is the revision that was deployed before, for a plan
    /// that goes back without a record. Outside a hook nothing follows for a deployment.
    pub fn decided(
        application: Application,
        run: Run,
        decision: &Decision<'_>,
        evaluation: &Evaluation,
        previous: Option<&str>,
    ) -> Self {
        let Decision { verdict, reasons, drift, excluded, accepted, below, provisional, .. } = decision;
        let rollback = run.hook.as_ref().and_then(|_hook| rollback(&decision.plan, previous));
        let mut reasons = reasons.iter().map(Printable::new);
        let mut report = Self::new(application, run, (*verdict).into(), reasons.next().unwrap_or_default());
        report.verdict = Some(*verdict);
        report.reasons.extend(reasons);
        report.rollback = rollback;
        report.overrides = decision.overrides.iter().map(Override::from).collect();
        report
            .judged(evaluation.counts)
            .drift(drift.iter().map(Finding::from))
            .excluded(excluded.iter().map(Excluded::from))
            .accepted(accepted.iter().copied().map(Finding::from))
            .below_threshold(below.iter().copied().map(Finding::from))
            .provisional(provisional.iter().copied().map(Finding::from))
            .gaps(gaps(evaluation, &decision.blinding))
            .idle_exclusions(IdleExclusions {
                expired: decision.expired.iter().map(Into::into).collect(),
                unused: decision.unused.iter().copied().map(Into::into).collect(),
            })
            .expiring_exclusions(decision.expiring.iter().copied().map(Into::into))
    }
}

impl From<&(&finding::Finding, &Exclusion)> for Excluded {
    fn from((finding, exclusion): &(&finding::Finding, &Exclusion)) -> Self {
        Self { finding: (*finding).into(), exclusion: (*exclusion).into() }
    }
}

fn gaps(evaluation: &Evaluation, blinding: &[&finding::Gap]) -> Vec<Gap> {
    let blinding: BTreeSet<&finding::Gap> = blinding.iter().copied().collect();
    let gaps = evaluation.gaps.iter();
    gaps.map(|gap| Gap { blinding: blinding.contains(gap), ..gap.into() }).collect()
}

/// What follows for the deployment; nothing needs saying after a pass.
fn rollback(plan: &Plan, previous: Option<&str>) -> Option<Rollback> {
    match (plan, previous) {
        (Plan::Nothing, _) => None,
        (Plan::FailSync, _) => Some(Rollback {
            wanted: false,
            to: None,
            why: "the sync fails, and this revision stays until the source moves on".into(),
            plan: None,
        }),
        (Plan::RollBack { to: Some(good) }, _) => Some(Rollback {
            wanted: true,
            to: Some(Printable::new(good)),
            why: "it passed, and had none of what is critical now".into(),
            plan: None,
        }),
        (Plan::RollBack { to: None }, previous) => Some(Rollback {
            wanted: true,
            to: previous.map(Printable::new),
            why: "the policy asks for it although no revision that passed is on record".into(),
            plan: None,
        }),
    }
}

#[cfg(test)]
mod tests {
    use insta::assert_snapshot;

    use super::*;
    use crate::exclusion::tests::{deployment, exclusion, finding};
    use crate::exclusion::{NearMiss, Subject};
    use crate::finding::{Certainty, GapReason, GapScope, Severity};
    use crate::model::reference::{GroupKind, ObjectRef};
    use crate::report::text::{self, Layout};
    use crate::verdict::{Drift, Novelty, Verdict};

    fn found(rule: &'static str, severity: Severity, name: &str) -> finding::Finding {
        finding::Finding { severity, ..finding(rule, &deployment("shop", name), Some("web"), "") }
    }

    fn gap(kind: &str) -> finding::Gap {
        let scope = GapScope::Kind(GroupKind::new("", kind), String::new());
        finding::Gap { scope, reason: GapReason::Unreadable, detail: "503 Service Unavailable".into() }
    }

    fn decision<'a>(verdict: Verdict, reason: &str, plan: Plan) -> Decision<'a> {
        Decision {
            verdict,
            reasons: vec![reason.to_owned()],
            drift: Vec::new(),
            excluded: Vec::new(),
            accepted: Vec::new(),
            founds_a_baseline: false,
            below: Vec::new(),
            provisional: Vec::new(),
            blinding: Vec::new(),
            expired: Vec::new(),
            unused: Vec::new(),
            expiring: Vec::new(),
            overrides: Vec::new(),
            plan,
        }
    }

    fn report(decision: &Decision<'_>, evaluation: &Evaluation, hook: Option<&str>) -> Report {
        let application = Application { name: "argocd/shop".into(), revision: Some("v2".into()) };
        let run = Run { id: "r1".into(), hook: hook.map(Printable::new) };
        Report::decided(application, run, decision, evaluation, Some("v1"))
    }

    #[test]
    fn every_part_of_a_decision_is_in_the_report() {
        let web = ObjectRef::new(&GroupKind::new("apps", "Deployment"), "shop", "web");
        let brought = found("privileged-container", Severity::Critical, "web");
        let outside = found("host-pid", Severity::Critical, "api");
        let possible =
            finding::Finding { certainty: Certainty::Possible, ..found("host-ipc", Severity::High, "api") };
        let (excluded, missing) =
            (found("host-network", Severity::High, "api"), found("host-pid", Severity::High, "web"));
        let entry = exclusion("host-network", Subject::Any, 14);
        let mut evaluation = Evaluation::default();
        evaluation.counts.pods = 2;
        evaluation.gaps = [gap("Namespace"), gap("Node")].into();
        let node = gap("Node");
        let to = Some("v1".to_owned());
        let mut decision = decision(Verdict::Critical, "2 critical findings", Plan::RollBack { to });
        decision.drift = vec![
            Drift {
                finding: &outside,
                novelty: Novelty::Outside { by: "admission".into() },
                rolls_back: false,
                near: None,
            },
            Drift {
                finding: &brought,
                novelty: Novelty::Brought { by: [web].into() },
                rolls_back: true,
                near: Some(NearMiss { at: entry.at.clone(), why: "value is b, wanted a".into() }),
            },
        ];
        decision.excluded = vec![(&excluded, &entry)];
        decision.below = vec![&possible];
        decision.provisional = vec![&missing];
        decision.blinding = vec![&node];
        decision.expiring = vec![&entry];
        let report = report(&decision, &evaluation, Some("PostSync"));
        assert_snapshot!(text::render(&report, Layout::default()));
        assert_eq!(report.exit().code(), 20);
        assert_eq!(report.drift.iter().filter(|finding| finding.rolls_back).count(), 1);
    }

    #[test]
    fn outside_a_hook_nothing_follows_for_a_deployment() {
        let evaluation = Evaluation::default();
        let decision = decision(Verdict::Blocked, "1 high finding", Plan::FailSync);
        assert_eq!(report(&decision, &evaluation, None).rollback, None);
        let rollback = report(&decision, &evaluation, Some("SyncFail")).rollback.unwrap();
        assert!(!rollback.wanted && rollback.to.is_none());
    }

    #[test]
    fn without_a_record_the_revision_deployed_before_is_named() {
        let to = rollback(&Plan::RollBack { to: None }, Some("v1")).unwrap().to;
        assert_eq!(to, Some("v1".into()));
        assert_eq!(rollback(&Plan::Nothing, Some("v1")), None);
    }
}

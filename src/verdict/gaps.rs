//! Which gaps keep a verdict from being a pass: those where a rule that can block needed to see.

use crate::finding::{Gap, GapScope};
use crate::model::reference::GroupKind;
use crate::rules::{Resource, Rule};
use crate::verdict::Inputs;

/// The gaps that matter.
pub(super) fn blinding<'a>(inputs: &Inputs<'a>) -> Vec<&'a Gap> {
    inputs.evaluation.gaps.iter().filter(|gap| inputs.is_blinded_by(gap)).collect()
}

impl Inputs<'_> {
    fn is_blinded_by(&self, gap: &Gap) -> bool {
        match &gap.scope {
            GapScope::Application => true,
            GapScope::Kind(kind, _namespace) => self.needs(kind),
            GapScope::Object(object) => self.needs(&object.group_kind()),
            GapScope::Rule(id, _object) => self.can_block().any(|rule| rule.id == *id),
        }
    }

    fn can_block(&self) -> impl Iterator<Item = &'static Rule> {
        let policy = self.policy;
        self.rules
            .iter()
            .copied()
            .filter(move |rule| policy.worst(rule).is_some_and(|worst| worst >= policy.fail_at))
    }

    /// True if a rule that can block reads the kind. A kind that no rule names may own Pods, or hold what binds the
    /// application: it hides whatever stands behind it.
    fn needs(&self, kind: &GroupKind) -> bool {
        let is = |resource: &Resource| resource.group == kind.group && resource.kind == kind.kind;
        let named = self.rules.iter().any(|rule| rule.reads.iter().chain(rule.consults).any(is));
        !named || self.can_block().any(|rule| rule.reads.iter().any(is))
    }
}

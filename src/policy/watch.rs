//! What is wrong with a list of exclusions, as findings: entries beyond what is delegated, and entries that permit more
//! than the list that passed last.

use std::collections::BTreeSet;

use jiff::civil::Date;

use super::{Policy, Refused};
use crate::exclusion::{Change, Exclusion, Layer, Listed, Lists, changes};
use crate::finding::{Cause, Certainty, Finding, Identity, Presence, Provenance, Severity};
use crate::model::reference::{GroupKind, ObjectRef};
use crate::model::world::Evidence;
use crate::rules;

/// Group and kind of a policy file as the subject of findings.
const POLICY: (&str, &str) = ("driftgate.dev", "GatePolicy");

impl Policy {
    /// What is wrong with the lists themselves, as far as they speak of an application with these objects; `accepted` are
    /// those that passed last, where they did.
    pub fn findings(&self, accepted: &Lists, owned: &BTreeSet<ObjectRef>, today: Date) -> Vec<Finding> {
        let refused = self.refused.iter().filter_map(refused);
        let since = |list: Option<&BTreeSet<Listed>>, layer| {
            list.map(|list| changes(self.of(layer, owned), list, today)).unwrap_or_default()
        };
        let application = since(accepted.application.as_ref(), Layer::Application);
        let platform = since(accepted.platform.as_ref(), Layer::Platform);
        let changed = application.into_iter().chain(platform);
        let changed = changed.filter_map(|(entry, change)| changed_entry(entry, &change));
        let found = refused.chain(changed).filter(|finding| !self.is_off(finding.identity.rule));
        found
            .map(|mut finding| {
                self.reweigh_one(&mut finding);
                finding
            })
            .collect()
    }

    /// The lists as they are accepted if this passes.
    pub fn listed(&self, owned: &BTreeSet<ObjectRef>) -> Lists {
        let list = |layer| Some(self.of(layer, owned).into_iter().map(Listed::from).collect());
        Lists { application: list(Layer::Application), platform: list(Layer::Platform) }
    }

    /// An application's whole list is about it; of the platform's, what speaks of it.
    fn of(&self, layer: Layer, owned: &BTreeSet<ObjectRef>) -> Vec<&Exclusion> {
        match layer {
            Layer::Application => {
                self.exclusions.entries().iter().filter(|entry| entry.layer == layer).collect()
            }
            Layer::Platform => {
                self.exclusions.speaking_of(owned).filter(|entry| entry.layer == layer).collect()
            }
        }
    }
}

/// As bad as the rule that the entry names.
fn refused(Refused { exclusion, why }: &Refused) -> Option<Finding> {
    let severity = rules::find(exclusion.rule)?.severity;
    let message = format!("The exclusion of {exclusion} is not delegated: {why}");
    finding("exclusion-not-delegated", exclusion, severity, exclusion.to_string(), message)
}

/// One step less bad than the rule that the entry names. Who may write the platform's list decides: that is told.
fn changed_entry(entry: &Exclusion, change: &Change) -> Option<Finding> {
    let severity = match entry.layer {
        Layer::Application => rules::find(entry.rule)?.severity.lower(),
        Layer::Platform => Severity::Info,
    };
    let what = match change {
        Change::Added => "was added".to_owned(),
        Change::Widened => "covers more".to_owned(),
        Change::Prolonged(until) => format!("holds until {} where it held until {until}", entry.expires),
        Change::OwnerChanged(owner) => format!("is answered for by {} where it was {owner}", entry.owner),
    };
    let message = format!("The exclusion of {entry} {what} since the list that passed last");
    finding("exclusion-list-changed", entry, severity, format!("{} {entry}", change.as_str()), message)
}

fn finding(
    rule: &str,
    entry: &Exclusion,
    severity: Severity,
    value: String,
    message: String,
) -> Option<Finding> {
    let rule = rules::find(rule)?;
    let (group, kind) = POLICY;
    let file = entry.at.file.rsplit('/').next().unwrap_or_default();
    let subject = ObjectRef::new(&GroupKind::new(group, kind), "", file);
    Some(Finding {
        identity: Identity { rule: rule.id, subject: subject.clone(), container: None, value },
        code: rule.code,
        severity,
        certainty: Certainty::Certain,
        evidence: Evidence::Live,
        presence: Presence::Present,
        object: subject.clone(),
        path: format!("spec.exclusions, line {}", entry.at.line),
        message,
        help: rule.help,
        causes: vec![Cause::Object(subject)],
        parts: Vec::new(),
        count: 1,
        images: BTreeSet::new(),
        provenance: [Provenance::Declared].into(),
    })
}

//! What a policy changes in the rules: parameters, severities, rules that are off. Each change is named in reports, so
//! that nobody forgets it.
//!
//! Does not know what a rule judges.

use std::collections::BTreeMap;

use super::Policy;
use super::check::{Set, find_rule, names, pattern, severity};
use super::fields::Located;
use super::injector::Injector;
use super::merge::agree;
use super::problem::{Problem, Problems};
use super::raw::{RawRules, RawSeverity};
use crate::exclusion::{Exclusion, Pattern, Position};
use crate::finding::{Finding, Identity, Severity};
use crate::rules::{Rule, Settings};

/// A setting of a policy that changes what rules say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Override {
    /// Where it is written.
    pub at: Position,
    /// What it does: `rule node-port is off`.
    pub what: String,
}

/// A severity that a policy gives to a rule's findings.
#[derive(Clone, Debug)]
pub(super) struct Reweighed {
    at: Position,
    rule: &'static str,
    severity: Severity,
    /// Where; none for everywhere.
    namespaces: Option<Vec<Pattern>>,
}

/// What one document, or all of them, change.
#[derive(Clone, Debug, Default)]
pub struct Tuning {
    lists: BTreeMap<&'static str, (Position, Vec<String>)>,
    off: BTreeMap<&'static str, Position>,
    severities: Vec<Reweighed>,
    injectors: Vec<Injector>,
}

impl Tuning {
    pub(super) fn check(raw: RawRules, catalogue: &[&'static Rule], problems: &mut Problems) -> Self {
        let RawRules {
            sensitive_namespaces,
            sandbox_handlers,
            allowed_capabilities,
            allowed_host_paths,
            pod_producers,
            trusted_injectors,
            off,
            severities,
        } = raw;
        for Located { at, value } in allowed_capabilities.iter().flat_map(|list| &list.value) {
            if value.eq_ignore_ascii_case("all") {
                problems.add(*at, "`allowedCapabilities` names single capabilities, and ALL is every one");
            }
        }
        for Located { at, value } in allowed_host_paths.iter().flat_map(|list| &list.value) {
            if !value.starts_with('/') || value.trim_matches('/').is_empty() || value.contains("..") {
                let message = format!(
                    "an item of `allowedHostPaths` must be an absolute path below /, and this is `{value}`"
                );
                problems.add(*at, message);
            }
        }
        for Located { at, value } in pod_producers.iter().flat_map(|list| &list.value) {
            if !value.contains('.') {
                let message = format!(
                    "an item of `podProducers` must be a resource with its group, for instance widgets.example.com, and this is `{value}`"
                );
                problems.add(*at, message);
            }
        }
        let lists = [
            ("sensitiveNamespaces", sensitive_namespaces),
            ("sandboxHandlers", sandbox_handlers),
            ("allowedCapabilities", allowed_capabilities),
            ("allowedHostPaths", allowed_host_paths),
            ("podProducers", pod_producers),
        ];
        let lists = lists.into_iter().filter_map(|(name, list)| Some((name, names(name, list, problems)?)));
        let lists = lists.collect();
        let off = off.into_iter().flat_map(|list| list.value);
        let off = off
            .filter_map(|rule| Some((find_rule(&rule, catalogue, problems)?.id, problems.position(rule.at))));
        let off = off.collect();
        let severities =
            severities.into_iter().filter_map(|raw| Reweighed::check(raw, catalogue, problems)).collect();
        let injectors = trusted_injectors.into_iter().filter_map(|raw| raw.check(catalogue, problems));
        let injectors = injectors.collect();
        Self { lists, off, severities, injectors }
    }

    /// Takes in what another document changes; both must agree.
    pub(super) fn absorb(&mut self, other: Self, problems: &mut Vec<Problem>) {
        let Self { lists, off, severities, injectors } = other;
        for (name, list) in lists {
            let mut kept: Set<Vec<String>> = self.lists.remove(name);
            agree(name, &mut kept, Some(list), problems);
            self.lists.extend(kept.map(|kept| (name, kept)));
        }
        for (rule, at) in off {
            self.off.entry(rule).or_insert(at);
        }
        self.severities.extend(severities);
        self.injectors.extend(injectors);
    }

    /// One severity a rule and a place, and none for a rule that is off.
    pub(super) fn agree(&self, problems: &mut Vec<Problem>) {
        let mut first = BTreeMap::new();
        for entry in &self.severities {
            let Reweighed { at, rule, severity, namespaces } = entry;
            if let Some(off) = self.off.get(rule) {
                let message = format!("{rule} is off by {off}, so it has no severity");
                problems.push(Problem { at: at.clone(), message });
            }
            let (before, known) =
                first.entry((*rule, words(namespaces.as_deref()))).or_insert((at, *severity));
            if known != severity {
                let message = format!("the severity of {rule} is {known} by {before}; it can have one only");
                problems.push(Problem { at: at.clone(), message });
            }
        }
    }

    /// Where each change is written, with its field.
    pub(super) fn places(&self) -> impl Iterator<Item = (&'static str, Position)> {
        let lists = self.lists.iter().map(|(name, (at, _list))| (*name, at.clone()));
        let off = self.off.values().map(|at| ("off", at.clone()));
        let injectors = self.injectors.iter().map(|it| ("trustedInjectors", it.at.clone()));
        let severities = self.severities.iter().map(|entry| ("severities", entry.at.clone()));
        lists.chain(off).chain(severities).chain(injectors)
    }

    /// What trusted injectors may add.
    pub(super) fn trusted(&self) -> impl Iterator<Item = &Exclusion> {
        self.injectors.iter().flat_map(|injector| &injector.exclusions)
    }

    /// Parameters; what is not set keeps its default.
    pub(super) fn settings(&self) -> Settings {
        let mut settings = Settings::default();
        let Settings {
            sensitive_namespaces,
            sandbox_handlers,
            allowed_capabilities,
            allowed_host_paths,
            pod_producers,
        } = &mut settings;
        for (name, kept) in [
            ("sensitiveNamespaces", sensitive_namespaces),
            ("sandboxHandlers", sandbox_handlers),
            ("allowedCapabilities", allowed_capabilities),
            ("allowedHostPaths", allowed_host_paths),
            ("podProducers", pod_producers),
        ] {
            if let Some((_at, list)) = self.lists.get(name) {
                kept.clone_from(list);
            }
        }
        settings
    }

    /// All changes, by file and line.
    pub(super) fn overrides(&self) -> Vec<Override> {
        let list = |(name, (at, list)): (&&str, &(Position, Vec<String>))| {
            let items = if list.is_empty() { "nothing".to_owned() } else { list.join(", ") };
            Override { at: at.clone(), what: format!("{name} is {items}") }
        };
        let off =
            |(rule, at): (&&str, &Position)| Override { at: at.clone(), what: format!("rule {rule} is off") };
        let severity = |entry: &Reweighed| {
            let Reweighed { at, rule, severity, namespaces } = entry;
            let place = words(namespaces.as_deref());
            Override { at: at.clone(), what: format!("findings of {rule} are {severity}{place}") }
        };
        let injector = |it: &Injector| Override { at: it.at.clone(), what: it.to_string() };
        let lists = self.lists.iter().map(list).chain(self.off.iter().map(off));
        let others = self.severities.iter().map(severity).chain(self.injectors.iter().map(injector));
        let mut all: Vec<_> = lists.chain(others).collect();
        all.sort_by(|one, other| (&one.at, &one.what).cmp(&(&other.at, &other.what)));
        all
    }
}

/// ` in namespaces shop, team-*`; nothing for everywhere.
fn words(namespaces: Option<&[Pattern]>) -> String {
    let names = |list: &[Pattern]| list.iter().map(Pattern::as_str).collect::<Vec<_>>().join(", ");
    namespaces.map_or_else(String::new, |list| format!(" in namespaces {}", names(list)))
}

impl Reweighed {
    fn check(raw: RawSeverity, catalogue: &[&'static Rule], problems: &mut Problems) -> Option<Self> {
        let RawSeverity { at, rule, severity: written, namespaces } = raw;
        let rule = rule.and_then(|rule| find_rule(&rule, catalogue, problems));
        let severity = severity("severity", written, problems);
        let namespaces = namespaces
            .map(|list| list.value.iter().filter_map(|name| pattern("namespaces", name, problems)).collect());
        let (_at, severity) = severity?;
        Some(Self { at: problems.position(at), rule: rule?.id, severity, namespaces })
    }

    /// Whether it is about the namespace; none if it is about all of them.
    fn names(&self, namespace: &str) -> Option<bool> {
        Some(self.namespaces.as_ref()?.iter().any(|pattern| pattern.matches(namespace)))
    }
}

impl Policy {
    /// Settings that change what rules say, by file and line.
    pub fn overrides(&self) -> Vec<Override> {
        self.tuning.overrides()
    }

    /// Those of the rules that are not off.
    pub fn running(&self, rules: &[&'static Rule]) -> Vec<&'static Rule> {
        rules.iter().copied().filter(|rule| !self.is_off(rule.id)).collect()
    }

    /// True if the rule does not run.
    pub(super) fn is_off(&self, rule: &str) -> bool {
        self.tuning.off.contains_key(rule)
    }

    /// The worst severity that findings of the rule can have under this policy; none if it is off.
    pub fn worst(&self, rule: &Rule) -> Option<Severity> {
        if self.is_off(rule.id) {
            return None;
        }
        let entries = || self.tuning.severities.iter().filter(|entry| entry.rule == rule.id);
        let everywhere = entries().find(|entry| entry.namespaces.is_none()).map(|entry| entry.severity);
        let somewhere = entries().map(|entry| entry.severity).max();
        Some(everywhere.unwrap_or(rule.severity).max(somewhere.unwrap_or(Severity::Info)))
    }

    /// Gives findings the severities of this policy.
    pub fn reweigh(&self, findings: &mut BTreeMap<Identity, Finding>) {
        if !self.tuning.severities.is_empty() {
            for finding in findings.values_mut() {
                self.reweigh_one(finding);
            }
        }
    }

    /// What is said of a finding's namespace wins over what is said of all, and the worse of two.
    pub(super) fn reweigh_one(&self, finding: &mut Finding) {
        let subject = &finding.identity.subject;
        let is_namespace = subject.group.is_empty() && subject.kind == "Namespace";
        let namespace = if is_namespace { &subject.name } else { &subject.namespace };
        let entries = || self.tuning.severities.iter().filter(|entry| entry.rule == finding.identity.rule);
        let here = entries().filter(|entry| entry.names(namespace) == Some(true));
        let everywhere = entries().filter(|entry| entry.namespaces.is_none());
        let severity = |entry: &Reweighed| entry.severity;
        if let Some(set) = here.map(severity).max().or_else(|| everywhere.map(severity).max()) {
            finding.severity = set;
        }
    }
}

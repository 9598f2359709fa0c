//! How powers are written: the same for the same powers, whatever the order and spelling of the grants.
//!
//! The form is part of a finding's identity and of people's exclusions:
//! `create,patch deployments.apps; get secrets[a,b] in namespace shop`.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use crate::finding::Part;
use crate::model::access::permission::{Names, Target};
use crate::model::access::{Access, Grant, Holder, Origin, Scope};
use crate::model::rbac::PolicyRule;
use crate::rules::shared::power::{Power, way};

/// A resource as kubectl writes it: `deployments.apps/scale`, `*.*`, and `*` for everything in the core group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Label<'a> {
    resource: &'a str,
    group: &'a str,
}

impl<'a> Label<'a> {
    pub(super) fn of(target: Target<'a>) -> Self {
        Self { resource: target.resource, group: target.group }
    }

    /// As the rule writes it, the widest of its entries that cover the target.
    pub(super) fn written(rule: &'a PolicyRule, target: Target<'a>) -> Self {
        let any_group = rule.api_groups.iter().any(|group| group == "*");
        let any_resource = rule.resources.iter().any(|resource| resource == "*");
        let exact = rule.resources.iter().any(|resource| resource == target.resource);
        let subresource = || rule.resources.iter().find(|own| Self::is_any_of(own, target.resource));
        let resource = match subresource() {
            _ if any_resource => "*",
            Some(any) if !exact => any,
            Some(_) | None => target.resource,
        };
        Self { resource, group: if any_group { "*" } else { target.group } }
    }

    /// True if the entry is `*/sub` of the resource's subresource.
    fn is_any_of(entry: &str, resource: &str) -> bool {
        let own = entry.strip_prefix("*/");
        own.is_some() && own == resource.split_once('/').map(|(_, subresource)| subresource)
    }

    /// For a sentence.
    fn words(self) -> String {
        match (self.resource, self.group) {
            ("*", "*") => String::from("any resource"),
            ("*", "") => String::from("any core resource"),
            ("*", group) => format!("any resource of {group}"),
            (_, _) => self.to_string(),
        }
    }

    /// All labels that cover it, itself included.
    fn and_wider(self) -> Vec<String> {
        let sub = self.resource.split_once('/').map(|(_, sub)| format!("*/{sub}"));
        let resources = [Some(self.resource), sub.as_deref(), Some("*")];
        let each = resources
            .into_iter()
            .flatten()
            .flat_map(|resource| [self.group, "*"].map(|group| Label { resource, group }.to_string()));
        each.collect()
    }

    fn covers(self, other: Self) -> bool {
        (self.group == "*" || self.group == other.group)
            && (self.resource == "*"
                || self.resource == other.resource
                || Self::is_any_of(self.resource, other.resource))
    }
}

impl fmt::Display for Label<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (resource, subresource) = match self.resource.split_once('/') {
            Some((resource, subresource)) => (resource, Some(subresource)),
            None => (self.resource, None),
        };
        f.write_str(resource)?;
        if !self.group.is_empty() {
            write!(f, ".{}", self.group)?;
        }
        subresource.map_or(Ok(()), |subresource| write!(f, "/{subresource}"))
    }
}

/// Powers in normal form.
pub(super) struct Wording<'a>(BTreeMap<(BTreeSet<&'static str>, Names<'a>), BTreeSet<Label<'a>>>);

impl<'a> Wording<'a> {
    pub(super) fn of(powers: &[Power<'a>]) -> Self {
        let mut parts: BTreeMap<_, BTreeSet<_>> = BTreeMap::new();
        for ((label, names), verbs) in by_label(powers) {
            parts.entry((verbs, names)).or_default().insert(label);
        }
        Self(parts)
    }

    /// What identifies the finding: a second bad power makes it another one.
    pub(super) fn value(&self, scope: &Scope) -> String {
        let parts = self.0.iter().map(|((verbs, names), labels)| {
            let names = match names {
                Names::All => String::new(),
                Names::Only(names) => format!("[{}]", join(names, ",")),
            };
            format!("{} {}{names}", join(verbs, ","), join(labels, ","))
        });
        within(scope, &join(parts, "; "))
    }

    /// Each verb on each resource by itself.
    pub(super) fn parts(&self, scope: &Scope) -> Vec<Part> {
        let mut parts = Vec::new();
        for ((verbs, names), labels) in &self.0 {
            let names: Vec<String> = match names {
                Names::All => vec![String::new()],
                Names::Only(names) => names.iter().map(|name| format!("[{name}]")).collect(),
            };
            for (verb, label) in verbs.iter().flat_map(|verb| labels.iter().map(move |label| (verb, label))) {
                parts.extend(names.iter().map(|name| part(verb, *label, name, scope)));
            }
        }
        parts
    }

    pub(super) fn message(&self, access: &Access, scope: &Scope, why: &str, grants: &[&Grant]) -> String {
        let subject = way::short(&access.subject);
        let powers = within(scope, &self.words());
        let ways = way::all(grants);
        let unused = match access.holder {
            Holder::Unmounted => "; no Pod of the application mounts its token",
            Holder::Mounted | Holder::Named | Holder::UnboundRole => "",
        };
        let brought = grants.iter().any(|grant| grant.origin == Origin::Application);
        let others = if brought { "" } else { "; the application did not bring this" };
        format!("{subject} may {powers}: {why}; through {ways}{unused}{others}")
    }

    /// Of a role that is bound to nobody.
    pub(super) fn latent(&self, access: &Access, why: &str) -> String {
        let role = way::short(&access.subject);
        format!("{role} is bound to nobody; whoever gets it may {}: {why}", self.words())
    }

    fn words(&self) -> String {
        let parts = self.0.iter().map(|((verbs, names), labels)| {
            let verbs = verbs.iter().map(|verb| if *verb == "*" { "do anything with" } else { verb });
            let names = match names {
                Names::All => String::new(),
                Names::Only(names) => format!(" named {}", join(names, ", ")),
            };
            format!("{} {}{names}", join(verbs, ", "), join(labels.iter().map(|label| label.words()), ", "))
        });
        join(parts, ", and ")
    }
}

/// One verb on one resource; wider are other labels, all names, the whole cluster.
fn part(verb: &str, label: Label<'_>, name: &str, scope: &Scope) -> Part {
    let value = within(scope, &format!("{verb} {label}{name}"));
    let all = label
        .and_wider()
        .into_iter()
        .flat_map(|label| [name, ""].map(|name| format!("{verb} {label}{name}")));
    let all = all.flat_map(|power| [scope, &Scope::Cluster].map(|scope| within(scope, &power)));
    let wider: BTreeSet<String> = all.filter(|wider| *wider != value).collect();
    Part { value, within: wider.into_iter().collect() }
}

fn within(scope: &Scope, powers: &str) -> String {
    match scope {
        Scope::Cluster => format!("{powers} cluster-wide"),
        Scope::Namespace(namespace) => format!("{powers} in namespace {namespace}"),
    }
}

/// Verbs for each label and names. A power is left out where a wider one of the same verb stands beside it.
fn by_label<'a>(powers: &[Power<'a>]) -> BTreeMap<(Label<'a>, Names<'a>), BTreeSet<&'static str>> {
    let unnamed: BTreeSet<(&str, Label<'_>)> = powers
        .iter()
        .filter(|power| power.permission.names == Names::All)
        .map(|power| (power.verb, power.label))
        .collect();
    let wider = |verb: &str, label: Label<'_>, names: &Names<'_>| {
        unnamed.iter().any(|(other, wide)| {
            *other == verb && wide.covers(label) && (*wide != label || *names != Names::All)
        })
    };
    let mut names: BTreeMap<(Label<'a>, &'static str), Names<'a>> = BTreeMap::new();
    for Power { verb, label, permission, severity: _ } in powers {
        if !wider(verb, *label, &permission.names) {
            let known = names.entry((*label, verb)).or_insert_with(|| Names::Only(BTreeSet::new()));
            match (&mut *known, &permission.names) {
                (Names::Only(known), Names::Only(more)) => known.extend(more),
                (known, Names::All) => *known = Names::All,
                (Names::All, Names::Only(_)) => {}
            }
        }
    }
    let mut verbs: BTreeMap<(Label<'a>, Names<'a>), BTreeSet<&'static str>> = BTreeMap::new();
    for ((label, verb), names) in names {
        verbs.entry((label, names)).or_default().insert(verb);
    }
    verbs
}

fn join(words: impl IntoIterator<Item = impl fmt::Display>, between: &str) -> String {
    words.into_iter().map(|word| word.to_string()).collect::<Vec<_>>().join(between)
}

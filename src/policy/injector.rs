//! Injectors that the platform trusts: what their containers may have where admission brought them.
//!
//! Each becomes exclusions and nothing else, so they are matched, dated, bounded and reported like those in the list. Does
//! not know what a rule judges.

use std::fmt;

use schemars::JsonSchema;
use serde_json::json;

use super::check::exclusion;
use super::fields::{Located, Members};
use super::problem::Problems;
use super::raw::RawExclusion;
use super::tree::{At, Node};
use crate::exclusion::{Exclusion, Position};
use crate::finding::Provenance;
use crate::rules::Rule;

pub(super) const INJECTOR: &[&str] =
    &["name", "container", "image", "permits", "reason", "owner", "ticket", "expires"];
pub(super) const PERMIT: &[&str] = &["rule", "values"];

/// What an injector may add to all Pods. Covers its container only where admission added it.
#[derive(Debug, JsonSchema)]
#[schemars(rename = "TrustedInjector", deny_unknown_fields)]
pub(super) struct RawInjector {
    #[schemars(skip)]
    at: At,
    /// What people call it; reports show it.
    #[schemars(with = "String")]
    name: Option<Located<String>>,
    /// Name of the container that it adds, or a pattern.
    #[schemars(with = "String")]
    container: Option<Located<String>>,
    /// Image of that container, whole or up to a `/`, `:` or `@`.
    #[schemars(with = "String")]
    image: Option<Located<String>>,
    /// What that container is known to need.
    #[schemars(with = "Vec<RawPermit>", length(min = 1))]
    permits: Vec<RawPermit>,
    /// Why it is permitted.
    #[schemars(with = "String")]
    reason: Option<Located<String>>,
    /// Who answers for it.
    #[schemars(with = "String")]
    owner: Option<Located<String>>,
    /// Where more about it is written, for people; reports show it.
    ticket: Option<Located<String>>,
    /// Last day on which it holds: YYYY-MM-DD.
    #[schemars(with = "String", extend("format" = "date"))]
    expires: Option<Located<String>>,
}

/// What a container of a trusted injector may have.
#[derive(Debug, JsonSchema)]
#[schemars(rename = "Permit", deny_unknown_fields)]
pub(super) struct RawPermit {
    #[schemars(skip)]
    at: At,
    /// Id of the rule, or its code.
    #[schemars(with = "String")]
    rule: Option<Located<String>>,
    /// The failing values, exactly as reports show them. Default: whatever the rule finds in that container.
    #[schemars(with = "Option<Vec<String>>", length(min = 1), extend("items" = json!({"type": ["string", "number", "boolean"]})))]
    values: Option<Located<Vec<Located<String>>>>,
}

/// One that is trusted.
#[derive(Clone, Debug)]
pub(super) struct Injector {
    /// Where it is written.
    pub(super) at: Position,
    name: String,
    /// What it is made of.
    pub(super) exclusions: Vec<Exclusion>,
}

impl RawInjector {
    pub(super) fn read(node: &Node, problems: &mut Problems) -> Option<Self> {
        let members = Members::open(node, "a trusted injector", INJECTOR, problems)?;
        members.required(&["name", "container", "image", "permits", "reason", "owner", "expires"], problems);
        let permits = members.list("permits", problems);
        if let Some(list) = permits.as_ref().filter(|list| list.value.is_empty()) {
            problems.add(list.at, "`permits` permits nothing");
        }
        let permits = permits.map_or(&[][..], |list| list.value);
        Some(Self {
            at: members.at,
            name: members.text("name", problems),
            container: members.text("container", problems),
            image: members.text("image", problems),
            permits: permits.iter().filter_map(|node| RawPermit::read(node, problems)).collect(),
            reason: members.text("reason", problems),
            owner: members.text("owner", problems),
            ticket: members.text("ticket", problems),
            expires: members.text("expires", problems),
        })
    }

    /// One exclusion for each value. The same thing may be said to be wrong with each of them.
    pub(super) fn check(self, catalogue: &[&'static Rule], problems: &mut Problems) -> Option<Injector> {
        if self.container.is_none() || self.image.is_none() {
            return None;
        }
        let written = self.permits.iter().flat_map(|permit| self.exclusions(permit));
        let exclusions: Vec<_> =
            written.filter_map(|raw| exclusion::check(raw, catalogue, problems)).collect();
        let name = self.name?.value.trim().to_owned();
        let of_it = |entry| Exclusion { injector: Some(name.as_str().into()), ..entry };
        let exclusions = exclusions.into_iter().map(of_it).collect();
        Some(Injector { at: problems.position(self.at), exclusions, name })
    }

    fn exclusions(&self, permit: &RawPermit) -> Vec<RawExclusion> {
        let values = permit.values.as_ref().map(|list| list.value.iter().cloned());
        let values: Vec<_> = match values {
            Some(values) => values.map(|value| (value.at, Some(value))).collect(),
            None => vec![(permit.at, None)],
        };
        let provenance = Located { at: self.at, value: Provenance::Admission.as_str().to_owned() };
        let one = |(at, value)| RawExclusion {
            at,
            rule: permit.rule.clone(),
            subject: None,
            container: self.container.clone(),
            image: self.image.clone(),
            value,
            provenance: Some(provenance.clone()),
            reason: self.reason.clone(),
            owner: self.owner.clone(),
            ticket: self.ticket.clone(),
            expires: self.expires.clone(),
        };
        values.into_iter().map(one).collect()
    }
}

impl RawPermit {
    fn read(node: &Node, problems: &mut Problems) -> Option<Self> {
        let members = Members::open(node, "an entry of `permits`", PERMIT, problems)?;
        members.required(&["rule"], problems);
        let values = members.texts("values", problems);
        if let Some(list) = values.as_ref().filter(|list| list.value.is_empty()) {
            problems.add(list.at, "`values` names none; without the field every value is permitted");
        }
        Some(Self { at: members.at, rule: members.text("rule", problems), values })
    }
}

/// `injector istio may add containers istio-init of registry.example/istio/ with dangerous-capability NET_ADMIN,
/// root-container until 2027-02-01`.
impl fmt::Display for Injector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, exclusions, at: _ } = self;
        let Some(first) = exclusions.first() else { return write!(f, "injector {name} may add nothing") };
        let container = first.container.as_ref().map_or("", |pattern| pattern.as_str());
        let image = first.image.as_deref().unwrap_or_default();
        let of = |entry: &Exclusion| {
            entry
                .value
                .as_ref()
                .map_or_else(|| entry.rule.to_owned(), |value| format!("{} {value}", entry.rule))
        };
        let permits: Vec<_> = exclusions.iter().map(of).collect();
        let until = first.expires;
        write!(
            f,
            "injector {name} may add container {container} of {image} with {} until {until}",
            permits.join(", ")
        )
    }
}

//! What has changed in a list of exclusions since it was accepted: each entry that permits more than before.
//!
//! Does not know where lists are kept, or how bad a change is.

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::{Exclusion, Layer, Pattern, Position, Subject};
use crate::finding::{Provenance, Severity};
use crate::model::reference::ObjectRef;
use crate::rules;

/// An accepted entry, as records keep it: without its reason and its place.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Listed {
    rule: String,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    subject: BTreeMap<String, String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    container: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    image: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    value: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    provenance: Option<Provenance>,
    owner: String,
    expires: Date,
}

/// The lists that passed last, as far as they speak of one application; none where none is on record.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Lists {
    /// Of the application's own policy.
    pub application: Option<BTreeSet<Listed>>,
    /// Of the policy above it, or of the only one.
    pub platform: Option<BTreeSet<Listed>>,
}

/// How an entry permits more than the accepted list did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// Nothing like it was there.
    Added,
    /// It covers more than one that was there.
    Widened,
    /// It holds longer than it did: until then.
    Prolonged(Date),
    /// Somebody else answered for it.
    OwnerChanged(String),
}

impl Change {
    /// One word for it.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Added => "added",
            Self::Widened => "widened",
            Self::Prolonged(_) => "prolonged",
            Self::OwnerChanged(_) => "owner changed",
        }
    }
}

impl From<&Exclusion> for Listed {
    fn from(entry: &Exclusion) -> Self {
        let text = |pattern: &Pattern| pattern.as_str().to_owned();
        let subject = match &entry.subject {
            Subject::Any => BTreeMap::new(),
            Subject::Owner(owner) => [("owner".to_owned(), owner.to_string())].into(),
            Subject::Matching { kind, namespace, name } => {
                let parts = [("kind", kind), ("namespace", namespace), ("name", name)];
                parts
                    .into_iter()
                    .filter_map(|(key, part)| Some((key.to_owned(), text(part.as_ref()?))))
                    .collect()
            }
        };
        Self {
            rule: entry.rule.to_owned(),
            subject,
            container: entry.container.as_ref().map(text),
            image: entry.image.clone(),
            value: entry.value.clone(),
            provenance: entry.provenance,
            owner: entry.owner.clone(),
            expires: entry.expires,
        }
    }
}

impl Listed {
    /// The entry again; none if it is of a rule that is no more, or of a form that nobody reads.
    fn entry(&self) -> Option<Exclusion> {
        let pattern = |text: Option<&String>| text.map(|text| Pattern::new(text).ok());
        let part = |key: &str| match pattern(self.subject.get(key)) {
            Some(None) => None,
            found => Some(found.flatten()),
        };
        let subject = match (self.subject.is_empty(), self.subject.get("owner")) {
            (true, _) => Subject::Any,
            (false, Some(owner)) => Subject::Owner(ObjectRef::parse(owner)?),
            (false, None) => {
                Subject::Matching { kind: part("kind")?, namespace: part("namespace")?, name: part("name")? }
            }
        };
        Some(Exclusion {
            rule: rules::find(&self.rule)?.id,
            subject,
            container: match &self.container {
                Some(text) => Some(Pattern::new(text).ok()?),
                None => None,
            },
            image: self.image.clone(),
            value: self.value.clone(),
            provenance: self.provenance,
            reason: String::new(),
            owner: self.owner.clone(),
            ticket: None,
            expires: self.expires,
            at: Position { file: "".into(), line: 0, column: 0 },
            layer: Layer::Application,
            up_to: Severity::Critical,
            injector: None,
        })
    }
}

/// The entries that permit more than the accepted list, each with the first of its changes.
pub fn changes<'a>(
    now: impl IntoIterator<Item = &'a Exclusion>,
    accepted: &BTreeSet<Listed>,
    today: Date,
) -> Vec<(&'a Exclusion, Change)> {
    let known: Vec<Exclusion> = accepted.iter().filter_map(Listed::entry).collect();
    let holding = now.into_iter().filter(|entry| !entry.is_expired(today));
    // Nearly all of a long list is as it was.
    let others = holding.filter(|entry| !accepted.contains(&Listed::from(*entry)));
    others.filter_map(|entry| Some((entry, change(entry, &known)?))).collect()
}

fn change(entry: &Exclusion, accepted: &[Exclusion]) -> Option<Change> {
    let same: Vec<_> = accepted.iter().filter(|known| known.means_the_same_as(entry)).collect();
    if let Some(first) = same.first()
        && same.iter().all(|known| known.owner != entry.owner)
    {
        return Some(Change::OwnerChanged(first.owner.clone()));
    }
    let around = accepted.iter().filter(|known| known.covers(entry));
    match around.map(|known| known.expires).max() {
        Some(until) if until < entry.expires => Some(Change::Prolonged(until)),
        Some(_) => None,
        None if accepted.iter().any(|known| entry.covers(known)) => Some(Change::Widened),
        None => Some(Change::Added),
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;
    use proptest::prelude::*;

    use super::*;
    use crate::exclusion::tests::{any_subject, exclusion};

    const TODAY: Date = date(2026, 11, 24);

    fn matching(name: &str) -> Exclusion {
        let pattern = |text: &str| Some(Pattern::new(text).unwrap());
        let subject = Subject::Matching { kind: None, namespace: pattern("shop"), name: pattern(name) };
        Exclusion { value: Some("x".into()), ..exclusion("secret-read", subject, 1) }
    }

    #[track_caller]
    fn check(now: &Exclusion, before: Option<&Exclusion>, expected: Option<&Change>) {
        let accepted = before.into_iter().map(Listed::from).collect();
        let found = changes([now], &accepted, TODAY);
        assert_eq!(found.first().map(|(_entry, change)| change), expected);
    }

    #[test]
    fn what_permits_more_is_a_change() {
        let (web, any) = (matching("web"), matching("w*"));
        check(&web, None, Some(&Change::Added));
        check(&web, Some(&matching("api")), Some(&Change::Added));
        check(&any, Some(&web), Some(&Change::Widened));
        check(&Exclusion { value: None, ..web.clone() }, Some(&web), Some(&Change::Widened));
        let longer = Exclusion { expires: date(2027, 6, 1), ..web.clone() };
        check(&longer, Some(&web), Some(&Change::Prolonged(web.expires)));
        check(&longer, Some(&any), Some(&Change::Prolonged(web.expires)));
        let other = Exclusion { owner: "another".into(), ..web.clone() };
        check(&other, Some(&web), Some(&Change::OwnerChanged(web.owner.clone())));
    }

    #[test]
    fn what_permits_the_same_or_less_is_none() {
        let web = matching("web");
        check(&web, Some(&web), None);
        check(&web, Some(&matching("w*")), None);
        check(&Exclusion { expires: date(2026, 12, 1), ..web.clone() }, Some(&web), None);
        check(&Exclusion { reason: "another".into(), ..web.clone() }, Some(&web), None);
        check(&Exclusion { expires: date(2026, 11, 1), ..web }, None, None);
    }

    proptest! {
        #[test]
        fn an_accepted_list_has_not_changed(subjects in proptest::collection::vec(any_subject(), 0..5)) {
            let entries: Vec<_> = subjects.into_iter().map(|subject| exclusion("secret-read", subject, 1)).collect();
            let accepted: BTreeSet<Listed> = entries.iter().map(Listed::from).collect();
            prop_assert_eq!(changes(&entries, &accepted, TODAY).len(), 0);
            let text = serde_json::to_string(&accepted).unwrap();
            prop_assert_eq!(serde_json::from_str::<BTreeSet<Listed>>(&text).unwrap(), accepted);
        }
    }
}

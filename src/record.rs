//! What passed: the findings that a good revision had, and what its source declared of each object.
//!
//! A record decides whether going back can help, and, where a policy says that it is the baseline, what is accepted.
//! Owns its form (canonical JSON, bounded in size). Does not know where records are kept or what a verdict is.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::declared::{Digest, short_hex};
use crate::exclusion::{Listed, Lists};
use crate::finding::{Finding, Identity, Severity};
use crate::model::reference::ObjectRef;

/// `apiVersion` of a record.
pub const API_VERSION: &str = "driftgate.dev/v1alpha1";
/// `kind` of a record.
pub const KIND: &str = "GateRecord";
/// Most bytes of a record as JSON; a ConfigMap holds 1 MiB in all.
pub const RECORD_BYTES: usize = 900 * 1024;
/// Most characters of a finding in words.
const WORDS: usize = 160;

/// A finding's identity as 16 hexadecimal digits of SHA-256.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Mark(String);

impl Mark {
    /// Its digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The mark of an identity.
    pub fn of(identity: &Identity) -> Self {
        Self::of_part(identity, &identity.value)
    }

    /// The mark of an identity with another value.
    fn of_part(identity: &Identity, value: &str) -> Self {
        let Identity { rule, subject, container, value: _ } = identity;
        let mut hasher = Sha256::new();
        let parts = [*rule, &subject.group, &subject.kind, &subject.namespace, &subject.name, value];
        for part in parts.into_iter().chain(container.as_deref()) {
            hasher.update((part.len() as u64).to_be_bytes());
            hasher.update(part.as_bytes());
        }
        Self(short_hex(hasher))
    }
}

/// One revision that passed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Record {
    api_version: String,
    kind: String,
    /// `NAMESPACE/NAME` of the GitOps object.
    pub application: String,
    /// The revision, as far as it was known.
    pub revision: Option<String>,
    /// When it passed.
    pub time: Timestamp,
    /// Findings that it had, excluded and minor ones included, with words for people; only the marks are compared,
    /// and a record that would grow too large leaves all words out.
    pub findings: BTreeMap<Mark, String>,
    /// The baseline: findings that no exclusion had to cover, parts included, by the severity that they had.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub accepted: BTreeMap<Severity, BTreeSet<Mark>>,
    /// The exclusions of the application's own policy; none on record before they were kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exclusions: Option<BTreeSet<Listed>>,
    /// Those of the policy above it, or of the only one, that speak of the application; left out where there is no room.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub platform_exclusions: Option<BTreeSet<Listed>>,
    /// What made up those findings that were more than one thing, as identities of their own.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub parts: BTreeSet<Mark>,
    /// What the source declared of the application's own objects, by `ObjectRef` in words.
    pub declared: BTreeMap<String, Digest>,
    /// What changed Pods on their way in, by `ObjectRef` in words, with something that changes when it changes.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub injectors: BTreeMap<String, String>,
}

/// Why a text is no record, or a record cannot be written.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Not JSON, or another shape.
    #[error("{0}")]
    Malformed(String),
    /// Of another kind or version.
    #[error("apiVersion {api_version} and kind {kind}, expected {API_VERSION} and {KIND}")]
    OtherKind {
        /// What it says.
        api_version: String,
        /// What it says.
        kind: String,
    },
    /// Larger than a ConfigMap may hold.
    #[error("{bytes} bytes with {findings} findings and {objects} objects, at most {RECORD_BYTES} fit")]
    TooLarge {
        /// Size as JSON.
        bytes: usize,
        /// Findings in it.
        findings: usize,
        /// Objects in it.
        objects: usize,
    },
}

impl Record {
    /// A record of a pass.
    pub fn new<'a>(
        application: impl Into<String>,
        revision: Option<String>,
        time: Timestamp,
        findings: impl IntoIterator<Item = &'a Finding>,
        declared: &BTreeMap<ObjectRef, Digest>,
    ) -> Self {
        let (mut marks, mut parts) = (BTreeMap::new(), BTreeSet::new());
        for Finding { identity, parts: made_of, .. } in findings {
            let words = identity.to_string().chars().take(WORDS).collect::<String>();
            marks.insert(Mark::of(identity), words);
            let others = made_of.iter().filter(|part| part.value != identity.value);
            parts.extend(others.map(|part| Mark::of_part(identity, &part.value)));
        }
        Self {
            api_version: API_VERSION.to_owned(),
            kind: KIND.to_owned(),
            application: application.into(),
            revision,
            time,
            findings: marks,
            accepted: BTreeMap::new(),
            exclusions: None,
            platform_exclusions: None,
            parts,
            declared: in_words(declared),
            injectors: BTreeMap::new(),
        }
    }

    /// With what changes Pods on their way in.
    #[must_use]
    pub fn injected_by(mut self, injectors: &BTreeMap<ObjectRef, String>) -> Self {
        self.injectors = in_words(injectors);
        self
    }

    /// With the lists of exclusions.
    #[must_use]
    pub fn listing(self, lists: Lists) -> Self {
        let Lists { application: exclusions, platform: platform_exclusions } = lists;
        Self { exclusions, platform_exclusions, ..self }
    }

    /// The lists of exclusions.
    pub fn lists(&self) -> Lists {
        Lists { application: self.exclusions.clone(), platform: self.platform_exclusions.clone() }
    }

    /// With findings that are accepted from now on.
    #[must_use]
    pub fn accepting<'a>(mut self, findings: impl IntoIterator<Item = &'a Finding>) -> Self {
        for finding in findings {
            let marks = self.accepted.entry(finding.severity).or_default();
            marks.insert(Mark::of(&finding.identity));
            marks.extend(finding.parts.iter().map(|part| Mark::of_part(&finding.identity, &part.value)));
        }
        self
    }

    /// What was accepted, in words, with the severity that it had; parts are not told apart.
    pub fn accepted_findings(&self) -> impl Iterator<Item = (Severity, &Mark, &str)> {
        let all =
            self.accepted.iter().flat_map(|(severity, marks)| marks.iter().map(|mark| (*severity, mark)));
        all.filter_map(|(severity, mark)| {
            let words = self.findings.get(mark)?;
            Some((severity, mark, if words.is_empty() { mark.as_str() } else { words }))
        })
    }

    /// True if the finding, or everything that makes it up, was accepted at this severity or a worse one.
    pub fn accepts(&self, finding: &Finding) -> bool {
        let worse = || self.accepted.range(finding.severity..);
        holds(finding, |mark| worse().any(|(_severity, marks)| marks.contains(mark)))
    }

    /// Reads canonical JSON.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let record: Self = serde_json::from_str(text).map_err(|error| Error::Malformed(error.to_string()))?;
        if record.api_version != API_VERSION || record.kind != KIND {
            let Self { api_version, kind, .. } = record;
            return Err(Error::OtherKind { api_version, kind });
        }
        Ok(record)
    }

    /// Canonical JSON: the same record is the same bytes.
    pub fn to_json(&self) -> Result<String, Error> {
        let text = json(self)?;
        if text.len() <= RECORD_BYTES {
            return Ok(text);
        }
        let findings: BTreeMap<_, _> =
            self.findings.keys().map(|mark| (mark.clone(), String::new())).collect();
        let mut text = json(&Self { findings: findings.clone(), ..self.clone() })?;
        if text.len() > RECORD_BYTES {
            text = json(&Self { findings, platform_exclusions: None, ..self.clone() })?;
        }
        if text.len() > RECORD_BYTES {
            let (findings, objects) = (self.findings.len(), self.declared.len());
            return Err(Error::TooLarge { bytes: text.len(), findings, objects });
        }
        Ok(text)
    }

    /// True if the revision had this finding, or everything that makes it up.
    pub fn has(&self, finding: &Finding) -> bool {
        holds(finding, |mark| self.findings.contains_key(mark) || self.parts.contains(mark))
    }

    /// What the source declared of an object.
    pub fn declared(&self, object: &ObjectRef) -> Option<&Digest> {
        self.declared.get(&object.to_string())
    }
}

/// True if the finding is known, or everything that makes it up, by itself or within something wider.
fn holds(finding: &Finding, has: impl Fn(&Mark) -> bool) -> bool {
    let Finding { identity, parts, .. } = finding;
    let known = |value: &String| has(&Mark::of_part(identity, value));
    let all = || parts.iter().all(|part| known(&part.value) || part.within.iter().any(known));
    known(&identity.value) || (!parts.is_empty() && all())
}

fn json(record: &Record) -> Result<String, Error> {
    serde_json::to_string(record).map_err(|error| Error::Malformed(error.to_string()))
}

fn in_words<V: Clone>(map: &BTreeMap<ObjectRef, V>) -> BTreeMap<String, V> {
    map.iter().map(|(object, value)| (object.to_string(), value.clone())).collect()
}

/// `4f2c91e, which passed at 2026-11-24T10:00:00Z`.
impl fmt::Display for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let revision = self.revision.as_deref().unwrap_or("a revision whose name is not known");
        let is_hash = matches!(revision.len(), 40 | 64) && revision.chars().all(|c| c.is_ascii_hexdigit());
        let shown = if is_hash { revision.get(..7).unwrap_or(revision) } else { revision };
        write!(f, "{shown}, which passed at {:.0}", self.time)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::exclusion::Subject;
    use crate::exclusion::tests::{deployment, exclusion};
    use crate::finding::Part;
    use crate::model::reference::GroupKind;

    fn identity(rule: &'static str, container: Option<&str>, value: &str) -> Identity {
        let subject = ObjectRef::new(&GroupKind::new("apps", "Deployment"), "shop", "web");
        Identity { rule, subject, container: container.map(String::from), value: value.to_owned() }
    }

    fn finding(value: &str) -> Finding {
        let Identity { subject, .. } = identity("a", None, "");
        crate::exclusion::tests::finding("a", &subject, None, value)
    }

    fn record(values: &[String]) -> Record {
        let findings: Vec<_> = values.iter().map(|value| finding(value)).collect();
        recorded(&findings)
    }

    fn recorded(findings: &[Finding]) -> Record {
        let digest = crate::declared::declared(r#"{"kind":"Deployment","spec":{"replicas":1}}"#).unwrap();
        let object = identity("a", None, "").subject;
        let time = "2026-11-24T10:00:00Z".parse().unwrap();
        Record::new("argocd/shop", Some("4f2c91e".into()), time, findings, &[(object, digest)].into())
    }

    fn numbers(count: u32) -> Vec<String> {
        (0..count).map(|number| number.to_string()).collect()
    }

    #[test]
    fn a_mark_tells_every_part_of_an_identity_apart() {
        let all = [
            identity("a", None, "x"),
            identity("b", None, "x"),
            identity("a", Some(""), "x"),
            identity("a", Some("x"), ""),
            identity("a", None, ""),
        ];
        let marks: std::collections::BTreeSet<_> = all.iter().map(Mark::of).collect();
        assert_eq!(marks.len(), all.len());
    }

    /// A finding made of parts, each with what would include it.
    fn made_of(value: &str, parts: &[(&str, &[&str])]) -> Finding {
        let part = |(value, within): &(&str, &[&str])| Part {
            value: (*value).to_owned(),
            within: within.iter().map(|wider| (*wider).to_owned()).collect(),
        };
        Finding { parts: parts.iter().map(part).collect(), ..finding(value) }
    }

    #[test]
    fn less_of_the_same_is_not_new() {
        let get_list = [("get secrets", &["get *"] as &[&str]), ("list secrets", &["list *"])];
        let record = recorded(&[made_of("get,list secrets", &get_list)]);
        let read = Record::parse(&record.to_json().unwrap()).unwrap();
        assert!(read.has(&made_of("list secrets", &get_list[1..])));
        assert!(read.has(&made_of("list secrets[a]", &[("list secrets[a]", &["list secrets"])])));
        assert!(!read.has(&made_of("list,watch secrets", &[get_list[1], ("watch secrets", &[])])));
        assert!(!read.has(&made_of("list *", &[("list *", &[])])));
        assert!(!read.has(&finding("something else")));
    }

    #[test]
    fn what_was_accepted_is_so_up_to_its_severity() {
        let at = |severity| Finding { severity, ..made_of("get,list x", &[("get x", &[]), ("list x", &[])]) };
        let record = recorded(&[at(Severity::High)]).accepting([&at(Severity::High)]);
        let read = Record::parse(&record.to_json().unwrap()).unwrap();
        assert!(read.accepts(&at(Severity::High)) && read.accepts(&at(Severity::Low)));
        assert!(!read.accepts(&at(Severity::Critical)));
        assert!(read.accepts(&Finding { severity: Severity::High, ..made_of("list x", &[("list x", &[])]) }));
        assert!(!recorded(&[at(Severity::High)]).accepts(&at(Severity::High)), "on record is not accepted");
    }

    #[test]
    fn people_can_read_what_was_found() {
        let text = record(&["NET_ADMIN".into()]).to_json().unwrap();
        assert!(text.contains("a apps/Deployment shop/web NET_ADMIN"), "{text}");
    }

    #[test]
    fn twenty_thousand_findings_fit_without_their_words() {
        let full = record(&numbers(20_000));
        let text = full.to_json().unwrap();
        assert!(!text.contains("shop/web 7"), "the words are left out");
        let read = Record::parse(&text).unwrap();
        assert_eq!(read.findings.len(), 20_000);
        assert!(read.has(&finding("19999")));
        assert_eq!(read.to_json().unwrap(), text);
    }

    #[test]
    fn a_record_that_is_too_large_is_refused_with_its_size() {
        let error = record(&numbers(60_000)).to_json().unwrap_err();
        assert!(error.to_string().contains("with 60000 findings and 1 objects"), "{error}");
    }

    #[test]
    fn another_kind_is_no_record() {
        let text = record(&[]).to_json().unwrap();
        let error = Record::parse(&text.replace(KIND, "Other")).unwrap_err();
        assert!(matches!(error, Error::OtherKind { .. }));
        assert!(matches!(Record::parse("{"), Err(Error::Malformed(_))));
        assert!(matches!(Record::parse(&text[..text.len() / 2]), Err(Error::Malformed(_))));
    }

    #[test]
    fn the_platforms_list_gives_way_where_there_is_no_room() {
        let entry = |number: u16| {
            let mut entry = exclusion("host-pid", Subject::Owner(deployment("shop", "web")), 1);
            entry.value = Some(format!("value {number}"));
            Listed::from(&entry)
        };
        let lists = |count: u16| Lists {
            application: Some([entry(0)].into()),
            platform: Some((0..count).map(entry).collect()),
        };
        let kept = |count: u16| {
            let text = record(&[]).listing(lists(count)).to_json().unwrap();
            Record::parse(&text).unwrap().lists()
        };
        assert_eq!(kept(100), lists(100));
        assert_eq!(kept(20_000), Lists { platform: None, ..lists(0) });
    }

    proptest! {
        #[test]
        fn a_record_round_trips_byte_for_byte(values in proptest::collection::vec(".*", 0..20)) {
            let all: Vec<_> = values.iter().map(|value| finding(value)).collect();
            let entry = |value: &String| {
                let mut entry = exclusion("host-pid", Subject::Owner(deployment("shop", "web")), 1);
                entry.value = Some(value.clone());
                Listed::from(&entry)
            };
            let list = Some(values.iter().map(entry).collect());
            let full = record(&values).accepting(&all).listing(Lists { application: list.clone(), platform: list });
            let text = full.to_json().unwrap();
            let read = Record::parse(&text).unwrap();
            prop_assert_eq!(read.to_json().unwrap(), text);
            prop_assert!(read == full);
            for value in &values {
                prop_assert!(read.has(&finding(value)));
            }
        }
    }
}

//! Whether what is written down is judged as the live application was, before anybody relies on it.

use std::collections::BTreeSet;

use jiff::Timestamp;

use crate::app::look::Seen;
use crate::app::record::folder::Files;
use crate::cluster::Cluster;
use crate::finding::Gap;
use crate::gitops::discovery::Discovery;
use crate::manifests::{self, causes};
use crate::memory::{Api, Fault, Settings};
use crate::scenario::{self, Forbid};

/// The files as a cluster.
///
/// # Errors
/// What in them is no object; a mistake of ours.
pub(super) fn cluster(
    files: &Files,
    start: Timestamp,
    forbid: &[Forbid],
    faults: &[Fault],
) -> Result<Cluster, String> {
    let api = Api::new(Settings { start, ..Settings::default() });
    for text in files.values() {
        let problems = manifests::read(&["-".into()], text.as_bytes(), |json| {
            api.seed(json).map(drop).map_err(|error| causes(&error))
        });
        if let Some(problem) = problems.first() {
            return Err(problem.to_string());
        }
    }
    scenario::obstruct(&api, forbid, faults);
    Ok(Cluster::new(api.client()))
}

/// What was found, and what was seen of it.
type Look<'a> = (&'a Discovery, &'a Seen);

/// What is not the same in the recording as live, in words; none if all is.
pub(super) fn difference((found, live): Look<'_>, (again, told): Look<'_>) -> Option<String> {
    if found.scope != again.scope || found.previous != again.previous {
        return Some("which objects and revision are the application's".to_owned());
    }
    let missed = |discovery: &Discovery| gaps(&discovery.gaps);
    if missed(found) != missed(again) {
        return Some("what could not be seen of its parts".to_owned());
    }
    finding(live, told).or_else(|| gap(live, told)).or_else(|| rest(live, told))
}

fn finding(live: &Seen, told: &Seen) -> Option<String> {
    let (live, told) = (&live.evaluation.findings, &told.evaluation.findings);
    let differs = live.iter().find(|(identity, finding)| told.get(identity) != Some(finding));
    let added = || told.iter().find(|(identity, _)| !live.contains_key(identity));
    differs.or_else(added).map(|(identity, _)| format!("the finding {identity}"))
}

/// Gaps may be in other words: those of another API server, about another user.
fn gaps<'a>(all: impl IntoIterator<Item = &'a Gap>) -> BTreeSet<Gap> {
    all.into_iter().map(|gap| Gap { detail: String::new(), ..gap.clone() }).collect()
}

fn gap(live: &Seen, told: &Seen) -> Option<String> {
    let (live, told) = (gaps(&live.evaluation.gaps), gaps(&told.evaluation.gaps));
    live.symmetric_difference(&told).next().map(|gap| format!("the gap {gap}"))
}

fn rest(live: &Seen, told: &Seen) -> Option<String> {
    if let Some(object) = live.owned.symmetric_difference(&told.owned).next() {
        return Some(format!("whether {object} is the application's own"));
    }
    let declares = |seen: &Seen| seen.declared.keys().cloned().collect::<BTreeSet<_>>();
    if let Some(object) = declares(live).symmetric_difference(&declares(told)).next() {
        return Some(format!("whether something declares {object}"));
    }
    if live.injectors != told.injectors {
        return Some("what changes Pods on their way in".to_owned());
    }
    let counts = |seen: &Seen| (seen.evaluation.counts.pods, seen.evaluation.counts.templates);
    (counts(live) != counts(told)).then(|| "the number of Pods".to_owned())
}

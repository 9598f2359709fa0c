//! One object judged: what it waits for, and a digest of everything whose change would reopen the question.
//!
//! Owns the test that Pods are exactly those that the newest template asks for. Does not know time.

use std::collections::BTreeSet;

use crate::model::reference::ObjectRef;
use crate::rollout::{Maker, Rollout};
use crate::settling::facts::{Facts, MakerFacts, PodFacts, Template, Wanted};
use crate::settling::family::{Family, Member};
use crate::settling::seen::digest;
use crate::settling::table::Key;

/// How an object stands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Standing {
    /// Zero while nothing of it matters.
    pub(super) digest: u64,
    /// What it waits for.
    pub(super) why: Vec<String>,
    /// Labels that admission selects its Pods by.
    pub(super) shapes: BTreeSet<u64>,
}

/// What may be missing because we are not allowed to see it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Hidden {
    pub(super) pods: bool,
    pub(super) replica_sets: bool,
    pub(super) revisions: bool,
}

impl Hidden {
    /// True if the Pods of a workload can be told from others and counted.
    fn shows_pods_of(self, maker: Maker) -> bool {
        !(self.pods || self.replica_sets && maker == Maker::Deployment)
    }
}

/// Judges an object; nothing is waited for of an object that is not the application's.
pub(super) fn judge(family: &Family, hidden: Hidden, key: Key) -> Standing {
    let Some(member) = family.get(key).filter(|_| family.belongs(key)) else { return Standing::default() };
    match &member.facts {
        Facts::Pod(pod) => of_pod(family, key, member, pod),
        Facts::Maker(maker) => of_maker(family, hidden, key, member, maker),
        Facts::Custom { rollout, generation } => of_custom(family, key, rollout, *generation),
        Facts::Revision { .. } => Standing::default(),
    }
}

/// A Pod that an owner of the application looks after is judged with that owner.
fn of_pod(family: &Family, key: Key, member: &Member, pod: &PodFacts) -> Standing {
    if pod.finished || member.owner.is_some_and(|owner| family.belongs(owner)) {
        return Standing::default();
    }
    let why = match pod.alone.as_deref() {
        Some(Rollout::Waiting(why) | Rollout::Failed(why)) => Some(why.clone()),
        Some(Rollout::Done(_)) | None => pod.unplaced.then(|| "has no node yet".to_owned()),
    };
    let why = why.into_iter().collect();
    Standing { digest: digest(&(key, pod.digest)), why, shapes: member.shape.into_iter().collect() }
}

fn of_custom(family: &Family, key: Key, rollout: &Rollout, generation: Option<i64>) -> Standing {
    let mut pods = Pods::default();
    pods.gather(family, key, None);
    let mut why: Vec<String> = match rollout {
        Rollout::Done(_) => Vec::new(),
        Rollout::Waiting(why) | Rollout::Failed(why) => vec![pods.with_trouble(why)],
    };
    why.extend(pods.unplaced());
    Standing { digest: digest(&(key, generation, pods.digest)), why, shapes: pods.shapes }
}

fn of_maker(family: &Family, hidden: Hidden, key: Key, member: &Member, maker: &MakerFacts) -> Standing {
    if maker.maker == Maker::ReplicaSet && is_of_deployment(family, member) {
        return Standing::default();
    }
    let newest = newest(family, hidden, key, maker);
    let mark = match &newest {
        Newest::From(mark, from) => Some((mark.as_str(), *from)),
        Newest::Any | Newest::Unknown => None,
    };
    let mut pods = Pods::default();
    pods.gather(family, key, mark);
    if maker.maker == Maker::Deployment {
        for (child, _) in family.children(key).filter(|(_, child)| matches!(child.facts, Facts::Maker(_))) {
            pods.gather(family, child, mark);
        }
    }
    let mut why = Vec::new();
    if let Some(problem) = maker.problem() {
        why.push(pods.with_trouble(problem));
    } else {
        why.extend(unknown(&newest, maker));
        why.extend(pods.outdated());
        why.extend(pods.counted(maker.wanted).filter(|_| hidden.shows_pods_of(maker.maker)));
    }
    why.extend(pods.unplaced());
    let mut shapes = pods.shapes;
    shapes.extend(member.shape);
    let own = maker.digest();
    let digest = if own == 0 && pods.digest == 0 { 0 } else { digest(&(key, own, pods.digest)) };
    Standing { digest, why, shapes }
}

fn is_of_deployment(family: &Family, member: &Member) -> bool {
    let owner = member.owner.and_then(|owner| family.get(owner)).map(|owner| &owner.facts);
    matches!(owner, Some(Facts::Maker(maker)) if maker.maker == Maker::Deployment)
}

/// The mark of the Pods that a workload has to have, from an ordinal on.
enum Newest {
    Any,
    From(String, i64),
    Unknown,
}

fn newest(family: &Family, hidden: Hidden, key: Key, maker: &MakerFacts) -> Newest {
    match &maker.template {
        Template::Marked(mark, from) if !mark.is_empty() => Newest::From(mark.clone(), *from),
        Template::Any | Template::Marked(..) => Newest::Any,
        Template::Newest => {
            let numbered = family.children(key).filter_map(|(_, child)| match &child.facts {
                Facts::Maker(set) => Some((set.number, &set.hash)),
                Facts::Revision { number, hash } => Some((*number, hash)),
                Facts::Pod(_) | Facts::Custom { .. } => None,
            });
            let hidden =
                if maker.maker == Maker::Deployment { hidden.replica_sets } else { hidden.revisions };
            match numbered.max().filter(|(_, hash)| !hash.is_empty()) {
                Some((_, hash)) => Newest::From(hash.clone(), i64::MIN),
                None if hidden => Newest::Any,
                None => Newest::Unknown,
            }
        }
    }
}

fn unknown(newest: &Newest, maker: &MakerFacts) -> Option<String> {
    let none_wanted = matches!(maker.wanted, Wanted::Exactly(0) | Wanted::AtLeast(0));
    match newest {
        Newest::Unknown if !none_wanted => {
            let revision = if maker.maker == Maker::Deployment { "ReplicaSet" } else { "ControllerRevision" };
            Some(format!("its newest {revision} is not there yet"))
        }
        Newest::Unknown | Newest::Any | Newest::From(..) => None,
    }
}

/// The Pods of one workload, counted.
#[derive(Default)]
struct Pods {
    digest: u64,
    shapes: BTreeSet<u64>,
    living: i64,
    deleting: Several,
    outdated: Several,
    unplaced: Several,
    trouble: Option<(ObjectRef, String)>,
}

/// How many Pods, and the first of them by name.
#[derive(Default)]
struct Several {
    count: u64,
    first: Option<ObjectRef>,
}

impl Several {
    fn add(&mut self, pod: &ObjectRef) {
        self.count += 1;
        if self.first.as_ref().is_none_or(|first| pod < first) {
            self.first = Some(pod.clone());
        }
    }

    fn say(&self, one: &str, many: &str) -> Option<String> {
        let first = self.first.as_ref()?;
        Some(match self.count {
            1 => format!("Pod {} {one}", first.name),
            count => format!("{count} Pods {many}, for instance {}", first.name),
        })
    }
}

impl Pods {
    fn gather(&mut self, family: &Family, owner: Key, mark: Option<(&str, i64)>) {
        for (key, member) in family.children(owner) {
            let Facts::Pod(pod) = &member.facts else { continue };
            if pod.finished {
                continue;
            }
            self.digest = self.digest.wrapping_add(digest(&(key, pod.digest)));
            self.shapes.extend(member.shape);
            self.count(member, pod, mark);
        }
    }

    fn count(&mut self, member: &Member, pod: &PodFacts, mark: Option<(&str, i64)>) {
        let first = self.trouble.as_ref().is_none_or(|(first, _)| member.object < *first);
        if let Some(trouble) = pod.trouble.as_ref().filter(|_| first) {
            self.trouble = Some((member.object.clone(), trouble.to_string()));
        }
        if pod.deleting {
            self.deleting.add(&member.object);
            return;
        }
        self.living += i64::from(pod.lives());
        if mark.is_some_and(|(mark, from)| *mark != *pod.hash && pod.ordinal.is_none_or(|own| from <= own)) {
            self.outdated.add(&member.object);
        }
        if pod.unplaced {
            self.unplaced.add(&member.object);
        }
    }

    /// What a workload waits for, with what keeps one of its Pods from running.
    fn with_trouble(&self, why: &str) -> String {
        match &self.trouble {
            Some((pod, trouble)) => format!("{why}; Pod {}: {trouble}", pod.name),
            None => why.to_owned(),
        }
    }

    fn outdated(&self) -> Option<String> {
        self.outdated.say("is of an older template", "are of an older template")
    }

    fn unplaced(&self) -> Option<String> {
        self.unplaced.say("has no node yet", "have no node yet")
    }

    fn counted(&self, wanted: Wanted) -> Option<String> {
        let (right, wanted) = match wanted {
            Wanted::Any => return None,
            Wanted::AtLeast(wanted) => (wanted <= self.living, wanted),
            Wanted::Exactly(wanted) => (wanted == self.living, wanted),
        };
        if !right {
            return Some(format!("{} Pods exist where {wanted} are wanted", self.living));
        }
        self.deleting.say("is still terminating", "are still terminating")
    }
}

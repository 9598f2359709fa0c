//! What manifests say of gates under Flux, as a repository has them or a cluster shows them: which Kustomization applies
//! which gate's Job, which `HelmReleases` have a gate, and what is wrong with them.
//!
//! Pure. A repository holds manifests before kustomize has built them, so what is built of others is followed by the
//! folders that they name. Does not know where manifests come from.

mod built;
mod release;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::gitops::flux::helm_release::{self, HelmRelease};
use crate::gitops::flux::job::{self, GateJob};
use crate::gitops::flux::kustomization::{self, Kustomization};
use crate::gitops::flux::traps::{self, Trap};
use crate::gitops::helm;
use crate::model::reference::{GroupKind, ObjectRef};
use crate::scope::TRACKING_ID;
use built::{Build, Builds, is_below};

/// Annotation of what Helm runs as a hook.
const HELM_HOOK: &str = "helm.sh/hook";

/// The number of a document, as whoever reads them counts.
pub type Number = usize;

/// What was read.
#[derive(Debug, Default)]
pub struct Fleet {
    jobs: Vec<Placed<GateJob>>,
    kustomizations: Vec<Placed<Kustomization>>,
    releases: Vec<Placed<HelmRelease>>,
    builds: Builds,
    /// Releases, `NAMESPACE/NAME`, whose verdict somebody asks for.
    asked: BTreeSet<String>,
    /// Folders of charts that have the gate as a dependency.
    charts: BTreeSet<String>,
    /// `HelmReleases` whose own text shows a gate.
    signed: BTreeSet<Number>,
}

#[derive(Debug)]
struct Placed<T> {
    number: Number,
    file: String,
    object: T,
}

/// A gate's Job as some Kustomization applies it.
struct Applied<'a> {
    /// None for the shipped one, where it is taken from elsewhere.
    job: Option<&'a Placed<GateJob>>,
    /// Nothing is applied beside it.
    alone: bool,
}

impl Fleet {
    /// Takes one document, of whatever kind; `file` is its path, with `/` between folders.
    ///
    /// # Errors
    /// The document is of a kind that matters, and its fields are not as that kind has them.
    pub fn add(&mut self, number: Number, file: &str, document: Value) -> Result<(), String> {
        let file = built::normal(file);
        self.asked.extend(release::asked(&document));
        if release::depends_on_gate(&file, &document) {
            self.charts.insert(built::folder(&file).to_owned());
        }
        self.builds.add(number, &file, &document);
        let kind = kind(&document);
        if kind == Some(job::kind()) {
            let object: GateJob = read(document)?;
            self.jobs.extend(is_flux(&object).then_some(Placed { number, file, object }));
        } else if kind == Some(kustomization::kind()) {
            self.kustomizations.push(Placed { number, file, object: read(document)? });
        } else if kind == Some(helm_release::kind()) {
            self.signed.extend(release::shows_gate(&document).then_some(number));
            self.releases.push(Placed { number, file, object: read(document)? });
        }
        Ok(())
    }

    /// Everything that is wrong, with the number of its document; `every_release` holds releases without a sign of a
    /// gate to the same.
    pub fn traps(&self, every_release: bool) -> BTreeSet<(Number, Trap)> {
        let mut found = self.of_gates();
        found.extend(self.of_builds());
        let circles = traps::circles(self.kustomizations.iter().map(|it| &it.object));
        found.extend(circles.into_iter().filter_map(|trap| Some((self.number(&trap.object)?, trap))));
        for it in self.releases.iter().filter(|it| every_release || self.has_gate(it)) {
            found.extend(helm::traps::of_release(&it.object).into_iter().map(|trap| (it.number, trap)));
        }
        found
    }

    /// The `HelmReleases` that show a gate, and those that do not.
    pub fn releases(&self) -> (Vec<ObjectRef>, Vec<ObjectRef>) {
        let (gated, others): (Vec<_>, Vec<_>) = self.releases.iter().partition(|it| self.has_gate(it));
        let names = |all: Vec<&Placed<HelmRelease>>| all.iter().map(|it| it.object.reference()).collect();
        (names(gated), names(others))
    }

    fn has_gate(&self, it: &Placed<HelmRelease>) -> bool {
        let meta = &it.object.metadata;
        let asked = format!("{}/{}", meta.namespace, meta.name);
        let chart = it.object.spec.chart.spec.chart.as_str();
        let local = || self.charts.iter().any(|folder| is_below(folder, &built::normal(chart)));
        self.signed.contains(&it.number) || self.asked.contains(&asked) || (!chart.is_empty() && local())
    }

    fn of_gates(&self) -> BTreeSet<(Number, Trap)> {
        let mut found = BTreeSet::new();
        let mut applied = BTreeSet::new();
        for gate in &self.kustomizations {
            for it in self.applied_by(gate) {
                let shipped = GateJob::shipped();
                let job = it.job.map_or(&shipped, |job| &job.object);
                let number = |trap: &Trap| match it.job {
                    Some(job) if trap.object == job.object.reference() => job.number,
                    _ => gate.number,
                };
                let wrong = traps::of_gate(&gate.object, job).into_iter();
                let wrong = wrong.chain(self.between(&gate.object, it.alone));
                found.extend(wrong.map(|trap| (number(&trap), trap)));
                applied.extend(it.job.map(|job| job.number));
            }
        }
        for job in self.jobs.iter().filter(|job| !applied.contains(&job.number)) {
            found.extend(traps::of_job(&job.object, false).into_iter().map(|trap| (job.number, trap)));
        }
        // Before kustomize has built it, a Job names what is generated as that is written; see `of_builds`.
        let unbuilt =
            |number| self.jobs.iter().any(|job| job.number == number && self.builds.lists(&job.file));
        found.retain(|(number, trap)| trap.field != traps::CONTENT || !unbuilt(*number));
        found
    }

    /// Between a Kustomization of nothing but the gate and what it judges.
    fn between(&self, gate: &Kustomization, alone: bool) -> Vec<Trap> {
        let mut dependencies = gate.dependencies();
        match (alone, dependencies.next(), dependencies.next()) {
            (false, ..) | (true, Some(_), Some(_)) => Vec::new(),
            (true, None, _) => vec![traps::of_lonely(gate)],
            (true, Some(only), None) => {
                let app = self.kustomizations.iter().find(|it| it.object.reference() == only);
                app.map(|app| traps::of_pair(gate, &app.object)).unwrap_or_default()
            }
        }
    }

    /// Kustomizations of kustomize that build the gate and no content for it to be tied to.
    fn of_builds(&self) -> Vec<(Number, Trap)> {
        let jobs = self.job_files();
        let untied = self.builds.without_content(&jobs);
        untied.map(|build| (build.number, traps::of_build(&build.folder))).collect()
    }

    fn applied_by(&self, gate: &Placed<Kustomization>) -> Vec<Applied<'_>> {
        let own = gate.object.reference();
        let (objects, _unreadable) = gate.object.objects();
        let live = |job: &&Placed<GateJob>| {
            job.object.kustomization().as_ref() == Some(&own) || objects.contains(&job.object.reference())
        };
        let live: Vec<_> = self.jobs.iter().filter(live).collect();
        if !live.is_empty() {
            let alone = |job: &GateJob| !gate.object.applies_beside(&job.reference());
            let applied = |job| Applied { job: Some(job), alone: !objects.is_empty() && alone(&job.object) };
            return live.into_iter().map(applied).collect();
        }
        let path = built::normal(&gate.object.spec.path);
        if path.is_empty() {
            return Vec::new();
        }
        if let Some(build) = self.builds.at(&path) {
            return self.built(build);
        }
        let below = self.jobs.iter().filter(|job| is_below(built::folder(&job.file), &path));
        below.map(|job| Applied { job: Some(job), alone: false }).collect()
    }

    /// The gates' Jobs that a folder builds.
    fn built(&self, build: &Build) -> Vec<Applied<'_>> {
        let jobs = self.job_files();
        let alone = self.builds.is_gate_alone(build, &jobs);
        let numbers = self.builds.jobs(build, &jobs);
        let listed = self.jobs.iter().filter(|job| numbers.contains(&job.number));
        let mut found: Vec<_> = listed.map(|job| Applied { job: Some(job), alone }).collect();
        if found.is_empty() && self.builds.takes_shipped(build) {
            found.push(Applied { job: None, alone });
        }
        found
    }

    fn job_files(&self) -> BTreeMap<&str, Number> {
        self.jobs.iter().map(|job| (job.file.as_str(), job.number)).collect()
    }

    fn number(&self, object: &ObjectRef) -> Option<Number> {
        self.kustomizations.iter().find(|it| it.object.reference() == *object).map(|it| it.number)
    }
}

/// A gate, or who tells its verdict, that neither Argo CD nor Helm runs.
fn is_flux(job: &GateJob) -> bool {
    let annotations = &job.metadata.rest.annotations;
    let others = annotations.contains_key(HELM_HOOK) || annotations.contains_key(TRACKING_ID);
    job.is_gate() && !others && !job.rolls_back()
}

fn kind(object: &Value) -> Option<GroupKind> {
    let (group, _version) = object["apiVersion"].as_str()?.split_once('/')?;
    Some(GroupKind::new(group, object["kind"].as_str()?))
}

fn read<T: serde::de::DeserializeOwned>(document: Value) -> Result<T, String> {
    serde_json::from_value(document).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests;

//! One recording: what was seen of a live application, and the same as files.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde::de::IgnoredAny;
use serde_json::Value;

use crate::app::look::{self, Seen};
use crate::app::record::folder::{self, Files, Head};
use crate::app::record::heard::{Heard, Objects};
use crate::app::record::nearby::{backends, nearby};
use crate::app::record::replay;
use crate::app::rollback::Name;
use crate::app::told::{self, Stop};
use crate::cluster::{ApiError, Cluster, Query, Reason, Survey};
use crate::engine::Counts;
use crate::gitops::argocd::discover;
use crate::gitops::discovery::Discovery;
use crate::gitops::flux::discover as flux;
use crate::model::reference::ObjectRef;
use crate::record::Record;
use crate::rules::{self, RULES, resources as r};
use crate::scope::{Membership, Scope};
use crate::settling::SERVICE_NAME;

/// What is recorded.
#[derive(Clone, Debug)]
pub(super) enum Picked {
    /// An Argo CD Application.
    Application { namespace: String, name: String, options: discover::Options },
    /// A Kustomization of Flux.
    Kustomization { namespace: String, name: String },
    /// What was picked by hand, and by which labels.
    Selection { scope: Scope, selector: Option<String> },
}

/// A live application, written down but not yet on disk.
#[derive(Debug)]
pub(super) struct Recording {
    pub(super) discovery: Discovery,
    /// What was seen live.
    pub(super) live: Seen,
    /// What is seen in the recording.
    told: Seen,
    /// What is not the same in both; none if all is.
    pub(super) difference: Option<String>,
    pub(super) files: Files,
    scenario: Head,
    /// Objects that were written down.
    objects: usize,
    /// What the gate would look at and could not be seen, besides the gaps.
    unseen: BTreeSet<String>,
}

impl Picked {
    async fn discover(&self, cluster: &Cluster) -> Result<Discovery, Stop> {
        match self {
            Self::Application { namespace, name, options } => {
                Ok(discover::of_application(cluster, namespace, name, options).await?)
            }
            Self::Kustomization { namespace, name } => {
                Ok(flux::of_kustomization(cluster, namespace, name).await?)
            }
            Self::Selection { scope, .. } => Ok(Discovery::of_selection(scope.clone())),
        }
    }

    fn name(&self, head: &mut Head) {
        match self {
            Self::Application { namespace, name, options } => {
                head.app = Some(format!("{namespace}/{name}"));
                let is_usual = options.namespace == "argocd";
                head.argocd_namespace = (!is_usual).then(|| options.namespace.clone());
            }
            Self::Kustomization { namespace, name } => {
                head.app = Some(Name::flux(namespace, name).to_string());
            }
            Self::Selection { scope, selector } => {
                head.namespaces = scope.namespaces.iter().flatten().cloned().collect();
                head.selector.clone_from(selector);
            }
        }
    }
}

impl Recording {
    /// Looks at the live application, and at what is written down of it.
    ///
    /// # Errors
    /// The API server is unavailable, or there is nothing to record.
    pub(super) async fn of(
        cluster: &Cluster,
        picked: &Picked,
        settings: &rules::Settings,
        today: Date,
    ) -> Result<Self, Stop> {
        let kinds = cluster.kinds().await?;
        let answers = Arc::new(Mutex::new(Heard::default()));
        let tapped = {
            let (answers, kinds) = (answers.clone(), kinds.clone());
            cluster.tapped(move |asked, status, body| lock(&answers).take(&kinds, asked, status, body))
        };
        let discovery = picked.discover(&tapped).await?;
        let (live, survey) = look::look_around(&tapped, &discovery.scope, RULES, settings).await?;
        let Counts { pods, templates, .. } = live.evaluation.counts;
        if pods == 0 && templates == 0 && live.owned.is_empty() {
            return Err(nothing(&discovery));
        }
        let unseen = look_at_the_rest(&tapped, &discovery.scope, &survey).await?;
        let heard = std::mem::take(&mut *lock(&answers));
        let objects = nearby(&heard, &discovery.scope, &survey);
        let mut scenario = Head::new(title(&discovery), start(&objects, today));
        picked.name(&mut scenario);
        (scenario.forbid, scenario.faults) = heard.obstacles();
        let files = folder::objects(&objects, &kinds).map_err(Stop::Invalid)?;
        let replayed = replay::cluster(&files, scenario.start, &scenario.forbid, &scenario.faults)
            .map_err(Stop::Invalid)?;
        let again = picked.discover(&replayed).await?;
        let (told, _survey) = look::look_around(&replayed, &again.scope, RULES, settings).await?;
        let difference = replay::difference((&discovery, &live), (&again, &told));
        Ok(Self { discovery, live, told, difference, files, scenario, objects: objects.len(), unseen })
    }

    /// Adds the record of the last pass. What it says of declarations is put in terms of what is written down.
    pub(super) fn add_record(&mut self, mut record: Record) -> Result<(), String> {
        for (name, digest) in &mut record.declared {
            let object = ObjectRef::parse(name).unwrap_or_default();
            *digest = digest.retold(self.live.declared.get(&object), self.told.declared.get(&object));
        }
        self.scenario.start = self.scenario.start.max(record.time);
        let text = serde_json::to_string_pretty(&record).map_err(|error| error.to_string())?;
        self.files.insert(folder::RECORD.to_owned(), format!("{text}\n"));
        Ok(())
    }

    /// What was recorded, line by line.
    pub(super) fn summary(&self, folder: &Path) -> Vec<String> {
        let kinds = self.files.len();
        let mut lines = vec![
            format!("{}: {}", self.scenario.title, told::counts(&self.live.evaluation)),
            format!("{} objects of {kinds} kinds are in {}", self.objects, folder.display()),
            "values that may be secrets are left out; read the files before you share them".to_owned(),
        ];
        let gaps = self.live.evaluation.gaps.iter().chain(&self.discovery.gaps).map(ToString::to_string);
        let notes = self.discovery.note.iter().map(|note| format!("the Application: {note}"));
        let unseen = gaps.chain(notes).chain(self.unseen.iter().cloned());
        lines.extend(unseen.map(|what| format!("not seen, and so in the rehearsal: {what}")));
        lines
    }

    /// All files of the folder.
    pub(super) fn into_files(mut self) -> Result<Files, String> {
        let head = self.scenario.text(&self.files)?;
        self.files.insert(crate::scenario::FILE.to_owned(), head);
        Ok(self.files)
    }
}

fn lock(answers: &Mutex<Heard>) -> MutexGuard<'_, Heard> {
    answers.lock().unwrap_or_else(PoisonError::into_inner)
}

fn nothing(discovery: &Discovery) -> Stop {
    let name = &discovery.scope.application.name;
    let note = discovery.note.as_ref().map(|note| format!(" ({note})")).unwrap_or_default();
    Stop::NotFound(format!(
        "nothing to record: no Pod, template or other object of {name} was found{note}; look at the names and at the \
         namespace"
    ))
}

fn title(discovery: &Discovery) -> String {
    let application = &discovery.scope.application;
    let revision =
        application.revision.as_deref().map(|revision| format!(" at {revision}")).unwrap_or_default();
    format!("Recorded from {}{revision}", application.name)
}

/// Reads what settling looks at besides: revisions of templates, what serves webhooks, and custom resources that the
/// application consists of. Returns what could not be seen of it.
async fn look_at_the_rest(
    cluster: &Cluster,
    scope: &Scope,
    survey: &Survey,
) -> Result<BTreeSet<String>, ApiError> {
    let kinds = cluster.kinds().await?;
    let mut queries = Vec::new();
    if let Some(kind) = kinds.resource(&r::CONTROLLER_REVISIONS) {
        queries.extend(survey.namespaces.iter().map(|namespace| Query::new(kind).namespace(namespace)));
    }
    for (namespace, name) in backends(survey).collect::<BTreeSet<_>>() {
        let services = kinds.resource(&r::SERVICES).map(Query::new);
        queries
            .extend(services.map(|query| query.namespace(namespace).fields(format!("metadata.name={name}"))));
        let slices = kinds.resource(&r::ENDPOINT_SLICES).map(Query::new);
        queries
            .extend(slices.map(|query| query.namespace(namespace).labels(format!("{SERVICE_NAME}={name}"))));
    }
    if let Membership::Listed(objects) = &scope.membership {
        let custom =
            objects.iter().filter(|object| object.group.contains('.') && !object.group.ends_with(".k8s.io"));
        let places: BTreeSet<_> = custom.map(|object| (object.group_kind(), &object.namespace)).collect();
        let known = places.iter().filter_map(|(kind, namespace)| Some((kinds.find(kind)?, *namespace)));
        queries.extend(known.map(|(kind, namespace)| Query::new(kind).namespace(namespace)));
    }
    let mut unseen = BTreeSet::new();
    for query in &queries {
        match cluster.list::<IgnoredAny>(query, |_| ()).await {
            Err(error) if error.reason() == Reason::Unavailable => return Err(error),
            Err(error) => drop(unseen.insert(error.to_string())),
            Ok(_undecodable) => {}
        }
    }
    Ok(unseen)
}

/// When the rehearsal begins: today, or at the newest time in the objects if that is later. So the same cluster is
/// recorded alike all day, and exclusions expire as they do live.
fn start(objects: &Objects, today: Date) -> Timestamp {
    let midnight = today.to_zoned(TimeZone::UTC).map_or(Timestamp::MIN, |zoned| zoned.timestamp());
    let times = objects.values().filter_map(|text| newest(&serde_json::from_str(text).ok()?));
    times.fold(midnight, Timestamp::max)
}

/// The newest time in an object.
fn newest(value: &Value) -> Option<Timestamp> {
    match value {
        Value::Object(members) => {
            let own = members.iter().filter(|(name, _)| is_time(name));
            let own = own.filter_map(|(_, value)| value.as_str()?.parse().ok());
            own.chain(members.values().filter_map(newest)).max()
        }
        Value::Array(items) => items.iter().filter_map(newest).max(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => None,
    }
}

/// Fields of this name hold times: `creationTimestamp`, `lastTransitionTime`, `startedAt`.
fn is_time(name: &str) -> bool {
    ["Timestamp", "Time", "At"].iter().any(|end| name.ends_with(end))
}

//! Judges an application's Pods page by page, then the templates without Pods, then what their accounts may do.

use std::collections::{BTreeMap, BTreeSet};

use crate::cluster::Cluster;
use crate::cluster::error::ApiError;
use crate::cluster::grants::accesses;
use crate::cluster::kinds::ApiKind;
use crate::cluster::list::{Pages, Query};
use crate::cluster::look::{Broken, Look, Seen, unseen};
use crate::cluster::lookups::{Hidden, Lookups};
use crate::cluster::owners::{Belongs, Owners};
use crate::cluster::page::{Entry, Page};
use crate::cluster::survey::Survey;
use crate::engine::{Engine, Evaluation};
use crate::finding::{Gap, GapReason, GapScope};
use crate::model::access::permission::Place;
use crate::model::crd::{Embedding, PodProducer};
use crate::model::pod::{Pod, PodTemplate};
use crate::model::reference::{GroupKind, ObjectRef};
use crate::model::world::{Evidence, PodView};
use crate::rules::{Check, Rule, Settings, resources as r};
use crate::scope::Scope;

/// Groups whose Pod-making kinds are known without looking.
const BUILT_IN: [&str; 3] = ["", "apps", "batch"];

/// Runs the rules over what belongs to the application.
///
/// The survey takes in what is learnt on the way: bare Pods and bindings of its own, and owners of Pods.
///
/// # Errors
/// The API server is unavailable.
pub async fn judge(
    cluster: &Cluster,
    scope: &Scope,
    survey: &mut Survey,
    rules: &[&'static Rule],
    settings: &Settings,
) -> Result<Evaluation, ApiError> {
    let look = Look { cluster, kinds: cluster.kinds().await?, scope };
    let Survey { world, owners, declared, gaps, namespaces, roles, lookups } = survey;
    let mut engine = Engine::new(rules.iter().copied(), settings, world);
    let mut pods = Pods {
        look: &look,
        owners,
        lookups,
        seen: Seen::default(),
        hidden: Hidden::default(),
        alive: BTreeSet::new(),
        makers: BTreeSet::new(),
    };
    for namespace in namespaces.iter() {
        pods.judge(namespace, &mut engine).await?;
    }
    pods.templates(namespaces, &mut engine);
    let observed = pods.producers();
    let Pods { mut seen, hidden, .. } = pods;
    seen.gaps.extend(hidden.gaps(lookups));
    let paused = engine.pause();
    world.pod_producers.extend(observed);
    world.owned.extend(seen.owned.iter().cloned());
    let mut granted = Vec::new();
    if rules.iter().flat_map(|rule| rule.checks).any(|check| matches!(check, Check::Access(_))) {
        let (found, other) = accesses(&look, paused.accounts(), &world.owned, roles).await?;
        granted = found;
        seen.absorb(other);
    }
    world.owned.extend(seen.owned);
    world.hidden.extend(seen.hidden);
    declared.extend(seen.declared);
    gaps.extend(seen.gaps);
    let mut engine = Engine::resume(rules.iter().copied(), settings, world, paused);
    engine.gaps(gaps.iter().cloned());
    Ok(engine.finish(&granted))
}

/// The Pods of some namespaces on their way to the engine.
struct Pods<'a> {
    look: &'a Look<'a>,
    owners: &'a mut Owners,
    lookups: &'a mut Lookups,
    seen: Seen,
    hidden: Hidden,
    /// Owners that have Pods now.
    alive: BTreeSet<usize>,
    /// Owners of any Pods, whoever's they are.
    makers: BTreeSet<usize>,
}

impl Pods<'_> {
    /// Judges the Pods of one namespace, or of all if the name is empty.
    async fn judge(&mut self, namespace: &str, engine: &mut Engine<'_>) -> Result<(), ApiError> {
        let Some(kind) = self.look.kinds.resource(&r::PODS) else { return Ok(()) };
        let query = Query::new(kind).namespace(namespace);
        let mut pages = Pages::new(self.look.cluster, &query);
        loop {
            match pages.next::<Pod>().await {
                Ok(None) => return Ok(()),
                Ok(Some(page)) => self.page(namespace, page, engine).await?,
                Err(error) => {
                    self.seen.absorb(unseen(&error, kind, namespace)?);
                    return Ok(());
                }
            }
        }
    }

    async fn page(
        &mut self,
        namespace: &str,
        page: Page<Pod>,
        engine: &mut Engine<'_>,
    ) -> Result<(), ApiError> {
        self.find_owners(&page).await?;
        for Entry { place, value } in page.items {
            match value {
                Ok(pod) => self.pod(&pod, &page.text[place], engine),
                Err(error) => self.undecodable(namespace, &page.text[place], error),
            }
        }
        Ok(())
    }

    /// Looks up the owners of the page's Pods that nobody knows, and theirs in turn.
    async fn find_owners(&mut self, page: &Page<Pod>) -> Result<(), ApiError> {
        loop {
            let pods = page.items.iter().filter_map(|entry| entry.value.as_ref().ok());
            let lines = pods.filter(|pod| is_live(pod)).map(|pod| self.owners.line(&pod.metadata));
            let places =
                lines.filter_map(|line| line.missing.map(|missing| Lookups::place(self.look, &missing)));
            let wanted: BTreeSet<_> = places.filter(|place| !self.lookups.is_done(place)).collect();
            if wanted.is_empty() {
                return Ok(());
            }
            self.seen.absorb(self.lookups.look_up(self.look, wanted, self.owners).await?);
        }
    }

    fn pod(&mut self, pod: &Pod, raw: &str, engine: &mut Engine<'_>) {
        if !is_live(pod) {
            return;
        }
        let meta = &pod.metadata;
        let object = meta.reference(&GroupKind::new("", "Pod"));
        let line = self.owners.line(meta);
        self.makers.extend(&line.owners);
        match line.belongs(self.look.standing(&object, meta), self.owners) {
            Belongs::No => return,
            Belongs::Unknown => {
                if let Some(missing) = &line.missing {
                    self.hidden.add(self.look, &object, missing);
                }
            }
            Belongs::Yes => {
                let root = line.root(self.owners, |kind| self.look.is_namespaced(kind));
                let nearest = line.owners.first().and_then(|index| self.owners.at(*index).template.as_ref());
                engine.pod(&PodView {
                    evidence: Evidence::Live,
                    object: &object,
                    root: root.as_deref().unwrap_or(&object),
                    labels: &meta.labels,
                    annotations: &meta.annotations,
                    spec: &pod.spec,
                    status: Some(&pod.status),
                    template: nearest.filter(|nearest| nearest.made(meta)).map(|nearest| &nearest.template),
                });
                if self.look.scope.owns(&object, meta) && meta.owner_references.is_empty() {
                    let digest = self.look.digest(raw);
                    self.seen.declared.extend(digest.map(|digest| (object.clone(), digest)));
                    self.seen.owned.insert(object);
                }
            }
        }
        self.alive.extend(line.owners);
    }

    /// A Pod that cannot be decoded is a gap unless it is known to be somebody else's.
    fn undecodable(&mut self, namespace: &str, raw: &str, error: String) {
        let Some(kind) = self.look.kinds.resource(&r::PODS) else { return };
        self.seen.undecodable(kind, namespace, raw, error);
        for Broken { object, meta, error } in std::mem::take(&mut self.seen.broken) {
            let line = self.owners.line(&meta);
            if line.belongs(self.look.standing(&object, &meta), self.owners) != Belongs::No {
                let scope = GapScope::Object(object);
                self.seen.gaps.insert(Gap { scope, reason: GapReason::Undecodable, detail: error });
            }
            self.alive.extend(line.owners);
        }
    }

    /// Custom resources that were seen to make Pods.
    fn producers(&self) -> BTreeMap<(String, String), PodProducer> {
        let kinds = self.makers.iter().map(|index| self.owners.at(*index).object.group_kind());
        let kinds: BTreeSet<_> = kinds.filter(|kind| !BUILT_IN.contains(&kind.group.as_str())).collect();
        let known = kinds.iter().filter_map(|kind| self.look.kinds.find(kind));
        let producer = |kind: &ApiKind| {
            let place = if kind.namespaced { Place::Namespaced } else { Place::Cluster };
            let producer = PodProducer { embedding: Embedding::Observed, place };
            ((kind.group.clone(), kind.plural.clone()), producer)
        };
        known.map(producer).collect()
    }

    /// Judges the templates of what has no Pods now, each for the last time: findings grow as templates go.
    /// What may be anybody's counts only where the application is.
    fn templates(&mut self, namespaces: &BTreeSet<String>, engine: &mut Engine<'_>) {
        let idle = self.owners.iter().map(|(index, _owner)| index).filter(|index| self.is_idle(*index));
        for index in idle.collect::<Vec<_>>() {
            let Some(template) = self.owners.take_template(index) else { continue };
            let (owner, line) = (self.owners.at(index), self.owners.line_of(index));
            match (line.belongs(owner.standing, self.owners), &line.missing) {
                (Belongs::No, _) | (Belongs::Unknown, None) => {}
                (Belongs::Unknown, Some(missing)) => {
                    if namespaces.contains("") || namespaces.contains(&owner.object.namespace) {
                        self.hidden.add(self.look, &owner.object, missing);
                    }
                }
                (Belongs::Yes, _) => {
                    let root = line.root(self.owners, |kind| self.look.is_namespaced(kind));
                    engine.pod(&idle_view(&template.template, &owner.object, root.as_deref()));
                }
            }
        }
    }

    /// True for an owner with a template but without Pods, unless an owner's template stands for it.
    fn is_idle(&self, index: usize) -> bool {
        let has_template = |index: usize| self.owners.at(index).template.is_some();
        let line = || self.owners.line_of(index).owners;
        has_template(index) && !self.alive.contains(&index) && !line().into_iter().any(has_template)
    }
}

fn idle_view<'a>(
    template: &'a PodTemplate,
    object: &'a ObjectRef,
    root: Option<&'a ObjectRef>,
) -> PodView<'a> {
    PodView {
        evidence: Evidence::Template,
        object,
        root: root.unwrap_or(object),
        labels: &template.metadata.labels,
        annotations: &template.metadata.annotations,
        spec: &template.spec,
        status: None,
        template: None,
    }
}

/// Pods that have ended or are being replaced are past. A bare Pod that is going away runs until it is gone.
fn is_live(pod: &Pod) -> bool {
    let has_ended = matches!(pod.status.phase.as_str(), "Succeeded" | "Failed");
    let is_replaced = pod.metadata.is_deleting() && !pod.metadata.owner_references.is_empty();
    !has_ended && !is_replaced
}

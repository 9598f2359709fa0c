//! `driftgate gate`: find the application, settle, look, decide, record, tell.
//!
//! [`Run`] is the same for a real cluster and for a rehearsal: it takes a cluster, a clock and settings and yields a
//! report. What goes to people outside the cluster is added by [`run`].

mod detached;
mod ends;
mod run;

use std::collections::BTreeSet;
use std::time::Duration;

use tokio::time::Instant;

use crate::app::look::{self, Seen};
use crate::app::rollback::{Name, Tool};
use crate::app::told::{self, Facts, Stop};
use crate::app::{Clock, target};
use crate::cluster::Cluster;
use crate::cluster::settle::{Options, Outcome, Settler};
use crate::exit::Exit;
use crate::finding::{Gap, GapReason, GapScope};
use crate::gitops::argocd::discover;
use crate::gitops::discovery::Discovery;
use crate::gitops::flux::discover as flux;
use crate::gitops::helm::discover as helm;
use crate::policy::Policy;
use crate::progress::Progress;
use crate::record::Record;
use crate::report::Report;
use crate::rules::Rule;
use crate::scope::{HookPhase, Scope};
use crate::settling::Unsettled;
use crate::store;
use crate::verdict::{Decision, Inputs, Verdict, decide};

pub(super) use run::{recipients, run};

/// How long looking may take, all attempts of all requests included.
const LOOK_TIMEOUT: Duration = Duration::from_secs(120);
/// How often looking starts over because something changed meanwhile.
const LOOKS: usize = 5;

/// What the gate runs on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Target {
    /// The application of this Job: namespace and name.
    Job(String, String),
    /// This Application: namespace and name.
    Application(String, String),
    /// This Kustomization of Flux: namespace and name.
    Kustomization(String, String),
    /// The release of Helm that this is a test of, and the Job of the test: namespace and name.
    Release(helm::Release, Option<(String, String)>),
    /// What was picked by hand.
    Selection(Scope),
}

impl Target {
    /// The application of this name.
    pub(super) fn named(app: &str) -> Result<Self, Stop> {
        let Name { tool, namespace, name } = target::named(app)?;
        Ok(match tool {
            Tool::ArgoCd => Self::Application(namespace, name),
            Tool::Flux => Self::Kustomization(namespace, name),
        })
    }
}

/// One run of the gate.
pub(super) struct Run<'a> {
    pub(super) cluster: Cluster,
    pub(super) clock: Clock,
    pub(super) target: Target,
    pub(super) argocd: discover::Options,
    pub(super) flux: flux::Options,
    pub(super) settle: Options,
    pub(super) policy: &'a Policy,
    pub(super) rules: &'a [&'static Rule],
    pub(super) records_namespace: &'a str,
    pub(super) progress: &'a Progress,
}

impl Run<'_> {
    /// Runs to a report; whatever stops the run on its way is the report's reason.
    pub(super) async fn report(&self, facts: &mut Facts) -> Report {
        match self.to_the_end(facts).await {
            Ok(report) => report,
            Err(stop) => facts.stopped(&stop),
        }
    }

    async fn to_the_end(&self, facts: &mut Facts) -> Result<Report, Stop> {
        let discovery = self.discover(facts).await?;
        if let Some(sibling) = &discovery.sibling {
            let reason = format!("{sibling} has judged this operation already; its verdict stands");
            return Ok(facts.ended(Exit::Pass, reason));
        }
        let (mut seen, settled, unsettled) = Box::pin(self.look(&discovery, facts)).await?;
        seen.evaluation.gaps.extend(discovery.gaps.iter().cloned());
        let name = &discovery.scope.application.name;
        let record = store::newest(&self.cluster, self.records_namespace, name).await?;
        let accepted = record.as_ref().map(Record::lists).unwrap_or_default();
        seen.evaluation.add(self.policy.findings(&accepted, &seen.owned, self.clock.today()));
        let decision = self.decide(&discovery, &seen, record.as_ref(), settled);
        self.record(&discovery, &seen, &decision, facts).await?;
        Ok(facts.decided(&decision, &seen.evaluation, &unsettled, discovery.previous.as_deref()))
    }

    /// Accepts what the application has once it has settled, whatever was accepted before: a pass under the policy of
    /// a first run goes on record.
    pub(super) async fn accept(&self, facts: &mut Facts) -> Result<Report, Stop> {
        let discovery = self.discover(facts).await?;
        let (mut seen, settled, unsettled) = Box::pin(self.look(&discovery, facts)).await?;
        seen.evaluation.gaps.extend(discovery.gaps.iter().cloned());
        let decision = self.decide(&discovery, &seen, None, settled);
        if decision.verdict == Verdict::Pass {
            let record = told::record(&discovery.scope.application, &seen, &decision, self.clock.now())
                .listing(self.policy.listed(&seen.owned));
            store::save(&self.cluster, self.records_namespace, &record).await?;
        }
        Ok(facts.decided(&decision, &seen.evaluation, &unsettled, None))
    }

    fn decide<'b>(
        &'b self,
        discovery: &Discovery,
        seen: &'b Seen,
        record: Option<&'b Record>,
        settled: bool,
    ) -> Decision<'b> {
        decide(&Inputs {
            evaluation: &seen.evaluation,
            policy: self.policy,
            rules: self.rules,
            record,
            declared: &seen.declared,
            owned: &seen.owned,
            injectors: &seen.injectors,
            hook: Some(discovery.phase),
            settled,
            today: self.clock.today(),
        })
    }

    /// What is seen of the application once it has settled, or could have; whatever is on record of it.
    pub(super) async fn seen(&self) -> Result<Seen, Stop> {
        let mut facts = Facts::new(&self.clock);
        let discovery = self.discover(&mut facts).await?;
        let (mut seen, _settled, _unsettled) = Box::pin(self.look(&discovery, &mut facts)).await?;
        seen.evaluation.gaps.extend(discovery.gaps.iter().cloned());
        Ok(seen)
    }

    async fn discover(&self, facts: &mut Facts) -> Result<Discovery, Stop> {
        let phase = self.progress.phase("discover");
        let discovery = match &self.target {
            Target::Job(namespace, name) => match flux::job(&self.cluster, namespace, name).await? {
                Some(job) => flux::of_job(&self.cluster, &job, &self.flux).await?,
                None => discover::of_job(&self.cluster, namespace, name, &self.argocd).await?,
            },
            Target::Application(namespace, name) => {
                discover::of_application(&self.cluster, namespace, name, &self.argocd).await?
            }
            Target::Kustomization(namespace, name) => {
                flux::of_kustomization(&self.cluster, namespace, name).await?
            }
            Target::Release(release, job) => helm::of_release(&self.cluster, release, job.as_ref()).await?,
            Target::Selection(scope) => Discovery::of_selection(scope.clone()),
        };
        facts.found(&discovery);
        facts.phase("discover", phase.end(&discovery.scope.application.name));
        Ok(discovery)
    }

    /// Waits until the application has settled, then looks; starts over if it changes meanwhile. A SyncFail hook does
    /// not wait: its rollout has failed for good.
    async fn look(
        &self,
        discovery: &Discovery,
        facts: &mut Facts,
    ) -> Result<(Seen, bool, Vec<Unsettled>), Stop> {
        if discovery.phase == HookPhase::SyncFail {
            return Ok((self.look_once(discovery, facts).await?, false, Vec::new()));
        }
        let namespaces = self.namespaces(discovery).await?;
        let settle = self.settle.clone();
        let mut settler = Settler::new(&self.cluster, &discovery.scope, &namespaces, settle).await?;
        for _ in 0..LOOKS {
            let phase = self.progress.phase("settle");
            let outcome = settler.settled(|waiting| phase.say(waiting)).await?;
            facts.phase("settle", phase.end(&outcome.to_string()));
            if let Outcome::Deadline(unsettled) = outcome {
                return Ok((self.look_once(discovery, facts).await?, false, unsettled));
            }
            tokio::select! {
                biased;
                seen = self.look_once(discovery, facts) => return Ok((seen?, true, Vec::new())),
                () = settler.disturbed() => tracing::info!("something changed while looking: settling again"),
            }
        }
        let mut seen = self.look_once(discovery, facts).await?;
        let detail = format!("something changed during each of {LOOKS} looks");
        seen.evaluation.gaps.insert(Gap { scope: GapScope::Application, reason: GapReason::Changed, detail });
        Ok((seen, true, Vec::new()))
    }

    /// Where the application is: where its objects were found.
    async fn namespaces(&self, discovery: &Discovery) -> Result<BTreeSet<String>, Stop> {
        if let Some(names) = &discovery.scope.namespaces {
            return Ok(names.clone());
        }
        let cluster = self.cluster.with_deadline(Instant::now() + LOOK_TIMEOUT);
        Ok(crate::cluster::survey(&cluster, &discovery.scope).await?.namespaces)
    }

    async fn look_once(&self, discovery: &Discovery, facts: &mut Facts) -> Result<Seen, Stop> {
        let phase = self.progress.phase("look");
        let cluster = self.cluster.with_deadline(Instant::now() + LOOK_TIMEOUT);
        let seen = look::look(&cluster, &discovery.scope, self.rules, self.policy).await?;
        facts.phase("look", phase.end(&told::counts(&seen.evaluation)));
        Ok(seen)
    }

    /// After a pass, what passed goes on record. A record that cannot be written fails no sync: the next critical
    /// drift then asks for no rollback, and the baseline stays as it was. A first baseline must be written, else every
    /// run would be the first one.
    async fn record(
        &self,
        discovery: &Discovery,
        seen: &Seen,
        decision: &Decision<'_>,
        facts: &mut Facts,
    ) -> Result<(), Stop> {
        if decision.verdict != Verdict::Pass || discovery.phase == HookPhase::SyncFail {
            return Ok(());
        }
        let record = told::record(&discovery.scope.application, seen, decision, self.clock.now())
            .listing(self.policy.listed(&seen.owned));
        if let Err(error) = store::save(&self.cluster, self.records_namespace, &record).await {
            if decision.founds_a_baseline {
                return Err(error.into());
            }
            facts.warn(format!("this pass is not on record: {error}"));
        }
        Ok(())
    }
}

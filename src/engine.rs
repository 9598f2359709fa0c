//! Runs rules over what was collected, one thing at a time, and keeps only findings, gaps and counts.
//!
//! A panicking rule becomes a gap. Does not know severities that matter, exclusions or verdicts.

mod provenance;

use std::collections::{BTreeMap, BTreeSet};
use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::finding::{Finding, Gap, GapReason, GapScope, Identity};
use crate::model::access::{Access, AccountUse};
use crate::model::pod::PodSpec;
use crate::model::reference::{GroupKind, ObjectRef};
use crate::model::world::{Evidence, PodView, World};
use crate::rules::{Check, Rule, Settings, Sink};

/// What a run of the rules yields.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Evaluation {
    /// Findings by identity.
    pub findings: BTreeMap<Identity, Finding>,
    /// What could not be judged.
    pub gaps: BTreeSet<Gap>,
    /// How much was judged.
    pub counts: Counts,
}

/// How much was judged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Live Pods.
    pub pods: u64,
    /// Templates whose Pods do not exist now.
    pub templates: u64,
    /// Other objects.
    pub objects: u64,
}

impl Evaluation {
    /// Adds what is wrong besides the objects.
    pub fn add(&mut self, findings: impl IntoIterator<Item = Finding>) {
        self.findings.extend(findings.into_iter().map(|finding| (finding.identity.clone(), finding)));
    }
}

/// The rules at work on one application.
pub struct Engine<'a> {
    rules: Vec<&'static Rule>,
    settings: &'a Settings,
    world: &'a World,
    evaluation: Evaluation,
    accounts: BTreeMap<(String, String), AccountUse>,
}

/// A run that was interrupted.
pub struct Paused {
    evaluation: Evaluation,
    accounts: BTreeMap<(String, String), AccountUse>,
}

impl Paused {
    /// ServiceAccounts of the Pods judged so far, by namespace and name.
    pub fn accounts(&self) -> &BTreeMap<(String, String), AccountUse> {
        &self.accounts
    }
}

/// What the rules are shown.
#[derive(Clone, Copy)]
struct Thing<'a> {
    subject: &'a ObjectRef,
    object: &'a ObjectRef,
    evidence: Evidence,
    pod: Option<&'a PodSpec>,
}

impl<'a> Engine<'a> {
    /// An engine that runs these rules.
    pub fn new(
        rules: impl IntoIterator<Item = &'static Rule>,
        settings: &'a Settings,
        world: &'a World,
    ) -> Self {
        Self {
            rules: rules.into_iter().collect(),
            settings,
            world,
            evaluation: Evaluation::default(),
            accounts: BTreeMap::new(),
        }
    }

    /// Judges one Pod or template.
    pub fn pod(&mut self, pod: &PodView<'_>) {
        match pod.evidence {
            Evidence::Live => self.evaluation.counts.pods += 1,
            Evidence::Template => self.evaluation.counts.templates += 1,
        }
        let account = (pod.namespace().to_owned(), pod.spec.service_account().to_owned());
        let used = self.accounts.entry(account).or_default();
        used.token_mounted |= mounts_api_token(pod);
        let (mut findings, gaps) = self.judged(pod);
        self.tell_provenance(pod, &mut findings);
        self.keep(findings, gaps);
    }

    /// What the rules say of one Pod or template.
    fn judged(&self, pod: &PodView<'_>) -> (Vec<Finding>, Vec<Gap>) {
        let (world, settings) = (self.world, self.settings);
        let thing =
            Thing { subject: pod.root, object: pod.object, evidence: pod.evidence, pod: Some(pod.spec) };
        self.run(thing, |check, sink| {
            if let Check::Pod(judge) = check {
                judge(pod, world, settings, sink);
            }
        })
    }

    /// Interrupts the run, so that the surroundings can take in what was learnt from the Pods.
    pub fn pause(self) -> Paused {
        Paused { evaluation: self.evaluation, accounts: self.accounts }
    }

    /// Goes on with a run.
    pub fn resume(
        rules: impl IntoIterator<Item = &'static Rule>,
        settings: &'a Settings,
        world: &'a World,
        paused: Paused,
    ) -> Self {
        let Paused { evaluation, accounts } = paused;
        Self { evaluation, accounts, ..Self::new(rules, settings, world) }
    }

    /// ServiceAccounts of the Pods judged so far, by namespace and name.
    pub fn accounts(&self) -> &BTreeMap<(String, String), AccountUse> {
        &self.accounts
    }

    /// Adds what the edges could not see.
    pub fn gaps(&mut self, gaps: impl IntoIterator<Item = Gap>) {
        self.evaluation.gaps.extend(gaps);
    }

    /// Judges what subjects may do and the objects around the Pods, and ends the run.
    pub fn finish(mut self, accesses: &[Access]) -> Evaluation {
        let (world, settings) = (self.world, self.settings);
        for access in accesses {
            self.object(&access.subject, |check, sink| {
                if let Check::Access(judge) = check {
                    judge(access, world, settings, sink);
                }
            });
        }
        self.surroundings();
        self.evaluation
    }

    fn surroundings(&mut self) {
        let (world, settings) = (self.world, self.settings);
        for service in &world.services {
            let object = service.metadata.reference(&GroupKind::new("", "Service"));
            self.owned(&object, |check, sink| {
                if let Check::Service(judge) = check {
                    judge(service, world, settings, sink);
                }
            });
        }
        let inhabited: BTreeSet<String> =
            self.accounts.keys().map(|(namespace, _)| namespace.clone()).collect();
        for namespace in inhabited.iter().filter_map(|name| world.namespaces.get(name)) {
            let object = namespace.metadata.reference(&GroupKind::new("", "Namespace"));
            self.object(&object, |check, sink| {
                if let Check::Namespace(judge) = check {
                    judge(namespace, world, settings, sink);
                }
            });
        }
        self.admission();
    }

    fn admission(&mut self) {
        let (world, settings) = (self.world, self.settings);
        let kind = |kind: &str| GroupKind::new("admissionregistration.k8s.io", kind);
        for webhook in &world.mutating_webhooks {
            let object = webhook.metadata.reference(&kind("MutatingWebhookConfiguration"));
            self.owned(&object, |check, sink| {
                if let Check::MutatingWebhook(judge) = check {
                    judge(webhook, world, settings, sink);
                }
            });
        }
        for policy in &world.mutating_policies {
            let object = policy.metadata.reference(&kind("MutatingAdmissionPolicy"));
            self.owned(&object, |check, sink| {
                if let Check::MutatingPolicy(judge) = check {
                    judge(policy, world, settings, sink);
                }
            });
        }
        for binding in &world.mutating_policy_bindings {
            let object = binding.metadata.reference(&kind("MutatingAdmissionPolicyBinding"));
            self.owned(&object, |check, sink| {
                if let Check::MutatingBinding(judge) = check {
                    judge(binding, world, settings, sink);
                }
            });
        }
    }

    fn owned(&mut self, object: &ObjectRef, judge: impl Fn(&Check, &mut Sink<'_>)) {
        if self.world.owns(object) {
            self.object(object, judge);
        }
    }

    fn object(&mut self, object: &ObjectRef, judge: impl Fn(&Check, &mut Sink<'_>)) {
        self.evaluation.counts.objects += 1;
        let thing = Thing { subject: object, object, evidence: Evidence::Live, pod: None };
        let (mut findings, gaps) = self.run(thing, judge);
        provenance::declared(&mut findings);
        self.keep(findings, gaps);
    }

    /// Runs every rule on one thing; `judge` picks the rules that look at such things.
    fn run(&self, thing: Thing<'_>, judge: impl Fn(&Check, &mut Sink<'_>)) -> (Vec<Finding>, Vec<Gap>) {
        let Thing { subject, object, evidence, pod } = thing;
        let (mut findings, mut gaps) = (Vec::new(), Vec::new());
        for rule in &self.rules {
            let before = findings.len();
            let mut sink =
                Sink { rule, subject, object, evidence, pod, findings: &mut findings, gaps: &mut gaps };
            let outcome = catch_unwind(AssertUnwindSafe(|| {
                rule.checks.iter().for_each(|check| judge(check, &mut sink));
            }));
            if outcome.is_err() {
                findings.truncate(before);
                gaps.push(Gap {
                    scope: GapScope::Rule(rule.id, object.clone()),
                    reason: GapReason::RulePanicked,
                    detail: String::new(),
                });
            }
        }
        (findings, gaps)
    }

    fn keep(&mut self, findings: Vec<Finding>, gaps: Vec<Gap>) {
        self.evaluation.gaps.extend(gaps);
        for finding in findings {
            match self.evaluation.findings.get_mut(&finding.identity) {
                Some(known) => known.absorb(finding),
                None => {
                    self.evaluation.findings.insert(finding.identity.clone(), finding);
                }
            }
        }
    }
}

/// True if a container mounts a projected token for the API server; for a template, if one would be mounted.
fn mounts_api_token(pod: &PodView<'_>) -> bool {
    if pod.evidence == Evidence::Template {
        return pod.spec.automount_service_account_token != Some(false);
    }
    token_volumes(pod.spec).any(|volume| {
        pod.spec
            .every_container()
            .any(|(_, container)| container.volume_mounts.iter().any(|mount| mount.name == volume))
    })
}

fn token_volumes(spec: &PodSpec) -> impl Iterator<Item = &str> {
    spec.volumes.iter().filter_map(|volume| {
        let sources = &volume.projected.as_ref()?.sources;
        let token = sources.iter().filter_map(|source| source.service_account_token.as_ref());
        token.into_iter().any(|token| token.audience.is_empty()).then_some(volume.name.as_str())
    })
}

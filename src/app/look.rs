//! Collect and evaluate: from a scope to what the rules say of it.

use std::collections::{BTreeMap, BTreeSet};

use crate::cluster::{ApiError, Cluster, Survey, judge, survey};
use crate::declared::Digest;
use crate::engine::Evaluation;
use crate::model::admission::RuleWithOperations;
use crate::model::meta::Meta;
use crate::model::reference::{GroupKind, ObjectRef};
use crate::model::world::World;
use crate::policy::Policy;
use crate::rules::{Rule, Settings};
use crate::scope::Scope;

/// What was seen of an application.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Seen {
    /// What the rules say.
    pub(super) evaluation: Evaluation,
    /// What the source declares of the application's own objects.
    pub(super) declared: BTreeMap<ObjectRef, Digest>,
    /// The application's own objects.
    pub(super) owned: BTreeSet<ObjectRef>,
    /// Whatever changes Pods on their way in, with its uid and generation.
    pub(super) injectors: BTreeMap<ObjectRef, String>,
}

/// Looks at everything once, as the policy wants it judged.
pub(super) async fn look(
    cluster: &Cluster,
    scope: &Scope,
    rules: &[&'static Rule],
    policy: &Policy,
) -> Result<Seen, ApiError> {
    let (mut seen, _survey) = look_around(cluster, scope, &policy.running(rules), &policy.settings).await?;
    policy.reweigh(&mut seen.evaluation.findings);
    Ok(seen)
}

/// Looks at everything once, with what stands around; the policy's severities play no part.
pub(super) async fn look_around(
    cluster: &Cluster,
    scope: &Scope,
    rules: &[&'static Rule],
    settings: &Settings,
) -> Result<(Seen, Survey), ApiError> {
    let mut survey = survey(cluster, scope).await?;
    let evaluation = judge(cluster, scope, &mut survey, rules, settings).await?;
    let injectors = injectors(&survey.world);
    let declared = std::mem::take(&mut survey.declared);
    Ok((Seen { evaluation, declared, owned: survey.world.owned.clone(), injectors }, survey))
}

/// Webhook configurations and policies that take Pods as they are created.
fn injectors(world: &World) -> BTreeMap<ObjectRef, String> {
    let takes_pods = |rules: &[RuleWithOperations]| {
        let pods = |resource: &String| matches!(resource.as_str(), "pods" | "*" | "*/*");
        rules.iter().any(|rule| rule.resources.iter().any(pods))
    };
    let named = |meta: &Meta, kind: &str| {
        let object = meta.reference(&GroupKind::new("admissionregistration.k8s.io", kind));
        (object, format!("{}/{}", meta.uid, meta.generation.unwrap_or_default()))
    };
    let webhooks = world
        .mutating_webhooks
        .iter()
        .filter(|configuration| configuration.webhooks.iter().any(|webhook| takes_pods(&webhook.rules)))
        .map(|configuration| named(&configuration.metadata, "MutatingWebhookConfiguration"));
    let policies = world
        .mutating_policies
        .iter()
        .filter(|policy| takes_pods(&policy.spec.match_constraints.resource_rules))
        .map(|policy| named(&policy.metadata, "MutatingAdmissionPolicy"));
    webhooks.chain(policies).collect()
}

//! From what a subject holds to one finding a scope: what rules about access have in common.
//!
//! A power is a verb on a resource that a rule objects to. Knows how bad a scope is, how powers are written, and who
//! brought them; does not know which powers are bad.

mod way;
mod wording;

use std::collections::BTreeSet;

use crate::finding::{Cause, Severity};
use crate::model::access::permission::{Held, Permission, Target};
use crate::model::access::{Access, Grant, Holder, Origin, Scope};
use crate::model::meta::Map;
use crate::model::world::World;
use crate::rules::shared::power::wording::Wording;
use crate::rules::{Observation, Settings, Sink};

pub(crate) use wording::Label;

/// Verbs that bring an object into the state that its writer wants.
pub(crate) const WRITE: &[&str] = &["create", "update", "patch"];

const ENFORCE: &str = "pod-security.kubernetes.io/enforce";

/// A verb on a resource that a rule objects to.
#[derive(Clone, Debug)]
pub(crate) struct Power<'a> {
    pub(crate) verb: &'static str,
    /// How the resource is written in the finding.
    pub(crate) label: Label<'a>,
    pub(crate) permission: Permission<'a>,
    pub(crate) severity: Severity,
}

/// One scope of a subject's access.
#[derive(Debug)]
pub(crate) struct Case<'a> {
    pub(crate) access: &'a Access,
    pub(crate) held: Held<'a>,
    reach: Reach,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reach {
    /// The whole cluster, or a namespace that is as good as that.
    Wide,
    /// Some namespace.
    Narrow,
}

/// The scopes in which the subject holds one of the verbs.
pub(crate) fn cases<'a>(
    access: &'a Access,
    verbs: &[&str],
    world: &World,
    settings: &Settings,
) -> Vec<Case<'a>> {
    let case = |held: Held<'a>| Case { access, reach: reach(held.scope, world, settings), held };
    access.held(verbs).into_iter().map(case).collect()
}

/// A namespace is as good as the cluster if the policy says so, or if it admits Pods that own their node.
fn reach(scope: &Scope, world: &World, settings: &Settings) -> Reach {
    let Scope::Namespace(namespace) = scope else { return Reach::Wide };
    let labels: Option<&Map> = world.namespaces.get(namespace).map(|found| &found.metadata.labels);
    let privileged = labels.and_then(|labels| labels.get(ENFORCE)).is_some_and(|level| level == "privileged");
    let wide = privileged || settings.sensitive_namespaces.contains(namespace);
    if wide { Reach::Wide } else { Reach::Narrow }
}

/// True if a grant in the scope is as bad as one in the whole cluster.
pub(crate) fn is_wide(scope: &Scope, world: &World, settings: &Settings) -> bool {
    reach(scope, world, settings) == Reach::Wide
}

impl<'a> Case<'a> {
    /// The first for the whole cluster and sensitive namespaces, the second for any other namespace.
    pub(crate) fn by_reach<T>(&self, wide: T, narrow: T) -> T {
        match self.reach {
            Reach::Wide => wide,
            Reach::Narrow => narrow,
        }
    }

    /// The namespace, if it is the scope of one.
    pub(crate) fn namespace(&self) -> Option<&'a str> {
        match self.held.scope {
            Scope::Cluster => None,
            Scope::Namespace(namespace) => Some(namespace),
        }
    }

    /// Powers over one resource, under its own name however the grants write it: a rule about one resource should
    /// not change its mind when a grant is written another way.
    pub(crate) fn over(
        &self,
        target: Target<'a>,
        verbs: &[&'static str],
        severity: Severity,
    ) -> Vec<Power<'a>> {
        self.powers(target, verbs, severity, |_| Label::of(target))
    }

    /// Powers over one of many resources, written as the grants write it, so that `*` stays short.
    pub(crate) fn over_any(
        &self,
        target: Target<'a>,
        verbs: &[&'static str],
        severity: Severity,
    ) -> Vec<Power<'a>> {
        self.powers(target, verbs, severity, |grant| Label::written(&grant.source.rule, target))
    }

    fn powers(
        &self,
        target: Target<'a>,
        verbs: &[&'static str],
        severity: Severity,
        label: impl Fn(&'a Grant) -> Label<'a>,
    ) -> Vec<Power<'a>> {
        let mut powers = Vec::new();
        for verb in verbs {
            for permission in self.held.permissions(verb, &target) {
                if let Some(first) = permission.grants.first().filter(|_| self.counts(&permission.grants)) {
                    powers.push(Power { verb, label: label(first), permission, severity });
                }
            }
        }
        powers
    }

    /// Whatever the application's own Pods may do counts; what others may do counts if the application brought it.
    fn counts(&self, grants: &[&Grant]) -> bool {
        let of_the_application = match self.access.holder {
            Holder::Mounted | Holder::UnboundRole => true,
            Holder::Unmounted => self.access.is_used,
            Holder::Named => false,
        };
        of_the_application || grants.iter().any(|grant| grant.origin == Origin::Application)
    }

    /// One finding for all the powers, if there are any; `why` says what they are good for.
    pub(crate) fn report(&self, powers: &[Power<'a>], why: &str, sink: &mut Sink<'_>) {
        let Some(worst) = powers.iter().map(|power| power.severity).max() else { return };
        let grants = way::sorted(powers.iter().flat_map(|power| power.permission.grants.iter().copied()));
        let wording = Wording::of(powers);
        let value = wording.value(self.held.scope);
        let message = match self.access.holder {
            Holder::UnboundRole => wording.latent(self.access, why),
            Holder::Mounted | Holder::Unmounted | Holder::Named => {
                wording.message(self.access, self.held.scope, why, &grants)
            }
        };
        let observation = Observation::new(self.temper(worst), value, way::path(&grants), message)
            .made_of(wording.parts(self.held.scope));
        sink.finding(Self::causes(&grants).into_iter().fold(observation, Observation::caused_by));
    }

    /// What nobody holds is only worth knowing; what no Pod can use yet takes one step more.
    fn temper(&self, severity: Severity) -> Severity {
        match self.access.holder {
            Holder::Mounted | Holder::Named => severity,
            Holder::Unmounted => severity.lower(),
            Holder::UnboundRole => Severity::Info,
        }
    }

    /// Bindings and roles. Not the workloads that run as the subject: most revisions change those, and going back to
    /// an older image takes nothing away that somebody else granted.
    fn causes(grants: &[&Grant]) -> BTreeSet<Cause> {
        let ways = grants.iter().flat_map(|grant| {
            let roles = [&grant.source.role, &grant.way.role];
            grant.way.binding.iter().chain(roles)
        });
        ways.cloned().map(Cause::Object).collect()
    }
}

#[cfg(test)]
mod tests;

//! What stands around Pods, whoever's they are: namespaces, nodes, network, admission.

use std::collections::BTreeMap;

use crate::cluster::error::ApiError;
use crate::cluster::look::{Broken, Listed, Look, Object, Seen};
use crate::model::crd::{CustomResource, PodProducer};
use crate::model::meta::Partial;
use crate::model::rbac::Role;
use crate::model::world::World;
use crate::rules::resources as r;

/// Lists all of it; what is in namespaces only in those places.
pub(super) async fn surroundings(look: &Look<'_>, places: &[String]) -> Result<(World, Seen), ApiError> {
    let (namespaces, nodes, classes, ranges) = tokio::join!(
        look.all(&r::NAMESPACES, &[]),
        look.all(&r::NODES, &[]),
        look.all(&r::RUNTIME_CLASSES, &[]),
        look.all(&r::SERVICE_CIDRS, &[]),
    );
    let (services, policies, accounts) = tokio::join!(
        look.all(&r::SERVICES, places),
        look.all(&r::NETWORK_POLICIES, places),
        look.pick(&r::SERVICE_ACCOUNTS, places, |_account: Listed<'_, Partial>| None::<()>),
    );
    let (mutating, validating, rewriting, bindings) = tokio::join!(
        look.all(&r::MUTATING_WEBHOOKS, &[]),
        look.all(&r::VALIDATING_WEBHOOKS, &[]),
        look.all(&r::MUTATING_POLICIES, &[]),
        look.all(&r::MUTATING_POLICY_BINDINGS, &[]),
    );
    let producers = pod_producers(look).await;
    let mut seen = Seen::default();
    take(&mut seen, accounts)?;
    let world = World {
        namespaces: by_name(take(&mut seen, namespaces)?),
        nodes: by_name(take(&mut seen, nodes)?),
        runtime_classes: by_name(take(&mut seen, classes)?),
        service_cidrs: take(&mut seen, ranges)?,
        services: take(&mut seen, services)?,
        network_policies: take(&mut seen, policies)?,
        mutating_webhooks: take(&mut seen, mutating)?,
        validating_webhooks: take(&mut seen, validating)?,
        mutating_policies: take(&mut seen, rewriting)?,
        mutating_policy_bindings: take(&mut seen, bindings)?,
        pod_producers: take(&mut seen, producers)?.into_iter().collect(),
        ..World::default()
    };
    seen.give_up_on_broken();
    Ok((world, seen))
}

type Producers = (Vec<((String, String), PodProducer)>, Seen);

/// Custom resources whose schema says that they make Pods.
async fn pod_producers(look: &Look<'_>) -> Result<Producers, ApiError> {
    let mut broken = Vec::new();
    let producer = |Listed { object, value, raw, .. }: Listed<'_, Partial>| match serde_json::from_str::<
        CustomResource,
    >(raw)
    {
        Ok(definition) => definition.pod_producer().map(|producer| (definition.resource(), producer)),
        Err(error) => {
            broken.push(Broken { object, meta: value.metadata, error: error.to_string() });
            None
        }
    };
    let (producers, mut seen) = look.pick(&r::CUSTOM_RESOURCE_DEFINITIONS, &[], producer).await?;
    seen.broken.extend(broken);
    Ok((producers, seen))
}

/// The application's own Roles and ClusterRoles, wherever they are.
pub(super) async fn own_roles(look: &Look<'_>) -> Result<(Vec<Role>, Seen), ApiError> {
    let own = |listed: Listed<'_, Role>| listed.is_owned.then_some(listed.value);
    let everywhere = [String::new()];
    let (in_namespaces, in_cluster) =
        tokio::join!(look.pick(&r::ROLES, &everywhere, own), look.pick(&r::CLUSTER_ROLES, &[], own));
    let mut seen = Seen::default();
    let mut roles = take(&mut seen, in_namespaces)?;
    roles.extend(take(&mut seen, in_cluster)?);
    seen.give_up_on_broken();
    Ok((roles, seen))
}

fn take<T>(seen: &mut Seen, listed: Result<(Vec<T>, Seen), ApiError>) -> Result<Vec<T>, ApiError> {
    let (items, other) = listed?;
    seen.absorb(other);
    Ok(items)
}

fn by_name<T: Object>(objects: Vec<T>) -> BTreeMap<String, T> {
    objects.into_iter().map(|object| (object.meta().name.clone(), object)).collect()
}

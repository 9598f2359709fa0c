//! What is picked by hand: an Argo CD Application, a Kustomization of Flux, namespaces, or what carries some labels there.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::app::rollback::{Name, Tool};
use crate::app::told::Stop;
use crate::cli::{ArgoArgs, FluxLayout};
use crate::cluster::Cluster;
use crate::gitops::argocd::discover;
use crate::gitops::discovery::Discovery;
use crate::gitops::flux::discover as flux;
use crate::scope::{Application, Membership, Scope};

/// How Argo CD is set up.
pub(super) fn argocd(args: &ArgoArgs) -> discover::Options {
    discover::Options {
        namespace: args.argocd_namespace.clone(),
        instance_label: args.instance_label.clone(),
    }
}

/// What is given of Flux besides the gate's Job.
pub(super) fn flux(
    layout: Option<FluxLayout>,
    app: Option<(String, String)>,
    timeout: Duration,
) -> flux::Options {
    let layout = layout.map(|layout| match layout {
        FluxLayout::Same => flux::Layout::Same,
        FluxLayout::Separate => flux::Layout::Separate,
    });
    flux::Options { layout, app, timeout }
}

/// An application by its name.
pub(super) fn named(app: &str) -> Result<Name, Stop> {
    Name::parse(app).ok_or_else(|| Stop::Usage(format!("{app}: expected NAMESPACE/NAME")))
}

/// The Application that is named, or else what there is in the namespaces.
pub(super) async fn live(
    cluster: &Cluster,
    app: Option<&str>,
    namespaces: &[String],
    selector: Option<&str>,
    options: &discover::Options,
) -> Result<Discovery, Stop> {
    match app {
        Some(app) => {
            let Name { tool, namespace, name } = named(app)?;
            Ok(match tool {
                Tool::ArgoCd => discover::of_application(cluster, &namespace, &name, options).await?,
                Tool::Flux => flux::of_kustomization(cluster, &namespace, &name).await?,
            })
        }
        None => selection(namespaces, selector).map(Discovery::of_selection).map_err(Stop::Usage),
    }
}

/// Everything in the namespaces, or what carries the labels there: `key=value`, comma-separated.
///
/// # Errors
/// The labels are written otherwise.
pub(super) fn selection(namespaces: &[String], selector: Option<&str>) -> Result<Scope, String> {
    let place = namespaces.join(", ");
    let (name, membership) = match selector {
        Some(selector) => (format!("{selector} in {place}"), Membership::Selector(labels(selector)?)),
        None => (format!("namespace {place}"), Membership::Namespace),
    };
    let namespaces = Some(namespaces.iter().cloned().collect());
    Ok(Scope { application: Application { name, revision: None }, membership, namespaces, own_job: None })
}

fn labels(text: &str) -> Result<BTreeMap<String, String>, String> {
    let pair = |pair: &str| {
        let (key, value) = pair.split_once('=').filter(|(key, _)| !key.trim().is_empty())?;
        Some((key.trim().to_owned(), value.trim_start_matches('=').trim().to_owned()))
    };
    text.split(',')
        .map(|part| pair(part).ok_or_else(|| format!("--selector: {part:?} is not key=value")))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_selector_is_a_list_of_pairs() {
        let expected = [("a".to_owned(), "x".to_owned()), ("b/c".to_owned(), String::new())];
        assert_eq!(labels("a=x,b/c="), Ok(expected.into()));
        assert_eq!(labels("a==x").unwrap().get("a").map(String::as_str), Some("x"));
        assert!(labels("a in (x)").is_err());
        assert!(labels("=x").is_err());
    }
}

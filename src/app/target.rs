//! What is picked by hand: an Argo CD Application, namespaces, or what carries some labels there.

use std::collections::BTreeMap;

use crate::app::told::Stop;
use crate::cli::ArgoArgs;
use crate::cluster::Cluster;
use crate::gitops::argocd::discover::{self, Discovery};
use crate::scope::{Application, Membership, Scope};

/// How Argo CD is set up.
pub(super) fn argocd(args: &ArgoArgs) -> discover::Options {
    discover::Options {
        namespace: args.argocd_namespace.clone(),
        instance_label: args.instance_label.clone(),
    }
}

/// The Application that is named, or else what there is in the namespaces.
pub(super) async fn live(
    cluster: &Cluster,
    app: Option<&(String, String)>,
    namespaces: &[String],
    selector: Option<&str>,
    options: &discover::Options,
) -> Result<Discovery, Stop> {
    match app {
        Some((namespace, name)) => Ok(discover::of_application(cluster, namespace, name, options).await?),
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

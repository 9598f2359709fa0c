//! Builds Pods as rules see them, for unit tests of shared functions.

use crate::model::pod::Pod;
use crate::model::reference::{GroupKind, ObjectRef};
use crate::model::world::{Evidence, PodView};

/// What to build.
#[derive(Default)]
pub(crate) struct View<'a> {
    /// JSON of the Pod's `spec`; empty for none.
    pub(crate) spec: &'a str,
    /// JSON of the Pod's `status`; empty for none.
    pub(crate) status: &'a str,
    /// Group and kind of the object whose template it is, instead of a live Pod.
    pub(crate) template_of: Option<(&'a str, &'a str)>,
}

/// Builds a Pod and shows it.
pub(crate) fn view(input: &View<'_>, show: impl FnOnce(&PodView<'_>)) {
    let part = |json: &str| if json.is_empty() { "{}".to_owned() } else { json.to_owned() };
    let json = format!(
        r#"{{"spec":{spec},"status":{status}}}"#,
        spec = part(input.spec),
        status = part(input.status)
    );
    let pod: Pod = serde_json::from_str(&json).unwrap();
    let (group, kind) = input.template_of.unwrap_or(("", "Pod"));
    let object = ObjectRef::new(&GroupKind::new(group, kind), "shop", "web");
    let evidence = if input.template_of.is_some() { Evidence::Template } else { Evidence::Live };
    show(&PodView {
        evidence,
        object: &object,
        root: &object,
        labels: &pod.metadata.labels,
        annotations: &pod.metadata.annotations,
        spec: &pod.spec,
        status: input.template_of.is_none().then_some(&pod.status),
        template: None,
    });
}

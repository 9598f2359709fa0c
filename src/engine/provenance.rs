//! How what the rules find in a Pod came to be there: by asking them of its template too.

use std::collections::BTreeSet;

use crate::engine::Engine;
use crate::finding::{Finding, GapScope, Identity, Provenance};
use crate::model::world::{Evidence, PodView};

/// Marks findings in what says so itself.
pub(super) fn declared(findings: &mut [Finding]) {
    for finding in findings {
        finding.provenance = [Provenance::Declared].into();
    }
}

impl Engine<'_> {
    /// What the template shows too is declared there, and the rest comes from admission unless it takes the Pod's
    /// observed state to show it. Of a Pod whose template is not known nobody can tell.
    pub(super) fn tell_provenance(&self, pod: &PodView<'_>, findings: &mut [Finding]) {
        let (in_template, unsure) = match (pod.evidence, pod.template) {
            (Evidence::Template, _) => {
                declared(findings);
                return;
            }
            (Evidence::Live, Some(template)) if !findings.is_empty() => self.identities(&PodView {
                evidence: Evidence::Template,
                labels: &template.metadata.labels,
                annotations: &template.metadata.annotations,
                spec: &template.spec,
                status: None,
                ..*pod
            }),
            (Evidence::Live, _) => return,
        };
        let mut asked_for = None;
        for finding in findings.iter_mut().filter(|finding| !unsure.contains(finding.identity.rule)) {
            let provenance = if in_template.contains(&finding.identity) {
                Provenance::Declared
            } else if asked_for
                .get_or_insert_with(|| self.identities(&PodView { status: None, ..*pod }).0)
                .contains(&finding.identity)
            {
                Provenance::Admission
            } else {
                Provenance::Runtime
            };
            finding.provenance = [provenance].into();
        }
    }

    /// What the rules find, and which of them could not judge.
    fn identities(&self, pod: &PodView<'_>) -> (BTreeSet<Identity>, BTreeSet<&'static str>) {
        let (findings, gaps) = self.judged(pod);
        let unsure = gaps.iter().filter_map(|gap| match &gap.scope {
            GapScope::Rule(rule, _object) => Some(*rule),
            GapScope::Kind(..) | GapScope::Object(_) | GapScope::Application => None,
        });
        (findings.into_iter().map(|finding| finding.identity).collect(), unsure.collect())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::model::pod::{Pod, PodTemplate};
    use crate::model::reference::{GroupKind, ObjectRef};
    use crate::model::world::World;
    use crate::rules::{RULES, Settings};

    /// Provenance of each finding of a rule about a Pod, by container.
    fn told(rule: &str, pod: &serde_json::Value, template: Option<&serde_json::Value>) -> Vec<String> {
        let pod: Pod = serde_json::from_value(pod.clone()).unwrap();
        let template: Option<PodTemplate> =
            template.map(|spec| serde_json::from_value(json!({"metadata": {}, "spec": spec})).unwrap());
        let (settings, world) = (Settings::default(), World::default());
        let mut engine = Engine::new(RULES.iter().copied(), &settings, &world);
        let root = ObjectRef::new(&GroupKind::new("apps", "Deployment"), "shop", "web");
        let object = ObjectRef::new(&GroupKind::new("", "Pod"), "shop", "web-x");
        engine.pod(&PodView {
            evidence: Evidence::Live,
            object: &object,
            root: &root,
            labels: &pod.metadata.labels,
            annotations: &pod.metadata.annotations,
            spec: &pod.spec,
            status: Some(&pod.status),
            template: template.as_ref(),
        });
        let findings = engine.finish(&[]).findings.into_values();
        let found = findings.filter(|finding| finding.identity.rule == rule);
        let words = found.map(|finding| {
            let container = finding.identity.container.unwrap_or_default();
            let provenance: Vec<_> =
                finding.provenance.iter().map(|provenance| provenance.as_str()).collect();
            format!("{container} {}", provenance.join("+"))
        });
        words.collect()
    }

    #[test]
    fn what_the_template_lacks_came_by_admission() {
        let privileged = json!({"privileged": true});
        let web = json!({"name": "web", "image": "i", "securityContext": privileged});
        let mesh = json!({"name": "mesh", "image": "m", "securityContext": privileged});
        let pod = json!({"metadata": {"name": "web-x"}, "spec": {"containers": [web, mesh]}});
        let template = json!({"containers": [web]});
        let rule = "privileged-container";
        assert_eq!(told(rule, &pod, Some(&template)), ["mesh admission", "web declared"]);
        assert_eq!(told(rule, &pod, None), ["mesh ", "web "], "nobody can tell");
    }

    #[test]
    fn what_only_the_status_shows_came_at_runtime() {
        let web = json!({"name": "web", "image": "i", "securityContext": {"runAsUser": 0}});
        let status =
            json!({"containerStatuses": [{"name": "side", "user": {"linux": {"uid": 0, "gid": 0}}}]});
        let side = json!({"name": "side", "image": "s", "securityContext": {"runAsUser": 5000}});
        let spec = json!({"containers": [web, side]});
        let pod = json!({"metadata": {"name": "web-x"}, "spec": spec, "status": status});
        assert_eq!(told("root-container", &pod, Some(&spec)), ["side runtime", "web declared"]);
    }
}

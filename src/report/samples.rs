//! Reports that tests share.

use std::collections::BTreeSet;

use jiff::civil::{Date, date};

use super::wire::{Application, Evidence, Exclusion, Expired, Novelty, Object, Origin, Source};
use super::*;
use crate::finding::{self, Certainty, GapReason, GapScope, Presence, Severity};
use crate::model::reference::{GroupKind, ObjectRef};

/// An object by `group/Kind` and `namespace/name`.
pub fn object(kind: &str, name: &str) -> Object {
    let (group, kind) = kind.split_once('/').unwrap_or(("", kind));
    let (namespace, name) = name.split_once('/').unwrap_or(("", name));
    Object::from(&ObjectRef::new(&GroupKind::new(group, kind), namespace, name))
}

/// A plain finding.
pub fn finding(severity: Severity, rule: &'static str, subject: Object) -> Finding {
    Finding {
        id: "0123456789abcdef".into(),
        rule,
        code: "WL-001",
        severity,
        certainty: Certainty::Certain,
        evidence: Evidence::Live,
        presence: Presence::Present,
        object: subject.clone(),
        subject: subject.clone(),
        objects: 1,
        container: None,
        images: BTreeSet::new(),
        provenance: BTreeSet::new(),
        value: Printable::default(),
        path: "spec.hostNetwork".into(),
        message: "Pods use the node's network".into(),
        help: "remove spec.hostNetwork",
        causes: BTreeSet::from([subject]),
        novelty: None,
        brought_by: None,
        rolls_back: false,
        near_miss: None,
    }
}

/// A privileged container, new.
pub fn privileged() -> Finding {
    Finding {
        object: object("Pod", "shop/web-7d9c5bf6d4-x2x1z"),
        objects: 3,
        container: Some("agent".into()),
        images: BTreeSet::from(["registry.example/agent:2.1".into()]),
        path: "spec.initContainers[name=agent].securityContext.privileged".into(),
        message: "container agent runs privileged: it has every capability and every device of the node"
            .into(),
        help: "set securityContext.privileged to false, or remove the container",
        novelty: Some(Novelty::New),
        brought_by: Some(Origin {
            source: Source::Revision,
            objects: BTreeSet::from([object("apps/Deployment", "shop/web")]),
            text: "this revision, which changed apps/Deployment shop/web".into(),
        }),
        rolls_back: true,
        ..finding(Severity::Critical, "privileged-container", object("apps/Deployment", "shop/web"))
    }
}

/// A mounted runtime socket, new.
pub fn runtime_socket() -> Finding {
    Finding {
        code: "WL-009",
        value: "/run/containerd/containerd.sock".into(),
        path: "spec.volumes[name=runtime].hostPath.path".into(),
        message: "container agent mounts the container runtime's socket /run/containerd/containerd.sock, so it can \
                  start any container on the node"
            .into(),
        help: "remove the volume; give the agent the metrics it needs through the kubelet's API",
        ..Finding { rule: "runtime-socket", ..privileged() }
    }
}

/// A grant that was there before.
pub fn grant() -> Finding {
    Finding {
        code: "RBAC-003",
        path: "rules[2]".into(),
        message: "ServiceAccount shop/web may create pods in every namespace (ClusterRole shop-web through \
                  ClusterRoleBinding shop-web)"
            .into(),
        help: "grant create on pods in the namespaces that need it, or not at all",
        novelty: Some(Novelty::Known),
        ..finding(Severity::High, "pod-creation", object("ServiceAccount", "shop/web"))
    }
}

/// A report that only says how the run ended.
pub fn report(exit: Exit, verdict: Option<Verdict>, reason: &str) -> Report {
    let application = Application {
        name: "argocd/storefront".into(),
        revision: Some("4f2c91e0b7a3d5f68190c2d4e6f8a0b1c3d5e7f9".into()),
    };
    let run = Run { id: "storefront-4f2c91e-1764000000".into(), hook: Some("PostSync".into()) };
    let mut report = Report::new(application, run, exit, reason).judged(engine::Counts {
        pods: 12,
        templates: 1,
        objects: 41,
    });
    report.verdict = verdict;
    report.phases = vec![
        Phase { name: "settle", milliseconds: 12_034 },
        Phase { name: "collect", milliseconds: 1_810 },
        Phase { name: "evaluate", milliseconds: 96 },
    ];
    report
}

/// An exclusion.
pub fn exclusion(line: u32, rule: &str, expires: Date) -> Exclusion {
    Exclusion {
        at: format!("platform-policy.yaml:{line}").into(),
        rule: rule.into(),
        reason: "the node agent reads container metrics".into(),
        owner: "platform@shop.example".into(),
        ticket: Some("OPS-1142".into()),
        expires: expires.to_string().into(),
    }
}

/// Two new critical findings, a known one, and everything else a report can hold.
pub fn critical() -> Report {
    let reason =
        "2 critical findings are new since the last good revision and follow from what this revision changed";
    let mut report = report(Exit::Critical, Some(Verdict::Critical), reason)
        .drift([grant(), runtime_socket(), privileged()])
        .excluded([Excluded {
            finding: Finding { novelty: None, brought_by: None, rolls_back: false, ..privileged() },
            exclusion: exclusion(14, "privileged-container", date(2027, 1, 31)),
        }])
        .below_threshold([
            finding(Severity::Medium, "host-port", object("apps/Deployment", "shop/web")),
            finding(Severity::Low, "latest-tag", object("apps/Deployment", "shop/web")),
        ])
        .gaps(&[finding::Gap {
            scope: GapScope::Kind(GroupKind::new("", "Node"), String::new()),
            reason: GapReason::Forbidden,
            detail: "nodes is forbidden: User \"system:serviceaccount:shop:driftgate\" cannot list resource \
                     \"nodes\" in API group \"\" at the cluster scope"
                .into(),
        }])
        .idle_exclusions(IdleExclusions {
            expired: vec![Expired {
                findings: 1,
                exclusion: exclusion(31, "host-network", date(2026, 11, 1)),
            }],
            unused: vec![exclusion(52, "host-port", date(2027, 6, 30))],
        });
    report.rollback = Some(Rollback {
        wanted: true,
        to: Some("81bd0aa5c3e1f2d4b6a8907f5e3d1c2b4a698877".into()),
        why: "it passed on 2026-11-20 and has none of these".into(),
        plan: None,
    });
    report.warnings.push("notifying slack: the server answered 500 four times".into());
    report
}

/// More findings than fit on a screen.
pub fn many() -> Report {
    let findings = (0..24).map(|index| {
        let subject = object("apps/Deployment", &format!("shop/web-{index:02}"));
        let severity = if index % 3 == 0 { Severity::Critical } else { Severity::High };
        Finding { novelty: Some(Novelty::Unrecorded), ..finding(severity, "host-network", subject) }
    });
    let mut report =
        report(Exit::Blocked, Some(Verdict::Blocked), "24 findings at or above high").drift(findings);
    report.rollback = Some(Rollback {
        wanted: false,
        to: None,
        why: "no good revision of this application is on record".into(),
        plan: None,
    });
    report
}

/// Two objects that have not settled.
pub fn unsettled() -> Report {
    let reason = "2 objects had not settled after 5 minutes";
    report(Exit::NotSettled, Some(Verdict::NotSettled), reason).unsettled([
        Unsettled {
            object: object("apps/Deployment", "shop/web"),
            why:
                "1 of 3 Pods are new; ReplicaFailure: pods \"web-7d9c5bf6d4-\" is forbidden: exceeded quota: \
                  compute, requested: cpu=2, used: cpu=7, limited: cpu=8"
                    .into(),
        },
        Unsettled {
            object: object("batch/Job", "shop/migrate"),
            why: "Pod migrate-x8s2k: ImagePullBackOff".into(),
        },
    ])
}

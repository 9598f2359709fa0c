//! What notification-controller of Flux receives: an event in its own schema, so that the Alerts, Providers and commit
//! statuses that there are for Kustomizations and HelmReleases tell what driftgate says of them, too.
//!
//! An event is about the object that Flux deploys the application by, because Alerts select by that; about an
//! application of anybody else there is none. Only a gate's verdict asks for a commit status: it judges that revision.
//!
//! Source: `apis/event/v1beta1/event.go` of `fluxcd/pkg`.

use jiff::{Timestamp, Unit};
use serde_json::{Map, Value, json};

use crate::exit::Exit;
use crate::notify::event::{self, Stamp};
use crate::notify::rollback::{self, About};
use crate::report::{Report, brief};
use crate::rollback::Notice;

/// Key, after the object's group, by which a Provider tells a commit from others.
const REVISION: &str = "revision";
/// Key, after the object's group, by which a Provider is asked to set the status of a commit.
const COMMIT_STATUS: &str = "commit_status";
/// Key of an address with more.
const LINK: &str = "event.toolkit.fluxcd.io/link";

/// The object that an event is about.
struct Involved {
    group: &'static str,
    version: &'static str,
    kind: &'static str,
    namespace: String,
    name: String,
}

impl Involved {
    /// Of an application as reports name it: `kustomization/NAMESPACE/NAME`, `helmrelease/NAMESPACE/NAME`.
    fn of(application: &str) -> Option<Self> {
        let (tool, rest) = application.split_once('/')?;
        let (namespace, name) = rest.split_once('/')?;
        let (group, version, kind) = match tool {
            "kustomization" => ("kustomize.toolkit.fluxcd.io", "v1", "Kustomization"),
            "helmrelease" => ("helm.toolkit.fluxcd.io", "v2", "HelmRelease"),
            _ => return None,
        };
        Some(Self { group, version, kind, namespace: namespace.to_owned(), name: name.to_owned() })
    }

    /// Flux takes metadata only under the object's group, or its own.
    fn key(&self, name: &str) -> String {
        format!("{}/{name}", self.group)
    }
}

/// A gate's verdict.
pub(super) fn verdict(report: &Report, link: Option<&str>, stamp: &Stamp) -> Option<Value> {
    let involved = Involved::of(report.application.name.as_str())?;
    let mut metadata = Map::new();
    if let Some(revision) = &report.application.revision {
        metadata.insert(involved.key(REVISION), json!(revision));
        // A chart's version is no commit.
        if involved.kind == "Kustomization" {
            metadata.insert(involved.key(COMMIT_STATUS), json!("update"));
        }
    }
    metadata.extend(link.map(|link| (LINK.to_owned(), json!(link))));
    let passed = report.exit() == Exit::Pass;
    let about = (event::reason(report.exit()), brief::note(report), passed);
    let from = (event::REPORTING_CONTROLLER, stamp.instance.as_str(), stamp.time);
    Some(event(&involved, about, &metadata, from))
}

/// What a rollback has come to.
pub(super) fn notice(about: &About, notice: &Notice) -> Option<Value> {
    let involved = Involved::of(&about.application)?;
    let mut metadata = Map::new();
    metadata.extend(notice.revision.as_ref().map(|revision| (involved.key(REVISION), json!(revision))));
    let what = (notice.reason.as_str(), notice.text.clone(), notice.reason.is_normal());
    let from = (rollback::REPORTING_CONTROLLER, about.instance.as_str(), about.time);
    Some(event(&involved, what, &metadata, from))
}

fn event(
    involved: &Involved,
    (reason, message, good): (&str, String, bool),
    metadata: &Map<String, Value>,
    (controller, instance, time): (&str, &str, Timestamp),
) -> Value {
    let Involved { group, version, kind, namespace, name } = involved;
    let time = time.round(Unit::Second).unwrap_or(time);
    let api_version = format!("{group}/{version}");
    json!({
        "involvedObject": {"apiVersion": api_version, "kind": kind, "namespace": namespace, "name": name},
        "severity": if good { "info" } else { "error" },
        "timestamp": time.to_string(),
        "message": message,
        "reason": reason,
        "metadata": metadata,
        "reportingController": controller,
        "reportingInstance": instance,
    })
}

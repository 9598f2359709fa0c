//! What people are told about a rollback: an Event on the application, and a message to each target.

use futures::future::join_all;
use jiff::Timestamp;
use k8s_openapi::api::core::v1::ObjectReference;
use k8s_openapi::api::events::v1::Event;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{MicroTime, ObjectMeta};
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::cluster::{ApiKind, Cluster, Reason};
use crate::model::reference::{GroupKind, ObjectRef};
use crate::notify::event::EventError;
use crate::notify::{Client, Kind, NotifyError, Target, flux};
use crate::rollback::Notice;

/// Who reports.
pub const REPORTING_CONTROLLER: &str = "driftgate.dev/controller";
/// Most characters of the application's name in the Event's, which may have 253 in all.
const NAME_CHARACTERS: usize = 150;
/// Most bytes of an Event's note.
const NOTE_BYTES: usize = 1024;

/// Whom it is about, when, and who tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct About {
    /// Its name, as reports and records have it.
    pub application: String,
    /// The application's own object.
    pub object: ObjectRef,
    /// Its uid.
    pub uid: String,
    /// The present time.
    pub time: Timestamp,
    /// Name of the Pod that tells.
    pub instance: String,
}

/// Writes the Event. Its name comes from the notice, so the same is never written twice.
pub async fn publish(
    cluster: &Cluster,
    kind: &ApiKind,
    about: &About,
    notice: &Notice,
) -> Result<(), EventError> {
    let kinds = cluster.kinds().await?;
    let events = kinds.find(&GroupKind::new("events.k8s.io", "Event")).ok_or(EventError::NotServed)?;
    let event = serde_json::to_value(event(&kind.api_version(), about, notice))?;
    match cluster.create(events, &about.object.namespace, &event).await {
        Ok(_) => Ok(()),
        Err(error) if error.reason() == Reason::AlreadyExists => Ok(()),
        Err(error) => Err(error.into()),
    }
}

fn event(api_version: &str, about: &About, notice: &Notice) -> Event {
    let About { application: _, object, uid, time, instance } = about;
    let short: String = object.name.chars().take(NAME_CHARACTERS).collect();
    let name = format!("{short}.{}", notice.id.to_ascii_lowercase());
    Event {
        metadata: ObjectMeta {
            name: Some(name.replace(|char: char| !char.is_ascii_alphanumeric() && char != '.', "-")),
            namespace: Some(object.namespace.clone()),
            ..ObjectMeta::default()
        },
        event_time: Some(MicroTime(*time)),
        reporting_controller: Some(REPORTING_CONTROLLER.to_owned()),
        reporting_instance: Some(instance.clone()),
        action: Some("RollBack".to_owned()),
        reason: Some(notice.reason.as_str().to_owned()),
        type_: Some(if notice.reason.is_normal() { "Normal" } else { "Warning" }.to_owned()),
        note: Some(cut(&notice.text)),
        regarding: Some(ObjectReference {
            api_version: Some(api_version.to_owned()),
            kind: Some(object.kind.clone()),
            namespace: Some(object.namespace.clone()),
            name: Some(object.name.clone()),
            uid: Some(uid.clone()),
            ..ObjectReference::default()
        }),
        ..Event::default()
    }
}

fn cut(text: &str) -> String {
    let end = text
        .char_indices()
        .map(|(at, char)| at + char.len_utf8())
        .take_while(|end| *end <= NOTE_BYTES)
        .last();
    text[..end.unwrap_or_default()].to_owned()
}

/// Sends a notice to all targets at once and returns what could not be delivered by the deadline.
pub async fn send(
    client: &Client,
    targets: &[Target],
    about: &About,
    notice: &Notice,
    deadline: Instant,
) -> Vec<NotifyError> {
    let deliveries = targets.iter().map(|target| async move {
        let body = match target.kind {
            Kind::Webhook => Some(webhook(about, notice)),
            Kind::Slack => Some(slack(about, notice)),
            Kind::Flux => flux::notice(about, notice),
        };
        let Some(body) = body else { return Ok(()) };
        client.post(target, &body, target.kind.deadline(deadline)).await
    });
    join_all(deliveries).await.into_iter().filter_map(Result::err).collect()
}

fn webhook(about: &About, notice: &Notice) -> Value {
    json!({
        "apiVersion": "driftgate.dev/v1alpha1",
        "kind": "RollbackNotice",
        "id": notice.id,
        "time": about.time.to_string(),
        "application": about.application,
        "reason": notice.reason.as_str(),
        "message": notice.text,
    })
}

fn slack(about: &About, notice: &Notice) -> Value {
    let escape = |text: &str| text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    let title = format!("{}: {}", notice.reason.as_str(), about.application);
    json!({"text": format!("*{}*\n{}", escape(&title), escape(&notice.text))})
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rollback::Reason as Told;

    fn about(name: &str) -> About {
        let kind = GroupKind::new("argoproj.io", "Application");
        let time = "2026-11-24T10:00:00Z".parse().unwrap();
        let object = ObjectRef::new(&kind, "argocd", name);
        About { application: format!("argocd/{name}"), object, uid: "1".into(), time, instance: "pod".into() }
    }

    fn notice(text: &str) -> Notice {
        let id = "driftgate-20261124100000-0123456789ab-rolledback".into();
        Notice { id, reason: Told::RolledBack, text: text.into(), revision: Some("sha1:a".into()) }
    }

    #[test]
    fn an_event_is_of_the_notice_and_fits_whatever_its_names_are() {
        let event = event("argoproj.io/v1alpha1", &about(&"n".repeat(253)), &notice(&"ä".repeat(2000)));
        let name = event.metadata.name.unwrap();
        assert!(
            name.len() <= 253 && name.ends_with(".driftgate-20261124100000-0123456789ab-rolledback"),
            "{name}"
        );
        assert_eq!(event.note.unwrap().len(), NOTE_BYTES);
        assert_eq!((event.reason.as_deref(), event.type_.as_deref()), (Some("RolledBack"), Some("Normal")));
    }

    #[test]
    fn messages_say_whom_and_why() {
        let body = webhook(&about("shop"), &notice("Back on a from b"));
        assert_eq!((&body["application"], &body["reason"]), (&json!("argocd/shop"), &json!("RolledBack")));
        assert_eq!(body["message"], "Back on a from b");
        let text = slack(&about("shop"), &notice("<!channel> & co"))["text"].clone();
        assert_eq!(text, "*RolledBack: argocd/shop*\n&lt;!channel&gt; &amp; co");
    }

    #[test]
    fn flux_hears_of_its_own_applications_and_of_the_revision_that_a_notice_judges() {
        let flux = About { application: "kustomization/apps/shop".into(), ..about("shop") };
        let body = flux::notice(&flux, &notice("Back on a from b")).unwrap();
        assert_eq!((&body["reason"], &body["severity"]), (&json!("RolledBack"), &json!("info")));
        assert_eq!(body["metadata"], json!({"kustomize.toolkit.fluxcd.io/revision": "sha1:a"}));
        let failed = Notice { reason: Told::NotRolledBack, revision: None, ..notice("none") };
        let body = flux::notice(&flux, &failed).unwrap();
        assert_eq!((&body["severity"], &body["metadata"]), (&json!("error"), &json!({})));
        assert_eq!(flux::notice(&about("shop"), &failed), None);
    }
}

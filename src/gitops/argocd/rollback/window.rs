//! The sync window that keeps one Application from being synced by itself, in its AppProject.
//!
//! Whatever else is in the list stays as it is, in its order.

use serde::Deserialize;
use serde_json::{Value, json};

use crate::model::lenient::null_as_default;
use crate::model::meta::Meta;

/// `argoproj.io/v1alpha1` AppProject, as far as its windows.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Project {
    /// Metadata.
    #[serde(deserialize_with = "null_as_default")]
    pub metadata: Meta,
    #[serde(deserialize_with = "null_as_default")]
    spec: Spec,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Spec {
    #[serde(deserialize_with = "null_as_default")]
    sync_windows: Vec<Value>,
}

/// Denies all syncs of an Application, at any time, but those that somebody asks for: our rollback is one of them.
fn window(application: &str) -> Value {
    json!({
        "kind": "deny", "schedule": "* * * * *", "duration": "24h",
        "applications": [application], "manualSync": true,
        "description": format!("driftgate keeps a rejected revision of {application} from being synced again"),
    })
}

/// Ours, also where Argo CD is too old to keep descriptions.
fn is_ours(candidate: &Value, application: &str) -> bool {
    let mut ours = window(application);
    if *candidate == ours {
        return true;
    }
    if let Some(ours) = ours.as_object_mut() {
        ours.remove("description");
    }
    *candidate == ours
}

impl Project {
    /// The patch that puts the window in force; none if it is.
    pub fn place(&self, application: &str) -> Option<Value> {
        if self.spec.sync_windows.iter().any(|it| is_ours(it, application)) {
            return None;
        }
        let mut windows = self.spec.sync_windows.clone();
        windows.push(window(application));
        Some(self.patch(&windows.into()))
    }

    /// The patch that takes the window away; none if it is gone, or is somebody else's by now.
    pub fn remove(&self, application: &str) -> Option<Value> {
        let mut windows = self.spec.sync_windows.clone();
        windows.retain(|it| !is_ours(it, application));
        let windows = match windows.len() {
            same if same == self.spec.sync_windows.len() => return None,
            0 => Value::Null,
            _ => windows.into(),
        };
        Some(self.patch(&windows))
    }

    fn patch(&self, windows: &Value) -> Value {
        let version = &self.metadata.resource_version;
        json!({"metadata": {"resourceVersion": version}, "spec": {"syncWindows": windows}})
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn project(windows: &Value) -> Project {
        let object = json!({"metadata": {"resourceVersion": "7"}, "spec": {"syncWindows": windows}});
        serde_json::from_value(object).unwrap()
    }

    #[test]
    fn windows_of_others_stay_as_they_are() {
        let other = json!({"kind": "allow", "schedule": "0 8 * * 1-5", "duration": "8h", "applications": ["*"], "unknown": 1});
        let placed = project(&json!([other])).place("shop").unwrap();
        assert_eq!(placed["metadata"]["resourceVersion"], "7");
        let windows = &placed["spec"]["syncWindows"];
        assert_eq!(*windows, json!([other, window("shop")]));
        assert_eq!(project(windows).place("shop"), None);
        assert_eq!(project(windows).remove("web"), None);
        let removed = project(windows).remove("shop").unwrap();
        assert_eq!(removed["spec"]["syncWindows"], json!([other]));
    }

    #[test]
    fn a_list_that_was_absent_is_absent_again() {
        let placed = project(&Value::Null).place("shop").unwrap();
        let removed = project(&placed["spec"]["syncWindows"]).remove("shop").unwrap();
        assert_eq!(removed["spec"]["syncWindows"], Value::Null);
    }

    #[test]
    fn a_window_that_a_person_has_changed_is_not_ours() {
        let mut changed = window("shop");
        changed["manualSync"] = json!(false);
        assert_eq!(project(&json!([changed])).remove("shop"), None);
        let mut old = window("shop");
        old.as_object_mut().unwrap().remove("description");
        assert!(project(&json!([old])).remove("shop").is_some());
    }
}

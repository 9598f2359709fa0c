//! Laws that hold for any history of a small cluster.

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;

/// One thing that happens: when, to which object, what becomes of it.
type Change = (Millis, usize, usize);

const OBJECTS: usize = 8;
const VARIANTS: usize = 6;

/// What becomes of an object; none if it goes.
fn variant(object: usize, variant: usize) -> Option<Value> {
    match object {
        0 => of_deployment(variant),
        1 => (variant != 0).then(|| replica_set("a", 1)),
        2 => (variant == 0).then(|| replica_set("b", 2)),
        3 => of_pod(pod("web-1", "a"), variant),
        4 => of_pod(pod("web-2", "a"), variant),
        5 => of_pod(pod("other-1", "elsewhere"), variant),
        6 => of_webhook(variant),
        _ => (variant < 3).then(|| {
            let mut namespace = object_of_cluster("Namespace", "shop");
            namespace["metadata"]["labels"] = json!({ "variant": variant.to_string() });
            namespace
        }),
    }
}

fn object_of_cluster(kind: &str, name: &str) -> Value {
    let object = with(object(kind, name, None), "metadata.namespace", Value::Null);
    with(object, "metadata.labels", Value::Null)
}

fn of_deployment(variant: usize) -> Option<Value> {
    Some(match variant {
        0 => return None,
        1 => with(deployment(2), "status.readyReplicas", 1.into()),
        2 => with(deployment(2), "metadata.labels", json!({})),
        _ => deployment(2),
    })
}

fn of_pod(pod: Value, variant: usize) -> Option<Value> {
    Some(match variant {
        0 => return None,
        1 => with(pod, "spec.nodeName", Value::Null),
        2 => with(pod, "status.phase", "Failed".into()),
        3 => with(pod, "metadata.labels.role", "leader".into()),
        4 => with(pod, "metadata.annotations", json!({ "beat": "1" })),
        _ => pod,
    })
}

fn of_webhook(variant: usize) -> Option<Value> {
    let mut webhook = object_of_cluster("MutatingWebhookConfiguration", "mesh");
    let rules =
        json!([{ "operations": ["*"], "apiGroups": ["*"], "apiVersions": ["*"], "resources": ["*"] }]);
    let selector = json!({ "matchLabels": { "app": if variant == 1 { "other" } else { "web" } } });
    webhook["webhooks"] = json!([{
        "name": "w", "rules": rules, "objectSelector": selector, "clientConfig": { "url": "https://example.com" },
        "timeoutSeconds": if variant == 2 { 5 } else { 10 },
    }]);
    if variant == 3 {
        webhook["webhooks"][0]["clientConfig"]["caBundle"] = "QQ==".into();
    }
    (variant != 0).then_some(webhook)
}

/// The objects there are, and how the state machine sees them.
struct History {
    cluster: Cluster,
    objects: Vec<Option<Value>>,
}

impl History {
    fn new() -> Self {
        Self { cluster: Cluster::new(), objects: vec![None; OBJECTS] }
    }

    fn happen(&mut self, (now, index, chosen): Change) {
        let next = variant(index, chosen);
        match (&self.objects[index], &next) {
            (_, Some(object)) => self.cluster.apply(now, object),
            (Some(gone), None) => self.cluster.delete(now, gone),
            (None, None) => {}
        }
        self.objects[index] = next;
    }

    /// What may not change within the window, taken from the objects in the most plain way.
    fn view(&self) -> Vec<String> {
        let Some(deployment) = &self.objects[0] else { return Vec::new() };
        if deployment["metadata"]["labels"]["instance"] != "shop" {
            return Vec::new();
        }
        let pods = self.objects[3..=4].iter().flatten().filter(|_| self.objects[1].is_some());
        let pods = pods.filter(|pod| pod["status"]["phase"] != "Failed");
        let mut view: Vec<String> =
            pods.map(|pod| format!("{} {}", pod["metadata"]["labels"], pod["spec"])).collect();
        if let Some(webhook) = &self.objects[6] {
            let mut webhook = webhook["webhooks"][0].clone();
            webhook["clientConfig"]["caBundle"] = Value::Null;
            if webhook["objectSelector"]["matchLabels"]["app"] == "web" {
                view.push(webhook.to_string());
            }
        }
        view.extend(self.objects[7].iter().map(|namespace| namespace["metadata"]["labels"].to_string()));
        view.push(deployment["status"]["readyReplicas"].to_string());
        view
    }
}

fn history() -> impl Strategy<Value = Vec<Change>> {
    let change = (0..8u64, 0..OBJECTS, 0..VARIANTS)
        .prop_map(|(slot, object, variant)| (slot * 4_000, object, variant));
    vec(change, 0..40).prop_map(|mut changes| {
        changes.sort_by_key(|(at, object, _)| (*at, *object));
        changes.dedup_by_key(|(at, object, _)| (*at, *object));
        changes
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_order_of_events_of_one_time_does_not_matter(changes in history(), seed in any::<u64>()) {
        let mut shuffled = changes.clone();
        shuffled.sort_by_key(|(at, object, _)| (*at, seed.rotate_left(u32::try_from(*object * 7).unwrap()) % 97));
        let (mut one, mut other) = (History::new(), History::new());
        for (change, another) in changes.iter().zip(&shuffled) {
            one.happen(*change);
            other.happen(*another);
        }
        for later in [28_000, 33_000, 60_000] {
            prop_assert_eq!(one.cluster.settling.state(later), other.cluster.settling.state(later));
        }
        prop_assert_eq!(one.cluster.settling.last_change(), other.cluster.settling.last_change());
    }

    #[test]
    fn settled_means_that_nothing_changed_for_the_window(changes in history()) {
        let mut history = History::new();
        let mut views: Vec<(Millis, Vec<String>)> = vec![(0, Vec::new())];
        for (index, change) in changes.iter().enumerate() {
            history.happen(*change);
            let next = changes.get(index + 1).map_or(80_000, |next| next.0);
            if next == change.0 {
                continue;
            }
            views.push((change.0, history.view()));
            for now in (change.0..next).step_by(500) {
                if history.cluster.settling.state(now) == State::Settled {
                    let recent = views.windows(2).filter(|pair| now < pair[1].0 + QUIET);
                    for pair in recent {
                        prop_assert_eq!(&pair[0].1, &pair[1].1, "changed at {}, settled at {}", pair[1].0, now);
                    }
                }
            }
        }
    }

    #[test]
    fn it_does_not_matter_how_often_one_asks(changes in history()) {
        let (mut asked, mut silent) = (History::new(), History::new());
        for change in changes {
            asked.happen(change);
            silent.happen(change);
            asked.cluster.settling.state(change.0);
        }
        prop_assert_eq!(asked.cluster.settling.state(60_000), silent.cluster.settling.state(60_000));
    }
}

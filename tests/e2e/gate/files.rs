//! The files that a repository under the gate holds: an application, and the shipped Job.

use serde_json::{Value, json};

use crate::harness::platform::Tree;

/// An application that the gate has nothing to say about, until a test changes it.
#[derive(Clone, Debug)]
pub(crate) struct Shop {
    name: String,
    template: Value,
    /// The labels by which its NetworkPolicy selects its Pods.
    isolated: Value,
    more: Vec<Value>,
}

impl Shop {
    pub(crate) fn clean(name: &str) -> Self {
        let container = json!({
            "name": "main",
            "image": "registry.test/app:1",
            "securityContext": {
                "allowPrivilegeEscalation": false,
                "readOnlyRootFilesystem": true,
                "capabilities": {"drop": ["ALL"]},
            },
        });
        let template = json!({
            "metadata": {"labels": {"app": name}, "annotations": {}},
            "spec": {
                "serviceAccountName": name,
                "automountServiceAccountToken": false,
                "securityContext": {
                    "runAsNonRoot": true,
                    "runAsUser": 1000,
                    "seccompProfile": {"type": "RuntimeDefault"},
                },
                "containers": [container],
            },
        });
        Self { name: name.to_owned(), template, isolated: json!({"app": name}), more: Vec::new() }
    }

    pub(crate) fn privileged(mut self) -> Self {
        self.template["spec"]["containers"][0]["securityContext"] = json!({"privileged": true});
        self
    }

    /// Lets its container know something by a variable, by an argument and by a note.
    pub(crate) fn knowing(mut self, secret: &str) -> Self {
        let container = &mut self.template["spec"]["containers"][0];
        container["env"] = json!([{"name": "PASSWORD", "value": secret}]);
        container["args"] = json!(["--password", secret]);
        self.template["metadata"]["annotations"]["note"] = json!(secret);
        self
    }

    /// Its Deployment is given up two seconds after the Pods were made.
    pub(crate) fn never_ready(mut self) -> Self {
        self.template["metadata"]["annotations"]["test.driftgate.dev/phase"] = json!("never-ready");
        self
    }

    /// A label of its Pods.
    pub(crate) fn labelled(mut self, key: &str, value: &str) -> Self {
        self.template["metadata"]["labels"][key] = json!(value);
        self
    }

    /// Lets its NetworkPolicy select its Pods by this label alone.
    pub(crate) fn isolated_by(mut self, key: &str, value: &str) -> Self {
        self.isolated = json!({key: value});
        self
    }

    /// Adds all of another application, such as a second Deployment. Argo CD may take an object that it has changed for
    /// as healthy as it was, but not one that is new.
    pub(crate) fn and(mut self, other: &Self) -> Self {
        self.more.extend(other.objects());
        self
    }

    pub(crate) fn with(mut self, object: Value) -> Self {
        self.more.push(object);
        self
    }

    /// Lets its Pods use a token that may create Pods and list Secrets in the whole cluster.
    pub(crate) fn with_a_cluster_role(mut self, name: &str, namespace: &str) -> Self {
        self.template["spec"]["automountServiceAccountToken"] = json!(true);
        let group = "rbac.authorization.k8s.io";
        let api_version = format!("{group}/v1");
        let rules = json!([
            {"apiGroups": [""], "resources": ["pods"], "verbs": ["create"]},
            {"apiGroups": [""], "resources": ["secrets"], "verbs": ["list"]},
        ]);
        let account = json!({"kind": "ServiceAccount", "name": self.name, "namespace": namespace});
        self.with(json!({"apiVersion": api_version, "kind": "ClusterRole", "metadata": {"name": name}, "rules": rules}))
            .with(json!({
                "apiVersion": api_version, "kind": "ClusterRoleBinding", "metadata": {"name": name},
                "roleRef": {"apiGroup": group, "kind": "ClusterRole", "name": name}, "subjects": [account],
            }))
    }

    /// Adds one of every other kind of workload, all with Pods like its own.
    pub(crate) fn with_every_kind_of_workload(self) -> Self {
        let labels = |kind: &str| json!({"app": self.name, "kind": kind});
        let template = |kind: &str, restart_policy: &str| {
            let mut template = self.template.clone();
            template["metadata"]["labels"] = labels(kind);
            template["spec"]["restartPolicy"] = json!(restart_policy);
            template
        };
        let object = |api_version: &str, kind: &str, spec: Value| {
            let name = format!("{}-{}", self.name, kind.to_lowercase());
            json!({"apiVersion": api_version, "kind": kind, "metadata": {"name": name}, "spec": spec})
        };
        let lasting = |kind: &str| json!({"selector": {"matchLabels": labels(kind)}, "template": template(kind, "Always")});
        let mut stateful = lasting("StatefulSet");
        stateful["serviceName"] = json!(self.name);
        stateful["replicas"] = json!(2);
        let controller = json!({"selector": labels("ReplicationController"), "template": template("ReplicationController", "Always")});
        let job = json!({"template": template("Job", "Never")});
        let cron_job = json!({"schedule": "0 0 1 1 *", "jobTemplate": {"spec": {"template": template("CronJob", "Never")}}});
        let all = [
            object("apps/v1", "StatefulSet", stateful),
            object("apps/v1", "DaemonSet", lasting("DaemonSet")),
            object("apps/v1", "ReplicaSet", lasting("ReplicaSet")),
            object("v1", "ReplicationController", controller),
            object("batch/v1", "Job", job),
            object("batch/v1", "CronJob", cron_job),
        ];
        all.into_iter().fold(self, Self::with)
    }

    /// All of it as one file.
    pub(crate) fn text(&self) -> String {
        let objects = self.objects();
        let objects: Vec<String> = objects.iter().chain(&self.more).map(ToString::to_string).collect();
        objects.join("\n---\n")
    }

    fn objects(&self) -> [Value; 4] {
        let name = &self.name;
        let labels = json!({"app": name});
        [
            json!({
                "apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": name},
                "automountServiceAccountToken": false,
            }),
            json!({
                "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name},
                "spec": {
                    "progressDeadlineSeconds": 2,
                    "selector": {"matchLabels": labels},
                    "template": self.template,
                },
            }),
            json!({
                "apiVersion": "v1", "kind": "Service", "metadata": {"name": name},
                "spec": {"selector": labels, "ports": [{"port": 80, "targetPort": 8080}]},
            }),
            json!({
                "apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": {"name": name},
                "spec": {"podSelector": {"matchLabels": self.isolated}, "policyTypes": ["Ingress", "Egress"]},
            }),
        ]
    }
}

/// A quiet window that suits tests: nothing goes on in their clusters but what they do themselves. What never settles
/// is reported before a test has lost its patience.
pub(crate) const QUICK: &[&str] = &["gate", "--settle-quiet=1s", "--settle-timeout=1m"];

/// The shipped Job with other arguments.
pub(crate) fn job(args: &[&str]) -> String {
    let shipped = include_str!("../../../manifests/gate/job.yaml");
    let changed = shipped.replace("args: [\"gate\"]", &format!("args: {}", json!(args)));
    assert_ne!(shipped, changed, "the shipped Job has other arguments");
    changed
}

/// What the shipped component renders to in a user's kustomization, with other arguments.
pub(crate) fn component(namespace: &str, args: &[&str]) -> String {
    let tree = Tree::copy(&format!("{namespace}-component"));
    let patch = json!([{"op": "replace", "path": "/spec/template/spec/containers/0/args", "value": args}]);
    let kustomization = json!({
        "apiVersion": "kustomize.config.k8s.io/v1beta1",
        "kind": "Kustomization",
        "namespace": namespace,
        "components": ["../../kustomize/components/argocd-postsync"],
        "patches": [{"target": {"kind": "Job"}, "patch": patch.to_string()}],
    });
    tree.write("apps/shop/kustomization.yaml", &kustomization.to_string());
    tree.text("apps/shop")
}

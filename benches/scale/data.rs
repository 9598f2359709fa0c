//! Objects of realistic size: Pods of about 11 kB with probes, projected tokens and managedFields, in owners of fifty.

use std::fmt::Write as _;

/// Namespace of everything.
pub(crate) const NAMESPACE: &str = "scale";
/// Pods of one owner.
const PER_OWNER: usize = 50;
/// RBAC objects, whatever the number of Pods.
const RBAC: usize = 2_000;

/// JSON of every object of an application with that many Pods.
pub(crate) fn objects(pods: usize) -> impl Iterator<Item = String> {
    let owners = pods.div_ceil(PER_OWNER);
    std::iter::once(namespace())
        .chain((0..owners).flat_map(|owner| [deployment(owner), replica_set(owner), service(owner)]))
        .chain(std::iter::once(policy()))
        .chain((0..pods).map(|number| pod(number / PER_OWNER, number)))
        .chain((0..RBAC / 2).flat_map(|number| [role(number), binding(number)]))
}

fn namespace() -> String {
    format!(
        r#"{{"apiVersion":"v1","kind":"Namespace","metadata":{{"name":"{NAMESPACE}","labels":{{"pod-security.kubernetes.io/enforce":"baseline"}}}}}}"#
    )
}

fn policy() -> String {
    format!(
        r#"{{"apiVersion":"networking.k8s.io/v1","kind":"NetworkPolicy","metadata":{{"name":"all","namespace":"{NAMESPACE}"}},"spec":{{"podSelector":{{}},"policyTypes":["Ingress"],"ingress":[{{"from":[{{"podSelector":{{}}}}]}}]}}}}"#
    )
}

fn deployment(owner: usize) -> String {
    format!(
        r#"{{"apiVersion":"apps/v1","kind":"Deployment","metadata":{{"name":"app-{owner}","namespace":"{NAMESPACE}","uid":"d-{owner}"}},"spec":{{"replicas":{PER_OWNER},"selector":{{"matchLabels":{{"app":"app-{owner}"}}}},"template":{}}}}}"#,
        template(owner)
    )
}

fn replica_set(owner: usize) -> String {
    format!(
        r#"{{"apiVersion":"apps/v1","kind":"ReplicaSet","metadata":{{"name":"app-{owner}-5d4f","namespace":"{NAMESPACE}","uid":"r-{owner}","ownerReferences":[{{"apiVersion":"apps/v1","kind":"Deployment","name":"app-{owner}","uid":"d-{owner}","controller":true}}]}},"spec":{{"replicas":{PER_OWNER},"selector":{{"matchLabels":{{"app":"app-{owner}"}}}},"template":{}}}}}"#,
        template(owner)
    )
}

fn service(owner: usize) -> String {
    format!(
        r#"{{"apiVersion":"v1","kind":"Service","metadata":{{"name":"app-{owner}","namespace":"{NAMESPACE}"}},"spec":{{"type":"ClusterIP","selector":{{"app":"app-{owner}"}},"ports":[{{"port":80}}]}}}}"#
    )
}

fn template(owner: usize) -> String {
    format!(
        r#"{{"metadata":{{"labels":{{"app":"app-{owner}"}}}},"spec":{{"serviceAccountName":"app-{}","containers":[{},{}]}}}}"#,
        owner % 40,
        container("web", owner),
        container("proxy", owner)
    )
}

fn pod(owner: usize, number: usize) -> String {
    format!(
        r#"{{"apiVersion":"v1","kind":"Pod","metadata":{{"name":"app-{owner}-5d4f-{number}","generateName":"app-{owner}-5d4f-","namespace":"{NAMESPACE}","uid":"p-{number}","labels":{{"app":"app-{owner}","pod-template-hash":"5d4f"}},"annotations":{{"checksum/config":"{:064}"}},"ownerReferences":[{{"apiVersion":"apps/v1","kind":"ReplicaSet","name":"app-{owner}-5d4f","uid":"r-{owner}","controller":true,"blockOwnerDeletion":true}}],"managedFields":[{},{}]}},"spec":{{"serviceAccountName":"app-{}","nodeName":"node-{}","containers":[{},{}],"tolerations":[{{"key":"node.kubernetes.io/not-ready","operator":"Exists","effect":"NoExecute","tolerationSeconds":300}},{{"key":"node.kubernetes.io/unreachable","operator":"Exists","effect":"NoExecute","tolerationSeconds":300}}],"volumes":[{{"name":"kube-api-access-x2k9q","projected":{{"defaultMode":420,"sources":[{{"serviceAccountToken":{{"expirationSeconds":3607,"path":"token"}}}},{{"configMap":{{"name":"kube-root-ca.crt","items":[{{"key":"ca.crt","path":"ca.crt"}}]}}}}]}}}}]}},"status":{}}}"#,
        number,
        managed("kube-controller-manager", 24),
        managed("kubelet", 24),
        owner % 40,
        number % 100,
        container("web", owner),
        container("proxy", owner),
        status()
    )
}

fn container(name: &str, owner: usize) -> String {
    let mut env = String::new();
    for number in 0..12 {
        let comma = if number == 0 { "" } else { "," };
        let value = format!(
            r#"{comma}{{"name":"SETTING_{number}","value":"value-{owner}-{number}-of-some-length"}}"#
        );
        env.push_str(&value);
    }
    let probe = r#"{"httpGet":{"path":"/healthz","port":8080,"scheme":"HTTP"},"initialDelaySeconds":5,"timeoutSeconds":1,"periodSeconds":10,"successThreshold":1,"failureThreshold":3}"#;
    format!(
        r#"{{"name":"{name}","image":"registry.example/team/{name}:1.{owner}.0","command":["/bin/{name}"],"args":["--listen=:8080","--log=json"],"ports":[{{"containerPort":8080,"protocol":"TCP"}}],"env":[{env}],"resources":{{"limits":{{"cpu":"500m","memory":"256Mi"}},"requests":{{"cpu":"100m","memory":"128Mi"}}}},"volumeMounts":[{{"name":"kube-api-access-x2k9q","readOnly":true,"mountPath":"/var/run/secrets/kubernetes.io/serviceaccount"}}],"livenessProbe":{probe},"readinessProbe":{probe},"startupProbe":{probe},"terminationMessagePath":"/dev/termination-log","terminationMessagePolicy":"File","imagePullPolicy":"IfNotPresent","securityContext":{{"runAsNonRoot":true,"runAsUser":10001,"allowPrivilegeEscalation":false,"capabilities":{{"drop":["ALL"]}}}}}}"#
    )
}

fn managed(manager: &str, fields: usize) -> String {
    let mut text = String::new();
    for number in 0..fields {
        let comma = if number == 0 { "" } else { "," };
        if write!(
            text,
            r#"{comma}"f:field{number}":{{".":{{}},"f:value":{{}},"f:another":{{}},"f:third":{{}}}}"#
        )
        .is_err()
        {
            break;
        }
    }
    format!(
        r#"{{"manager":"{manager}","operation":"Update","apiVersion":"v1","time":"2026-11-24T10:00:00Z","fieldsType":"FieldsV1","fieldsV1":{{"f:spec":{{{text}}}}}}}"#
    )
}

fn status() -> String {
    let container = |name: &str| {
        format!(
            r#"{{"name":"{name}","ready":true,"restartCount":0,"started":true,"image":"registry.example/team/{name}:1","imageID":"registry.example/team/{name}@sha256:{:064}","containerID":"containerd://{:064}","state":{{"running":{{"startedAt":"2026-11-24T10:00:00Z"}}}},"user":{{"linux":{{"uid":10001,"gid":10001,"supplementalGroups":[10001]}}}}}}"#,
            1, 2
        )
    };
    format!(
        r#"{{"phase":"Running","hostIP":"192.0.2.1","podIP":"198.51.100.7","startTime":"2026-11-24T10:00:00Z","qosClass":"Burstable","conditions":[{{"type":"Ready","status":"True","lastTransitionTime":"2026-11-24T10:00:00Z"}},{{"type":"PodScheduled","status":"True","lastTransitionTime":"2026-11-24T10:00:00Z"}},{{"type":"ContainersReady","status":"True","lastTransitionTime":"2026-11-24T10:00:00Z"}}],"containerStatuses":[{},{}]}}"#,
        container("web"),
        container("proxy")
    )
}

fn role(number: usize) -> String {
    format!(
        r#"{{"apiVersion":"rbac.authorization.k8s.io/v1","kind":"Role","metadata":{{"name":"role-{number}","namespace":"{NAMESPACE}"}},"rules":[{{"apiGroups":[""],"resources":["configmaps","endpoints"],"verbs":["get","list","watch"]}},{{"apiGroups":["coordination.k8s.io"],"resources":["leases"],"verbs":["get","create","update"]}}]}}"#
    )
}

fn binding(number: usize) -> String {
    format!(
        r#"{{"apiVersion":"rbac.authorization.k8s.io/v1","kind":"RoleBinding","metadata":{{"name":"role-{number}","namespace":"{NAMESPACE}"}},"roleRef":{{"apiGroup":"rbac.authorization.k8s.io","kind":"Role","name":"role-{number}"}},"subjects":[{{"kind":"ServiceAccount","name":"app-{}","namespace":"{NAMESPACE}"}}]}}"#,
        number % 400
    )
}

/// A YAML file of that many Deployments, as `helm template` writes them.
pub(crate) fn manifests(deployments: usize) -> String {
    let mut text = String::new();
    for number in 0..deployments {
        text.push_str(&manifest(number));
    }
    text
}

fn manifest(number: usize) -> String {
    let mut env = String::new();
    for setting in 0..26 {
        let line = format!(
            "        - name: SETTING_{setting}\n          value: \"value-{number}-{setting}-of-a-length-that-is-usual-in-charts\"\n"
        );
        env.push_str(&line);
    }
    format!(
        "---\napiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: app-{number}\n  namespace: {NAMESPACE}\n  labels:\n    app.kubernetes.io/name: app-{number}\n    app.kubernetes.io/managed-by: Helm\nspec:\n  replicas: 3\n  selector:\n    matchLabels:\n      app.kubernetes.io/name: app-{number}\n  template:\n    metadata:\n      labels:\n        app.kubernetes.io/name: app-{number}\n    spec:\n      serviceAccountName: app-{number}\n      containers:\n      - name: web\n        image: registry.example/team/web:1.{number}.0\n        ports:\n        - containerPort: 8080\n          name: http\n        env:\n{env}        resources:\n          limits:\n            cpu: 500m\n            memory: 256Mi\n          requests:\n            cpu: 100m\n            memory: 128Mi\n        livenessProbe:\n          httpGet:\n            path: /healthz\n            port: http\n        readinessProbe:\n          httpGet:\n            path: /ready\n            port: http\n        securityContext:\n          runAsNonRoot: true\n          runAsUser: 10001\n          allowPrivilegeEscalation: false\n          capabilities:\n            drop: [\"ALL\"]\n"
    )
}

//! Pods and what they are made of. Fields: the Kubernetes API reference, Pod v1 core.

use super::meta::{CONDITION, META};
use super::shape::{HIDDEN_LIST, PLAIN_LIST, PLAIN_MAP, Shape};
use Shape::{Address, Hidden, List, Map, Object, Plain};

pub(super) const POD: Shape = Object(&[("metadata", META), ("spec", SPEC), ("status", STATUS)]);

/// The template of Pods to come.
pub(super) const TEMPLATE: Shape = Object(&[("metadata", META), ("spec", SPEC)]);

const SPEC: Shape = Object(&[
    ("activeDeadlineSeconds", Plain),
    ("automountServiceAccountToken", Plain),
    ("containers", List(&CONTAINER)),
    ("dnsPolicy", Plain),
    ("enableServiceLinks", Plain),
    ("ephemeralContainers", List(&CONTAINER)),
    ("hostAliases", List(&Object(&[("ip", Plain), ("hostnames", PLAIN_LIST)]))),
    ("hostIPC", Plain),
    ("hostNetwork", Plain),
    ("hostPID", Plain),
    ("hostUsers", Plain),
    ("imagePullSecrets", List(&NAMED)),
    ("initContainers", List(&CONTAINER)),
    ("nodeName", Plain),
    ("nodeSelector", PLAIN_MAP),
    ("os", NAMED),
    ("priorityClassName", Plain),
    ("restartPolicy", Plain),
    ("runtimeClassName", Plain),
    ("schedulerName", Plain),
    ("schedulingGates", List(&NAMED)),
    ("securityContext", POD_SECURITY),
    ("serviceAccountName", Plain),
    ("shareProcessNamespace", Plain),
    ("terminationGracePeriodSeconds", Plain),
    ("tolerations", List(&TOLERATION)),
    ("volumes", List(&VOLUME)),
]);

const NAMED: Shape = Object(&[("name", Plain)]);

const TOLERATION: Shape = Object(&[
    ("key", Plain),
    ("operator", Plain),
    ("value", Plain),
    ("effect", Plain),
    ("tolerationSeconds", Plain),
]);

const CONTAINER: Shape = Object(&[
    ("args", HIDDEN_LIST),
    ("command", HIDDEN_LIST),
    ("env", List(&VARIABLE)),
    ("envFrom", List(&Object(&[("prefix", Plain), ("configMapRef", KEY), ("secretRef", KEY)]))),
    ("image", Plain),
    ("imagePullPolicy", Plain),
    ("lifecycle", Object(&[("postStart", HANDLER), ("preStop", HANDLER), ("stopSignal", Plain)])),
    ("livenessProbe", PROBE),
    ("name", Plain),
    ("ports", List(&PORT)),
    ("readinessProbe", PROBE),
    ("resources", Object(&[("limits", PLAIN_MAP), ("requests", PLAIN_MAP)])),
    ("restartPolicy", Plain),
    ("securityContext", SECURITY),
    ("startupProbe", PROBE),
    ("stdin", Plain),
    ("targetContainerName", Plain),
    ("tty", Plain),
    ("volumeDevices", List(&Object(&[("name", Plain), ("devicePath", Plain)]))),
    ("volumeMounts", List(&MOUNT)),
    ("workingDir", Plain),
]);

/// A variable of the environment: what it is called and where it comes from, never what it holds.
const VARIABLE: Shape = Object(&[
    ("name", Plain),
    ("value", Hidden),
    (
        "valueFrom",
        Object(&[
            ("configMapKeyRef", KEY),
            ("fieldRef", Object(&[("apiVersion", Plain), ("fieldPath", Plain)])),
            (
                "resourceFieldRef",
                Object(&[("containerName", Plain), ("resource", Plain), ("divisor", Plain)]),
            ),
            ("secretKeyRef", KEY),
        ]),
    ),
]);

/// A Secret or ConfigMap, or a key of one, by name.
const KEY: Shape = Object(&[("name", Plain), ("key", Plain), ("optional", Plain)]);

const PORT: Shape = Object(&[
    ("name", Plain),
    ("containerPort", Plain),
    ("hostIP", Plain),
    ("hostPort", Plain),
    ("protocol", Plain),
]);

const HANDLER: Shape = Object(&[
    ("exec", EXEC),
    ("httpGet", HTTP_GET),
    ("sleep", Object(&[("seconds", Plain)])),
    ("tcpSocket", SOCKET),
]);

const EXEC: Shape = Object(&[("command", HIDDEN_LIST)]);

const SOCKET: Shape = Object(&[("host", Plain), ("port", Plain)]);

const HTTP_GET: Shape = Object(&[
    ("host", Plain),
    ("httpHeaders", List(&Object(&[("name", Plain), ("value", Hidden)]))),
    ("path", Address),
    ("port", Plain),
    ("scheme", Plain),
]);

const PROBE: Shape = Object(&[
    ("exec", EXEC),
    ("failureThreshold", Plain),
    ("grpc", Object(&[("port", Plain), ("service", Plain)])),
    ("httpGet", HTTP_GET),
    ("initialDelaySeconds", Plain),
    ("periodSeconds", Plain),
    ("successThreshold", Plain),
    ("tcpSocket", SOCKET),
    ("terminationGracePeriodSeconds", Plain),
    ("timeoutSeconds", Plain),
]);

const PROFILE: Shape = Object(&[("type", Plain), ("localhostProfile", Plain)]);

const SE_LINUX: Shape = Object(&[("level", Plain), ("role", Plain), ("type", Plain), ("user", Plain)]);

const WINDOWS: Shape = Object(&[("hostProcess", Plain), ("runAsUserName", Plain)]);

const SECURITY: Shape = Object(&[
    ("allowPrivilegeEscalation", Plain),
    ("appArmorProfile", PROFILE),
    ("capabilities", Object(&[("add", PLAIN_LIST), ("drop", PLAIN_LIST)])),
    ("privileged", Plain),
    ("procMount", Plain),
    ("readOnlyRootFilesystem", Plain),
    ("runAsGroup", Plain),
    ("runAsNonRoot", Plain),
    ("runAsUser", Plain),
    ("seLinuxOptions", SE_LINUX),
    ("seccompProfile", PROFILE),
    ("windowsOptions", WINDOWS),
]);

const POD_SECURITY: Shape = Object(&[
    ("appArmorProfile", PROFILE),
    ("fsGroup", Plain),
    ("fsGroupChangePolicy", Plain),
    ("runAsGroup", Plain),
    ("runAsNonRoot", Plain),
    ("runAsUser", Plain),
    ("seLinuxOptions", SE_LINUX),
    ("seccompProfile", PROFILE),
    ("supplementalGroups", PLAIN_LIST),
    ("sysctls", List(&Object(&[("name", Plain), ("value", Plain)]))),
    ("windowsOptions", WINDOWS),
]);

const MOUNT: Shape = Object(&[
    ("mountPath", Plain),
    ("mountPropagation", Plain),
    ("name", Plain),
    ("readOnly", Plain),
    ("recursiveReadOnly", Plain),
    ("subPath", Plain),
    ("subPathExpr", Plain),
]);

/// Secrets and ConfigMaps by name, and where their keys go.
const ITEMS: Shape = List(&Object(&[("key", Plain), ("mode", Plain), ("path", Plain)]));

const VOLUME: Shape = Object(&[
    ("name", Plain),
    ("configMap", Object(&[("name", Plain), ("items", ITEMS), ("optional", Plain), ("defaultMode", Plain)])),
    (
        "csi",
        Object(&[
            ("driver", Plain),
            ("fsType", Plain),
            ("nodePublishSecretRef", NAMED),
            ("readOnly", Plain),
            ("volumeAttributes", Map(&Hidden)),
        ]),
    ),
    ("downwardAPI", Object(&[("items", FIELDS), ("defaultMode", Plain)])),
    ("emptyDir", Object(&[("medium", Plain), ("sizeLimit", Plain)])),
    ("ephemeral", Object(&[])),
    ("hostPath", Object(&[("path", Plain), ("type", Plain)])),
    ("image", Object(&[("reference", Plain), ("pullPolicy", Plain)])),
    ("nfs", Object(&[("path", Plain), ("readOnly", Plain), ("server", Plain)])),
    ("persistentVolumeClaim", Object(&[("claimName", Plain), ("readOnly", Plain)])),
    ("projected", Object(&[("sources", List(&PROJECTED)), ("defaultMode", Plain)])),
    (
        "secret",
        Object(&[("secretName", Plain), ("items", ITEMS), ("optional", Plain), ("defaultMode", Plain)]),
    ),
]);

const FIELDS: Shape = List(&Object(&[
    ("path", Plain),
    ("mode", Plain),
    ("fieldRef", Object(&[("apiVersion", Plain), ("fieldPath", Plain)])),
    ("resourceFieldRef", Object(&[("containerName", Plain), ("resource", Plain), ("divisor", Plain)])),
]));

const PROJECTED: Shape = Object(&[
    ("clusterTrustBundle", Object(&[("name", Plain), ("path", Plain), ("signerName", Plain)])),
    ("configMap", Object(&[("name", Plain), ("items", ITEMS), ("optional", Plain)])),
    ("downwardAPI", Object(&[("items", FIELDS)])),
    ("secret", Object(&[("name", Plain), ("items", ITEMS), ("optional", Plain)])),
    ("serviceAccountToken", Object(&[("audience", Plain), ("expirationSeconds", Plain), ("path", Plain)])),
]);

const STATUS: Shape = Object(&[
    ("conditions", List(&CONDITION)),
    ("containerStatuses", List(&CONTAINER_STATUS)),
    ("ephemeralContainerStatuses", List(&CONTAINER_STATUS)),
    ("initContainerStatuses", List(&CONTAINER_STATUS)),
    ("message", Hidden),
    ("phase", Plain),
    ("qosClass", Plain),
    ("reason", Plain),
]);

/// What a container wrote as its termination message is not kept at all.
const CONTAINER_STATUS: Shape = Object(&[
    ("containerID", Plain),
    ("image", Plain),
    ("imageID", Plain),
    ("name", Plain),
    ("ready", Plain),
    ("restartCount", Plain),
    ("started", Plain),
    (
        "state",
        Object(&[
            ("running", Object(&[("startedAt", Plain)])),
            ("terminated", Object(&[("exitCode", Plain), ("reason", Plain)])),
            ("waiting", Object(&[("message", Hidden), ("reason", Plain)])),
        ]),
    ),
    (
        "user",
        Object(&[("linux", Object(&[("gid", Plain), ("supplementalGroups", PLAIN_LIST), ("uid", Plain)]))]),
    ),
]);

//! Resources that become Pods, by name: the built-in ones, and those of operators that people run.
//!
//! Names count whether or not they are installed: a grant on them comes to life with them. What a cluster has beyond
//! this list is found through the schemas of its custom resources, and then the list wins where it knows better.
//! Sources: the API references of the projects, by the group's name.

use crate::model::access::permission::Target;
use crate::rules::shared::power::WRITE;

/// What writing a resource is good for, least first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Harm {
    /// Nothing by itself.
    None,
    /// More or fewer Pods of a template that is there already.
    RunsAgain,
    /// A Pod whose important parts are fixed, or perhaps a Pod.
    Limited,
    /// A Pod of the writer's choice, once something refers to it.
    OnceReferenced,
    /// A Pod of the writer's choice.
    AnyPod,
}

/// A resource that becomes Pods, and the verbs that matter.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Producer {
    pub(crate) target: Target<'static>,
    pub(crate) verbs: &'static [&'static str],
    pub(crate) harm: Harm,
}

/// A group, its resources, what they are good for.
type Line = (&'static str, &'static [&'static str], Harm);

const CREATE: &[&str] = &["create"];
const CHANGE: &[&str] = &["update", "patch"];

/// A Job's template cannot be changed; a `scale` carries no template.
const BY_CREATE: &[Line] = &[
    ("batch", &["jobs"], Harm::AnyPod),
    ("build.openshift.io", &["buildconfigs/instantiate"], Harm::AnyPod),
];
const BY_CHANGE: &[Line] = &[
    ("", &["replicationcontrollers/scale"], Harm::RunsAgain),
    ("apps", &["deployments/scale", "replicasets/scale", "statefulsets/scale"], Harm::RunsAgain),
    ("batch", &["jobs"], Harm::RunsAgain),
];

/// Resources in namespaces that become Pods when they are created or changed.
const NAMESPACED: &[Line] = &[
    ("", &["replicationcontrollers"], Harm::AnyPod),
    ("", &["podtemplates"], Harm::None),
    ("acid.zalan.do", &["postgresqls"], Harm::AnyPod),
    ("actions.github.com", &["autoscalingrunnersets", "ephemeralrunnersets"], Harm::AnyPod),
    ("actions.summerwind.dev", &["runnerdeployments", "runners", "runnersets"], Harm::AnyPod),
    ("agent.k8s.elastic.co", &["agents"], Harm::AnyPod),
    ("agones.dev", &["fleets", "gameservers", "gameserversets"], Harm::AnyPod),
    ("apm.k8s.elastic.co", &["apmservers"], Harm::AnyPod),
    ("apps", &["daemonsets", "deployments", "replicasets", "statefulsets"], Harm::AnyPod),
    (
        "apps.kruise.io",
        &[
            "advancedcronjobs",
            "broadcastjobs",
            "clonesets",
            "daemonsets",
            "statefulsets",
            "uniteddeployments",
        ],
        Harm::AnyPod,
    ),
    ("apps.kruise.io", &["imagepulljobs"], Harm::Limited),
    ("apps.openshift.io", &["deploymentconfigs"], Harm::AnyPod),
    (
        "argoproj.io",
        &[
            "analysisruns",
            "applications",
            "applicationsets",
            "appprojects",
            "cronworkflows",
            "eventbus",
            "eventsources",
            "experiments",
            "rollouts",
            "sensors",
            "workflows",
        ],
        Harm::AnyPod,
    ),
    ("argoproj.io", &["analysistemplates", "workflowtemplates"], Harm::OnceReferenced),
    ("batch", &["cronjobs"], Harm::AnyPod),
    ("batch.volcano.sh", &["jobs"], Harm::AnyPod),
    ("beat.k8s.elastic.co", &["beats"], Harm::AnyPod),
    ("bootstrap.cluster.x-k8s.io", &["kubeadmconfigs"], Harm::AnyPod),
    ("bootstrap.cluster.x-k8s.io", &["kubeadmconfigtemplates"], Harm::OnceReferenced),
    ("build.openshift.io", &["buildconfigs", "builds"], Harm::AnyPod),
    ("cassandra.datastax.com", &["cassandradatacenters"], Harm::AnyPod),
    ("cdi.kubevirt.io", &["datavolumes"], Harm::Limited),
    ("cluster.x-k8s.io", &["machinedeployments", "machinepools", "machines", "machinesets"], Harm::AnyPod),
    ("core.oam.dev", &["applications"], Harm::AnyPod),
    ("core.strimzi.io", &["strimzipodsets"], Harm::AnyPod),
    ("elasticsearch.k8s.elastic.co", &["elasticsearches"], Harm::AnyPod),
    ("enterprisesearch.k8s.elastic.co", &["enterprisesearches"], Harm::AnyPod),
    ("eventing.knative.dev", &["brokers"], Harm::Limited),
    ("flink.apache.org", &["flinkdeployments"], Harm::AnyPod),
    ("fluxcd.controlplane.io", &["fluxinstances", "resourcesets"], Harm::AnyPod),
    ("gateway.envoyproxy.io", &["envoyproxies"], Harm::AnyPod),
    ("gateway.networking.k8s.io", &["gateways"], Harm::Limited),
    ("helm.cattle.io", &["helmchartconfigs", "helmcharts"], Harm::AnyPod),
    ("helm.toolkit.fluxcd.io", &["helmreleases"], Harm::AnyPod),
    ("infra.contrib.fluxcd.io", &["terraforms"], Harm::AnyPod),
    ("jenkins.io", &["jenkins"], Harm::AnyPod),
    ("jobset.x-k8s.io", &["jobsets"], Harm::AnyPod),
    ("k3s.cattle.io", &["addons"], Harm::AnyPod),
    ("k8s.cni.cncf.io", &["network-attachment-definitions"], Harm::AnyPod),
    ("k8ssandra.io", &["k8ssandraclusters"], Harm::AnyPod),
    ("kafka.strimzi.io", &["kafkaconnects", "kafkanodepools", "kafkas"], Harm::AnyPod),
    ("keda.sh", &["scaledjobs"], Harm::AnyPod),
    ("kibana.k8s.elastic.co", &["kibanas"], Harm::AnyPod),
    (
        "kubeflow.org",
        &["jaxjobs", "mpijobs", "notebooks", "paddlejobs", "pytorchjobs", "tfjobs", "xgboostjobs"],
        Harm::AnyPod,
    ),
    ("kubernetes.m.crossplane.io", &["objects"], Harm::AnyPod),
    (
        "kubevirt.io",
        &["virtualmachineinstancereplicasets", "virtualmachineinstances", "virtualmachines"],
        Harm::AnyPod,
    ),
    ("kueue.x-k8s.io", &["workloads"], Harm::RunsAgain),
    ("kustomize.toolkit.fluxcd.io", &["kustomizations"], Harm::AnyPod),
    ("leaderworkerset.x-k8s.io", &["leaderworkersets"], Harm::AnyPod),
    ("logstash.k8s.elastic.co", &["logstashes"], Harm::AnyPod),
    ("maps.k8s.elastic.co", &["elasticmapsservers"], Harm::AnyPod),
    ("mongodbcommunity.mongodb.com", &["mongodbcommunity"], Harm::AnyPod),
    (
        "monitoring.coreos.com",
        &["alertmanagers", "prometheusagents", "prometheuses", "thanosrulers"],
        Harm::AnyPod,
    ),
    ("mysql.oracle.com", &["innodbclusters"], Harm::AnyPod),
    ("opensearch.opster.io", &["opensearchclusters"], Harm::AnyPod),
    ("opensearch.org", &["opensearchclusters"], Harm::AnyPod),
    ("opentelemetry.io", &["opentelemetrycollectors"], Harm::AnyPod),
    (
        "operators.coreos.com",
        &["catalogsources", "clusterserviceversions", "installplans", "subscriptions"],
        Harm::AnyPod,
    ),
    ("pgv2.percona.com", &["perconapgclusters"], Harm::AnyPod),
    ("pool.kubevirt.io", &["virtualmachinepools"], Harm::AnyPod),
    ("postgres-operator.crunchydata.com", &["postgresclusters"], Harm::AnyPod),
    ("postgresql.cnpg.io", &["clusters", "poolers"], Harm::AnyPod),
    ("ps.percona.com", &["perconaservermysqls"], Harm::AnyPod),
    ("psmdb.percona.com", &["perconaservermongodbs"], Harm::AnyPod),
    ("pxc.percona.com", &["perconaxtradbclusters"], Harm::AnyPod),
    ("rabbitmq.com", &["rabbitmqclusters"], Harm::AnyPod),
    ("ray.io", &["rayclusters", "rayjobs", "rayservices"], Harm::AnyPod),
    ("serving.knative.dev", &["configurations", "revisions", "services"], Harm::AnyPod),
    ("serving.kserve.io", &["inferenceservices"], Harm::AnyPod),
    (
        "source.toolkit.fluxcd.io",
        &[
            "buckets",
            "externalartifacts",
            "gitrepositories",
            "helmcharts",
            "helmrepositories",
            "ocirepositories",
        ],
        Harm::AnyPod,
    ),
    ("sources.knative.dev", &["containersources"], Harm::AnyPod),
    ("sources.knative.dev", &["apiserversources", "pingsources", "sinkbindings"], Harm::Limited),
    ("sparkoperator.k8s.io", &["scheduledsparkapplications", "sparkapplications"], Harm::AnyPod),
    ("tekton.dev", &["customruns", "pipelineruns", "taskruns"], Harm::AnyPod),
    ("tekton.dev", &["pipelines", "tasks"], Harm::OnceReferenced),
    ("trainer.kubeflow.org", &["trainjobs"], Harm::AnyPod),
    ("triggers.tekton.dev", &["eventlisteners"], Harm::AnyPod),
    ("velero.io", &["restores"], Harm::AnyPod),
    ("work.open-cluster-management.io", &["manifestworks"], Harm::AnyPod),
];

/// Cluster-scoped resources that become Pods, or root on nodes.
const CLUSTER: &[Line] = &[
    ("apiextensions.crossplane.io", &["compositions"], Harm::AnyPod),
    ("argoproj.io", &["clusteranalysistemplates", "clusterworkflowtemplates"], Harm::OnceReferenced),
    ("karpenter.azure.com", &["aksnodeclasses"], Harm::AnyPod),
    ("karpenter.k8s.aws", &["ec2nodeclasses"], Harm::AnyPod),
    ("kro.run", &["resourcegraphdefinitions"], Harm::AnyPod),
    ("kubernetes.crossplane.io", &["objects"], Harm::AnyPod),
    ("machineconfiguration.openshift.io", &["machineconfigs"], Harm::AnyPod),
    ("olm.operatorframework.io", &["clusterextensions"], Harm::AnyPod),
    (
        "pkg.crossplane.io",
        &["configurations", "deploymentruntimeconfigs", "functions", "providers"],
        Harm::AnyPod,
    ),
];

/// Groups whose objects judge, report on or change Pods and quote them in their schemas, but make none. Those that
/// change Pods are another rule's matter.
const IGNORED: &[&str] = &[
    "aquasecurity.github.io",
    "constraints.gatekeeper.sh",
    "kyverno.io",
    "mutations.gatekeeper.sh",
    "openreports.io",
    "policies.kyverno.io",
    "reports.kyverno.io",
    "templates.gatekeeper.sh",
    "wgpolicyk8s.io",
];

/// All of them.
pub(crate) fn producers() -> impl Iterator<Item = Producer> {
    let namespaced = [(BY_CREATE, CREATE), (BY_CHANGE, CHANGE), (NAMESPACED, WRITE)].map(|(lines, verbs)| {
        expand(lines).map(move |(group, resource, harm)| Producer {
            target: Target::namespaced(group, resource),
            verbs,
            harm,
        })
    });
    let cluster = expand(CLUSTER).map(|(group, resource, harm)| Producer {
        target: Target::cluster(group, resource),
        verbs: WRITE,
        harm,
    });
    namespaced.into_iter().flatten().chain(cluster)
}

fn expand(lines: &'static [Line]) -> impl Iterator<Item = (&'static str, &'static str, Harm)> {
    lines
        .iter()
        .flat_map(|(group, resources, harm)| resources.iter().map(|resource| (*group, *resource, *harm)))
}

/// True if the list has the resource, so that its schema need not be asked.
pub(crate) fn known(group: &str, resource: &str) -> bool {
    let mut all = [BY_CREATE, NAMESPACED, CLUSTER].into_iter().flatten();
    all.any(|(known, resources, _)| *known == group && resources.contains(&resource))
}

/// True if resources of the group make no Pods, whatever their schemas look like.
pub(crate) fn is_ignored(group: &str) -> bool {
    IGNORED.contains(&group)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn lines_are_sorted_and_name_each_resource_once() {
        for lines in [BY_CREATE, BY_CHANGE, NAMESPACED, CLUSTER] {
            assert!(lines.is_sorted_by_key(|(group, _, _)| group));
            let all: Vec<_> = expand(lines).map(|(group, resource, _)| (group, resource)).collect();
            assert_eq!(all.iter().collect::<BTreeSet<_>>().len(), all.len());
            assert!(lines.iter().all(|(_, resources, _)| resources.is_sorted()));
        }
        assert!(IGNORED.is_sorted());
    }

    #[test]
    fn a_job_makes_pods_only_when_it_is_created() {
        let jobs: Vec<_> =
            producers().filter(|one| one.target == Target::namespaced("batch", "jobs")).collect();
        let found: Vec<_> = jobs.iter().map(|job| (job.verbs, job.harm)).collect();
        assert_eq!(found, [(CREATE, Harm::AnyPod), (CHANGE, Harm::RunsAgain)]);
    }

    #[test]
    fn what_the_list_knows_is_not_asked_for_again() {
        assert!(known("kueue.x-k8s.io", "workloads") && known("pkg.crossplane.io", "providers"));
        assert!(!known("example.com", "foos") && is_ignored("kyverno.io") && !is_ignored("example.com"));
    }
}

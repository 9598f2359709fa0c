//! Helm: from the Job that runs as a test of a release to the release and its objects.
//!
//! Where Flux's helm-controller manages the release, its `HelmRelease` lists the objects; else Helm's own marks tell them.
//! Helm's storage is never read: it is made of Secrets.
//!
//! Sources: <https://helm.sh/docs/topics/chart_tests/>, <https://fluxcd.io/flux/components/helm/helmreleases/>.

pub mod discover;
pub mod traps;

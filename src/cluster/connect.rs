//! Where the cluster is: the one we run in, or the one a kubeconfig names. Never guessed from what happens to be set.

use std::path::PathBuf;
use std::time::Duration;

use kube::Config;
use kube::config::{KubeConfigOptions, Kubeconfig};

use crate::cluster::Cluster;
use crate::cluster::error::{ApiError, Doing, Reason, causes};

/// A connection that is not up by then is tried again by the retry policy.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// Longer than a watch lasts; requests have their own, shorter limit.
const READ_TIMEOUT: Duration = Duration::from_secs(310);

/// Which cluster to connect to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Connect {
    /// `--kubeconfig`.
    pub kubeconfig: Option<PathBuf>,
    /// `--context` of the kubeconfig; its current one if none is given.
    pub context: Option<String>,
    /// True if this process runs in a Pod, which the kubelet tells by setting `KUBERNETES_SERVICE_HOST`.
    pub in_cluster: bool,
}

impl Connect {
    /// A kubeconfig that was asked for wins over the cluster that we run in.
    fn uses_service_account(&self) -> bool {
        self.in_cluster && self.kubeconfig.is_none() && self.context.is_none()
    }

    fn doing(&self) -> Doing {
        let source = if self.uses_service_account() {
            "with the Pod's ServiceAccount".to_owned()
        } else {
            match &self.kubeconfig {
                Some(file) => format!("of kubeconfig {}", file.display()),
                None => "of the kubeconfig in KUBECONFIG or ~/.kube/config".to_owned(),
            }
        };
        Doing::Connecting { source }
    }

    async fn config(&self) -> Result<Config, String> {
        let mut config = if self.uses_service_account() {
            Config::incluster().map_err(|error| causes(&error))?
        } else {
            self.read_kubeconfig().await?
        };
        config.default_retry = false;
        config.connect_timeout = Some(CONNECT_TIMEOUT);
        config.read_timeout = Some(READ_TIMEOUT);
        config.reset_reader_on_write = true;
        Ok(config)
    }

    async fn read_kubeconfig(&self) -> Result<Config, String> {
        let read = match &self.kubeconfig {
            Some(file) => Kubeconfig::read_from(file),
            None => Kubeconfig::read(),
        };
        let kubeconfig = read.map_err(|error| causes(&error))?;
        let proxied = kubeconfig
            .clusters
            .iter()
            .any(|named| named.cluster.as_ref().is_some_and(|cluster| cluster.proxy_url.is_some()));
        let options = KubeConfigOptions { context: self.context.clone(), ..KubeConfigOptions::default() };
        let loaded = Config::from_custom_kubeconfig(kubeconfig, &options).await;
        let mut config = loaded.map_err(|error| causes(&error))?;
        if !proxied {
            // The client takes HTTPS_PROXY for the API server's proxy, whatever NO_PROXY says.
            config.proxy_url = None;
        }
        Ok(config)
    }
}

impl Cluster {
    /// Connects; the first request is the first to reach the network.
    ///
    /// # Errors
    /// No credentials, no such context, or a kubeconfig that cannot be read.
    pub async fn connect(options: &Connect) -> Result<Self, ApiError> {
        let doing = options.doing();
        let config =
            options.config().await.map_err(|cause| ApiError::new(&doing, Reason::Unavailable, cause))?;
        let client = kube::Client::try_from(config)
            .map_err(|error| ApiError::new(&doing, Reason::Unavailable, causes(&error)))?;
        Ok(Self::new(client))
    }
}

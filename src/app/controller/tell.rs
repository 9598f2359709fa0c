//! Tells people: an Event on the application, and a message to each target. Best effort: it never delays a rollback.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use crate::app::rollback::{Executor, Name};
use crate::app::{Clock, gate, inputs};
use crate::cli::TargetArgs;
use crate::cluster::Cluster;
use crate::model::reference::ObjectRef;
use crate::notify::event::EventError;
use crate::notify::rollback::{About, publish, send};
use crate::notify::{Client, Target};
use crate::rollback::Notice;

/// How long telling people of one notice may take.
const LONGEST: Duration = Duration::from_secs(30);

/// Whoever tells.
pub(in crate::app) struct Herald {
    cluster: Cluster,
    executor: Arc<Executor>,
    client: Client,
    targets: Vec<Target>,
    clock: Clock,
    instance: String,
}

impl Herald {
    /// One that knows the targets that the arguments and the environment name.
    ///
    /// # Errors
    /// No client can be made.
    pub(in crate::app) async fn new(executor: &Arc<Executor>, args: &TargetArgs) -> anyhow::Result<Self> {
        let mut targets = Vec::new();
        for target in gate::recipients(args).await {
            match target {
                Ok(target) => targets.push(target),
                Err(error) => tracing::warn!("{error}"),
            }
        }
        Ok(Self {
            cluster: executor.cluster().clone(),
            executor: executor.clone(),
            client: Client::new()?,
            targets,
            clock: Clock::wall(),
            instance: inputs::variable("POD_NAME").unwrap_or_else(|| "driftgate".to_owned()),
        })
    }

    /// Tells; returns what need not be told again.
    pub(in crate::app) async fn tell(&self, name: &Name, uid: &str, notices: &[Notice]) -> Vec<String> {
        let mut told = Vec::new();
        for notice in notices {
            tracing::info!(application = %name, reason = notice.reason.as_str(), "{}", notice.text);
            if self.tell_one(name, uid, notice).await {
                told.push(notice.id.clone());
            }
        }
        told
    }

    async fn tell_one(&self, name: &Name, uid: &str, notice: &Notice) -> bool {
        let kind = match self.executor.kind(name.tool) {
            Ok(kind) => kind,
            Err(error) => {
                tracing::warn!(application = %name, %error, "nobody is told");
                return true;
            }
        };
        let about = About {
            application: name.to_string(),
            object: ObjectRef::new(&kind.group_kind(), name.namespace.clone(), name.name.clone()),
            uid: uid.to_owned(),
            time: self.clock.now(),
            instance: self.instance.clone(),
        };
        let deadline = Instant::now() + LONGEST;
        let cluster = self.cluster.with_deadline(deadline);
        match publish(&cluster, kind, &about, notice).await {
            Ok(()) => {}
            Err(EventError::Api(error)) if !error.is_final() => {
                tracing::warn!(application = %name, %error, "telling later");
                return false;
            }
            Err(error) => tracing::warn!(application = %name, %error, "an Event cannot be written"),
        }
        for error in send(&self.client, &self.targets, &about, notice, deadline).await {
            tracing::warn!(application = %name, "{error}");
        }
        true
    }
}

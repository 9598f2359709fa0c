//! A container that is a process: the real `driftgate`, with what its Pod gives it and nothing else.

use std::fs;
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;

use k8s_openapi::api::core::v1::{Container, Pod};

use super::behaviour::gate_of;
use super::env::{env_of, expand};
use super::pod::identity;
use super::volumes::{Mounts, mount};
use super::{Host, log_files};
use crate::harness::process::{Guarded, Launch};

/// What Kubernetes keeps of a termination message, and of the log where that stands in for it.
const MESSAGE_LIMIT: usize = 4096;
const LOG_LIMIT: usize = 2048;

/// How the process ended, in a container's terms.
#[derive(Debug)]
pub(super) struct Ending {
    pub(super) code: i32,
    pub(super) message: String,
}

pub(super) struct Gate {
    process: Guarded,
    message_file: PathBuf,
    log: PathBuf,
    falls_back_to_log: bool,
}

impl Gate {
    /// An error is what the kubelet would report while it waits, such as a missing `ConfigMap`.
    pub(super) async fn start(host: &Host, pod: &Pod, address: &str) -> Result<Self, String> {
        let container = gate_of(pod).expect("asked for Pods with a gate only");
        let (name, namespace) = identity(pod);
        let dir = host.dir.join(pod.metadata.uid.as_deref().unwrap_or(name));
        fs::create_dir_all(&dir).expect("a folder for a Pod");

        let mut mounts = mount(&host.client, pod, container, &dir.join("volumes")).await?;
        let env = env_of(&host.client, pod, container, address).await?;
        let message_file = dir.join("termination-log");
        fs::write(&message_file, "").expect("a termination log can be written");
        let message_path = container.termination_message_path.as_deref().unwrap_or("/dev/termination-log");
        mounts.paths.insert(0, (message_path.to_owned(), message_file.display().to_string()));

        let args = container.args.iter().flatten().map(|arg| mounts.translate(&expand(arg, &env))).collect();
        let mut envs: Vec<_> =
            env.iter().map(|(key, value)| (key.clone(), mounts.translate(value))).collect();
        envs.extend(kubeconfig(host, &mounts, &dir, namespace));
        let [stdout, stderr] = log_files(namespace, name);
        let process = Guarded::start(Launch {
            program: Path::new(env!("CARGO_BIN_EXE_driftgate")),
            args,
            envs,
            inherit_env: false,
            dir: &dir,
            stdout,
            stderr: stderr.clone(),
        });
        let falls_back_to_log = falls_back_to_log(container);
        Ok(Self { process, message_file, log: stderr, falls_back_to_log })
    }

    /// Waits until the process has ended. Dropping the future stops nothing.
    pub(super) async fn ending(&mut self) -> Ending {
        let status = self.process.wait().await;
        let code = exit_code(status);
        let mut message = read_tail(&self.message_file, MESSAGE_LIMIT);
        if message.is_empty() && code != 0 && self.falls_back_to_log {
            message = read_tail(&self.log, LOG_LIMIT);
        }
        Ending { code, message }
    }

    pub(super) fn terminate(&mut self) {
        self.process.terminate();
    }
}

/// The in-cluster paths of a service account do not exist for a process, so the same token comes in a kubeconfig.
/// No token is mounted: no kubeconfig.
fn kubeconfig(host: &Host, mounts: &Mounts, dir: &Path, namespace: &str) -> Option<(String, String)> {
    let token = mounts.token.as_deref()?;
    let file = dir.join("kubeconfig");
    host.endpoint.write_kubeconfig(&file, token, namespace);
    Some(("KUBECONFIG".into(), file.display().to_string()))
}

fn falls_back_to_log(container: &Container) -> bool {
    container.termination_message_policy.as_deref() == Some("FallbackToLogsOnError")
}

/// A container that a signal ended has 128 and the signal's number.
fn exit_code(status: ExitStatus) -> i32 {
    status.code().unwrap_or_else(|| 128 + status.signal().unwrap_or(0))
}

fn read_tail(file: &Path, limit: usize) -> String {
    let bytes = fs::read(file).unwrap_or_default();
    let tail = &bytes[bytes.len().saturating_sub(limit)..];
    String::from_utf8_lossy(tail).into_owned()
}

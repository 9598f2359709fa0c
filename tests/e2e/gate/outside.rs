//! The program as people run it: from outside the cluster, with the rights of the gate.

use std::process::{Command, Output};

use serde_json::Value;

use crate::harness::cluster::Ctx;
use crate::harness::platform::ACCOUNT;
use crate::harness::state::state_dir;

/// The program, from outside the cluster.
pub(crate) fn driftgate(arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_driftgate"));
    command.env_clear().arg("-q").args(arguments).output().unwrap()
}

/// Its report in JSON.
pub(crate) fn report(output: &Output) -> Value {
    let text = String::from_utf8_lossy(&output.stdout);
    serde_json::from_str(&text)
        .unwrap_or_else(|error| panic!("{error}: {text}{}", String::from_utf8_lossy(&output.stderr)))
}

/// A kubeconfig of the gate's account.
pub(crate) async fn kubeconfig(ctx: &Ctx) -> String {
    let file = state_dir(&ctx.ns).join("kubeconfig");
    ctx.plane.endpoint.write_kubeconfig(&file, &ctx.token_of(ACCOUNT).await, &ctx.ns);
    file.display().to_string()
}

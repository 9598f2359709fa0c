//! What happens at the very moment of a write: the controller dies, or a commit comes.

use std::collections::BTreeMap;

use rstest::rstest;
use serde_json::Value;

use super::controller::{ACCOUNT, Controller};
use super::timing::ends_well;
use super::world::{CRITICAL, PASS, World, rolled};
use crate::harness::argocd::AppOptions;
use crate::harness::door::{self, Door, Write};
use crate::harness::runtime::eventually;

const TOLD: [&str; 3] = ["RollbackDecided", "RolledBack", "Released"];

/// With attempts to come, so that there is an operation to end.
fn options() -> AppOptions {
    AppOptions { retries: 5, ..AppOptions::default() }
}

/// When a controller is killed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Killed {
    /// Twice before a write reaches the server; the third one like it does.
    TwiceBefore,
    /// After a write, before it knows of it; the next one like it is answered.
    After,
}

/// The application's controller, behind a door.
async fn behind_a_door(world: &mut World<'_>) -> Door {
    world.controller = None;
    let door = Door::open(world.ctx, ACCOUNT, door::all_but_leases).await;
    world.controller = Some(Controller::start_behind(&door, world.ctx));
    door
}

/// Kills the controller at each of its writes and starts it again, until people know and the state is like this; returns
/// what was written.
async fn killed(
    world: &mut World<'_>,
    door: &mut Door,
    when: Killed,
    holds: impl Fn(&Value) -> bool,
) -> Vec<String> {
    let mut writes: BTreeMap<String, usize> = BTreeMap::new();
    loop {
        let done = async {
            eventually("all is done and told", async || {
                let state = world.state().await.unwrap_or_default();
                let told = state["untold"].as_array().is_none_or(Vec::is_empty);
                if told && holds(&state) { Ok(()) } else { Err(state.to_string()) }
            })
            .await;
        };
        let write = tokio::select! {
            write = door.write() => write,
            () = done => return writes.into_keys().collect(),
        };
        // Times and versions are others each time.
        let alike = format!("{} {}", write.what(), write.text().replace(|it: char| it.is_ascii_digit(), ""));
        let kills = writes.entry(alike).or_default();
        *kills += 1;
        match (when, *kills) {
            (Killed::TwiceBefore, 1 | 2) => drop(write),
            (Killed::After, 1) => drop(write.carry_out().await),
            _ => {
                write.carry_out().await.tell();
                continue;
            }
        }
        // What else it was about to write is lost.
        *door = behind_a_door(world).await;
    }
}

#[rstest]
#[case::twice_before_each_write("roll-before-writes", Killed::TwiceBefore)]
#[case::after_each_write("roll-after-writes", Killed::After)]
fn a_controller_that_is_killed_at_every_write_does_all_of_it_once(
    #[case] namespace: &str,
    #[case] when: Killed,
) {
    rolled(namespace, options(), async |world| {
        let automated = world.automated().await;
        let mut door = behind_a_door(world).await;
        world.commit("bad", CRITICAL);
        world.app.refresh().await;
        let held = |state: &Value| state["case"]["stage"].get("held").is_some();
        let mut writes = killed(world, &mut door, when, held).await;
        assert_eq!((world.image().await.as_str(), world.rollbacks().await.len()), ("good", 1), "{writes:#?}");
        let fix = world.commit("fix", PASS);
        world.app.refresh().await;
        let released = |state: &Value| {
            let passed = state["passed"].as_array().and_then(|passed| passed.last()).cloned();
            state["case"].is_null() && passed.unwrap_or_default()["name"] == fix
        };
        writes.extend(killed(world, &mut door, when, released).await);
        world.synced(&fix).await;
        assert_eq!((world.image().await.as_str(), world.automated().await), ("fix", automated));
        assert_eq!(world.rollbacks().await.len(), 1);
        world.has_told(&TOLD).await;
        for what in ["PATCH /apis/argoproj.io", "PUT /api/v1", "POST /api"] {
            assert!(writes.iter().any(|it| it.starts_with(what)), "{what}: {writes:#?}");
        }
    });
}

fn ends_the_operation(write: &Write) -> bool {
    write.text().contains("Terminating")
}

fn rolls_back(write: &Write) -> bool {
    write.what().contains("/applications/") && write.text().contains("\"initiatedBy\"")
}

/// When a commit comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Moment {
    /// The operation is being terminated.
    Terminating,
    /// The rollback has been decided on, and not been written.
    BeforeRollback,
    /// The rollback has just been written.
    AfterRollback,
}

#[rstest]
#[case::while_the_operation_is_being_terminated("roll-at-end", Moment::Terminating)]
#[case::right_before_the_rollback_is_written("roll-at-write", Moment::BeforeRollback)]
#[case::right_after_the_rollback_was_written("roll-at-rollback", Moment::AfterRollback)]
fn a_fix_that_comes_is_deployed_after_the_rollback(#[case] namespace: &str, #[case] moment: Moment) {
    rolled(namespace, options(), async |world| {
        let automated = world.automated().await;
        let mut door = behind_a_door(world).await;
        world.commit("bad", CRITICAL);
        world.app.refresh().await;
        let awaited: fn(&Write) -> bool =
            if moment == Moment::Terminating { ends_the_operation } else { rolls_back };
        let write = door.write_like(awaited).await;
        let fixed = async || {
            let fix = world.commit("fix", PASS);
            world.seen(&fix).await;
            fix
        };
        let fix = if moment == Moment::BeforeRollback {
            let fix = fixed().await;
            write.carry_out().await.tell();
            fix
        } else {
            let done = write.carry_out().await;
            assert!(done.status().is_success(), "{}", done.status());
            let fix = fixed().await;
            done.tell();
            fix
        };
        door.stand_open();
        ends_well(world, &fix, automated).await;
        assert_eq!(world.rollbacks().await.len(), 1);
        world.has_told(&TOLD).await;
    });
}

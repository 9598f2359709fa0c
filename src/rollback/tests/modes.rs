//! How far the answer goes: one mode a test.

use super::table::Scene;
use super::world::Person;
use crate::rollback::*;
use Reason::{Frozen, NotRolledBack, Released, SteppedBack};

/// An application of Flux.
fn scene(critical: &[usize], mode: Mode) -> Scene {
    let mut scene = Scene::new(critical, 0, Keeper::Nobody, Some(true));
    scene.world.follows = true;
    scene.world.mode = mode;
    scene.settings.mode = mode;
    scene
}

#[test]
fn a_mode_says_whether_anybody_acts() {
    assert_eq!(Mode::ALL.map(Mode::acts), [false, false, true, true]);
    assert_eq!(Mode::ALL.map(Mode::as_str), ["report", "fail", "freeze", "rollback"]);
    assert!(Mode::ALL.is_sorted());
    assert_eq!(Mode::default(), Mode::Rollback);
}

#[test]
fn a_rejected_head_is_frozen_as_it_is_and_released_when_the_head_moves_on() {
    let mut scene = scene(&[1, 2], Mode::Freeze);
    scene.person(Person::Commits(1));
    assert_eq!((scene.live(), scene.world.auto, scene.stage()), (1, Some(false), Some("Quarantined")));
    assert_eq!(scene.reasons(), [Frozen]);
    scene.person(Person::Commits(2));
    assert_eq!((scene.live(), scene.world.auto), (2, Some(false)), "the next rejected one is frozen too");
    scene.person(Person::Commits(3));
    assert_eq!((scene.live(), scene.world.auto, scene.stage()), (3, Some(true), None));
    assert_eq!(scene.reasons(), [Frozen, Released, Frozen, Released]);
    assert_eq!((scene.world.frozen, scene.world.rollbacks), (vec![1, 2], Vec::new()));
    assert_eq!(scene.state.rejected.len(), 2);
}

#[test]
fn nothing_is_frozen_twice() {
    let mut scene = scene(&[1], Mode::Freeze);
    for head in [1, 0, 1] {
        scene.person(Person::Commits(head));
    }
    assert_eq!((scene.live(), scene.stage()), (1, None));
    assert_eq!(scene.reasons(), [Frozen, Released, NotRolledBack]);
    assert_eq!(scene.world.frozen, [1]);
}

#[test]
fn whoever_resumes_it_wins_and_a_release_by_hand_does_the_same() {
    let mut resumed = scene(&[1], Mode::Freeze);
    resumed.person(Person::Commits(1));
    resumed.person(Person::SwitchesOn);
    assert_eq!((resumed.stage(), resumed.world.auto), (None, Some(true)));
    assert_eq!(resumed.reasons(), [Frozen, SteppedBack]);
    let mut released = scene(&[1], Mode::Freeze);
    released.person(Person::Commits(1));
    released.state.release(false, "a person");
    released.calm();
    assert_eq!((released.live(), released.stage(), released.world.auto), (1, None, Some(true)));
    assert_eq!(released.reasons(), [Frozen, Released]);
    assert_eq!(released.world.frozen, [1]);
}

#[test]
fn where_nothing_can_be_frozen_that_is_said() {
    let mut scene = Scene::new(&[1], 0, Keeper::Nobody, Some(true));
    scene.settings.mode = Mode::Freeze;
    scene.person(Person::Commits(1));
    assert_eq!((scene.live(), scene.world.auto, scene.stage()), (1, Some(true), None));
    assert_eq!(scene.reasons(), [NotRolledBack]);
    assert!(scene.told[0].1.contains("only Flux can be told"), "{:?}", scene.told);
}

#[test]
fn a_mode_that_asks_for_nothing_gets_nothing_and_says_why() {
    for mode in [Mode::Report, Mode::Fail] {
        let mut scene = scene(&[1], mode);
        scene.person(Person::Commits(1));
        assert_eq!((scene.live(), scene.world.auto, scene.stage()), (1, Some(true), None));
        assert_eq!(scene.reasons(), [NotRolledBack]);
        let why = format!("`rollback.mode: {}`", mode.as_str());
        assert!(scene.told[0].1.contains(&why), "{:?}", scene.told);
    }
}

#[test]
fn a_gate_that_ends_well_whatever_it_finds_has_passed_nothing() {
    let mut scene = scene(&[], Mode::Report);
    let passed = scene.state.passed.clone();
    scene.person(Person::Commits(1));
    assert_eq!((scene.live(), &scene.state.passed), (1, &passed));
    scene.settings.mode = Mode::Fail;
    scene.person(Person::Commits(2));
    assert_ne!(scene.state.passed, passed);
}

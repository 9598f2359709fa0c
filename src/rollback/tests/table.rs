//! One situation a test: what happens, what follows, what people are told.

use super::world::{Person, World, revision};
use crate::rollback::*;

/// A world, what is kept of it, and what people were told.
pub(super) struct Scene {
    pub(super) world: World,
    pub(super) state: State,
    pub(super) told: Vec<(Reason, String)>,
    pub(super) settings: Settings,
}

impl Scene {
    /// Revision 0 is deployed and has passed.
    pub(super) fn new(critical: &[usize], retries: usize, keeper: Keeper, auto: Option<bool>) -> Self {
        let world = World::new(critical.to_vec(), retries, keeper, auto);
        let state = State::new("argocd/shop", "");
        let mut scene = Self { world, state, told: Vec::new(), settings: Settings::default() };
        if auto == Some(true) {
            scene.calm();
        } else {
            scene.person(Person::Syncs(0));
        }
        scene
    }

    pub(super) fn auto(critical: &[usize]) -> Self {
        Self::new(critical, 0, Keeper::Nobody, Some(true))
    }

    pub(super) fn person(&mut self, what: Person) {
        self.world.person(what);
        self.calm();
    }

    /// One decision, carried out; false if there was nothing to do.
    fn decide(&mut self) -> bool {
        let next = step(&self.world.observe(), &self.state, &self.settings);
        let carried_out = self.world.carry_out(&next, &self.state, self.world.version);
        match next {
            Step::Rest(_) => return false,
            Step::Keep(state) => self.state = *state,
            Step::Hold => self.state = placed(&self.state),
            Step::Lift if carried_out => self.state = lifted(&self.state),
            Step::Lift | Step::End | Step::RollBack | Step::Freeze => {}
        }
        self.told.extend(self.state.untold.drain(..).map(|notice| (notice.reason, notice.text)));
        true
    }

    pub(super) fn calm(&mut self) {
        while self.decide() || self.world.tick() {}
        assert_eq!(self.world.broken, [""; 0]);
    }

    pub(super) fn live(&self) -> usize {
        self.world.operation.as_ref().unwrap().revision
    }

    pub(super) fn reasons(&self) -> Vec<Reason> {
        self.told.iter().map(|(reason, _)| *reason).collect()
    }

    pub(super) fn stage(&self) -> Option<&'static str> {
        self.state.case.as_ref().map(|case| case.stage.as_str())
    }
}

use Reason::{NotRolledBack, Released, RollbackDecided, RollbackFailed, RolledBack, SteppedBack};

#[test]
fn a_rejected_head_is_rolled_back_held_and_released_when_the_head_moves_on() {
    for retries in [0, 2] {
        let mut scene = Scene::new(&[1], retries, Keeper::Nobody, Some(true));
        scene.person(Person::Commits(1));
        assert_eq!((scene.live(), scene.world.auto, scene.stage()), (0, Some(false), Some("Quarantined")));
        scene.person(Person::Commits(2));
        assert_eq!((scene.live(), scene.world.auto, scene.stage()), (2, Some(true), None));
        assert_eq!(scene.reasons(), [RollbackDecided, RolledBack, Released]);
        assert_eq!(scene.world.rollbacks, [(1, 0)]);
    }
}

#[test]
fn a_second_rejected_head_goes_back_to_what_passed() {
    let mut scene = Scene::auto(&[1, 2]);
    scene.person(Person::Commits(1));
    scene.person(Person::Commits(2));
    assert_eq!((scene.live(), scene.world.rollbacks.clone()), (0, vec![(1, 0), (2, 0)]));
    scene.person(Person::Commits(1));
    assert_eq!(scene.world.rollbacks.len(), 2, "nothing is rolled back twice");
    assert_eq!(scene.reasons().last(), Some(&NotRolledBack));
    assert_eq!(scene.world.auto, Some(true), "what is not rolled back is not held");
}

#[test]
fn an_application_that_is_synced_by_hand_is_rolled_back_and_nothing_is_switched() {
    let mut scene = Scene::new(&[1], 0, Keeper::Nobody, None);
    scene.world.head = 1;
    scene.person(Person::Syncs(1));
    assert_eq!((scene.live(), scene.world.auto, scene.stage()), (0, None, Some("Quarantined")));
    scene.person(Person::Commits(2));
    assert_eq!((scene.live(), scene.stage()), (0, None));
    assert_eq!(scene.reasons(), [RollbackDecided, RolledBack, Released]);
}

#[test]
fn where_auto_sync_would_be_switched_back_a_window_holds() {
    let mut scene = Scene::new(&[1], 1, Keeper::Reverts("ApplicationSet shops".into()), Some(true));
    scene.person(Person::Commits(1));
    assert_eq!((scene.live(), scene.world.auto, scene.world.window), (0, Some(true), true));
    scene.person(Person::Reverts);
    assert_eq!(scene.stage(), Some("Quarantined"));
    scene.person(Person::Commits(2));
    assert_eq!((scene.live(), scene.world.window, scene.stage()), (2, false, None));
}

#[test]
fn without_a_target_the_sync_fails_and_nothing_else_happens() {
    let mut first = Scene::auto(&[0, 1]);
    assert_eq!(first.reasons(), [NotRolledBack]);
    assert!(first.told[0].1.contains("no other revision is in the history"), "{:?}", first.told);
    first.person(Person::Commits(1));
    assert_eq!((first.live(), first.world.auto), (1, Some(true)));
    let keeper = Keeper::Forbids("ApplicationSet shops syncs by RollingSync".into());
    let mut scene = Scene::new(&[1], 0, keeper, Some(true));
    scene.person(Person::Commits(1));
    assert!(scene.told[0].1.contains("RollingSync"), "{:?}", scene.told);
    assert_eq!(scene.live(), 1);
    let why = by_hand(&scene.world.observe(), &scene.state, None).unwrap_err();
    assert!(why.contains("RollingSync"), "{why}");
}

#[test]
fn a_revision_that_no_gate_was_seen_to_pass_is_a_target_only_if_the_platform_says_so() {
    let mut scene = Scene::auto(&[1]);
    scene.state.passed.clear();
    scene.world.person(Person::Commits(1));
    while scene.world.operation.as_ref().unwrap().revision != 1 || scene.world.tick() {
        scene.world.tick();
    }
    scene.decide();
    assert!(scene.told[0].1.contains("no gate was seen to pass it"), "{:?}", scene.told);
    scene.state.settled = None;
    scene.settings.unproven = Unproven::LastSuccess;
    scene.calm();
    assert_eq!(scene.world.rollbacks, [(1, 0)]);
}

#[test]
fn a_person_who_switches_auto_sync_on_wins() {
    let mut scene = Scene::auto(&[1]);
    scene.person(Person::Commits(1));
    scene.person(Person::SwitchesOn);
    assert_eq!((scene.live(), scene.stage(), scene.world.auto), (1, None, Some(true)));
    assert_eq!(scene.reasons(), [RollbackDecided, RolledBack, SteppedBack, NotRolledBack]);
    assert_eq!(scene.world.rollbacks.len(), 1);
}

#[test]
fn a_person_who_syncs_wins_and_the_hold_still_ends_with_the_next_commit() {
    let mut scene = Scene::auto(&[1]);
    scene.person(Person::Commits(1));
    scene.person(Person::Syncs(1));
    assert_eq!((scene.live(), scene.stage()), (1, Some("Overtaken")));
    scene.person(Person::Commits(2));
    assert_eq!((scene.live(), scene.world.auto, scene.stage()), (2, Some(true), None));
    assert_eq!(scene.reasons(), [RollbackDecided, RolledBack, SteppedBack, Released]);
}

#[test]
fn a_source_of_ours_that_is_undone_before_its_result_was_seen_counts_as_put_in_place() {
    let mut scene = Scene::auto(&[1]);
    scene.world.follows = true;
    scene.world.person(Person::Commits(1));
    while scene.world.rollbacks.is_empty() {
        assert!(scene.decide() || scene.world.tick());
    }
    while scene.world.tick() {}
    scene.world.person(Person::Syncs(0));
    scene.person(Person::SwitchesOn);
    assert_eq!((scene.live(), scene.world.rollbacks.clone()), (1, vec![(1, 0)]), "a person wins, for good");
    assert_eq!(scene.reasons(), [RollbackDecided, SteppedBack, NotRolledBack]);
}

#[test]
fn an_attempt_that_begins_over_the_wish_to_end_it_does_not_leave_auto_sync_off() {
    let mut scene = Scene::new(&[1], 3, Keeper::Nobody, Some(true));
    scene.world.person(Person::Commits(1));
    let phase = |scene: &Scene| scene.world.operation.as_ref().unwrap().phase;
    while phase(&scene) != Phase::Ending {
        assert!(scene.decide() || scene.world.tick());
    }
    assert_eq!(scene.world.auto, Some(false), "switched off in the same write");
    scene.person(Person::Overwrites);
    assert_eq!((scene.live(), scene.stage()), (0, Some("Quarantined")));
    scene.person(Person::Commits(2));
    assert_eq!((scene.live(), scene.world.auto), (2, Some(true)));
    assert_eq!(scene.reasons(), [RollbackDecided, RolledBack, Released]);
}

#[test]
fn where_nothing_is_known_of_the_operation_any_more_what_holds_is_taken_away_in_the_end() {
    for keeper in [Keeper::Nobody, Keeper::Reverts("ApplicationSet shops".into())] {
        for acting in [false, true] {
            let mut scene = Scene::new(&[1], 1, keeper.clone(), Some(true));
            scene.world.person(Person::Commits(1));
            let far = |scene: &Scene| match scene.stage() {
                Some("RollingBack") => acting,
                _ => !acting && (scene.world.window || scene.world.auto == Some(false)),
            };
            while !far(&scene) {
                assert!(scene.decide() || scene.world.tick());
            }
            while scene.world.operation.as_ref().is_some_and(|it| !it.phase.is_over()) {
                scene.world.tick();
            }
            scene.person(Person::Forgets);
            scene.person(Person::Commits(2));
            let World { auto, window, rollbacks, .. } = &scene.world;
            assert_eq!((scene.live(), auto, window, scene.stage()), (2, &Some(true), &false, None));
            assert_eq!(rollbacks, &[], "{keeper:?} {acting}");
        }
    }
}

#[test]
fn a_revision_that_passes_later_is_released() {
    let mut scene = Scene::auto(&[1]);
    scene.person(Person::Commits(1));
    scene.world.critical.clear();
    scene.person(Person::Syncs(1));
    assert_eq!((scene.live(), scene.world.auto, scene.stage()), (1, Some(true), None));
    assert!(!scene.state.rejected.contains(&revision(1)));
}

#[test]
fn a_release_by_hand_ends_the_hold_and_the_revision_is_left_alone() {
    for (forbid, rollbacks) in [(false, 1), (true, 2)] {
        let mut scene = Scene::auto(&[1]);
        scene.person(Person::Commits(1));
        scene.state.release(forbid, "a person");
        // The world forbids to roll back twice, which a person may ask for.
        let before = std::mem::take(&mut scene.world.rollbacks).len();
        scene.calm();
        assert_eq!(before + scene.world.rollbacks.len(), rollbacks, "forbid: {forbid}");
    }
}

#[test]
fn a_rollback_that_fails_is_told_and_the_hold_stays() {
    let mut scene = Scene::auto(&[1]);
    scene.world.person(Person::Commits(1));
    while scene.world.rollbacks.is_empty() {
        let _more = scene.decide() || scene.world.tick();
    }
    scene.world.operation.as_mut().unwrap().phase = Phase::Failed;
    scene.calm();
    assert_eq!((scene.stage(), scene.world.auto), (Some("RollbackFailed"), Some(false)));
    assert_eq!(scene.reasons(), [RollbackDecided, RollbackFailed]);
    scene.person(Person::Commits(2));
    assert_eq!((scene.live(), scene.world.auto, scene.stage()), (2, Some(true), None));
}

#[test]
fn a_rollback_that_may_not_run_now_is_withdrawn() {
    let mut scene = Scene::auto(&[1]);
    scene.world.person(Person::Commits(1));
    while scene.world.rollbacks.is_empty() {
        let _more = scene.decide() || scene.world.tick();
    }
    let operation = scene.world.operation.as_mut().unwrap();
    (operation.phase, operation.started) = (Phase::Blocked, 99);
    scene.calm();
    assert_eq!(scene.stage(), Some("RollbackFailed"));
    assert!(scene.told.last().unwrap().1.contains("a sync window denies it"), "{:?}", scene.told);
}

#[test]
fn an_application_that_does_not_get_well_is_told_after_a_while() {
    let mut scene = Scene::auto(&[1]);
    scene.world.person(Person::Commits(1));
    while scene.stage() != Some("Verifying") {
        let _more = scene.decide() || scene.world.tick();
    }
    let mut seen = scene.world.observe();
    seen.health = Health::Waiting;
    let Step::Rest(Some(end)) = step(&seen, &scene.state, &scene.settings) else { panic!("it waits") };
    seen.now = end;
    let Step::Keep(state) = step(&seen, &scene.state, &scene.settings) else { panic!("time is up") };
    assert_eq!(state.case.unwrap().stage, Stage::Held { healthy: false });
    assert!(state.untold[0].text.contains("does not become healthy"), "{:?}", state.untold);
}

#[test]
fn a_rollback_that_leaves_objects_otherwise_is_not_told_as_done() {
    let mut scene = Scene::auto(&[1]);
    scene.world.unlike = (1..=4).map(|number| format!("Role r{number} is PruneSkipped: ignored")).collect();
    scene.person(Person::Commits(1));
    assert_eq!((scene.stage(), scene.world.auto), (Some("QuarantinedUnhealthy"), Some(false)));
    assert_eq!(scene.reasons(), [RollbackDecided, RollbackFailed]);
    let text = &scene.told[1].1;
    assert!(text.contains("Role r1 is PruneSkipped: ignored") && text.ends_with("; and 1 more"), "{text}");
    scene.person(Person::Commits(2));
    assert_eq!((scene.live(), scene.world.auto, scene.stage()), (2, Some(true), None));
}

#[test]
fn only_our_own_operation_on_the_target_proves_a_rollback() {
    let mut scene = Scene::auto(&[1]);
    scene.world.person(Person::Commits(1));
    while scene.stage() != Some("Verifying") {
        let _more = scene.decide() || scene.world.tick();
    }
    let good = scene.world.observe();
    let told = |seen: &Observed| {
        let Step::Keep(state) = step(seen, &scene.state, &scene.settings) else { panic!("it is decided") };
        let notice = state.untold.last().unwrap();
        (notice.reason, notice.text.clone())
    };
    assert_eq!(told(&good).0, RolledBack);
    let mut other = good.clone();
    other.operation.as_mut().unwrap().revision = Some(Revision { source: "other".into(), ..revision(0) });
    let (reason, text) = told(&other);
    assert!(reason == RollbackFailed && text.contains("the target rendered otherwise"), "{text}");
    let mut gone = good.clone();
    gone.operation = None;
    let (reason, text) = told(&gone);
    assert!(reason == RollbackFailed && text.contains("result is gone"), "{text}");
    let mut person = good.clone();
    let operation = person.operation.as_mut().unwrap();
    (operation.id, operation.started, operation.revision) = (None, "99".into(), Some(revision(2)));
    assert_eq!(told(&person).0, SteppedBack);
    let mut on = good;
    on.auto_sync = AutoSync::On(Automatic { setting: "{}".into(), by_removal: false });
    assert_eq!(told(&on).0, SteppedBack);
}

#[test]
fn an_application_of_the_same_name_inherits_nothing() {
    let mut scene = Scene::auto(&[1]);
    scene.person(Person::Commits(1));
    scene.person(Person::Recreates);
    assert_eq!((scene.state.rejected.len(), scene.stage()), (0, None));
    assert_eq!(scene.live(), 1, "there is no history to go back to");
}

#[test]
fn an_application_that_asks_for_no_rollback_gets_none() {
    let mut scene = Scene::auto(&[1]);
    scene.world.person(Person::Commits(1));
    while scene.world.tick() {}
    let mut seen = scene.world.observe();
    seen.wanted = false;
    assert_eq!(step(&seen, &scene.state, &scene.settings), Step::Rest(None));
}

#[test]
fn a_state_survives_being_written_and_read() {
    let mut scene = Scene::auto(&[1]);
    scene.person(Person::Commits(1));
    let text = scene.state.to_json().unwrap();
    assert_eq!(State::parse(&text).unwrap(), scene.state);
    assert!(State::parse(&text.replace("RollbackState", "Other")).is_err());
    assert!(State::parse(&text.replace("\"uid\"", "\"unknown\"")).is_err());
}

#[test]
fn long_histories_do_not_grow_the_state() {
    let mut state = State::new("argocd/shop", "1");
    for number in 0..100 {
        state.pass(&revision(number));
        state.reject(&revision(number));
        state.tell(Notice { id: number.to_string(), reason: Released, text: String::new(), revision: None });
    }
    assert_eq!((state.passed.len(), state.rejected.len(), state.untold.len()), (30, 30, 20));
    assert!(state.passed.contains(&revision(99)));
}

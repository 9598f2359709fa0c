//! Laws that hold whatever happens, in whatever order, and whatever goes wrong with our writes.

use proptest::prelude::*;

use super::world::{Person, World};
use crate::rollback::*;

/// One of two controllers that both believe to lead.
#[derive(Clone, Debug, Default)]
struct Controller {
    /// What it remembers, and the version of that.
    kept: Option<(State, u64)>,
    /// What it has decided, on what it saw at this version.
    decided: Option<(Step, u64)>,
}

/// Where the state is kept.
#[derive(Clone, Debug)]
struct Shelf {
    state: State,
    version: u64,
}

#[derive(Clone, Copy, Debug)]
enum Event {
    Tick,
    Person(Person),
    Decide(usize),
    Perform(usize, Fate),
    Restart(usize),
}

/// What becomes of a write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    Arrives,
    IsLost,
    /// It arrives, but the process ends before it knows.
    IsForgotten,
}

fn events() -> impl Strategy<Value = Vec<Event>> {
    let person = prop_oneof![
        6 => (0usize..6).prop_map(Person::Commits),
        1 => (0usize..6).prop_map(Person::Syncs),
        1 => Just(Person::SwitchesOn),
        1 => Just(Person::SwitchesOff),
        1 => Just(Person::Reverts),
        1 => Just(Person::Recreates),
        1 => Just(Person::Forgets),
        2 => Just(Person::Overwrites),
    ];
    let fate = prop_oneof![8 => Just(Fate::Arrives), 1 => Just(Fate::IsLost), 1 => Just(Fate::IsForgotten)];
    let event = prop_oneof![
        8 => Just(Event::Tick),
        2 => person.prop_map(Event::Person),
        8 => (0usize..2).prop_map(Event::Decide),
        8 => ((0usize..2), fate).prop_map(|(who, fate)| Event::Perform(who, fate)),
        1 => (0usize..2).prop_map(Event::Restart),
    ];
    prop::collection::vec(event, 0..300)
}

fn worlds() -> impl Strategy<Value = World> {
    let keeper = prop_oneof![
        3 => Just(Keeper::Nobody),
        1 => Just(Keeper::Reverts("a generator".into())),
        1 => Just(Keeper::Forbids("steps".into())),
    ];
    let auto = prop_oneof![4 => Just(Some(true)), 1 => Just(None), 1 => Just(Some(false))];
    let switched = (prop::collection::btree_set(1usize..6, 0..4), 0usize..3, keeper, auto).prop_map(
        |(critical, retries, keeper, auto)| World::new(critical.into_iter().collect(), retries, keeper, auto),
    );
    let follows =
        (prop::collection::btree_set(1usize..6, 0..4), any::<bool>()).prop_map(|(critical, freezes)| {
            let mut world = World::new(critical.into_iter().collect(), 0, Keeper::Nobody, Some(true));
            world.follows = true;
            if freezes {
                world.mode = Mode::Freeze;
            }
            world
        });
    let unlike = prop_oneof![3 => Just(Vec::new()), 1 => Just(vec!["Role r is PruneSkipped".to_owned()])];
    (prop_oneof![2 => switched, 1 => follows], unlike).prop_map(|(mut world, unlike)| {
        world.unlike = unlike;
        world
    })
}

struct Stage {
    world: World,
    shelf: Shelf,
    controllers: [Controller; 2],
}

impl Stage {
    fn new(world: World) -> Self {
        let shelf = Shelf { state: State::new("argocd/shop", ""), version: 0 };
        Self { world, shelf, controllers: [Controller::default(), Controller::default()] }
    }

    fn happen(&mut self, event: Event) {
        match event {
            Event::Tick => {
                self.world.tick();
            }
            Event::Person(what) => self.world.person(what),
            Event::Decide(who) => self.decide(who),
            Event::Perform(who, fate) => self.perform(who, fate),
            Event::Restart(who) => self.controllers[who] = Controller::default(),
        }
    }

    fn decide(&mut self, who: usize) {
        let read = (self.shelf.state.clone(), self.shelf.version);
        let (state, _) = self.controllers[who].kept.get_or_insert(read);
        let next = step(&self.world.observe(), state, &self.world.settings());
        let told = |state: &State| state.untold.iter().filter(|it| it.reason == Reason::RolledBack).count();
        if let Step::Keep(next) = &next
            && told(state) < told(next)
        {
            self.world.is_back(next);
        }
        self.controllers[who].decided = Some((next, self.world.version));
    }

    fn perform(&mut self, who: usize, fate: Fate) {
        let Some((step, version)) = self.controllers[who].decided.take() else { return };
        let Some((state, known)) = self.controllers[who].kept.clone() else { return };
        if fate == Fate::IsLost {
            return;
        }
        match &step {
            Step::Rest(_) => {}
            Step::Keep(next) => self.keep(who, next, known),
            Step::Hold | Step::End | Step::RollBack | Step::Freeze | Step::Lift => {
                if self.world.carry_out(&step, &state, version) && fate == Fate::Arrives {
                    match step {
                        Step::Hold => self.keep(who, &placed(&state), known),
                        Step::Lift => self.keep(who, &lifted(&state), known),
                        Step::End | Step::RollBack | Step::Freeze | Step::Rest(_) | Step::Keep(_) => {}
                    }
                }
            }
        }
        if fate == Fate::IsForgotten {
            self.controllers[who] = Controller::default();
        }
    }

    fn keep(&mut self, who: usize, next: &State, known: u64) {
        if known == self.shelf.version {
            self.shelf = Shelf { state: next.clone(), version: known + 1 };
        }
        self.controllers[who].kept = Some((self.shelf.state.clone(), self.shelf.version));
    }

    /// Nobody does anything any more but the tool and one controller, until both have nothing left to do.
    fn calm_down(&mut self) -> Result<(), TestCaseError> {
        self.controllers = [Controller::default(), Controller::default()];
        for _ in 0..200 {
            let version = self.world.version;
            self.decide(0);
            let rests = matches!(self.controllers[0].decided, Some((Step::Rest(_), _)));
            self.perform(0, Fate::Arrives);
            let ticked = self.world.tick();
            if rests && !ticked && version == self.world.version {
                return Ok(());
            }
        }
        prop_assert!(false, "no rest: {:?} {:?}", self.world, self.shelf.state.case);
        Ok(())
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn no_revision_is_rolled_back_twice_nor_to_nor_over_anything_newer(world in worlds(), events in events()) {
        let mut stage = Stage::new(world);
        for event in events {
            stage.happen(event);
            prop_assert!(stage.world.broken.is_empty(), "{:?}", stage.world.broken);
        }
        stage.calm_down()?;
        prop_assert!(stage.world.broken.is_empty(), "{:?}", stage.world.broken);
    }

    #[test]
    fn without_a_case_nothing_is_held(world in worlds(), events in events()) {
        let people = |event: &Event| {
            matches!(event, Event::Person(Person::SwitchesOff | Person::SwitchesOn | Person::Recreates))
        };
        let auto = world.auto;
        let mut stage = Stage::new(world);
        for event in events.into_iter().filter(|event| !people(event)) {
            stage.happen(event);
        }
        stage.calm_down()?;
        if stage.shelf.state.case.is_none() {
            prop_assert_eq!(stage.world.auto, auto);
            prop_assert!(!stage.world.window);
        }
    }

    #[test]
    fn the_head_is_deployed_or_held_back(world in worlds(), events in events()) {
        let meddling = |event: &Event| {
            matches!(event, Event::Person(_)) && !matches!(event, Event::Person(Person::Commits(_)))
        };
        let mut stage = Stage::new(world);
        for event in events.into_iter().filter(|event| !meddling(event)) {
            stage.happen(event);
        }
        stage.calm_down()?;
        let World { critical, head, auto, operation, .. } = &stage.world;
        if *auto == Some(true) && !critical.contains(head) {
            prop_assert_eq!(operation.as_ref().map(|it| it.revision), Some(*head), "a good head is deployed");
        }
        if let Some(case) = &stage.shelf.state.case {
            prop_assert_eq!(&case.rejected, &super::world::revision(*head), "only the head is held back");
        }
    }
}

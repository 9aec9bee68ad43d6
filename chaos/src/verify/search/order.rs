//! Looks for an order of calls that explains every answer (Wing and Gong; Lowe's just-in-time form): each
//! call takes effect at one moment between its question and its answer.
//!
//! Events are followed in real time. A configuration is what may be true at a moment: which of the open
//! calls have taken effect, and the state that this left. When an answer comes, its call must have taken
//! effect: configurations are led on through open calls until it has, each only once, and those that
//! cannot be are dropped. When none is left, no order explains the answer. Where no call is open, a
//! configuration is only a state, so that the search costs as much as calls overlap, however long a
//! history is.
//!
//! A refusal changes nothing. So it takes effect as soon as the state explains it, which rules no other order
//! out, and a crowd that is refused does not make the search branch.

use std::collections::BTreeSet;

use super::model::{Action, Doubt, Holds, State, Wanted};

/// Most calls about the same seats that may be open at a time: a bit each.
pub const MAX_OPEN_CALLS: usize = 64;

/// Most configurations that are followed at a time.
pub const MAX_CONFIGURATIONS: usize = 10_000;

/// Most actions that are tried for one answer.
pub const MAX_STEPS: u64 = 200_000;

/// Most actions that are tried for a whole history: some minutes.
pub const MAX_STEPS_IN_ALL: u64 = 2_000_000_000;

/// A call about the seats.
#[derive(Clone, Debug)]
pub(super) struct Op {
    /// What took effect.
    pub(super) action: Action,
    /// When it was asked, in microseconds.
    pub(super) invoked_us: u64,
    /// When its answer came, in microseconds.
    pub(super) completed_us: u64,
    /// The line that tells of it.
    pub(super) line: u32,
}

/// An effect that nobody acknowledged becomes possible.
#[derive(Clone, Copy, Debug)]
pub(super) struct Loosened {
    /// When, in microseconds.
    pub(super) at_us: u64,
    /// The hold.
    pub(super) hold: u32,
    /// What may be from then on.
    pub(super) doubt: Doubt,
}

/// The calls about some seats.
#[derive(Clone, Debug, Default)]
pub(super) struct Object {
    /// Calls that took effect.
    pub(super) ops: Vec<Op>,
    /// Effects that nobody acknowledged.
    pub(super) loosened: Vec<Loosened>,
    /// The holds, each with what it asks for and what is known of it, by their numbers.
    pub(super) holds: Vec<(u32, Wanted)>,
}

/// What the search came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// An order explains every answer.
    Order,
    /// No order does.
    None {
        /// The first answer that no order explains: its place among the calls.
        op: usize,
        /// The hold that stands in the way, or lacks.
        blocked_by: Option<u32>,
    },
    /// It would take more than the limits allow.
    Undecided,
}

/// Looks for an order, and counts the actions it tries.
pub(super) fn search(object: &Object, steps: &mut u64) -> Found {
    let mut search = Search {
        object,
        doubts: vec![Doubt::default(); object.holds.len()],
        open: [None; MAX_OPEN_CALLS],
        configurations: BTreeSet::from([(0, State::default())]),
    };
    for event in events(object) {
        match event {
            Event::Loosened(place) => search.loosen(object.loosened[place], steps),
            Event::Asked(op) => {
                let Some(free) = search.open.iter().position(Option::is_none) else {
                    return Found::Undecided;
                };
                search.open[free] = Some(op);
                if matches!(object.ops[op].action, Action::Taken(_)) {
                    search.refuse_where_possible(steps);
                }
            }
            Event::Answered(op) => {
                if let Err(stopped) = search.answer(op, steps) {
                    return stopped;
                }
            }
        }
    }
    Found::Order
}

/// What happens, in real time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Event {
    /// A call is asked. What happens at one moment overlaps: questions come before answers.
    Asked(usize),
    /// An effect that nobody acknowledged becomes possible.
    Loosened(usize),
    /// A call is answered.
    Answered(usize),
}

fn events(object: &Object) -> impl Iterator<Item = Event> {
    let mut events = Vec::with_capacity(2 * object.ops.len() + object.loosened.len());
    for (place, op) in object.ops.iter().enumerate() {
        events.push((op.invoked_us, Event::Asked(place)));
        events.push((op.completed_us, Event::Answered(place)));
    }
    for (place, loosened) in object.loosened.iter().enumerate() {
        events.push((loosened.at_us, Event::Loosened(place)));
    }
    events.sort_unstable();
    events.into_iter().map(|(_, event)| event)
}

/// Which open calls have taken effect, a bit each, and what that left.
type Configuration = (u64, State);

struct Search<'a> {
    object: &'a Object,
    /// What is doubted of each hold by now.
    doubts: Vec<Doubt>,
    /// The calls that are open, by their bits.
    open: [Option<usize>; MAX_OPEN_CALLS],
    configurations: BTreeSet<Configuration>,
}

impl Search<'_> {
    fn loosen(&mut self, loosened: Loosened, steps: &mut u64) {
        let Some(place) = self.object.place(loosened.hold) else { return };
        let doubt = &mut self.doubts[place];
        doubt.may_be_over |= loosened.doubt.may_be_over;
        doubt.may_be_booked |= loosened.doubt.may_be_booked;
        doubt.may_be_cancelled |= loosened.doubt.may_be_cancelled;
        doubt.may_be_another |= loosened.doubt.may_be_another;
        let (hold, doubt) = (loosened.hold, *doubt);
        let all = std::mem::take(&mut self.configurations);
        self.configurations = all
            .into_iter()
            .map(|(done, mut state)| {
                state.doubt(hold, doubt);
                (done, state)
            })
            .collect();
        self.refuse_where_possible(steps);
    }

    /// Lets every open refusal take effect in every configuration that explains it.
    fn refuse_where_possible(&mut self, steps: &mut u64) {
        let all = std::mem::take(&mut self.configurations);
        let refused =
            |(done, state): Configuration| (self.with_refusals(done, &state, steps), state);
        self.configurations = all.into_iter().map(refused).collect();
    }

    /// Which calls have taken effect, with the open refusals that a state explains.
    fn with_refusals(&self, mut done: u64, state: &State, steps: &mut u64) -> u64 {
        for (bit, open) in self.open.iter().enumerate() {
            let Some(open) = *open else { continue };
            if done & 1 << bit == 0
                && let Action::Taken(wanted) = &self.object.ops[open].action
            {
                *steps += 1;
                done |= u64::from(state.is_taken(wanted, self)) << bit;
            }
        }
        done
    }

    /// An answer comes: its call has taken effect by now.
    fn answer(&mut self, op: usize, steps: &mut u64) -> Result<(), Found> {
        let Some(bit) = self.open.iter().position(|open| *open == Some(op)) else { return Ok(()) };
        let limit = MAX_STEPS_IN_ALL.min(*steps + MAX_STEPS);
        let mut left: Vec<Configuration> =
            std::mem::take(&mut self.configurations).into_iter().collect();
        let mut seen: BTreeSet<Configuration> = left.iter().cloned().collect();
        let (mut after, mut blocked_by) = (BTreeSet::new(), None);
        while let Some((done, state)) = left.pop() {
            if done & 1 << bit != 0 {
                after.insert((done & !(1 << bit), state));
                if after.len() > MAX_CONFIGURATIONS {
                    return Err(Found::Undecided);
                }
                continue;
            }
            for (other, open) in self.open.iter().enumerate() {
                let Some(open) = *open else { continue };
                let refusal = matches!(self.object.ops[open].action, Action::Taken(_));
                if refusal || done & 1 << other != 0 {
                    continue;
                }
                *steps += 1;
                if *steps > limit || seen.len() > MAX_CONFIGURATIONS {
                    return Err(Found::Undecided);
                }
                match state.after(&self.object.ops[open].action, self) {
                    Ok(next) => {
                        let done = self.with_refusals(done | 1 << other, &next, steps);
                        let next = (done, next);
                        if seen.insert(next.clone()) {
                            left.push(next);
                        }
                    }
                    Err(hold) if open == op => blocked_by = Some(hold),
                    Err(_) => {}
                }
            }
        }
        self.open[bit] = None;
        self.configurations = after;
        match self.configurations.is_empty() {
            true => Err(Found::None { op, blocked_by }),
            false => Ok(()),
        }
    }
}

impl Holds for Search<'_> {
    fn wanted(&self, hold: u32) -> &Wanted {
        let place = self.object.place(hold).expect("a hold with seats was granted by a call");
        &self.object.holds[place].1
    }

    fn may_be_booked(&self, wanted: &Wanted) -> bool {
        let holds = self.object.holds.iter().zip(&self.doubts);
        let mut doubted = holds.filter(|(_, doubt)| doubt.may_be_booked);
        doubted.any(|((hold, own), _)| *hold != wanted.hold && own.overlaps(wanted))
    }

    fn doubt(&self, hold: u32) -> Doubt {
        self.object.place(hold).map(|place| self.doubts[place]).unwrap_or_default()
    }
}

impl Object {
    fn place(&self, hold: u32) -> Option<usize> {
        self.holds.binary_search_by_key(&hold, |(hold, _)| *hold).ok()
    }
}

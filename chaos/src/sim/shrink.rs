//! Makes a plan that violates an invariant smaller, as long as it still violates the same one.
//!
//! Delta debugging: parts are left out, first large ones and then small ones. A plan with fewer parts
//! comes to other choices, so each is simulated with a few seeds.

use super::plan::{Event, Plan};
use super::run::{Manner, Report, simulate};

/// Seeds with which a smaller plan is simulated before it counts as one that violates nothing.
const SEEDS_TRIED: u64 = 3;

/// Buyers come so long before the first event, in virtual milliseconds.
const CALM_MS: u64 = 2_000;

/// What came of making a plan smaller.
#[derive(Clone, Debug)]
pub struct Shrunk {
    /// The smallest plan that was found.
    pub plan: Plan,
    /// What it comes to.
    pub report: Report,
    /// Simulations that it took.
    pub simulations: u64,
}

/// Makes a plan smaller that violates something; `None` when it violates nothing. Ends after so many
/// simulations, whatever it has then.
#[must_use]
pub fn shrink(plan: &Plan, most_simulations: u64) -> Option<Shrunk> {
    shrink_by(plan, most_simulations, |plan| simulate(plan, Manner::UntilViolated))
}

fn shrink_by(
    plan: &Plan,
    most_simulations: u64,
    simulate: impl Fn(&Plan) -> Report,
) -> Option<Shrunk> {
    let report = simulate(plan);
    let violated = report.violations.first()?.invariant;
    let best = Shrunk { plan: plan.clone(), report, simulations: 1 };
    let mut search = Search { best, violated, most_simulations, simulate };
    search.end_with_the_violation();
    loop {
        let before = search.best.plan.clone();
        search.leave_out(|plan| &plan.events, |plan, events| plan.events = events);
        search.leave_out(|plan| &plan.buyers, |plan, buyers| plan.buyers = buyers);
        search.simplify();
        search.begin_with_the_first_event();
        search.end_with_the_violation();
        if search.best.plan == before || search.is_over() {
            return Some(search.best);
        }
    }
}

struct Search<S> {
    best: Shrunk,
    violated: &'static str,
    most_simulations: u64,
    simulate: S,
}

impl<S: Fn(&Plan) -> Report> Search<S> {
    fn is_over(&self) -> bool {
        self.best.simulations >= self.most_simulations
    }

    /// Takes a plan if it violates the same invariant, with its seed or another.
    fn take(&mut self, plan: &Plan) -> bool {
        for nth in 0..SEEDS_TRIED {
            if self.is_over() {
                return false;
            }
            let plan = Plan { seed: plan.seed + nth, ..plan.clone() };
            self.best.simulations += 1;
            let report = (self.simulate)(&plan);
            if report.violations_by_invariant.contains_key(self.violated) {
                (self.best.plan, self.best.report) = (plan, report);
                return true;
            }
        }
        false
    }

    /// Leaves out what begins after the violation.
    fn end_with_the_violation(&mut self) {
        let first = self.best.report.violations.first().map_or(0, |violation| violation.at_ms);
        let plan = &self.best.plan;
        let faults_ms = plan.faults_ms.min(first + 1);
        let events = plan.events.iter().filter(|event| event.at_ms < faults_ms).copied();
        let shorter = Plan { faults_ms, events: events.collect::<Vec<Event>>(), ..plan.clone() };
        if shorter != *plan {
            self.take(&shorter);
        }
    }

    /// Leaves out the time in which nothing fails yet, but for a little.
    fn begin_with_the_first_event(&mut self) {
        let mut plan = self.best.plan.clone();
        let first = plan.events.first().map_or(plan.faults_ms, |event| event.at_ms);
        let spared = first.saturating_sub(CALM_MS);
        plan.events.iter_mut().for_each(|event| event.at_ms -= spared);
        plan.faults_ms -= spared;
        if spared > 0 {
            self.take(&plan);
        }
    }

    /// Leaves out as many as possible of something that a plan has many of.
    fn leave_out<T: Clone>(
        &mut self,
        all: impl Fn(&Plan) -> &Vec<T>,
        put: impl Fn(&mut Plan, Vec<T>),
    ) {
        let mut size = all(&self.best.plan).len().div_ceil(2);
        while size > 0 {
            let mut from = 0;
            while from < all(&self.best.plan).len() {
                let mut fewer = self.best.plan.clone();
                let mut parts = all(&fewer).clone();
                parts.drain(from..(from + size).min(parts.len()));
                put(&mut fewer, parts);
                if !self.take(&fewer) {
                    from += size;
                }
            }
            size /= 2;
        }
    }

    /// Tries simpler settings, one after the other.
    fn simplify(&mut self) {
        let simpler: [fn(&mut Plan); 5] = [
            |plan| plan.copied = 0,
            |plan| plan.shards = 1,
            |plan| plan.trips = 1,
            |plan| plan.trips = plan.trips.div_ceil(2),
            |plan| plan.nodes = 3,
        ];
        for simplify in simpler {
            let mut plan = self.best.plan.clone();
            simplify(&mut plan);
            if plan != self.best.plan {
                self.take(&plan);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::fault::Fault;
    use super::*;
    use crate::invariant::Violation;
    use crate::workload::Persona;

    /// Violates something at the second kill, if a group buys.
    fn fragile(plan: &Plan) -> Report {
        let kills = plan.events.iter().filter(|event| event.fault == Fault::Kill);
        let at_ms = kills.map(|event| event.at_ms).nth(1);
        let at_ms = at_ms.filter(|_| plan.buyers.contains(&Persona::Group));
        let invariant = "no_second_kill";
        let violation = |at_ms| Violation { invariant, what: String::new(), at_ms };
        Report {
            violations: at_ms.map(violation).into_iter().collect(),
            violations_by_invariant: at_ms.map(|_| (invariant, 1)).into_iter().collect(),
            ..Report::of(plan.seed)
        }
    }

    #[test]
    fn what_the_violation_does_not_need_is_left_out() {
        let faults = [Fault::Kill, Fault::Reset, Fault::Pause, Fault::ClockJump];
        let mut plan = Plan::with(1, 60_000, &faults);
        plan.events.retain(|event| event.at_ms > 10_000);
        plan.buyers.push(Persona::Group);
        let small = shrink_by(&plan, 1_000, fragile).expect("it violates something");
        let faults: Vec<_> = small.plan.events.iter().map(|event| event.fault).collect();
        assert_eq!(faults, [Fault::Kill, Fault::Kill]);
        assert_eq!(small.plan.buyers, [Persona::Group]);
        assert_eq!((small.plan.trips, small.plan.shards, small.plan.nodes), (1, 1, 3));
        assert_eq!(small.plan.events[0].at_ms, CALM_MS);
        assert!(!small.report.violations.is_empty());
    }

    #[test]
    fn a_plan_that_violates_nothing_stays_as_it_is() {
        assert!(shrink_by(&Plan::of(1).without_faults(), 10, fragile).is_none());
    }
}

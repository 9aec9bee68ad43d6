//! How many nodes a goal needs, from what one machine was measured to do.
//!
//! A hold costs processor time on three nodes, whatever their number: a cluster has so much of it for each
//! node. What one trip can do is another ceiling: its decisions are made one after the other by one shard's
//! leader, and no further node makes that faster.

use serde::Serialize;

/// Nodes that a shard's replicas need: with fewer nothing survives the loss of one.
pub const REPLICAS: u32 = 3;

/// What was measured.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Unit {
    /// Durable holds each second over many trips, with all replicas and the callers on this machine.
    pub holds_per_second: f64,
    /// Processor time of all replicas together for such a hold, in microseconds.
    pub hold_us: f64,
    /// Durable holds each second of a single trip.
    pub trip_holds_per_second: f64,
    /// Answers each second of a trip that is sold out.
    pub trip_refusals_per_second: f64,
    /// Processor time of all replicas together for such an answer, in microseconds.
    pub refusal_us: f64,
}

/// What a cluster has to do, and what its nodes are.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Goal {
    /// Requests for holds each second, over all trips.
    pub requests_per_second: f64,
    /// Of them so many each second for one trip.
    pub one_trip_per_second: f64,
    /// The share of requests that is refused since the seat is taken: 0 to 1.
    pub refused: f64,
    /// Processors of a node.
    pub cores: u32,
    /// The share of them that may be busy: 0 to 1. The rest is for bursts, and for what a lost node leaves.
    pub busy: f64,
    /// Nodes that may be lost at the busiest time without missing the goal.
    pub spare: u32,
}

/// What follows.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Plan {
    /// Processor time for a request, in microseconds, over all replicas.
    pub request_us: f64,
    /// Requests each second for which a node more is enough.
    pub per_node: f64,
    /// Nodes that the goal needs, the spare ones among them.
    pub nodes: u32,
    /// What one trip can answer each second, of the goal's mixture of grants and refusals.
    pub trip_ceiling: f64,
    /// Requests each second for one trip that are beyond its ceiling; 0 where the goal is met.
    pub trip_excess: f64,
}

/// The nodes that a goal needs.
#[must_use]
pub fn plan(unit: &Unit, goal: &Goal) -> Plan {
    let refused = goal.refused.clamp(0.0, 1.0);
    let mixed = |granted: f64, refusal: f64| granted * (1.0 - refused) + refusal * refused;
    let request_us = mixed(unit.hold_us, unit.refusal_us);
    let per_node = f64::from(goal.cores) * goal.busy * 1e6 / request_us;
    let busy = (goal.requests_per_second / per_node).ceil();
    // A trip's time for a request is one divided by its rate.
    let trip_ceiling =
        1.0 / mixed(1.0 / unit.trip_holds_per_second, 1.0 / unit.trip_refusals_per_second);
    Plan {
        request_us,
        per_node,
        nodes: (busy as u32).max(REPLICAS).saturating_add(goal.spare),
        trip_ceiling,
        trip_excess: (goal.one_trip_per_second - trip_ceiling).max(0.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const UNIT: Unit = Unit {
        holds_per_second: 100_000.0,
        hold_us: 10.0,
        trip_holds_per_second: 50_000.0,
        trip_refusals_per_second: 1_000_000.0,
        refusal_us: 1.0,
    };

    const GOAL: Goal = Goal {
        requests_per_second: 1_000_000.0,
        one_trip_per_second: 60_000.0,
        refused: 0.0,
        cores: 8,
        busy: 0.5,
        spare: 1,
    };

    #[test]
    fn nodes_follow_from_the_time_that_a_request_costs() {
        // Four busy processors do 400,000 holds of 10 us: three nodes, and a spare one.
        let plan = plan(&UNIT, &GOAL);
        assert_eq!((plan.per_node, plan.nodes), (400_000.0, 4));
        assert_eq!((plan.trip_ceiling.round(), plan.trip_excess.round()), (50_000.0, 10_000.0));
    }

    #[test]
    fn refusals_cost_what_they_cost() {
        let plan = plan(&UNIT, &Goal { refused: 0.9, requests_per_second: 10_000_000.0, ..GOAL });
        // 0.1 x 10 + 0.9 x 1 us: four processors do 2,105,263 of them.
        assert_eq!(plan.nodes, 5 + 1);
        assert!((plan.request_us - 1.9).abs() < 1e-9);
        // 0.1 x 20 us + 0.9 x 1 us for a request of the trip.
        assert!((plan.trip_ceiling - 1e6 / 2.9).abs() < 1.0 && plan.trip_excess == 0.0);
    }

    #[test]
    fn a_small_goal_needs_three_nodes_all_the_same() {
        let plan = plan(&UNIT, &Goal { requests_per_second: 10.0, spare: 0, ..GOAL });
        assert_eq!(plan.nodes, REPLICAS);
    }
}

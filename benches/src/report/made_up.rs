//! Rows that nobody measured, for tests.

use crate::contest::{Load, Turn};
use crate::results::{Results, Row, Run};

/// A turn with these answers each second.
pub(super) fn turn(per_second: f64) -> Turn {
    Turn {
        per_second,
        held: 1,
        failed: 0,
        p50_us: 800.0,
        p99_us: 2_000.0,
        p999_us: 9_000.0,
        server_us: 4.0,
        client_us: 2.0,
        server_bytes: 64 << 20,
        ..Turn::default()
    }
}

/// A row with these answers each second, a turn each.
pub(super) fn row(system: &str, outstanding: u32, rates: &[f64]) -> Row {
    Row {
        workload: "spread".to_owned(),
        per_hold: 1,
        legs: 1,
        size: None,
        system: system.to_owned(),
        caller: "pipeline".to_owned(),
        rate: None,
        load: Load { lanes: 1, depth: outstanding },
        turns: rates.iter().copied().map(turn).collect(),
    }
}

/// A row with a 99th percentile.
pub(super) fn slow(system: &str, outstanding: u32, rates: &[f64], p99_us: f64) -> Row {
    let mut row = row(system, outstanding, rates);
    row.turns.iter_mut().for_each(|turn| turn.p99_us = p99_us);
    row
}

/// A system of an example: name, caller, most answers each second, latency of one request, processor time.
const SYSTEMS: [(&str, &str, f64, f64, f64, f64); 9] = [
    ("Seatgrid, 3 nodes, 3 shards", "pipeline", 310_000.0, 900.0, 5.2, 1.9),
    ("Seatgrid, 3 nodes, 3 shards", "unary", 62_000.0, 1_000.0, 21.0, 14.0),
    ("Redis Lua, no persistence", "pipeline", 190_000.0, 60.0, 5.1, 1.2),
    ("Redis Lua, AOF everysec", "pipeline", 150_000.0, 70.0, 6.4, 1.2),
    ("Redis Lua, AOF always", "pipeline", 96_000.0, 700.0, 9.4, 1.3),
    ("Redis Lua + WAIT 1, AOF always", "pipeline", 21_000.0, 1_500.0, 23.0, 4.0),
    ("PostgreSQL, FOR UPDATE", "unary", 2_900.0, 2_100.0, 410.0, 38.0),
    ("null server", "pipeline", 900_000.0, 40.0, 0.9, 0.8),
    ("PostgreSQL, one UPDATE", "pipeline", 7_400.0, 1_600.0, 260.0, 22.0),
];

/// Plausible results of several workloads.
pub(super) fn example() -> Results {
    let mut results = Results::default();
    for (workload, per_hold, legs, scale) in
        [("spread", 1, 1, 1.0), ("spread", 4, 1, 0.7), ("spread", 1, 3, 0.55), ("hot", 1, 1, 1.1)]
    {
        for (number, (system, caller, most, first_us, server_us, client_us)) in
            (1_u32..).zip(SYSTEMS)
        {
            // Redis knows no conflicts: where nearly all answers are a no it is at its best.
            let bonus = if workload == "hot" && system.starts_with("Redis") { 1.9 } else { 1.0 };
            let most = most * scale * bonus;
            for (lanes, depth) in [(1, 1), (4, 4), (8, 32), (16, 128), (32, 256)] {
                let outstanding = f64::from(lanes * depth);
                let per_second = most / (1.0 + most * first_us / 1e6 / outstanding);
                let p50_us = outstanding / per_second * 1e6;
                let turns = [0.97, 1.0, 1.0 + f64::from(number) / 90.0].map(|luck| Turn {
                    p50_us: p50_us / luck,
                    p99_us: p50_us * 2.2 / luck + 300.0,
                    p999_us: p50_us * 3.5 / luck + 4_000.0,
                    server_us,
                    client_us,
                    server_bytes: (40 + u64::from(number) * 31) << 20,
                    ..turn(per_second * luck)
                });
                results.note(Row {
                    workload: workload.to_owned(),
                    per_hold,
                    legs,
                    caller: caller.to_owned(),
                    load: Load { lanes, depth },
                    turns: turns.to_vec(),
                    ..row(system, 1, &[])
                });
            }
            for share in [0.25, 0.5, 0.75] {
                let rate = (most * share / 100.0).round() * 100.0;
                let p50_us = first_us / (1.0 - share);
                let turns = [0.99, 1.0, 1.0].map(|luck| Turn {
                    p50_us: p50_us * luck,
                    p99_us: p50_us * 3.0,
                    p999_us: p50_us * 8.0,
                    ..turn(rate * luck)
                });
                results.note(Row {
                    workload: workload.to_owned(),
                    per_hold,
                    legs,
                    caller: caller.to_owned(),
                    rate: Some(rate),
                    turns: turns.to_vec(),
                    ..row(system, 64, &[])
                });
            }
        }
    }
    results.runs.push(Run {
        command: "seatgrid bench --rounds 3 --loads 1x1,4x4,8x32,16x128,32x256".to_owned(),
        commit: "0123abc".to_owned(),
        date: "2026-11-22 09:00 UTC".to_owned(),
        machine: "8 cores, 32 GiB, Linux 6.12".to_owned(),
    });
    results.absent.push("FoundationDB: not installed".to_owned());
    for (system, ..) in SYSTEMS {
        let lines = vec!["on one machine, over loopback".to_owned(), "sync = <on>".to_owned()];
        results.configurations.insert(system.to_owned(), lines);
    }
    results
}

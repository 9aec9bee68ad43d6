//! What a trip allows, as options of a command.

use std::time::Duration;

use client_sdk::pb::{LatePolicy, SaleRules};

use super::booking::Late;
use crate::value;

/// What trips allow.
#[derive(Clone, Debug, clap::Args)]
#[command(next_help_heading = "Rules")]
pub(crate) struct Rules {
    /// Holds are refused before this time, such as 2026-12-01T10:00:00Z.
    #[arg(long, value_name = "TIME")]
    opens_at: Option<jiff::Timestamp>,
    /// Holds are refused from this time on.
    #[arg(long, value_name = "TIME")]
    closes_at: Option<jiff::Timestamp>,
    /// Seats that one buyer may hold and own together.
    #[arg(long, value_name = "N", default_value_t = 0, hide_default_value = true)]
    max_per_buyer: u32,
    /// Seats in one hold.
    #[arg(long, value_name = "N", default_value_t = 0, hide_default_value = true)]
    max_per_hold: u32,
    /// Shortest life of a hold.
    #[arg(long, value_name = "TIME", value_parser = value::positive_duration)]
    min_ttl: Option<Duration>,
    /// Life of a hold whose buyer asks for none.
    #[arg(long, value_name = "TIME", value_parser = value::positive_duration)]
    default_ttl: Option<Duration>,
    /// Longest life of a hold.
    #[arg(long, value_name = "TIME", value_parser = value::positive_duration)]
    max_ttl: Option<Duration>,
    /// Longest payment window.
    #[arg(long, value_name = "TIME", value_parser = value::positive_duration)]
    payment_window: Option<Duration>,
    /// Longest life of a hold over all extensions and payments.
    #[arg(long, value_name = "TIME", value_parser = value::positive_duration)]
    hold_cap: Option<Duration>,
    /// What a confirm does that comes after its hold has expired.
    #[arg(long, value_enum)]
    late: Option<Late>,
}

impl From<Rules> for SaleRules {
    fn from(rules: Rules) -> Self {
        let ms = |time: Option<Duration>| time.map_or(0, |time| time.as_millis() as u64);
        let at = |moment: Option<jiff::Timestamp>| {
            moment.and_then(|moment| u64::try_from(moment.as_millisecond()).ok()).unwrap_or(0)
        };
        Self {
            sale_opens_at_ms: at(rules.opens_at),
            sale_closes_at_ms: at(rules.closes_at),
            max_seats_per_buyer: rules.max_per_buyer,
            max_seats_per_hold: rules.max_per_hold,
            min_hold_ttl_ms: ms(rules.min_ttl),
            default_hold_ttl_ms: ms(rules.default_ttl),
            max_hold_ttl_ms: ms(rules.max_ttl),
            max_payment_window_ms: ms(rules.payment_window),
            hold_cap_ms: ms(rules.hold_cap),
            late: rules.late.map_or(LatePolicy::Unspecified, LatePolicy::from).into(),
        }
    }
}

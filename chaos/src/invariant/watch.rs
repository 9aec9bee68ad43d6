//! Whoever watches a trip is told every change once and in order, and what it is told is what the log
//! says. A snapshot is the one way to leave changes out: it says so.

use actors::watch::WatchEvent;

use super::{Event, Invariant, Watched};

pub(super) struct Watch;

impl Invariant for Watch {
    fn name(&self) -> &'static str {
        "watch"
    }

    fn look(&mut self, event: &Event<'_>) -> Result<(), String> {
        let Event::Watched(watched) = event else { return Ok(()) };
        let what = |what: String| Err(format!("trip {}: {what}", watched.trip.as_str()));
        let Watched { has, change: replayed, version, .. } = *watched;
        match watched.event {
            WatchEvent::Change(change, _) if has.is_none_or(|has| change.version != has + 1) => {
                what(format!("version {has:?} is followed by change {}", change.version))
            }
            WatchEvent::Change(change, _) if replayed != Some(change) => {
                what(format!("a stream has {change:?}, the log {replayed:?}"))
            }
            WatchEvent::Snapshot(map)
                if version.is_some_and(|version| version != map.version()) =>
            {
                let (at, shown) = (map.position(), map.version());
                what(format!("a stream has version {shown} at {at}, the log {version:?}"))
            }
            _ => Ok(()),
        }
    }
}

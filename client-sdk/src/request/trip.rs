//! Opening a trip.

use bytes::Bytes;
use proto::ids::{CommandId, TripId};
use proto::pb;

use super::command_bytes;
use crate::layout::Layout;
use crate::wire_layout::wire_layout;

/// Opens a trip for sale.
///
/// Without an id of its own, opening the same trip again is a repetition: it gets the first answer.
#[derive(Clone, Debug, PartialEq)]
pub struct OpenTrip {
    /// The trip.
    pub trip: TripId,
    /// The id of this command; derived from the trip's when absent.
    pub id: Option<CommandId>,
    /// For people.
    pub title: String,
    /// The seats.
    pub layout: pb::Layout,
    /// The stops, at least two; one leg when empty.
    pub stops: Vec<pb::Stop>,
    /// What the trip allows; zeroes stand for defaults.
    pub rules: pb::SaleRules,
}

impl OpenTrip {
    /// A trip of one leg with this layout and default rules.
    #[must_use]
    pub fn new(trip: &TripId, layout: &Layout) -> Self {
        Self::with_wire_layout(trip, wire_layout(layout))
    }

    /// The same with a layout in its wire form, for callers that open many trips of one layout.
    #[must_use]
    pub fn with_wire_layout(trip: &TripId, layout: pb::Layout) -> Self {
        Self {
            trip: trip.clone(),
            id: None,
            title: String::new(),
            layout,
            stops: Vec::new(),
            rules: pb::SaleRules::default(),
        }
    }

    /// Sets the title.
    #[must_use]
    pub fn title(mut self, title: impl Into<String>) -> Self {
        self.title = title.into();
        self
    }

    /// Sets the stops.
    #[must_use]
    pub fn stops(mut self, stops: Vec<pb::Stop>) -> Self {
        self.stops = stops;
        self
    }

    /// Sets stops that have a name and nothing else.
    #[must_use]
    pub fn stop_names(self, names: impl IntoIterator<Item = impl Into<String>>) -> Self {
        let stop = |name: String| pb::Stop { name, ..Default::default() };
        self.stops(names.into_iter().map(Into::into).map(stop).collect())
    }

    /// Sets the rules.
    #[must_use]
    pub fn rules(mut self, rules: pb::SaleRules) -> Self {
        self.rules = rules;
        self
    }

    pub(crate) fn into_request(self) -> pb::OpenTripRequest {
        pb::OpenTripRequest {
            trip_id: self.trip.as_str().to_owned(),
            command_id: self.id.map_or_else(Bytes::new, command_bytes),
            title: self.title,
            layout: Some(self.layout),
            stops: self.stops,
            rules: Some(self.rules),
        }
    }
}

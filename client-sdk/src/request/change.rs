//! What can be done with a hold or a booking.

use std::time::Duration;

use bytes::Bytes;
use proto::ids::{CommandId, Fence, HoldId, TripId};
use proto::pb;
use proto::pb::LatePolicy;
use proto::pb::pipeline_command::Command;

use super::{Request, command_bytes, hold_bytes, strings, wire_ms};
use crate::id::new_command_id;
use crate::reply::Held;

/// Gives a hold more time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Extend {
    /// The trip.
    pub trip: TripId,
    /// The hold.
    pub hold: HoldId,
    /// The id of this command: extending twice is meant twice, a retry is not.
    pub id: CommandId,
    /// New life from now; the trip's default unless set.
    pub ttl: Option<Duration>,
}

/// Pins a hold while its buyer pays.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BeginPayment {
    /// The trip.
    pub trip: TripId,
    /// The hold.
    pub hold: HoldId,
    /// How long; the trip's longest unless set.
    pub window: Option<Duration>,
}

/// Turns a hold into a booking. Repeating it is one command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Confirm {
    /// The trip.
    pub trip: TripId,
    /// The hold.
    pub hold: HoldId,
    /// The fence of the hold's answer; not checked when absent.
    pub fence: Option<Fence>,
    /// What to do when the hold has expired; the trip's policy unless set.
    pub late: LatePolicy,
}

/// Gives a hold back. Repeating it is one command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Release {
    /// The trip.
    pub trip: TripId,
    /// The hold.
    pub hold: HoldId,
}

/// Gives seats of a booking back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cancel {
    /// The trip.
    pub trip: TripId,
    /// The booking.
    pub hold: HoldId,
    /// The id of this command. Absent for the whole booking, of which there is one cancellation.
    pub id: Option<CommandId>,
    /// Seats to give back; all of the booking when empty.
    pub seats: Vec<String>,
    /// Places of a general-admission booking to give back.
    pub quantity: u32,
}

/// Exchanges seats of a hold or booking, all or none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Swap {
    /// The trip.
    pub trip: TripId,
    /// The hold or booking.
    pub hold: HoldId,
    /// The id of this command.
    pub id: CommandId,
    /// The fence of the hold's answer; not checked when absent.
    pub fence: Option<Fence>,
    /// Seats given back.
    pub give: Vec<String>,
    /// Seats taken instead.
    pub take: Vec<String>,
}

impl Extend {
    /// More time for a hold, counted from now.
    #[must_use]
    pub fn new(trip: &TripId, hold: HoldId, ttl: Duration) -> Self {
        Self { trip: trip.clone(), hold, id: new_command_id(), ttl: Some(ttl) }
    }
}

impl BeginPayment {
    /// Pins a hold for the trip's longest payment window.
    #[must_use]
    pub fn new(trip: &TripId, hold: HoldId) -> Self {
        Self { trip: trip.clone(), hold, window: None }
    }

    /// Sets how long the hold is pinned.
    #[must_use]
    pub fn window(mut self, window: Duration) -> Self {
        self.window = Some(window);
        self
    }
}

impl Confirm {
    /// Turns a hold into a booking, without checking its fence.
    #[must_use]
    pub fn new(trip: &TripId, hold: HoldId) -> Self {
        Self { trip: trip.clone(), hold, fence: None, late: LatePolicy::Unspecified }
    }

    /// Checks the fence of the hold's answer.
    #[must_use]
    pub fn fence(mut self, fence: Fence) -> Self {
        self.fence = Some(fence);
        self
    }

    /// Sets what to do when the hold has expired.
    #[must_use]
    pub fn late(mut self, late: LatePolicy) -> Self {
        self.late = late;
        self
    }
}

impl Release {
    /// Gives a hold back.
    #[must_use]
    pub fn new(trip: &TripId, hold: HoldId) -> Self {
        Self { trip: trip.clone(), hold }
    }
}

impl Cancel {
    /// Gives all of a booking back.
    #[must_use]
    pub fn all(trip: &TripId, hold: HoldId) -> Self {
        Self { trip: trip.clone(), hold, id: None, seats: Vec::new(), quantity: 0 }
    }

    /// Gives these seats back.
    #[must_use]
    pub fn seats(
        trip: &TripId,
        hold: HoldId,
        seats: impl IntoIterator<Item = impl Into<String>>,
    ) -> Self {
        Self { seats: strings(seats), id: Some(new_command_id()), ..Self::all(trip, hold) }
    }

    /// Gives so many places of a general-admission booking back.
    #[must_use]
    pub fn quantity(trip: &TripId, hold: HoldId, quantity: u32) -> Self {
        Self { quantity, id: Some(new_command_id()), ..Self::all(trip, hold) }
    }
}

impl Swap {
    /// Gives some seats back and takes as many others.
    #[must_use]
    pub fn new(
        trip: &TripId,
        hold: HoldId,
        give: impl IntoIterator<Item = impl Into<String>>,
        take: impl IntoIterator<Item = impl Into<String>>,
    ) -> Self {
        let (give, take) = (strings(give), strings(take));
        Self { trip: trip.clone(), hold, id: new_command_id(), fence: None, give, take }
    }

    /// Checks the fence of the hold's answer.
    #[must_use]
    pub fn fence(mut self, fence: Fence) -> Self {
        self.fence = Some(fence);
        self
    }
}

/// Confirms what was held, with its fence.
impl From<&Held> for Confirm {
    fn from(held: &Held) -> Self {
        Self::new(&held.trip, held.hold).fence(held.fence)
    }
}

impl From<&Held> for Release {
    fn from(held: &Held) -> Self {
        Self::new(&held.trip, held.hold)
    }
}

impl From<&Held> for BeginPayment {
    fn from(held: &Held) -> Self {
        Self::new(&held.trip, held.hold)
    }
}

impl Request for Extend {
    fn trip(&self) -> &TripId {
        &self.trip
    }

    fn into_command(self) -> Command {
        Command::Extend(pb::ExtendRequest {
            trip_id: self.trip.as_str().to_owned(),
            hold_id: hold_bytes(self.hold),
            command_id: command_bytes(self.id),
            ttl_ms: wire_ms(self.ttl),
        })
    }
}

impl Request for BeginPayment {
    fn trip(&self) -> &TripId {
        &self.trip
    }

    fn into_command(self) -> Command {
        Command::BeginPayment(pb::BeginPaymentRequest {
            trip_id: self.trip.as_str().to_owned(),
            hold_id: hold_bytes(self.hold),
            command_id: Bytes::new(),
            window_ms: wire_ms(self.window),
        })
    }
}

impl Request for Confirm {
    fn trip(&self) -> &TripId {
        &self.trip
    }

    fn into_command(self) -> Command {
        Command::Confirm(pb::ConfirmRequest {
            trip_id: self.trip.as_str().to_owned(),
            hold_id: hold_bytes(self.hold),
            command_id: Bytes::new(),
            fence: self.fence.map_or(0, Fence::get),
            late: self.late.into(),
        })
    }
}

impl Request for Release {
    fn trip(&self) -> &TripId {
        &self.trip
    }

    fn into_command(self) -> Command {
        Command::Release(pb::ReleaseRequest {
            trip_id: self.trip.as_str().to_owned(),
            hold_id: hold_bytes(self.hold),
            command_id: Bytes::new(),
        })
    }
}

impl Request for Cancel {
    fn trip(&self) -> &TripId {
        &self.trip
    }

    fn into_command(self) -> Command {
        Command::Cancel(pb::CancelRequest {
            trip_id: self.trip.as_str().to_owned(),
            hold_id: hold_bytes(self.hold),
            command_id: self.id.map(command_bytes).unwrap_or_default(),
            seats: self.seats,
            quantity: self.quantity,
        })
    }
}

impl Request for Swap {
    fn trip(&self) -> &TripId {
        &self.trip
    }

    fn into_command(self) -> Command {
        Command::Swap(pb::SwapRequest {
            trip_id: self.trip.as_str().to_owned(),
            hold_id: hold_bytes(self.hold),
            command_id: command_bytes(self.id),
            fence: self.fence.map_or(0, Fence::get),
            give: self.give,
            take: self.take,
        })
    }
}

//! The bytes of a state.
//!
//! Only what cannot be rebuilt is written: the trip, its switches, and the records. Bits, counters,
//! deadlines, buyers and the table of ids follow from them. Live records stand in order of fence and
//! id, finished ones and answers in order of finishing: both are the same on every replica.

use std::sync::Arc;

use proto::ids::{HoldId, LogPosition, Timestamp};
use raft::mutant::{Mutant, planted};

use super::wire::{Reader, invalid, put_grant, put_legs, put_number, put_places, put_text};
use super::{DecodeError, Layouts, Resolver, decode_outcome, open};
use crate::seat_map::SeatMap;
use crate::seat_map::answer::Answer;
use crate::seat_map::command::Note;
use crate::seat_map::layout::ZoneKind;
use crate::seat_map::limits::{MAX_NOTE_BYTES, MAX_REMEMBERED, MAX_TTL_MS};
use crate::seat_map::record::{Extra, HoldState, Record};
use crate::seat_map::registry::Finished;
use crate::seat_map::reply::Places;
use crate::seat_map::slab::NONE;

/// Longest remembered outcome that is read, in bytes: a batch of large grants.
const MAX_OUTCOME_BYTES: usize = 1 << 24;

/// About how many bytes a state takes: a hold has some 60, a command of another kind 40.
pub(super) fn about_bytes(map: &SeatMap) -> usize {
    256 + 64 * map.registry.id_count()
}

/// Writes a state. The layout's digest comes first.
pub(super) fn put(out: &mut Vec<u8>, map: &SeatMap) {
    open::put(out, &map.open, Layouts::ByDigest);
    out.extend_from_slice(map.opened_by.as_bytes());
    put_number(out, map.opened_at.packed());
    put_number(out, map.clock.as_unix_ms());
    put_number(out, map.position.packed());
    put_number(out, map.version);
    out.push(u8::from(map.frozen) | u8::from(map.closed) << 1);
    let records = map.registry.records().map(|(_, record)| record);
    let mut live: Vec<&Record> = records.filter(|record| !record.is_finished()).collect();
    live.sort_unstable_by_key(|record| (record.fence, record.id));
    put_number(out, live.len() as u64);
    for record in live {
        put_record(out, record);
    }
    let forgotten = planted(Mutant::LosesAnswersInSnapshots);
    let remembered = if forgotten { 0 } else { map.registry.entry_count() };
    put_number(out, remembered as u64);
    for entry in map.registry.entries().take(remembered) {
        put_number(out, entry.at.as_unix_ms());
        match &entry.what {
            Finished::Record(slot) => {
                out.push(0);
                put_record(out, map.registry.record(*slot));
            }
            Finished::Command { id, fingerprint, position, answer } => {
                out.push(1);
                out.extend_from_slice(id.as_bytes());
                out.extend_from_slice(&fingerprint.to_le_bytes());
                put_number(out, position.packed());
                put_answer(out, answer);
            }
        }
    }
}

/// Reads a state and rebuilds what follows from it.
pub(super) fn get(reader: &mut Reader<'_>, resolver: Resolver<'_>) -> Result<SeatMap, DecodeError> {
    let open = open::get(reader, resolver)?;
    if open.check().is_err() {
        return invalid("trip");
    }
    let mut map = SeatMap::empty(Arc::new(open), reader.command_id()?);
    map.opened_at = LogPosition::from_packed(reader.number()?);
    map.clock = reader.timestamp()?;
    map.position = LogPosition::from_packed(reader.number()?);
    map.version = reader.number()?;
    let flags = reader.byte()?;
    if flags > 3 {
        return invalid("flags of the trip");
    }
    (map.frozen, map.closed) = (flags & 1 != 0, flags & 2 != 0);
    for _ in 0..reader.number()? {
        let record = get_record(reader, &map)?;
        if record.state.class().is_none() {
            return invalid("live record");
        }
        restore_live(&mut map, record)?;
    }
    let entries = reader.count(MAX_REMEMBERED, "number of entries")?;
    let mut earlier = Timestamp::default();
    for _ in 0..entries {
        let at = reader.timestamp()?;
        if at < earlier || at > map.clock {
            return invalid("time of an entry");
        }
        earlier = at;
        restore_finished(reader, &mut map, at)?;
    }
    Ok(map)
}

/// Adds a live record, if its places are free.
fn restore_live(map: &mut SeatMap, record: Record) -> Result<(), DecodeError> {
    let free = match &record.places {
        Places::Seats(seats) => seats.iter().all(|&seat| map.occupancy.is_free(seat, record.legs)),
        Places::Quantity { zone, count } => {
            let taken = map.counters.most_taken(*zone, record.legs);
            *count <= map.open.layout.capacity(*zone) - taken
        }
    };
    if !free {
        return invalid("owner of a place");
    }
    let places = record.places.clone();
    let deadline = record.state.can_expire().then_some(record.deadline);
    if deadline.is_some_and(|deadline| deadline <= map.clock) {
        return invalid("deadline");
    }
    let slot = map.registry.insert(record);
    map.take_places(slot, &places);
    if let Some(deadline) = deadline {
        map.deadlines.insert(slot, deadline);
    }
    Ok(())
}

/// Reads and adds something finished.
fn restore_finished(
    reader: &mut Reader<'_>,
    map: &mut SeatMap,
    at: Timestamp,
) -> Result<(), DecodeError> {
    if !reader.flag("entry")? {
        let record = get_record(reader, map)?;
        if record.state.class().is_some() {
            return invalid("finished record");
        }
        let slot = map.registry.insert(record);
        map.registry.finish(slot, at);
        return Ok(());
    }
    let id = reader.command_id()?;
    check_new(map, id.into())?;
    let fingerprint = get_fingerprint(reader)?;
    let position = LogPosition::from_packed(reader.number()?);
    if position > map.position {
        return invalid("position of an answer");
    }
    let answer = get_answer(reader)?;
    map.registry.remember((at, position), id, fingerprint, answer);
    Ok(())
}

fn put_record(out: &mut Vec<u8>, record: &Record) {
    out.extend_from_slice(record.id.as_bytes());
    let extra = record.extra.as_deref();
    let first = extra.and_then(|extra| extra.first.as_ref());
    let note = record.note();
    let has = u8::from(first.is_some()) | u8::from(!note.is_empty()) << 1;
    out.push(state_tag(record.state) << 2 | has);
    put_text(out, record.buyer.as_str());
    put_legs(out, record.legs);
    put_places(out, &record.places);
    put_number(out, record.fence.get());
    put_number(out, record.granted_at.as_unix_ms());
    put_number(out, record.ttl_ms.into());
    put_number(out, record.deadline.ms_since(record.granted_at));
    out.extend_from_slice(&record.fingerprint.to_le_bytes());
    if let Some(first) = first {
        put_grant(out, first);
    }
    if !note.is_empty() {
        put_text(out, note);
    }
}

fn get_record(reader: &mut Reader<'_>, map: &SeatMap) -> Result<Record, DecodeError> {
    let id = reader.hold()?;
    check_new(map, id)?;
    let tag = reader.byte()?;
    let state = state_of(tag >> 2)?;
    let buyer = reader.buyer()?;
    let legs = reader.legs()?;
    let places = reader.places()?;
    check_places(map, &places)?;
    let fence = reader.fence()?;
    let granted_at = reader.timestamp()?;
    let ttl_ms: u32 = reader.small("time to live")?;
    let deadline = granted_at.plus_ms(reader.number()?);
    let fingerprint = get_fingerprint(reader)?;
    let first = if tag & 1 != 0 { Some(reader.grant()?) } else { None };
    let note = if tag & 2 != 0 { reader.text(MAX_NOTE_BYTES, "note")? } else { "" };
    if legs.to() > map.open.leg_count()
        || fence.get() > map.position.packed()
        || u64::from(ttl_ms) > MAX_TTL_MS
        || tag & 2 != 0 && note.is_empty()
    {
        return invalid("record");
    }
    let extra = first.is_some() || !note.is_empty();
    let extra = extra.then(|| Box::new(Extra { first, note: Note::new(note) }));
    let entry = NONE;
    Ok(Record {
        id,
        buyer,
        places,
        legs,
        state,
        fence,
        granted_at,
        ttl_ms,
        deadline,
        fingerprint,
        entry,
        extra,
    })
}

/// Refuses an id that the state has already.
fn check_new(map: &SeatMap, id: HoldId) -> Result<(), DecodeError> {
    match map.registry.find(id.into(), Timestamp::default()) {
        Some(_) => invalid("id: it occurs twice"),
        None => Ok(()),
    }
}

/// Refuses places that the layout does not have.
fn check_places(map: &SeatMap, places: &Places) -> Result<(), DecodeError> {
    let layout = &map.open.layout;
    let known = match places {
        Places::Seats(seats) => seats.iter().all(|seat| layout.seat(*seat).is_some()),
        Places::Quantity { zone, .. } => layout
            .zone(*zone)
            .is_some_and(|zone| matches!(zone.kind, ZoneKind::GeneralAdmission { .. })),
    };
    if known { Ok(()) } else { invalid("place") }
}

fn get_fingerprint(reader: &mut Reader<'_>) -> Result<u64, DecodeError> {
    Ok(u64::from_le_bytes(reader.take(8)?.try_into().expect("8 bytes were taken")))
}

fn put_answer(out: &mut Vec<u8>, answer: &Answer) {
    let (tag, number) = match answer {
        Answer::Extended(at) => (1, Some(at.as_unix_ms())),
        Answer::Paying(at) => (2, Some(at.as_unix_ms())),
        Answer::Confirmed(fence) => (3, Some(fence.get())),
        Answer::Reacquired(fence) => (4, Some(fence.get())),
        Answer::Released => (5, None),
        Answer::Cancelled(left) => (6, Some((*left).into())),
        Answer::Unblocked(left) => (7, Some((*left).into())),
        Answer::Frozen => (8, None),
        Answer::Thawed => (9, None),
        Answer::SalesClosed => (10, None),
        Answer::Other(bytes) => (11, Some(bytes.len() as u64)),
    };
    out.push(tag);
    if let Some(number) = number {
        put_number(out, number);
    }
    if let Answer::Other(bytes) = answer {
        out.extend_from_slice(bytes);
    }
}

fn get_answer(reader: &mut Reader<'_>) -> Result<Answer, DecodeError> {
    Ok(match reader.byte()? {
        1 => Answer::Extended(reader.timestamp()?),
        2 => Answer::Paying(reader.timestamp()?),
        3 => Answer::Confirmed(reader.fence()?),
        4 => Answer::Reacquired(reader.fence()?),
        5 => Answer::Released,
        6 => Answer::Cancelled(reader.small("count")?),
        7 => Answer::Unblocked(reader.small("count")?),
        8 => Answer::Frozen,
        9 => Answer::Thawed,
        10 => Answer::SalesClosed,
        11 => {
            let count = reader.count(MAX_OUTCOME_BYTES, "outcome")?;
            let bytes = reader.take(count)?;
            decode_outcome(bytes).map(drop)?;
            Answer::Other(bytes.into())
        }
        _ => return invalid("answer"),
    })
}

fn state_tag(state: HoldState) -> u8 {
    match state {
        HoldState::Held => 1,
        HoldState::Paying => 2,
        HoldState::Sold => 3,
        HoldState::Blocked => 4,
        HoldState::Expired => 5,
        HoldState::Released => 6,
        HoldState::Cancelled => 7,
        HoldState::Unblocked => 8,
    }
}

fn state_of(tag: u8) -> Result<HoldState, DecodeError> {
    Ok(match tag {
        1 => HoldState::Held,
        2 => HoldState::Paying,
        3 => HoldState::Sold,
        4 => HoldState::Blocked,
        5 => HoldState::Expired,
        6 => HoldState::Released,
        7 => HoldState::Cancelled,
        8 => HoldState::Unblocked,
        _ => return invalid("state of a record"),
    })
}

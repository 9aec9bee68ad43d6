//! How seats are chosen for a buyer who leaves the choice to us.
//!
//! Among all ways to seat the party side by side the best is, in this order: the one with most of the
//! wanted attributes; the one that leaves fewest single free seats behind, because nobody buys them; the
//! one on seats whose free legs fit tightest, because a seat that is free from end to end can still be
//! sold to anybody; the one with the lowest seat number. A party that cannot sit side by side is seated
//! in as few pieces as possible, each chosen the same way.

use proto::ids::{Legs, SeatNo, ZoneNo};

use super::SeatMap;
use super::attributes::Attributes;
use super::command::{HoldBest, SeatList};

/// Why a zone does not serve.
#[derive(Clone, Copy, Debug)]
pub(super) struct Miss {
    /// How many seats are free and suit.
    pub(super) available: u32,
    /// How many of them are side by side at most.
    pub(super) longest: u32,
}

/// How good a choice is: the least is the best.
type Score = (u32, u32, u32, SeatNo);

/// Chooses seats side by side in one zone.
pub(super) fn side_by_side(map: &SeatMap, best: &HoldBest, zone: ZoneNo) -> Result<SeatList, Miss> {
    let search = Search::new(map, best, zone);
    if search.upper_bound() < best.quantity {
        return Err(Miss { available: search.upper_bound(), longest: 0 });
    }
    let quantity = best.quantity as usize;
    let mut found: Option<(Score, Piece)> = None;
    let mut miss = Miss { available: 0, longest: 0 };
    search.each_run(&mut |run| {
        let length = u32::try_from(run.len).expect("a row is bounded");
        miss.available += length;
        miss.longest = miss.longest.max(length);
        if let Some(piece) = search.best_of(run, quantity)
            && found.is_none_or(|(score, _)| piece.0 < score)
        {
            found = Some(piece);
        }
        found.is_some_and(|(score, _)| search.is_perfect(&score))
    });
    match found {
        Some((_, piece)) => Ok(search.seats_of(piece).collect::<Vec<_>>().into_sorted()),
        None => Err(miss),
    }
}

/// Chooses seats in as few pieces as possible in one zone; `None` if it has too few.
pub(super) fn in_pieces(map: &SeatMap, best: &HoldBest, zone: ZoneNo) -> Option<SeatList> {
    let mut search = Search::new(map, best, zone);
    let mut runs = Vec::new();
    search.each_run(&mut |run| {
        runs.push(Candidate { run, best: None });
        false
    });
    let mut missing = best.quantity as usize;
    let mut scored_for = 0;
    while missing > 0 {
        let longest = runs.iter().map(|candidate| candidate.run.len).max()?;
        let size = longest.min(missing);
        if size != scored_for {
            for candidate in &mut runs {
                candidate.best = search.best_of(candidate.run, size);
            }
            scored_for = size;
        }
        let scored = runs.iter().enumerate().filter_map(|(at, run)| Some((run.best?, at)));
        let ((_, piece), at) = scored.min_by_key(|((score, _), _)| *score)?;
        let chosen: Vec<SeatNo> = search.seats_of(piece).collect();
        search.chosen.extend(chosen);
        missing -= size;
        let run = runs.swap_remove(at).run;
        let before = Piece { len: piece.start - run.start, ..run };
        let after = Piece { start: piece.end(), len: run.end() - piece.end(), ..run };
        let rest = [before, after].into_iter().filter(|rest| rest.len > 0);
        runs.extend(rest.map(|run| Candidate { run, best: search.best_of(run, size) }));
    }
    Some(search.chosen.into_sorted())
}

/// A run of suitable seats with its best piece of the length that is looked for.
struct Candidate {
    run: Piece,
    best: Option<(Score, Piece)>,
}

/// Places side by side: part of a row, or a single seat without a row.
#[derive(Clone, Copy, Debug)]
struct Piece {
    row: Row,
    start: usize,
    len: usize,
}

/// Where a piece stands.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Row {
    /// In this row of the layout.
    At(u32),
    /// The seat stands alone.
    Alone(SeatNo),
}

impl Piece {
    fn end(&self) -> usize {
        self.start + self.len
    }
}

/// One search in one zone.
struct Search<'a> {
    map: &'a SeatMap,
    best: &'a HoldBest,
    zone: ZoneNo,
    legs: Legs,
    /// Attributes that keep a seat from this buyer.
    barred: Attributes,
    /// Seats chosen already, in earlier pieces.
    chosen: Vec<SeatNo>,
}

impl<'a> Search<'a> {
    fn new(map: &'a SeatMap, best: &'a HoldBest, zone: ZoneNo) -> Self {
        let kept = Attributes::KEPT.without(best.required | best.wanted);
        let legs = best.legs.legs();
        Self { map, best, zone, legs, barred: kept | best.avoided, chosen: Vec::new() }
    }

    /// No more seats than this can be free.
    fn upper_bound(&self) -> u32 {
        let taken = self.map.counters.most_taken(self.zone, self.legs);
        self.map.terms.layout.capacity(self.zone) - taken
    }

    /// Whether nothing can be better, so that the search may end: only if seats are seen in order of
    /// their numbers.
    fn is_perfect(&self, score: &Score) -> bool {
        (score.0, score.1, score.2) == (0, 0, 0) && self.map.terms.layout.rows_ascend()
    }

    /// Shows every run of suitable seats, until `stop` says so.
    fn each_run(&self, stop: &mut dyn FnMut(Piece) -> bool) {
        let layout = &self.map.terms.layout;
        for &row in layout.rows_of(self.zone) {
            let places = &layout.rows()[row as usize];
            let mut start = 0;
            while start < places.len() {
                let run = places[start..].iter().take_while(|seat| self.suits(**seat)).count();
                if run > 0 && stop(Piece { row: Row::At(row), start, len: run }) {
                    return;
                }
                start += run + 1;
            }
        }
        for &seat in layout.loose_seats_of(self.zone) {
            if self.suits(Some(seat)) && stop(Piece { row: Row::Alone(seat), start: 0, len: 1 }) {
                return;
            }
        }
    }

    /// The best piece of this length in a run.
    fn best_of(&self, run: Piece, len: usize) -> Option<(Score, Piece)> {
        let starts = run.start..(run.end() + 1).saturating_sub(len);
        let pieces = starts.map(|start| Piece { start, len, ..run });
        pieces.map(|piece| (self.score(piece), piece)).min_by_key(|(score, _)| *score)
    }

    fn score(&self, piece: Piece) -> Score {
        let layout = &self.map.terms.layout;
        let mut unmet = 0;
        let mut slack = 0;
        let mut lowest = SeatNo::new(u32::MAX);
        for seat in self.seats_of(piece) {
            let attributes = layout.seats()[seat.index()].attributes;
            unmet += self.best.wanted.without(attributes).count();
            let run = self.map.occupancy.free_run(seat, self.legs);
            slack += u32::from(run - self.legs.count());
            lowest = lowest.min(seat);
        }
        (unmet, self.orphans(piece), slack, lowest)
    }

    /// How many single free seats the piece would leave at its ends.
    fn orphans(&self, piece: Piece) -> u32 {
        let Row::At(row) = piece.row else { return 0 };
        let places = &self.map.terms.layout.rows()[row as usize];
        let free = |place: Option<usize>| {
            place.and_then(|place| *places.get(place)?).is_some_and(|seat| self.is_free(seat))
        };
        let (start, end) = (piece.start, piece.end());
        let left = free(start.checked_sub(1)) && !free(start.checked_sub(2));
        let right = free(Some(end)) && !free(Some(end + 1));
        u32::from(left) + u32::from(right)
    }

    fn is_free(&self, seat: SeatNo) -> bool {
        self.map.occupancy.is_free(seat, self.legs) && !self.chosen.contains(&seat)
    }

    /// Whether the place is a seat that is free and may be chosen.
    fn suits(&self, seat: Option<SeatNo>) -> bool {
        let Some(seat) = seat else { return false };
        let layout = &self.map.terms.layout;
        if !self.map.occupancy.is_free(seat, self.legs) || layout.zone_of(seat) != self.zone {
            return false;
        }
        let spec = &layout.seats()[seat.index()];
        spec.attributes.contains(self.best.required)
            && spec.attributes.shared_with(self.barred).is_empty()
    }

    fn seats_of(&self, piece: Piece) -> impl Iterator<Item = SeatNo> {
        let row = match piece.row {
            Row::At(row) => &self.map.terms.layout.rows()[row as usize][piece.start..piece.end()],
            Row::Alone(_) => &[],
        };
        let alone = match piece.row {
            Row::At(_) => None,
            Row::Alone(seat) => Some(seat),
        };
        row.iter().copied().flatten().chain(alone)
    }
}

/// Seats in ascending order.
trait IntoSorted {
    fn into_sorted(self) -> SeatList;
}

impl IntoSorted for Vec<SeatNo> {
    fn into_sorted(mut self) -> SeatList {
        self.sort_unstable();
        self.into()
    }
}

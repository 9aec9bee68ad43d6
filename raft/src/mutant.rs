//! Defects that can be planted, to see whether the chaos harness finds them.
//!
//! They exist only in a build with the feature `mutants`, which nothing but the harness's own tests asks
//! for; in any other build [`planted`] is `false` at compile time and nothing of them is left.

#[cfg(feature = "mutants")]
thread_local! {
    static PLANTED: std::cell::Cell<Option<Mutant>> = const { std::cell::Cell::new(None) };
}

macro_rules! mutants {
    ($($(#[doc = $doc:literal])+ $name:ident = $text:literal,)+) => {
        /// A defect. Each is one that somebody could make.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Mutant {
            $($(#[doc = $doc])+ $name,)+
        }

        impl Mutant {
            /// Every defect.
            pub const ALL: &'static [Self] = &[$(Self::$name,)+];

            /// Its name on the command line.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$name => $text,)+
                }
            }

            /// The defect of this name.
            #[must_use]
            pub fn named(name: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|mutant| mutant.name() == name)
            }
        }
    };
}

mutants! {
    /// Taking a seat forgets the last of several legs.
    ForgetsALeg = "forgets-a-leg",
    /// A seat that is given back is free on one leg more.
    FreesALegTooMany = "frees-a-leg-too-many",
    /// A seat is looked at before the id: the retry of a hold is answered "taken".
    LooksAtTheSeatFirst = "looks-at-the-seat-first",
    /// An id that comes back with another body gets the first answer.
    ForgetsTheFingerprint = "forgets-the-fingerprint",
    /// Answers of commands that made no hold are not remembered.
    ForgetsAnswers = "forgets-answers",
    /// A repeated answer names the trip's latest position.
    NamesTheLatestPosition = "names-the-latest-position",
    /// A request that was sent before is refused without the log, and nothing remembers it.
    RefusesCopiesUnremembered = "refuses-copies-unremembered",
    /// A client takes a lost answer for a request that was not sent.
    TakesLostForUnsent = "takes-lost-for-unsent",
    /// A confirm does not compare the fence.
    IgnoresTheFence = "ignores-the-fence",
    /// A late confirm that takes its seats again keeps its old fence.
    KeepsTheOldFence = "keeps-the-old-fence",
    /// A late confirm takes its seats again without looking whether they are free.
    TakesBackBlindly = "takes-back-blindly",
    /// A batch that is refused keeps what it did before.
    KeepsHalfABatch = "keeps-half-a-batch",
    /// A swap keeps the seats that it gives.
    KeepsSwappedSeats = "keeps-swapped-seats",
    /// Ending a hold forgets to count its places as free.
    ForgetsTheCounters = "forgets-the-counters",
    /// Holds expire a second before their deadline.
    ExpiresEarly = "expires-early",
    /// Holds never expire.
    NeverExpires = "never-expires",
    /// Every replica expires by its own clock instead of log time.
    ExpiresByItsOwnClock = "expires-by-its-own-clock",
    /// A leader stamps with its own clock: log time stands still while that is behind the log.
    StampsByItsOwnClock = "stamps-by-its-own-clock",
    /// An extension ignores how long a hold may live.
    IgnoresTheCap = "ignores-the-cap",
    /// One of a few change records is not written.
    DropsAChange = "drops-a-change",
    /// Refusals are answered without a lease.
    IgnoresTheLease = "ignores-the-lease",
    /// A hold is answered when it is proposed.
    AnswersBeforeTheLog = "answers-before-the-log",
    /// What a snapshot record has is applied again, as if it were new.
    AppliesTwice = "applies-twice",
    /// Snapshot records leave out what is remembered.
    LosesAnswersInSnapshots = "loses-answers-in-snapshots",
    /// A snapshot leaves out one changed trip of a few.
    SkipsATripInSnapshots = "skips-a-trip-in-snapshots",
    /// A trip leaves the memory although no snapshot has its newest state.
    PassivatesUnrecorded = "passivates-unrecorded",
    /// The log is written and not flushed.
    SkipsTheFlush = "skips-the-flush",
    /// The log tells when it has taken something in, before it has written.
    TellsBeforeTheFlush = "tells-before-the-flush",
    /// The first damage ends the log instead of refusing it.
    CutsTheLogAtDamage = "cuts-the-log-at-damage",
    /// A vote is not stored.
    ForgetsTheVote = "forgets-the-vote",
    /// The log is purged a few entries further than the older snapshot reaches.
    PurgesTooFar = "purges-too-far",
    /// A snapshot counts before it is on the disk.
    CommitsSnapshotsUnflushed = "commits-snapshots-unflushed",
    /// A snapshot says that it has what was applied while it was written.
    StampsSnapshotsLate = "stamps-snapshots-late",
    /// A snapshot that comes from a peer lacks its last record.
    LosesARecordOnTheWay = "loses-a-record-on-the-way",
    /// A replica that forgot everything votes.
    VotesWithoutMemory = "votes-without-memory",
    /// A replica that forgot everything asks one other too few what it forgot.
    AsksTooFew = "asks-too-few",
    /// A leader that starts again leads on.
    LeadsOnAfterARestart = "leads-on-after-a-restart",
    /// A replica that forgot everything listens to a deposed leader.
    ListensToADeposedLeader = "listens-to-a-deposed-leader",
}

/// Whether a defect is planted on this thread.
#[inline]
#[must_use]
pub fn planted(mutant: Mutant) -> bool {
    #[cfg(feature = "mutants")]
    return PLANTED.get() == Some(mutant);
    #[cfg(not(feature = "mutants"))]
    {
        let _ = mutant;
        false
    }
}

/// Plants a defect on this thread, or none. Without the feature nothing happens.
pub fn plant(mutant: Option<Mutant>) {
    #[cfg(feature = "mutants")]
    PLANTED.set(mutant);
    #[cfg(not(feature = "mutants"))]
    let _ = mutant;
}

/// Does something as it is without a planted defect: for whoever judges.
pub fn honest<T>(work: impl FnOnce() -> T) -> T {
    #[cfg(feature = "mutants")]
    {
        let planted = PLANTED.take();
        let done = work();
        PLANTED.set(planted);
        done
    }
    #[cfg(not(feature = "mutants"))]
    work()
}

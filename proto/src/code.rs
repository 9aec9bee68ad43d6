//! The one table of what a code means: its name, its gRPC and HTTP status, who must act, and whether a
//! retry can help.

use crate::pb::Code;

/// Whether sending the same request again, with the same id, can change the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Retry {
    /// No: the request must change first.
    Never,
    /// At once or a little later, perhaps at another node; the id makes it safe.
    SameId,
    /// After the time that the answer names, when the state of the trip may have changed.
    Later,
}

/// Who must act on a code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Actor {
    /// The seat map said no; the buyer chooses something else or waits.
    Buyer,
    /// The request is wrong, or the cluster could not; the calling program mends or retries.
    Caller,
    /// A defect of ours.
    Us,
}

/// What a code means outside this project.
#[derive(Clone, Copy, Debug)]
pub struct Meaning {
    /// The code.
    pub code: Code,
    /// Its name in `google.rpc.ErrorInfo.reason` and on the HTTP facade.
    pub name: &'static str,
    /// The gRPC status of a unary call.
    pub grpc: tonic::Code,
    /// The HTTP status on the facade.
    pub http: u16,
    /// Whether a retry can help.
    pub retry: Retry,
    /// Who must act.
    pub actor: Actor,
}

macro_rules! table {
    ($($code:ident $name:literal $grpc:ident $http:literal $retry:ident $actor:ident;)*) => {
        /// Every code, in the order of the `.proto` file.
        pub const TABLE: &[Meaning] = &[$(Meaning {
            code: Code::$code,
            name: $name,
            grpc: tonic::Code::$grpc,
            http: $http,
            retry: Retry::$retry,
            actor: Actor::$actor,
        }),*];

        /// What `code` means.
        #[must_use]
        pub fn meaning(code: Code) -> &'static Meaning {
            const UNSPECIFIED: Meaning = Meaning {
                code: Code::Unspecified,
                name: "INTERNAL",
                grpc: tonic::Code::Internal,
                http: 500,
                retry: Retry::Never,
                actor: Actor::Us,
            };
            // An exhaustive match, so that a code without a row does not compile.
            let mut row = 0;
            $(if code == Code::$code { return &TABLE[row]; } row += 1;)*
            let _ = row;
            match code { $(Code::$code)|* | Code::Unspecified => &UNSPECIFIED }
        }
    };
}

table! {
    SeatTaken            "SEAT_TAKEN"             FailedPrecondition 409 Later  Buyer;
    InsufficientStock    "INSUFFICIENT_STOCK"     FailedPrecondition 409 Later  Buyer;
    NotAdjacent          "NOT_ADJACENT"            FailedPrecondition 409 Later  Buyer;
    MaxPerBuyerExceeded  "MAX_PER_BUYER_EXCEEDED" ResourceExhausted  409 Never  Buyer;
    MaxPerHoldExceeded   "MAX_PER_HOLD_EXCEEDED"  InvalidArgument    400 Never  Buyer;
    BuyerRequired        "BUYER_REQUIRED"          InvalidArgument    400 Never  Caller;
    SaleNotOpen          "SALE_NOT_OPEN"          FailedPrecondition 403 Later  Buyer;
    SaleClosed           "SALE_CLOSED"            FailedPrecondition 403 Never  Buyer;
    TripFrozen           "TRIP_FROZEN"            FailedPrecondition 423 Later  Buyer;
    NoBoarding           "NO_BOARDING"            InvalidArgument    400 Never  Buyer;
    NoAlighting          "NO_ALIGHTING"            InvalidArgument    400 Never  Buyer;
    TripExists           "TRIP_EXISTS"            AlreadyExists      409 Never  Caller;
    TripNotFound         "TRIP_NOT_FOUND"         NotFound           404 Never  Caller;
    UnknownSeat          "UNKNOWN_SEAT"           NotFound           404 Never  Caller;
    UnknownZone          "UNKNOWN_ZONE"           NotFound           404 Never  Caller;
    WrongZone            "WRONG_ZONE"              InvalidArgument    400 Never  Caller;
    UnknownHold          "UNKNOWN_HOLD"           NotFound           404 Never  Caller;
    UnknownBlock         "UNKNOWN_BLOCK"           NotFound           404 Never  Caller;
    HoldExpired          "HOLD_EXPIRED"           FailedPrecondition 410 Never  Buyer;
    HoldReleased         "HOLD_RELEASED"          FailedPrecondition 410 Never  Buyer;
    HoldConfirmed        "HOLD_CONFIRMED"         FailedPrecondition 409 Never  Caller;
    HoldCancelled        "HOLD_CANCELLED"         FailedPrecondition 410 Never  Caller;
    HoldLost             "HOLD_LOST"              FailedPrecondition 410 Never  Buyer;
    HoldFenced           "HOLD_FENCED"            Aborted            409 Never  Caller;
    HoldNotConfirmed     "HOLD_NOT_CONFIRMED"     FailedPrecondition 409 Never  Caller;
    HoldCapReached       "HOLD_CAP_REACHED"        FailedPrecondition 409 Never  Buyer;
    NotInHold            "NOT_IN_HOLD"             InvalidArgument    400 Never  Caller;
    IdReused             "ID_REUSED"              AlreadyExists      422 Never  Caller;
    InvalidArgument      "INVALID_ARGUMENT"       InvalidArgument    400 Never  Caller;
    InvalidLegs          "INVALID_LEGS"           InvalidArgument    400 Never  Caller;
    InvalidTtl           "INVALID_TTL"            InvalidArgument    400 Never  Caller;
    InvalidQuantity      "INVALID_QUANTITY"       InvalidArgument    400 Never  Caller;
    InvalidLayout        "INVALID_LAYOUT"         InvalidArgument    400 Never  Caller;
    InvalidTrip          "INVALID_TRIP"            InvalidArgument    400 Never  Caller;
    DuplicateSeat        "DUPLICATE_SEAT"         InvalidArgument    400 Never  Caller;
    BatchInvalid         "BATCH_INVALID"          InvalidArgument    400 Never  Caller;
    TooLarge             "TOO_LARGE"              InvalidArgument    413 Never  Caller;
    Overloaded           "OVERLOADED"             ResourceExhausted  503 SameId Caller;
    NotLeader            "NOT_LEADER"             Unavailable        503 SameId Caller;
    Unavailable          "UNAVAILABLE"            Unavailable        503 SameId Caller;
    DeadlineExceeded     "DEADLINE_EXCEEDED"      DeadlineExceeded   504 SameId Caller;
    UnknownOutcome       "UNKNOWN_OUTCOME"        Unavailable        503 SameId Caller;
    TripFenced           "TRIP_FENCED"            Internal           500 Never  Us;
    Internal             "INTERNAL"               Internal           500 Never  Us;
    ShuttingDown         "SHUTTING_DOWN"          Unavailable        503 SameId Caller;
    PermissionDenied     "PERMISSION_DENIED"      PermissionDenied   403 Never  Caller;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_and_the_proto_file_name_the_same_codes() {
        for row in TABLE {
            assert_eq!(row.code.as_str_name(), format!("CODE_{}", row.name));
            assert_eq!(meaning(row.code).name, row.name);
        }
        let known = (0..1_000).filter(|&n| Code::try_from(n).is_ok()).count();
        assert_eq!(TABLE.len() + 1, known, "every code but UNSPECIFIED has a row");
    }

    #[test]
    fn a_refusal_is_never_retried_blindly() {
        for row in TABLE.iter().filter(|row| row.actor == Actor::Buyer) {
            assert_ne!(row.retry, Retry::SameId, "{}", row.name);
        }
    }
}

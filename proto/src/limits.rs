//! Limits of the wire that both ends enforce.

/// Largest message that a node accepts from a client, in bytes. A layout of about 60,000 seats fits;
/// larger ones are streamed.
pub const MAX_REQUEST_BYTES: usize = 4 << 20;

/// Largest message that a client accepts from a node, in bytes: the seat map of the largest trip.
pub const MAX_RESPONSE_BYTES: usize = 32 << 20;

/// Largest message between nodes, in bytes: a run of log entries or snapshot records.
pub const MAX_PEER_MESSAGE_BYTES: usize = 64 << 20;

/// Memory that the elements of all lists of one message may take once a node has decoded it, in bytes. Eight
/// for each byte of a request are enough for every real list: a seat's name of one letter takes three on the
/// wire and 24 in memory. An empty command takes two, and fewer than 300. A list begins with room for four
/// elements and doubles: reading a message allocates about four times this limit at most.
pub const MAX_DECODED_LIST_BYTES: usize = 8 * MAX_REQUEST_BYTES;

/// Commands that may wait for their answers on one pipeline stream. One more is answered `OVERLOADED`.
pub const PIPELINE_WINDOW: usize = 8_192;

/// Commands in one batch, which all succeed or none.
pub const MAX_BATCH_COMMANDS: usize = 64;

/// Trips on one page of a listing.
pub const MAX_PAGE_SIZE: u32 = 1_000;

/// HTTP/2 window of one stream, in bytes: a pipeline must not wait for window updates.
pub const STREAM_WINDOW_BYTES: u32 = 4 << 20;

/// HTTP/2 window of one connection, in bytes.
pub const CONNECTION_WINDOW_BYTES: u32 = 16 << 20;

//! Many commands in flight on one stream.
//!
//! A caller's command is encoded once, straight into the message that waits to be sent; the stream takes
//! whatever waits as one message whenever the transport asks for more. While one message is written, the
//! next fills up: batches grow with the load by themselves. An answer finds its caller through the tag,
//! which is the number of a slot and a generation.

mod driver;
mod slots;
mod stream;
mod throttle;
mod wire;

pub(crate) use self::driver::drive;
pub(crate) use self::slots::LaneQueue;
pub use self::slots::{Completion, Lost};
pub(crate) use self::stream::{NotTaken, Pipe};
pub(crate) use self::throttle::HELD_BACK_RETRY;
pub use self::wire::Sendable;

//! The write-ahead log as its users see it: stories, damage, faults and power cuts.

#![allow(clippy::unwrap_used, reason = "a test that panics is a test that fails")]

mod damage;
mod every_bit;
mod faults;
mod model;
mod power_cut;
mod real_disk;
mod recycling;
mod story;

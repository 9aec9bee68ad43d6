//! Fetching memory ahead.

/// Asks for the cache line at a place, and does not wait for it. Nothing depends on it but the time that the
/// next look at that place takes.
#[inline(always)]
pub(crate) fn fetch<T>(place: &T) {
    fetch_at(std::ptr::from_ref(place).cast());
}

/// As [`fetch`], for all lines of a value.
#[inline(always)]
pub(crate) fn fetch_whole<T>(value: &T) {
    let first: *const u8 = std::ptr::from_ref(value).cast();
    for offset in (0..size_of::<T>()).step_by(LINE_BYTES) {
        fetch_at(first.wrapping_add(offset));
    }
}

/// Bytes of a cache line on the machines that there are.
const LINE_BYTES: usize = 64;

#[cfg(target_arch = "x86_64")]
#[inline(always)]
#[expect(unsafe_code, reason = "an instruction that takes an address")]
fn fetch_at(place: *const u8) {
    use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
    // SAFETY: the instruction reads and writes nothing that a program sees, and takes any address.
    unsafe { _mm_prefetch::<_MM_HINT_T0>(place.cast()) };
}

#[cfg(not(target_arch = "x86_64"))]
#[inline(always)]
fn fetch_at(_place: *const u8) {}

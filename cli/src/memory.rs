//! Memory for nodes: taken before it is needed, and kept.
//!
//! The system hands memory out in pages that it clears when they are touched for the first time, which takes
//! microseconds each: in a rush of holds that was a sixth of all processor time. So a node touches what it
//! will need when it starts, and its allocator gives none of it back.

use std::hint::black_box;

use libmimalloc_sys::{mi_option_set, mi_option_t};

/// The allocator's option for how long it keeps what is freed, in milliseconds (`mi_option_purge_delay` in
/// mimalloc.h).
const PURGE_DELAY: mi_option_t = 15;

/// Bytes of a block that is taken: small enough to lie beside others, and large enough to be soon done.
const BLOCK_BYTES: usize = 64 << 10;

/// Bytes between two touches: no page is smaller.
const PAGE_BYTES: usize = 4 << 10;

/// Takes so many MiB, and keeps from now on whatever is freed.
pub(crate) fn reserve(mib: u32) {
    keep_what_is_freed();
    let blocks = mib as usize * ((1 << 20) / BLOCK_BYTES);
    let taken: Vec<Vec<u8>> = (0..blocks).map(|_| touched()).collect();
    // What is dropped now is what the next ones get.
    drop(black_box(taken));
}

fn touched() -> Vec<u8> {
    let mut block = vec![0; BLOCK_BYTES];
    block.iter_mut().step_by(PAGE_BYTES).for_each(|byte| *byte = 1);
    block
}

#[expect(unsafe_code, reason = "the allocator's options are set by a C function")]
fn keep_what_is_freed() {
    // SAFETY: it sets a number that the allocator reads. -1 is "never".
    unsafe { mi_option_set(PURGE_DELAY, -1) };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_reserved_is_resident_and_stays() {
        let resident = || {
            let pages = std::fs::read_to_string("/proc/self/statm").expect("this is Linux");
            let pages: usize = pages.split(' ').nth(1).expect("a field").parse().expect("a number");
            pages * PAGE_BYTES
        };
        let before = resident();
        reserve(64);
        std::thread::sleep(std::time::Duration::from_millis(300));
        // Some of it may have been resident already.
        assert!(resident() >= before + (48 << 20), "{} of {before}", resident());
    }
}

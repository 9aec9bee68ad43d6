#![no_main]
libfuzzer_sys::fuzz_target!(|bytes: &[u8]| seatgrid_fuzz_targets::command::run(bytes));

//! See `portreeve_directory::fuzzing::rows`.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| portreeve_directory::fuzzing::rows(bytes));

//! See `portreeve_directory::fuzzing::json`.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| portreeve_directory::fuzzing::json(bytes));

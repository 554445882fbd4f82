//! See `portreeve_directory::fuzzing::id`.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| portreeve_directory::fuzzing::id(bytes));

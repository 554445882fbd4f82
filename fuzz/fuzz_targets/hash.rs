//! See `portreeve_directory::fuzzing::hash`.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| portreeve_directory::fuzzing::hash(bytes));

//! See `portreeve_directory::fuzzing::list`.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| portreeve_directory::fuzzing::list(bytes));

//! See `portreeve_directory::fuzzing::database_url`.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| portreeve_directory::fuzzing::database_url(bytes));

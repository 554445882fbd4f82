//! See `portreeve_directory::fuzzing::distinguished_name`.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| portreeve_directory::fuzzing::distinguished_name(bytes));

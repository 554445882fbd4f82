//! See `portreeve_web::fuzzing::header`.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| portreeve_web::fuzzing::header(bytes));

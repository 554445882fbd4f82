//! What is in memory stays there: it is wiped when it is given back, and no dump of it is written.

use std::alloc::System;

use zeroizing_alloc::ZeroAlloc;

/// Wipes what is given back. Passwords and tokens pass through memory that is not in our hands: the buffers of connections, of TLS, of
/// JSON.
#[global_allocator]
static MEMORY: ZeroAlloc<System> = ZeroAlloc(System);

/// From here on no core dump is written, whatever the limits say, and nobody but the machine's administrator can look into the
/// process: not even others that run as the same user.
pub fn keep_in() {
    if let Err(fault) = forbid_dumps() {
        tracing::warn!(%fault, "core dumps cannot be forbidden: one would hold passwords that are being compared");
    }
}

#[cfg(target_os = "linux")]
fn forbid_dumps() -> rustix::io::Result<()> {
    use rustix::process::{DumpableBehavior, set_dumpable_behavior};

    set_dumpable_behavior(DumpableBehavior::NotDumpable)
}

#[cfg(not(target_os = "linux"))]
fn forbid_dumps() -> rustix::io::Result<()> {
    use rustix::process::{Resource, Rlimit, setrlimit};

    setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) })
}

//! What can be seen of a process from outside: its command line, its environment, and its memory.

use std::{
    fs,
    io::{Read, Seek, SeekFrom},
};

use rustix::process::Pid;

/// A part of a process's memory.
pub struct Region {
    /// Whether it is a stack, of the process or of one of its threads.
    pub is_stack: bool,
    pub bytes: Vec<u8>,
}

/// What `/proc` tells of a process.
pub fn told(pid: Pid, what: &str) -> Vec<u8> {
    fs::read(format!("/proc/{}/{what}", pid.as_raw_nonzero())).expect("is told to root")
}

/// All that a core dump would hold. Nothing where we may not read it: of a process that forbids dumps only root may.
pub fn memory(pid: Pid) -> Option<Vec<Region>> {
    let folder = format!("/proc/{}", pid.as_raw_nonzero());
    let mut memory = fs::File::open(format!("{folder}/mem")).ok()?;
    let maps = fs::read_to_string(format!("{folder}/maps")).ok()?;
    let stacks = stacks(&folder);
    let mut regions = Vec::new();
    for line in maps.lines() {
        let mut words = line.split_whitespace();
        let (range, rights) = (words.next()?, words.next()?);
        let (from, to) = range.split_once('-')?;
        let [from, to] = [from, to].map(|number| u64::from_str_radix(number, 16).expect("an address"));
        // Of what is read only, and of what the kernel lends, nothing is ours.
        if !rights.starts_with("rw") || line.ends_with("[vvar]") {
            continue;
        }
        let mut bytes = vec![0; usize::try_from(to - from).expect("fits")];
        memory.seek(SeekFrom::Start(from)).expect("is an address");
        if memory.read_exact(&mut bytes).is_ok() {
            let is_stack = line.ends_with("[stack]") || stacks.iter().any(|stack| (from..to).contains(stack));
            regions.push(Region { is_stack, bytes });
        }
    }
    Some(regions)
}

/// Where the threads of a process have their stacks: an address within each.
fn stacks(folder: &str) -> Vec<u64> {
    let threads = fs::read_dir(format!("{folder}/task")).expect("there are threads");
    let pointer = |thread: fs::DirEntry| {
        // The last but one is where the stack ends; of a thread that runs there is none.
        let call = fs::read_to_string(thread.path().join("syscall")).ok()?;
        let mut words = call.split_whitespace().rev();
        u64::from_str_radix(words.nth(1)?.trim_start_matches("0x"), 16).ok()
    };
    threads.filter_map(|thread| pointer(thread.ok()?)).collect()
}

//! What the kernel says of this process. Linux only.

use std::path::Path;

/// CPU time of all threads so far, in nanoseconds (`/proc/PID/task/*/schedstat`).
pub(crate) fn cpu_nanoseconds() -> u64 {
    let tasks = Path::new("/proc/self/task").read_dir().expect("reading /proc/self/task");
    tasks
        .map(|task| {
            let text = read(&task.expect("reading a task").path().join("schedstat"));
            text.split_whitespace().next().and_then(|first| first.parse::<u64>().ok()).expect("a number")
        })
        .sum()
}

/// Resident memory now, in KiB.
pub(crate) fn resident_kib() -> u64 {
    status("VmRSS:")
}

/// The most resident memory so far, in KiB.
pub(crate) fn peak_kib() -> u64 {
    status("VmHWM:")
}

fn status(key: &str) -> u64 {
    let text = read(Path::new("/proc/self/status"));
    let line = text.lines().find_map(|line| line.strip_prefix(key)).expect("a line of /proc/self/status");
    line.split_whitespace().next().and_then(|number| number.parse().ok()).expect("a number")
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("reading {}: {error}", path.display()))
}

//! What a process costs, as the kernel counts it.

use std::path::PathBuf;

/// A line of /proc/PID/status in KiB: `VmRSS` (now), `VmHWM` (the most so far).
pub fn memory_kib(pid: u32, name: &str) -> f64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).expect("a running process");
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))
        .unwrap_or_else(|| panic!("no {name} in its status"));
    line.split_whitespace()
        .next()
        .and_then(|word| word.parse().ok())
        .expect("a number of KiB")
}

/// Seconds that all its threads have spent on a processor.
pub fn cpu_seconds(pid: u32) -> f64 {
    let tasks = std::fs::read_dir(format!("/proc/{pid}/task")).expect("a running process");
    let of_one = |path: PathBuf| {
        // in nanoseconds; a thread may end while it is looked at
        let text = std::fs::read_to_string(path.join("schedstat")).ok()?;
        text.split(' ').next()?.parse::<f64>().ok()
    };
    let nanoseconds: f64 = tasks.filter_map(|task| of_one(task.ok()?.path())).sum();
    nanoseconds / 1e9
}

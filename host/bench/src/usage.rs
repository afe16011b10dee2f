//! What the system tells of a process: its processor time and its memory.

use std::time::Duration;

/// The unit of `/proc/PID/stat`, the same on every Linux.
const TICK: Duration = Duration::from_millis(10);

/// In user and in system mode together; absent where there is no such process.
pub(crate) fn processor_time(pid: u32) -> Option<Duration> {
    time_in(&std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)
}

/// The most memory that it had, in bytes; absent where there is no such process.
pub(crate) fn most_memory(pid: u32) -> Option<u64> {
    bytes_in(&status(pid)?, "VmHWM:")
}

/// The memory that it has, in bytes; absent where there is no such process.
pub(crate) fn memory(pid: u32) -> Option<u64> {
    bytes_in(&status(pid)?, "VmRSS:")
}

fn status(pid: u32) -> Option<String> {
    std::fs::read_to_string(format!("/proc/{pid}/status")).ok()
}

fn time_in(stat: &str) -> Option<Duration> {
    // The name in parentheses may hold anything.
    let (_, rest) = stat.rsplit_once(')')?;
    let mut fields = rest.split_whitespace().skip(11);
    let user: u32 = fields.next()?.parse().ok()?;
    let system: u32 = fields.next()?.parse().ok()?;
    Some(TICK.saturating_mul(user.saturating_add(system)))
}

fn bytes_in(status: &str, field: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix(field))?;
    let kilobytes: u64 = line.split_whitespace().next()?.parse().ok()?;
    kilobytes.checked_mul(1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_and_memory_are_read_as_the_system_writes_them() {
        let stat = "7 (a) b) S 1 7 7 0 -1 4194560 1 2 3 4 150 50 9 9 20 0 8 0 100 1 1";
        assert_eq!(time_in(stat), Some(Duration::from_secs(2)));
        let status = "VmPeak:\t  900 kB\nVmHWM:\t  12 kB\nVmRSS:\t 3 kB\n";
        assert_eq!(bytes_in(status, "VmHWM:"), Some(12 * 1024));
        assert_eq!(bytes_in(status, "VmRSS:"), Some(3 * 1024));
    }
}

//! Processes by their ids: signalling them, and the last resort against leftovers.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use rustix::event::{PollFd, PollFlags, poll};
use rustix::process::{Pid, PidfdFlags, Signal, kill_process, kill_process_group, pidfd_open};
use serde_json::Value;

/// Signals one process; fails the test when there is none.
#[track_caller]
pub(crate) fn signal(pid: u32, signal: Signal) {
    let pid = i32::try_from(pid).ok().and_then(Pid::from_raw);
    kill_process(pid.expect("a process id"), signal).expect("a running process");
}

/// Kills a running process with all of its group, and waits until it has ended: a signal is only the wish.
#[track_caller]
pub(crate) fn kill_group(leader: impl TryInto<i32>) {
    let leader = leader.try_into().ok().and_then(Pid::from_raw);
    let leader = leader.expect("a process id");
    let handle = pidfd_open(leader, PidfdFlags::empty()).expect("a running process");
    kill_process_group(leader, Signal::KILL).expect("a running group");
    poll(&mut [PollFd::new(&handle, PollFlags::IN)], None).expect("the end of a process");
}

/// Every process group's leader that was started for a project, on record or not, with the service that it says it is.
pub(crate) fn of_project(data: &Path) -> BTreeMap<String, String> {
    let data = format!("DATA_DIR={}/", data.display());
    let mut found = BTreeMap::new();
    for entry in std::fs::read_dir("/proc").into_iter().flatten().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        if name.parse::<u32>().is_err() {
            continue;
        }
        // It may be gone, or somebody else's.
        let Ok(environment) = std::fs::read(entry.path().join("environ")) else {
            continue;
        };
        let environment = String::from_utf8_lossy(&environment).into_owned();
        let service = environment
            .split('\0')
            .find_map(|variable| variable.strip_prefix(&data));
        if let Some(service) = service {
            found.insert(name, service.to_owned());
        }
    }
    found
}

/// The processes of a group that have not ended.
pub(crate) fn members(group: u32) -> Vec<u32> {
    let processes = std::fs::read_dir("/proc").expect("processes").flatten();
    let pids = processes.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    pids.filter(|pid| {
        let fields = fields_of(i64::from(*pid)).unwrap_or_default();
        let ended = matches!(fields.first().map(String::as_str), None | Some("Z" | "X"));
        !ended && fields.get(2).is_some_and(|of| *of == group.to_string())
    })
    .collect()
}

/// Kills every group that a `processes/*.json` under this directory names, where the process is still the recorded one.
pub(crate) fn kill_recorded(home: &Path) {
    for record in records(home) {
        let Ok(bytes) = std::fs::read(&record) else {
            continue;
        };
        let Ok(record) = serde_json::from_slice::<Value>(&bytes) else {
            continue;
        };
        let (Some(pid), Some(start)) = (
            record["identity"]["pid"].as_i64(),
            record["identity"]["start"].as_u64(),
        ) else {
            continue;
        };
        if start_of(pid) != Some(start) {
            continue;
        }
        if let Some(group) = i32::try_from(pid).ok().and_then(Pid::from_raw) {
            // It may end by itself meanwhile.
            let _ = kill_process_group(group, Signal::KILL);
        }
    }
}

/// The records of the project's own environment and of all others.
pub(crate) fn records(home: &Path) -> Vec<PathBuf> {
    let mut found = vec![];
    let mut left = vec![home.to_owned()];
    while let Some(directory) = left.pop() {
        for entry in std::fs::read_dir(&directory)
            .into_iter()
            .flatten()
            .flatten()
        {
            let path = entry.path();
            if path.is_dir() {
                left.push(path);
            } else if directory.ends_with("processes")
                && path.extension().is_some_and(|end| end == "json")
            {
                found.push(path);
            }
        }
    }
    found
}

/// When a process began, in clock ticks since the machine did; none when there is no such process.
fn start_of(pid: i64) -> Option<u64> {
    fields_of(pid)?.get(19)?.parse().ok()
}

/// What `/proc/PID/stat` says behind the program's name, which may hold blanks itself.
fn fields_of(pid: i64) -> Option<Vec<String>> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let after_name = stat.rsplit_once(')')?.1;
    Some(after_name.split_whitespace().map(str::to_owned).collect())
}

//! How a container behaves: health, dependencies, restarts, limits and logs.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Serialize;

/// What has to hold of another service first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Dependency {
    /// What has to hold.
    pub condition: Condition,
    /// Whether this service is restarted when the other one is.
    pub restart: bool,
    /// Whether it is an error when the other one cannot be started; otherwise a warning.
    pub required: bool,
}

/// What has to hold of a service that another depends on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Condition {
    /// It has been started.
    Started,
    /// Its health check succeeds.
    Healthy,
    /// It ran to its end with exit code 0.
    CompletedSuccessfully,
}

/// How the engine finds out whether a container is healthy. What is absent is taken from the image, or else is the engine's default.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Healthcheck {
    /// What is run; absent keeps the image's own.
    pub test: Option<HealthTest>,
    /// Between two checks.
    pub interval: Option<Duration>,
    /// How long one check may take.
    pub timeout: Option<Duration>,
    /// How many failures in a row make it unhealthy.
    pub retries: Option<u32>,
    /// How long failures do not count after the start.
    pub start_period: Option<Duration>,
    /// Between two checks during the start period.
    pub start_interval: Option<Duration>,
}

/// What a health check runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum HealthTest {
    /// Nothing: the image's check is switched off (`disable: true` or `NONE`).
    Disabled,
    /// A program with its arguments (`CMD`).
    Command(Vec<String>),
    /// A line for the container's shell (`CMD-SHELL`).
    Shell(String),
}

impl Healthcheck {
    /// Whether no check is run at all.
    pub fn is_disabled(&self) -> bool {
        matches!(self.test, Some(HealthTest::Disabled))
    }
}

/// When the engine starts a container again that has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Restart {
    /// Never.
    No,
    /// Always, also when the engine starts.
    Always,
    /// Always, unless it was stopped.
    UnlessStopped,
    /// After an exit code other than 0, at most so often; without a bound when 0.
    OnFailure(u32),
}

/// What a container may use.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Resources {
    /// The most that it gets.
    pub limits: Limits,
    /// What is kept for it.
    pub reservations: Reservations,
    /// Memory and swap together in bytes; -1 is without a bound.
    pub memory_swap: Option<i64>,
    /// How readily it is swapped out, 0 to 100.
    pub memory_swappiness: Option<u8>,
    /// Whether the kernel must not kill it for lack of memory.
    pub oom_kill_disable: bool,
    /// How likely the kernel kills it for lack of memory, -1000 to 1000.
    pub oom_score_adj: Option<i16>,
    /// Its weight among containers that compete for processors.
    pub cpu_shares: Option<u64>,
    /// The period of the processor quota in microseconds.
    pub cpu_period: Option<u64>,
    /// The processor time in a period in microseconds.
    pub cpu_quota: Option<i64>,
    /// The real-time period in microseconds.
    pub cpu_rt_period: Option<u64>,
    /// The real-time processor time in a period in microseconds.
    pub cpu_rt_runtime: Option<u64>,
    /// The processors that it may use, `0-2,7`.
    pub cpuset: Option<String>,
    /// Its weight among containers that compete for disks, 10 to 1000.
    pub blkio_weight: Option<u16>,
    /// Weights by device.
    pub blkio_weight_device: Vec<BlockLimit>,
    /// Bytes read per second by device.
    pub device_read_bps: Vec<BlockLimit>,
    /// Reads per second by device.
    pub device_read_iops: Vec<BlockLimit>,
    /// Bytes written per second by device.
    pub device_write_bps: Vec<BlockLimit>,
    /// Writes per second by device.
    pub device_write_iops: Vec<BlockLimit>,
}

/// A limit or weight for one block device.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct BlockLimit {
    /// The device's path.
    pub path: String,
    /// The limit, or the weight.
    pub value: u64,
}

/// The most that a container gets.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Limits {
    /// Processors in billionths, as the engine counts them (`NanoCpus`).
    pub nano_cpus: Option<u64>,
    /// Memory in bytes.
    pub memory: Option<u64>,
    /// Processes; -1 is without a bound.
    pub pids: Option<i64>,
}

/// What is kept for a container.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Reservations {
    /// Processors in billionths; an engine for single containers has no use for it.
    pub nano_cpus: Option<u64>,
    /// Memory in bytes.
    pub memory: Option<u64>,
}

/// Where a container's output goes.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct LogConfig {
    /// The log driver; the engine's default when absent.
    pub driver: Option<String>,
    /// Options of the driver.
    pub options: BTreeMap<String, String>,
}

/// A limit of a container's processes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Ulimit {
    /// What a process may raise itself to the hard one; -1 is without a bound.
    pub soft: i64,
    /// The most.
    pub hard: i64,
}

/// A device of the host inside the container.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Device {
    /// The path on the host, or the name of a CDI device (`vendor/class=name`).
    pub source: String,
    /// The path inside.
    pub target: String,
    /// Any of `r`, `w` and `m`; `rwm` unless set.
    pub permissions: String,
}

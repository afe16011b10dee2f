//! Everything that is registered, in memory: what every read is answered from, and where heartbeats are noted.
//!
//! Only the [`writer`](crate::writer) adds and removes entries, and only after they are on disk; heartbeats come from any request.
//!
//! The registry's own entry (the one under the name that it runs as) needs no heartbeats: that it can be read at all shows that it is up.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{
        Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{Timing, record::Record, view::Listed};

/// How long it is remembered that an instance was deregistered (410 instead of 404).
const REMEMBERED: Duration = Duration::from_secs(3600);
/// A time of "never heard of".
const NEVER: u64 = u64::MAX;

/// How an instance is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Status {
    /// Heard of lately.
    Up,
    /// Silent for too long.
    Unhealthy,
    /// Not heard of since the registry started.
    Unknown,
}

/// What a heartbeat or a look-up met.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Presence {
    Live,
    Deregistered,
    Unknown,
}

/// An instance as it is at the moment of asking.
pub(crate) struct Sighting {
    pub(crate) listed: Arc<Listed>,
    pub(crate) status: Status,
    pub(crate) last_heartbeat: Option<Timestamp>,
}

#[derive(Debug, Default, Clone)]
pub(crate) struct Filter {
    pub(crate) status: Option<Status>,
    pub(crate) tag: Option<String>,
    pub(crate) environment: Option<String>,
    pub(crate) dependency: Option<String>,
}

struct Entry {
    listed: Arc<Listed>,
    /// Whether it is the registry's own.
    own: bool,
    /// Nanoseconds from `Directory::started`.
    heard: AtomicU64,
    /// When it came into memory, for those never heard of.
    since: u64,
}

/// Name and id of an instance.
type Key = (String, String);

#[derive(Default)]
struct Inner {
    services: BTreeMap<String, BTreeMap<String, Entry>>,
    deregistered: HashMap<Key, Instant>,
}

pub(crate) struct Directory {
    own_name: String,
    timing: Timing,
    started: Instant,
    inner: RwLock<Inner>,
}

impl Directory {
    pub(crate) fn new(own_name: String, timing: Timing) -> Self {
        Self {
            own_name,
            timing,
            started: Instant::now(),
            inner: RwLock::default(),
        }
    }

    fn read(&self) -> RwLockReadGuard<'_, Inner> {
        self.inner.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Inner> {
        self.inner.write().unwrap_or_else(PoisonError::into_inner)
    }

    fn now(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_nanos()).unwrap_or(NEVER - 1)
    }

    /// Readers never see what is past its time, so this only bounds how long it takes up room.
    pub(crate) fn sweep_every(&self) -> Duration {
        (self.timing.removed_after / 20).clamp(Duration::from_millis(10), Duration::from_secs(1))
    }

    /// `None` once the entry is past its time, though it may not have been swept yet.
    fn status(&self, entry: &Entry, now: u64) -> Option<Status> {
        if entry.own {
            return Some(Status::Up);
        }
        let heard = entry.heard.load(Ordering::Relaxed);
        let silent = Duration::from_nanos(now.saturating_sub(if heard == NEVER {
            entry.since
        } else {
            heard
        }));
        if silent >= self.timing.removed_after {
            None
        } else if heard == NEVER {
            Some(Status::Unknown)
        } else if silent >= self.timing.unhealthy_after {
            Some(Status::Unhealthy)
        } else {
            Some(Status::Up)
        }
    }

    /// The entry as it is at `now`, which the clock on the wall calls `today`.
    fn sighting(&self, entry: &Entry, status: Status, now: u64, today: Timestamp) -> Sighting {
        let heard = if entry.own {
            now
        } else {
            entry.heard.load(Ordering::Relaxed)
        };
        let last_heartbeat = (heard != NEVER)
            .then(|| {
                today
                    .saturating_sub(Duration::from_nanos(now.saturating_sub(heard)))
                    .ok()
            })
            .flatten();
        Sighting {
            listed: Arc::clone(&entry.listed),
            status,
            last_heartbeat,
        }
    }

    /// Notes a sign of life. An instance that was silent for too long must register again.
    pub(crate) fn heartbeat(&self, name: &str, id: &str) -> Presence {
        let inner = self.read();
        let now = self.now();
        match inner
            .services
            .get(name)
            .and_then(|instances| instances.get(id))
        {
            Some(entry) if self.status(entry, now).is_some() => {
                entry.heard.store(now, Ordering::Relaxed);
                Presence::Live
            }
            _ => inner.absence(name, id),
        }
    }

    pub(crate) fn presence(&self, name: &str, id: &str) -> Presence {
        let inner = self.read();
        match inner
            .services
            .get(name)
            .and_then(|instances| instances.get(id))
        {
            Some(entry) if self.status(entry, self.now()).is_some() => Presence::Live,
            _ => inner.absence(name, id),
        }
    }

    /// One instance that is not past its time.
    pub(crate) fn find(&self, name: &str, id: &str) -> Result<Sighting, Presence> {
        let inner = self.read();
        let now = self.now();
        let entry = inner
            .services
            .get(name)
            .and_then(|instances| instances.get(id));
        match entry.and_then(|entry| Some((entry, self.status(entry, now)?))) {
            Some((entry, status)) => Ok(self.sighting(entry, status, now, Timestamp::now())),
            None => Err(inner.absence(name, id)),
        }
    }

    /// All instances of a service, ordered by id.
    pub(crate) fn of(&self, name: &str) -> Vec<Sighting> {
        let inner = self.read();
        let (now, today) = (self.now(), Timestamp::now());
        let instances = inner
            .services
            .get(name)
            .into_iter()
            .flat_map(BTreeMap::values);
        instances
            .filter_map(|entry| Some(self.sighting(entry, self.status(entry, now)?, now, today)))
            .collect()
    }

    /// A page of what passes the filter, ordered by name and id, and how many pass in all.
    pub(crate) fn list(
        &self,
        filter: &Filter,
        offset: usize,
        limit: usize,
    ) -> (Vec<Sighting>, usize) {
        let inner = self.read();
        let (now, today) = (self.now(), Timestamp::now());
        let mut total = 0;
        let mut page = Vec::new();
        for entry in inner.services.values().flat_map(BTreeMap::values) {
            let Some(status) = self
                .status(entry, now)
                .filter(|status| filter.passes(&entry.listed.record, *status))
            else {
                continue;
            };
            if total >= offset && page.len() < limit {
                page.push(self.sighting(entry, status, now, today));
            }
            total += 1;
        }
        (page, total)
    }

    /// How many instances have each status.
    pub(crate) fn counts(&self) -> [(Status, usize); 3] {
        let inner = self.read();
        let now = self.now();
        let mut counts = [
            (Status::Up, 0),
            (Status::Unhealthy, 0),
            (Status::Unknown, 0),
        ];
        for status in inner
            .services
            .values()
            .flat_map(BTreeMap::values)
            .filter_map(|entry| self.status(entry, now))
        {
            for count in &mut counts {
                count.1 += usize::from(count.0 == status);
            }
        }
        counts
    }

    /// When a live instance was first registered.
    pub(crate) fn registered_at(&self, name: &str, id: &str) -> Option<Timestamp> {
        let inner = self.read();
        let entry = inner.services.get(name)?.get(id)?;
        self.status(entry, self.now())
            .map(|_| entry.listed.record.registered_at)
    }

    /// Puts in what was stored by a run before this one: nobody has been heard of yet.
    pub(crate) fn restore(&self, record: Record) {
        let entry = self.entry(record, NEVER, self.now());
        self.write().put(entry);
    }

    pub(crate) fn register(&self, record: Record) {
        let now = self.now();
        let key = (record.name.clone(), record.id.clone());
        let entry = self.entry(record, now, now);
        let mut inner = self.write();
        inner.deregistered.remove(&key);
        inner.put(entry);
    }

    fn entry(&self, record: Record, heard: u64, since: u64) -> Entry {
        Entry {
            own: record.name == self.own_name,
            heard: AtomicU64::new(heard),
            since,
            listed: Arc::new(Listed::new(record)),
        }
    }

    pub(crate) fn deregister(&self, name: &str, id: &str) {
        let mut inner = self.write();
        inner.remove(name, id);
        inner
            .deregistered
            .insert((name.to_owned(), id.to_owned()), Instant::now());
    }

    /// Those past their time, and those whose deregistration need not be remembered any longer.
    pub(crate) fn expired(&self) -> (Vec<Key>, Vec<Key>) {
        let inner = self.read();
        let now = self.now();
        let key = |entry: &Entry| {
            let record = &entry.listed.record;
            (record.name.clone(), record.id.clone())
        };
        let silent = inner
            .services
            .values()
            .flat_map(BTreeMap::values)
            .filter(|entry| self.status(entry, now).is_none())
            .map(key)
            .collect();
        let old = inner
            .deregistered
            .iter()
            .filter(|(_, since)| since.elapsed() >= REMEMBERED)
            .map(|(key, _)| key.clone())
            .collect();
        (silent, old)
    }

    pub(crate) fn forget(&self, keys: &[Key]) {
        let mut inner = self.write();
        for key in keys {
            inner.remove(&key.0, &key.1);
            inner.deregistered.remove(key);
        }
    }
}

impl Inner {
    fn absence(&self, name: &str, id: &str) -> Presence {
        if self
            .deregistered
            .contains_key(&(name.to_owned(), id.to_owned()))
        {
            Presence::Deregistered
        } else {
            Presence::Unknown
        }
    }

    fn put(&mut self, entry: Entry) {
        let record = &entry.listed.record;
        let (name, id) = (record.name.clone(), record.id.clone());
        self.services.entry(name).or_default().insert(id, entry);
    }

    fn remove(&mut self, name: &str, id: &str) {
        if let Some(instances) = self.services.get_mut(name) {
            instances.remove(id);
            if instances.is_empty() {
                self.services.remove(name);
            }
        }
    }
}

impl Filter {
    fn passes(&self, record: &Record, status: Status) -> bool {
        self.status.is_none_or(|wanted| wanted == status)
            && self
                .environment
                .as_deref()
                .is_none_or(|wanted| record.environment() == Some(wanted))
            && self
                .tag
                .as_deref()
                .is_none_or(|wanted| record.lists("tags", wanted))
            && self
                .dependency
                .as_deref()
                .is_none_or(|wanted| record.lists("dependencies", wanted))
    }
}

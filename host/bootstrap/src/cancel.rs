//! A request to stop, from the signal handler of the command line to the dispatcher of a run.

use std::sync::Arc;

use tokio::sync::watch;

/// How urgently a run is to stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Urgency {
    /// It is not to stop.
    #[default]
    None,
    /// Begin nothing new; what runs gets a few seconds to end by itself.
    Graceful,
    /// Cut off what runs.
    Now,
}

#[derive(Debug, Clone, Default)]
struct Request {
    urgency: Urgency,
    reason: String,
}

/// A request to stop, shared by who asks and who obeys. Clones are the same request.
#[derive(Debug, Clone)]
pub struct Cancel {
    request: Arc<watch::Sender<Request>>,
}

impl Default for Cancel {
    fn default() -> Self {
        Self {
            request: Arc::new(watch::Sender::new(Request::default())),
        }
    }
}

impl Cancel {
    /// Nobody has asked yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Asks to stop. A request is never taken back or made less urgent; `reason` is the signal's name, for example `SIGINT`.
    pub fn request(&self, urgency: Urgency, reason: &str) {
        self.request.send_if_modified(|request| {
            let more = urgency > request.urgency;
            if more {
                urgency.clone_into(&mut request.urgency);
                reason.clone_into(&mut request.reason);
            }
            more
        });
    }

    /// How urgently the run is to stop now.
    pub fn urgency(&self) -> Urgency {
        self.request.borrow().urgency
    }

    /// Why it is to stop; empty when it is not.
    pub fn reason(&self) -> String {
        self.request.borrow().reason.clone()
    }

    /// Resolves once the request is more urgent than `known`, with its urgency. May be dropped and called again.
    pub async fn beyond(&self, known: Urgency) -> Urgency {
        let mut changes = self.request.subscribe();
        let more = changes.wait_for(|request| request.urgency > known).await;
        // The guard goes before anything else is awaited, so that this may move between threads.
        let urgency = more.map(|request| request.urgency);
        match urgency {
            Ok(urgency) => urgency,
            // The sender lives in `self`; without it nobody can ask any more.
            Err(_) => std::future::pending().await,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_request_only_becomes_more_urgent() {
        let cancel = Cancel::new();
        let other = cancel.clone();
        other.request(Urgency::Now, "SIGTERM");
        cancel.request(Urgency::Graceful, "SIGINT");
        assert_eq!(cancel.urgency(), Urgency::Now);
        assert_eq!(cancel.reason(), "SIGTERM");
        assert_eq!(cancel.beyond(Urgency::None).await, Urgency::Now);
    }
}

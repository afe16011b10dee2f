//! What plugins are asked outside of steps: for their plans, for a service's health, to take in an event.

use std::time::{Duration, Instant};

use chora_model::event::{EventKind, EventSink, PluginCalled, PluginFunction};

/// Calls of one plugin about one thing. They are told together when this is dropped: also those that were cut off.
pub(crate) struct Asked<'a> {
    events: &'a dyn EventSink,
    told: PluginCalled,
    took: Duration,
    /// When the call that is under way began.
    began: Option<Instant>,
}

impl<'a> Asked<'a> {
    pub(crate) fn new(
        events: &'a dyn EventSink,
        plugin: &str,
        function: PluginFunction,
        about: String,
    ) -> Self {
        Self {
            events,
            told: PluginCalled {
                plugin: plugin.to_owned(),
                function,
                about,
                calls: 0,
                failed: 0,
                duration_us: 0,
            },
            took: Duration::ZERO,
            began: None,
        }
    }

    /// Counts a call and waits for its answer.
    pub(crate) async fn answer<T>(
        &mut self,
        call: impl Future<Output = T>,
        is_well: impl FnOnce(&T) -> bool,
    ) -> T {
        self.told.calls = self.told.calls.saturating_add(1);
        self.began = Some(Instant::now());
        let answer = call.await;
        self.ended(is_well(&answer));
        answer
    }

    fn ended(&mut self, well: bool) {
        if let Some(began) = self.began.take() {
            self.took = self.took.saturating_add(began.elapsed());
            self.told.failed = self.told.failed.saturating_add(u32::from(!well));
        }
    }
}

impl Drop for Asked<'_> {
    fn drop(&mut self) {
        self.ended(false);
        if self.told.calls > 0 {
            self.told.duration_us = u64::try_from(self.took.as_micros()).unwrap_or(u64::MAX);
            self.events.emit(EventKind::PluginCalled(self.told.clone()));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use futures_util::FutureExt as _;

    use super::*;

    #[derive(Default)]
    struct Recorder(Mutex<Vec<PluginCalled>>);

    impl EventSink for Recorder {
        fn emit(&self, kind: EventKind) {
            let EventKind::PluginCalled(told) = kind else {
                panic!("another event: {kind:?}");
            };
            self.0.lock().unwrap().push(told);
        }
    }

    #[test]
    fn calls_are_told_together_and_one_that_was_cut_off_has_failed() {
        let events = Recorder::default();
        let mut asked = Asked::new(&events, "pulse", PluginFunction::Probe, "db".to_owned());
        for well in [true, false, true] {
            let answer = asked.answer(std::future::ready(well), |well| *well);
            assert_eq!(answer.now_or_never(), Some(well));
        }
        let never = asked.answer(std::future::pending::<()>(), |()| true);
        assert_eq!(never.now_or_never(), None);
        drop(asked);
        let told = events.0.into_inner().unwrap();
        assert_eq!(told.len(), 1, "{told:?}");
        assert_eq!((told[0].calls, told[0].failed), (4, 2));
    }

    #[test]
    fn what_was_not_asked_is_not_told() {
        let events = Recorder::default();
        let about = "phase 1".to_owned();
        drop(Asked::new(&events, "pulse", PluginFunction::Plan, about));
        assert_eq!(events.0.into_inner().unwrap(), []);
    }
}

//! The state of a run that was killed, with what its journal knows beyond it. Called once by each run that finds such a state, before it decides anything.

use chora_model::event::EventKind;
use chora_model::layout::Layout;
use chora_model::plan::Change;
use chora_model::state::{Progress, State, Status};

use crate::journal;
use crate::record::{Facts, reduce};

/// Takes the journal into the state, where the state's run did not get to its end.
pub(crate) fn with_journal(layout: &Layout, mut state: State) -> State {
    let killed = matches!(state.status, Status::InProgress | Status::RollingBack);
    if !killed {
        return state;
    }
    // The step that was cut off may have changed what earlier runs had proved something of.
    let run = state.run.clone();
    state.steps.retain(|_, record| record.run == run);
    // A journal that is gone or torn tells less; what is true is looked at anyway.
    let Ok(found) = journal::read(&layout.journal(&run)) else {
        return state;
    };
    let facts = Facts {
        backward: state.status == Status::RollingBack,
        partial: true,
        ..Facts::default()
    };
    for event in found.events {
        match &event.kind {
            EventKind::StepFinished { change, .. } => {
                if *change == Some(Change::Changed) {
                    // Which of the steps disturb only a plan tells, so nothing that was done before counts.
                    state
                        .steps
                        .retain(|_, record| record.progress != Progress::Done);
                }
                reduce(&mut state, &facts, &event.kind, event.at);
            }
            EventKind::PhaseStarted { .. }
            | EventKind::StepStarted { .. }
            | EventKind::ServiceHealthy { .. }
            | EventKind::ServiceNotHealthy { .. }
            | EventKind::HostCall(_) => reduce(&mut state, &facts, &event.kind, event.at),
            EventKind::RunStarted { .. }
            | EventKind::Notice { .. }
            | EventKind::PhaseFinished { .. }
            | EventKind::StepDoing { .. }
            | EventKind::StepLog { .. }
            | EventKind::PluginCalled(_)
            | EventKind::RunFinished(_) => {}
        }
    }
    state
}

#[cfg(test)]
mod tests {
    use chora_model::event::{Ending, Event};
    use chora_model::plan::StepKey;
    use chora_model::state::StepRecord;
    use jiff::Timestamp;

    use super::*;
    use crate::journal::Lines;

    fn finished(step: &str, change: Change) -> EventKind {
        EventKind::StepFinished {
            step: StepKey(step.to_owned()),
            phase: 2,
            title: "Do it".to_owned(),
            ending: Ending::Succeeded,
            change: Some(change),
            summary: String::new(),
            warnings: Vec::new(),
            duration_ms: 1,
            failure: None,
        }
    }

    /// The state of run `new`, killed with this in its journal, where run `old` had done `check`.
    fn killed(kinds: Vec<EventKind>) -> State {
        let directory = tempfile::tempdir().unwrap();
        let layout = Layout::new(directory.path(), "dev", true);
        std::fs::create_dir_all(layout.runs()).unwrap();
        let mut lines = Lines::default();
        for kind in kinds {
            let event = Event {
                at: Timestamp::UNIX_EPOCH,
                elapsed_ms: 0,
                kind,
            };
            lines.push(&event).unwrap();
        }
        std::fs::write(layout.journal("new"), lines.take()).unwrap();
        let mut state = State::new("dev", "process", "new");
        state.status = Status::InProgress;
        let record = StepRecord {
            progress: Progress::Done,
            run: "old".to_owned(),
            duration_ms: None,
        };
        state.steps.insert(StepKey("v/check".to_owned()), record);
        with_journal(&layout, state)
    }

    fn done(state: &State) -> Vec<&str> {
        let done = state.steps.iter();
        done.filter(|(_, record)| record.progress == Progress::Done)
            .map(|(step, _)| step.0.as_str())
            .collect()
    }

    #[test]
    fn what_an_earlier_run_proved_does_not_count_after_a_kill() {
        assert!(done(&killed(Vec::new())).is_empty());
        let state = killed(vec![finished("p/a", Change::Unchanged)]);
        assert_eq!(done(&state), ["p/a"]);
    }

    #[test]
    fn a_change_takes_the_worth_from_what_was_done_before_it() {
        let state = killed(vec![
            finished("v/check", Change::Unchanged),
            finished("p/a", Change::Changed),
            finished("p/b", Change::Unchanged),
        ]);
        assert_eq!(done(&state), ["p/a", "p/b"]);
    }

    #[test]
    fn the_phase_is_the_journals_where_the_state_is_older() {
        let phase = EventKind::PhaseStarted {
            phase: 3,
            name: String::new(),
            steps: 0,
            undo: false,
        };
        assert_eq!(killed(vec![phase]).current_phase, 3);
    }

    #[test]
    fn a_state_that_reached_its_end_is_left_alone() {
        let directory = tempfile::tempdir().unwrap();
        let layout = Layout::new(directory.path(), "dev", true);
        let mut state = State::new("dev", "process", "old");
        state.status = Status::Completed;
        let record = StepRecord {
            progress: Progress::Done,
            run: "older".to_owned(),
            duration_ms: None,
        };
        state.steps.insert(StepKey("v/check".to_owned()), record);
        assert_eq!(done(&with_journal(&layout, state)), ["v/check"]);
    }
}

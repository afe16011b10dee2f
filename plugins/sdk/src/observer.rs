//! Observers: the trait that a plugin implements to be told what happens in runs.

use crate::bindings::exports::observer as exported;
use crate::{Error, Metadata};

pub use exported::{Event, Run, RunKind};

/// A plugin that is told what happens in a run. [`export_observer!`](crate::export_observer) makes a component of it.
///
/// ```
/// use chora_plugin::http::Request;
/// use chora_plugin::{Error, Event, Metadata, Observer, Run};
///
/// /// Tells a chat room that a run failed.
/// struct Alarm;
///
/// impl Observer for Alarm {
///     fn describe() -> Metadata {
///         Metadata::new("alarm", env!("CARGO_PKG_VERSION"), "tells the room of runs that fail")
///             .asks("http=POST https://chat.example/hooks/*", "to write to the room")
///     }
///
///     fn observe(run: &Run, event: &Event) -> Result<(), Error> {
///         if let Event::RunFailed(failed) = event {
///             let text = format!("run {} of {} failed: {:?}", run.id, run.environment, failed.failures);
///             Request::post("https://chat.example/hooks/platform").body(text).send()?;
///         }
///         Ok(())
///     }
/// }
///
/// chora_plugin::export_observer!(Alarm);
/// # fn main() {}
/// ```
pub trait Observer {
    /// Who the plugin is and what it asks for.
    fn describe() -> Metadata;

    /// Is told one event, while the run goes on. Events come one after the other, each to a fresh instance.
    ///
    /// # Errors
    /// What the observer could not do: told as a warning, or the failure of the run where the configuration says `required: true`.
    fn observe(run: &Run, event: &Event) -> Result<(), Error>;
}

impl<T: Observer> exported::Guest for T {
    fn describe() -> Metadata {
        T::describe()
    }

    fn observe(run: Run, event: Event) -> Result<(), String> {
        match T::observe(&run, &event) {
            Ok(()) | Err(Error::Planned) => Ok(()),
            Err(Error::Failed(failure)) => Err(failure.message),
            Err(Error::UnknownStep(text) | Error::Other(text)) => Err(text),
        }
    }
}

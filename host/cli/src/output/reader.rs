//! Noticing that nobody reads standard output any more while there is nothing to print.

use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno;
use tokio::sync::oneshot;

/// Resolves when whoever read standard output has gone; never, where it goes to a file.
///
/// A command that follows something for a long time would otherwise learn of it with its next line only, which may never come.
pub(crate) async fn reader_gone() {
    let (gone, told) = oneshot::channel();
    let watching = std::thread::Builder::new()
        .name("reader".to_owned())
        .spawn(move || {
            if wait() {
                // The command may have ended by itself in the meantime.
                let _over = gone.send(());
            }
        });
    if watching.is_err() || told.await.is_err() {
        // Then the next line tells.
        std::future::pending::<()>().await;
    }
}

/// Whether the other end was closed; false when that cannot be watched.
fn wait() -> bool {
    let out = std::io::stdout();
    loop {
        // Nothing is asked for: errors and the other end's closing are told always.
        let mut watched = [PollFd::new(&out, PollFlags::empty())];
        match poll(&mut watched, None) {
            Ok(_) => return true,
            Err(Errno::INTR) => {}
            Err(_) => return false,
        }
    }
}

//! A request's body on its way through, which tells when it last moved.

use std::{
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    task::{Context, Poll},
    time::{Duration, Instant},
};

use bytes::Bytes;
use chora_service_kit::axum::{self, body::Body};
use hyper::body::{Frame, SizeHint};

/// When the body last moved; shared between the body and who waits for the answer.
#[derive(Clone)]
pub(crate) struct Progress {
    begun: Instant,
    milliseconds: Arc<AtomicU64>,
}

impl Progress {
    pub(crate) fn start() -> Self {
        Self {
            begun: Instant::now(),
            milliseconds: Arc::default(),
        }
    }

    fn note(&self) {
        self.milliseconds.store(
            u64::try_from(self.begun.elapsed().as_millis()).unwrap_or(u64::MAX),
            Ordering::Relaxed,
        );
    }

    /// When the body last moved, or the request began.
    pub(crate) fn last(&self) -> Instant {
        self.begun + Duration::from_millis(self.milliseconds.load(Ordering::Relaxed))
    }
}

/// The client's body, unbuffered.
pub(crate) struct Passing {
    pub(crate) body: Body,
    pub(crate) progress: Progress,
}

impl hyper::body::Body for Passing {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let polled = Pin::new(&mut self.body).poll_frame(context);
        if polled.is_ready() {
            self.progress.note();
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

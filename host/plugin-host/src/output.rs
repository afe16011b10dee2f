//! What a guest prints: kept up to a point for the report of a failure, counted to the end, never passed on as it is.

use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use bytes::Bytes;
use chora_model::text::{CUT, is_hidden};
use tokio::io::AsyncWrite;
use wasmtime_wasi::cli::{IsTerminal, StdoutStream};
use wasmtime_wasi::p2::{OutputStream, Pollable, StreamError, StreamResult};

use crate::limits::{LimitReached, Limits};

/// Captures one call's standard output or standard error. Clones share what was captured.
#[derive(Clone)]
pub(crate) struct Captured {
    written: Arc<Mutex<Written>>,
    kept: usize,
    limit: usize,
}

#[derive(Default)]
struct Written {
    text: Vec<u8>,
    total: usize,
}

impl Captured {
    pub(crate) fn new(limits: &Limits) -> Self {
        Self {
            written: Arc::default(),
            kept: limits.output_kept,
            limit: limits.output,
        }
    }

    /// What was kept, as text in which control characters but line feeds are escaped.
    pub(crate) fn text(&self) -> String {
        let written = self.written.lock().unwrap_or_else(PoisonError::into_inner);
        clean_lines(&String::from_utf8_lossy(&written.text))
    }

    fn push(&self, bytes: &[u8]) -> Result<(), LimitReached> {
        let mut written = self.written.lock().unwrap_or_else(PoisonError::into_inner);
        written.total = written.total.saturating_add(bytes.len());
        if written.total > self.limit {
            return Err(LimitReached {
                what: "output",
                limit: format!("{} KiB", self.limit >> 10),
            });
        }
        let room = self.kept.saturating_sub(written.text.len());
        written.text.extend(bytes.iter().take(room));
        Ok(())
    }
}

/// One line of a guest's text, fit for a terminal and a log: control characters are shown escaped, and it ends after `most` characters.
pub(crate) fn clean_line(text: &str, most: usize) -> String {
    if text.len() <= most && !text.contains(is_hidden) {
        return text.to_owned();
    }
    let mut clean = String::with_capacity(text.len().min(most));
    for (at, c) in text.chars().enumerate() {
        if at == most {
            clean.push(CUT);
            break;
        }
        push_clean(&mut clean, c);
    }
    clean
}

fn clean_lines(text: &str) -> String {
    let mut clean = String::with_capacity(text.len());
    for c in text.chars() {
        if c == '\n' {
            clean.push(c);
        } else {
            push_clean(&mut clean, c);
        }
    }
    clean
}

fn push_clean(clean: &mut String, c: char) {
    if is_hidden(c) {
        clean.extend(c.escape_default());
    } else {
        clean.push(c);
    }
}

impl IsTerminal for Captured {
    fn is_terminal(&self) -> bool {
        false
    }
}

impl StdoutStream for Captured {
    fn async_stream(&self) -> Box<dyn AsyncWrite + Send + Sync> {
        Box::new(self.clone())
    }

    fn p2_stream(&self) -> Box<dyn OutputStream> {
        Box::new(self.clone())
    }
}

impl OutputStream for Captured {
    fn write(&mut self, bytes: Bytes) -> StreamResult<()> {
        self.push(&bytes)
            .map_err(|reached| StreamError::Trap(wasmtime::Error::new(reached)))
    }

    fn flush(&mut self) -> StreamResult<()> {
        Ok(())
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        Ok(64 << 10)
    }
}

#[wasmtime_wasi::async_trait]
impl Pollable for Captured {
    async fn ready(&mut self) {}
}

impl AsyncWrite for Captured {
    fn poll_write(
        self: Pin<&mut Self>,
        _cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<std::io::Result<usize>> {
        Poll::Ready(
            self.push(bytes)
                .map(|()| bytes.len())
                .map_err(std::io::Error::other),
        )
    }

    fn poll_flush(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_and_direction_marks_do_not_reach_the_terminal() {
        assert_eq!(
            clean_line("a\u{1b}[31mb\r\n\u{202e}c", 99),
            "a\\u{1b}[31mb\\r\\n\\u{202e}c"
        );
        assert_eq!(clean_line("äöü", 2), "äö…");
    }

    #[test]
    fn output_past_what_is_kept_is_dropped_and_past_the_limit_is_refused() {
        let limits = Limits {
            output_kept: 4,
            output: 10,
            ..Limits::default()
        };
        let captured = Captured::new(&limits);
        captured.push(b"abcdef").unwrap();
        assert_eq!(captured.text(), "abcd");
        assert_eq!(captured.push(b"abcdef").unwrap_err().what, "output");
    }
}

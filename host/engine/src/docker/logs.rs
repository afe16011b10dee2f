//! What a container prints, line by line, both its streams.

use std::collections::{HashMap, VecDeque};

use bollard::container::LogOutput;
use bollard::query_parameters::{EventsOptionsBuilder, LogsOptionsBuilder};
use futures_util::stream::{self, BoxStream};
use futures_util::{FutureExt as _, StreamExt as _};

use super::DockerEngine;
use super::container::{Container, Found, since_parameter};
use super::error::DockerError;
use crate::{EngineError, LogLines};

/// The longest line that is handed on in one piece, in bytes.
const LONGEST: usize = 1 << 20;
/// The most entries of a log that are looked through for the last lines.
const MOST: usize = 1 << 20;
/// Before an engine that is away is asked again.
const PAUSE: std::time::Duration = std::time::Duration::from_millis(200);

/// Puts lines together from what comes, each stream for itself.
#[derive(Default)]
struct Lines {
    stdout: Vec<u8>,
    stderr: Vec<u8>,
    ready: VecDeque<String>,
}

impl Lines {
    fn add(&mut self, piece: LogOutput) {
        let (rest, message) = match piece {
            LogOutput::StdErr { message } => (&mut self.stderr, message),
            LogOutput::StdOut { message }
            | LogOutput::StdIn { message }
            | LogOutput::Console { message } => (&mut self.stdout, message),
        };
        for part in message.split_inclusive(|byte| *byte == b'\n') {
            rest.extend_from_slice(part);
            if part.ends_with(b"\n") || rest.len() >= LONGEST {
                self.ready.push_back(text(rest));
                rest.clear();
            }
        }
    }

    /// Hands on what was written without a line feed at its end.
    fn end(&mut self) {
        for rest in [&mut self.stdout, &mut self.stderr] {
            if !rest.is_empty() {
                self.ready.push_back(text(rest));
                rest.clear();
            }
        }
    }
}

/// A line without its end; a terminal's has a carriage return.
fn text(line: &[u8]) -> String {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    String::from_utf8_lossy(line).into_owned()
}

impl DockerEngine {
    /// The last lines; none where there is no container.
    pub(super) async fn tail(
        &self,
        service: &str,
        count: usize,
    ) -> Result<Vec<String>, DockerError> {
        match self.find(service).await? {
            Found::Absent => Ok(Vec::new()),
            Found::Foreign(foreign) => Err(foreign),
            Found::Ours(container) => self.tail_of(&container, count).await,
        }
    }

    /// The last lines of a container.
    pub(super) async fn tail_of(
        &self,
        container: &Container,
        count: usize,
    ) -> Result<Vec<String>, DockerError> {
        // The engine counts entries, and cuts a long line into several.
        let mut entries = count.saturating_add(1);
        loop {
            let (lines, read) = self.entries(container, entries).await?;
            if read < entries || lines.len() > count || entries >= MOST {
                let first = lines.len().saturating_sub(count);
                return Ok(lines.into_iter().skip(first).collect());
            }
            entries = entries.saturating_mul(8);
        }
    }

    /// Lines from the last entries of a log, and how many there were.
    async fn entries(
        &self,
        container: &Container,
        count: usize,
    ) -> Result<(VecDeque<String>, usize), DockerError> {
        let client = self.0.connection.client().await?;
        let options = LogsOptionsBuilder::default()
            .stdout(true)
            .stderr(true)
            .tail(&tail_option(count))
            .build();
        let mut pieces = Box::pin(client.logs(container.id(), Some(options)));
        let mut lines = Lines::default();
        let mut read = 0_usize;
        while let Some(piece) = pieces.next().await {
            lines.add(piece.map_err(|error| self.0.connection.failed("read the log", error))?);
            read = read.saturating_add(1);
        }
        lines.end();
        Ok((lines.ready, read))
    }

    /// The last lines, and then each as it comes; also of the container that takes this one's place.
    pub(super) fn follow(&self, service: &str, count: usize) -> LogLines {
        let following = Following {
            engine: self.clone(),
            service: service.to_owned(),
            tail: count,
            lines: Lines::default(),
            source: None,
            ended: None,
            last: None,
            told: None,
        };
        Box::pin(stream::unfold(following, |mut following| async {
            let next = following.next().await;
            Some((next, following))
        }))
    }

    /// Resolves when a container of the service is started; perhaps without need.
    async fn next_start(&self, service: &str, since: jiff::Timestamp) -> Result<(), DockerError> {
        let client = self.0.connection.client().await?;
        let mut filters = HashMap::from([("event".to_owned(), vec!["start".to_owned()])]);
        filters.extend(self.0.owner.filter_service(service));
        let options = EventsOptionsBuilder::default()
            .filters(&filters)
            .since(&since_parameter(since))
            .build();
        let mut events = Box::pin(client.events(Some(options)));
        match events.next().await {
            Some(Ok(_)) => {
                while let Some(Some(Ok(_))) = events.next().now_or_never() {}
                Ok(())
            }
            Some(Err(error)) => Err(self.0.connection.failed("tell its events", error)),
            None => Ok(()),
        }
    }
}

type Pieces = BoxStream<'static, Result<LogOutput, bollard::errors::Error>>;

struct Following {
    engine: DockerEngine,
    service: String,
    tail: usize,
    lines: Lines,
    source: Option<Pieces>,
    /// The container that was read to its end, and the start that it ended after.
    ended: Option<(String, Option<jiff::Timestamp>)>,
    /// When the last piece that was handed on was printed, by the engine's clock.
    last: Option<jiff::Timestamp>,
    /// What was printed until then was handed on before, from the same container.
    told: Option<jiff::Timestamp>,
}

impl Following {
    async fn next(&mut self) -> Result<String, EngineError> {
        loop {
            if let Some(line) = self.lines.ready.pop_front() {
                return Ok(line);
            }
            match self.read_on().await {
                Ok(()) => {}
                Err(error) if error.is_lost() => tokio::time::sleep(PAUSE).await,
                Err(error) => return Err(EngineError::docker(&self.service, error)),
            }
        }
    }

    async fn read_on(&mut self) -> Result<(), DockerError> {
        if let Some(source) = &mut self.source {
            match source.next().await {
                Some(Ok(piece)) => {
                    let (at, piece) = stamped(piece);
                    if self.told.is_none_or(|told| at.is_none_or(|at| at > told)) {
                        self.last = self.last.max(at);
                        self.lines.add(piece);
                    }
                }
                // What an engine that went away did not hand over it hands over when it is back.
                Some(Err(_)) | None => {
                    self.lines.end();
                    self.source = None;
                }
            }
            return Ok(());
        }
        let found = self.engine.find(&self.service).await?;
        if let Found::Ours(container) = &found {
            let now = (container.id().to_owned(), container.started_at());
            if self.ended.as_ref() != Some(&now) {
                self.open(container).await?;
                self.ended = Some(now);
                return Ok(());
            }
        }
        // Nothing new runs: until something does.
        let since = self.ended.as_ref().and_then(|(_, since)| *since);
        let since = since.map_or(jiff::Timestamp::now(), |since| {
            // The start that was seen is not to be told again.
            since
                .checked_add(jiff::SignedDuration::from_millis(1))
                .unwrap_or(since)
        });
        let service = self.service.clone();
        let waited = self.engine.next_start(&service, since).await;
        if waited.is_ok() {
            // An event that was told before tells nothing new; the look after it decides.
            tokio::task::yield_now().await;
        }
        waited
    }

    async fn open(&mut self, container: &Container) -> Result<(), DockerError> {
        let client = self.engine.0.connection.client().await?.clone();
        let options = LogsOptionsBuilder::default()
            .stdout(true)
            .stderr(true)
            .timestamps(true)
            .follow(true);
        let before = self.ended.as_ref().filter(|(id, _)| id == container.id());
        self.told = before.and(self.last);
        let options = match (&self.ended, self.told) {
            (None, _) => options.tail(&tail_option(self.tail)),
            // The same container once more. The engine is asked by the second, and what it tells again is left out.
            (Some(_), Some(told)) => {
                options.since(i32::try_from(told.as_second()).unwrap_or_default())
            }
            (Some(_), None) => options,
        };
        let id = container.id().to_owned();
        let options = options.build();
        let pieces = stream::once(async move { client.logs(&id, Some(options)) }).flatten();
        self.source = Some(Box::pin(pieces));
        Ok(())
    }
}

/// A piece of a log and when it was printed, which stands before it.
fn stamped(mut piece: LogOutput) -> (Option<jiff::Timestamp>, LogOutput) {
    let (LogOutput::StdErr { message }
    | LogOutput::StdOut { message }
    | LogOutput::StdIn { message }
    | LogOutput::Console { message }) = &mut piece;
    let time = message.split(|byte| *byte == b' ').next().unwrap_or(&[]);
    let (length, text) = (time.len(), std::str::from_utf8(time));
    let at: Option<jiff::Timestamp> = text.ok().and_then(|text| text.parse().ok());
    if at.is_some() && length < message.len() {
        *message = message.slice(length + 1..);
    }
    (at, piece)
}

/// More entries than the engine can count are all.
fn tail_option(count: usize) -> String {
    if i32::try_from(count).is_ok() {
        count.to_string()
    } else {
        "all".to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(pieces: &[(bool, &[u8])]) -> Vec<String> {
        let mut lines = Lines::default();
        for (error, bytes) in pieces {
            let message = bytes::Bytes::copy_from_slice(bytes);
            lines.add(if *error {
                LogOutput::StdErr { message }
            } else {
                LogOutput::StdOut { message }
            });
        }
        lines.end();
        lines.ready.into()
    }

    #[test]
    fn a_piece_is_told_from_its_time() {
        let of = |text: &'static str| {
            let message = bytes::Bytes::from_static(text.as_bytes());
            let (at, piece) = stamped(LogOutput::StdErr { message });
            assert!(matches!(piece, LogOutput::StdErr { .. }));
            (at.map(|at| at.to_string()), piece.to_string())
        };
        let at = "2026-01-02T03:04:05.000000006Z";
        for (text, time, rest) in [
            ("2026-01-02T03:04:05.000000006Z a b\n", Some(at), "a b\n"),
            ("2026-01-02T04:04:05.000000006+01:00 \n", Some(at), "\n"),
            ("no time\n", None, "no time\n"),
            ("\n", None, "\n"),
        ] {
            assert_eq!(of(text), (time.map(str::to_owned), rest.to_owned()));
        }
    }

    #[test]
    fn the_two_streams_do_not_cut_each_others_lines() {
        let read = lines(&[(false, b"one "), (true, b"error\n"), (false, b"line\nrest")]);
        assert_eq!(read, ["error", "one line", "rest"]);
    }

    #[test]
    fn a_terminals_lines_and_bytes_that_are_no_text_are_shown() {
        assert_eq!(lines(&[(false, b"a\r\n\xff\n\n")]), ["a", "\u{fffd}", ""]);
    }

    #[test]
    fn a_line_without_end_is_handed_on_in_pieces() {
        let long = vec![b'x'; LONGEST];
        let read = lines(&[(false, &long), (false, b"y\n")]);
        assert_eq!(read.len(), 2);
        assert_eq!(read.last().map(String::as_str), Some("y"));
    }
}

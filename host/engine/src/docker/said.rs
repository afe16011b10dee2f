//! The coming of an image in words, seldom enough for whoever keeps them.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::image::Progress;

/// The least time between two numbers that only grew.
const PAUSE: Duration = Duration::from_millis(250);

/// Tells one image's progress.
pub(super) struct Said<'a> {
    say: &'a (dyn Fn(String) + Send + Sync),
    image: &'a str,
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    /// Bytes done and in all, by layer.
    layers: BTreeMap<String, (u64, u64)>,
    last: Option<Instant>,
}

impl<'a> Said<'a> {
    pub(super) fn new(say: &'a (dyn Fn(String) + Send + Sync), image: &'a str) -> Self {
        Self {
            say,
            image,
            inner: Mutex::default(),
        }
    }

    pub(super) fn tell(&self, progress: Progress) {
        let image = self.image;
        match progress {
            Progress::Pulling { .. } => (self.say)(format!("pulling {image}")),
            Progress::Building { why: None, .. } => (self.say)(format!("building {image}")),
            Progress::Building { why: Some(why), .. } => {
                (self.say)(format!("making {image} of this chora: {why}"));
            }
            Progress::Output(line) => (self.say)(format!("building {image}: {}", line.trim_end())),
            Progress::Sending { current, total } => {
                self.seldom(|_| format!("building {image}: sent {}", share(current, total)));
            }
            Progress::Layer {
                id, current, total, ..
            } => self.seldom(|layers| {
                if let (Some(current), Some(total)) = (current, total) {
                    layers.insert(id, (current, total));
                }
                let (current, total) =
                    layers
                        .values()
                        .fold((0_u64, 0_u64), |(done, all), (current, total)| {
                            (done.saturating_add(*current), all.saturating_add(*total))
                        });
                format!("pulling {image}: {}", share(current, total))
            }),
        }
    }

    fn seldom(&self, text: impl FnOnce(&mut BTreeMap<String, (u64, u64)>) -> String) {
        let text = {
            let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
            let text = text(&mut inner.layers);
            if inner.last.is_some_and(|last| last.elapsed() < PAUSE) {
                return;
            }
            inner.last = Some(Instant::now());
            text
        };
        (self.say)(text);
    }
}

/// `12.3 of 45.6 MB`.
fn share(current: u64, total: u64) -> String {
    let tenths = |bytes: u64| (bytes / 1_000_000, bytes % 1_000_000 / 100_000);
    let ((whole, tenth), (all, all_tenths)) = (tenths(current), tenths(total));
    format!("{whole}.{tenth} of {all}.{all_tenths} MB")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_told_seldom_and_words_always() {
        let told = Mutex::new(Vec::new());
        let say = |text| told.lock().unwrap().push(text);
        let said = Said::new(&say, "web:1");
        said.tell(Progress::Pulling {
            reference: "web:1".to_owned(),
        });
        for current in [1_000_000, 2_000_000, 3_000_000] {
            said.tell(Progress::Layer {
                id: "a".to_owned(),
                status: "Downloading".to_owned(),
                current: Some(current),
                total: Some(4_560_000),
            });
        }
        said.tell(Progress::Output("Step 1/2\n".to_owned()));
        assert_eq!(
            *told.lock().unwrap(),
            [
                "pulling web:1",
                "pulling web:1: 1.0 of 4.5 MB",
                "building web:1: Step 1/2"
            ]
        );
    }
}

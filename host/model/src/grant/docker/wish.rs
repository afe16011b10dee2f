//! A grant against a wish for one: whether everything that the wish would allow is allowed.

use super::{DockerScope, NetworkVerb, VolumeVerb};
use crate::grant::image::includes_image;
use crate::grant::select::matches_pattern;

impl DockerScope {
    /// The same as scopes of one verb each.
    pub fn pieces(&self) -> Vec<Self> {
        match self {
            Self::Engine => vec![Self::Engine],
            Self::Containers(name, verbs) => verbs
                .iter()
                .map(|verb| Self::Containers(name.clone(), vec![verb.clone()]))
                .collect(),
            Self::Images(name, verbs) => verbs
                .iter()
                .map(|verb| Self::Images(name.clone(), vec![*verb]))
                .collect(),
            Self::Networks(name, verbs) => verbs
                .iter()
                .map(|verb| Self::Networks(name.clone(), vec![*verb]))
                .collect(),
            Self::Volumes(name, verbs) => verbs
                .iter()
                .map(|verb| Self::Volumes(name.clone(), vec![*verb]))
                .collect(),
        }
    }

    /// Whether this covers all that another does. A `*` of the other is covered only by a `*`, so its text stands for all that it covers.
    pub fn includes(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Engine, Self::Engine) => true,
            (Self::Containers(given, verbs), Self::Containers(asked, wanted)) => {
                let covered = |verb| verbs.iter().any(|it| it.covers(verb, includes_image));
                matches_pattern(given, asked) && wanted.iter().all(covered)
            }
            (Self::Images(given, verbs), Self::Images(asked, wanted)) => {
                includes_image(given, asked) && wanted.iter().all(|verb| verbs.contains(verb))
            }
            (Self::Networks(given, verbs), Self::Networks(asked, wanted)) => {
                let named = asked != "bridge" || given == asked;
                let covered = |verb: &NetworkVerb| verbs.contains(verb);
                named && matches_pattern(given, asked) && wanted.iter().all(covered)
            }
            (Self::Volumes(given, verbs), Self::Volumes(asked, wanted)) => {
                let covered = |verb: &VolumeVerb| {
                    let read = *verb == VolumeVerb::MountReadOnly;
                    verbs.contains(verb) || (read && verbs.contains(&VolumeVerb::Mount))
                };
                matches_pattern(given, asked) && wanted.iter().all(covered)
            }
            (
                Self::Engine
                | Self::Containers(..)
                | Self::Images(..)
                | Self::Networks(..)
                | Self::Volumes(..),
                _,
            ) => false,
        }
    }
}

//! `chora image`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

/// Look after the images of the reference services
#[derive(Debug, Clone, Args)]
pub(crate) struct ImageArgs {
    #[command(subcommand)]
    pub(crate) command: ImageCommand,
}

#[derive(Debug, Clone, Subcommand)]
pub(crate) enum ImageCommand {
    /// Make the images of the reference services of this very program, offline
    ///
    /// They hold chora and the libraries that it is linked to, and nothing else. `chora bootstrap` makes them by itself where they are missing. The same chora gives
    /// the same images on every machine. The engine is the one that DOCKER_HOST names, or that of this machine.
    Build {
        /// The tag of the four images, which are `chora/manifest:TAG` and so on
        #[arg(long, value_name = "TAG", default_value = "1.0.0")]
        tag: String,
        /// Make them of this chora instead, a 64-bit Linux program; needed where this one is for another system
        #[arg(long, value_name = "PATH")]
        program: Option<PathBuf>,
    },
}

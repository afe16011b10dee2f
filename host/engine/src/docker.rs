//! The Docker engine: services as containers, through the API of a Docker Engine.

pub mod image;

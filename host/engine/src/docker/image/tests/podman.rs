//! The same through the socket of podman.

use std::process::{Child, Command, Stdio};
use std::time::Duration;

use super::*;

/// A service of podman with a storage of its own; ended and deleted with this value.
struct Podman {
    service: Child,
    directory: tempfile::TempDir,
}

impl Podman {
    async fn start() -> (Self, Docker) {
        let directory = tempfile::tempdir().unwrap();
        let path = |name: &str| directory.path().join(name);
        let socket = path("socket");
        let service = Command::new("podman")
            .arg("--root")
            .arg(path("root"))
            .arg("--runroot")
            .arg(path("run"))
            .args([
                "--storage-driver",
                "vfs",
                "system",
                "service",
                "--time",
                "0",
            ])
            .arg(format!("unix://{}", socket.display()))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let podman = Self { service, directory };
        let docker = loop {
            // It has no other way to say that it listens.
            tokio::time::sleep(Duration::from_millis(20)).await;
            let Ok(docker) = Docker::connect_with_unix(
                &socket.display().to_string(),
                120,
                bollard::API_DEFAULT_VERSION,
            ) else {
                continue;
            };
            if docker.ping().await.is_ok() {
                break docker;
            }
        };
        (podman, docker.negotiate_version().await.unwrap())
    }
}

impl Drop for Podman {
    fn drop(&mut self) {
        let _ended = self.service.kill();
        let _waited = self.service.wait();
        let _ = &self.directory;
    }
}

#[tokio::test]
async fn podman_takes_the_same_images() {
    let (podman, docker) = Podman::start().await;
    let tag = unique();
    let images = Role::ALL.map(|role| role.image(&tag));
    build_own(&docker, &program(), &images, &|_| {})
        .await
        .unwrap();
    for image in &images {
        let found = inspect(&docker, &image.reference).await.unwrap().unwrap();
        let config = found.config.unwrap();
        assert_eq!(config.cmd.unwrap(), ["serve", image.role.name()]);
        let program = program();
        let present = ensure_image(&docker, wanted(&image.reference, &program), &|_| {})
            .await
            .unwrap();
        assert_eq!(present.came, Came::Present);
    }
    drop(podman);
}

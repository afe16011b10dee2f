//! Images on a real engine. Each test has names of its own and removes what it made, also when it fails.

mod building;
mod ensuring;
mod making;
mod podman;
mod pulling;
mod refreshing;
mod registry;

use std::path::PathBuf;
use std::sync::Mutex;

use bollard::models::ContainerCreateBody;
use bollard::query_parameters::{
    CreateContainerOptions, ListImagesOptions, LogsOptions, RemoveContainerOptions,
    RemoveImageOptions, StartContainerOptions, TagImageOptionsBuilder, WaitContainerOptions,
};
use futures_util::{StreamExt as _, TryStreamExt as _};

use super::*;

/// The engine that the tests use.
async fn docker() -> Docker {
    let docker = Docker::connect_with_defaults().unwrap();
    docker.negotiate_version().await.unwrap()
}

/// A program to make images of: small, dynamic, and on every machine.
fn program() -> PathBuf {
    Path::new("/bin/sh").canonicalize().unwrap()
}

/// A word that no other test has.
fn unique() -> String {
    format!("t{}", uuid::Uuid::new_v4().simple())
}

/// The same program makes the same images whoever makes them: one test's images could be removed by another that has other names for them.
static TURN: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());

/// Runs a test with such a word, and removes all images whose name has it. One at a time.
async fn with_images<F: Future<Output = ()> + Send + 'static>(
    docker: Docker,
    test: impl FnOnce(Docker, String) -> F,
) {
    let _turn = TURN.lock().await;
    let word = unique();
    let ended = tokio::spawn(test(docker.clone(), word.clone())).await;
    let options = ListImagesOptions {
        all: true,
        ..ListImagesOptions::default()
    };
    for image in docker.list_images(Some(options)).await.unwrap() {
        for tag in image.repo_tags.iter().filter(|tag| tag.contains(&word)) {
            let options = RemoveImageOptions {
                force: true,
                ..RemoveImageOptions::default()
            };
            docker.remove_image(tag, Some(options), None).await.unwrap();
        }
    }
    if let Err(error) = ended {
        std::panic::resume_unwind(error.into_panic());
    }
}

/// Runs the image's program with these arguments; its exit code and what it printed.
async fn run(docker: &Docker, reference: &str, arguments: &[&str]) -> (i64, String) {
    let body = ContainerCreateBody {
        image: Some(reference.to_owned()),
        cmd: Some(arguments.iter().map(|&word| word.to_owned()).collect()),
        ..ContainerCreateBody::default()
    };
    let id = docker
        .create_container(None::<CreateContainerOptions>, body)
        .await
        .unwrap()
        .id;
    let ended = async {
        docker
            .start_container(&id, None::<StartContainerOptions>)
            .await?;
        let mut waiting = docker.wait_container(&id, None::<WaitContainerOptions>);
        let code = match waiting.next().await {
            Some(Ok(answer)) => answer.status_code,
            Some(Err(bollard::errors::Error::DockerContainerWaitError { code, .. })) => code,
            other => panic!("{other:?}"),
        };
        let options = LogsOptions {
            stdout: true,
            stderr: true,
            ..LogsOptions::default()
        };
        let lines: Vec<_> = docker.logs(&id, Some(options)).try_collect().await?;
        let text = lines.into_iter().map(|line| line.to_string()).collect();
        Ok::<_, bollard::errors::Error>((code, text))
    }
    .await;
    let options = RemoveContainerOptions {
        force: true,
        v: true,
        ..RemoveContainerOptions::default()
    };
    docker.remove_container(&id, Some(options)).await.unwrap();
    ended.unwrap()
}

/// An observer that remembers.
#[derive(Default)]
struct Seen(Mutex<Vec<Progress>>);

impl Seen {
    fn add(&self, progress: Progress) {
        self.0.lock().unwrap().push(progress);
    }

    fn all(&self) -> Vec<Progress> {
        self.0.lock().unwrap().clone()
    }
}

/// What is wanted, without builds, logins or pulls.
fn wanted<'a>(reference: &'a str, program: &'a Path) -> Wanted<'a> {
    Wanted {
        reference,
        build: None,
        pull: Pull::Never,
        program,
        logins: None,
    }
}

async fn labels(docker: &Docker, reference: &str) -> HashMap<String, String> {
    let image = inspect(docker, reference).await.unwrap().unwrap();
    image.config.unwrap().labels.unwrap()
}

//! The image of a reference service: how big it is, and how long a container of it takes to answer.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result};
use bollard::Docker;
use bollard::query_parameters::RemoveImageOptions;
use chora_engine::docker::Endpoint;
use chora_engine::docker::image::{Role, build_own, size, start_time};
use chora_service_kit::check_at;

use crate::figures::report;

const RUNS: usize = 10;
/// How long a container may take to answer, and one question to it.
const START_LIMIT: Duration = Duration::from_secs(60);
const ASK_LIMIT: Duration = Duration::from_secs(1);

/// Makes the image, prints its figures and removes it.
pub(super) async fn measure(chora: &Path) -> Result<()> {
    let docker = Endpoint::from_env().connect().await?;
    let tag = format!("bench-{}", std::process::id());
    let measured = measure_image(chora, &docker, &tag).await;
    let removed = docker
        .remove_image(
            &Role::Analyzer.image(&tag).reference,
            None::<RemoveImageOptions>,
            None,
        )
        .await;
    measured?;
    removed.context("failed to remove the image that was measured")?;
    Ok(())
}

async fn measure_image(chora: &Path, docker: &Docker, tag: &str) -> Result<()> {
    let image = Role::Analyzer.image(tag);
    build_own(docker, chora, std::slice::from_ref(&image), &|_| {}).await?;
    let bytes = size(docker, &image.reference).await?.unwrap_or_default();
    #[expect(clippy::cast_precision_loss, reason = "a size is shown to one decimal")]
    let megabytes = bytes as f64 / 1e6;
    println!("image of the reference services: {megabytes:.1} MB");
    let answers = async |address| {
        let asked = tokio::task::spawn_blocking(move || check_at(address, ASK_LIMIT).is_ok());
        asked.await.unwrap_or(false)
    };
    let mut times = Vec::new();
    for _ in 0..RUNS {
        let time = start_time(docker, &image, START_LIMIT, &answers).await?;
        times.push(time.context("the container did not answer on this machine")?);
    }
    report(
        "  from making its container to a healthy answer",
        &mut times,
    );
    Ok(())
}

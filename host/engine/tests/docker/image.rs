//! The tests' image: one small static program, compiled once and handed to the engine as it is.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use bollard::Docker;
use bollard::query_parameters::BuildImageOptionsBuilder;
use futures_util::StreamExt as _;

/// The program's file.
fn program() -> &'static Path {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(|| {
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/docker/container.rs");
        let made = Path::new(env!("CARGO_TARGET_TMPDIR")).join("container");
        let compiler = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
        // Two test programs may compile at once: each its own, and the last to be done stands.
        let own = made.with_extension(std::process::id().to_string());
        let compiled = Command::new(compiler)
            .args([
                "--edition=2024",
                "-Copt-level=1",
                "-Cstrip=symbols",
                "-Ctarget-feature=+crt-static",
            ])
            .arg("-o")
            .arg(&own)
            .arg(source)
            .output()
            .unwrap();
        assert!(
            compiled.status.success(),
            "{}",
            String::from_utf8_lossy(&compiled.stderr)
        );
        std::fs::rename(own, &made).unwrap();
        made
    })
}

/// Makes an image of the program. `mark` makes it another than one with another mark.
pub(crate) async fn build(client: &Docker, name: &str, mark: &str) {
    let mut archive = tar::Builder::new(Vec::new());
    let mut add = |path: &str, mode, bytes: &[u8]| {
        let mut header = tar::Header::new_gnu();
        header.set_size(bytes.len() as u64);
        header.set_mode(mode);
        archive.append_data(&mut header, path, bytes).unwrap();
    };
    let text = format!(
        "FROM scratch\nCOPY container /container\nLABEL mark={mark}\nENTRYPOINT [\"/container\"]\n"
    );
    add("Dockerfile", 0o644, text.as_bytes());
    add("container", 0o755, &std::fs::read(program()).unwrap());
    let body = archive.into_inner().unwrap();
    let options = BuildImageOptionsBuilder::default().t(name).rm(true).build();
    let mut steps =
        Box::pin(client.build_image(options, None, Some(bollard::body_full(body.into()))));
    while let Some(step) = steps.next().await {
        step.unwrap();
    }
}

//! The tests' image: one small static program, compiled once and handed to the engine as it is.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use bollard::Docker;
use bollard::query_parameters::ImportImageOptions;
use futures_util::StreamExt as _;
use serde_json::json;
use sha2::{Digest as _, Sha256};

/// The program's file.
fn program() -> &'static Path {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(|| {
        // Also from the crates beside this one, whose tests use the same image.
        let source = Path::new(env!("CARGO_MANIFEST_DIR"));
        let source = source.join("../engine/tests/docker/container.rs");
        let made = Path::new(env!("CARGO_TARGET_TMPDIR")).join("container");
        let compiler = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
        // Two test programs may compile at once: each its own, in a directory for what the compiler leaves beside it, and the last to be done stands.
        let room = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        let own = room.path().join("container");
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

/// Makes an image of the program. `mark` makes it another than one with another mark, and so does its name: an image that two tests had between them would go with the first of them.
///
/// It is loaded and not built: builders keep parts of an image for the next, and lose them when somebody removes that. Its layer is its own too: podman loses a layer that two images share when one is removed while the other is loaded.
pub(crate) async fn build(client: &Docker, name: &str, mark: &str) {
    let program = std::fs::read(program()).unwrap();
    let own = format!("{name} {mark}");
    let layer = archive(&[
        ("container", 0o755, &program),
        ("image", 0o644, own.as_bytes()),
    ]);
    let architecture = match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    };
    let config = json!({
        "architecture": architecture,
        "os": "linux",
        "config": {
            "Entrypoint": ["/container"],
            "Labels": { "mark": mark, "test.chora.image": name },
        },
        "rootfs": { "type": "layers", "diff_ids": [format!("sha256:{}", hex(&layer))] },
    });
    let config = config.to_string();
    let file = format!("{}.json", hex(config.as_bytes()));
    let list = json!([{ "Config": file, "RepoTags": [name], "Layers": ["layer.tar"] }]);
    let body = archive(&[
        (&file, 0o644, config.as_bytes()),
        ("manifest.json", 0o644, list.to_string().as_bytes()),
        ("layer.tar", 0o644, &layer),
    ]);
    let mut answers = Box::pin(client.import_image(
        ImportImageOptions::default(),
        bollard::body_full(body.into()),
        None,
    ));
    while let Some(answer) = answers.next().await {
        answer.unwrap();
    }
}

fn archive(files: &[(&str, u32, &[u8])]) -> Vec<u8> {
    let mut archive = tar::Builder::new(Vec::new());
    for (path, mode, bytes) in files {
        let mut header = tar::Header::new_gnu();
        header.set_size(bytes.len() as u64);
        header.set_mode(*mode);
        archive.append_data(&mut header, path, *bytes).unwrap();
    }
    archive.into_inner().unwrap()
}

fn hex(bytes: &[u8]) -> String {
    base16ct::lower::encode_string(&Sha256::digest(bytes))
}

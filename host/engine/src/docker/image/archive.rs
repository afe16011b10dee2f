//! The archive of the service images, as `docker load` takes it: one layer with the program and what it needs, and one configuration for each role.
//!
//! **Invariant:** the same program gives the same archive, byte for byte, and so the same image ids on every machine: no clock, no user and no order of a directory goes into it. That
//! is why the image is not the work of a builder, which would write down when it ran.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use bytes::Bytes;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use tar::{EntryType, Header};

use super::own::{Own, PROGRAM};
use super::program::Program;

/// Who the service runs as, where nobody says otherwise: the usual `nonroot`.
pub(super) const USER: &str = "65532:65532";
/// The label that says of which program an image was made.
pub(super) const PROGRAM_LABEL: &str = "dev.chora.image";

const BLOCK: usize = 512;
const LAYER: &str = "layer.tar";
/// How the bytes go out: small enough to show that they do.
const PIECE: usize = 256 * 1024;

/// The archive in pieces, in the order in which they are sent.
pub(super) struct Archive {
    pieces: Vec<Bytes>,
    /// The ids of the images, in the order in which they were asked for.
    pub(super) ids: Vec<String>,
}

impl Archive {
    /// The images of these roles under their names.
    pub(super) fn of(program: Program, images: &[Own]) -> std::io::Result<Self> {
        let Program {
            bytes,
            architecture,
            identity,
            libraries,
        } = program;
        let layer = Bytes::from(layer(bytes, libraries)?);
        let digest = format!(
            "sha256:{}",
            base16ct::lower::encode_string(&Sha256::digest(&layer))
        );
        let mut pieces = Vec::new();
        let mut ids = Vec::new();
        let mut list = Vec::new();
        for image in images {
            let text = configuration(image, architecture, &identity, &digest).to_string();
            let id = base16ct::lower::encode_string(&Sha256::digest(&text));
            let name = format!("{id}.json");
            list.push(json!({
                "Config": name,
                "RepoTags": [image.reference],
                "Layers": [LAYER],
            }));
            file(&mut pieces, &name, Bytes::from(text))?;
            ids.push(format!("sha256:{id}"));
        }
        let list = Value::Array(list).to_string();
        file(&mut pieces, "manifest.json", Bytes::from(list))?;
        file(&mut pieces, LAYER, layer)?;
        pieces.push(Bytes::from_static(&[0; 2 * BLOCK]));
        Ok(Self { pieces, ids })
    }

    /// How many bytes there are.
    pub(super) fn len(&self) -> u64 {
        self.pieces.iter().map(|piece| piece.len() as u64).sum()
    }

    /// The bytes, a piece at a time.
    pub(super) fn into_pieces(self) -> impl Iterator<Item = Bytes> {
        self.pieces.into_iter().flat_map(|mut rest| {
            std::iter::from_fn(move || {
                (!rest.is_empty()).then(|| rest.split_to(rest.len().min(PIECE)))
            })
        })
    }
}

fn header(kind: EntryType, mode: u32, size: u64) -> Header {
    let mut header = Header::new_gnu();
    header.set_entry_type(kind);
    header.set_mode(mode);
    header.set_size(size);
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(0);
    header
}

/// A file of the outer archive. The layer is not copied.
fn file(pieces: &mut Vec<Bytes>, name: &str, contents: Bytes) -> std::io::Result<()> {
    let mut header = header(EntryType::Regular, 0o644, contents.len() as u64);
    header.set_path(name)?;
    header.set_cksum();
    let padding = contents.len().next_multiple_of(BLOCK) - contents.len();
    pieces.push(Bytes::copy_from_slice(header.as_bytes()));
    pieces.push(contents);
    pieces.push(Bytes::from(vec![0; padding]));
    Ok(())
}

/// The file system of the image.
fn layer(program: Vec<u8>, libraries: Vec<(PathBuf, Vec<u8>)>) -> std::io::Result<Vec<u8>> {
    let mut files: BTreeMap<PathBuf, Vec<u8>> = libraries
        .into_iter()
        .map(|(path, bytes)| (relative(&path), bytes))
        .collect();
    let parents: BTreeSet<PathBuf> = files
        .keys()
        .flat_map(|path| path.ancestors().skip(1).map(Path::to_owned))
        .filter(|path| !path.as_os_str().is_empty())
        .collect();
    files.insert(relative(Path::new(PROGRAM)), program);

    let size: usize = files.values().map(Vec::len).sum();
    let mut builder = tar::Builder::new(Vec::with_capacity(size + 64 * BLOCK));
    // Whoever the service runs as must be able to write where nothing is mounted.
    let open = ["data", "tmp"].map(|name| (PathBuf::from(name), 0o1777));
    for (path, mode) in parents.into_iter().map(|path| (path, 0o755)).chain(open) {
        let mut header = header(EntryType::Directory, mode, 0);
        builder.append_data(&mut header, path, std::io::empty())?;
    }
    for (path, bytes) in files {
        let mut header = header(EntryType::Regular, 0o755, bytes.len() as u64);
        builder.append_data(&mut header, path, bytes.as_slice())?;
    }
    builder.into_inner()
}

fn relative(path: &Path) -> PathBuf {
    path.strip_prefix("/").unwrap_or(path).to_owned()
}

fn configuration(image: &Own, architecture: &str, identity: &str, layer: &str) -> Value {
    let role = image.role;
    let port = format!("{}/tcp", role.port());
    json!({
        "architecture": architecture,
        "os": "linux",
        "created": "1970-01-01T00:00:00Z",
        "config": {
            "User": USER,
            "ExposedPorts": { port: {} },
            "Env": ["PATH=/", "HOST=0.0.0.0", "DATA_DIR=/data"],
            "Entrypoint": [PROGRAM],
            "Cmd": ["serve", role.name()],
            "WorkingDir": "/",
            "Healthcheck": {
                "Test": ["CMD", PROGRAM, "serve", role.name(), "--check"],
                "Interval": 10_000_000_000_u64,
                "Timeout": 5_000_000_000_u64,
                "StartPeriod": 10_000_000_000_u64,
                "Retries": 3,
            },
            "Labels": {
                PROGRAM_LABEL: identity,
                "dev.chora.role": role.name(),
                "dev.chora.version": env!("CARGO_PKG_VERSION"),
            },
        },
        "rootfs": { "type": "layers", "diff_ids": [layer] },
        "history": [{ "created": "1970-01-01T00:00:00Z", "created_by": "chora image build" }],
    })
}

#[cfg(test)]
mod tests {
    use super::super::own::Role;
    use super::*;

    fn program() -> Program {
        Program {
            bytes: b"program".to_vec(),
            architecture: "amd64",
            identity: "c0ffee".to_owned(),
            libraries: vec![(PathBuf::from("/lib64/ld.so"), b"loader".to_vec())],
        }
    }

    fn bytes(archive: Archive) -> Vec<u8> {
        let length = archive.len();
        let bytes: Vec<u8> = archive.into_pieces().flatten().collect();
        assert_eq!(u64::try_from(bytes.len()).unwrap(), length);
        bytes
    }

    fn archive(roles: &[Role]) -> Archive {
        let images: Vec<Own> = roles.iter().map(|role| role.image("1.0.0")).collect();
        Archive::of(program(), &images).unwrap()
    }

    #[test]
    fn the_same_program_gives_the_same_archive() {
        assert_eq!(bytes(archive(&Role::ALL)), bytes(archive(&Role::ALL)));
    }

    #[test]
    fn an_image_has_the_same_id_alone_and_among_others() {
        let all = archive(&Role::ALL).ids;
        assert_eq!(all.get(1), archive(&[Role::Orchestrator]).ids.first());
        assert_eq!(all.iter().collect::<BTreeSet<_>>().len(), 4);
    }

    #[test]
    fn the_layer_has_the_program_its_libraries_and_two_open_directories() {
        let bytes = bytes(archive(&[Role::Manifest]));
        let mut outer = tar::Archive::new(bytes.as_slice());
        let layer = outer.entries().unwrap().map(Result::unwrap);
        let layer = layer
            .into_iter()
            .find(|entry| entry.path().unwrap() == Path::new("layer.tar"))
            .unwrap();
        let mut inner = tar::Archive::new(layer);
        let entries: Vec<(String, u32)> = inner
            .entries()
            .unwrap()
            .map(|entry| {
                let entry = entry.unwrap();
                let path = entry.path().unwrap().display().to_string();
                (path, entry.header().mode().unwrap())
            })
            .collect();
        let expected = [
            ("lib64", 0o755),
            ("data", 0o1777),
            ("tmp", 0o1777),
            ("chora", 0o755),
            ("lib64/ld.so", 0o755),
        ];
        assert_eq!(
            entries,
            expected.map(|(path, mode)| (path.to_owned(), mode))
        );
    }
}

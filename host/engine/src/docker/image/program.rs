//! The program that a service image is made of: what it is, what it needs beside it, and a smaller copy of it.
//!
//! A static program needs nothing. A dynamic one needs its loader and its libraries, which go into the image under the paths that they have here: so any chora can be made an image
//! of, however it was built.

use std::fs::File;
use std::path::{Path, PathBuf};

use lddtree::DependencyAnalyzer;
use object::read::elf::{FileHeader as _, ProgramHeader as _, SectionHeader as _};
use object::{Endianness, ReadCache, ReadRef, elf};
use sha2::{Digest as _, Sha256};

use super::error::ImageError;

/// What glibc loads by itself, by name and without being linked to it, when it resolves names. Newer ones have it built in.
const RESOLVERS: [&str; 3] = ["libnss_dns.so.2", "libnss_files.so.2", "libresolv.so.2"];

type Header = elf::FileHeader64<Endianness>;

/// A program with all that it needs to run.
#[derive(Debug)]
pub(super) struct Program {
    /// The program without its debugging sections.
    pub(super) bytes: Vec<u8>,
    /// Its processor, in Docker's words.
    pub(super) architecture: &'static str,
    /// What tells it from another build.
    pub(super) identity: String,
    /// Its loader and libraries: where they are to be, and what they are.
    pub(super) libraries: Vec<(PathBuf, Vec<u8>)>,
}

impl Program {
    /// Reads the program. It blocks, and holds the program in memory.
    pub(super) fn read(path: &Path) -> Result<Self, ImageError> {
        let (architecture, identity) = head(path)?;
        let whole = std::fs::read(path).map_err(unreadable(path))?;
        let bytes = stripped(&whole).unwrap_or(whole);
        Ok(Self {
            bytes,
            architecture,
            identity,
            libraries: libraries(path)?,
        })
    }
}

/// What tells this program from another build of it, the same for its stripped copy. Reads a few kilobytes where the linker left a build id.
pub(super) fn identity(path: &Path) -> Result<String, ImageError> {
    head(path).map(|(_, identity)| identity)
}

/// The processor and the identity. Nothing here goes through `ElfFile`, which reads all symbols at once.
fn head(path: &Path) -> Result<(&'static str, String), ImageError> {
    let file = File::open(path).map_err(unreadable(path))?;
    let cache = ReadCache::new(file);
    let (header, endian) = parse(&cache, path)?;
    let architecture = match header.e_machine(endian) {
        elf::EM_X86_64 => "amd64",
        elf::EM_AARCH64 => "arm64",
        elf::EM_RISCV => "riscv64",
        other => {
            return Err(unfit(
                path,
                format!(
                    "its processor, number {other} of ELF, is not one that chora makes images for"
                ),
            ));
        }
    };
    let identity = match build_id(header, endian, &cache) {
        Ok(Some(id)) => Ok(base16ct::lower::encode_string(id)),
        Ok(None) => digest(header, endian, &cache),
        Err(error) => Err(error),
    };
    let identity = identity.map_err(|error| unfit(path, error.to_string()))?;
    Ok((architecture, identity))
}

fn parse<'data>(
    data: impl ReadRef<'data>,
    path: &Path,
) -> Result<(&'data Header, Endianness), ImageError> {
    let hint = "give a 64-bit Linux program";
    let parsed = Header::parse(data).and_then(|header| Ok((header, header.endian()?)));
    let (header, endian) = parsed
        .map_err(|error| unfit(path, format!("it is no 64-bit ELF file ({error}); {hint}")))?;
    match header.e_type(endian) {
        elf::ET_EXEC | elf::ET_DYN => Ok((header, endian)),
        kind => Err(unfit(
            path,
            format!("it is no program (type {kind} of ELF); {hint}"),
        )),
    }
}

/// What the linker left to tell builds apart.
fn build_id<'data>(
    header: &Header,
    endian: Endianness,
    data: impl ReadRef<'data>,
) -> object::Result<Option<&'data [u8]>> {
    for segment in header.program_headers(endian, data)? {
        let Some(mut notes) = segment.notes(endian, data)? else {
            continue;
        };
        while let Some(note) = notes.next()? {
            if note.name() == elf::ELF_NOTE_GNU && note.n_type(endian) == elf::NT_GNU_BUILD_ID {
                return Ok(Some(note.desc()));
            }
        }
    }
    Ok(None)
}

/// The digest of code, data and notes: stripping makes the tables for the loader anew, and leaves these alone.
fn digest<'data>(
    header: &Header,
    endian: Endianness,
    data: impl ReadRef<'data>,
) -> object::Result<String> {
    let mut hash = Sha256::new();
    for section in header.sections(endian, data)?.iter() {
        let is_loaded = section.sh_flags(endian) & u64::from(elf::SHF_ALLOC) != 0;
        let is_content = matches!(section.sh_type(endian), elf::SHT_PROGBITS | elf::SHT_NOTE);
        if is_loaded && is_content {
            hash.update(section.data(endian, data)?);
        }
    }
    Ok(base16ct::lower::encode_string(&hash.finalize()))
}

/// A copy without what only debuggers read; none where the file is laid out in a way that cannot be rewritten, and then the whole file is as good.
fn stripped(whole: &[u8]) -> Option<Vec<u8>> {
    let mut builder = object::build::elf::Builder::read(whole).ok()?;
    for section in &mut builder.sections {
        let name: &[u8] = &section.name;
        if section.sh_flags & u64::from(elf::SHF_ALLOC) == 0 && name.starts_with(b".debug") {
            section.delete = true;
        }
    }
    builder.delete_orphans();
    let mut bytes = Vec::new();
    builder.write(&mut bytes).ok()?;
    Some(bytes)
}

fn libraries(path: &Path) -> Result<Vec<(PathBuf, Vec<u8>)>, ImageError> {
    let tree = DependencyAnalyzer::default()
        .analyze(path)
        .map_err(|error| unfit(path, format!("its libraries cannot be told ({error})")))?;
    let Some(interpreter) = tree.interpreter.map(PathBuf::from) else {
        return Ok(Vec::new());
    };
    let mut found = vec![interpreter.clone()];
    for library in tree.libraries.values() {
        if interpreter.file_name() == Some(library.name.as_ref()) {
            continue;
        }
        if !library.found() {
            let why = format!(
                "its library `{}` is not on this machine; give a static program, or run this where the program runs",
                library.name
            );
            return Err(unfit(path, why));
        }
        found.push(library.path.clone());
        if library.name == "libc.so.6" {
            let beside = RESOLVERS.map(|name| library.path.with_file_name(name));
            found.extend(beside.into_iter().filter(|path| path.is_file()));
        }
    }
    found.sort();
    found.dedup();
    found
        .into_iter()
        .map(|path| {
            let bytes = std::fs::read(&path).map_err(unreadable(&path))?;
            Ok((path, bytes))
        })
        .collect()
}

fn unfit(path: &Path, why: String) -> ImageError {
    ImageError::Program {
        path: path.to_owned(),
        why,
    }
}

fn unreadable(path: &Path) -> impl Fn(std::io::Error) -> ImageError {
    move |source| ImageError::Context {
        path: path.to_owned(),
        source,
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;
    use std::process::Command;

    use super::*;

    fn own() -> PathBuf {
        std::env::current_exe().unwrap()
    }

    #[test]
    fn the_stripped_copy_is_smaller_and_runs_and_is_the_same_program() {
        let program = Program::read(&own()).unwrap();
        let size = std::fs::metadata(own()).unwrap().len();
        assert!(u64::try_from(program.bytes.len()).unwrap() < size);

        let directory = tempfile::tempdir().unwrap();
        let copy = directory.path().join("copy");
        std::fs::write(&copy, &program.bytes).unwrap();
        std::fs::set_permissions(&copy, std::fs::Permissions::from_mode(0o755)).unwrap();
        let output = Command::new(&copy).arg("--list").output().unwrap();
        assert!(output.status.success(), "{output:?}");
        assert_eq!(identity(&copy).unwrap(), program.identity);
    }

    #[test]
    fn a_program_without_a_build_id_is_told_by_its_code_and_data() {
        let mut bytes = std::fs::read(own()).unwrap();
        let data = bytes.as_slice();
        let (header, endian) = parse(data, &own()).unwrap();
        let id = build_id(header, endian, data).unwrap().unwrap();
        let place = id.as_ptr().addr() - data.as_ptr().addr();
        // Before the id stands who left it.
        bytes[place - 4..place].copy_from_slice(b"XYZ\0");

        let directory = tempfile::tempdir().unwrap();
        let nameless = directory.path().join("nameless");
        std::fs::write(&nameless, &bytes).unwrap();
        let program = Program::read(&nameless).unwrap();
        assert_ne!(program.identity, identity(&own()).unwrap());
        let copy = directory.path().join("copy");
        std::fs::write(&copy, &program.bytes).unwrap();
        assert_eq!(identity(&copy).unwrap(), program.identity);
        // What was the id is a note as others are.
        bytes[place] ^= 1;
        std::fs::write(&copy, &bytes).unwrap();
        assert_ne!(identity(&copy).unwrap(), program.identity);
    }

    #[test]
    fn a_program_comes_with_its_loader_and_libraries() {
        let program = Program::read(&own()).unwrap();
        let has = |part: &str| {
            let mut paths = program
                .libraries
                .iter()
                .map(|(path, _)| path.display().to_string());
            paths.any(|path| path.contains(part))
        };
        assert!(
            has("/ld-linux") || has("/ld-musl"),
            "{:?}",
            program.libraries.len()
        );
        assert!(has("/libc.so.6") || has("/ld-musl"));
    }

    #[test]
    fn what_is_no_program_of_linux_is_refused() {
        let whole = std::fs::read(own()).unwrap();
        let with = |place: usize, bytes: [u8; 2]| {
            let mut other = whole.clone();
            other[place..place + 2].copy_from_slice(&bytes);
            other
        };
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("script");
        for (bytes, said) in [
            (b"#!/bin/sh\n".to_vec(), "no 64-bit ELF file"),
            (whole[..40].to_vec(), "no 64-bit ELF file"),
            // Cut before the first of the program's headers ends.
            (whole[..80].to_vec(), "program header"),
            (with(16, [1, 0]), "type 1 of ELF"),
            (with(18, [8, 0]), "its processor, number 8 of ELF"),
        ] {
            std::fs::write(&path, bytes).unwrap();
            let error = Program::read(&path).unwrap_err().to_string();
            assert!(error.contains(said), "{said}: {error}");
        }
    }
}

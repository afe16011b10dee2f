#!/usr/bin/env bash
# A wasm32-wasip2 toolchain where `rustup target add wasm32-wasip2` cannot download: closed networks that
# have a Debian mirror and a crate registry. `cargo xtask setup` calls it as its last resort.
#
# Debian's rustc carries the standard library's source but no built wasm32-wasip2 library, so this builds that library once,
# puts it where Debian's rustc looks, and links the result into rustup as the toolchain `chora-wasm`.
# Running it again is cheap: it stops as soon as a component can be built.
set -euo pipefail

readonly target=wasm32-wasip2
readonly toolchain=chora-wasm
readonly prefix=/usr
readonly packages=(rustc-web cargo-web rust-web-src wasi-libc lld-19)
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
readonly root
readonly work="$root/target/wasm-toolchain"
# Bitcode, because guests are built with link-time optimisation through the standard library.
readonly std_flags="-C embed-bitcode=yes -L native=$prefix/lib/wasm32-wasi -C link-arg=--wasm-ld-path=$prefix/bin/wasm-ld-19"

say() { printf 'wasm-toolchain: %s\n' "$*" >&2; }
fail() {
    printf 'wasm-toolchain: error: %s\n' "$1" >&2
    [ $# -lt 2 ] || printf '\nhint: %s\n' "$2" >&2
    exit 1
}

# A caller's cargo settings are meant for another compiler than Debian's.
unset RUSTC RUSTDOC RUSTFLAGS CARGO_ENCODED_RUSTFLAGS RUSTUP_TOOLCHAIN RUSTC_WRAPPER RUSTC_WORKSPACE_WRAPPER \
    CARGO CARGO_TARGET_DIR CARGO_BUILD_TARGET CARGO_BUILD_TARGET_DIR CARGO_BUILD_RUSTFLAGS CARGO_MAKEFLAGS MAKEFLAGS

as_root() {
    if [ "$(id -u)" = 0 ]; then "$@"
    elif command -v sudo >/dev/null; then sudo -n "$@"
    else fail "\`$1\` needs root, and there is no \`sudo\`" "run \`.ci/wasm-toolchain.sh\` as root once"
    fi
}

write_probe() {
    mkdir -p "$work/probe/src"
    cat >"$work/probe/Cargo.toml" <<'TOML'
[package]
name = "chora-wasm-probe"
version = "0.0.0"
edition = "2024"

[lib]
crate-type = ["cdylib"]

[profile.guest]
inherits = "release"
lto = true

[workspace]
TOML
    cat >"$work/probe/src/lib.rs" <<'RUST'
//! Uses enough of `std` that building it needs all of it.
pub fn greeting() -> String {
    format!("{:?}", std::time::SystemTime::now())
}
#[unsafe(no_mangle)]
pub extern "C" fn chora_probe() -> usize {
    greeting().len()
}
RUST
}

# The whole way, as the project's own build goes it: rustup's proxy, cargo, rustc, linker, component.
works() {
    command -v rustup >/dev/null && rustup run "$toolchain" rustc --version >/dev/null 2>&1 || return 1
    write_probe
    (cd "$work/probe" && rustup run "$toolchain" cargo build --quiet --offline --target "$target" \
        --profile guest --target-dir "$work/check" >"$work/check.log" 2>&1)
}

install_packages() {
    local package missing=()
    for package in "${packages[@]}"; do
        dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'install ok installed' || missing+=("$package")
    done
    [ ${#missing[@]} -gt 0 ] || return 0
    command -v apt-get >/dev/null || fail "this machine has no \`apt-get\`; missing: ${missing[*]}" \
        "install the target with \`rustup target add $target\` where its download is allowed"
    say "installing ${missing[*]}"
    as_root apt-get -o DPkg::Lock::Timeout=300 -qq update ||
        fail "\`apt-get update\` failed" "check that this machine reaches a Debian mirror"
    as_root env DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=300 -qq install -y \
        --no-install-recommends "${missing[@]}" >/dev/null ||
        fail "\`apt-get install ${missing[*]}\` failed" "the packages are in Debian 12 (security) and later"
}

build_std() {
    local host_bin=$1
    say "building the standard library for $target (about a minute)"
    write_probe
    (cd "$work/probe" && PATH="$host_bin:$PATH" RUSTC="$prefix/bin/rustc" RUSTC_BOOTSTRAP=1 \
        RUSTFLAGS="$std_flags" \
        "$prefix/bin/cargo" build --quiet -Zbuild-std=std,panic_abort --target "$target" --release \
        --target-dir "$work/std") ||
        fail "the standard library does not build for $target" "the compiler's message is above; it needs a crate registry"
}

install_std() {
    local host_bin=$1 lib="$prefix/lib/rustlib/$target/lib" rlib
    as_root mkdir -p "$lib/self-contained"
    # Libraries of an earlier rustc would make every crate ambiguous.
    as_root find "$lib" -maxdepth 1 -name 'lib*.rlib' -delete
    for rlib in "$work/std/$target/release/deps"/lib*.rlib; do
        case "$rlib" in */libchora_wasm_probe*) ;; *) as_root cp "$rlib" "$lib/" ;; esac
    done
    as_root cp "$prefix"/lib/wasm32-wasi/{crt1-command.o,crt1-reactor.o,libc.a} "$lib/self-contained/"
    as_root ln -sfn "$prefix/bin/wasm-ld-19" "$host_bin/rust-lld"
}

mkdir -p "$work"
exec 9>"$work/lock"
flock 9

if works; then
    say "toolchain \`$toolchain\` builds for $target: nothing to do"
    exit 0
fi
command -v rustup >/dev/null || fail "\`rustup\` is not on PATH" "see https://rustup.rs"

install_packages
[ -x "$prefix/bin/rustc" ] || fail "\`$prefix/bin/rustc\` is missing although its package is installed"
rustup toolchain link "$toolchain" "$prefix"
if works; then
    say "toolchain \`$toolchain\` linked; it builds for $target"
    exit 0
fi

host=$("$prefix/bin/rustc" -vV | sed -n 's/^host: //p')
host_bin="$prefix/lib/rustlib/$host/bin"

# Left-overs of another compiler or other flags must not be copied along with the new libraries.
version="$("$prefix/bin/rustc" -vV) $std_flags"
if [ "$(cat "$work/std.version" 2>/dev/null || true)" != "$version" ]; then
    # Guests that were built against the old ones are of no use either.
    rm -rf "$work/std" "$root/target/guests"
fi
build_std "$host_bin"
printf '%s\n' "$version" >"$work/std.version"
install_std "$host_bin"

works || fail "the toolchain is there but does not build for $target: $(tail -n 5 "$work/check.log" 2>/dev/null)"
say "toolchain \`$toolchain\` builds for $target"

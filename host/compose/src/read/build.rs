//! `build`, `image` and `pull_policy`.

use chora_model::yaml::Value;

use super::environment::{arguments, texts};
use super::keys::BUILD;
use super::{At, Reader};
use crate::model::{Build, PullPolicy};
use crate::values;

pub(super) fn read(reader: &mut Reader<'_>, at: Option<At<'_>>) -> Option<Build> {
    let at = at?;
    if let Value::Text(context) = &at.node.value {
        return context_of(reader, &at, context).map(|context| Build {
            context,
            ..Build::default()
        });
    }
    if !reader.keys(&at, BUILD) {
        return None;
    }
    let context = at.get("context");
    let text = reader.filled(context.as_ref());
    let text = text.unwrap_or_else(|| ".".to_owned());
    let context = context_of(reader, context.as_ref().unwrap_or(&at), &text)?;
    let dockerfile = reader.filled(at.get("dockerfile").as_ref());
    let inline = at.get("dockerfile_inline");
    if let Some(inline) = &inline
        && dockerfile.is_some()
    {
        let message = format!("`{}` and `dockerfile` exclude each other", inline.path);
        reader.problem(inline.place(), message);
    }
    let platforms = reader.texts(at.get("platforms"));
    if let Some(at) = at.get("platforms")
        && platforms.len() > 1
    {
        let message = format!("`{}` is at most one platform", at.path);
        let hint = "images for several platforms need BuildKit".to_owned();
        reader.problem_with(at.place(), message, Some(hint));
    }
    Some(Build {
        context,
        dockerfile: dockerfile.map(Into::into),
        dockerfile_inline: reader.filled(inline.as_ref()),
        args: arguments(reader, at.get("args")),
        target: reader.filled(at.get("target").as_ref()),
        network: reader.filled(at.get("network").as_ref()),
        labels: texts(reader, at.get("labels")),
        tags: images(reader, at.get("tags")),
        cache_from: reader.texts(at.get("cache_from")),
        no_cache: reader.flag(at.get("no_cache").as_ref()).unwrap_or(false),
        pull: reader.flag(at.get("pull").as_ref()).unwrap_or(false),
        shm_size: reader.bytes(at.get("shm_size").as_ref()),
        platforms,
        extra_hosts: super::service::hosts(reader, at.get("extra_hosts")),
    })
}

fn context_of(reader: &mut Reader<'_>, at: &At<'_>, context: &str) -> Option<std::path::PathBuf> {
    let remote = [
        "http://",
        "https://",
        "git://",
        "ssh://",
        "git@",
        "github.com/",
    ];
    if remote.iter().any(|prefix| context.starts_with(prefix)) {
        let message = format!("`{}` is a directory, and not `{context}`", at.path);
        let hint = "fetch it first, and name the directory".to_owned();
        reader.problem_with(at.place(), message, Some(hint));
        return None;
    }
    Some(reader.host_path(context))
}

fn images(reader: &mut Reader<'_>, at: Option<At<'_>>) -> Vec<String> {
    let items = reader.items(at);
    items
        .iter()
        .filter_map(|item| image(reader, Some(item)))
        .collect()
}

/// The name of an image.
pub(super) fn image(reader: &mut Reader<'_>, at: Option<&At<'_>>) -> Option<String> {
    let at = at?;
    let text = reader.filled(Some(at))?;
    if values::is_image(&text) {
        return Some(text);
    }
    let message = format!("`{}` is no name of an image: `{text}`", at.path);
    let hint = "write `[HOST/]NAME[:TAG][@DIGEST]`, the name in lower case".to_owned();
    reader.problem_with(at.place(), message, Some(hint));
    None
}

pub(super) fn pull_policy(reader: &mut Reader<'_>, at: Option<At<'_>>) -> Option<PullPolicy> {
    const DAY: u64 = 24 * 3600;
    let at = at?;
    let text = reader.filled(Some(&at))?;
    if let Some(duration) = text.strip_prefix("every_") {
        let duration = values::duration(duration);
        if duration.is_none() {
            reader.bad(&at, &text, "`every_` and a duration such as `12h`");
        }
        return duration.map(PullPolicy::Every);
    }
    let words = [
        "always",
        "never",
        "missing",
        "if_not_present",
        "build",
        "daily",
        "weekly",
    ];
    Some(match reader.word(Some(&at), &words)? {
        "always" => PullPolicy::Always,
        "never" => PullPolicy::Never,
        "build" => PullPolicy::Build,
        "daily" => PullPolicy::Every(std::time::Duration::from_secs(DAY)),
        "weekly" => PullPolicy::Every(std::time::Duration::from_secs(7 * DAY)),
        _ => PullPolicy::Missing,
    })
}

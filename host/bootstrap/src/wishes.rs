//! What a plugin asks for against what it was given: everything that is asked must be covered before anything runs.

use chora_model::config::Config;
use chora_model::grant::{Grant, HttpScope, Origin, Scene, Selector, TcpScope};

/// The wishes that the given grants do not cover, as they were written.
///
/// A wish is covered when for each thing that it would allow some grant allows it. Grants that name services are compared by the services that the configuration has now.
pub(crate) fn uncovered<'a>(
    config: &Config,
    given: &[Grant],
    wishes: &'a [String],
) -> Vec<&'a str> {
    wishes
        .iter()
        .filter(|wish| match Grant::parse(wish) {
            Ok(wish) => !pieces(&wish).iter().all(|piece| {
                let mut grants = given.iter();
                grants.any(|grant| covers(config, grant, piece))
            }),
            Err(_) => true,
        })
        .map(String::as_str)
        .collect()
}

/// A grant as grants of one verb each.
fn pieces(grant: &Grant) -> Vec<Grant> {
    match grant {
        Grant::Services(selector, verbs) => verbs
            .iter()
            .map(|verb| Grant::Services(selector.clone(), vec![verb.clone()]))
            .collect(),
        Grant::Credentials(selector, verbs) => verbs
            .iter()
            .map(|verb| Grant::Credentials(selector.clone(), vec![*verb]))
            .collect(),
        Grant::Machine(parts) => parts
            .iter()
            .map(|part| Grant::Machine(vec![*part]))
            .collect(),
        Grant::Http(scope) if scope.methods.len() > 1 => scope
            .methods
            .iter()
            .map(|method| {
                Grant::Http(HttpScope {
                    methods: vec![method.clone()],
                    ..scope.clone()
                })
            })
            .collect(),
        Grant::Docker(scope) => scope.pieces().into_iter().map(Grant::Docker).collect(),
        Grant::Http(_) | Grant::Health(_) | Grant::Tcp(_) => vec![grant.clone()],
    }
}

fn covers(config: &Config, grant: &Grant, piece: &Grant) -> bool {
    match (grant, piece) {
        (Grant::Services(given, verbs), Grant::Services(asked, wanted)) => {
            wanted.iter().all(|verb| verbs.contains(verb)) && selects_all(config, given, asked)
        }
        (Grant::Health(given), Grant::Health(asked)) => selects_all(config, given, asked),
        (Grant::Credentials(given, verbs), Grant::Credentials(asked, wanted)) => {
            wanted.iter().all(|verb| verbs.contains(verb)) && (given == asked || is_all(given))
        }
        (Grant::Machine(parts), Grant::Machine(wanted)) => {
            wanted.iter().all(|part| parts.contains(part))
        }
        (Grant::Tcp(TcpScope::Services(given)), Grant::Tcp(TcpScope::Services(asked))) => {
            selects_all(config, given, asked)
        }
        (Grant::Tcp(given), Grant::Tcp(asked)) => given == asked,
        (Grant::Http(given), Grant::Http(asked)) => http_covers(config, given, asked),
        (Grant::Docker(given), Grant::Docker(asked)) => given.includes(asked),
        (
            Grant::Services(..)
            | Grant::Health(_)
            | Grant::Credentials(..)
            | Grant::Machine(_)
            | Grant::Tcp(_)
            | Grant::Http(_)
            | Grant::Docker(_),
            _,
        ) => false,
    }
}

fn http_covers(config: &Config, given: &HttpScope, asked: &HttpScope) -> bool {
    let methods = given.methods.is_empty()
        || (!asked.methods.is_empty()
            && asked
                .methods
                .iter()
                .all(|method| given.methods.contains(method)));
    let path = if given.prefix {
        asked.path.starts_with(&given.path)
    } else {
        !asked.prefix && asked.path == given.path
    };
    let origin = match (&given.origin, &asked.origin) {
        (Origin::Url(given), Origin::Url(asked)) => given.origin() == asked.origin(),
        (Origin::Services(given), Origin::Services(asked)) => selects_all(config, given, asked),
        (Origin::Url(_), Origin::Services(_)) | (Origin::Services(_), Origin::Url(_)) => false,
    };
    methods && path && origin
}

/// `@target` is known only when a probe is made, so it is covered by itself and by everything only.
fn selects_all(config: &Config, given: &Selector, asked: &Selector) -> bool {
    if given == asked || is_all(given) {
        return true;
    }
    if *given == Selector::Target || *asked == Selector::Target {
        return false;
    }
    let scene = Scene {
        config,
        target: None,
    };
    let mut asked_for = config
        .services
        .iter()
        .filter(|service| asked.selects(&service.name, scene))
        .peekable();
    // A wish for services that do not exist says nothing of what was meant, unless it was given word for word.
    asked_for.peek().is_some() && asked_for.all(|service| given.selects(&service.name, scene))
}

fn is_all(selector: &Selector) -> bool {
    *selector == Selector::Name("*".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_config::config;

    fn left(given: &[&str], wishes: &[&str]) -> Vec<String> {
        let given: Vec<Grant> = given
            .iter()
            .map(|text| Grant::parse(text).unwrap())
            .collect();
        let wishes: Vec<String> = wishes.iter().map(|text| (*text).to_owned()).collect();
        let config = config(&[("a", 1, &[]), ("b", 1, &[]), ("c", 2, &[])]);
        uncovered(&config, &given, &wishes)
            .into_iter()
            .map(str::to_owned)
            .collect()
    }

    #[test]
    fn broader_grants_cover_narrower_wishes_and_not_the_other_way_round() {
        let none: [String; 0] = [];
        assert_eq!(
            left(&["services=*:start+stop"], &["services=a:start"]),
            none
        );
        assert_eq!(
            left(&["services=@phase:1:start"], &["services=a:start"]),
            none
        );
        assert_eq!(
            left(
                &["services=a:start", "services=a:stop"],
                &["services=a:start+stop"]
            ),
            none
        );
        assert_eq!(
            left(&["services=a:start"], &["services=*:start"]),
            ["services=*:start"]
        );
        assert_eq!(
            left(&["services=a:start"], &["services=a:start+stop"]),
            ["services=a:start+stop"]
        );
        assert_eq!(
            left(&["http=* http://h/x*"], &["http=GET+PUT http://h/x/y"]),
            none
        );
        assert_eq!(
            left(&["http=GET http://h/x"], &["http=GET http://h/x*"]),
            ["http=GET http://h/x*"]
        );
        assert_eq!(
            left(&["http=GET http://h/x"], &["http=* http://h/x"]),
            ["http=* http://h/x"]
        );
        assert_eq!(left(&["tcp=@target"], &["tcp=@target"]), none);
        assert_eq!(
            left(
                &[
                    "docker=container/chora-*:run(a/*)+bind(/srv)",
                    "docker=container/*:stop"
                ],
                &["docker=container/chora-a*:run(a/b:1)+bind-read-only(/srv/x)+stop"]
            ),
            none
        );
        for (given, wish) in [
            (
                "docker=container/chora-a:stop",
                "docker=container/chora-*:stop",
            ),
            ("docker=container/a:run(b:1)", "docker=container/a:run(b:*)"),
            (
                "docker=container/a:run(b)",
                "docker=container/a:run(b)+privileged",
            ),
            (
                "docker=container/a:bind-read-only(/b)",
                "docker=container/a:bind(/b)",
            ),
            ("docker=image/a*:pull", "docker=image/a.example.org/b:pull"),
            ("docker=network/*:join", "docker=network/bridge:join"),
            ("docker=volume/a:mount-read-only", "docker=volume/a:mount"),
            ("docker=engine:version", "docker=network/a:inspect"),
        ] {
            assert_eq!(left(&[given], &[wish]), [wish], "{given}");
            assert_eq!(left(&[wish], &[wish]), none, "{wish}");
        }
        assert_eq!(left(&["health=a"], &["health=@target"]), ["health=@target"]);
        assert_eq!(
            left(&[], &["machine=ports", "nonsense"]),
            ["machine=ports", "nonsense"]
        );
    }
}

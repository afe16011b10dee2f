//! The bundled health check of services that have only a port: healthy is who accepts a connection there.
//!
//! Setting: `host`, in place of `localhost`.

use chora_plugin::{HealthCheck, Metadata, ProbeError, Target, Verdict, settings, tcp};
use serde_json::Value;

struct TcpCheck;

impl HealthCheck for TcpCheck {
    fn describe() -> Metadata {
        Metadata::new(
            "tcp-check",
            env!("CARGO_PKG_VERSION"),
            "healthy is a service that accepts connections on its port",
        )
        .asks("tcp=@target", "to connect to the service's port")
    }

    fn probe(target: &Target) -> Result<Verdict, ProbeError> {
        let Some(port) = target.port else {
            return Err(ProbeError::Unsupported(format!(
                "service `{}` has no `port`",
                target.service
            )));
        };
        let host = host(settings::value("host"))?;
        judge(
            &host,
            port,
            target.timeout,
            tcp::reach(&host, port, target.timeout),
        )
    }
}

chora_plugin::export_health_check!(TcpCheck);

fn host(setting: Option<Value>) -> Result<String, ProbeError> {
    match setting {
        None => Ok("localhost".to_owned()),
        Some(Value::String(host)) if !host.is_empty() => Ok(host),
        Some(_) => Err(ProbeError::Unsupported(
            "the setting `host` is a host's name or address".to_owned(),
        )),
    }
}

fn judge(
    host: &str,
    port: u16,
    timeout: u64,
    reached: Result<(), tcp::Error>,
) -> Result<Verdict, ProbeError> {
    match reached {
        Ok(()) => Ok(Verdict::healthy(format!(
            "{host}:{port} accepts connections"
        ))),
        Err(tcp::Error::Refused(text)) => Ok(Verdict::unhealthy(text)),
        Err(tcp::Error::TimedOut) => Ok(Verdict::unhealthy(format!(
            "{host}:{port} accepted no connection within {timeout} ms"
        ))),
        Err(error) => Err(error.into()),
    }
}

#[cfg(test)]
mod tests {
    use chora_plugin::tcp;
    use serde_json::json;

    use super::{host, judge};

    #[test]
    fn only_an_accepted_connection_is_healthy() {
        assert!(judge("h", 1, 9, Ok(())).unwrap().healthy);
        for error in [
            tcp::Error::Refused("h:1: refused".to_owned()),
            tcp::Error::TimedOut,
        ] {
            assert!(!judge("h", 1, 9, Err(error)).unwrap().healthy);
        }
        assert!(judge("h", 1, 9, Err(tcp::Error::Denied("tcp=h:1".to_owned()))).is_err());
    }

    #[test]
    fn the_host_is_a_setting() {
        assert_eq!(host(None).unwrap(), "localhost");
        assert_eq!(host(Some(json!("10.0.0.1"))).unwrap(), "10.0.0.1");
        assert!(host(Some(json!(7))).is_err());
    }
}

//! Secrets are taken out of whatever is told.

use std::borrow::Cow;

use chora_model::credentials::Redactor;
use chora_model::event::EventKind;
use chora_model::failure::Failure;

/// Takes secrets out of everything that a plugin or a service had a say in.
pub(super) fn clean(mut kind: EventKind, redactor: Option<&Redactor>) -> EventKind {
    let Some(redactor) = redactor else {
        return kind;
    };
    match &mut kind {
        EventKind::Notice { message } | EventKind::StepLog { message, .. } => {
            line(message, redactor)
        }
        EventKind::StepDoing { what, .. } => line(what, redactor),
        EventKind::ServiceNotHealthy { reason, .. } => line(reason, redactor),
        EventKind::StepFinished {
            summary,
            warnings,
            failure,
            ..
        } => {
            line(summary, redactor);
            warnings.iter_mut().for_each(|text| line(text, redactor));
            if let Some(failure) = failure {
                clean_failure(failure, redactor);
            }
        }
        // The summary is cleaned where it is finished.
        EventKind::RunFinished(_)
        | EventKind::RunStarted { .. }
        | EventKind::PhaseStarted { .. }
        | EventKind::PhaseFinished { .. }
        | EventKind::StepStarted { .. }
        | EventKind::ServiceHealthy { .. }
        | EventKind::PluginCalled(_) => {}
        // A plugin that may read a secret can call with it.
        EventKind::HostCall(call) => {
            let texts = std::iter::once(&mut call.target)
                .chain(&mut call.needed)
                .chain(&mut call.besides);
            texts.for_each(|text| line(text, redactor));
        }
    }
    kind
}

fn line(text: &mut String, redactor: &Redactor) {
    if let Cow::Owned(clean) = redactor.redact(text) {
        *text = clean;
    }
}

pub(super) fn clean_failure(failure: &mut Failure, redactor: &Redactor) {
    line(&mut failure.message, redactor);
    let lines = failure
        .causes
        .iter_mut()
        .chain(&mut failure.next_actions)
        .chain(&mut failure.log_tail)
        .chain(&mut failure.details)
        .chain(&mut failure.last_probe)
        .chain(&mut failure.service);
    lines.for_each(|text| line(text, redactor));
}

#[cfg(test)]
mod tests {
    use chora_model::config::CredentialSettings;
    use chora_model::event::HostCall;
    use chora_model::failure::Code;
    use chora_plugin_host::CredentialVault;

    use super::*;

    #[test]
    fn a_plugin_that_may_read_a_secret_gets_it_into_no_line_of_the_ledger_and_no_failure() {
        let directory = tempfile::tempdir().unwrap();
        let settings = CredentialSettings {
            jwt_secret_bits: 256,
            api_key_bits: 256,
            storage_path: None,
        };
        let vault = CredentialVault::new(
            directory.path().join("credentials.json"),
            directory.path().join("data"),
            settings,
            Vec::new(),
        );
        vault.ensure().unwrap();
        let credentials = vault.current().unwrap().unwrap();
        let secret = credentials.get("jwt_secret").unwrap().expose();
        let redactor = vault.redactor().unwrap();
        let call = HostCall {
            caller: "mine/step".to_owned(),
            digest: String::new(),
            function: "services.inspect".to_owned(),
            target: format!("{secret}:inspect"),
            grant: None,
            decision: "denied".to_owned(),
            needed: Some(format!("services={secret}:inspect")),
            besides: vec![format!("health={secret}")],
            arguments: String::new(),
            bytes: 0,
            duration_us: 0,
        };
        let noted = clean(EventKind::HostCall(call), Some(&redactor));
        let noted = serde_json::to_string(&noted).unwrap();
        assert!(!noted.contains(secret), "{noted}");
        assert!(noted.contains(":inspect"), "{noted}");

        let mut failure = Failure::new(Code::CoreFailed, format!("<{secret}>"));
        failure.service = Some(secret.to_owned());
        clean_failure(&mut failure, &redactor);
        let told = serde_json::to_string(&failure).unwrap();
        assert!(!told.contains(secret), "{told}");
    }
}

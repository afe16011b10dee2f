//! Short-lived tokens: HS256 over the bytes of the secret's hexadecimal text.

use jsonwebtoken::{
    Algorithm, DecodingKey, EncodingKey, Header, Validation, decode, encode, get_current_timestamp,
};
use serde::{Deserialize, Serialize};

use crate::Secret;

/// How long a token that is signed here lives, in seconds.
const LIFETIME: u64 = 60;
/// The longest life that is accepted, in seconds: a leaked token must not be a key.
const LONGEST: u64 = 900;
/// How far clocks may differ, in seconds.
const LEEWAY: u64 = 5;
const ISSUER: &str = "chora";

#[derive(Serialize, Deserialize)]
struct Claims {
    iss: String,
    sub: String,
    iat: u64,
    exp: u64,
}

/// A token cannot be signed or is not accepted.
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    /// Not a token, not ours, or past its end.
    #[error("the token is not valid")]
    Invalid(#[from] jsonwebtoken::errors::Error),
    /// It claims to live longer than allowed, or to be of the future.
    #[error("the token lives longer than {LONGEST} s or was issued in the future")]
    Lifetime,
}

/// A token for `subject`, good for a minute.
pub fn sign_token(secret: &Secret, subject: &str) -> Result<String, TokenError> {
    let now = get_current_timestamp();
    let claims = Claims {
        iss: ISSUER.to_owned(),
        sub: subject.to_owned(),
        iat: now,
        exp: now + LIFETIME,
    };
    Ok(encode(
        &Header::new(Algorithm::HS256),
        &claims,
        &EncodingKey::from_secret(secret.expose().as_bytes()),
    )?)
}

/// The subject of a token that is signed with the secret, in date and short-lived.
pub fn verify_token(secret: &Secret, token: &str) -> Result<String, TokenError> {
    let mut rules = Validation::new(Algorithm::HS256);
    rules.leeway = LEEWAY;
    rules.set_issuer(&[ISSUER]);
    rules.set_required_spec_claims(&["exp", "iss", "sub"]);
    let claims = decode::<Claims>(
        token,
        &DecodingKey::from_secret(secret.expose().as_bytes()),
        &rules,
    )?
    .claims;
    // Without the second condition a token of the far future would pass as short-lived until then.
    if claims.exp.saturating_sub(claims.iat) > LONGEST
        || claims.iat > get_current_timestamp() + LEEWAY
    {
        return Err(TokenError::Lifetime);
    }
    Ok(claims.sub)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn signed(claims: &serde_json::Value, algorithm: Algorithm, secret: &str) -> String {
        encode(
            &Header::new(algorithm),
            claims,
            &EncodingKey::from_secret(secret.as_bytes()),
        )
        .unwrap()
    }

    #[test]
    fn a_signed_token_is_verified_to_its_subject() {
        let secret = Secret::new("00ff");
        assert_eq!(
            verify_token(&secret, &sign_token(&secret, "gateway").unwrap()).unwrap(),
            "gateway"
        );
    }

    #[test]
    fn tokens_outside_the_rules_are_refused() {
        let now = get_current_timestamp();
        let secret = Secret::new("00ff");
        let good = json!({"iss": "chora", "sub": "x", "iat": now, "exp": now + 60});
        assert!(verify_token(&secret, &signed(&good, Algorithm::HS256, "00ff")).is_ok());
        assert!(
            verify_token(&secret, &signed(&good, Algorithm::HS256, "other")).is_err(),
            "another secret"
        );
        assert!(
            verify_token(&secret, &signed(&good, Algorithm::HS512, "00ff")).is_err(),
            "another algorithm"
        );
        for (why, claims) in [
            ("no exp", json!({"iss": "chora", "sub": "x", "iat": now})),
            (
                "no iat",
                json!({"iss": "chora", "sub": "x", "exp": now + 60}),
            ),
            (
                "past",
                json!({"iss": "chora", "sub": "x", "iat": now - 100, "exp": now - 10}),
            ),
            (
                "too long",
                json!({"iss": "chora", "sub": "x", "iat": now, "exp": now + 1000}),
            ),
            (
                "of the future",
                json!({"iss": "chora", "sub": "x", "iat": now + 4000, "exp": now + 4060}),
            ),
            (
                "another issuer",
                json!({"iss": "else", "sub": "x", "iat": now, "exp": now + 60}),
            ),
            (
                "no subject",
                json!({"iss": "chora", "iat": now, "exp": now + 60}),
            ),
        ] {
            assert!(
                verify_token(&secret, &signed(&claims, Algorithm::HS256, "00ff")).is_err(),
                "{why}"
            );
        }
    }
}

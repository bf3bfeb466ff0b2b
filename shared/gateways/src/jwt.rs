//! JSON Web Tokens in their compact form: those that gateways sign with HMAC are checked, those that want RS256 are made.

use aws_lc_rs::{hmac, rand::SystemRandom, rsa::KeyPair, signature::RSA_PKCS1_SHA256};
use base64::{
    Engine,
    prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD},
};
use serde_json::{Value, json};

use crate::{Forged, signature};

/// The claims of a token that was signed with this secret by one of the algorithms that its scheme allows (`HS256`, `HS384`,
/// `HS512`). Times and hashes among them are the caller's to check.
pub(crate) fn verified(token: &str, secret: &str, allowed: &[&str]) -> Result<Value, Forged> {
    let (signed, given) = token.rsplit_once('.').ok_or(Forged::Wrong)?;
    let (header, claims) = signed.split_once('.').ok_or(Forged::Wrong)?;
    let header = part(header).ok_or(Forged::Wrong)?;
    let named = header["alg"].as_str().unwrap_or_default();
    let algorithm = algorithm(named).filter(|_| allowed.contains(&named));
    let key = hmac::Key::new(algorithm.ok_or(Forged::Wrong)?, secret.as_bytes());
    let given = BASE64_URL_SAFE_NO_PAD.decode(given);
    let expected = hmac::sign(&key, signed.as_bytes());
    signature::compare(expected.as_ref(), &given.map_err(|_| Forged::Wrong)?)?;
    part(claims).ok_or(Forged::Wrong)
}

fn algorithm(name: &str) -> Option<hmac::Algorithm> {
    Some(match name {
        "HS256" => hmac::HMAC_SHA256,
        "HS384" => hmac::HMAC_SHA384,
        "HS512" => hmac::HMAC_SHA512,
        _ => return None,
    })
}

/// An object; of repeated members the last counts.
fn part(text: &str) -> Option<Value> {
    let bytes = BASE64_URL_SAFE_NO_PAD.decode(text).ok()?;
    let value: Value = serde_json::from_slice(&bytes).ok()?;
    Some(value).filter(Value::is_object)
}

/// A key pair from a private key as PEM: PKCS #8, or PKCS #1 (`BEGIN RSA PRIVATE KEY`).
pub(crate) fn rsa_key(pem: &str) -> Option<KeyPair> {
    let lines = pem.lines().map(str::trim);
    let base64: String = lines.filter(|line| !line.starts_with("-----")).collect();
    let der = BASE64_STANDARD.decode(base64).ok()?;
    let key = KeyPair::from_pkcs8(&der);
    key.or_else(|_| KeyPair::from_der(&der)).ok()
}

/// A token with these claims. `None` where the signature fails, which a key that was read doesn't do.
pub(crate) fn rs256(claims: &Value, key: &KeyPair) -> Option<String> {
    let part = |value: &Value| BASE64_URL_SAFE_NO_PAD.encode(value.to_string());
    let signed = format!(
        "{}.{}",
        part(&json!({"alg": "RS256", "typ": "JWT"})),
        part(claims)
    );
    let mut signature = vec![0; key.public_modulus_len()];
    let random = SystemRandom::new();
    key.sign(
        &RSA_PKCS1_SHA256,
        &random,
        signed.as_bytes(),
        &mut signature,
    )
    .ok()?;
    let signature = BASE64_URL_SAFE_NO_PAD.encode(signature);
    Some(format!("{signed}.{signature}"))
}

#[cfg(test)]
pub(crate) mod tests {
    use aws_lc_rs::{
        encoding::{AsDer, Pkcs8V1Der},
        rsa::KeySize,
        signature::{KeyPair as _, RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey},
    };

    use super::*;

    /// What a gateway would send.
    pub(crate) fn hmac_token(header: &Value, claims: &Value, secret: &str) -> String {
        let part = |value: &Value| BASE64_URL_SAFE_NO_PAD.encode(value.to_string());
        let signed = format!("{}.{}", part(header), part(claims));
        let algorithm = header["alg"].as_str().and_then(algorithm);
        let key = hmac::Key::new(algorithm.unwrap_or(hmac::HMAC_SHA256), secret.as_bytes());
        let signature = BASE64_URL_SAFE_NO_PAD.encode(hmac::sign(&key, signed.as_bytes()));
        format!("{signed}.{signature}")
    }

    #[test]
    fn only_a_token_of_the_secret_and_an_allowed_algorithm_is_believed() {
        let claims = json!({"iss": "a gateway"});
        let token = |alg: &str, secret| hmac_token(&json!({"alg": alg}), &claims, secret);
        let genuine = token("HS256", "key");
        let (before, _) = genuine.rsplit_once('.').unwrap();
        for (name, token, expected) in [
            ("its own", genuine.clone(), true),
            ("another algorithm", token("HS512", "key"), true),
            ("one that isn't allowed", token("HS384", "key"), false),
            ("none", token("none", "key"), false),
            ("RS256", token("RS256", "key"), false),
            ("another key", token("HS256", "other"), false),
            ("no signature", format!("{before}."), false),
            ("two parts", before.to_owned(), false),
            ("nothing", String::new(), false),
            ("dots", "..".to_owned(), false),
        ] {
            let read = verified(&token, "key", &["HS256", "HS512"]);
            assert_eq!(
                read,
                expected.then(|| claims.clone()).ok_or(Forged::Wrong),
                "{name}"
            );
        }
    }

    #[test]
    fn a_token_that_we_make_is_signed_with_the_key() {
        let key = KeyPair::generate(KeySize::Rsa2048).unwrap();
        let der: Pkcs8V1Der = key.as_der().unwrap();
        let lines = BASE64_STANDARD.encode(der.as_ref());
        let pem = format!("-----BEGIN PRIVATE KEY-----\n{lines}\n-----END PRIVATE KEY-----\n");

        let token = rs256(&json!({"jti": "1"}), &rsa_key(&pem).unwrap()).unwrap();

        let (signed, signature) = token.rsplit_once('.').unwrap();
        let signature = BASE64_URL_SAFE_NO_PAD.decode(signature).unwrap();
        let public = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, key.public_key());
        assert!(public.verify(signed.as_bytes(), &signature).is_ok());
        assert!(rsa_key("-----BEGIN PRIVATE KEY-----\nAAAA\n").is_none());
    }
}

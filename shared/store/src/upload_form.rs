//! The form by which an upload is put to S3: one key, a limit of its size, an hour. A presigned POST, since a presigned PUT
//! can't limit the size. <https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-HTTPPOSTConstructPolicy.html>

use std::{collections::BTreeMap, time::Duration};

use aws_config::SdkConfig;
use aws_lc_rs::hmac;
use aws_sdk_s3::{
    Client,
    config::{Credentials, ProvideCredentials},
    presigning::PresigningConfig,
};
use base64::{Engine, prelude::BASE64_STANDARD};
use carillon_core::id::{AccountId, UploadId};
use jiff::{SignedDuration, Timestamp, tz::TimeZone};
use serde_json::json;

use crate::{StoreError, aws::Aws, files::Files};

/// How long a form can be used.
pub const VALID: SignedDuration = SignedDuration::from_hours(1);
/// Bytes of an upload at most: ten million rows and more.
pub const MAX_BYTES: u64 = 1024 * 1024 * 1024;

#[derive(Debug, Clone)]
pub struct UploadForms {
    client: Client,
    /// Whose credentials sign.
    config: SdkConfig,
    bucket: String,
}

/// What one form is for.
#[derive(Debug, Clone)]
pub struct Purpose<'a> {
    pub account: AccountId,
    pub upload: UploadId,
    /// Where a browser goes on when the file is there. `None`: S3 answers with 204, and it stays where it is.
    pub then: Option<&'a str>,
}

/// To be posted as `multipart/form-data`: the fields as they are, then the file in a field called `file`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UploadForm {
    pub url: String,
    pub fields: BTreeMap<String, String>,
    pub expires: Timestamp,
}

impl UploadForms {
    pub fn new(aws: &Aws, bucket: impl Into<String>) -> Self {
        Self {
            client: aws.s3(),
            config: aws.config().clone(),
            bucket: bucket.into(),
        }
    }

    pub async fn sign(
        &self,
        purpose: Purpose<'_>,
        now: Timestamp,
    ) -> Result<UploadForm, StoreError> {
        let Purpose {
            account,
            upload,
            then,
        } = purpose;
        let key = Files::upload_key(account, upload);
        let failed = |what: &str| StoreError::Service {
            operation: "sign an upload's form",
            source: what.into(),
        };
        let region = self
            .config
            .region()
            .ok_or_else(|| failed("there is no region"))?;
        let provider = self.config.credentials_provider();
        let provider = provider.ok_or_else(|| failed("there are no credentials"))?;
        let credentials = provider.provide_credentials().await;
        let credentials = credentials.map_err(|error| failed(&error.to_string()))?;
        let expires = now + VALID;
        let day = now.to_zoned(TimeZone::UTC).strftime("%Y%m%d").to_string();
        let scope = Scope {
            day: &day,
            region: region.as_ref(),
        };
        let place = Place {
            bucket: &self.bucket,
            key: &key,
            then,
        };
        let fields = sign(&credentials, &scope, place, now, expires);
        let url = self.url(&key).await?;
        Ok(UploadForm {
            url,
            fields,
            expires,
        })
    }

    /// Where forms lead, for whoever has to name it before there is one.
    pub async fn address(&self) -> Result<String, StoreError> {
        self.url("uploads/none").await
    }

    /// Where the bucket is reached, in any partition and at any endpoint: what a request for the key is sent to, without the key.
    async fn url(&self, key: &str) -> Result<String, StoreError> {
        let failed = |source: Box<dyn std::error::Error + Send + Sync>| StoreError::Service {
            operation: "find the bucket's URL",
            source,
        };
        let minute = PresigningConfig::expires_in(Duration::from_mins(1));
        let minute = minute.map_err(|error| failed(error.into()))?;
        let request = self.client.put_object().bucket(&self.bucket).key(key);
        let request = request.presigned(minute).await;
        let request = request.map_err(|error| failed(error.into()))?;
        let url = request.uri();
        let end = url.find(key).unwrap_or(url.len());
        Ok(url[..end].trim_end_matches('/').to_owned())
    }
}

struct Scope<'a> {
    day: &'a str,
    region: &'a str,
}

#[derive(Clone, Copy)]
struct Place<'a> {
    bucket: &'a str,
    key: &'a str,
    then: Option<&'a str>,
}

fn sign(
    credentials: &Credentials,
    scope: &Scope<'_>,
    place: Place<'_>,
    now: Timestamp,
    expires: Timestamp,
) -> BTreeMap<String, String> {
    let Scope { day, region } = scope;
    let Place { bucket, key, then } = place;
    let now = now.to_zoned(TimeZone::UTC);
    let id = credentials.access_key_id();
    let mut fields = BTreeMap::from([
        ("key".to_owned(), key.to_owned()),
        ("x-amz-algorithm".to_owned(), "AWS4-HMAC-SHA256".to_owned()),
        (
            "x-amz-credential".to_owned(),
            format!("{id}/{day}/{region}/s3/aws4_request"),
        ),
        (
            "x-amz-date".to_owned(),
            now.strftime("%Y%m%dT%H%M%SZ").to_string(),
        ),
    ]);
    if let Some(token) = credentials.session_token() {
        fields.insert("x-amz-security-token".to_owned(), token.to_owned());
    }
    if let Some(then) = then {
        fields.insert("success_action_redirect".to_owned(), then.to_owned());
    }
    let mut conditions = vec![
        json!({"bucket": bucket}),
        json!(["content-length-range", 0, MAX_BYTES]),
    ];
    conditions.extend(
        fields
            .iter()
            .map(|(name, value)| json!({name.as_str(): value})),
    );
    let expiration = expires.to_zoned(TimeZone::UTC);
    let expiration = expiration.strftime("%Y-%m-%dT%H:%M:%S.000Z").to_string();
    let policy = json!({"expiration": expiration, "conditions": conditions});
    let policy = BASE64_STANDARD.encode(policy.to_string());
    let signature = signature(credentials.secret_access_key(), scope, &policy);
    fields.insert("policy".to_owned(), policy);
    fields.insert("x-amz-signature".to_owned(), signature);
    fields
}

fn signature(secret: &str, scope: &Scope<'_>, policy: &str) -> String {
    let step = |key: &[u8], text: &str| {
        let key = hmac::Key::new(hmac::HMAC_SHA256, key);
        hmac::sign(&key, text.as_bytes())
    };
    let day = step(format!("AWS4{secret}").as_bytes(), scope.day);
    let region = step(day.as_ref(), scope.region);
    let service = step(region.as_ref(), "s3");
    let key = step(service.as_ref(), "aws4_request");
    let signature = step(key.as_ref(), policy);
    let digits = |byte: &u8| [byte >> 4, byte & 15].map(|digit| char::from_digit(digit.into(), 16));
    let digits = signature.as_ref().iter().flat_map(digits);
    digits.map(|digit| digit.expect("four bits")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_policy_is_signed_as_amazon_signs_its_example() {
        // The example of the page above: its policy, in base64, and its signature.
        let policy = concat!(
            "eyAiZXhwaXJhdGlvbiI6ICIyMDE1LTEyLTMwVDEyOjAwOjAwLjAwMFoiLA0KICAiY29uZGl0aW9ucyI6IFsNCiAgICB7ImJ1Y2tldCI6ICJzaWd2NGV4YW1wbGVi",
            "dWNrZXQifSwNCiAgICBbInN0YXJ0cy13aXRoIiwgIiRrZXkiLCAidXNlci91c2VyMS8iXSwNCiAgICB7ImFjbCI6ICJwdWJsaWMtcmVhZCJ9LA0KICAgIHsic3Vj",
            "Y2Vzc19hY3Rpb25fcmVkaXJlY3QiOiAiaHR0cDovL3NpZ3Y0ZXhhbXBsZWJ1Y2tldC5zMy5hbWF6b25hd3MuY29tL3N1Y2Nlc3NmdWxfdXBsb2FkLmh0bWwifSwN",
            "CiAgICBbInN0YXJ0cy13aXRoIiwgIiRDb250ZW50LVR5cGUiLCAiaW1hZ2UvIl0sDQogICAgeyJ4LWFtei1tZXRhLXV1aWQiOiAiMTQzNjUxMjM2NTEyNzQifSwN",
            "CiAgICB7IngtYW16LXNlcnZlci1zaWRlLWVuY3J5cHRpb24iOiAiQUVTMjU2In0sDQogICAgWyJzdGFydHMtd2l0aCIsICIkeC1hbXotbWV0YS10YWciLCAiIl0s",
            "DQoNCiAgICB7IngtYW16LWNyZWRlbnRpYWwiOiAiQUtJQUlPU0ZPRE5ON0VYQU1QTEUvMjAxNTEyMjkvdXMtZWFzdC0xL3MzL2F3czRfcmVxdWVzdCJ9LA0KICAg",
            "IHsieC1hbXotYWxnb3JpdGhtIjogIkFXUzQtSE1BQy1TSEEyNTYifSwNCiAgICB7IngtYW16LWRhdGUiOiAiMjAxNTEyMjlUMDAwMDAwWiIgfQ0KICBdDQp9"
        );
        let scope = Scope {
            day: "20151229",
            region: "us-east-1",
        };

        let signature = signature("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", &scope, policy);

        assert_eq!(
            signature,
            "8afdbf4008c03f22c2cd3cdb72e4afbb1f6a588f3255ac628749a66d7f09699e"
        );
    }

    #[test]
    fn every_field_but_the_signature_is_in_the_policy() {
        let credentials =
            Credentials::new("AKID", "secret", Some("token".to_owned()), None, "test");
        let scope = Scope {
            day: "20260301",
            region: "eu-central-1",
        };
        let now: Timestamp = "2026-03-01T12:00:00.25Z".parse().unwrap();

        let place = Place {
            bucket: "files",
            key: "uploads/a/b",
            then: Some("https://sms.example.net/imports/map"),
        };
        let fields = sign(&credentials, &scope, place, now, now + VALID);

        let policy = BASE64_STANDARD.decode(&fields["policy"]).unwrap();
        let policy: serde_json::Value = serde_json::from_slice(&policy).unwrap();
        assert_eq!(policy["expiration"], "2026-03-01T13:00:00.000Z");
        let conditions = policy["conditions"].as_array().unwrap();
        assert!(conditions.contains(&json!(["content-length-range", 0, MAX_BYTES])));
        for name in [
            "key",
            "success_action_redirect",
            "x-amz-algorithm",
            "x-amz-credential",
            "x-amz-date",
            "x-amz-security-token",
        ] {
            assert!(conditions.contains(&json!({name: fields[name]})), "{name}");
        }
    }
}

//! AWS as a test wants it: every call is answered by a function, and kept to be looked at. For what an emulator can't be made to do.

use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
};

use aws_config::{BehaviorVersion, Region, SdkConfig, retry::RetryConfig};
use aws_sdk_s3::{
    config::{Credentials, SharedCredentialsProvider},
    primitives::SdkBody,
};
use aws_smithy_runtime_api::{
    client::{
        http::{
            HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings,
            SharedHttpClient, SharedHttpConnector,
        },
        orchestrator::{HttpRequest, HttpResponse},
        runtime_components::RuntimeComponents,
    },
    http::StatusCode,
};
use carillon_store::aws::Aws;

/// The bodies of the calls that were made.
pub type Calls = Arc<Mutex<Vec<String>>>;

/// `answer` is given the body of a call, and says status and body.
pub fn aws(answer: fn(&str) -> (u16, &'static str)) -> (Aws, Calls) {
    let calls = Calls::default();
    let stub = Stub {
        calls: Arc::clone(&calls),
        answer,
    };
    let credentials = Credentials::new("test", "test", None, None, "test");
    let config = SdkConfig::builder()
        .behavior_version(BehaviorVersion::v2026_01_12())
        .region(Region::new("us-east-1"))
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .retry_config(RetryConfig::disabled())
        .http_client(SharedHttpClient::new(stub));
    (Aws::from_config(config.build()), calls)
}

#[derive(Clone)]
struct Stub {
    calls: Calls,
    answer: fn(&str) -> (u16, &'static str),
}

impl fmt::Debug for Stub {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Stub")
    }
}

impl HttpClient for Stub {
    fn http_connector(
        &self,
        _: &HttpConnectorSettings,
        _: &RuntimeComponents,
    ) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}

impl HttpConnector for Stub {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let body = request.body().bytes().unwrap_or_default();
        let body = String::from_utf8_lossy(body).into_owned();
        let (status, answer) = (self.answer)(&body);
        let mut calls = self.calls.lock().unwrap_or_else(PoisonError::into_inner);
        calls.push(body);
        let status = StatusCode::try_from(status).expect("a status");
        HttpConnectorFuture::ready(Ok(HttpResponse::new(status, SdkBody::from(answer))))
    }
}

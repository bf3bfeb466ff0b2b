//! AWS as a process sees it that dies on its way: some calls arrive, and after them none. What is stored then is what a crash at
//! that place leaves behind.

use std::sync::{
    Arc,
    atomic::{AtomicU32, Ordering},
};

use aws_config::retry::RetryConfig;
use aws_smithy_http_client::Builder;
use aws_smithy_runtime_api::client::{
    http::{
        HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient,
        SharedHttpConnector,
    },
    orchestrator::HttpRequest,
    result::ConnectorError,
    runtime_components::RuntimeComponents,
};
use carillon_store::aws::Aws;

/// The same AWS, which `calls` calls reach.
pub fn after(aws: &Aws, calls: u32) -> Aws {
    let client = Mortal {
        inner: Builder::new().build_http(),
        left: Arc::new(AtomicU32::new(calls)),
    };
    let config = aws.config().clone().into_builder();
    let config = config
        .http_client(SharedHttpClient::new(client))
        .retry_config(RetryConfig::disabled());
    Aws::from_config(config.build())
}

#[derive(Debug, Clone)]
struct Mortal<T> {
    inner: T,
    left: Arc<AtomicU32>,
}

impl HttpClient for Mortal<SharedHttpClient> {
    fn http_connector(
        &self,
        settings: &HttpConnectorSettings,
        components: &RuntimeComponents,
    ) -> SharedHttpConnector {
        SharedHttpConnector::new(Mortal {
            inner: self.inner.http_connector(settings, components),
            left: Arc::clone(&self.left),
        })
    }
}

impl HttpConnector for Mortal<SharedHttpConnector> {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let one_less = |left: u32| left.checked_sub(1);
        let alive = self
            .left
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, one_less);
        if alive.is_ok() {
            return self.inner.call(request);
        }
        let dead = ConnectorError::io("the process has died".into());
        HttpConnectorFuture::ready(Err(dead))
    }
}

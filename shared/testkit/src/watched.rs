//! AWS as a process sees it that somebody watches: how often it calls, what another one does just before a call arrives, and which calls
//! don't.

use std::{
    fmt,
    future::Future,
    pin::Pin,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU32, Ordering},
    },
};

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

type Act = Pin<Box<dyn Future<Output = ()> + Send>>;

#[derive(Clone, Default)]
pub struct Watch {
    calls: Arc<AtomicU32>,
    /// What is done before the first call of an operation.
    before: Arc<Mutex<Option<(&'static str, Act)>>>,
    /// So many calls of an operation are lost.
    lost: Arc<Mutex<Option<(&'static str, u32)>>>,
}

impl fmt::Debug for Watch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watch").finish_non_exhaustive()
    }
}

impl Watch {
    /// The same AWS, watched.
    pub fn over(&self, aws: &Aws) -> Aws {
        let client = Watched {
            inner: Builder::new().build_http(),
            watch: self.clone(),
        };
        let config = aws.config().clone().into_builder();
        let config = config.http_client(SharedHttpClient::new(client));
        Aws::from_config(config.build())
    }

    /// So many that arrived.
    pub fn calls(&self) -> u32 {
        self.calls.load(Ordering::SeqCst)
    }

    /// `act` is done just before the next call of `operation`, such as `TransactWriteItems`, once.
    pub fn before(&self, operation: &'static str, act: impl Future<Output = ()> + Send + 'static) {
        let mut before = self.before.lock().unwrap_or_else(PoisonError::into_inner);
        *before = Some((operation, Box::pin(act)));
    }

    /// The next so many calls of `operation` don't arrive; what the client tries again counts too.
    pub fn lose(&self, operation: &'static str, times: u32) {
        let mut lost = self.lost.lock().unwrap_or_else(PoisonError::into_inner);
        *lost = Some((operation, times));
    }

    fn is_lost(&self, request: &HttpRequest) -> bool {
        let target = request.headers().get("x-amz-target").unwrap_or_default();
        let mut lost = self.lost.lock().unwrap_or_else(PoisonError::into_inner);
        match lost.as_mut() {
            Some((operation, times)) if *times > 0 && target.ends_with(*operation) => {
                *times -= 1;
                true
            }
            _ => false,
        }
    }

    /// Whether it was.
    pub fn is_done(&self) -> bool {
        let before = self.before.lock().unwrap_or_else(PoisonError::into_inner);
        before.is_none()
    }

    fn take(&self, request: &HttpRequest) -> Option<Act> {
        let target = request.headers().get("x-amz-target")?;
        let mut before = self.before.lock().unwrap_or_else(PoisonError::into_inner);
        let due = before.take_if(|(operation, _)| target.ends_with(*operation));
        due.map(|(_, act)| act)
    }
}

#[derive(Debug, Clone)]
struct Watched<T> {
    inner: T,
    watch: Watch,
}

impl HttpClient for Watched<SharedHttpClient> {
    fn http_connector(
        &self,
        settings: &HttpConnectorSettings,
        components: &RuntimeComponents,
    ) -> SharedHttpConnector {
        SharedHttpConnector::new(Watched {
            inner: self.inner.http_connector(settings, components),
            watch: self.watch.clone(),
        })
    }
}

impl HttpConnector for Watched<SharedHttpConnector> {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        self.watch.calls.fetch_add(1, Ordering::SeqCst);
        if self.watch.is_lost(&request) {
            let lost = ConnectorError::io("the call was lost".into());
            return HttpConnectorFuture::ready(Err(lost));
        }
        let Some(act) = self.watch.take(&request) else {
            return self.inner.call(request);
        };
        let inner = self.inner.clone();
        HttpConnectorFuture::new(async move {
            act.await;
            inner.call(request).await
        })
    }
}

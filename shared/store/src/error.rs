//! What every store call fails with, unless a caller could do something else about it: a lost condition has its own error beside its method.

use aws_sdk_dynamodb::error::SdkError;

type Source = Box<dyn std::error::Error + Send + Sync>;

#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The service did not do it: trying the whole operation again is safe.
    #[error("{operation} failed")]
    Service {
        operation: &'static str,
        source: Source,
    },
    /// What is stored can't be read by this version.
    #[error("{what} is not as this version writes it")]
    Corrupt { what: String },
}

impl StoreError {
    pub fn corrupt(what: impl Into<String>) -> Self {
        Self::Corrupt { what: what.into() }
    }

    /// For `.map_err(StoreError::service("lease a chunk"))`.
    pub fn service<E, R>(operation: &'static str) -> impl FnOnce(SdkError<E, R>) -> Self
    where
        E: std::error::Error + Send + Sync + 'static,
        R: std::fmt::Debug + Send + Sync + 'static,
    {
        move |source| Self::Service {
            operation,
            source: source.into(),
        }
    }
}

//! What every store call fails with, unless a caller could do something else about it: a lost condition has its own error beside its method.

use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};

type Source = Box<dyn std::error::Error + Send + Sync>;

#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The service did not do it: trying the whole operation again is safe.
    #[error("{operation} failed")]
    Service {
        operation: &'static str,
        source: Source,
    },
    /// The service has too much to do, or can't be reached: later it may do the same.
    #[error("{operation} was refused for now")]
    Busy {
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
        E: std::error::Error + ProvideErrorMetadata + Send + Sync + 'static,
        R: std::fmt::Debug + Send + Sync + 'static,
    {
        move |error| {
            let passing = passes(&error);
            let source = error.into();
            if passing {
                Self::Busy { operation, source }
            } else {
                Self::Service { operation, source }
            }
        }
    }
}

/// Whether the same call may succeed later.
fn passes<E: ProvideErrorMetadata, R>(error: &SdkError<E, R>) -> bool {
    match error {
        SdkError::TimeoutError(_) | SdkError::DispatchFailure(_) | SdkError::ResponseError(_) => {
            true
        }
        SdkError::ServiceError(answer) => answer
            .err()
            .code()
            .is_some_and(|code| THROTTLED.contains(&code) || BROKEN.contains(&code)),
        _ => false,
    }
}

/// What the services that we use call it when there is too much to do, in answers and in the reasons of a cancelled transaction.
pub(crate) const THROTTLED: [&str; 9] = [
    "ProvisionedThroughputExceededException",
    "ProvisionedThroughputExceeded",
    "RequestLimitExceeded",
    "RequestThrottled",
    "SlowDown",
    "ThrottlingError",
    "ThrottlingException",
    "Throttling",
    "TransactionInProgressException",
];

/// What they call it when something of theirs is broken.
const BROKEN: [&str; 5] = [
    "InternalError",
    "InternalFailure",
    "InternalServerError",
    "ServiceUnavailable",
    "KMSInternalException",
];

#[cfg(test)]
mod tests {
    use aws_sdk_dynamodb::{
        error::ErrorMetadata,
        operation::{get_item::GetItemError, put_item::PutItemError},
    };
    use aws_sdk_sqs::operation::send_message_batch::SendMessageBatchError;

    use super::*;

    fn is_busy<E>(error: SdkError<E, ()>) -> bool
    where
        E: std::error::Error + ProvideErrorMetadata + Send + Sync + 'static,
    {
        matches!(StoreError::service("test")(error), StoreError::Busy { .. })
    }

    #[test]
    fn too_much_load_is_told_from_what_will_never_work() {
        for (code, busy) in [
            ("ThrottlingException", true),
            ("ProvisionedThroughputExceededException", true),
            ("RequestLimitExceeded", true),
            ("InternalServerError", true),
            ("ValidationException", false),
            ("AccessDeniedException", false),
            ("ResourceNotFoundException", false),
        ] {
            let metadata = || ErrorMetadata::builder().code(code).build();
            let put = PutItemError::generic(metadata());
            let get = GetItemError::generic(metadata());

            assert_eq!(is_busy(SdkError::service_error(put, ())), busy, "{code}");
            assert_eq!(is_busy(SdkError::service_error(get, ())), busy, "{code}");
        }
        for (code, busy) in [
            ("RequestThrottled", true),
            ("InvalidMessageContents", false),
        ] {
            let metadata = ErrorMetadata::builder().code(code).build();
            let send = SendMessageBatchError::generic(metadata);

            assert_eq!(is_busy(SdkError::service_error(send, ())), busy, "{code}");
        }
    }

    #[test]
    fn what_can_not_be_reached_may_be_later() {
        let timeout = SdkError::<PutItemError, ()>::timeout_error("no answer");
        let built_wrong = SdkError::<PutItemError, ()>::construction_failure("no table");

        assert!(is_busy(timeout));
        assert!(!is_busy(built_wrong));
    }
}

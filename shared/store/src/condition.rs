//! What became of a write under a condition: it held, or it didn't, or the service could not say.

use aws_sdk_dynamodb::{
    error::{ProvideErrorMetadata, SdkError},
    operation::update_item::{UpdateItemError, UpdateItemOutput},
};

use crate::{StoreError, item::Item};

/// `None` when the condition did not hold.
pub fn held<T, E, R>(
    written: Result<T, SdkError<E, R>>,
    operation: &'static str,
) -> Result<Option<T>, StoreError>
where
    E: std::error::Error + ProvideErrorMetadata + Send + Sync + 'static,
    R: std::fmt::Debug + Send + Sync + 'static,
{
    match written {
        Ok(answer) => Ok(Some(answer)),
        Err(error) if error.code() == Some("ConditionalCheckFailedException") => Ok(None),
        Err(error) => Err(StoreError::service(operation)(error)),
    }
}

/// The item as it was found when the condition did not hold; the update must ask for it.
pub fn or_there<R>(
    written: Result<UpdateItemOutput, SdkError<UpdateItemError, R>>,
    operation: &'static str,
) -> Result<Result<UpdateItemOutput, Option<Item>>, StoreError>
where
    R: std::fmt::Debug + Send + Sync + 'static,
{
    match written {
        Ok(answer) => Ok(Ok(answer)),
        Err(error) => match error.as_service_error() {
            Some(UpdateItemError::ConditionalCheckFailedException(lost)) => {
                Ok(Err(lost.item.clone()))
            }
            _ => Err(StoreError::service(operation)(error)),
        },
    }
}

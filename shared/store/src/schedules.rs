//! The schedules of campaigns: each one entry in EventBridge Scheduler, which asks `prepare` for the batch and then deletes itself.

use aws_sdk_scheduler::{
    Client,
    error::SdkError,
    operation::{create_schedule::CreateScheduleError, delete_schedule::DeleteScheduleError},
    types::{
        ActionAfterCompletion, DeadLetterConfig, FlexibleTimeWindow, FlexibleTimeWindowMode,
        RetryPolicy, Target,
    },
};
use carillon_core::id::CampaignId;
use jiff::{Timestamp, tz::TimeZone};

use crate::{StoreError, queues::PrepareRequest};

/// An hour of retries, by the scheduler itself.
const RETRY_SECONDS: i32 = 3_600;

#[derive(Debug, Clone)]
pub struct Schedules {
    client: Client,
    names: ScheduleNames,
}

#[derive(Debug, Clone)]
pub struct ScheduleNames {
    pub group: String,
    pub role_arn: String,
    pub prepare_queue_arn: String,
    pub dead_letters_arn: String,
}

impl Schedules {
    pub fn new(client: Client, names: ScheduleNames) -> Self {
        Self { client, names }
    }

    /// Sets or moves the campaign's entry.
    pub async fn set(&self, request: &PrepareRequest, at: Timestamp) -> Result<(), StoreError> {
        let create = self
            .client
            .create_schedule()
            .name(request.campaign.to_string())
            .group_name(&self.names.group)
            // A repeated call with the same token changes nothing.
            .client_token(request.batch.to_string())
            .schedule_expression(expression(at))
            .schedule_expression_timezone("UTC")
            .flexible_time_window(exactly())
            .action_after_completion(ActionAfterCompletion::Delete)
            .target(self.target(request)?);
        match create.send().await {
            Ok(_) => Ok(()),
            Err(error) if is_there_already(&error) => self.move_to(request, at).await,
            Err(error) => Err(StoreError::service("schedule a campaign")(error)),
        }
    }

    /// Removes the campaign's entry, if it is still there.
    pub async fn remove(&self, campaign: CampaignId) -> Result<(), StoreError> {
        let delete = self
            .client
            .delete_schedule()
            .name(campaign.to_string())
            .group_name(&self.names.group);
        match delete.send().await {
            Ok(_) => Ok(()),
            Err(error)
                if error
                    .as_service_error()
                    .is_some_and(DeleteScheduleError::is_resource_not_found_exception) =>
            {
                Ok(())
            }
            Err(error) => Err(StoreError::service("remove a campaign's schedule")(error)),
        }
    }

    async fn move_to(&self, request: &PrepareRequest, at: Timestamp) -> Result<(), StoreError> {
        let update = self
            .client
            .update_schedule()
            .name(request.campaign.to_string())
            .group_name(&self.names.group)
            .schedule_expression(expression(at))
            .schedule_expression_timezone("UTC")
            .flexible_time_window(exactly())
            .action_after_completion(ActionAfterCompletion::Delete)
            .target(self.target(request)?);
        let moved = update.send().await;
        moved
            .map(drop)
            .map_err(StoreError::service("move a campaign's schedule"))
    }

    fn target(&self, request: &PrepareRequest) -> Result<Target, StoreError> {
        let ScheduleNames {
            group: _,
            role_arn,
            prepare_queue_arn,
            dead_letters_arn,
        } = &self.names;
        let body = serde_json::to_string(request);
        let retries = RetryPolicy::builder().maximum_event_age_in_seconds(RETRY_SECONDS);
        let dead_letters = DeadLetterConfig::builder().arn(dead_letters_arn);
        let target = Target::builder()
            .arn(prepare_queue_arn)
            .role_arn(role_arn)
            .input(body.expect("our own types are representable in JSON"))
            .retry_policy(retries.build())
            .dead_letter_config(dead_letters.build())
            .build();
        target.map_err(|error| StoreError::Service {
            operation: "schedule a campaign",
            source: error.into(),
        })
    }
}

/// To the second, which is as fine as it gets.
fn expression(at: Timestamp) -> String {
    let at = at.to_zoned(TimeZone::UTC);
    at.strftime("at(%Y-%m-%dT%H:%M:%S)").to_string()
}

fn exactly() -> FlexibleTimeWindow {
    let window = FlexibleTimeWindow::builder().mode(FlexibleTimeWindowMode::Off);
    window.build().expect("the mode is set")
}

fn is_there_already<R>(error: &SdkError<CreateScheduleError, R>) -> bool {
    let error = error.as_service_error();
    error.is_some_and(CreateScheduleError::is_conflict_exception)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_written_without_its_fraction() {
        let at: Timestamp = "2026-03-29T01:30:00.999+02:00".parse().unwrap();

        assert_eq!(expression(at), "at(2026-03-28T23:30:00)");
    }
}

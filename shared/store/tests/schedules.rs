//! The schedules of campaigns, against the local stack.

use carillon_store::{
    aws::Aws,
    queues::PrepareRequest,
    schedules::{ScheduleNames, Schedules},
};
use carillon_testkit::{build, stack};
use jiff::Timestamp;

async fn schedules(aws: &Aws) -> (Schedules, String) {
    let group = format!("test-{}", build::pointer().batch.uuid().simple());
    let create = aws.scheduler().create_schedule_group().name(&group);
    create.send().await.expect("a group of this test's own");
    let names = ScheduleNames {
        group: group.clone(),
        role_arn: "arn:aws:iam::000000000000:role/schedules".to_owned(),
        prepare_queue_arn: "arn:aws:sqs:us-east-1:000000000000:prepare".to_owned(),
        dead_letters_arn: "arn:aws:sqs:us-east-1:000000000000:dead".to_owned(),
    };
    (Schedules::new(aws.scheduler(), names), group)
}

fn request() -> PrepareRequest {
    PrepareRequest {
        batch: build::id(),
        campaign: build::id(),
        account: build::id(),
    }
}

#[tokio::test]
async fn a_campaigns_schedule_is_set_moved_and_removed() {
    let aws = stack::aws().await;
    let (schedules, group) = schedules(&aws).await;
    let first = request();
    let moved = PrepareRequest {
        batch: build::id(),
        ..first
    };
    let at: Timestamp = "2099-03-01T12:00:00Z".parse().unwrap();
    let later: Timestamp = "2099-03-02T12:30:15Z".parse().unwrap();
    let read = async || {
        let get = aws.scheduler().get_schedule().group_name(&group);
        let found = get.name(first.campaign.to_string()).send().await.ok()?;
        let input = found.target()?.input()?.to_owned();
        Some((found.schedule_expression?, input))
    };
    let expected = |expression: &str, request: &PrepareRequest| {
        let body = serde_json::to_string(request).unwrap();
        Some((expression.to_owned(), body))
    };

    schedules.set(&first, at).await.unwrap();
    let when_set = read().await;
    schedules.set(&moved, later).await.unwrap();
    let when_moved = read().await;
    schedules.remove(first.campaign).await.unwrap();
    let when_removed = read().await;
    let again = schedules.remove(first.campaign).await;

    assert_eq!(when_set, expected("at(2099-03-01T12:00:00)", &first));
    assert_eq!(when_moved, expected("at(2099-03-02T12:30:15)", &moved));
    assert_eq!(when_removed, None);
    assert!(again.is_ok());
}

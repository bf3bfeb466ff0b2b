//! Who is told besides the endpoints: members, and the bus of the cloud team.

use super::*;

fn finished(account: AccountId) -> Event {
    let data = CampaignEvent {
        campaign: build::id(),
        batch: build::id(),
    };
    Event::of_campaign(account, CampaignTurn::Finished, data, Timestamp::now())
}

/// A queue is told in the place of a member.
#[tokio::test]
async fn members_are_told_of_what_needs_them_and_of_nothing_else() {
    let mut setup = Setup::new().await;
    let (sns, sqs) = (setup.aws.sns(), setup.aws.sqs());
    let topic = stack::topic(&sns).await;
    let queue = stack::subscribed(&sns, &sqs, &topic, setup.account).await;
    let others = stack::subscribed(&sns, &sqs, &topic, build::id()).await;
    setup.state.alerting = Some(Alerting {
        topic: AlertTopic::new(sns, &topic),
        console: "https://sms.example.net".to_owned(),
    });
    let receiver = Receiver::start(Says::Status(200)).await;
    setup.endpoint(&receiver.url()).await;
    let event = finished(setup.account);
    let mut events = setup.events(2);
    events.push(event.clone());
    let webhook = build::id();
    let mut test = finished(setup.account);
    test.only = Some(webhook);
    events.push(test);

    assert_eq!(setup.deliver(events).await, 0);

    let told = stack::taken(&sqs, &queue).await;
    let told: Vec<Value> = told
        .iter()
        .map(|body| serde_json::from_str(body).unwrap())
        .collect();
    assert_eq!(told.len(), 1, "{told:?}");
    assert_eq!(told[0]["Subject"], "Carillon: a campaign has finished");
    let EventData::Campaign(campaign) = event.data else {
        panic!("a campaign's event")
    };
    let page = format!("https://sms.example.net/campaigns/{}", campaign.campaign);
    assert!(told[0]["Message"].as_str().unwrap().contains(&page));
    assert_eq!(stack::taken(&sqs, &others).await, Vec::<String>::new());
    assert_eq!(receiver.taken().len(), 3);
}

#[tokio::test]
async fn members_who_can_not_be_told_cost_no_webhook_a_second_call() {
    let mut setup = Setup::new().await;
    setup.state.alerting = Some(Alerting {
        topic: AlertTopic::new(setup.aws.sns(), "arn:aws:sns:us-east-1:000000000000:none"),
        console: "https://sms.example.net".to_owned(),
    });
    let receiver = Receiver::start(Says::Status(200)).await;
    setup.endpoint(&receiver.url()).await;
    let event = finished(setup.account);

    let failed = setup.deliver(vec![event.clone()]).await;

    assert_eq!((failed, receiver.taken()), (0, vec![event.id]));
}

/// The bus's rule puts what comes into a queue.
#[tokio::test]
async fn events_are_on_the_bus_too_where_there_is_one() {
    let mut setup = Setup::new().await;
    let rules = setup.aws.eventbridge();
    let name = format!("test-{}", random::token());
    rules.create_event_bus().name(&name).send().await.unwrap();
    let url = stack::queue(&setup.aws.sqs(), "bus").await;
    let queue = url.rsplit('/').next().unwrap();
    let rule = rules.put_rule().name(&name).event_bus_name(&name);
    let pattern = json!({"source": ["carillon"], "detail-type": ["message.delivered"]});
    rule.event_pattern(pattern.to_string())
        .send()
        .await
        .unwrap();
    let target = aws_sdk_eventbridge::types::Target::builder()
        .id("queue")
        .arn(format!("arn:aws:sqs:us-east-1:000000000000:{queue}"))
        .build()
        .unwrap();
    let targets = rules.put_targets().rule(&name).event_bus_name(&name);
    targets.targets(target).send().await.unwrap();
    setup.state.bus = Some(EventBus::new(rules, &name));
    let events = setup.events(3);

    assert_eq!(setup.deliver(events.clone()).await, 0);

    let mut found: Vec<EventId> = Vec::new();
    for _ in 0..50 {
        for body in stack::taken(&setup.aws.sqs(), &url).await {
            let body: Value = serde_json::from_str(&body).unwrap();
            assert_eq!(body["detail"]["type"], "message.delivered");
            found.push(body["detail"]["id"].as_str().unwrap().parse().unwrap());
        }
        if found.len() == 3 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    found.sort();
    assert_eq!(found, ids(&events));
}

//! An API send that dies on its way and is done again with the ids that it had, against the local stack.

use std::collections::BTreeMap;

use carillon_core::{
    batch::{DoubtPolicy, Lane, QuietHours},
    chunk::{ChunkState, Pointer, source::Source},
    content::Texts,
    frame::{self, Recipient},
    phone::Phone,
    rules::Class,
};
use carillon_testkit::{build, stack};
use jiff::{SignedDuration, Timestamp};

use super::api_with;
use crate::{
    deliver::{Drawn, Sending, deliver},
    pin::Pinned,
    services::Api,
    time,
};

const TEXT: &str = "Hi {{name}}";

async fn api() -> Api {
    let aws = stack::aws().await;
    let dynamodb = aws.dynamodb();
    let ledger = stack::table_like(&dynamodb, "LEDGER_TABLE").await;
    let core = stack::table_like(&dynamodb, "CORE_TABLE").await;
    api_with(&aws, &ledger, &core)
}

fn recipients(count: u64) -> Vec<Recipient> {
    let numbers = (447_700_900_000..).take(usize::try_from(count).unwrap());
    let vars = BTreeMap::from([("name".to_owned(), "Ann".to_owned())]);
    let recipient =
        |digits| Recipient::new(Phone::from_digits(digits).unwrap(), vars.clone(), None);
    numbers.map(recipient).collect()
}

/// For later, so that no pointer leaves for the queues of the stack.
fn sending(recipients: Vec<Recipient>) -> Sending {
    Sending {
        account: build::id(),
        campaign: None,
        test: true,
        recipients,
        content: TEXT.into(),
        texts: Texts::parse(&TEXT.into()).unwrap(),
        pinned: Pinned::default(),
        lane: Lane::Normal,
        policy: DoubtPolicy::AtMostOnce,
        class: Class::Transactional,
        quiet_hours: QuietHours::Hold,
        valid_for: SignedDuration::from_hours(1),
        send_at: Some(time::now() + SignedDuration::from_hours(1)),
    }
}

#[tokio::test]
async fn done_twice_with_the_same_ids_it_comes_to_the_same_messages() {
    let api = api().await;
    let (first, second) = (sending(recipients(1)), sending(recipients(1)));
    let second = Sending {
        account: first.account,
        ..second
    };
    let (account, number) = (first.account, first.recipients[0].number);
    let drawn = Drawn::now(time::now());

    let taken = deliver(&api, first, drawn).await.unwrap();
    let again = deliver(&api, second, drawn).await.unwrap();

    assert_eq!(taken[0].id, again[0].id);
    let batches = api.batches.list(account, None, 10).await.unwrap();
    assert_eq!(batches.len(), 1);
    let hash = api.key.number(account, number);
    let found = api
        .ledger
        .sent_to(account, &hash, Timestamp::UNIX_EPOCH, 10)
        .await
        .unwrap();
    assert_eq!(found, [taken[0].id]);
}

#[tokio::test]
async fn a_few_recipients_are_in_their_chunk_and_more_are_beside_it() {
    let api = api().await;
    for (count, inline) in [(1, true), (12, true), (100, false), (101, false)] {
        let drawn = Drawn::now(time::now());

        let taken = deliver(&api, sending(recipients(count)), drawn)
            .await
            .unwrap();

        let last = taken.last().unwrap().id;
        let first = Pointer {
            batch: drawn.batch,
            chunk: 0,
        };
        let chunk = api.ledger.find(first).await.unwrap().unwrap();
        assert_eq!(chunk.state, ChunkState::Parked, "{count}");
        assert_eq!(
            (u64::from(last.chunk) * 100 + u64::from(last.slot)) + 1,
            count
        );
        let frame = match chunk.source {
            Source::Inline(frame) if inline => frame,
            Source::Sibling if !inline => api.ledger.find_recipients(first).await.unwrap().unwrap(),
            other => panic!("{count} recipients are in {other:?}"),
        };
        let stored = frame::decode(&frame).unwrap();
        assert_eq!(stored, recipients(count.min(100)), "{count}");
    }
}

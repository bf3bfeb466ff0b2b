//! Contacts and lists, against the local stack.

#![expect(clippy::unwrap_used, reason = "a test")]

use std::collections::BTreeSet;

use carillon_core::import::Mark;
use carillon_core::{
    contact::{Contact, ContactChange, Effect, MAX_LISTS, SetChange},
    id::{AccountId, ContactId, ListId},
    keyed_hash::DeploymentKey,
    phone::Phone,
};
use carillon_store::contacts::{
    ChangeError, Contacts, Count, MarkedWrite, SAMPLE, Seed, Stale, packs,
};
use carillon_testkit::{build, stack};
use futures::future::join_all;
use jiff::Timestamp;

fn now() -> Timestamp {
    Timestamp::from_millisecond(1_790_000_000_000).unwrap()
}

async fn contacts() -> (Contacts, AccountId) {
    let dynamodb = stack::aws().await.dynamodb();
    let table = stack::table_like(&dynamodb, "CONTACTS_TABLE").await;
    (Contacts::new(dynamodb, table), build::id())
}

fn seed(account: AccountId, row: u64) -> Seed {
    let key = DeploymentKey::from_secret("a secret of a test");
    let number = Phone::from_digits(447_700_900_000 + row).unwrap();
    Seed {
        id: key.contact(account, number),
        number,
        country: number.country(),
    }
}

fn named(name: &str) -> ContactChange {
    let name = carillon_core::contact::Value::Text(name.to_owned());
    ContactChange {
        attributes: [("name".parse().unwrap(), Some(name))].into(),
        ..ContactChange::default()
    }
}

fn onto(lists: &[ListId]) -> ContactChange {
    ContactChange {
        lists: SetChange::adding(lists.iter().copied().collect()),
        ..ContactChange::default()
    }
}

fn off(list: ListId) -> ContactChange {
    ContactChange {
        lists: SetChange::removing([list].into()),
        ..ContactChange::default()
    }
}

async fn made(
    contacts: &Contacts,
    account: AccountId,
    rows: u64,
    change: &ContactChange,
) -> Vec<Contact> {
    let wanted: Vec<_> = (0..rows)
        .map(|row| (seed(account, row), change.clone()))
        .collect();
    let done = contacts.upsert(account, &wanted, now()).await.unwrap();
    done.into_iter().map(|done| done.unwrap().0).collect()
}

async fn on_list(contacts: &Contacts, account: AccountId, list: ListId) -> u64 {
    let counted = contacts.count_members(account, list, SAMPLE).await.unwrap();
    counted.count
}

#[tokio::test]
async fn what_was_written_is_read_back_in_full() {
    let (contacts, account) = contacts().await;
    let change = ContactChange {
        language: Some("pt-BR".parse().ok()),
        time_zone: Some(carillon_core::zones::Zone::parse("America/Bahia").ok()),
        tags: SetChange::adding(["vip".parse().unwrap()].into()),
        lists: SetChange::adding([build::id()].into()),
        ..named("Ann")
    };

    let written = made(&contacts, account, 1, &change).await;

    let id = written[0].id;
    assert_eq!(
        contacts.find(account, id).await.unwrap(),
        Some(written[0].clone())
    );
    assert_eq!(
        contacts.find_all(account, &[id, id]).await.unwrap(),
        written
    );
    assert_eq!(contacts.find(build::id(), id).await.unwrap(), None);
}

#[tokio::test]
async fn an_upsert_creates_then_updates_then_changes_nothing() {
    let (contacts, account) = contacts().await;
    let upsert = async |name: &str| {
        let wanted = [(seed(account, 0), named(name))];
        let done = contacts.upsert(account, &wanted, now()).await.unwrap();
        done.into_iter().next().unwrap().unwrap().1
    };

    let effects = [
        upsert("Ann").await,
        upsert("Anne").await,
        upsert("Anne").await,
    ];

    assert_eq!(
        effects,
        [Effect::Created, Effect::Updated, Effect::Unchanged]
    );
}

#[tokio::test]
async fn nobody_writes_over_a_change_that_he_did_not_read() {
    let (contacts, account) = contacts().await;
    let read = made(&contacts, account, 1, &ContactChange::default())
        .await
        .remove(0);
    let mut mine = read.clone();
    mine.change(&named("Mine"), now()).unwrap();
    made(&contacts, account, 1, &named("Yours")).await;

    let written = contacts.save(Some(&read), &mine).await.unwrap();
    let deleted = contacts.delete(&read).await.unwrap();
    let made_anew = contacts.save(None, &mine).await.unwrap();

    assert_eq!([written, deleted, made_anew], [Err(Stale); 3]);
}

#[tokio::test]
async fn changes_at_the_same_time_all_arrive() {
    let (contacts, account) = contacts().await;
    let lists: Vec<ListId> = (0..6).map(|_| build::id()).collect();

    let together = lists.iter().map(|list| {
        let contacts = &contacts;
        async move {
            let wanted = [(seed(account, 0), onto(&[*list]))];
            contacts
                .upsert(account, &wanted, now())
                .await
                .unwrap()
                .remove(0)
                .unwrap()
        }
    });
    join_all(together).await;

    let contact = contacts
        .find(account, seed(account, 0).id)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(contact.lists, lists.iter().copied().collect());
    for list in lists {
        assert_eq!(on_list(&contacts, account, list).await, 1);
    }
}

#[tokio::test]
async fn a_list_has_whoever_has_it() {
    let (contacts, account) = contacts().await;
    let list: ListId = build::id();
    let all = made(&contacts, account, 60, &onto(&[list])).await;
    let gone: Vec<ContactId> = all[..5].iter().map(|contact| contact.id).collect();
    let nobody: ContactId = build::id();

    let left = contacts
        .change(account, &gone, &off(list), now())
        .await
        .unwrap();
    let missing = contacts
        .change(account, &[nobody], &onto(&[list]), now())
        .await
        .unwrap();
    contacts.delete(&all[5]).await.unwrap().unwrap();

    assert!(left.iter().all(Result::is_ok));
    assert!(matches!(missing[0], Err(ChangeError::NotFound)));
    let expected: BTreeSet<ContactId> = all[6..].iter().map(|contact| contact.id).collect();
    let mut paged = Vec::new();
    loop {
        let page = contacts
            .members(account, list, paged.last().copied(), 7)
            .await
            .unwrap();
        if page.is_empty() {
            break;
        }
        paged.extend(page);
    }
    assert_eq!(paged, expected.into_iter().collect::<Vec<_>>());
    let counted = contacts.count_members(account, list, SAMPLE).await.unwrap();
    let all = Count {
        count: 54,
        is_exact: true,
    };
    assert_eq!(counted, all);
}

#[tokio::test]
async fn pages_go_through_all_contacts_in_the_order_of_their_ids() {
    let (contacts, account) = contacts().await;
    let all = made(&contacts, account, 150, &ContactChange::default()).await;
    let expected: BTreeSet<ContactId> = all.iter().map(|contact| contact.id).collect();

    let mut paged: Vec<ContactId> = Vec::new();
    loop {
        let page = contacts
            .page(account, paged.last().copied(), 40)
            .await
            .unwrap();
        if page.is_empty() {
            break;
        }
        paged.extend(page.iter().map(|contact| contact.id));
    }
    let mut by_shard = 0;
    for shard in 0..64 {
        by_shard += contacts
            .shard_page(account, shard, None)
            .await
            .unwrap()
            .contacts
            .len();
    }

    assert_eq!(paged, expected.into_iter().collect::<Vec<_>>());
    assert_eq!(by_shard, 150);
}

#[tokio::test]
async fn a_merged_contact_has_the_lists_of_both_and_the_other_is_gone() {
    let (contacts, account) = contacts().await;
    let lists: Vec<ListId> = (0..MAX_LISTS).map(|_| build::id()).collect();
    let wanted = [
        (seed(account, 0), named("Ann")),
        (seed(account, 1), onto(&lists)),
    ];
    let done = contacts.upsert(account, &wanted, now()).await.unwrap();
    let [before, gone] = [0, 1].map(|place| done[place].as_ref().unwrap().0.clone());
    let mut after = before.clone();
    after.absorb(&gone, now()).unwrap();

    contacts
        .merge(&before, &after, &gone)
        .await
        .unwrap()
        .unwrap();
    let again = contacts.merge(&before, &after, &gone).await.unwrap();

    assert_eq!(again, Err(Stale));
    assert_eq!(contacts.find(account, gone.id).await.unwrap(), None);
    assert_eq!(
        contacts.find(account, before.id).await.unwrap(),
        Some(after)
    );
    for list in [lists[0], lists[MAX_LISTS - 1]] {
        assert_eq!(
            contacts.members(account, list, None, 9).await.unwrap(),
            [before.id]
        );
    }
}

#[tokio::test]
async fn a_list_is_emptied_step_by_step() {
    let (contacts, account) = contacts().await;
    let (list, other): (ListId, ListId) = (build::id(), build::id());
    let all = made(&contacts, account, 12, &onto(&[list, other])).await;

    let more = contacts.empty(account, list, 8).await.unwrap();
    let yet_more = contacts.empty(account, list, 8).await.unwrap();

    assert_eq!((more, yet_more), (true, false));
    assert_eq!(on_list(&contacts, account, list).await, 0);
    assert_eq!(on_list(&contacts, account, other).await, 12);
    let contact = contacts.find(account, all[0].id).await.unwrap().unwrap();
    assert_eq!(contact.lists, [other].into());
    assert!(contact.version > all[0].version);
}

#[tokio::test]
async fn many_are_told_by_the_first_ones_and_few_are_counted() {
    let (contacts, account) = contacts().await;
    let list = build::id();
    made(&contacts, account, 2_000, &onto(&[list])).await;

    let exactly = Count {
        count: 2_000,
        is_exact: true,
    };
    let counted = contacts.count_all(account, SAMPLE).await.unwrap();
    assert_eq!(counted, exactly);
    let counted = contacts.count_members(account, list, SAMPLE).await;
    assert_eq!(counted.unwrap(), exactly);
    // The first shard of the list has about 125, and the first one of all contacts about 31.
    let told = contacts.count_members(account, list, 80).await.unwrap();
    assert!(
        !told.is_exact && (1_300..=2_900).contains(&told.count),
        "{told:?}"
    );
    let told = contacts.count_all(account, 15).await.unwrap();
    assert!(
        !told.is_exact && (800..=4_000).contains(&told.count),
        "{told:?}"
    );
}

fn written(account: AccountId, row: u64, change: &ContactChange) -> MarkedWrite {
    let Seed {
        id,
        number,
        country,
    } = seed(account, row);
    let mut after = Contact::new(account, id, number, country, now());
    after.change(change, now()).unwrap();
    let mark = Mark {
        import: build::id(),
        version: after.version,
        before: None,
        undone: false,
    };
    MarkedWrite::Save {
        before: None,
        after,
        mark,
    }
}

#[tokio::test]
async fn what_is_packed_fits_into_a_transaction() {
    let (contacts, account) = contacts().await;
    let lists: Vec<ListId> = (0..4).map(|_| build::id()).collect();
    let large = "x".repeat(1_600);
    let large = ContactChange {
        attributes: (0..10)
            .map(|at| {
                let value = carillon_core::contact::Value::Text(large.clone());
                (format!("a{at}").parse().unwrap(), Some(value))
            })
            .collect(),
        ..ContactChange::default()
    };
    for (name, change, expected) in [
        ("alone", ContactChange::default(), vec![100, 100, 50]),
        ("with four lists", onto(&lists), vec![20; 12]),
        ("large ones", large, vec![100, 100, 50]),
    ] {
        let writes = (0..250).map(|row| written(account, row, &change));

        let packs = packs(writes.collect());

        let mut sizes: Vec<usize> = packs.iter().map(Vec::len).collect();
        let whole: usize = sizes.iter().sum();
        assert_eq!(whole, 250, "{name}");
        sizes.truncate(expected.len());
        assert_eq!(sizes, expected, "{name}");
        let fullest = contacts.write_marked(&packs[0]).await.unwrap();
        assert_eq!(fullest, Ok(()), "{name}");
        for write in &packs[0] {
            let MarkedWrite::Save { after, .. } = write else {
                unreachable!("all are saved");
            };
            contacts.delete(after).await.unwrap().unwrap();
        }
    }
}

#[tokio::test]
async fn of_a_pack_all_are_written_or_none() {
    let (contacts, account) = contacts().await;
    let list: ListId = build::id();
    let there = made(&contacts, account, 1, &ContactChange::default()).await;
    let writes: Vec<MarkedWrite> = (0..3)
        .map(|row| written(account, row, &onto(&[list])))
        .collect();

    let lost = contacts.write_marked(&writes).await.unwrap();
    let rest = contacts.write_marked(&writes[1..]).await.unwrap();

    assert_eq!((lost, rest), (Err(Stale), Ok(())));
    let found = contacts.find(account, there[0].id).await.unwrap();
    assert_eq!(found.as_ref(), Some(&there[0]));
    assert_eq!(on_list(&contacts, account, list).await, 2);
}

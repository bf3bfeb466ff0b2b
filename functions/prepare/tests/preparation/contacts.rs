//! Audiences of contacts: who is in them, with what values, by what clock.

#![expect(
    clippy::unwrap_used,
    reason = "a setup that fails is a test that fails"
)]

use std::collections::BTreeSet;

use carillon_core::{
    batch::{Prepared, Stage},
    campaign::Audience,
    contact::{ContactChange, List, Segment, SetChange, Tag, Value},
    frame,
    id::{ListId, SegmentId},
    phone::Phone,
    suppression::{Cause, Consent, Word},
    zones::Zone,
};
use carillon_store::contacts::Seed;
use carillon_testkit::build;

use crate::setup::{Setup, audit, now};

struct Ids {
    list: ListId,
    excluded: ListId,
    segment: SegmentId,
}

async fn setup() -> (Setup, Ids) {
    let ids = Ids {
        list: build::id(),
        excluded: build::id(),
        segment: build::id(),
    };
    let audience = Audience::Contacts {
        lists: vec![ids.list],
        segments: vec![ids.segment],
        exclude_lists: vec![ids.excluded],
        exclude_segments: Vec::new(),
    };
    let setup = Setup::of(audience).await;
    for id in [ids.list, ids.excluded] {
        make_list(&setup, id).await;
    }
    (setup, ids)
}

async fn make_list(setup: &Setup, id: ListId) {
    let account = setup.request.account;
    let list = List {
        id,
        account,
        name: "A list".to_owned(),
        deleting: false,
        created: now(),
        version: 1,
    };
    let lists = &setup.preparation.source.audiences.lists;
    lists.create(&list, &audit(account)).await.unwrap();
}

async fn make_segment(setup: &Setup, id: SegmentId, filter: &str) {
    let account = setup.request.account;
    let segment = Segment {
        id,
        account,
        name: "A segment".to_owned(),
        filter: filter.to_owned(),
        created: now(),
        version: 1,
    };
    let segments = &setup.preparation.source.audiences.segments;
    segments.create(&segment, &audit(account)).await.unwrap();
}

fn number(row: u64) -> Phone {
    Phone::from_digits(447_700_900_000 + row).unwrap()
}

async fn people(setup: &Setup, people: &[(u64, ContactChange)]) {
    let account = setup.request.account;
    let seed = |row: u64| Seed {
        id: setup.preparation.key.contact(account, number(row)),
        number: number(row),
        country: number(row).country(),
    };
    let wanted: Vec<_> = people
        .iter()
        .map(|(row, change)| (seed(*row), change.clone()))
        .collect();
    let contacts = &setup.preparation.source.audiences.contacts;
    let done = contacts.upsert(account, &wanted, now()).await.unwrap();
    assert!(done.iter().all(Result::is_ok));
}

fn on(lists: &[ListId]) -> ContactChange {
    ContactChange {
        lists: SetChange::adding(lists.iter().copied().collect()),
        ..ContactChange::default()
    }
}

fn tagged(tag: &str, change: ContactChange) -> ContactChange {
    let tag: Tag = tag.parse().unwrap();
    ContactChange {
        tags: SetChange::adding([tag].into()),
        ..change
    }
}

#[tokio::test]
async fn lists_and_segments_become_chunks_without_the_excluded_and_the_opted_out() {
    let (setup, ids) = setup().await;
    make_segment(&setup, ids.segment, r#"tag = "vip""#).await;
    let named = ContactChange {
        time_zone: Some(Zone::parse("America/Bogota").ok()),
        attributes: [
            ("name".parse().unwrap(), Some(Value::Text("Ann".to_owned()))),
            (
                "city".parse().unwrap(),
                Some(Value::Text("Leeds".to_owned())),
            ),
        ]
        .into(),
        ..on(&[ids.list])
    };
    people(
        &setup,
        &[
            (1, named),
            (2, tagged("vip", on(&[ids.list]))),
            (3, tagged("vip", on(&[]))),
            (4, on(&[ids.list, ids.excluded])),
            (5, tagged("vip", on(&[ids.excluded]))),
            (6, on(&[])),
            (7, on(&[ids.list])),
        ],
    )
    .await;
    let account = setup.request.account;
    let hash = setup.preparation.key.number(account, number(7));
    let suppressions = &setup.preparation.suppressions;
    let word = Word::new(Consent::OptedOut, now(), Cause::Request);
    let out = suppressions.take(account, &hash, &word, now());
    out.await.unwrap();

    setup.prepare().await;

    let progress = setup.batch().await.progress;
    let expected = Prepared {
        rows: 4,
        accepted: 3,
        opted_out: 1,
        parts: 3,
        ..Prepared::default()
    };
    assert_eq!(
        (progress.stage, progress.prepared),
        (Stage::Ready, Some(expected))
    );
    let manifest = setup
        .preparation
        .files
        .find_manifest(setup.request.batch)
        .await;
    let manifest = manifest.unwrap().unwrap();
    let part = setup
        .preparation
        .files
        .read_part(setup.request.batch, manifest.run, 0);
    let part = part.await.unwrap();
    let numbers: BTreeSet<Phone> = frame::numbers(&part).unwrap().into_iter().collect();
    assert_eq!(numbers, [1, 2, 3].map(number).into());
    // Her own clock makes a group of her own, with the value that the text uses and no other.
    let own = manifest
        .groups
        .iter()
        .find(|group| group.hours.contains("Bogota"))
        .unwrap();
    assert_eq!((own.first, own.last), (number(1), number(1)));
    let address = manifest.address(&manifest.frames[own.chunk as usize]);
    let bytes = setup
        .preparation
        .files
        .read_frame(setup.request.batch, address)
        .await
        .unwrap();
    let ann = frame::decode(&bytes).unwrap().remove(0);
    assert_eq!(ann.vars, [("name".to_owned(), "Ann".to_owned())].into());
}

#[tokio::test]
async fn a_few_of_many_are_read_from_their_lists() {
    let (setup, ids) = setup().await;
    make_segment(
        &setup,
        ids.segment,
        &format!(r#"list = "{}" and tag = "vip""#, ids.excluded),
    )
    .await;
    let mut all: Vec<_> = (1_000..2_500).map(|row| (row, on(&[]))).collect();
    all.extend((0..12).map(|row| (row, on(&[ids.list]))));
    all.push((12, tagged("vip", on(&[ids.excluded]))));
    people(&setup, &all).await;

    setup.prepare().await;

    let prepared = setup.batch().await.progress.prepared.unwrap();
    assert_eq!((prepared.rows, prepared.accepted), (12, 12));
}

#[tokio::test]
async fn whoever_is_excluded_by_what_is_gone_is_not_texted() {
    let (setup, _) = setup().await;
    let account = setup.request.account;
    people(&setup, &[(1, on(&[]))]).await;

    // Its segment was never there.
    setup.prepare().await;

    let progress = setup.batch().await.progress;
    assert_eq!(progress.stage, Stage::Failed);
    let problem = progress.problem.unwrap();
    assert!(
        problem.starts_with("there is no segment `seg_"),
        "{account}: {problem}"
    );
}

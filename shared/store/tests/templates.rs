//! Templates and blocks of links, against the local stack.

use carillon_core::{content::Content, id::AccountId, saved_template::SavedTemplate};
use carillon_store::{
    audit::{Actor, Audit},
    link_blocks::LinkBlocks,
    records::Stale,
    sent_before::{SentBefore, SentLately},
    templates::Templates,
};
use carillon_testkit::{build, stack};
use jiff::{SignedDuration, Timestamp};

async fn templates() -> Templates {
    let dynamodb = stack::aws().await.dynamodb();
    let table = stack::table_like(&dynamodb, "CORE_TABLE").await;
    Templates::new(dynamodb, table)
}

fn now() -> Timestamp {
    Timestamp::from_second(1_790_000_000).expect("a time")
}

fn template(account: AccountId) -> SavedTemplate {
    SavedTemplate {
        id: build::id(),
        account,
        name: "Spring".to_owned(),
        content: Content::from("First"),
        created: now(),
        changed: now(),
        version: 1,
    }
}

fn next(before: &SavedTemplate, text: &str) -> SavedTemplate {
    SavedTemplate {
        content: Content::from(text),
        version: before.version + 1,
        ..before.clone()
    }
}

fn audit(account: AccountId) -> Audit {
    Audit {
        id: build::id(),
        at: now(),
        account,
        actor: Actor::Key(build::id()),
        action: "template.change".to_owned(),
        target: "a template".to_owned(),
    }
}

impl Made {
    async fn new() -> Self {
        let (templates, account) = (templates().await, build::id());
        let first = template(account);
        templates
            .create(&first, &audit(account))
            .await
            .expect("it is made");
        let second = next(&first, "Second");
        let written = templates
            .change(&second, &audit(account))
            .await
            .expect("it is changed");
        assert_eq!(written, Ok(()));
        Self {
            templates,
            account,
            first,
            second,
        }
    }
}

/// A template that was edited once.
struct Made {
    templates: Templates,
    account: AccountId,
    first: SavedTemplate,
    second: SavedTemplate,
}

#[tokio::test]
async fn an_edit_makes_a_version_and_leaves_those_before_as_they_were() {
    let Made {
        templates,
        account,
        first,
        second,
    } = Made::new().await;
    let id = first.id;

    let newest = templates.find(account, id).await.unwrap();
    let versions = templates.versions(account, id, None, 10).await.unwrap();
    let first_again = templates.version(account, id, 1).await.unwrap();
    let by_a_stranger = templates.version(build::id(), id, 1).await.unwrap();

    assert_eq!(newest.as_ref(), Some(&second));
    assert_eq!(versions, [second, first.clone()]);
    assert_eq!((first_again, by_a_stranger), (Some(first), None));
}

#[tokio::test]
async fn of_two_edits_of_the_same_version_one_is_stale_and_makes_no_version() {
    let Made {
        templates,
        account,
        first,
        second,
    } = Made::new().await;
    let late = next(&first, "Late");

    let written = templates.change(&late, &audit(account)).await.unwrap();

    assert_eq!(written, Err(Stale));
    let kept = templates.version(account, first.id, 2).await.unwrap();
    assert_eq!(kept, Some(second));
}

#[tokio::test]
async fn a_list_has_the_newest_version_of_each_and_goes_on_after_the_last() {
    let Made {
        templates,
        account,
        second,
        ..
    } = Made::new().await;
    let other = template(account);
    templates.create(&other, &audit(account)).await.unwrap();

    let first_page = templates.list(account, None, 1).await.unwrap();
    let after = Some(first_page[0].id);
    let second_page = templates.list(account, after, 5).await.unwrap();

    assert_eq!((first_page, second_page), (vec![other], vec![second]));
}

#[tokio::test]
async fn a_deleted_template_is_not_found_and_its_versions_still_are() {
    let Made {
        templates,
        account,
        second,
        first,
    } = Made::new().await;

    let deleted = templates.delete(&second, &audit(account)).await.unwrap();

    assert_eq!(deleted, Ok(()));
    assert_eq!(templates.find(account, first.id).await.unwrap(), None);
    let version = templates.version(account, first.id, 1).await.unwrap();
    assert_eq!(version, Some(first));
}

#[tokio::test]
async fn a_link_number_belongs_to_the_batch_that_drew_it_and_to_no_other() {
    let dynamodb = stack::aws().await.dynamodb();
    let table = stack::table_like(&dynamodb, "CORE_TABLE").await;
    let blocks = LinkBlocks::new(dynamodb, table);
    let (account, other) = (build::id(), build::id());

    let first = blocks.draw(account, build::id(), 100, now()).await.unwrap();
    let second = blocks
        .draw(other, build::id(), 1 << 26, now())
        .await
        .unwrap();

    assert_eq!((first.first, second.first), (0, 100));
    for (name, link, expected) in [
        ("the first", 0, Some(first)),
        ("the last of a block", 99, Some(first)),
        ("the first of the next", 100, Some(second)),
        ("one far in it", 60_000_000, Some(second)),
        ("one that nobody drew", 100 + (1 << 26), None),
    ] {
        assert_eq!(blocks.find(link).await.unwrap(), expected, "{name}");
    }
}

#[tokio::test]
async fn the_same_is_remarkable_for_a_day_before_and_after_and_to_its_account_only() {
    let dynamodb = stack::aws().await.dynamodb();
    let table = stack::table_like(&dynamodb, "CORE_TABLE").await;
    let lately = SentLately::new(dynamodb, table);
    let account = build::id();
    let sent = SentBefore {
        campaign: build::id(),
        at: now(),
    };

    lately.record(account, "a fingerprint", sent).await.unwrap();

    let hours = SignedDuration::from_hours;
    for (name, account, fingerprint, at, expected) in [
        (
            "an hour later",
            account,
            "a fingerprint",
            now() + hours(1),
            Some(sent),
        ),
        (
            "planned before it",
            account,
            "a fingerprint",
            now() - hours(23),
            Some(sent),
        ),
        (
            "a day later",
            account,
            "a fingerprint",
            now() + hours(24),
            None,
        ),
        ("something else", account, "another", now(), None),
        ("another account", build::id(), "a fingerprint", now(), None),
    ] {
        let found = lately.find(account, fingerprint, at).await.unwrap();

        assert_eq!(found, expected, "{name}");
    }
}

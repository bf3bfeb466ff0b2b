//! Campaigns and uploads, against the local stack.

use carillon_core::{
    batch::{Batch, Control, DoubtPolicy, Lane, QuietHours, Stage},
    campaign::{Audience, Campaign, Content, Plan, Policies},
    id::AccountId,
    rules::Class,
};
use carillon_store::{
    audit::{Actor, Audit, AuditLog},
    batches::{Batches, Replaced},
    campaigns::{Campaigns, Stale},
    uploads::{Upload, UploadFormat, Uploads},
};
use carillon_testkit::{build, stack};
use jiff::Timestamp;

struct Stores {
    campaigns: Campaigns,
    uploads: Uploads,
    audit: AuditLog,
    batches: Batches,
}

async fn stores() -> Stores {
    let dynamodb = stack::aws().await.dynamodb();
    let table = stack::table_like(&dynamodb, "CORE_TABLE").await;
    Stores {
        campaigns: Campaigns::new(dynamodb.clone(), table.as_str()),
        uploads: Uploads::new(dynamodb.clone(), table.as_str()),
        batches: Batches::new(dynamodb.clone(), table.as_str()),
        audit: AuditLog::new(dynamodb, table),
    }
}

fn now() -> Timestamp {
    Timestamp::from_millisecond(1_790_000_000_000).expect("a time")
}

fn campaign(account: AccountId) -> Campaign {
    Campaign {
        id: build::id(),
        account,
        test: true,
        name: "Spring".to_owned(),
        audience: Audience::Upload {
            upload: build::id(),
            default_country: None,
            phone_column: None,
        },
        content: Content::from("Hi {{name}}".to_owned()),
        sender: Some("ACME".parse().expect("a sender")),
        lane: Lane::Low,
        class: Class::Transactional,
        policies: Policies {
            doubt: DoubtPolicy::AtMostOnce,
            quiet_hours: QuietHours::Hold,
            valid_for: 3_600,
            spread_over: None,
        },
        wanted_at: None,
        series: None,
        occurrence: None,
        plan: Plan::Draft,
        created: now(),
        changed: now(),
        version: 1,
    }
}

fn audit(account: AccountId, action: &str) -> Audit {
    Audit {
        id: build::id(),
        at: now(),
        account,
        actor: Actor::Key(build::id()),
        action: action.to_owned(),
        target: "a campaign".to_owned(),
    }
}

impl Stores {
    async fn create(&self, campaign: &Campaign) {
        let entry = audit(campaign.account, "create");
        let created = self.campaigns.create(campaign, &entry).await;
        created.expect("the stack answers");
    }

    async fn actions(&self, account: AccountId) -> Vec<String> {
        let entries = self.audit.list(account, None, 10).await;
        let entries = entries.expect("the stack answers");
        entries.into_iter().map(|entry| entry.action).collect()
    }
}

#[tokio::test]
async fn a_campaign_is_made_once_and_found_by_its_account_only() {
    let (stores, account) = (stores().await, build::id());
    let campaign = campaign(account);
    let mut other = campaign.clone();
    other.name = "Autumn".to_owned();

    stores.create(&campaign).await;
    stores.create(&other).await;

    let found = stores.campaigns.find(account, campaign.id).await.unwrap();
    let by_a_stranger = stores
        .campaigns
        .find(build::id(), campaign.id)
        .await
        .unwrap();
    assert_eq!((found, by_a_stranger), (Some(campaign), None));
    assert_eq!(stores.actions(account).await, ["create"]);
}

#[tokio::test]
async fn of_two_changes_to_the_same_version_one_is_stale_and_leaves_no_trace() {
    let (stores, account) = (stores().await, build::id());
    let first = campaign(account);
    stores.create(&first).await;
    let changed = |name: &str| Campaign {
        name: name.to_owned(),
        version: 2,
        ..first.clone()
    };
    let (summer, autumn) = (changed("Summer"), changed("Autumn"));

    let won = stores
        .campaigns
        .change(&summer, &audit(account, "summer"))
        .await
        .unwrap();
    let lost = stores
        .campaigns
        .change(&autumn, &audit(account, "autumn"))
        .await
        .unwrap();
    let not_deleted = stores
        .campaigns
        .delete(&first, &audit(account, "delete"))
        .await
        .unwrap();
    let found = stores.campaigns.find(account, first.id).await.unwrap();

    assert_eq!((won, lost, not_deleted), (Ok(()), Err(Stale), Err(Stale)));
    assert_eq!(found, Some(summer));
    assert_eq!(stores.actions(account).await, ["summer", "create"]);
}

#[tokio::test]
async fn a_deleted_campaign_is_gone() {
    let (stores, account) = (stores().await, build::id());
    let campaign = campaign(account);
    stores.create(&campaign).await;

    let deleted = stores
        .campaigns
        .delete(&campaign, &audit(account, "delete"))
        .await
        .unwrap();

    assert_eq!(deleted, Ok(()));
    assert_eq!(
        stores.campaigns.find(account, campaign.id).await.unwrap(),
        None
    );
}

#[tokio::test]
async fn campaigns_are_listed_newest_first_page_by_page() {
    let (stores, account) = (stores().await, build::id());
    let campaigns: Vec<_> = (0..5).map(|_| campaign(account)).collect();
    for campaign in &campaigns {
        stores.create(campaign).await;
    }
    stores.create(&campaign(build::id())).await;

    let first = stores.campaigns.list(account, None, 3).await.unwrap();
    let after = first.last().map(|campaign| campaign.id);
    let second = stores.campaigns.list(account, after, 3).await.unwrap();

    let listed: Vec<_> = first.into_iter().chain(second).collect();
    let newest_first: Vec<_> = campaigns.into_iter().rev().collect();
    assert_eq!(listed, newest_first);
}

#[tokio::test]
async fn an_upload_is_found_by_its_account_only() {
    let (stores, account) = (stores().await, build::id());
    let upload = Upload {
        id: build::id(),
        account,
        format: UploadFormat::Ndjson,
        created: now(),
    };

    stores
        .uploads
        .create(&upload, &audit(account, "upload.create"))
        .await
        .unwrap();

    let found = stores.uploads.find(account, upload.id).await.unwrap();
    let by_a_stranger = stores.uploads.find(build::id(), upload.id).await.unwrap();
    assert_eq!((found, by_a_stranger), (Some(upload), None));
}

#[tokio::test]
async fn a_campaign_begins_with_its_batch_and_never_has_two() {
    let (stores, account) = (stores().await, build::id());
    let draft = campaign(account);
    stores.create(&draft).await;
    let batch = || Batch::new(build::terms(now()), Stage::Preparing, None);
    let (planned, started) = (batch(), batch());
    let at = |version, plan| Campaign {
        version,
        plan,
        ..draft.clone()
    };
    let scheduled = at(
        2,
        Plan::Scheduled {
            at: now(),
            batch: planned.terms.id,
        },
    );
    let sent = at(
        3,
        Plan::Started {
            batch: started.terms.id,
        },
    );
    let begin = async |campaign: &Campaign, batch: &Batch, replaced| {
        let entry = audit(account, "begin");
        let written = stores.campaigns.begin(campaign, batch, replaced, &entry);
        written.await.unwrap()
    };

    let first = begin(&scheduled, &planned, None).await;
    let running = |batch: &Batch| Replaced {
        batch: batch.terms.id,
        control: Control::Running,
    };
    let replaced = Some(running(&planned));
    let second = begin(&sent, &started, replaced).await;
    let stale = begin(&sent, &batch(), Some(running(&started))).await;

    assert_eq!((first, second, stale), (Ok(()), Ok(()), Err(Stale)));
    let control = async |batch: &Batch| {
        let found = stores.batches.find(batch.terms.id).await.unwrap();
        found.unwrap().progress.control
    };
    assert_eq!(control(&planned).await, Control::Cancelled);
    assert_eq!(control(&started).await, Control::Running);
    let active = stores.batches.active().await.unwrap();
    assert_eq!(active, [planned.terms.id, started.terms.id]);
}

/// A batch whose time has come, and a plan that would replace it.
async fn due(stores: &Stores) -> (Batch, Campaign, Batch) {
    let account = build::id();
    let draft = campaign(account);
    stores.create(&draft).await;
    let batch = |stage| Batch::new(build::terms(now()), stage, Some(1));
    let (planned, later) = (batch(Stage::Ready), batch(Stage::Preparing));
    let at = |version, id| Campaign {
        version,
        plan: Plan::Scheduled {
            at: now(),
            batch: id,
        },
        ..draft.clone()
    };
    let (scheduled, moved) = (at(2, planned.terms.id), at(3, later.terms.id));
    let entry = audit(account, "schedule");
    let begun = stores.campaigns.begin(&scheduled, &planned, None, &entry);
    begun
        .await
        .expect("the stack answers")
        .expect("it is a draft");
    (planned, moved, later)
}

#[tokio::test]
async fn of_a_campaign_that_is_moved_and_one_that_begins_one_wins() {
    let stores = stores().await;
    for begins_first in [true, false] {
        let (planned, moved, later) = due(&stores).await;
        let id = planned.terms.id;
        let entry = audit(moved.account, "move");
        let control = Control::Running;
        let replaced = Replaced { batch: id, control };
        let begin = async || stores.batches.begin(id, now()).await.unwrap();
        let change = async || {
            let written = stores
                .campaigns
                .begin(&moved, &later, Some(replaced), &entry);
            written.await.unwrap()
        };

        let (begins, moves) = if begins_first {
            (begin().await, change().await)
        } else {
            let moves = change().await;
            (begin().await, moves)
        };

        let won = if begins_first { Err(Stale) } else { Ok(()) };
        assert_eq!((begins, moves), (begins_first, won));
        let old = stores.batches.find(id).await.unwrap().unwrap();
        assert_eq!(old.progress.begun.is_some(), begins_first);
        let cancelled = old.progress.control == Control::Cancelled;
        assert_eq!(cancelled, !begins_first);
        let audited = stores.actions(moved.account).await;
        assert_eq!(audited.contains(&"move".to_owned()), !begins_first);
    }
}

#[tokio::test]
async fn a_batch_that_is_held_or_ended_does_not_begin() {
    let stores = stores().await;
    for control in [Control::Paused, Control::Cancelled] {
        let (planned, ..) = due(&stores).await;
        let id = planned.terms.id;
        stores.batches.control(id, control).await.unwrap();

        let begins = stores.batches.begin(id, now()).await.unwrap();

        assert!(!begins, "{control:?}");
    }
}

#[tokio::test]
async fn a_campaign_that_is_held_while_it_is_moved_is_not_moved() {
    let stores = stores().await;
    let (planned, moved, later) = due(&stores).await;
    let batch = planned.terms.id;
    let seen = Replaced {
        batch,
        control: Control::Running,
    };
    let entry = audit(moved.account, "move");

    let held = stores.batches.control(batch, Control::Paused).await;
    let begun = stores.campaigns.begin(&moved, &later, Some(seen), &entry);
    let written = begun.await.unwrap();

    assert!(held.unwrap());
    assert_eq!(written, Err(Stale));
    assert_eq!(stores.batches.find(later.terms.id).await.unwrap(), None);
}

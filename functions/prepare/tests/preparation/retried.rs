//! Campaigns to what failed of an earlier one.

#![expect(
    clippy::unwrap_used,
    reason = "a setup that fails is a test that fails"
)]

use std::collections::BTreeSet;

use carillon_core::{
    batch::{Control, Prepared, Stage},
    campaign::{Audience, Retried},
    chunk::{
        Pointer,
        slot::{Slot, SlotOutcome},
        source::Source,
    },
    frame::Recipient,
    id::BatchId,
    limits::destinations::Destinations,
    phone::Phone,
    reason::Reason,
    retry::BadEnd,
    session::{ChunkWrite, Then},
    suppression::{Cause, Consent, Word},
};
use carillon_runtime::recipients;
use carillon_testkit::build;

use crate::{
    allow, marketing,
    setup::{Setup, now},
};

const FIRST: u64 = 447_700_900_000;

/// Ends the whole chunk: each of its recipients as `end` says.
async fn finish(setup: &Setup, chunk: u32, end: impl Fn(Phone) -> (SlotOutcome, Option<Reason>)) {
    let pointer = Pointer {
        batch: setup.request.batch,
        chunk,
    };
    let ledger = &setup.preparation.ledger;
    let token = build::token();
    let leased = ledger.lease(pointer, token, now(), now(), Control::Running);
    let chunk = leased.await.unwrap().unwrap();
    let slots = recipients_of(setup, pointer).await.into_iter().map(|it| {
        let (outcome, reason) = end(it.number);
        Slot {
            outcome,
            reason,
            attempt: 1,
            ..Slot::default()
        }
    });
    let write = ChunkWrite {
        token,
        before: chunk.window,
        window: chunk.window,
        slots: slots.collect(),
        then: Then::Finish,
    };
    ledger.write(pointer, &write, now()).await.unwrap().unwrap();
}

async fn recipients_of(setup: &Setup, pointer: Pointer) -> Vec<Recipient> {
    let chunk = setup.chunk(pointer.chunk).await.unwrap();
    let (ledger, files) = (&setup.preparation.ledger, &setup.preparation.files);
    let found = recipients::of_chunk(ledger, files, pointer, &chunk).await;
    found.unwrap()
}

fn audience(of: &Setup, earlier: &[BatchId]) -> Audience {
    let batch = of.request.batch;
    Audience::FailedOf(Retried {
        campaign: of.request.campaign,
        batch,
        ends: BadEnd::ALL.to_vec(),
        messages: 0,
        batches: [&[batch], earlier].concat(),
    })
}

fn every_seventh_failed(number: Phone) -> (SlotOutcome, Option<Reason>) {
    match (number.digits() - FIRST) % 7 {
        0 => (SlotOutcome::Failed, Some(Reason::MemoryFull)),
        1 => (SlotOutcome::Failed, Some(Reason::Landline)),
        _ => (SlotOutcome::Accepted, None),
    }
}

#[tokio::test]
async fn a_retry_has_what_failed_with_the_values_and_the_clock_that_it_had() {
    let setup = Setup::new().await;
    let rows = (FIRST..FIRST + 150).map(|number| format!("+{number},Ann {number},Asia/Tokyo\n"));
    let csv = "phone,name,time_zone\n".to_owned() + &rows.collect::<String>();
    let first = setup.campaign(build::terms(now()), &csv).await;
    for chunk in 0..2 {
        finish(&first, chunk, every_seventh_failed).await;
    }
    let opted_out = Phone::from_digits(FIRST + 7).unwrap();
    let account = setup.request.account;
    let hash = setup.preparation.key.number(account, opted_out);
    let word = Word::new(Consent::OptedOut, now(), Cause::Reply);
    let suppressions = &setup.preparation.suppressions;
    suppressions
        .take(account, &hash, &word, now())
        .await
        .unwrap();

    let retry = setup
        .beside(build::terms(now()), audience(&first, &[]))
        .await;
    retry.prepare().await;

    let prepared = retry.batch().await.progress.prepared.unwrap();
    let expected = Prepared {
        rows: 22,
        accepted: 21,
        opted_out: 1,
        parts: 21,
        ..Prepared::default()
    };
    assert_eq!(prepared, expected);
    let pointer = Pointer {
        batch: retry.request.batch,
        chunk: 0,
    };
    let found = recipients_of(&retry, pointer).await;
    let numbers: BTreeSet<_> = found.iter().map(|it| it.number.digits()).collect();
    let failed = (FIRST..FIRST + 150).filter(|number| (number - FIRST).is_multiple_of(7));
    assert_eq!(numbers, failed.filter(|it| *it != FIRST + 7).collect());
    for recipient in found {
        assert_eq!(
            recipient.vars["name"],
            format!("Ann {}", recipient.number.digits())
        );
        assert_eq!(recipient.hours(), Some("GB@Asia/Tokyo"));
    }
}

#[tokio::test]
async fn who_was_erased_is_not_retried() {
    let setup = Setup::new().await;
    let rows = (FIRST..FIRST + 3).map(|number| format!("+{number}\n"));
    let csv = "phone\n".to_owned() + &rows.collect::<String>();
    let first = setup.campaign(build::terms(now()), &csv).await;
    finish(&first, 0, |_| {
        (SlotOutcome::Failed, Some(Reason::MemoryFull))
    })
    .await;
    let Source::Frame(at) = first.chunk(0).await.unwrap().source else {
        panic!("campaigns keep their recipients in files")
    };
    let files = &first.preparation.files;
    let frame = files.read_frame(first.request.batch, at).await.unwrap();
    let erased = Phone::from_digits(FIRST + 1).unwrap();
    let without = carillon_core::frame::erase(&frame, erased)
        .unwrap()
        .unwrap();
    let exchanged = files.exchange_frame(first.request.batch, at, &without);
    assert!(exchanged.await.unwrap());

    let retry = setup
        .beside(build::terms(now()), audience(&first, &[]))
        .await;
    retry.prepare().await;

    let progress = retry.batch().await.progress;
    assert_eq!(progress.problem, None);
    let prepared = progress.prepared.unwrap();
    assert_eq!((prepared.rows, prepared.accepted), (2, 2));
    let pointer = Pointer {
        batch: retry.request.batch,
        chunk: 0,
    };
    let found = recipients_of(&retry, pointer).await;
    let numbers: Vec<_> = found.iter().map(|it| it.number.digits()).collect();
    assert_eq!(numbers, [FIRST, FIRST + 2]);
}

#[tokio::test]
async fn what_failed_is_no_marketing_that_somebody_got() {
    let setup = Setup::new().await;
    allow(&setup, Destinations::ALL, &[(1, 24)]).await;
    let csv = format!("phone\n+{FIRST}\n+{}\n", FIRST + 1);
    let first = setup.campaign(marketing(3), &csv).await;
    finish(&first, 0, |_| (SlotOutcome::Failed, None)).await;
    let second = setup.beside(marketing(2), audience(&first, &[])).await;
    second.prepare().await;
    finish(&second, 0, |_| (SlotOutcome::Failed, None)).await;

    let earlier = [first.request.batch];
    let third = setup
        .beside(marketing(0), audience(&second, &earlier))
        .await;
    third.prepare().await;

    let prepared = third.batch().await.progress.prepared.unwrap();
    assert_eq!(
        (prepared.rows, prepared.capped, prepared.accepted),
        (2, 0, 2)
    );
}

#[tokio::test]
async fn nothing_is_retried_of_what_went_well_or_is_somebody_elses() {
    let setup = Setup::new().await;
    let csv = format!("phone\n+{FIRST}\n");
    let well = setup.campaign(build::terms(now()), &csv).await;
    finish(&well, 0, |_| (SlotOutcome::Accepted, None)).await;
    let failed = setup.campaign(build::terms(now()), &csv).await;
    let mut stranger = setup.campaign(build::terms(now()), &csv).await;
    stranger.request.account = build::id();
    finish(&failed, 0, |_| (SlotOutcome::Failed, None)).await;

    for (name, retry) in [
        (
            "well",
            setup
                .beside(build::terms(now()), audience(&well, &[]))
                .await,
        ),
        (
            "somebody else's",
            stranger
                .beside(build::terms(now()), audience(&failed, &[]))
                .await,
        ),
    ] {
        retry.prepare().await;

        let progress = retry.batch().await.progress;
        assert_eq!(progress.stage, Stage::Failed, "{name}");
        assert!(progress.problem.unwrap().contains("retries"), "{name}");
    }
}

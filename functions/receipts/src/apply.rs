//! What reports say about the slots of a chunk, without any effect on the world.

use carillon_core::{
    batch::BatchTerms,
    chunk::{
        Chunk,
        receipt::{Receipt, apply},
    },
    frame::Recipient,
    phone::Phone,
    queued_report::{About, QueuedReport},
};

/// Whether anything changed.
pub fn apply_all(
    chunk: &mut Chunk,
    reports: &[QueuedReport],
    terms: &BatchTerms,
    recipients: &[Recipient],
) -> bool {
    let mut changed = false;
    for report in reports {
        let Some((slot, attempt)) = slot_of(chunk, report, terms, recipients) else {
            tracing::warn!(
                metric = "reports.without_message",
                "a report that fits no slot"
            );
            continue;
        };
        let Some(meaning) = report.meaning() else {
            continue;
        };
        let seconds = report.at.duration_since(terms.starts()).as_secs();
        let receipt = Receipt {
            status: meaning.status,
            attempt,
            proof: report.proof,
            reason: meaning.reason,
            seconds: u32::try_from(seconds).unwrap_or(0),
        };
        if let Some(new) = apply(chunk.receipts[slot], chunk.slots[slot], receipt) {
            chunk.receipts[slot] = Some(new);
            changed = true;
        }
        if meaning.read && !chunk.read.contains(slot) {
            chunk.read.insert(slot);
            changed = true;
        }
    }
    changed
}

/// The slot and the try that a report speaks of; `None` when it can't be one of ours.
fn slot_of(
    chunk: &Chunk,
    report: &QueuedReport,
    terms: &BatchTerms,
    recipients: &[Recipient],
) -> Option<(usize, u8)> {
    let (slot, attempt, via) = match &report.about {
        About::Message {
            message,
            attempt,
            via,
        } => (usize::from(message.slot), *attempt, *via),
        About::Recipient {
            attempt,
            number,
            via,
            ..
        } => (slot_of_number(recipients, *number)?, *attempt, *via),
        About::ProviderId { .. } => return None,
    };
    chunk.slots.get(slot)?;
    // Without a tag, only gateway accounts that the batch leaves by may speak of it: which of them it was, the slot may not say
    // yet, or not any more.
    let leaves_by = |via| terms.routes.iter().any(|route| route.gateway == via);
    via.is_none_or(leaves_by).then_some((slot, attempt))
}

fn slot_of_number(recipients: &[Recipient], number: Phone) -> Option<usize> {
    recipients
        .iter()
        .position(|recipient| recipient.number == number)
}

pub const fn names_a_number(report: &QueuedReport) -> bool {
    matches!(report.about, About::Recipient { .. })
}

#[cfg(test)]
mod tests {
    use carillon_core::{
        batch::{DoubtPolicy, Lane, RouteEntry},
        chunk::{
            receipt::{Proof, ReceiptStatus},
            source::Source,
        },
        message_id::MessageId,
        report::ReportWord,
        routing::Routing,
    };

    use jiff::{SignedDuration, Timestamp};

    use super::*;

    const BATCH: &str = "bat_01h455vb4pex5vsknk084sn02q";
    const GATEWAY: &str = "gwa_01h455vb4pex5vsknk084sn02q";
    const OTHER_GATEWAY: &str = "gwa_01h455vb4pex5vsknk084sn02r";

    fn terms() -> BatchTerms {
        let route = RouteEntry {
            gateway: GATEWAY.parse().unwrap(),
            parts_per_second: None,
            deduplicates_for: None,
            settles_after: None,
        };
        BatchTerms {
            id: BATCH.parse().unwrap(),
            account: "acc_01h455vb4pex5vsknk084sn02q".parse().unwrap(),
            campaign: None,
            test: false,
            lane: Lane::Low,
            policy: DoubtPolicy::AtMostOnce,
            class: carillon_core::rules::Class::Transactional,
            quiet_hours: carillon_core::batch::QuietHours::Hold,
            content: "Hello".into(),
            routes: vec![route],
            routing: Routing::in_order([None]),
            answers: None,
            began: Timestamp::UNIX_EPOCH,
            not_before: None,
            local: None,
            spread_over: None,
            expires_at: Timestamp::MAX,
        }
    }

    fn message(slot: u8) -> MessageId {
        MessageId {
            batch: BATCH.parse().unwrap(),
            chunk: 0,
            slot,
        }
    }

    fn report(about: About, word: ReportWord) -> QueuedReport {
        let at = Timestamp::UNIX_EPOCH + SignedDuration::from_secs(90);
        QueuedReport {
            about,
            word,
            reason: None,
            proof: Proof::Gateway,
            at,
        }
    }

    fn recipient(digits: u64) -> Recipient {
        Recipient::new(
            Phone::from_digits(digits).unwrap(),
            std::collections::BTreeMap::new(),
            None,
        )
    }

    #[test]
    fn a_report_finds_its_slot_and_nobody_elses() {
        let recipients = [recipient(447_700_900_001), recipient(447_700_900_002)];
        let number = recipients[1].number;
        let by_message = |slot, via: Option<&str>| About::Message {
            message: message(slot),
            attempt: 1,
            via: via.map(|via| via.parse().unwrap()),
        };
        let by_number = |number| About::Recipient {
            chunk: message(255),
            attempt: 1,
            number,
            via: None,
        };
        for (name, about, expected) in [
            ("by its id", by_message(1, None), Some(1)),
            (
                "by its id, through its gateway account",
                by_message(1, Some(GATEWAY)),
                Some(1),
            ),
            (
                "by its id, through another",
                by_message(1, Some(OTHER_GATEWAY)),
                None,
            ),
            ("by its number", by_number(number), Some(1)),
            (
                "by a number of nobody",
                by_number(Phone::from_digits(447_700_900_009).unwrap()),
                None,
            ),
            ("a slot that is not there", by_message(2, None), None),
        ] {
            let mut chunk = Chunk::new(2, Source::Sibling);

            let changed = apply_all(
                &mut chunk,
                &[report(about, ReportWord::Delivered)],
                &terms(),
                &recipients,
            );

            let slot = chunk.receipts.iter().position(Option::is_some);
            assert_eq!((changed, slot), (expected.is_some(), expected), "{name}");
        }
    }

    #[test]
    fn many_reports_of_a_chunk_are_one_write() {
        let mut chunk = Chunk::new(3, Source::Sibling);
        let about = |slot| About::Message {
            message: message(slot),
            attempt: 1,
            via: None,
        };
        let reports = [
            report(about(0), ReportWord::Delivered),
            report(about(0), ReportWord::Sent),
            report(about(1), ReportWord::Read),
            report(about(2), ReportWord::Unknown),
        ];

        let changed = apply_all(&mut chunk, &reports, &terms(), &[]);
        let again = apply_all(&mut chunk, &reports, &terms(), &[]);

        let statuses: Vec<_> = chunk
            .receipts
            .iter()
            .map(|receipt| receipt.map(|receipt| receipt.status))
            .collect();
        assert_eq!(
            statuses,
            [
                Some(ReceiptStatus::Delivered),
                Some(ReceiptStatus::Delivered),
                None
            ]
        );
        assert_eq!(chunk.receipts[0].unwrap().seconds, 90);
        assert!(chunk.read.contains(1));
        assert!((changed, again) == (true, false));
    }

    #[test]
    fn only_the_sweeper_makes_a_message_unknown_and_a_late_report_still_wins() {
        let mut chunk = Chunk::new(1, Source::Sibling);
        let about = || About::Message {
            message: message(0),
            attempt: 1,
            via: None,
        };
        let swept = || QueuedReport {
            proof: Proof::Sweeper,
            ..report(about(), ReportWord::Unknown)
        };
        let mut after = |report: QueuedReport| {
            let changed = apply_all(&mut chunk, &[report], &terms(), &[]);
            (changed, chunk.receipts[0].map(|receipt| receipt.status))
        };

        let gateway = after(report(about(), ReportWord::Unknown));
        let sweeper = after(swept());
        let again = after(swept());
        let sent = after(report(about(), ReportWord::Sent));
        let late = after(report(about(), ReportWord::Undelivered));
        let too_late = after(swept());

        let unknown = Some(ReceiptStatus::Unknown);
        let undelivered = Some(ReceiptStatus::Undelivered);
        assert_eq!((gateway, sweeper), ((false, None), (true, unknown)));
        assert_eq!((again, sent), ((false, unknown), (false, unknown)));
        assert_eq!(
            (late, too_late),
            ((true, undelivered), (false, undelivered))
        );
    }
}

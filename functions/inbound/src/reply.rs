//! Answers a handset: one message by the way that its own came, made once however often that comes.

use std::collections::BTreeMap;

use carillon_core::{
    batch::{Batch, BatchTerms, DoubtPolicy, Lane, Prepared, QuietHours, RouteEntry, Stage},
    chunk::{Chunk, Pointer, source::Source},
    frame::{self, Recipient},
    id::BatchId,
    inbound::QueuedInbound,
    keyword::{self, Match, Meaning, Wish},
    message_id::MessageId,
    originator::Originator,
    replies::{MOST_A_DAY, Replies},
    routing::{PinnedSender, Routing},
    rules::Class,
    segments::segment,
};
use carillon_gateways::GatewayKind;
use carillon_runtime::random;
use carillon_store::{
    StoreError,
    accounts::Accounts,
    aws::Aws,
    batches::{Activity, Batches},
    gateway_accounts::GatewayAccounts,
    ledger::{Indexed, Ledger},
    queues::Queues,
    replies::{Answered, ReplySettings},
};
use jiff::{SignedDuration, Timestamp};

use crate::told_after;

/// A confirmation is presumed to be covered by the consent that it ends for so long (47 CFR 64.1200(a)(12)): a later one isn't sent.
const IN_TIME: SignedDuration = SignedDuration::from_mins(5);
/// A pointer that was lost is found by then.
const WAKE_AFTER: SignedDuration = SignedDuration::from_secs(30);
const DAY: SignedDuration = SignedDuration::from_hours(24);
/// What the answer is called in its text: it isn't read for placeholders again.
const ANSWER: &str = "answer";

pub struct Answers {
    pub settings: ReplySettings,
    pub answered: Answered,
    pub accounts: Accounts,
    pub gateways: GatewayAccounts,
    pub batches: Batches,
    pub ledger: Ledger,
}

/// The way back.
struct Way {
    route: Option<RouteEntry>,
    cost: Option<u64>,
    sender: Option<Originator>,
    answers_keywords: bool,
}

impl Answers {
    pub fn new(aws: &Aws, contacts: &str, core: &str, ledger: &str) -> Self {
        let dynamodb = aws.dynamodb();
        Self {
            settings: ReplySettings::new(dynamodb.clone(), core),
            answered: Answered::new(dynamodb.clone(), contacts),
            accounts: Accounts::new(dynamodb.clone(), core),
            gateways: GatewayAccounts::new(dynamodb.clone(), core),
            batches: Batches::new(dynamodb.clone(), core),
            ledger: Ledger::new(dynamodb, ledger),
        }
    }

    /// `hash`: of the number. Whoever calls knows that this message, and none before it, turned what stands.
    pub async fn answer(
        &self,
        queues: &Queues,
        message: &QueuedInbound,
        meaning: Meaning,
        hash: &str,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        if now > message.at + IN_TIME {
            tracing::warn!(account = %message.account, "a handset wasn't answered: its message came too late");
            return Ok(());
        }
        let replies = self.settings.find(message.account).await?;
        let Some(way) = self.way(message).await? else {
            tracing::info!(account = %message.account, "a handset wasn't answered: the gateway of its message can't be used");
            return Ok(());
        };
        if is_answered(&replies, message, meaning, &way) {
            return Ok(());
        }
        let Some(text) = self.text(&replies, message, meaning.wish).await? else {
            return Ok(());
        };
        let id = message.id();
        let since = now - DAY;
        let account = message.account;
        if meaning.wish != Wish::Stop
            && self.answered.count(account, hash, id, since).await? >= MOST_A_DAY
        {
            tracing::info!(account = %account, "a handset wasn't answered: it got as many answers as it may in a day");
            return Ok(());
        }
        let batch = self
            .answered
            .reserve(account, hash, id, random::id(now), now)
            .await?;
        self.send(queues, message, meaning.wish, batch, way, text, hash, now)
            .await
    }

    async fn text(
        &self,
        replies: &Replies,
        message: &QueuedInbound,
        wish: Wish,
    ) -> Result<Option<String>, StoreError> {
        let account = self.accounts.find(message.account).await?;
        let language = replies.language(&message.text, message.from);
        Ok(account.and_then(|account| replies.text(wish, language, &account.name)))
    }

    /// By the gateway account that brought the message, from the number that it was sent to. `None`: there is no such way any more.
    async fn way(&self, message: &QueuedInbound) -> Result<Option<Way>, StoreError> {
        let sender = originator(&message.to);
        let Some(id) = message.gateway else {
            return Ok(Some(Way {
                route: None,
                cost: None,
                sender,
                answers_keywords: false,
            }));
        };
        let Some((record, _)) = self.gateways.find(message.account, id).await? else {
            return Ok(None);
        };
        let kind: Option<GatewayKind> = record.kind.parse().ok();
        let gateway = kind.and_then(|kind| kind.open(&record.config).ok());
        let Some(gateway) = gateway.filter(|_| record.enabled) else {
            return Ok(None);
        };
        let capabilities = gateway.capabilities();
        let entry = RouteEntry {
            gateway: id,
            parts_per_second: record.parts_per_second,
            deduplicates_for: None,
            settles_after: None,
        };
        Ok(Some(Way {
            route: Some(entry.with_capabilities(capabilities)),
            cost: record.cost_per_part,
            sender,
            answers_keywords: capabilities.answers_keywords,
        }))
    }

    /// The batch, its chunk, the pointer: each of them only once.
    #[expect(clippy::too_many_arguments, reason = "what one message is made of")]
    async fn send(
        &self,
        queues: &Queues,
        message: &QueuedInbound,
        wish: Wish,
        id: BatchId,
        way: Way,
        text: String,
        hash: &str,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let parts = segment(&text).parts;
        let mut batch = Batch::new(terms(message, id, way, now), Stage::Ready, Some(1));
        batch.progress.prepared = Some(Prepared {
            rows: 1,
            accepted: 1,
            parts: u64::from(parts),
            ..Prepared::default()
        });
        self.batches.create(&batch, Activity::Passive).await?;
        let pointer = Pointer {
            batch: id,
            chunk: 0,
        };
        let vars = BTreeMap::from([(ANSWER.to_owned(), text)]);
        let mut recipient = Recipient::new(message.from, vars, None);
        recipient.country = message.from.country();
        let mut chunk = Chunk::new(
            1,
            Source::Inline(frame::encode(std::slice::from_ref(&recipient))),
        );
        chunk.country = recipient.country;
        chunk.wake = Some(now + WAKE_AFTER);
        self.ledger.create_chunk(pointer, &chunk).await?;
        let sent = MessageId {
            batch: id,
            chunk: 0,
            slot: 0,
        };
        self.ledger
            .index_recipient(message.account, hash, sent, Indexed::Other, now)
            .await?;
        queues
            .send_pointers_after(told_after(wish), Lane::High, message.account, &[pointer])
            .await
    }
}

fn terms(message: &QueuedInbound, id: BatchId, way: Way, now: Timestamp) -> BatchTerms {
    let mut routing = way
        .route
        .as_ref()
        .map_or_else(Routing::default, |_| Routing::in_order([way.cost]));
    let named = way.sender.map(|originator| {
        routing.pin(PinnedSender {
            originator,
            standing: None,
        })
    });
    routing.named = named;
    BatchTerms {
        id,
        account: message.account,
        campaign: None,
        test: message.gateway.is_none(),
        lane: Lane::High,
        // A second copy would be one message too many.
        policy: DoubtPolicy::AtMostOnce,
        class: Class::Transactional,
        quiet_hours: QuietHours::default(),
        content: format!("{{{{{ANSWER}}}}}").into(),
        routes: way.route.into_iter().collect(),
        routing,
        answers: Some(message.id()),
        began: now,
        not_before: None,
        local: None,
        spread_over: None,
        expires_at: message.at + IN_TIME,
    }
}

/// Gateways answer their own keywords, where they are the whole message.
fn is_answered(replies: &Replies, message: &QueuedInbound, meaning: Meaning, way: &Way) -> bool {
    meaning.by == Match::Keyword
        && keyword::is_common(&message.text)
        && message
            .gateway
            .is_some_and(|gateway| replies.is_answered_by(gateway, way.answers_keywords))
}

/// Some gateways write numbers without their `+`.
fn originator(to: &str) -> Option<Originator> {
    let is_number = to.len() > 8 && to.bytes().all(|byte| byte.is_ascii_digit());
    let to = if is_number {
        format!("+{to}")
    } else {
        to.to_owned()
    };
    to.parse().ok()
}

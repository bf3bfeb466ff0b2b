//! What customers are told of: the envelope on the hooks queue. An event's id is a function of what it tells, so that telling twice is told once.

use aws_lc_rs::digest::{SHA256, digest};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{
    batch::BatchTerms,
    click::Device,
    export::{Export, Progress, Stage},
    id::{
        AccountId, BatchId, CampaignId, EventId, ExportId, ExportScheduleId, GatewayAccountId,
        WebhookId,
    },
    inbound::QueuedInbound,
    keyword::{Match, Meaning, Wish},
    limits::spend::{Period, Standing},
    message_id::MessageId,
    phone::{Country, Phone},
    reason::Reason,
    status::Status,
};

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Event {
    pub id: EventId,
    pub account: AccountId,
    /// `message.delivered`, by Standard Webhooks' rules for names.
    #[serde(rename = "type")]
    pub kind: String,
    pub timestamp: Timestamp,
    pub data: EventData,
    /// Told to this endpoint only, whatever else it and others want.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub only: Option<WebhookId>,
}

/// What the hooks queue carries: events of one account, many in a message, since a message costs the same with one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct QueuedEvents {
    pub account: AccountId,
    pub events: Vec<Event>,
}

/// Events of a message of the queue.
const TOGETHER: usize = 50;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum EventData {
    Message(MessageEvent),
    Inbound(InboundEvent),
    Consent(ConsentEvent),
    OptOutLink(OptOutLinkEvent),
    Clicked(ClickedEvent),
    Campaign(CampaignEvent),
    Disabled(DisabledEvent),
    Cap(CapEvent),
    Gateway(GatewayEvent),
    Export(ExportEvent),
    Test(TestEvent),
}

/// A campaign came to a point of its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CampaignEvent {
    pub campaign: CampaignId,
    pub batch: BatchId,
}

/// An endpoint is called no more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DisabledEvent {
    pub webhook: WebhookId,
    pub why: WhyDisabled,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WhyDisabled {
    /// It answered 410.
    Gone,
    /// Nothing got through for days.
    Failing,
}

/// How much of a spending cap is reserved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CapEvent {
    pub period: Period,
    /// `None`: of all countries together.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub country: Option<Country>,
    /// In millionths of the account's currency.
    pub cap: u64,
    pub reserved: u64,
    /// The period ends then.
    pub until: Timestamp,
}

/// A gateway account takes nothing for now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GatewayEvent {
    pub gateway: GatewayAccountId,
    pub reason: Reason,
}

/// An export is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExportEvent {
    pub export: ExportId,
    /// What made it; `None`: somebody asked for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schedule: Option<ExportScheduleId>,
    pub rows: u64,
}

/// Somebody tries an endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TestEvent {
    pub webhook: WebhookId,
}

/// A point in a campaign's life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CampaignTurn {
    Scheduled,
    Started,
    Paused,
    Resumed,
    Cancelled,
    Finished,
    Failed,
}

impl CampaignTurn {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Scheduled => "scheduled",
            Self::Started => "started",
            Self::Paused => "paused",
            Self::Resumed => "resumed",
            Self::Cancelled => "cancelled",
            Self::Finished => "finished",
            Self::Failed => "failed",
        }
    }

    /// Whether it can happen to a batch more than once.
    const fn repeats(self) -> bool {
        matches!(self, Self::Paused | Self::Resumed)
    }
}

impl QueuedEvents {
    /// Events in as few messages as they fit into, none with those of two accounts.
    pub fn packed(events: Vec<Event>) -> Vec<Self> {
        let mut packed: Vec<Self> = Vec::new();
        for event in events {
            match packed.last_mut() {
                Some(last) if last.account == event.account && last.events.len() < TOGETHER => {
                    last.events.push(event);
                }
                _ => packed.push(Self {
                    account: event.account,
                    events: vec![event],
                }),
            }
        }
        packed
    }
}

/// A message came to a status.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MessageEvent {
    pub message: MessageId,
    pub batch: BatchId,
    pub status: Status,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Reason>,
}

/// A handset wrote to us.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InboundEvent {
    pub inbound: EventId,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gateway: Option<GatewayAccountId>,
    pub from: String,
    pub to: String,
    pub text: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub meaning: Option<Meaning>,
}

/// A person wants no more messages of the account, or wants them again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConsentEvent {
    pub number: String,
    /// The message that said so.
    pub inbound: EventId,
    pub by: Match,
}

/// A person opened the link of a message and wants no more of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OptOutLinkEvent {
    pub number: String,
    pub message: MessageId,
    pub by: ByLink,
}

/// A recipient opened a tracked link of a message for the first time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClickedEvent {
    pub message: MessageId,
    pub batch: BatchId,
    /// Which of its tracked links, from 1, in the order of the text.
    pub link: usize,
    pub device: Device,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ByLink {
    Link,
}

impl EventId {
    /// The same for the same text.
    pub fn of_text(told: &str) -> Self {
        let mut bytes = [0; 16];
        bytes.copy_from_slice(&digest(&SHA256, told.as_bytes()).as_ref()[..16]);
        Self::from_uuid(Uuid::from_bytes(bytes))
    }
}

impl Event {
    pub fn of_message(account: AccountId, attempt: u8, data: MessageEvent, now: Timestamp) -> Self {
        let word = serde_json::to_value(data.status).expect("a plain enum is a JSON string");
        let word = word
            .as_str()
            .expect("a plain enum is a JSON string")
            .to_owned();
        Self {
            id: EventId::of_text(&format!("{}.{attempt}.{word}", data.message)),
            account,
            kind: format!("message.{word}"),
            timestamp: now,
            data: EventData::Message(data),
            only: None,
        }
    }

    /// What happens once to a batch is told once; a pause is told by its time.
    pub fn of_campaign(
        account: AccountId,
        turn: CampaignTurn,
        data: CampaignEvent,
        now: Timestamp,
    ) -> Self {
        let kind = format!("campaign.{}", turn.as_str());
        let mut told = format!("{kind}.{}.{}", data.campaign, data.batch);
        if turn.repeats() {
            told = format!("{told}.{}", now.as_millisecond());
        }
        Self {
            id: EventId::of_text(&told),
            account,
            kind,
            timestamp: now,
            data: EventData::Campaign(data),
            only: None,
        }
    }

    /// The same, of a campaign's batch; `None` of an API send's.
    pub fn of_batch(terms: &BatchTerms, turn: CampaignTurn, now: Timestamp) -> Option<Self> {
        let data = CampaignEvent {
            campaign: terms.campaign?,
            batch: terms.id,
        };
        Some(Self::of_campaign(terms.account, turn, data, now))
    }

    /// The same for one standing of one cap in one period.
    pub fn of_cap(account: AccountId, standing: Standing, data: CapEvent, now: Timestamp) -> Self {
        let kind = match standing {
            Standing::Near => "account.cap_near",
            Standing::Reached => "account.cap_reached",
        };
        let country = data.country.map(|country| country.to_string());
        let told = [
            kind,
            &account.to_string(),
            country.as_deref().unwrap_or("all"),
            data.period.as_str(),
            &data.until.to_string(),
            &data.cap.to_string(),
        ];
        Self {
            id: EventId::of_text(&told.join(".")),
            account,
            kind: kind.to_owned(),
            timestamp: now,
            data: EventData::Cap(data),
            only: None,
        }
    }

    /// `since`: when its breaker opened.
    pub fn of_failing(
        account: AccountId,
        data: GatewayEvent,
        since: Timestamp,
        now: Timestamp,
    ) -> Self {
        let kind = "gateway.failing";
        let told = format!("{kind}.{}.{}", data.gateway, since.as_millisecond());
        Self {
            id: EventId::of_text(&told),
            account,
            kind: kind.to_owned(),
            timestamp: now,
            data: EventData::Gateway(data),
            only: None,
        }
    }

    /// The same however often it is told. `None` while it isn't over, and of one that was cancelled: whoever did so knows.
    pub fn of_export(export: &Export, progress: &Progress) -> Option<Self> {
        let kind = match progress.stage {
            Stage::Finished => "export.finished",
            Stage::Failed => "export.failed",
            Stage::Queued | Stage::Running | Stage::Cancelled => return None,
        };
        Some(Self {
            id: EventId::of_text(&format!("{kind}.{}", export.id)),
            account: export.account,
            kind: kind.to_owned(),
            timestamp: progress.finished.unwrap_or(export.created),
            data: EventData::Export(ExportEvent {
                export: export.id,
                schedule: export.schedule(),
                rows: progress.settled_rows(),
            }),
            only: None,
        })
    }

    /// Told to the account's other endpoints.
    pub fn of_disabled(account: AccountId, data: DisabledEvent, now: Timestamp) -> Self {
        let kind = "webhook.disabled".to_owned();
        Self {
            id: EventId::of_text(&format!("{kind}.{}.{}", data.webhook, now.as_millisecond())),
            account,
            kind,
            timestamp: now,
            data: EventData::Disabled(data),
            only: None,
        }
    }

    pub fn of_test(account: AccountId, webhook: WebhookId, id: EventId, now: Timestamp) -> Self {
        Self {
            id,
            account,
            kind: "webhook.test".to_owned(),
            timestamp: now,
            data: EventData::Test(TestEvent { webhook }),
            only: Some(webhook),
        }
    }

    pub fn of_inbound(message: &QueuedInbound, meaning: Option<Meaning>) -> Self {
        let inbound = message.id();
        let data = InboundEvent {
            inbound,
            gateway: message.gateway,
            from: message.from.e164(),
            to: message.to.clone(),
            text: message.text.clone(),
            meaning,
        };
        Self {
            id: inbound,
            account: message.account,
            kind: "inbound.received".to_owned(),
            timestamp: message.at,
            data: EventData::Inbound(data),
            only: None,
        }
    }

    /// `None` for a message that changes nothing about who may be written to.
    pub fn of_consent(message: &QueuedInbound, meaning: Meaning) -> Option<Self> {
        let kind = match meaning.wish {
            Wish::Stop => "contact.opted_out",
            Wish::Start => "contact.opted_in",
            Wish::Help => return None,
        };
        let inbound = message.id();
        Some(Self {
            id: EventId::of_text(&format!("{kind}.{inbound}")),
            account: message.account,
            kind: kind.to_owned(),
            timestamp: message.at,
            data: EventData::Consent(ConsentEvent {
                number: message.from.e164(),
                inbound,
                by: meaning.by,
            }),
            only: None,
        })
    }

    /// The same for all links of a message: it tells that the recipient clicked.
    pub fn of_click(account: AccountId, data: ClickedEvent, now: Timestamp) -> Self {
        let kind = "message.clicked";
        Self {
            id: EventId::of_text(&format!("{kind}.{}", data.message)),
            account,
            kind: kind.to_owned(),
            timestamp: now,
            data: EventData::Clicked(data),
            only: None,
        }
    }

    /// The same however often the link is answered.
    pub fn of_opt_out_link(
        account: AccountId,
        number: Phone,
        message: MessageId,
        now: Timestamp,
    ) -> Self {
        let kind = "contact.opted_out";
        Self {
            id: EventId::of_text(&format!("{kind}.{message}")),
            account,
            kind: kind.to_owned(),
            timestamp: now,
            data: EventData::OptOutLink(OptOutLinkEvent {
                number: number.e164(),
                message,
                by: ByLink::Link,
            }),
            only: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn telling_twice_is_the_same_event() {
        let message: MessageId = "msg_01h455vb4pex5vsknk084sn02q000010".parse().unwrap();
        let account: AccountId = "acc_01h455vb4pex5vsknk084sn02q".parse().unwrap();
        let of = |attempt, status| {
            let data = MessageEvent {
                message,
                batch: message.batch,
                status,
                reason: None,
            };
            Event::of_message(account, attempt, data, Timestamp::UNIX_EPOCH)
        };

        let event = of(1, Status::Delivered);

        assert_eq!(event.kind, "message.delivered");
        assert_eq!(event.id, of(1, Status::Delivered).id);
        assert_ne!(event.id, of(2, Status::Delivered).id);
        assert_ne!(event.id, of(1, Status::Failed).id);
    }

    #[test]
    fn a_campaign_is_told_once_of_what_happens_once() {
        let account: AccountId = "acc_01h455vb4pex5vsknk084sn02q".parse().unwrap();
        let data = CampaignEvent {
            campaign: "cmp_01h455vb4pex5vsknk084sn02q".parse().unwrap(),
            batch: "bat_01h455vb4pex5vsknk084sn02q".parse().unwrap(),
        };
        let id = |turn, second| {
            let now = Timestamp::from_second(second).unwrap();
            Event::of_campaign(account, turn, data, now).id
        };

        assert_eq!(id(CampaignTurn::Started, 1), id(CampaignTurn::Started, 2));
        assert_ne!(id(CampaignTurn::Paused, 1), id(CampaignTurn::Paused, 2));
        assert_ne!(id(CampaignTurn::Started, 1), id(CampaignTurn::Finished, 1));
    }

    #[test]
    fn a_cap_is_told_once_for_each_standing_and_period() {
        let account: AccountId = "acc_01h455vb4pex5vsknk084sn02q".parse().unwrap();
        let day = CapEvent {
            period: Period::Day,
            country: None,
            cap: 100,
            reserved: 80,
            until: Timestamp::from_second(86_400).unwrap(),
        };
        let id = |standing, data, second| {
            let now = Timestamp::from_second(second).unwrap();
            Event::of_cap(account, standing, data, now).id
        };

        let told = id(Standing::Near, day, 1);

        for (name, standing, data, same) in [
            (
                "later",
                Standing::Near,
                CapEvent {
                    reserved: 90,
                    ..day
                },
                true,
            ),
            ("reached", Standing::Reached, day, false),
            (
                "raised",
                Standing::Near,
                CapEvent { cap: 200, ..day },
                false,
            ),
            (
                "the next day",
                Standing::Near,
                CapEvent {
                    until: Timestamp::from_second(172_800).unwrap(),
                    ..day
                },
                false,
            ),
            (
                "of a country",
                Standing::Near,
                CapEvent {
                    country: Country::parse("FR").ok(),
                    ..day
                },
                false,
            ),
        ] {
            assert_eq!(id(standing, data, 2) == told, same, "{name}");
        }
    }

    #[test]
    fn a_gateway_that_fails_is_told_once_for_each_opening() {
        let data = GatewayEvent {
            gateway: "gwa_01h455vb4pex5vsknk084sn02q".parse().unwrap(),
            reason: Reason::Auth,
        };
        let account: AccountId = "acc_01h455vb4pex5vsknk084sn02q".parse().unwrap();
        let id = |since, now| {
            let at = |second| Timestamp::from_second(second).unwrap();
            Event::of_failing(account, data, at(since), at(now)).id
        };

        assert_eq!(id(1, 2), id(1, 3));
        assert_ne!(id(1, 3), id(2, 3));
    }

    #[test]
    fn events_are_packed_by_account_and_read_as_they_were() {
        let first: AccountId = "acc_01h455vb4pex5vsknk084sn02q".parse().unwrap();
        let second: AccountId = "acc_01h455vb4pex5vsknk084sn02r".parse().unwrap();
        let webhook = "whk_01h455vb4pex5vsknk084sn02q".parse().unwrap();
        let id = EventId::of_text("a test");
        let of = |account| Event::of_test(account, webhook, id, Timestamp::UNIX_EPOCH);
        let mut events = vec![of(first); 51];
        events.push(of(second));

        let packed = QueuedEvents::packed(events);

        let sizes: Vec<_> = packed.iter().map(|packed| packed.events.len()).collect();
        let text = serde_json::to_string(&packed[2]).unwrap();
        assert_eq!(sizes, [50, 1, 1]);
        assert_eq!(
            serde_json::from_str::<QueuedEvents>(&text).unwrap(),
            packed[2]
        );
    }
}

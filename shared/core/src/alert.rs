//! What a member reads by e-mail: of some events, what happened, what that means, and the page of the console that says more.

use crate::{
    event::{CampaignEvent, CapEvent, Event, EventData, GatewayEvent},
    limits::spend::Period,
};

/// One e-mail. Nothing of a message and nobody's number is in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alert {
    /// ASCII, one line, at most 100 characters: SNS takes no other.
    pub subject: String,
    pub text: String,
}

/// What happened, what it means, and where to read on.
struct Told {
    subject: &'static str,
    means: String,
    page: String,
}

impl Alert {
    /// `None` of what members aren't told of. `console`: its URL, without a slash at the end.
    pub fn of(event: &Event, console: &str) -> Option<Self> {
        let Told {
            subject,
            means,
            page,
        } = told(event)?;
        let account = event.account;
        let text = format!(
            "{means}\n\n{console}{page}\n\nThis is about the account {account}. Whether you get such e-mails is your choice: {console}/settings/alerts\n"
        );
        Some(Self {
            subject: format!("Carillon: {subject}"),
            text,
        })
    }
}

fn told(event: &Event) -> Option<Told> {
    match (&event.data, event.kind.as_str()) {
        (EventData::Campaign(campaign), kind) => of_campaign(*campaign, kind),
        (EventData::Cap(cap), "account.cap_near") => Some(Told {
            subject: "a spending cap is near",
            means: format!(
                "{} % of {} is reserved. When nothing is left of it, messages wait.",
                hundredths(*cap),
                cap_in_words(*cap),
            ),
            page: LIMITS.to_owned(),
        }),
        (EventData::Cap(cap), _) => Some(Told {
            subject: "a spending cap is reached, messages wait",
            means: format!(
                "{} is used up. What is left to send waits until {}, or until an owner raises it.",
                capitalized(&cap_in_words(*cap)),
                cap.until.strftime("%Y-%m-%d %H:%M UTC"),
            ),
            page: LIMITS.to_owned(),
        }),
        (EventData::Gateway(GatewayEvent { gateway, reason }), _) => Some(Told {
            subject: "a gateway account is failing, its messages wait",
            means: format!(
                "Calls to it fail: {}. Carillon goes on trying, and sends what waits when it answers again.",
                reason.facts().words,
            ),
            page: format!("/gateways/{gateway}"),
        }),
        _ => None,
    }
}

const LIMITS: &str = "/settings/limits";

fn of_campaign(CampaignEvent { campaign, batch: _ }: CampaignEvent, kind: &str) -> Option<Told> {
    let (subject, means) = match kind {
        "campaign.finished" => (
            "a campaign has finished",
            "Each of its messages has left or has come to an end. Delivery reports may still come.",
        ),
        "campaign.failed" => (
            "a campaign could not be prepared",
            "Nothing of it was sent. Its page says what is wrong with its audience.",
        ),
        _ => return None,
    };
    Some(Told {
        subject,
        means: means.to_owned(),
        page: format!("/campaigns/{campaign}"),
    })
}

fn hundredths(CapEvent { cap, reserved, .. }: CapEvent) -> u128 {
    let hundredths = (u128::from(reserved) * 100).checked_div(cap.into());
    hundredths.unwrap_or(100)
}

fn cap_in_words(
    CapEvent {
        period, country, ..
    }: CapEvent,
) -> String {
    let of = match period {
        Period::Hour => "what may be spent in this hour",
        Period::Day => "what may be spent today",
        Period::Month => "what may be spent in this month",
    };
    match country {
        Some(country) => format!("{of} on messages to {country}"),
        None => of.to_owned(),
    }
}

fn capitalized(words: &str) -> String {
    let mut rest = words.chars();
    let first = rest.next().map(|first| first.to_ascii_uppercase());
    first.into_iter().chain(rest).collect()
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::{
        event::{CampaignTurn, DisabledEvent, WhyDisabled},
        id::AccountId,
        limits::spend::Standing,
        phone::Country,
        reason::Reason,
    };

    const CONSOLE: &str = "https://sms.example.net";

    fn account() -> AccountId {
        "acc_01h455vb4pex5vsknk084sn02q".parse().unwrap()
    }

    fn campaign(turn: CampaignTurn) -> Event {
        let data = CampaignEvent {
            campaign: "cmp_01h455vb4pex5vsknk084sn02q".parse().unwrap(),
            batch: "bat_01h455vb4pex5vsknk084sn02q".parse().unwrap(),
        };
        Event::of_campaign(account(), turn, data, Timestamp::UNIX_EPOCH)
    }

    fn cap(standing: Standing, country: Option<Country>) -> Event {
        let data = CapEvent {
            period: Period::Day,
            country,
            cap: 50_000_000,
            reserved: 42_500_000,
            until: "2026-11-29T00:00:00Z".parse().unwrap(),
        };
        Event::of_cap(account(), standing, data, Timestamp::UNIX_EPOCH)
    }

    fn failing() -> Event {
        let data = GatewayEvent {
            gateway: "gwa_01h455vb4pex5vsknk084sn02q".parse().unwrap(),
            reason: Reason::Auth,
        };
        let then = Timestamp::UNIX_EPOCH;
        Event::of_failing(account(), data, then, then)
    }

    #[test]
    fn an_alert_says_what_happened_what_it_means_and_where_to_read_on() {
        let france = Country::parse("FR").ok();
        for (event, subject, means, page) in [
            (
                campaign(CampaignTurn::Finished),
                "Carillon: a campaign has finished",
                "Each of its messages has left or has come to an end. Delivery reports may still come.",
                "/campaigns/cmp_01h455vb4pex5vsknk084sn02q",
            ),
            (
                campaign(CampaignTurn::Failed),
                "Carillon: a campaign could not be prepared",
                "Nothing of it was sent. Its page says what is wrong with its audience.",
                "/campaigns/cmp_01h455vb4pex5vsknk084sn02q",
            ),
            (
                cap(Standing::Near, None),
                "Carillon: a spending cap is near",
                "85 % of what may be spent today is reserved. When nothing is left of it, messages wait.",
                "/settings/limits",
            ),
            (
                cap(Standing::Reached, france),
                "Carillon: a spending cap is reached, messages wait",
                "What may be spent today on messages to FR is used up. What is left to send waits until 2026-11-29 00:00 UTC, or until an owner raises it.",
                "/settings/limits",
            ),
            (
                failing(),
                "Carillon: a gateway account is failing, its messages wait",
                "Calls to it fail: the gateway does not accept our credentials. Carillon goes on trying, and sends what waits when it answers again.",
                "/gateways/gwa_01h455vb4pex5vsknk084sn02q",
            ),
        ] {
            let alert = Alert::of(&event, CONSOLE).expect(subject);

            assert_eq!(alert.subject, subject);
            let begins = format!("{means}\n\n{CONSOLE}{page}\n\n");
            assert!(alert.text.starts_with(&begins), "{}", alert.text);
            assert!(alert.text.contains("acc_01h455vb4pex5vsknk084sn02q"));
            assert!(alert.subject.is_ascii() && alert.subject.len() <= 100);
        }
    }

    #[test]
    fn members_are_not_told_of_what_goes_its_way() {
        let data = DisabledEvent {
            webhook: "whk_01h455vb4pex5vsknk084sn02q".parse().unwrap(),
            why: WhyDisabled::Gone,
        };
        for event in [
            campaign(CampaignTurn::Started),
            campaign(CampaignTurn::Paused),
            Event::of_disabled(account(), data, Timestamp::UNIX_EPOCH),
        ] {
            assert_eq!(Alert::of(&event, CONSOLE), None, "{}", event.kind);
        }
    }
}

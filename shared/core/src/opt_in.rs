//! Double opt-in: a number is asked whether its owner wants messages, and only their YES makes a consent of it.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::{
    consent::{ConsentRecord, ConsentScope, Method},
    id::{ConsentId, EventId},
    inbound::QueuedInbound,
    keyword,
    message_id::MessageId,
    suppression::Suppression,
};

/// A later YES answers something else. Until then nobody is asked again.
pub const ANSWERED_WITHIN: SignedDuration = SignedDuration::from_hours(24 * 7);

/// What a number was asked last.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Asked {
    /// Which asks.
    pub message: MessageId,
    pub scope: ConsentScope,
    /// As its owner reads it.
    pub text: String,
    pub at: Timestamp,
    pub expires: Timestamp,
    /// The message that said YES.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answered: Option<EventId>,
}

impl Asked {
    pub fn is_open(&self, now: Timestamp) -> bool {
        self.answered.is_none() && now < self.expires
    }

    /// The consent that a message is, the same however often it comes. `stands`: what its number said of messages, before this one.
    pub fn agreed_by(
        &self,
        message: &QueuedInbound,
        stands: Option<&Suppression>,
        now: Timestamp,
    ) -> Option<ConsentRecord> {
        let in_time = (self.at..self.expires).contains(&message.at);
        let first = self.answered.is_none_or(|by| by == message.id());
        // A STOP, or a START after one, came between: then YES may be about that.
        let silent = stands.is_none_or(|stands| !stands.holds() && stands.said <= self.at);
        // What the simulated gateway brings proves nothing.
        let real = message.gateway.is_some();
        let agreed = in_time && first && silent && real && keyword::is_yes(&message.text);
        agreed.then(|| ConsentRecord {
            id: ConsentId::from_uuid(message.id().uuid()),
            scope: self.scope,
            method: Method::DoubleOptIn,
            given: message.at,
            recorded: now,
            expires: None,
            source: format!("The answer to {} at {}", self.message, message.to),
            text: self.text.clone(),
            language: None,
            evidence: Some(message.text.clone()),
            identity: None,
            ip: None,
            user_agent: None,
            inbound: Some(message.id()),
            redacted: None,
        })
    }
}

/// The question of an account that has no words of its own.
pub fn question(account_name: &str) -> String {
    format!("{account_name}: Reply YES to get messages from us. Reply STOP to get none.")
}

/// Whether a question says by which word it is answered.
pub fn names_its_answer(question: &str) -> bool {
    let mut words = question.split(|letter: char| !letter.is_alphanumeric());
    // A single letter, as of `y`, is in many texts.
    words.any(|word| word.chars().count() > 1 && keyword::is_yes(word))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        phone::Phone,
        suppression::{Cause, Consent},
    };

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn asked() -> Asked {
        Asked {
            message: MessageId {
                batch: "bat_01h455vb4pex5vsknk084sn02q".parse().unwrap(),
                chunk: 0,
                slot: 0,
            },
            scope: ConsentScope::Marketing,
            text: question("ACME"),
            at: at(100),
            expires: at(200),
            answered: None,
        }
    }

    fn message(text: &str, second: i64) -> QueuedInbound {
        QueuedInbound {
            account: "acc_01h455vb4pex5vsknk084sn02q".parse().unwrap(),
            gateway: Some("gwa_01h455vb4pex5vsknk084sn02q".parse().unwrap()),
            from: Phone::from_e164("+447700900123").unwrap(),
            to: "12345".to_owned(),
            text: text.to_owned(),
            provider_id: Some("SM1".to_owned()),
            at: at(second),
        }
    }

    fn stands(consent: Consent, said: i64) -> Suppression {
        Suppression {
            consent,
            said: at(said),
            since: at(said),
            cause: Cause::Reply,
            number: None,
            inbound: None,
            reason: None,
        }
    }

    #[test]
    fn a_yes_in_time_is_a_consent_and_its_message_the_evidence() {
        let yes = message("Yes!", 150);

        let record = asked().agreed_by(&yes, None, at(160)).unwrap();

        assert_eq!(record.method, Method::DoubleOptIn);
        assert_eq!((record.given, record.recorded), (at(150), at(160)));
        assert_eq!(record.inbound, Some(yes.id()));
        assert_eq!(record.evidence.as_deref(), Some("Yes!"));
        assert_eq!(record.text, asked().text);
        let again = asked().agreed_by(&yes, None, at(170)).unwrap();
        assert_eq!(again.id, record.id);
    }

    #[test]
    fn what_agrees_to_a_question() {
        use Consent::{OptedIn, OptedOut};
        let simulated = QueuedInbound {
            gateway: None,
            ..message("YES", 150)
        };
        for (name, message, stands, expected) in [
            ("in French", message("Oui", 150), None, true),
            ("a question", message("Yes to what?", 150), None, false),
            ("before it was asked", message("YES", 99), None, false),
            ("too late", message("YES", 200), None, false),
            ("simulated", simulated, None, false),
            (
                "an opt-out before",
                message("YES", 150),
                Some(stands(OptedOut, 50)),
                false,
            ),
            (
                "back before it was asked",
                message("YES", 150),
                Some(stands(OptedIn, 50)),
                true,
            ),
            (
                "an opt-out since",
                message("YES", 150),
                Some(stands(OptedOut, 120)),
                false,
            ),
            (
                "an opt-out since, and back",
                message("YES", 150),
                Some(stands(OptedIn, 130)),
                false,
            ),
        ] {
            let agreed = asked().agreed_by(&message, stands.as_ref(), at(160));

            assert_eq!(agreed.is_some(), expected, "{name}");
        }
    }

    #[test]
    fn a_question_is_answered_by_one_message() {
        let yes = message("YES", 150);
        let another = QueuedInbound {
            provider_id: Some("SM2".to_owned()),
            ..yes.clone()
        };
        let answered = Asked {
            answered: Some(yes.id()),
            ..asked()
        };

        assert!(answered.agreed_by(&yes, None, at(160)).is_some());
        assert!(answered.agreed_by(&another, None, at(160)).is_none());
        assert!(asked().is_open(at(199)) && !asked().is_open(at(200)));
        assert!(!answered.is_open(at(150)));
    }

    #[test]
    fn a_question_names_its_answer() {
        for (question, expected) in [
            (question("ACME").as_str(), true),
            ("Répondez OUI pour recevoir nos offres", true),
            ("Do you want our offers?", false),
            ("Y?", false),
        ] {
            assert_eq!(names_its_answer(question), expected, "{question}");
        }
    }
}

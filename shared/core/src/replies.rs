//! What handsets are answered when they write STOP, START or HELP: an account's own texts, or ours, in the language of the message.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::{
    id::{AccountId, GatewayAccountId},
    keyword::{self, Language, Wish},
    phone::Phone,
    template::Template,
};

/// Of an account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Replies {
    pub account: AccountId,
    /// Where its people get help: an address, a number.
    #[serde(default)]
    pub contact: Option<String>,
    /// Of answers to messages whose words don't tell theirs. Otherwise it is that of the number's country.
    #[serde(default)]
    pub language: Option<Language>,
    #[serde(default)]
    pub stop: Reply,
    #[serde(default)]
    pub start: Reply,
    #[serde(default)]
    pub help: Reply,
    /// Gateways that answer these words themselves, though their kind doesn't.
    #[serde(default)]
    pub answered_by: BTreeSet<GatewayAccountId>,
    /// Gateways that don't, though their kind does.
    #[serde(default)]
    pub not_answered_by: BTreeSet<GatewayAccountId>,
    /// Whether YES is a START of whoever has opted out.
    #[serde(default = "on")]
    pub yes_starts: bool,
    /// Counts its edits; 0 is one that was never written.
    pub version: u32,
}

/// To one wish.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reply {
    pub enabled: bool,
    /// By language; those that aren't there are ours.
    #[serde(default)]
    pub texts: BTreeMap<Language, String>,
}

impl Default for Reply {
    fn default() -> Self {
        let texts = BTreeMap::new();
        Self {
            enabled: true,
            texts,
        }
    }
}

const fn on() -> bool {
    true
}

/// Placeholders of a reply.
pub const NAMES: [&str; 2] = ["account", "contact"];

/// In this order: to STOP, to START, to HELP, to HELP where there is a contact. None of them sells anything, each begins with who
/// it is from, and with a name of up to 30 characters each is one part: so their
/// words keep to the letters of the GSM alphabet.
const OURS: [(&str, [&str; 4]); 7] = [
    (
        "en",
        [
            "{{account}}: You are unsubscribed and will get no more messages. Reply START to get them again.",
            "{{account}}: You are subscribed again. Reply STOP to get no more messages, HELP for help.",
            "{{account}}: Reply STOP to get no more messages.",
            "{{account}}: For help, contact {{contact}}. Reply STOP to get no more messages.",
        ],
    ),
    (
        "fr",
        [
            "{{account}} : votre désinscription est faite, vous ne recevrez plus de messages. Répondez START pour vous réinscrire.",
            "{{account}} : votre inscription est rétablie. Répondez STOP pour ne plus recevoir de messages.",
            "{{account}} : répondez STOP pour ne plus recevoir de messages.",
            "{{account}} : pour obtenir de l'aide, contactez {{contact}}. Répondez STOP pour ne plus recevoir de messages.",
        ],
    ),
    (
        "es",
        [
            "{{account}}: baja confirmada; ya no le enviaremos mensajes. Responda START para volver a recibirlos.",
            "{{account}}: de nuevo le enviaremos mensajes. Responda STOP para dejar de recibirlos.",
            "{{account}}: responda STOP para dejar de recibir mensajes.",
            "{{account}}: para ayuda, contacte con {{contact}}. Responda STOP para dejar de recibir mensajes.",
        ],
    ),
    (
        "pt",
        [
            "{{account}}: deixamos de lhe enviar mensagens. Responda START para voltar a receber.",
            "{{account}}: voltamos a enviar-lhe mensagens. Responda STOP para deixar de receber.",
            "{{account}}: responda STOP para deixar de receber mensagens.",
            "{{account}}: para ajuda, contacte {{contact}}. Responda STOP para deixar de receber mensagens.",
        ],
    ),
    (
        "de",
        [
            "{{account}}: Sie sind abgemeldet und erhalten keine Nachrichten mehr. Mit START melden Sie sich wieder an.",
            "{{account}}: Sie sind wieder angemeldet. Mit STOP erhalten Sie keine Nachrichten mehr.",
            "{{account}}: Mit STOP erhalten Sie keine Nachrichten mehr.",
            "{{account}}: Hilfe gibt es unter {{contact}}. Mit STOP erhalten Sie keine Nachrichten mehr.",
        ],
    ),
    (
        "it",
        [
            "{{account}}: la tua iscrizione è annullata e non riceverai altri messaggi. Rispondi START per riceverli di nuovo.",
            "{{account}}: sei di nuovo iscritto. Rispondi STOP per non ricevere altri messaggi.",
            "{{account}}: rispondi STOP per non ricevere altri messaggi.",
            "{{account}}: per assistenza contatta {{contact}}. Rispondi STOP per non ricevere altri messaggi.",
        ],
    ),
    (
        "nl",
        [
            "{{account}}: u bent afgemeld en krijgt geen berichten meer. Antwoord START om ze weer te krijgen.",
            "{{account}}: u bent weer aangemeld. Antwoord STOP om geen berichten meer te krijgen.",
            "{{account}}: antwoord STOP om geen berichten meer te krijgen.",
            "{{account}}: voor hulp: {{contact}}. Antwoord STOP om geen berichten meer te krijgen.",
        ],
    ),
];

/// Replies to one number in a day at most, so that two machines don't answer each other for ever. A confirmed STOP isn't counted.
pub const MOST_A_DAY: usize = 5;

impl Replies {
    /// Of an account that has said nothing yet.
    pub fn of(account: AccountId) -> Self {
        Self {
            account,
            contact: None,
            language: None,
            stop: Reply::default(),
            start: Reply::default(),
            help: Reply::default(),
            answered_by: BTreeSet::new(),
            not_answered_by: BTreeSet::new(),
            yes_starts: on(),
            version: 0,
        }
    }

    /// What to answer a message in.
    pub fn language(&self, text: &str, from: Phone) -> Language {
        keyword::language(text)
            .or(self.language)
            .unwrap_or_else(|| Language::of_country(from.country()))
    }

    /// What to answer, to whom the account is called `name`. `None`: nothing.
    pub fn text(&self, wish: Wish, language: Language, name: &str) -> Option<String> {
        let reply = match wish {
            Wish::Stop => &self.stop,
            Wish::Start => &self.start,
            Wish::Help => &self.help,
        };
        if !reply.enabled {
            return None;
        }
        let ours = |language| self.ours(wish, language);
        let texts = &reply.texts;
        let written = texts.get(&language).map(String::as_str);
        let text = written
            .or_else(|| ours(language))
            .or_else(|| texts.get(&Language::ENGLISH).map(String::as_str))
            .or_else(|| ours(Language::ENGLISH))?;
        let template = Template::parse(text).ok()?;
        let value = |placeholder: &str| match placeholder {
            "account" => Some(name),
            "contact" => Some(self.contact.as_deref().unwrap_or_default()),
            _ => None,
        };
        template.render(value).ok()
    }

    fn ours(&self, wish: Wish, language: Language) -> Option<&'static str> {
        let (_, texts) = OURS.iter().find(|(of, _)| *of == language.as_str())?;
        let place = match (wish, &self.contact) {
            (Wish::Stop, _) => 0,
            (Wish::Start, _) => 1,
            (Wish::Help, None) => 2,
            (Wish::Help, Some(_)) => 3,
        };
        Some(texts[place])
    }

    /// Whether the gateway has answered already, as its kind does unless the account says otherwise.
    pub fn is_answered_by(&self, gateway: GatewayAccountId, kind_answers: bool) -> bool {
        self.answered_by.contains(&gateway)
            || (kind_answers && !self.not_answered_by.contains(&gateway))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::segments::segment;

    fn replies() -> Replies {
        Replies::of("acc_01h455vb4pex5vsknk084sn02q".parse().unwrap())
    }

    fn language(code: &str) -> Language {
        code.parse().unwrap()
    }

    #[test]
    fn an_account_s_own_text_comes_first_then_ours_then_english() {
        let mut replies = replies();
        replies
            .stop
            .texts
            .insert(language("fr"), "{{account}} : au revoir".to_owned());
        replies
            .stop
            .texts
            .insert(Language::ENGLISH, "{{account}}: bye".to_owned());
        for (name, wish, code, expected) in [
            ("its own", Wish::Stop, "fr", "ACME : au revoir"),
            (
                "ours",
                Wish::Help,
                "nl",
                "ACME: antwoord STOP om geen berichten meer te krijgen.",
            ),
            (
                "its own English, where there is none of ours",
                Wish::Stop,
                "ko",
                "ACME: bye",
            ),
            (
                "our English",
                Wish::Help,
                "ko",
                "ACME: Reply STOP to get no more messages.",
            ),
        ] {
            assert_eq!(
                replies.text(wish, language(code), "ACME").as_deref(),
                Some(expected),
                "{name}"
            );
        }
    }

    #[test]
    fn an_answer_is_in_the_language_of_the_words_then_the_account_s_then_the_country_s() {
        let (america, france) = ("+12025550123", "+33612345678");
        for (text, from, of_account, expected) in [
            ("STOP", america, None, "en"),
            ("STOP", france, None, "fr"),
            ("Arrêt", america, None, "fr"),
            ("STOP", america, Some("fr"), "fr"),
            ("HELP", france, Some("de"), "de"),
            ("Arrêt", america, Some("es"), "fr"),
        ] {
            let mut replies = replies();
            replies.language = of_account.map(language);
            let from = Phone::from_e164(from).unwrap();

            let answered = replies.language(text, from).as_str();
            assert_eq!(answered, expected, "{text} from {from:?}, {of_account:?}");
        }
    }

    #[test]
    fn what_is_switched_off_is_not_sent_and_a_contact_is_named() {
        let mut replies = replies();
        replies.stop.enabled = false;
        replies.contact = Some("help@acme.example".to_owned());

        assert_eq!(replies.text(Wish::Stop, Language::ENGLISH, "ACME"), None);
        let help = replies.text(Wish::Help, Language::ENGLISH, "ACME").unwrap();
        assert!(help.contains("help@acme.example"), "{help}");
    }

    #[test]
    fn each_of_ours_is_one_part_and_begins_with_who_it_is_from() {
        let mut replies = replies();
        replies.contact = Some("help@acme.example".to_owned());
        let name = "Thirty Letters of Name Limited";
        for (code, _) in OURS {
            for wish in [Wish::Stop, Wish::Start, Wish::Help] {
                let text = replies.text(wish, language(code), name).unwrap();

                assert!(text.starts_with(name), "{text}");
                assert_eq!(segment(&text).parts, 1, "{code}: {text}");
            }
        }
    }

    #[test]
    fn a_gateway_that_answers_is_not_answered_over() {
        let (one, other): (GatewayAccountId, GatewayAccountId) = (
            "gwa_01h455vb4pex5vsknk084sn02q".parse().unwrap(),
            "gwa_01h455vb4pex5vsknk084sn02r".parse().unwrap(),
        );
        let mut replies = replies();
        replies.answered_by.insert(one);
        replies.not_answered_by.insert(other);

        assert!(replies.is_answered_by(one, false));
        assert!(!replies.is_answered_by(other, true));
        assert!(Replies::of(replies.account).is_answered_by(other, true));
    }
}

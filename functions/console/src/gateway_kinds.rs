//! What each kind of gateway asks for when it is connected, for people: the fields of its form, where the vendor shows what goes in,
//! and where our URL is to be written there. `shared/gateways` reads and checks what comes of it; a test fills in each form.

use serde_json::{Map, Value};

use crate::{form::Form, ui::Choice};

pub struct Kind {
    /// As the API calls it.
    pub id: &'static str,
    pub name: &'static str,
    pub words: &'static str,
    /// The page of the vendor that has the credentials.
    pub page: Option<&'static str>,
    /// What to do with our URL there.
    pub hooks: &'static str,
    pub settings: &'static [Setting],
}

/// A field of the form.
#[derive(Clone, Copy)]
pub struct Setting {
    pub name: &'static str,
    pub label: &'static str,
    pub hint: &'static str,
    pub place: Place,
    pub shape: Shape,
    pub is_required: bool,
    /// What it may look like: shown in the empty field, and what a test fills in.
    pub example: &'static str,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    Config,
    /// Kept encrypted, never shown.
    Secret,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    Line,
    Lines,
    /// An item a line.
    List,
    /// In PEM, one after the other.
    Certificates,
    Tick,
    Choice(&'static [(&'static str, &'static str)]),
    /// All of the configuration, as JSON.
    Document,
    /// Secrets as `name = value`, a line each.
    Named,
}

const END_OF_CERTIFICATE: &str = "-----END CERTIFICATE-----";

const fn setting(
    name: &'static str,
    label: &'static str,
    hint: &'static str,
    example: &'static str,
) -> Setting {
    Setting {
        name,
        label,
        hint,
        place: Place::Config,
        shape: Shape::Line,
        is_required: true,
        example,
    }
}

const fn secret(name: &'static str, label: &'static str, hint: &'static str) -> Setting {
    let mut it = setting(name, label, hint, "");
    it.place = Place::Secret;
    it
}

impl Setting {
    const fn optional(mut self) -> Self {
        self.is_required = false;
        self
    }

    const fn of(mut self, shape: Shape) -> Self {
        self.shape = shape;
        self
    }

    const fn like(mut self, example: &'static str) -> Self {
        self.example = example;
        self
    }
}

const LOGIN: Setting = secret(
    "callback_login",
    "Login of its calls to us",
    "As user:password. This gateway doesn't sign its calls; with a login they prove themselves twice.",
)
.optional()
.like("carillon:a-long-password");

const BY_MESSAGE: &str = "Nothing to do for delivery reports: each message brings the URL along. For replies of people, set it where the vendor asks for a URL of incoming messages.";
const BY_DASHBOARD: &str = "Reports and replies come only if it is set in the vendor's dashboard.";

/// The one for newcomers first, then by name, ours last.
#[rustfmt::skip]
pub const ALL: [Kind; 16] = [
    Kind {
        id: "simulated", name: "Simulated", page: None, settings: &[],
        words: "Answers like a real gateway, reports included, and nobody gets a message. Costs nothing. Begin with this one.",
        hooks: "Nothing to do: its reports come by themselves.",
    },
    Kind {
        id: "africastalking", name: "Africa's Talking", page: Some("https://account.africastalking.com/"), hooks: BY_DASHBOARD,
        words: "Networks of Africa, up to 100 numbers a request.",
        settings: &[
            setting("username", "Username", "Of the application. The sandbox's is “sandbox”.", "sandbox"),
            secret("api_key", "API key", "Settings → API key, of the same application."),
            setting("base_url", "Another address", "The sandbox is https://api.sandbox.africastalking.com.", "https://api.sandbox.africastalking.com").optional(),
            LOGIN,
        ],
    },
    Kind {
        id: "aws_sms", name: "AWS End User Messaging SMS", page: Some("https://console.aws.amazon.com/sms-voice/"),
        words: "Amazon's own SMS, signed with an access key of an IAM user.",
        hooks: "Let EventBridge post there through an API destination with the login below, or subscribe it to the topic of SNS that your configuration set reports to.",
        settings: &[
            setting("region", "Region", "Where your numbers and sender ids are.", "eu-west-1"),
            setting("access_key_id", "Access key id", "Of an IAM user that may sms-voice:SendTextMessage and nothing else.", "AKIAIOSFODNN7EXAMPLE"),
            secret("secret_access_key", "Secret access key", "Shown once by IAM when the key is made.").like("wJalrXUtnFEMIK7MDENGbPxRfiCYEXAMPLEKEY"),
            setting("origination_identity", "Sender of messages without one", "A number, a sender id or a pool.", "pool-a1b2").optional(),
            setting("message_type", "Kind of messages", "", "transactional").of(Shape::Choice(&[("transactional", "Transactional"), ("promotional", "Promotional")])).optional(),
            setting("configuration_set_name", "Configuration set", "That reports to a topic, if reports come by SNS.", "carillon").optional(),
            setting("max_price", "Most that a message may cost", "In US dollars.", "0.10").optional(),
            setting("reports_by", "Reports come by", "", "event_bridge").of(Shape::Choice(&[("event_bridge", "EventBridge"), ("sns", "SNS")])).optional(),
            setting("topic_arns", "Topics of SNS that are believed", "One a line.", "arn:aws:sns:eu-west-1:123456789012:sms").of(Shape::List).optional(),
            setting("sns_certificates", "Certificates of SNS", "What SNS signs with, from the SigningCertURL of its messages: the whole files, one after the other.", "").of(Shape::Certificates).optional(),
            secret("callback_login", "Login of its calls to us", "As user:password, the same as in the API destination.").like("carillon:a-long-password"),
        ],
    },
    Kind {
        id: "bandwidth", name: "Bandwidth", page: Some("https://dashboard.bandwidth.com/"), hooks: BY_DASHBOARD,
        words: "Numbers of the United States and Canada, one message a request.",
        settings: &[
            setting("account_id", "Account id", "At the top of the dashboard.", "5500123"),
            setting("application_id", "Application id", "Applications → your messaging application.", "93de2206-9669-4e07-948d-329f4b722ee2"),
            setting("username", "API user", "Account → API credentials.", "api-user"),
            secret("api_password", "API password", "Of that user."),
            LOGIN,
        ],
    },
    Kind {
        id: "clicksend", name: "ClickSend", page: Some("https://dashboard.clicksend.com/account/subaccounts"), hooks: BY_DASHBOARD,
        words: "Worldwide, up to 1,000 messages a request.",
        settings: &[
            setting("username", "Username", "Of the account or subaccount.", "you@example.com"),
            secret("api_key", "API key", "Developers → API credentials."),
            LOGIN,
        ],
    },
    Kind {
        id: "infobip", name: "Infobip", page: Some("https://portal.infobip.com/dev/api-keys"), hooks: BY_MESSAGE,
        words: "Worldwide, many messages a request. It refuses an id that it has seen, so a message in doubt can be sent again safely.",
        settings: &[
            setting("base_url", "Your own address", "Every account has one; the portal's home page shows it.", "https://xxxxx.api.infobip.com"),
            secret("api_key", "API key", "With the scope “sms:message:send”."),
            LOGIN,
        ],
    },
    Kind {
        id: "jasmin", name: "Jasmin", page: Some("https://docs.jasminsms.com/"), hooks: BY_MESSAGE,
        words: "Your own Jasmin, and whatever SMPP carrier is behind it.",
        settings: &[
            setting("base_url", "Address", "Where its HTTP API listens.", "https://jasmin.example.com:1401"),
            setting("username", "User", "As made in jcli by “user -a”.", "carillon"),
            secret("password", "Password", "Of that user."),
            setting("plus", "Write numbers with their plus", "Only if the carrier wants it.", "").of(Shape::Tick).optional(),
            LOGIN,
        ],
    },
    Kind {
        id: "kannel", name: "Kannel", page: Some("https://www.kannel.org/userguide.shtml"),
        words: "Your own Kannel, and whatever SMPP or UCP carrier is behind it.",
        hooks: "Nothing to do for delivery reports. For replies, make it the get-url of your sms-service, and set http-request-retry.",
        settings: &[
            setting("base_url", "Address", "Where smsbox listens.", "https://kannel.example.com:13013"),
            setting("username", "User", "A “sendsms-user” of kannel.conf.", "carillon"),
            secret("password", "Password", "Of that sendsms-user."),
            setting("smsc", "smsc-id", "Where smsbox leaves the choice of carrier to us.", "carrier-1").optional(),
            setting("path", "Path", "The sendsms-url, if it isn't the usual one.", "/cgi-bin/sendsms").optional(),
            setting("plus", "Write numbers with their plus", "Only if the carrier wants it.", "").of(Shape::Tick).optional(),
            LOGIN,
        ],
    },
    Kind {
        id: "messagebird", name: "MessageBird", page: Some("https://dashboard.messagebird.com/en/developers/access"), hooks: BY_MESSAGE,
        words: "The REST API at rest.messagebird.com (not the Bird platform), up to 50 numbers a request.",
        settings: &[
            secret("access_key", "Access key", "Developers → API access, a live key."),
            secret("signing_key", "Signing key", "Developers → API settings. Its calls to us are signed with it."),
            setting("old_signatures", "Believe calls with the older signature", "For accounts from before 2021.", "").of(Shape::Tick).optional(),
        ],
    },
    Kind {
        id: "plivo", name: "Plivo", page: Some("https://console.plivo.com/dashboard/"), hooks: BY_MESSAGE,
        words: "Worldwide, up to 1,000 numbers a request.",
        settings: &[
            setting("auth_id", "Auth ID", "At the top of the console.", "MAXXXXXXXXXXXXXXXXXX"),
            secret("auth_token", "Auth token", "Beside it."),
            secret("main_auth_token", "Auth token of the main account", "Only if the one above is a subaccount's: calls are signed with the main one.").optional(),
            setting("powerpack_uuid", "Powerpack", "The pool of numbers for messages without a sender.", "13d3a7b4-2e1b-4c1a-9d3a-7b42e1b4c1a9").optional(),
        ],
    },
    Kind {
        id: "sinch", name: "Sinch", page: Some("https://dashboard.sinch.com/sms/api/rest"), hooks: BY_MESSAGE,
        words: "The SMS API, up to 1,000 messages a request.",
        settings: &[
            setting("service_plan_id", "Service plan id", "SMS → APIs.", "b6e7f8a9c0d1"),
            setting("base_url", "Address of your region", "", "https://eu.sms.api.sinch.com").of(Shape::Choice(&[
                ("https://eu.sms.api.sinch.com", "Europe"), ("https://us.sms.api.sinch.com", "United States"),
                ("https://au.sms.api.sinch.com", "Australia"), ("https://br.sms.api.sinch.com", "Brazil"),
                ("https://ca.sms.api.sinch.com", "Canada"),
            ])),
            secret("api_token", "API token", "Beside the service plan id."),
            setting("signed_callbacks", "Its calls are signed", "Only after Sinch switched that on for your service plan. Then fill in the secret.", "").of(Shape::Tick).optional(),
            secret("webhook_secret", "Secret of its calls", "Needed when its calls are signed.").optional(),
            LOGIN,
        ],
    },
    Kind {
        id: "telnyx", name: "Telnyx", page: Some("https://portal.telnyx.com/#/api-keys"), hooks: BY_MESSAGE,
        words: "Worldwide, one message a request.",
        settings: &[
            secret("api_key", "API key", "API keys → Create."),
            secret("public_key", "Public key", "API keys → Public key. Its calls to us are signed, and this checks them.").like("dLDrb2Hc4Yc5P3VX8VqBpkSdy0kJ2WnGqeJnPfJOWkY="),
            setting("messaging_profile_id", "Messaging profile", "Picks the sender of messages that name none; senders in letters need it.", "16fd2706-8baf-433b-82eb-8c7fada847da").optional(),
        ],
    },
    Kind {
        id: "twilio", name: "Twilio", page: Some("https://console.twilio.com/us1/account/keys-credentials/api-keys"), hooks: BY_MESSAGE,
        words: "Worldwide, one message a request.",
        settings: &[
            setting("account_sid", "Account SID", "On the console's home page. It begins with AC.", "AC00000000000000000000000000000000"),
            secret("auth_token", "Auth token", "Beside it. Twilio signs its calls to us with it, so it is needed even with an API key."),
            setting("api_key_sid", "API key", "Begins with SK. Requests are made with it instead of the auth token.", "SK00000000000000000000000000000000").optional(),
            secret("api_key_secret", "Secret of the API key", "Shown once by Twilio when the key is made.").optional(),
            setting("messaging_service_sid", "Messaging service", "Begins with MG. It picks the sender of messages that name none.", "MG00000000000000000000000000000000").optional(),
            setting("smart_encoded", "Let Twilio replace typographic characters", "Carillon can do that by itself: see “smart” at templates.", "").of(Shape::Tick).optional(),
        ],
    },
    Kind {
        id: "vonage_messages", name: "Vonage, Messages API", page: Some("https://dashboard.nexmo.com/applications"),
        words: "The newer of Vonage's two, by an application of yours.",
        hooks: "Set it as the inbound and the status URL of the application.",
        settings: &[
            setting("application_id", "Application id", "Applications → your application.", "aaaaaaaa-bbbb-cccc-dddd-0123456789ab").optional(),
            secret("private_key", "Private key of the application", "The whole file that was downloaded, from BEGIN to END.").of(Shape::Lines).optional(),
            setting("api_key", "API key", "Instead of an application: the account's key and secret.", "abcd1234").optional(),
            secret("api_secret", "API secret", "With the API key.").optional(),
            secret("signature_secret", "Signature secret", "Settings → API settings. Its calls to us are signed with it."),
        ],
    },
    Kind {
        id: "vonage_sms", name: "Vonage, SMS API", page: Some("https://dashboard.nexmo.com/settings"),
        words: "The older of Vonage's two, one message a request.",
        hooks: "If it is longer than 100 characters, set it as the account's default URL of delivery receipts; else each message brings it along. For replies, set it at your number.",
        settings: &[
            setting("api_key", "API key", "At the top of the settings.", "abcd1234"),
            secret("api_secret", "API secret", "Beside it."),
            setting("signature_method", "Its calls are signed by", "As chosen in the settings there.", "none").of(Shape::Choice(&[
                ("sha256", "SHA-256 HMAC"), ("sha512", "SHA-512 HMAC"), ("sha1", "SHA-1 HMAC"), ("md5", "MD5 HMAC"), ("none", "nothing"),
            ])),
            secret("signature_secret", "Signature secret", "Needed unless nothing signs its calls.").optional(),
        ],
    },
    Kind {
        id: "generic", name: "Another HTTP API", page: None,
        words: "Any provider that takes messages by HTTP, described in JSON: how a request looks, what answers mean, how reports are read.",
        hooks: "The description says how its calls are read. Set the URL where the provider asks for one.",
        settings: &[
            setting("config", "Description", "infra/local/simulator-gateway.json of the repository is a full example.", "{}").of(Shape::Document),
            secret("credentials", "Secrets", "By the names that the description calls them by, as name = value, one a line.").of(Shape::Named).optional(),
        ],
    },
];

pub fn find(kind: &str) -> Option<&'static Kind> {
    ALL.iter().find(|known| known.id == kind)
}

/// For people; a kind that is new to this page is called as the API calls it.
pub fn name(kind: &str) -> &str {
    find(kind).map_or(kind, |known| known.name)
}

impl Kind {
    /// What the API wants, of a form as it was filled in.
    pub fn read(&self, form: &mut Form) -> (Value, Map<String, Value>) {
        let mut config = Map::new();
        let mut credentials = Map::new();
        for setting in self.settings {
            let (name, given) = (
                setting.name,
                form.given(setting.name).map(ToOwned::to_owned),
            );
            let value = match (setting.shape, given) {
                (_, None) => continue,
                (Shape::Tick, Some(_)) => true.into(),
                (Shape::List, Some(lines)) => lines.lines().map(str::trim).collect(),
                (Shape::Certificates, Some(files)) => {
                    let files = files.split_inclusive(END_OF_CERTIFICATE).map(str::trim);
                    files.filter(|file| !file.is_empty()).collect()
                }
                (Shape::Line | Shape::Lines | Shape::Choice(_), Some(text)) => Value::from(text),
                (Shape::Named, Some(lines)) => {
                    credentials.extend(named(form, name, &lines));
                    continue;
                }
                (Shape::Document, Some(text)) => match serde_json::from_str(&text) {
                    Ok(Value::Object(fields)) => {
                        config.extend(fields);
                        continue;
                    }
                    Ok(_) => {
                        form.refuse(name, "This is JSON, but no object. It begins with {.");
                        continue;
                    }
                    Err(error) => {
                        form.refuse(name, format!("This is no JSON: {error}."));
                        continue;
                    }
                },
            };
            match setting.place {
                Place::Config => config.insert(name.to_owned(), value),
                Place::Secret => credentials.insert(name.to_owned(), value),
            };
        }
        (Value::Object(config), credentials)
    }

    /// A form with what is kept; secrets can't be.
    pub fn fill(&self, config: &Value) -> Vec<(&'static str, String)> {
        let filled = self.settings.iter().filter(|it| it.place == Place::Config);
        let filled = filled.filter_map(|it| {
            let value = match it.shape {
                Shape::Document => serde_json::to_string_pretty(config).ok()?,
                Shape::Tick => config.get(it.name)?.as_bool()?.then(|| "yes".to_owned())?,
                Shape::List | Shape::Certificates => {
                    let items = config.get(it.name)?.as_array()?.iter();
                    items
                        .filter_map(Value::as_str)
                        .collect::<Vec<_>>()
                        .join("\n")
                }
                _ => config.get(it.name)?.as_str()?.to_owned(),
            };
            Some((it.name, value))
        });
        filled.collect()
    }

    /// Where each pointer of a refusal belongs.
    pub fn pointers(&self) -> Vec<(String, &'static str)> {
        let pointers = self.settings.iter().map(|it| {
            let pointer = match (it.shape, it.place) {
                (Shape::Document, _) => "/config".to_owned(),
                (Shape::Named, _) => "/credentials".to_owned(),
                (_, Place::Config) => format!("/config/{}", it.name),
                (_, Place::Secret) => format!("/credentials/{}", it.name),
            };
            (pointer, it.name)
        });
        pointers.collect()
    }
}

fn named(form: &mut Form, field: &str, lines: &str) -> Map<String, Value> {
    let mut secrets = Map::new();
    for line in lines.lines().filter(|line| !line.trim().is_empty()) {
        match line.split_once('=') {
            Some((name, value)) => {
                secrets.insert(name.trim().to_owned(), value.trim().into());
            }
            None => form.refuse(field, "Write each line as name = value."),
        }
    }
    secrets
}

pub fn choices(of: &[(&'static str, &'static str)]) -> Vec<Choice> {
    of.iter()
        .map(|(value, label)| Choice::new(*value, *label))
        .collect()
}

#[cfg(test)]
mod tests {
    use carillon_gateways::{AllowedHosts, Credentials, GatewayKind};

    use super::*;

    /// Every field that must be filled in, with its example.
    fn filled(kind: &Kind, all: impl Fn(&Setting) -> bool) -> Form {
        let settings = kind.settings.iter().filter(|it| all(it));
        Form::of(settings.map(|it| match it.example {
            "" if it.shape == Shape::Tick => (it.name, "yes"),
            "" => (it.name, "a-secret"),
            example => (it.name, example),
        }))
    }

    fn problems(kind: &Kind, form: &mut Form) -> Vec<String> {
        let (config, credentials) = kind.read(form);
        let credentials: Credentials = serde_json::from_value(Value::Object(credentials)).unwrap();
        let opened: GatewayKind = kind.id.parse().unwrap();
        let problems = match opened.open(&config) {
            Ok(gateway) => gateway.validate(&credentials, &AllowedHosts::default()),
            Err(problems) => problems,
        };
        problems
            .into_iter()
            .map(|problem| format!("{} {}", problem.pointer, problem.message))
            .collect()
    }

    #[test]
    fn every_kind_can_be_connected_by_its_form() {
        for kind in GatewayKind::ALL {
            let kind = find(kind.as_str()).unwrap_or_else(|| panic!("{kind} has no form"));
            if kind.id == "generic" {
                continue;
            }
            // Vonage takes one of two pairs.
            let or_key = |it: &Setting| {
                kind.id == "vonage_messages" && ["api_key", "api_secret"].contains(&it.name)
            };
            let form = &mut filled(kind, |it| it.is_required || or_key(it));
            let required = problems(kind, form);
            assert_eq!(required, [""; 0], "{}: what is required", kind.id);
        }
    }

    #[test]
    fn no_field_is_one_that_a_kind_has_no_use_for() {
        for kind in ALL.iter().filter(|kind| kind.id != "generic") {
            let all = problems(kind, &mut filled(kind, |_| true));
            let unknown = all
                .iter()
                .filter(|words| words.contains("no use for") || words.contains("unknown field"));
            assert_eq!(unknown.count(), 0, "{}: {all:?}", kind.id);
        }
    }

    #[test]
    fn a_description_is_a_document_and_named_secrets() {
        let generic = find("generic").unwrap();
        let mut form = Form::of([
            (
                "config",
                "{\"send\": {\"url\": \"https://sms.example.com\"}}",
            ),
            ("credentials", "token = a=b\n\nuser=me"),
        ]);

        let (config, credentials) = generic.read(&mut form);

        assert_eq!(config["send"]["url"], "https://sms.example.com");
        assert_eq!(credentials["token"], "a=b");
        assert_eq!(credentials["user"], "me");
        assert!(!form.is_refused());
        let mut wrong = Form::of([("config", "{"), ("credentials", "token")]);
        generic.read(&mut wrong);
        assert!(wrong.error("config").is_some() && wrong.error("credentials").is_some());
    }

    #[test]
    fn what_is_kept_fills_the_form_again() {
        let kannel = find("kannel").unwrap();
        let mut form = Form::of([
            ("base_url", "https://kannel.example.com"),
            ("username", "me"),
            ("password", "secret"),
            ("plus", "yes"),
        ]);
        let (config, _) = kannel.read(&mut form);

        let again = Form::of(kannel.fill(&config));

        assert_eq!(again.get("base_url"), "https://kannel.example.com");
        assert_eq!(again.get("plus"), "yes");
        assert_eq!(again.get("password"), "");
    }
}

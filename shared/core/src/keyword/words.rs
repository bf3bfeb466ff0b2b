//! The words, as people write them; compared after both sides went through the same mill.
//!
//! English: 47 CFR 64.1200(a)(10), CTIA Messaging Principles 5.1.3, and what gateways take for an opt-out. The other languages
//! have no authoritative list; these count only where they are the whole message.

/// Opt-outs where they are all that was written.
pub(super) const STOP: &[&str] = &[
    "stop",
    "stopall",
    "stop all",
    "unsubscribe",
    "unsub",
    "cancel",
    "end",
    "quit",
    "revoke",
    "optout",
    "opt out",
    "remove",
    "arret",
    "arrete",
    "arretez",
    "alto",
    "baja",
    "parar",
    "cancelar",
    "no mas",
    "sair",
    "stopp",
    "abmelden",
    "cancella",
    "basta",
    "afmelden",
    "rezygnuje",
    "стоп",
    "iptal",
    "ret",
    "إيقاف",
    "الغاء",
    "הסר",
    "बंद",
    "退订",
    "停止",
    "수신거부",
];

/// From China only, where gateways ask for them; elsewhere they are letters.
pub(super) const STOP_IN_CHINA: &[&str] = &["td", "t", "n"];

/// Opt-outs also at the beginning or the end of a short sentence.
pub(super) const STRONG: &[&str] = &[
    "stop",
    "stopall",
    "unsubscribe",
    "unsub",
    "optout",
    "opt out",
    "opt me out",
    "revoke",
    "remove",
    "arret",
    "arrete",
    "arretez",
    "stopp",
    "abmelden",
];

/// Words of other sentences as well: opt-outs only with [`WITH_WEAK`] around them.
pub(super) const WEAK: &[&str] = &["end", "cancel", "quit"];
pub(super) const WITH_WEAK: &[&str] = &[
    "me", "text", "texts", "message", "messages", "sms", "all", "please", "these", "the", "my",
];

/// Left out at both ends before looking there.
pub(super) const POLITE: &[&str] = &[
    "please", "pls", "plz", "hi", "hey", "hello", "ok", "just", "now", "thanks",
];

/// "Don't stop" is no opt-out.
pub(super) const NEGATIONS: &[&str] = &[
    "don t", "dont", "do not", "never", "can t", "cant", "cannot", "won t", "wont",
];

/// What a reasonable person reads as stop, wherever it stands.
pub(super) const INTENTS: &[&str] = &[
    "wrong number",
    "leave me alone",
    "take me off",
    "stop texting",
    "stop messaging",
    "stop sending",
    "stop contacting",
    "don t text",
    "dont text",
    "do not text",
    "don t contact",
    "dont contact",
    "do not contact",
    "don t message",
    "do not message",
    "no more texts",
    "no more messages",
    "not interested",
];

pub(super) const START: &[&str] = &["start", "unstop"];

pub(super) const HELP: &[&str] = &["help", "info", "hilfe", "aide", "ayuda"];

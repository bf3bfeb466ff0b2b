//! What API keys may be allowed to do, for people. A new scope doesn't compile until somebody has said what it means.

use carillon_core::api_key::Scope;

/// A group of scopes as the form shows it.
pub struct Group {
    pub name: &'static str,
    pub scopes: Vec<Scope>,
}

const GROUPS: [&str; 4] = [
    "Messages and campaigns",
    "People",
    "Setting up",
    "The account",
];

pub fn groups() -> Vec<Group> {
    let of = |name: &'static str| Group {
        name,
        scopes: Scope::ALL
            .into_iter()
            .filter(|scope| meaning(*scope).0 == name)
            .collect(),
    };
    GROUPS.map(of).into()
}

/// What it allows: a sentence.
pub const fn words(scope: Scope) -> &'static str {
    meaning(scope).1
}

#[rustfmt::skip]
const fn meaning(scope: Scope) -> (&'static str, &'static str) {
    let [messages, people, setup, account] = GROUPS;
    match scope {
        Scope::MessagesSend => (messages, "Send messages. This spends money."),
        Scope::MessagesRead => (messages, "See what became of messages."),
        Scope::CampaignsWrite => (messages, "Write, start, pause and cancel campaigns. This spends money."),
        Scope::CampaignsRead => (messages, "See campaigns and their reports."),
        Scope::TemplatesWrite => (messages, "Write and delete templates."),
        Scope::TemplatesRead => (messages, "See templates."),
        Scope::InboundRead => (messages, "See what people answered."),
        Scope::ContactsWrite => (people, "Add, change and delete contacts, lists and segments."),
        Scope::ContactsRead => (people, "See contacts, lists and segments."),
        Scope::SuppressionsWrite => (people, "Add opt-outs, and take them back."),
        Scope::SuppressionsRead => (people, "See who opted out."),
        Scope::PrivacyWrite => (people, "Erase a person, and hand out what is kept of one."),
        Scope::PrivacyRead => (people, "See what was erased, and how long things are kept."),
        Scope::ExportsWrite => (people, "Make files of messages and contacts."),
        Scope::ExportsRead => (people, "Download those files: they hold everybody's numbers."),
        Scope::GatewaysWrite => (setup, "Connect gateways, set routes and senders."),
        Scope::GatewaysRead => (setup, "See gateways, routes and senders, without their credentials."),
        Scope::WebhooksWrite => (setup, "Say where events are sent, and send them again."),
        Scope::WebhooksRead => (setup, "See webhooks and what was sent to them."),
        Scope::AccountRead => (account, "See the account's settings and what it spends."),
        Scope::AccountWrite => (account, "Change limits, countries and hours; stop all sending."),
        Scope::AuditRead => (account, "See who did what."),
        Scope::KeysAdmin => (account, "Make and revoke API keys. Such a key can make others."),
        Scope::MembersAdmin => (account, "Invite and remove members."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_scope_is_in_a_group() {
        let shown: usize = groups().iter().map(|group| group.scopes.len()).sum();
        assert_eq!(shown, Scope::ALL.len());
    }
}

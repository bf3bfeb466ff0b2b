//! The navigation. A page is here, in `pages::routes` and, if it isn't reached from here, in `tests/browser/pages.mjs`: screenshots and
//! the tests of accessibility take theirs from what the console shows.

use carillon_core::api_key::Scope;

use crate::{signed_in::SignedIn, ui::Icon};

pub struct Group {
    pub name: &'static str,
    pub items: Vec<Item>,
}

#[derive(Clone, Copy)]
pub struct Item {
    pub path: &'static str,
    pub name: &'static str,
    pub icon: Icon,
    /// Who hasn't it doesn't see the entry; the page refuses by itself.
    needs: Scope,
}

const fn item(path: &'static str, name: &'static str, icon: Icon, needs: Scope) -> Item {
    Item {
        path,
        name,
        icon,
        needs,
    }
}

/// In the order of the page: what one works with every day, then what is set up once.
const WORK: &[Item] = &[
    item(
        "/overview",
        "Overview",
        Icon::Overview,
        Scope::CampaignsRead,
    ),
    item(
        "/campaigns",
        "Campaigns",
        Icon::Campaigns,
        Scope::CampaignsRead,
    ),
    item("/contacts", "Contacts", Icon::Contacts, Scope::ContactsRead),
    item("/inbox", "Inbox", Icon::Inbox, Scope::InboundRead),
    item(
        "/templates",
        "Templates",
        Icon::Templates,
        Scope::TemplatesRead,
    ),
    item("/reports", "Reports", Icon::Reports, Scope::MessagesRead),
    item("/exports", "Exports", Icon::Exports, Scope::ExportsRead),
];
const SETUP: &[Item] = &[
    item("/gateways", "Gateways", Icon::Gateways, Scope::GatewaysRead),
    item("/routes", "Routes", Icon::Routes, Scope::GatewaysRead),
    item("/senders", "Senders", Icon::Senders, Scope::GatewaysRead),
    item("/keys", "API keys", Icon::Keys, Scope::KeysAdmin),
    item("/webhooks", "Webhooks", Icon::Webhooks, Scope::WebhooksRead),
    item("/members", "Members", Icon::Members, Scope::MembersAdmin),
    item("/settings", "Settings", Icon::Settings, Scope::AccountRead),
];
/// When something went wrong, or somebody asks.
const WATCH: &[Item] = &[
    item(
        "/dead-letters",
        "Dead letters",
        Icon::Letters,
        Scope::MessagesRead,
    ),
    item("/privacy", "Privacy", Icon::Privacy, Scope::PrivacyRead),
    item("/audit", "Audit log", Icon::Audit, Scope::AuditRead),
    item("/start", "First steps", Icon::Guide, Scope::CampaignsRead),
];

pub fn seen_by(who: &SignedIn) -> Vec<Group> {
    let seen = |items: &[Item]| {
        let items = items.iter().filter(|item| who.may(item.needs));
        items.copied().collect()
    };
    let groups = [
        ("Work", seen(WORK)),
        ("Set up", seen(SETUP)),
        ("Look after", seen(WATCH)),
    ];
    let groups = groups.map(|(name, items)| Group { name, items });
    groups
        .into_iter()
        .filter(|group: &Group| !group.items.is_empty())
        .collect()
}

//! Every key of every table. A key begins with an account or with an id that belongs to one account.
//! Where an id comes in from outside (a batch in a message id), the item read says whose it is, and the caller compares.

use std::fmt::Display;

use carillon_core::{
    chunk::Pointer,
    click::Click,
    digest::Hour,
    id::{
        AccountId, BatchId, CampaignId, ConsentId, ContactId, DeadLetterId, EventId, ExportId,
        ExportScheduleId, GatewayAccountId, ImportId, ListId, MemberId, PrivacyRequestId, ReplayId,
        TemplateId, UploadId, WebhookId,
    },
    message_id::MessageId,
    moment::sortable,
    phone::Country,
    privacy::Act,
};

use jiff::{Timestamp, civil::Date};

use crate::{
    deliveries::Traffic,
    item::{Item, text},
};

/// Partitions a batch's chunks are spread over.
pub const CHUNK_SHARDS: u32 = 16;
/// Partitions of the index of what is due.
pub const WAKE_SHARDS: u32 = 16;

/// The two attributes of a primary key, in every table.
pub const PARTITION: &str = "pk";
pub const SORT: &str = "sk";
/// The index of `core`.
pub const INDEX: &str = "gsi1";
pub const INDEX_PARTITION: &str = "gpk";
pub const INDEX_SORT: &str = "gsk";
/// The sparse index of `ledger`: chunks that somebody must look at.
pub const WAKE_INDEX: &str = "wake";

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    pub partition: String,
    pub sort: String,
}

impl Key {
    fn new(partition: impl Into<String>, sort: impl Into<String>) -> Self {
        Self {
            partition: partition.into(),
            sort: sort.into(),
        }
    }

    pub fn item(&self) -> Item {
        Item::from([
            (PARTITION.to_owned(), text(&self.partition)),
            (SORT.to_owned(), text(&self.sort)),
        ])
    }
}

// --- ledger

pub fn chunk(pointer: Pointer) -> Key {
    Key::new(
        chunk_shard(pointer.batch, pointer.chunk % CHUNK_SHARDS),
        chunk_sort(pointer.chunk),
    )
}

pub fn chunk_shard(batch: BatchId, shard: u32) -> String {
    format!("{batch}#{shard}")
}

/// Chunks sort before what stands beside them, so that counting reads chunks only.
fn chunk_sort(chunk: u32) -> String {
    format!("{chunk:08}")
}

/// The address of a chunk from the keys of its item; `None` for the items beside it.
pub fn chunk_pointer(partition: &str, sort: &str) -> Option<Pointer> {
    let (batch, _shard) = partition.split_once('#')?;
    Some(Pointer {
        batch: batch.parse().ok()?,
        chunk: (sort.len() == 8).then(|| sort.parse().ok())??,
    })
}

/// The recipients of a chunk that are too long for the chunk itself.
pub fn chunk_recipients(pointer: Pointer) -> Key {
    let chunk = chunk(pointer);
    Key::new(chunk.partition, format!("to#{}", chunk.sort))
}

/// The gateway's ids of the slots of one window.
pub fn provider_ids(pointer: Pointer, window: u32) -> Key {
    let chunk = chunk(pointer);
    Key::new(chunk.partition, format!("ids#{}#{window:08}", chunk.sort))
}

/// What the sort keys of all of a chunk's begin with.
pub fn provider_ids_of(pointer: Pointer) -> Key {
    let chunk = chunk(pointer);
    Key::new(chunk.partition, format!("ids#{}#", chunk.sort))
}

/// Ids that a gateway told when it was asked after that window: of this slot, and of those it was asked for with it.
pub fn found_provider_ids(pointer: Pointer, window: u32, first: usize) -> Key {
    let Key { partition, sort } = provider_ids(pointer, window);
    Key::new(partition, format!("{sort}#{first}"))
}

/// Of a batch's clicks, which may come by the thousand a second.
pub const CLICK_SHARDS: u32 = 4;

pub fn clicks(batch: BatchId, shard: u32) -> String {
    format!("{batch}#clicks#{shard}")
}

/// In the order of time. All of a click but its visitor.
pub fn click(click: &Click) -> Key {
    let MessageId { batch, chunk, slot } = click.message;
    let (ms, link, request) = (click.at.as_millisecond(), click.link, &click.request);
    Key::new(
        clicks(batch, chunk % CLICK_SHARDS),
        format!("{ms:013}#{chunk:08}#{slot:02}#{link:02}#{request}"),
    )
}

/// A message found by its gateway's id, for gateways that echo nothing of ours.
pub fn provider_map(gateway: GatewayAccountId, provider_id: &str) -> Key {
    Key::new(format!("ref#{gateway}#{provider_id}"), "message")
}

/// "What did we send to this number": API sends only.
pub fn recipient_index(account: AccountId, number_hash: &str) -> String {
    format!("to#{account}#{number_hash}")
}

/// In one of these partitions.
pub fn recipient_place(partition: String, place: &str) -> Key {
    Key::new(partition, place)
}

// --- core

pub fn account(account: AccountId) -> Key {
    Key::new(account.to_string(), "account")
}

/// By the keyed hash of the key itself.
pub fn api_key(hash: &str) -> Key {
    Key::new(format!("key#{hash}"), "key")
}

/// The index partition that lists an account's API keys.
pub fn api_keys_of(account: AccountId) -> String {
    format!("{account}#keys")
}

pub fn batch(batch: BatchId) -> Key {
    Key::new(batch.to_string(), "batch")
}

/// What a closed batch came to, where that doesn't fit into the batch.
pub fn snapshot(batch: BatchId) -> Key {
    Key::new(batch.to_string(), "snapshot")
}

/// The index partition that lists an account's batches.
pub fn batches_of(account: AccountId) -> String {
    format!("{account}#batches")
}

/// Which partition of the index of what is due a chunk is found in.
pub fn wake_shard(pointer: Pointer) -> u32 {
    let low = u32::from(pointer.batch.uuid().as_bytes()[15]);
    low.wrapping_add(pointer.chunk) % WAKE_SHARDS
}

/// The partition of an account's marketing, in the order of time.
pub fn marketing(account: AccountId) -> String {
    format!("{account}#marketing")
}

/// A batch of it, by when it begins.
pub fn marketed(account: AccountId, starts: Timestamp, batch: BatchId) -> Key {
    let at = closing_time(starts);
    Key::new(marketing(account), format!("{at}#{batch}"))
}

/// The partition of the batches of an account's campaigns, in the order of when they were made.
pub fn campaign_batches(account: AccountId) -> String {
    format!("{account}#campaign-batches")
}

pub fn campaign_batch(account: AccountId, began: Timestamp, batch: BatchId) -> Key {
    let at = closing_time(began);
    Key::new(campaign_batches(account), format!("{at}#{batch}"))
}

/// The partition of an account's batches that were made for a later time, in the order of that time.
pub fn planned_batches(account: AccountId) -> String {
    format!("{account}#planned-batches")
}

pub fn planned_batch(account: AccountId, starts: Timestamp, batch: BatchId) -> Key {
    let at = closing_time(starts);
    Key::new(planned_batches(account), format!("{at}#{batch}"))
}

/// The partition of what an account's API sends came to, by the hour.
pub fn digests_of(account: AccountId) -> String {
    format!("{account}#digests")
}

pub fn digest(account: AccountId, hour: Hour) -> Key {
    Key::new(digests_of(account), digest_hour(hour))
}

/// Digits that sort.
pub fn digest_hour(hour: Hour) -> String {
    format!("{:09}", hour.count())
}

/// The index partition of the hours that are to be counted, by when.
pub const DIGESTS_DUE: &str = "digests";

pub fn digest_due(look: Timestamp, account: AccountId, hour: Hour) -> String {
    format!("{}#{account}#{}", closing_time(look), digest_hour(hour))
}

/// Where an hour that is expected stands in it. No two environments say the same: a count that began before the second one spoke has lost.
pub fn digest_expected(hour: Hour, account: AccountId, now: Timestamp) -> String {
    let due = digest_due(hour.first_look(), account, hour);
    format!("{due}#{}", now.as_nanosecond())
}

/// Which hour it is, by its place in the index.
pub fn digest_due_of(sort: &str) -> Option<(AccountId, Hour)> {
    let mut words = sort.split('#').skip(1);
    let account = words.next()?.parse().ok()?;
    Some((account, Hour::from_count(words.next()?.parse().ok()?)))
}

/// Whose lake is filled each day.
pub fn lake(account: AccountId) -> Key {
    Key::new(LAKES, account.to_string())
}

pub const LAKES: &str = "lakes";

/// Which export a day of a lake is of.
pub fn lake_day(account: AccountId, day: Date) -> Key {
    Key::new(format!("{account}#lake"), day.to_string())
}

/// When a campaign that recurs is looked at next.
pub fn recurring(account: AccountId, campaign: CampaignId) -> Key {
    Key::new(RECURRING, format!("{account}#{campaign}"))
}

pub const RECURRING: &str = "recurring";

/// Marks a batch that the dispatcher has work with.
pub fn active_batch(batch: BatchId) -> Key {
    Key::new(ACTIVE, batch.to_string())
}

pub const ACTIVE: &str = "active";

pub const EXPORTS: &str = "export#";

pub fn export(account: AccountId, id: ExportId) -> Key {
    Key::new(account.to_string(), format!("{EXPORTS}{id}"))
}

/// Marks an export that isn't over.
pub fn exporting(account: AccountId, id: ExportId) -> Key {
    Key::new(EXPORTING, format!("{account}#{id}"))
}

pub const EXPORTING: &str = "exporting";

pub const EXPORT_SCHEDULE: &str = "export-schedule#";

pub fn export_schedule(account: AccountId, id: ExportScheduleId) -> Key {
    Key::new(account.to_string(), format!("{EXPORT_SCHEDULE}{id}"))
}

/// When a schedule of exports is looked at next.
pub fn export_schedule_look(account: AccountId, id: ExportScheduleId) -> Key {
    Key::new(EXPORT_SCHEDULES, format!("{account}#{id}"))
}

pub const EXPORT_SCHEDULES: &str = "export-schedules";

/// Batches that are looked at after they are done are spread over as many partitions.
pub const CLOSING_SHARDS: u32 = 16;

/// A partition of the batches to close, in the order of time.
pub fn closings(shard: u32) -> String {
    format!("closing#{shard}")
}

pub fn closing(batch: BatchId, since: Timestamp) -> Key {
    let shard = u32::from(batch.uuid().as_bytes()[15]) % CLOSING_SHARDS;
    Key::new(closings(shard), format!("{}#{batch}", closing_time(since)))
}

/// Digits that sort by time.
pub fn closing_time(since: Timestamp) -> String {
    format!("{:013}", sortable(since).as_millisecond())
}

pub fn campaign(account: AccountId, campaign: CampaignId) -> Key {
    Key::new(account.to_string(), format!("{CAMPAIGN}{campaign}"))
}

pub const CAMPAIGN: &str = "campaign#";

pub fn account_member(account: AccountId, member: MemberId) -> Key {
    Key::new(account.to_string(), format!("{MEMBER}{member}"))
}

pub const MEMBER: &str = "member#";

/// The partition of a person by the keyed hash of the e-mail address: an item for each account that it is a member of.
pub fn person(email_hash: &str) -> String {
    format!("person#{email_hash}")
}

pub fn membership(email_hash: &str, account: AccountId) -> Key {
    Key::new(person(email_hash), account.to_string())
}

/// By which subscription a person is told by e-mail.
pub fn alerts(email_hash: &str) -> Key {
    Key::new(person(email_hash), "alerts")
}

/// That an account was told of something.
pub fn told(account: AccountId, what: &str) -> Key {
    Key::new(format!("{account}#told"), what)
}

/// By the keyed hash of the token in the cookie.
pub fn session(token_hash: &str) -> Key {
    Key::new(format!("session#{token_hash}"), "session")
}

pub fn gateway(account: AccountId, gateway: GatewayAccountId) -> Key {
    Key::new(account.to_string(), format!("{GATEWAY}{gateway}"))
}

pub const GATEWAY: &str = "gateway#";

pub fn template(account: AccountId, template: TemplateId) -> Key {
    Key::new(account.to_string(), format!("{TEMPLATE}{template}"))
}

pub const TEMPLATE: &str = "template#";

pub fn template_version(account: AccountId, template: TemplateId, version: u32) -> Key {
    let versions = template_versions(template);
    Key::new(account.to_string(), format!("{versions}{version:08}"))
}

/// What the sort keys of a template's versions begin with.
pub fn template_versions(template: TemplateId) -> String {
    format!("template-version#{template}#")
}

/// What was sent to whom lately, by a fingerprint of both.
pub fn sent(account: AccountId, fingerprint: &str) -> Key {
    Key::new(account.to_string(), format!("sent#{fingerprint}"))
}

/// How many numbers of short links are given.
pub fn next_link() -> Key {
    Key::new("links", "next")
}

pub const LINK_BLOCKS: &str = "link-blocks";

/// The block whose first number it is. It says whose it is.
pub fn link_block(first: u64) -> Key {
    Key::new(LINK_BLOCKS, link_number(first))
}

/// Digits that sort.
pub fn link_number(link: u64) -> String {
    format!("{link:016}")
}

/// One of what an account has some of: `sender#snd_…`.
pub fn record(account: AccountId, word: &str, id: impl Display) -> Key {
    Key::new(account.to_string(), format!("{word}#{id}"))
}

/// What the sort keys of one kind begin with.
pub fn records(word: &str) -> String {
    format!("{word}#")
}

/// Which gateway account a webhook's path token belongs to.
pub fn hook(token: &str) -> Key {
    Key::new(format!("hook#{token}"), "hook")
}

/// The partition of an account's webhook endpoints, and of what they are sent again.
pub fn endpoints(account: AccountId) -> String {
    format!("{account}#hooks")
}

pub const ENDPOINT: &str = "whk_";

pub fn endpoint(account: AccountId, endpoint: WebhookId) -> Key {
    Key::new(endpoints(account), endpoint.to_string())
}

/// How an endpoint's deliveries are spread: one that is dead must not be written to faster than one partition takes.
pub const DELIVERY_SHARDS: u8 = 4;

pub fn deliveries_to(endpoint: WebhookId, shard: u8) -> String {
    format!("{endpoint}#deliveries#{shard}")
}

/// What didn't get through at once, in the order of the events' times.
pub fn delivery(endpoint: WebhookId, at: Timestamp, event: EventId) -> Key {
    Key::new(
        deliveries_to(endpoint, delivery_shard(event)),
        delivery_place(at, event),
    )
}

pub fn delivery_place(at: Timestamp, event: EventId) -> String {
    format!("{:013}#{event}", at.as_millisecond())
}

pub fn delivery_shard(event: EventId) -> u8 {
    event.uuid().as_bytes()[15] % DELIVERY_SHARDS
}

/// The index partition of an endpoint's deliveries that wait, in the order of when they are due.
pub fn deliveries_due(endpoint: WebhookId, shard: u8) -> String {
    format!("{endpoint}#due#{shard}")
}

/// The endpoints that have something waiting.
pub const BACKLOGS: &str = "hook-backlogs";

pub fn backlog(account: AccountId, endpoint: WebhookId) -> Key {
    Key::new(BACKLOGS, format!("{}{endpoint}", backlogs_of(account)))
}

pub fn backlogs_of(account: AccountId) -> String {
    format!("{account}#")
}

/// What got through to an endpoint, by the hour.
pub fn delivered_in(endpoint: WebhookId, at: Timestamp) -> Key {
    Key::new(delivered_hours(endpoint), delivered_hour(at))
}

pub fn delivered_hours(endpoint: WebhookId) -> String {
    format!("{endpoint}#hours")
}

pub fn delivered_hour(at: Timestamp) -> String {
    format!("{:09}", at.as_second() / 3_600)
}

/// Events of a time that an endpoint is sent again.
pub fn replay(account: AccountId, endpoint: WebhookId, replay: ReplayId) -> Key {
    Key::new(
        endpoints(account),
        format!("{}{replay}", replays_of(endpoint)),
    )
}

pub fn replays_of(endpoint: WebhookId) -> String {
    format!("replay#{endpoint}#")
}

/// The index partition of replays that aren't over.
pub const REPLAYS: &str = "hook-replays";

pub fn upload(account: AccountId, upload: UploadId) -> Key {
    Key::new(account.to_string(), format!("upload#{upload}"))
}

pub fn import(account: AccountId, import: ImportId) -> Key {
    Key::new(account.to_string(), format!("{IMPORT}{import}"))
}

pub const IMPORT: &str = "import#";

/// Marks an import that somebody has to work on.
pub fn importing(account: AccountId, import: ImportId) -> Key {
    Key::new(IMPORTING, format!("{account}#{import}"))
}

pub const IMPORTING: &str = "importing";

/// Which import a mark is about, by its sort key.
pub fn importing_of(sort: &str) -> Option<(AccountId, ImportId)> {
    let (account, import) = sort.split_once('#')?;
    Some((account.parse().ok()?, import.parse().ok()?))
}

/// What an account asked for in a window of time.
pub fn quota(account: AccountId, window: i64) -> Key {
    Key::new(format!("{account}#quota"), window.to_string())
}

/// What an account lets leave.
pub fn safeguards(account: AccountId) -> Key {
    Key::new(account.to_string(), "safeguards")
}

/// What an account answers handsets.
pub fn replies(account: AccountId) -> Key {
    Key::new(account.to_string(), "replies")
}

/// The erasure of a number, or the report on it.
pub fn privacy_request(account: AccountId, act: Act, id: PrivacyRequestId) -> Key {
    let requests = privacy_requests(act);
    Key::new(account.to_string(), format!("{requests}{id}"))
}

pub fn privacy_requests(act: Act) -> String {
    format!("{}#", act.as_str())
}

/// The partition of erasures and reports that somebody has to work on, by when.
pub const PRIVACY_DUE: &str = "privacy";

pub fn privacy_due(due: Timestamp, account: AccountId, act: Act, id: PrivacyRequestId) -> Key {
    let (at, act) = (closing_time(due), act.as_str());
    Key::new(PRIVACY_DUE, format!("{at}#{account}#{act}#{id}"))
}

/// Which request it is, by its sort key.
pub fn privacy_due_of(sort: &str) -> Option<(AccountId, Act, PrivacyRequestId)> {
    let mut words = sort.split('#').skip(1);
    Some((
        words.next()?.parse().ok()?,
        words.next()?.parse().ok()?,
        words.next()?.parse().ok()?,
    ))
}

/// The partition of the accounts that keep something for a time of their own.
pub const RETENTION: &str = "retention";

pub fn retention(account: AccountId) -> Key {
    Key::new(RETENTION, account.to_string())
}

/// What was reserved of an account's money: in all, or for a country.
pub fn spent(account: AccountId, country: Option<Country>) -> Key {
    let of = country.map_or_else(|| "all".to_owned(), |country| country.to_string());
    Key::new(format!("{account}#spent"), of)
}

/// How often one-time passwords went to a number or a block of numbers, by its keyed hash.
pub fn velocity(account: AccountId, hash: &str) -> Key {
    Key::new(format!("{account}#velocity#{hash}"), "velocity")
}

pub fn idempotency(account: AccountId, key_hash: &str) -> Key {
    Key::new(format!("{account}#idempotency#{key_hash}"), "request")
}

/// The partition of an account's audit entries, in the order of time.
pub fn audit(account: AccountId) -> String {
    format!("{account}#audit")
}

pub fn audit_entry(account: AccountId, entry: EventId) -> Key {
    Key::new(audit(account), entry.to_string())
}

/// The partition of an account's dead letters.
pub fn dead_letters(account: AccountId) -> String {
    format!("{account}#dead")
}

pub fn dead_letter(account: AccountId, letter: DeadLetterId) -> Key {
    Key::new(dead_letters(account), letter.to_string())
}

/// The index partition of all dead letters, for the alarm.
pub const DEAD: &str = "dead";

pub fn rate(gateway: GatewayAccountId) -> Key {
    Key::new(format!("rate#{gateway}"), "rate")
}

/// What reports said of an account's gateway accounts, by time.
pub fn deliveries_of(account: AccountId) -> String {
    format!("{account}#deliveries")
}

/// The bucket of a time.
pub fn deliveries(traffic: Traffic, at: Timestamp) -> Key {
    let Traffic {
        account,
        country,
        gateway,
    } = traffic;
    let from = deliveries_from(at);
    Key::new(
        deliveries_of(account),
        format!("{from}#{country}#{gateway}"),
    )
}

/// What the buckets of a time begin with.
pub fn deliveries_from(at: Timestamp) -> String {
    format!("{:09}", at.as_second() / DELIVERIES_SECONDS)
}

/// Which accounts have buckets, by time.
pub const DELIVERIES: &str = "deliveries";

/// That an account has one of a time.
pub fn has_deliveries(account: AccountId, at: Timestamp) -> Key {
    Key::new(DELIVERIES, format!("{}#{account}", deliveries_from(at)))
}

/// Of a bucket.
const DELIVERIES_SECONDS: i64 = 300;

/// Of what a bucket of an account is, by its sort key.
pub fn traffic(account: AccountId, sort: &str) -> Option<Traffic> {
    let mut words = sort.split('#').skip(1);
    Some(Traffic {
        account,
        country: Country::parse(words.next()?).ok()?,
        gateway: words.next()?.parse().ok()?,
    })
}

/// Whose bucket a sort key of `DELIVERIES` tells of.
pub fn delivering(sort: &str) -> Option<AccountId> {
    sort.split('#').nth(1)?.parse().ok()
}

/// When gateway accounts were compared last.
pub fn judged() -> Key {
    Key::new("lock", "judge")
}

pub fn dispatcher_lock() -> Key {
    Key::new("lock", "dispatch")
}

// --- contacts

/// Partitions an account's contacts are spread over. An id is a hash, so each holds a fair share, and the order of all of them,
/// shard by shard, is that of their ids.
pub const CONTACT_SHARDS: u8 = 64;
/// Partitions the members of a list are spread over, in the same way.
pub const MEMBER_SHARDS: u8 = 16;

pub fn contact(account: AccountId, contact: ContactId) -> Key {
    Key::new(
        contacts(account, contact_shard(contact)),
        contact_sort(contact),
    )
}

pub fn contacts(account: AccountId, shard: u8) -> String {
    format!("{account}#contacts#{shard}")
}

pub fn contact_shard(contact: ContactId) -> u8 {
    contact.uuid().as_bytes()[0] / (u8::MAX / CONTACT_SHARDS + 1)
}

/// The keyed hash of its number, as other keys say it too.
pub fn contact_sort(contact: ContactId) -> String {
    let id = contact.to_string();
    let (_prefix, hash) = id.split_once('_').expect("an id has a prefix");
    hash.to_owned()
}

/// That a contact is on a list.
pub fn member(account: AccountId, list: ListId, contact: ContactId) -> Key {
    Key::new(
        members(account, list, member_shard(contact)),
        contact_sort(contact),
    )
}

pub fn members(account: AccountId, list: ListId, shard: u8) -> String {
    format!("{account}#{list}#{shard}")
}

pub fn member_shard(contact: ContactId) -> u8 {
    contact.uuid().as_bytes()[0] / (u8::MAX / MEMBER_SHARDS + 1)
}

/// Whether this account must not text a number.
pub fn suppression(account: AccountId, number_hash: &str) -> Key {
    Key::new(format!("{account}#suppressed#{number_hash}"), "suppression")
}

/// The partition of an account's opt-outs, in the order of time.
pub fn opt_out_log(account: AccountId) -> String {
    format!("{account}#optouts")
}

/// The partition of the consent records of a number.
pub fn consents(account: AccountId, number_hash: &str) -> String {
    format!("{account}#consents#{number_hash}")
}

/// One of them, by its place.
pub fn consent(account: AccountId, number_hash: &str, place: u32) -> Key {
    Key::new(consents(account, number_hash), consent_place(place))
}

/// How the sort keys of places begin.
pub const CONSENT_PLACES: &str = "at#";

/// In the order of places.
pub fn consent_place(place: u32) -> String {
    format!("{CONSENT_PLACES}{place:010}")
}

pub fn consent_place_of(sort: &str) -> Option<u32> {
    sort.strip_prefix(CONSENT_PLACES)?.parse().ok()
}

/// What the number was asked last.
pub fn asked(account: AccountId, number_hash: &str) -> Key {
    Key::new(consents(account, number_hash), "asked")
}

/// Until when its owner agrees to marketing, by all of its records.
pub fn agreement(account: AccountId, number_hash: &str) -> Key {
    Key::new(consents(account, number_hash), "marketing")
}

/// Which place a record has.
pub fn consent_named(account: AccountId, number_hash: &str, consent: ConsentId) -> Key {
    Key::new(consents(account, number_hash), consent.to_string())
}

/// The partition of what a number was answered.
pub fn answers(account: AccountId, number_hash: &str) -> String {
    format!("{account}#answers#{number_hash}")
}

/// The answer to one message of it.
pub fn answer(account: AccountId, number_hash: &str, inbound: EventId) -> Key {
    Key::new(answers(account, number_hash), inbound.to_string())
}

/// The partition of what handsets wrote to an account, in the order of time.
pub fn inbound_log(account: AccountId) -> String {
    format!("{account}#inbound")
}

/// The partition of what one handset wrote to an account, in the order of time.
pub fn inbound_of(account: AccountId, number_hash: &str) -> String {
    format!("{account}#inbound#{number_hash}")
}

/// When a message of one handset came first, however often it comes.
pub fn first_came(account: AccountId, number_hash: &str, inbound: EventId) -> Key {
    let partition = format!("{account}#came#{number_hash}");
    Key::new(partition, inbound.to_string())
}

/// In one of these partitions.
pub fn inbound(partition: String, place: String) -> Key {
    Key::new(partition, place)
}

/// Sorts before whatever has this very time, in lists that begin with the time.
pub fn place_before(time: Timestamp) -> String {
    format!("{:015}", sortable(time).as_millisecond())
}

/// In the order of time.
pub fn inbound_place(at: Timestamp, id: EventId) -> String {
    format!("{:015}#{id}", at.as_millisecond())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_order_of_contacts_is_that_of_their_shards() {
        let ids = [0_u8, 3, 4, 127, 128, 255].map(|first| {
            let mut bytes = [7; 16];
            bytes[0] = first;
            ContactId::from_uuid(uuid::Uuid::from_bytes(bytes))
        });

        assert_eq!(ids.map(contact_shard), [0, 0, 1, 31, 32, 63]);
        assert_eq!(ids.map(member_shard), [0, 0, 0, 7, 8, 15]);
        assert!(ids.map(contact_sort).is_sorted());
    }

    #[test]
    fn times_sort_as_their_digits_do() {
        let times = [
            "-009999-01-02T01:59:59Z",
            "1960-01-01T00:00:00Z",
            "2026-11-29T00:00:00Z",
            "2286-11-20T17:46:39Z",
            "9999-01-01T00:00:00Z",
        ];
        let times = times.map(|time| time.parse().unwrap());

        for digits in [times.map(closing_time), times.map(place_before)] {
            assert!(digits.is_sorted(), "{digits:?}");
            assert!(
                digits.iter().all(|it| it.len() == digits[0].len()),
                "{digits:?}"
            );
        }
    }

    #[test]
    fn a_chunk_is_found_by_its_keys_and_its_neighbours_are_not() {
        let pointer = Pointer {
            batch: "bat_01h455vb4pex5vsknk084sn02q".parse().unwrap(),
            chunk: 4_711,
        };
        let key = chunk(pointer);
        let beside = found_provider_ids(pointer, 3, 99);

        assert_eq!(
            key,
            Key::new("bat_01h455vb4pex5vsknk084sn02q#7", "00004711")
        );
        assert_eq!(chunk_pointer(&key.partition, &key.sort), Some(pointer));
        assert_eq!(chunk_pointer(&beside.partition, &beside.sort), None);
    }
}

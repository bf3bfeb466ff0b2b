//! An import of a file, in tables of its own.

#![expect(
    clippy::unwrap_used,
    reason = "a setup that fails is a test that fails"
)]

use std::{collections::BTreeSet, io::Cursor};

use carillon_core::{
    contact::{Contact, List},
    id::{AccountId, ListId},
    import::{Blank, Headers, Layout, OnConflict, Target, Terms, has_header, mapped, suggest},
    keyed_hash::DeploymentKey,
    phone::Phone,
    recipients::Sheet,
};
use carillon_store::{
    audit::{Actor, Audit},
    aws::Aws,
    consents::Consents,
    contacts::Contacts,
    dead_letter_queues::DeadLetterQueues,
    files::Files,
    imports::{Import, ImportRequest, Imports},
    queues::{QueueUrls, Queues},
    records::Records,
    suppressions::Suppressions,
};
use carillon_testkit::{build, mortal, stack, watched::Watch};
use import::Importer;
use jiff::{SignedDuration, Timestamp};

/// Rows that are done together here.
pub const GROUP: usize = 10;

pub struct World {
    aws: Aws,
    core: String,
    contacts: String,
    pub queue: String,
    pub account: AccountId,
    pub importer: Importer,
}

impl World {
    pub async fn new() -> Self {
        let aws = stack::aws().await;
        let core = stack::table_like(&aws.dynamodb(), "CORE_TABLE").await;
        let contacts = stack::table_like(&aws.dynamodb(), "CONTACTS_TABLE").await;
        let queue = stack::queue(&aws.sqs(), "imports").await;
        let importer = importer(&aws, &core, &contacts, &queue);
        Self {
            aws,
            core,
            contacts,
            queue,
            account: build::id(),
            importer,
        }
    }

    /// An importer that dies after so many calls.
    pub fn mortal(&self, calls: u32) -> Importer {
        let aws = mortal::after(&self.aws, calls);
        importer(&aws, &self.core, &self.contacts, &self.queue)
    }

    /// An importer that is watched.
    pub fn watched(&self, watch: &Watch) -> Importer {
        let aws = watch.over(&self.aws);
        importer(&aws, &self.core, &self.contacts, &self.queue)
    }

    /// Puts a file, with what a preview suggests of it.
    pub async fn terms(&self, csv: impl Into<Vec<u8>>) -> Terms {
        let csv = csv.into();
        let upload = build::id();
        let bytes = csv.len() as u64;
        let layout = layout(&csv);
        let files = &self.importer.files;
        let put = files.put_upload(self.account, upload, csv.into());
        put.await.unwrap();
        let arrived = files.find_upload(self.account, upload).await;
        Terms {
            id: build::id(),
            account: self.account,
            upload,
            etag: arrived.unwrap().unwrap().etag,
            bytes,
            layout,
            default_country: None,
            on_conflict: OnConflict::Update,
            blank: Blank::Keep,
            lists: BTreeSet::new(),
            tags: BTreeSet::new(),
            consent: None,
            dry_run: false,
            created: now(),
        }
    }

    pub async fn begin(&self, terms: &Terms) -> ImportRequest {
        let created = self
            .importer
            .imports
            .create(terms, now(), &self.audit())
            .await;
        created.unwrap();
        ImportRequest {
            account: self.account,
            import: terms.id,
        }
    }

    /// Imports a file to the end.
    pub async fn import(&self, terms: &Terms) -> Import {
        let request = self.begin(terms).await;
        self.importer.work(request, deadline()).await.unwrap();
        self.state(request).await
    }

    pub async fn undo(&self, request: ImportRequest) -> Import {
        self.undo_by(&self.importer, request).await
    }

    pub async fn undo_by(&self, importer: &Importer, request: ImportRequest) -> Import {
        let undo = self
            .importer
            .imports
            .undo(request, now(), &self.audit())
            .await;
        undo.unwrap().unwrap();
        importer.work(request, deadline()).await.unwrap();
        self.state(request).await
    }

    pub async fn state(&self, request: ImportRequest) -> Import {
        let found = self
            .importer
            .imports
            .find(request.account, request.import)
            .await;
        found.unwrap().unwrap()
    }

    pub async fn list(&self) -> ListId {
        let list = List {
            id: build::id(),
            account: self.account,
            name: "Spring".to_owned(),
            deleting: false,
            created: now(),
            version: 1,
        };
        let created = self.importer.lists.create(&list, &self.audit()).await;
        created.unwrap();
        list.id
    }

    /// Every contact, in the order of the numbers.
    pub async fn everybody(&self) -> Vec<Contact> {
        let contacts = &self.importer.contacts;
        let mut found = contacts.page(self.account, None, 10_000).await.unwrap();
        found.sort_by_key(|contact| contact.number);
        found
    }

    pub async fn contact(&self, number: u64) -> Option<Contact> {
        let number = Phone::from_digits(number).unwrap();
        let id = self.importer.key.contact(self.account, number);
        let found = self.importer.contacts.find(self.account, id).await;
        found.unwrap()
    }

    pub async fn change(&self, number: u64, change: impl FnOnce(&mut Contact)) {
        let before = self.contact(number).await.unwrap();
        let mut after = before.clone();
        after.version += 1;
        change(&mut after);
        let saved = self.importer.contacts.save(Some(&before), &after).await;
        saved.unwrap().unwrap();
    }

    pub async fn rejected(&self, terms: &Terms) -> String {
        let files = &self.importer.files;
        let get = self
            .aws
            .s3()
            .get_object()
            .bucket(files.bucket())
            .key(format!("rejected/{}/{}.csv", terms.account, terms.id));
        let body = get.send().await.unwrap().body.collect().await.unwrap();
        String::from_utf8(body.to_vec()).unwrap()
    }

    pub async fn asked(&self) -> Vec<String> {
        stack::taken(&self.aws.sqs(), &self.queue).await
    }

    pub fn audit(&self) -> Audit {
        Audit {
            id: build::id(),
            at: now(),
            account: self.account,
            actor: Actor::Operator,
            action: "test".to_owned(),
            target: "test".to_owned(),
        }
    }
}

fn importer(aws: &Aws, core: &str, contacts: &str, queue: &str) -> Importer {
    let key = DeploymentKey::from_secret("a secret of a test");
    let urls = QueueUrls {
        imports: Some(queue.to_owned()),
        ..QueueUrls::default()
    };
    Importer {
        dead: DeadLetterQueues::new(aws.sqs(), Vec::new(), 3),
        imports: Imports::new(aws.dynamodb(), core),
        lists: Records::new(aws.dynamodb(), core),
        contacts: Contacts::new(aws.dynamodb(), contacts),
        consents: Consents::new(aws.dynamodb(), contacts, key.clone()),
        suppressions: Suppressions::new(aws.dynamodb(), contacts),
        files: Files::new(aws.s3(), stack::variable("FILES_BUCKET")),
        queues: Queues::new(aws.sqs(), urls),
        key,
        group: GROUP,
    }
}

fn layout(csv: &[u8]) -> Layout {
    let mut sheet = Sheet::open(Cursor::new(csv), None, None).unwrap();
    sheet.read().unwrap();
    let header = has_header(sheet.record());
    let headers = Headers::of(sheet.record(), header);
    let mut sample = Vec::new();
    while let Ok(Some(_)) = sheet.read() {
        sample.push(sheet.record().clone());
    }
    let suggested = suggest(&headers, &sample, None).into_iter().enumerate();
    let mapping: Vec<(String, Target)> = suggested
        .filter_map(|(place, it)| Some((format!("#{}", place + 1), it.target?)))
        .collect();
    Layout {
        delimiter: sheet.delimiter(),
        header,
        names: headers.names().to_vec(),
        columns: mapped(&headers, &mapping).unwrap(),
    }
}

pub fn now() -> Timestamp {
    Timestamp::now()
}

pub fn deadline() -> Timestamp {
    now() + SignedDuration::from_mins(10)
}

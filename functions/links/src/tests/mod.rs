//! The recorded call of `events/`, and what opening a link and answering it does, against the local stack.

use aws_lambda_events::{
    apigw::{ApiGatewayV2httpRequest, ApiGatewayV2httpResponse},
    encodings::Body,
};
use carillon_core::{
    batch::{Batch, Stage},
    chunk::{Chunk, Pointer, source::Source},
    content::Content,
    frame::{self, Recipient},
    id::AccountId,
    keyed_hash::DeploymentKey,
    link::{Codes, Links, Place, Purpose},
    phone::Phone,
    safeguards::Safeguards,
};
use carillon_store::{
    accounts::{Account, Accounts},
    audit::{Actor, Audit},
    batches::{Activity, Batches},
    files::Files,
    ledger::Ledger,
    link_blocks::LinkBlocks,
    queues::{QueueUrls, Queues},
    suppressions::Suppressions,
};
use carillon_testkit::{build, stack};
use http::Method;
use jiff::Timestamp;

use crate::{State, handle};

const RECORDED: &str = include_str!("../../../../events/links-url.json");
const BASE: &str = "https://links.example.com/l/";
/// So that the page shows what a page may not run.
const NAME: &str = "Fish & <script>";

mod visit;

struct Setup {
    state: State,
    account: AccountId,
    /// Of the second of two recipients.
    code: String,
    hooks: String,
}

fn now() -> Timestamp {
    Timestamp::from_second(1_790_000_000).unwrap()
}

fn number(last: u64) -> Phone {
    Phone::from_digits(447_700_900_000 + last).unwrap()
}

impl Setup {
    /// A batch of two, of an account of its own.
    async fn new() -> Self {
        Self::with(Content::from("Out: {{opt_out_link}}")).await
    }

    async fn with(content: Content) -> Self {
        let aws = stack::aws().await;
        let dynamodb = aws.dynamodb();
        let table = stack::table_like(&dynamodb, "CORE_TABLE").await;
        let ledger = stack::table_like(&dynamodb, "LEDGER_TABLE").await;
        let contacts = stack::table_like(&dynamodb, "CONTACTS_TABLE").await;
        let key = DeploymentKey::from_secret("a secret of a test");
        let hooks = stack::queue(&aws.sqs(), "hooks").await;
        let urls = QueueUrls {
            hooks: Some(hooks.clone()),
            ..QueueUrls::default()
        };
        let state = State {
            codes: Codes::new(&key),
            accounts: Accounts::new(dynamodb.clone(), &table),
            batches: Batches::new(dynamodb.clone(), &table),
            blocks: LinkBlocks::new(dynamodb.clone(), &table),
            ledger: Ledger::new(dynamodb.clone(), ledger),
            files: Files::new(aws.s3(), stack::variable("FILES_BUCKET")),
            suppressions: Suppressions::new(dynamodb, contacts),
            queues: Queues::new(aws.sqs(), urls),
            key,
        };
        let account = build::id();
        let batch = state.batch(account, content).await;
        let links = batch.terms.content.links.clone().unwrap();
        let place = Place { chunk: 0, slot: 1 };
        let code = state
            .codes
            .code(links.number(Purpose::OptOut, place).unwrap())
            .expect("there are numbers left");
        Self {
            state,
            account,
            code,
            hooks,
        }
    }

    async fn call(&self, method: Method, code: &str) -> (i64, String) {
        let answer = handle(&self.state, event(method, code), now()).await;
        (answer.status_code, body(&answer))
    }

    async fn opted_out(&self) -> Vec<bool> {
        let mut found = Vec::new();
        for last in [1, 2] {
            let hash = self.state.key.number(self.account, number(last));
            found.push(
                self.state
                    .suppressions
                    .holds(self.account, &hash)
                    .await
                    .unwrap(),
            );
        }
        found
    }
}

impl State {
    async fn batch(&self, account: AccountId, content: Content) -> Batch {
        let named = Account {
            id: account,
            name: NAME.to_owned(),
            created: now(),
            quotas: None,
        };
        let audit = Audit {
            id: build::id(),
            at: now(),
            account,
            actor: Actor::Key(build::id()),
            action: "account.create".to_owned(),
            target: account.to_string(),
        };
        let safeguards = Safeguards::of(account);
        let made = self.accounts.create(&named, &safeguards, &[], &audit);
        made.await.unwrap();
        let mut terms = build::terms(now());
        terms.account = account;
        let mut links = content.links.clone().unwrap_or_else(|| Links::at(BASE));
        links.stretch = 100;
        let draw = self
            .blocks
            .draw(account, terms.id, links.length(), terms.began);
        links.first = draw.await.unwrap().first;
        terms.content = Content {
            links: Some(links),
            ..content
        };
        let batch = Batch::new(terms, Stage::Ready, Some(1));
        self.batches
            .create(&batch, Activity::Passive)
            .await
            .unwrap();
        let recipient = |last: u64| {
            let vars = [("id".to_owned(), format!("{last} & more"))];
            Recipient::new(number(last), vars.into(), None)
        };
        let frame = frame::encode(&[recipient(1), recipient(2)]);
        let pointer = Pointer {
            batch: batch.terms.id,
            chunk: 0,
        };
        let chunk = Chunk::new(2, Source::Inline(frame));
        self.ledger.create_chunk(pointer, &chunk).await.unwrap();
        batch
    }
}

fn event(method: Method, code: &str) -> ApiGatewayV2httpRequest {
    let mut event: ApiGatewayV2httpRequest = serde_json::from_str(RECORDED).unwrap();
    event.request_context.http.method = method;
    event.raw_path = Some(format!("/l/{code}"));
    event
}

fn body(answer: &ApiGatewayV2httpResponse) -> String {
    match &answer.body {
        Some(Body::Text(text)) => text.clone(),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn opening_a_link_asks_and_opts_nobody_out() {
    let setup = Setup::new().await;

    for method in [Method::GET, Method::HEAD] {
        let (status, page) = setup.call(method, &setup.code).await;

        assert_eq!(status, 200);
        assert!(page.contains("<form method=\"post\">"), "{page}");
        assert!(page.contains("Fish &amp; &lt;script&gt;"), "{page}");
    }
    assert_eq!(setup.opted_out().await, [false, false]);
}

#[tokio::test]
async fn answering_a_link_opts_its_recipient_out_and_nobody_else() {
    let setup = Setup::new().await;

    let first = setup.call(Method::POST, &setup.code).await;
    let again = setup.call(Method::POST, &setup.code).await;

    assert_eq!((first.0, again.0), (200, 200));
    assert_eq!(setup.opted_out().await, [false, true]);
}

#[tokio::test]
async fn what_nobody_was_given_is_not_found() {
    let setup = Setup::new().await;
    let codes = &setup.state.codes;
    let drawn = setup.state.blocks.find(0).await.unwrap().unwrap();
    let code = |number| codes.code(number).unwrap();
    for (name, code, get, post) in [
        ("no code", String::new(), 404, 404),
        ("a path", "../../etc".to_owned(), 404, 404),
        (
            "the recorded one, of another key",
            "Zk3vQ9aB".to_owned(),
            404,
            404,
        ),
        ("a number of no batch", code(drawn.first + 1_000), 404, 404),
        // Its chunk is read only to write something down.
        (
            "a slot without a recipient",
            code(drawn.first + 2),
            200,
            404,
        ),
        ("beyond its links", code(drawn.first + 100), 404, 404),
    ] {
        let opened = setup.call(Method::GET, &code).await;
        let answered = setup.call(Method::POST, &code).await;

        assert_eq!((opened.0, answered.0), (get, post), "{name}");
    }
    assert_eq!(setup.opted_out().await, [false, false]);
}

#[tokio::test]
async fn a_block_that_the_batch_does_not_name_leads_nowhere() {
    let setup = Setup::new().await;
    let first = setup.state.blocks.find(0).await.unwrap().unwrap();
    let lost = setup
        .state
        .blocks
        .draw(setup.account, first.batch, 100, now());
    let code = setup.state.codes.code(lost.await.unwrap().first).unwrap();

    let (status, _) = setup.call(Method::POST, &code).await;

    assert_eq!(status, 404);
}

#[tokio::test]
async fn other_methods_are_refused_and_no_page_is_kept_or_framed() {
    let setup = Setup::new().await;

    let answer = handle(&setup.state, event(Method::PUT, &setup.code), now()).await;

    assert_eq!(answer.status_code, 405);
    assert_eq!(answer.headers["cache-control"], "no-store");
    let policy = answer.headers["content-security-policy"].to_str().unwrap();
    assert!(policy.contains("frame-ancestors 'none'"), "{policy}");
}

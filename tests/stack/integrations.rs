//! The examples of docs/integrations.md do what they say, against the deployed stack: Python, Node, a client with generated types, a CRM.

use std::{
    io::{BufRead, BufReader, Lines},
    path::PathBuf,
    process::{Child, ChildStdout, Command, Stdio},
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use crate::account::Account;

const PATIENCE: Duration = Duration::from_secs(90);

fn example(name: &str) -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../examples")).join(name)
}

/// A program of an example, by what runs it.
fn program(account: &Account, run: &str, file: &str) -> Command {
    let mut command = Command::new(run);
    command
        .arg(example(file))
        .env("CARILLON_URL", account.url())
        .env("CARILLON_KEY", &account.test_key)
        .env("PYTHONDONTWRITEBYTECODE", "1");
    command
}

/// What it printed, once it has ended well.
async fn ran(mut command: Command) -> String {
    let run = tokio::task::spawn_blocking(move || command.output());
    let output = run.await.expect("it is joined").expect("it starts");
    let printed = String::from_utf8_lossy(&output.stdout).into_owned();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{printed}{said}");
    printed
}

/// A server of an example; it ends with the value.
struct Server {
    process: Child,
    lines: Lines<BufReader<ChildStdout>>,
    url: String,
}

impl Server {
    fn start(mut command: Command) -> Self {
        let spawned = command.arg("0").stdout(Stdio::piped()).spawn();
        let mut process = spawned.expect("it starts");
        let mut lines = BufReader::new(process.stdout.take().expect("piped above")).lines();
        let url = lines.next().expect("a line").expect("its address");
        Self {
            process,
            lines,
            url,
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.process.kill().expect("it is ours");
        self.process.wait().expect("it ends");
    }
}

#[tokio::test]
async fn a_one_time_password_is_sent() {
    let account = Account::new("Example: a password").await;
    for (run, file) in [
        ("python3", "python/send_otp.py"),
        ("node", "node/send-otp.mjs"),
    ] {
        let mut send = program(&account, run, file);
        send.args(["+447700900123", "4711"]);

        let printed = ran(send).await;

        let path = format!("/v1/messages/{}", printed.trim());
        account
            .wait_for(&path, |message| message["status"] == "delivered")
            .await;
    }
}

#[tokio::test]
async fn a_campaign_is_started_and_reported() {
    let account = Account::new("Example: a campaign").await;
    for (run, file) in [
        ("python3", "python/start_campaign.py"),
        ("node", "node/start-campaign.mjs"),
    ] {
        let mut start = program(&account, run, file);
        start.args(["Hello {{name}}", "+447700900123=Ann", "+447700900124=Bob"]);

        let printed = ran(start).await;

        assert!(printed.contains("accepted"), "{printed}");
    }
    let campaigns = account.all("/v1/campaigns").await;
    assert!(
        campaigns.len() == 2
            && campaigns
                .iter()
                .all(|campaign| campaign["status"] == "finished")
    );
}

#[tokio::test]
async fn a_webhook_is_verified() {
    let account = Account::new("Example: a webhook").await;
    for (run, file) in [
        ("python3", "python/verify_webhook.py"),
        ("node", "node/verify-webhook.mjs"),
    ] {
        // Its secret is known when it is made, and its address when it is started.
        let (webhook, secret) = webhook(&account, json!(["message.*"])).await;
        let mut serve = program(&account, run, file);
        serve.env("WEBHOOK_SECRET", secret);
        let mut server = Server::start(serve);
        lead(&account, &webhook, &server.url).await;
        let forged = reqwest::Client::new()
            .post(&server.url)
            .body("{}")
            .send()
            .await;

        account
            .try_post_as_test(
                "/v1/messages",
                &json!({"to": "+447700900123", "text": "Hi"}),
            )
            .await;

        let lines = server.lines.by_ref().take(2);
        let mut types: Vec<String> = lines.map(|line| line.expect("a type")).collect();
        types.sort();
        assert_eq!(types, ["message.delivered", "message.sent"], "{file}");
        assert_eq!(forged.expect("an answer").status(), 401, "{file}");
        account.remove(&format!("/v1/webhooks/{webhook}")).await;
    }
}

#[tokio::test]
async fn contacts_come_from_a_crm_and_opt_outs_and_deliveries_go_back() {
    let account = Account::new("Example: a CRM").await;
    let mut fake = Command::new("python3");
    fake.arg(example("hubspot/fake_hubspot.py"));
    let hubspot = Server::start(fake);
    let bridge = || {
        let mut bridge = program(&account, "python3", "hubspot/bridge.py");
        bridge
            .env("CARILLON_KEY", &account.key)
            .env("HUBSPOT_URL", hubspot.url.trim_end_matches('/'))
            .env("HUBSPOT_TOKEN", "test");
        bridge
    };

    let mut import = bridge();
    import.arg("import");
    let imported: Value = serde_json::from_str(&ran(import).await).expect("JSON");
    let (webhook, secret) = webhook(&account, json!(["contact.*", "message.delivered"])).await;
    let mut serve = bridge();
    serve.env("WEBHOOK_SECRET", secret).arg("serve");
    let server = Server::start(serve);
    lead(&account, &webhook, &server.url).await;
    // The second answers STOP to every message.
    for to in ["+447700900123", "+15005550017"] {
        let message = json!({"to": to, "text": "Hi"});
        account.try_post_as_test("/v1/messages", &message).await;
    }

    let contacts = account.all("/v1/contacts").await;
    let told = |changed: &Value| {
        let delivered = |id: &str| changed[id]["sms_last_delivered"].is_string();
        delivered("101") && delivered("104") && changed["104"]["sms_opted_out"] == "true"
    };
    let changed = changed(&hubspot, told).await;
    assert_eq!(
        (&imported["created"], contacts.len()),
        (&json!(3), 3),
        "who opted out stays there"
    );
    assert_eq!(changed["101"]["sms_opted_out"], Value::Null, "{changed}");
}

#[tokio::test]
async fn the_generated_client_compiles_and_runs_the_demo() {
    let account = Account::new("Example: a client").await;
    let at = example("typescript");
    let npm = |arguments: &[&str]| {
        let mut npm = Command::new("npm");
        npm.args(arguments).current_dir(&at);
        npm.env("CARILLON_URL", account.url())
            .env("CARILLON_KEY", &account.test_key);
        npm
    };

    ran(npm(&["ci", "--no-audit", "--no-fund", "--prefer-offline"])).await;
    ran(npm(&["run", "generate"])).await;
    ran(npm(&["run", "check"])).await;
    let printed = ran(npm(&["run", "demo"])).await;

    assert!(printed.contains("finished"), "{printed}");
}

async fn webhook(account: &Account, events: Value) -> (String, String) {
    let webhook = json!({"url": "https://example.com/", "events": events});
    let made = account.post("/v1/webhooks", &webhook).await;
    let text = |field: &str| made[field].as_str().expect("text").to_owned();
    (text("id"), text("secret"))
}

async fn lead(account: &Account, webhook: &str, url: &str) {
    account
        .change(&format!("/v1/webhooks/{webhook}"), &json!({"url": url}))
        .await;
    // Functions that have read it believe it for a few seconds.
    tokio::time::sleep(Duration::from_secs(6)).await;
}

/// What was changed at the CRM, as soon as it is so.
async fn changed(hubspot: &Server, ready: impl Fn(&Value) -> bool) -> Value {
    let began = Instant::now();
    loop {
        let answer = reqwest::get(format!("{}changed", hubspot.url)).await;
        let body = answer.expect("it answers").bytes().await.expect("a body");
        let changed: Value = serde_json::from_slice(&body).expect("JSON");
        if ready(&changed) {
            return changed;
        }
        assert!(began.elapsed() < PATIENCE, "{changed}");
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
}

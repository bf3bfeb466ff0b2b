//! Contacts, lists and segments: made, found, changed, merged, let go of.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::account::{Account, Answer, RunningSimulator, json_body, send};

fn number(row: usize) -> String {
    format!("+4477009{row:05}")
}

fn text<'v>(value: &'v Value, field: &str) -> &'v str {
    value[field]
        .as_str()
        .unwrap_or_else(|| panic!("no `{field}` in {value}"))
}

fn tag(answer: &Answer) -> &str {
    let tag = answer.headers.get("etag").expect("an ETag");
    tag.to_str().expect("text")
}

async fn list(account: &Account, name: &str) -> String {
    let list = account.post("/v1/lists", &json!({"name": name})).await;
    text(&list, "id").to_owned()
}

/// Contacts, every second of them a VIP, whose age is their row.
async fn people(account: &Account, rows: usize, lists: &[&str]) -> Vec<String> {
    let contact = |row: usize| {
        let tags = if row.is_multiple_of(2) {
            vec!["vip"]
        } else {
            Vec::new()
        };
        json!({"number": number(row), "attributes": {"name": format!("Ann {row}"), "age": row}, "tags": tags, "lists": lists})
    };
    let contacts: Vec<Value> = (0..rows).map(contact).collect();
    let done = account
        .post("/v1/contacts/batch", &json!({"contacts": contacts}))
        .await;
    assert_eq!(done["created"], rows, "{done}");
    let data = done["data"].as_array().expect("rows").iter();
    data.map(|row| text(row, "id").to_owned()).collect()
}

async fn request(account: &Account, method: Method, path: &str) -> Answer {
    send(account.request(method, path)).await
}

#[tokio::test]
async fn a_contact_is_one_however_often_it_comes() {
    let account = Account::new("One contact").await;
    let contact = json!({"number": "07700 900123", "default_country": "GB", "language": "en_gb", "attributes": {"name": "Ann", "city": "Leeds"}, "tags": ["VIP"]});

    let made = account.try_post("/v1/contacts", &contact).await;
    let change = json!({"number": "+447700900123", "language": null, "attributes": {"city": null, "age": 30}, "tags": ["new"]});
    let changed = account.try_post("/v1/contacts", &change).await;

    assert_eq!(
        (made.status, changed.status),
        (StatusCode::CREATED, StatusCode::OK)
    );
    assert_eq!(made.body["language"], "en-GB");
    assert_eq!(changed.body["id"], made.body["id"]);
    assert_eq!(
        changed.body["attributes"],
        json!({"age": 30, "name": "Ann"})
    );
    assert_eq!(changed.body["tags"], json!(["new", "vip"]));
    assert_eq!(
        (&changed.body["country"], &changed.body["language"]),
        (&json!("GB"), &Value::Null)
    );
    let found = account.get("/v1/contacts?number=%2B447700900123").await;
    assert_eq!(found["data"], json!([changed.body]));
}

#[tokio::test]
async fn of_two_changes_to_the_same_contact_one_is_refused_and_a_deleted_one_is_gone() {
    let account = Account::new("Contact edits").await;
    let made = account
        .try_post("/v1/contacts", &json!({"number": number(1), "tags": ["a"]}))
        .await;
    let path = format!("/v1/contacts/{}", text(&made.body, "id"));
    let edit = async |change: Value| {
        let request = account
            .request(Method::PATCH, &path)
            .header("if-match", tag(&made));
        send(json_body(request, &change)).await
    };

    let first = edit(json!({"tags": ["b"], "time_zone": "Europe/Paris"})).await;
    let second = edit(json!({"tags": []})).await;

    assert_eq!(first.body["tags"], json!(["b"]), "{}", first.body);
    assert_eq!(
        (second.status, &second.body["code"]),
        (StatusCode::PRECONDITION_FAILED, &json!("etag_mismatch"))
    );
    assert_eq!(
        request(&account, Method::DELETE, &path).await.status,
        StatusCode::NO_CONTENT
    );
    assert_eq!(
        request(&account, Method::GET, &path).await.status,
        StatusCode::NOT_FOUND
    );
}

#[tokio::test]
async fn what_a_row_is_rejected_for_stands_beside_it_and_the_others_are_done() {
    let account = Account::new("Rows").await;
    let contacts = json!({"contacts": [
        {"number": number(1)},
        {"number": "+4477009"},
        {"number": number(1), "tags": ["again"]},
        {"number": number(2), "time_zone": "Leeds"},
        {"number": number(3), "attributes": {"first name": "Ann"}},
        {"number": number(4), "lists": ["lst_01h455vb4pex5vsknk084sn02q"]},
        {"number": number(5)},
    ]});

    let done = account.post("/v1/contacts/batch", &contacts).await;

    assert_eq!(
        (&done["created"], &done["rejected"]),
        (&json!(2), &json!(5))
    );
    let errors: Vec<(&str, &str)> = done["data"]
        .as_array()
        .expect("rows")
        .iter()
        .filter(|row| row["error"].is_object())
        .map(|row| (text(&row["error"], "pointer"), text(&row["error"], "code")))
        .collect();
    assert_eq!(
        errors,
        [
            ("/contacts/1/number", "invalid_phone"),
            ("/contacts/2/number", "duplicate"),
            ("/contacts/3/time_zone", "invalid_content"),
            ("/contacts/4/attributes/first name", "invalid_content"),
            ("/contacts/5/lists/0", "not_found"),
        ]
    );
    assert_eq!(
        account.get("/v1/contacts").await["data"]
            .as_array()
            .map(Vec::len),
        Some(2)
    );
}

#[tokio::test]
async fn pages_of_all_of_a_list_and_of_a_segment_have_everybody_once() {
    let account = Account::new("Pages").await;
    let customers = list(&account, "Customers").await;
    let mut ids = people(&account, 40, &[&customers]).await;
    account
        .post(
            "/v1/contacts",
            &json!({"number": number(99), "attributes": {"age": 99}}),
        )
        .await;
    let filter = format!(r#"list = "{customers}" and attributes.age >= 30 and not tag = "vip""#);
    let segment = account
        .post("/v1/segments", &json!({"name": "Old", "filter": filter}))
        .await;
    let segment = text(&segment, "id");

    let paged = async |query: &str| {
        let (mut found, mut cursor) = (Vec::new(), String::new());
        loop {
            let page = account
                .get(&format!("/v1/contacts?limit=7{query}{cursor}"))
                .await;
            found.extend(
                page["data"]
                    .as_array()
                    .expect("contacts")
                    .iter()
                    .map(|it| text(it, "id").to_owned()),
            );
            match page["next_cursor"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => return found,
            }
        }
    };

    assert_eq!(paged("").await.len(), 41);
    let on_list = paged(&format!("&list={customers}")).await;
    let vips = paged("&tag=vip").await;
    let old = paged(&format!("&segment={segment}")).await;
    ids.sort_unstable();
    assert_eq!(on_list, ids);
    assert_eq!((vips.len(), old.len()), (20, 5));
    let count = account.get(&format!("/v1/segments/{segment}/count")).await;
    assert_eq!(
        count,
        json!({"matching": 5, "looked_at": 41, "complete": true, "estimate": 5})
    );
    let page = account.get("/v1/contacts?limit=1").await;
    let stolen = format!(
        "/v1/contacts?limit=1&tag=vip&cursor={}",
        text(&page, "next_cursor")
    );
    assert_eq!(
        request(&account, Method::GET, &stolen).await.body["code"],
        "invalid_cursor"
    );
}

#[tokio::test]
async fn a_list_counts_whoever_is_put_onto_it_and_taken_off() {
    let account = Account::new("Members").await;
    let ids = people(&account, 4, &[]).await;
    let path = format!("/v1/lists/{}", list(&account, "Customers").await);
    let members = format!("{path}/members");

    let added = account
        .post(
            &members,
            &json!({"add": [ids[0], number(1), ids[2], number(77)]}),
        )
        .await;
    let again = account
        .post(&members, &json!({"add": [ids[0]], "remove": [ids[1]]}))
        .await;

    assert_eq!(
        (&added["added"], &added["rejected"][0]["pointer"]),
        (&json!(3), &json!("/add/3"))
    );
    assert_eq!(
        (&again["removed"], &again["unchanged"]),
        (&json!(1), &json!(1))
    );
    let counted = account.get(&path).await;
    assert_eq!(counted["members"], json!({"count": 2, "complete": true}));
    assert_eq!(
        request(&account, Method::DELETE, &path).await.status,
        StatusCode::NO_CONTENT
    );
    assert_eq!(
        request(&account, Method::GET, &path).await.status,
        StatusCode::NOT_FOUND
    );
    let contact = account.get(&format!("/v1/contacts/{}", ids[0])).await;
    assert_eq!(contact["lists"], json!([]));
}

#[tokio::test]
async fn two_contacts_become_one() {
    let account = Account::new("Merge").await;
    let customers = list(&account, "Customers").await;
    let ids = people(&account, 2, &[]).await;
    account
        .post(
            &format!("/v1/lists/{customers}/members"),
            &json!({"add": [ids[1]]}),
        )
        .await;

    let merged = account
        .post(
            &format!("/v1/contacts/{}/merge", ids[0]),
            &json!({"from": ids[1]}),
        )
        .await;

    assert_eq!(merged["attributes"]["name"], "Ann 0");
    assert_eq!(merged["lists"], json!([customers]));
    let gone = request(&account, Method::GET, &format!("/v1/contacts/{}", ids[1])).await;
    assert_eq!(gone.status, StatusCode::NOT_FOUND);
    let counted = account.get(&format!("/v1/lists/{customers}")).await;
    assert_eq!(counted["members"]["count"], 1);
}

#[tokio::test]
async fn a_filter_is_refused_at_its_column() {
    let account = Account::new("Filters").await;
    let check = async |filter: &str| {
        account
            .post("/v1/segments/check", &json!({"filter": filter}))
            .await
    };
    let unknown = r#"tag = "a" and list = "lst_01h455vb4pex5vsknk084sn02q""#;

    assert_eq!(
        check(r#"country = "GB""#).await,
        json!({"valid": true, "errors": []})
    );
    assert_eq!(check(r#"country = "UK""#).await["errors"][0]["column"], 11);
    assert_eq!(check(unknown).await["errors"][0]["column"], 22);
    let refused = account
        .try_post("/v1/segments", &json!({"name": "a", "filter": unknown}))
        .await;
    assert_eq!(
        (refused.status, &refused.body["errors"][0]["pointer"]),
        (StatusCode::UNPROCESSABLE_ENTITY, &json!("/filter"))
    );
    assert!(
        text(&refused.body["errors"][0], "detail").starts_with("column 22:"),
        "{}",
        refused.body
    );
}

#[tokio::test]
async fn a_campaign_reaches_a_list_without_the_excluded_as_it_was_estimated() {
    let account = Account::new("To a list").await;
    let simulator = RunningSimulator::start();
    let gateway = account.with_gateway(&simulator).await;
    let priced = account
        .request(Method::PATCH, &format!("/v1/gateways/{gateway}"))
        .header("if-match", "*");
    send(json_body(priced, &json!({"cost_per_part": 7_000}))).await;
    let (customers, staff) = (
        list(&account, "Customers").await,
        list(&account, "Staff").await,
    );
    let ids = people(&account, 6, &[&customers]).await;
    account
        .post(
            &format!("/v1/lists/{staff}/members"),
            &json!({"add": [ids[5]]}),
        )
        .await;
    account
        .post(
            "/v1/contacts",
            &json!({"number": number(6), "lists": [customers]}),
        )
        .await;
    let audience = json!({"type": "contacts", "lists": [customers], "exclude_lists": [staff]});
    let draft = json!({"name": "Spring", "class": "transactional", "audience": audience, "content": {"text": "Hi {{name}}"}});

    let campaign = account.post("/v1/campaigns", &draft).await;
    let path = format!("/v1/campaigns/{}", text(&campaign, "id"));
    let preview = account.post(&format!("{path}/preview"), &json!({})).await;
    let estimate = account.post(&format!("{path}/estimate"), &json!({})).await;
    account.post(&format!("{path}/start"), &json!({})).await;
    account
        .wait_for(&path, |campaign| campaign["status"] == "finished")
        .await;

    assert_eq!(campaign["audience"]["lists"], json!([customers]));
    let texts = preview["data"].as_array().expect("texts");
    assert!(texts.len() >= 4, "{preview}");
    assert!(
        texts
            .iter()
            .all(|it| text(it, "text").starts_with("Hi Ann"))
    );
    let gb = json!({"country": "GB", "recipients": 5, "parts": 5, "cost": 35_000});
    assert_eq!(estimate["countries"], json!([gb]), "{estimate}");
    assert_eq!(
        estimate["skipped"],
        json!({"excluded": 1, "missing_value": 1})
    );
    assert_eq!(
        (&estimate["complete"], &estimate["held"]),
        (&json!(true), &json!({}))
    );
    let report = account.get(&format!("{path}/report")).await;
    assert_eq!(report["accepted"], 5, "{report}");
}

#[tokio::test]
async fn an_audience_of_a_list_that_is_not_there_is_refused() {
    let account = Account::new("No list").await;
    let audience = json!({"type": "contacts", "lists": ["lst_01h455vb4pex5vsknk084sn02q"]});
    let draft = json!({"name": "Spring", "audience": audience, "content": {"text": "Hi"}});

    let refused = account.try_post("/v1/campaigns", &draft).await;

    assert_eq!(
        (refused.status, &refused.body["errors"][0]["pointer"]),
        (StatusCode::UNPROCESSABLE_ENTITY, &json!("/audience"))
    );
}

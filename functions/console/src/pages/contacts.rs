//! Everybody whom the account knows, page by page; finding one by number; adding one.

use std::collections::BTreeMap;

use askama::Template;
use axum::{
    Router,
    extract::{Query, State},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use carillon_core::api_key::Scope;
use http::{Method, StatusCode};
use serde::Deserialize;
use serde_json::json;

use crate::{
    ask::Listed,
    assets,
    console::Console,
    form::{self, Form},
    pages::error::Refused,
    path,
    people::{self, Contact, Named},
    respond::{go, page},
    shell::Shell,
    signed_in::SignedIn,
    ui::{self, Choice, Field, Html, Icon},
};

pub const PATH: &str = "/contacts";
const LIMIT: &str = "25";

pub fn routes() -> Router<Console> {
    Router::new()
        .route(PATH, get(list).post(create))
        .route("/contacts/find", post(find))
        .route("/contacts/new", get(blank).post(begun))
}

#[derive(Default, Deserialize)]
struct Asked {
    #[serde(default)]
    list: String,
    #[serde(default)]
    segment: String,
    #[serde(default)]
    tag: String,
    #[serde(default)]
    cursor: String,
}

impl Asked {
    fn is_narrowed(&self) -> bool {
        !(self.list.is_empty() && self.segment.is_empty() && self.tag.is_empty())
    }

    fn narrowed(&self) -> [(&str, &str); 3] {
        [
            ("list", &self.list),
            ("segment", &self.segment),
            ("tag", &self.tag),
        ]
    }
}

#[derive(Template)]
#[template(path = "contacts.html")]
struct ContactsPage {
    shell: Shell,
    contacts: Vec<Contact>,
    /// Names by id.
    lists: BTreeMap<String, String>,
    by_list: Vec<Choice>,
    by_segment: Vec<Choice>,
    /// What it is narrowed to.
    narrow: Form,
    is_narrowed: bool,
    /// Nobody of this page matches, and there are more to look at.
    goes_on: bool,
    pager: Html,
    /// A number that was looked for.
    find: Form,
    /// That nobody has.
    nobody: Option<String>,
    may_write: bool,
}

impl ContactsPage {
    fn lists_of(&self, contact: &Contact) -> String {
        let names = contact.lists.iter().filter_map(|id| self.lists.get(id));
        names.map(String::as_str).collect::<Vec<_>>().join(", ")
    }
}

async fn list(
    State(console): State<Console>,
    who: SignedIn,
    Query(asked): Query<Asked>,
) -> Result<Response, Refused> {
    let narrow = Form::of(asked.narrowed());
    let shown = contacts_page(&console, &who, asked, Form::default(), None).await;
    match shown {
        // A tag that can't be one, or a cursor of another list.
        Err(refused) if refused.belongs_to_form() && !narrow.all("tag").all(str::is_empty) => {
            let mut find = Form::default();
            find.problem = Some(form::sentence(&refused.detail));
            contacts_page(&console, &who, Asked::default(), find, None).await
        }
        shown => shown,
    }
}

async fn contacts_page(
    console: &Console,
    who: &SignedIn,
    asked: Asked,
    find: Form,
    nobody: Option<String>,
) -> Result<Response, Refused> {
    let [list, segment, tag] = asked.narrowed();
    let query = [
        ("limit", LIMIT),
        list,
        segment,
        tag,
        ("cursor", asked.cursor.as_str()),
    ];
    let contacts = path::with("/v1/contacts", &query);
    let (Listed { data, next_cursor }, lists, segments): (Listed<Contact>, _, _) = futures::try_join!(
        console.get(who, &contacts),
        people::lists(console, who),
        people::segments(console, who),
    )?;
    let here = path::with(PATH, &asked.narrowed());
    let is_narrowed = asked.is_narrowed();
    let status = if find.is_refused() {
        StatusCode::UNPROCESSABLE_ENTITY
    } else {
        StatusCode::OK
    };
    let shown = page(&ContactsPage {
        shell: who.shell("Contacts", PATH),
        goes_on: data.is_empty() && next_cursor.is_some(),
        contacts: data,
        by_list: any("Any list", &lists),
        by_segment: any("Any segment", &segments),
        lists: people::names(lists),
        narrow: Form::of(asked.narrowed()),
        is_narrowed,
        pager: ui::onward(&here, next_cursor.as_deref(), asked.cursor.is_empty()),
        find,
        nobody,
        may_write: who.may(Scope::ContactsWrite),
    });
    Ok((status, shown).into_response())
}

fn any(all: &str, named: &[Named]) -> Vec<Choice> {
    let all = Choice::new("", all);
    [all].into_iter().chain(people::choices(named)).collect()
}

/// A number never stands in an address, so this is a post.
async fn find(
    State(console): State<Console>,
    who: SignedIn,
    form: Form,
) -> Result<Response, Refused> {
    let number = form.get("number").trim().to_owned();
    let path = path::with("/v1/contacts", &[("number", &number)]);
    let found: Result<Listed<Contact>, Refused> = console.get(&who, &path).await;
    match found {
        Ok(Listed { data, .. }) if !number.is_empty() => match data.first() {
            Some(contact) => Ok(go(&format!("/contacts/{}", contact.id))),
            None => contacts_page(&console, &who, Asked::default(), form, Some(number)).await,
        },
        Ok(_) => Ok(go(PATH)),
        Err(refused) if refused.belongs_to_form() => {
            let mut form = form;
            form.refuse(
                "number",
                "Write it as + and the country's code, such as +447700900123.",
            );
            contacts_page(&console, &who, Asked::default(), form, None).await
        }
        Err(refused) => Err(refused),
    }
}

#[derive(Template)]
#[template(path = "contact_edit.html")]
pub struct ContactForm {
    pub shell: Shell,
    pub form: Form,
    pub lists: Vec<Choice>,
    /// `None`: a new one.
    pub contact: Option<Contact>,
}

async fn blank(State(console): State<Console>, who: SignedIn) -> Result<Response, Refused> {
    new_page(&console, &who, Form::default()).await
}

/// With a number that nobody has yet.
async fn begun(
    State(console): State<Console>,
    who: SignedIn,
    form: Form,
) -> Result<Response, Refused> {
    let form = Form::of([("number", form.get("number"))]);
    new_page(&console, &who, form).await
}

async fn new_page(console: &Console, who: &SignedIn, form: Form) -> Result<Response, Refused> {
    let lists = people::choices(&people::lists(console, who).await?);
    let status = if form.is_refused() {
        StatusCode::UNPROCESSABLE_ENTITY
    } else {
        StatusCode::OK
    };
    let shown = page(&ContactForm {
        shell: who.shell("Add a contact", PATH),
        form,
        lists,
        contact: None,
    });
    Ok((status, shown).into_response())
}

/// Which field of the form the API is talking about.
pub const FIELDS: [(&str, &str); 6] = [
    ("/number", "number"),
    ("/language", "language"),
    ("/time_zone", "time_zone"),
    ("/attributes", "attributes"),
    ("/tags", "tags"),
    ("/lists", "lists"),
];

/// What a form says of a contact, but for its number.
pub fn fields(form: &mut Form) -> serde_json::Value {
    let attributes = ui::attributes::given(form);
    let tags: Vec<&str> = form.get("tags").split(',').map(str::trim).collect();
    let tags: Vec<&str> = tags.into_iter().filter(|tag| !tag.is_empty()).collect();
    json!({
        "language": form.given("language"),
        "time_zone": form.given("time_zone"),
        "attributes": attributes,
        "tags": tags,
        "lists": form.all("lists").collect::<Vec<_>>(),
    })
}

/// The API names the attribute by its pointer only.
pub fn refused(mut form: Form, refused: &Refused) -> Form {
    for error in &refused.errors {
        if let Some(name) = error.pointer.strip_prefix("/attributes/") {
            let words = format!("`{name}`: {}", form::sentence(&error.detail));
            form.refuse("attributes", words);
        }
    }
    form.refused_by(refused, &FIELDS)
}

async fn create(
    State(console): State<Console>,
    who: SignedIn,
    form: Form,
) -> Result<Response, Refused> {
    let mut form = form;
    let mut body = fields(&mut form);
    body["number"] = form.get("number").trim().into();
    if form.is_refused() {
        return new_page(&console, &who, form).await;
    }
    // What isn't typed must not take back what a contact with this number has.
    for name in ["language", "time_zone"] {
        if let Some(fields) = body.as_object_mut().filter(|it| it[name].is_null()) {
            fields.remove(name);
        }
    }
    let ask = console.ask(&who, Method::POST, "/v1/contacts").json(&body);
    let ask = match form.given(form::ONCE) {
        Some(once) => ask.once(once),
        None => ask,
    };
    match ask.answer::<Contact>().await {
        Ok(Contact {
            id,
            created,
            changed,
            ..
        }) => {
            let said = if created == changed {
                "contact-made"
            } else {
                "contact-kept"
            };
            Ok(go(&format!("/contacts/{id}?said={said}")))
        }
        Err(why) if why.belongs_to_form() => new_page(&console, &who, refused(form, &why)).await,
        Err(why) => Err(why),
    }
}

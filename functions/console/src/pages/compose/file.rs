//! The file of an audience: put to the bucket, by the browser itself or in small by us, and looked at before it is used.

use std::collections::BTreeMap;

use axum::{
    Json,
    extract::State,
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use carillon_core::{id::UploadId, template::Template};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::{
    console::Console,
    countries,
    form::{self, Form},
    pages::error::Refused,
    path::part,
    signed_in::SignedIn,
    ui::{self, Choice, Field, Html, Part},
};

/// Where the file is put: the bucket's own form, without us in between.
#[derive(Debug, Serialize, Deserialize)]
pub struct Slot {
    id: String,
    url: String,
    fields: BTreeMap<String, String>,
}

/// For the script: it posts the file there itself, whatever its size.
pub async fn slot(
    State(console): State<Console>,
    who: SignedIn,
    _: Form,
) -> Result<Response, Refused> {
    let slot: Slot = console.post(&who, "/v1/uploads", &json!({})).await?;
    Ok(Json(slot).into_response())
}

/// A file that came with the form itself: from then on the form names it.
pub async fn take(console: &Console, who: &SignedIn, form: &mut Form) -> Result<(), Refused> {
    let Some(file) = form.file("file").cloned() else {
        return Ok(());
    };
    let id = keep(console, who, file).await?;
    form.set("upload", &id);
    form.set("to", "file");
    form.set("phone_column", "");
    Ok(())
}

async fn keep(console: &Console, who: &SignedIn, file: Bytes) -> Result<String, Refused> {
    let Slot { id, .. } = console.post(who, "/v1/uploads", &json!({})).await?;
    let upload: UploadId = id.parse().map_err(|_| Refused::unexplained())?;
    let files = &console.api.files;
    files.put_upload(who.account.id, upload, file).await?;
    Ok(id)
}

/// What the API says of a file.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct Checked {
    columns: Vec<Column>,
    phone_column: Option<String>,
    estimated_rows: u64,
    looked_at: u64,
    complete: bool,
    usable: u64,
    rejected: u64,
    duplicates: u64,
    countries: BTreeMap<String, u64>,
    problems: Vec<Mistake>,
    pub example: Option<Map<String, Value>>,
}

#[derive(Debug, Clone, Deserialize)]
struct Column {
    header: String,
    placeholder: String,
}

#[derive(Debug, Clone, Deserialize)]
struct Mistake {
    line: u64,
    column: Option<String>,
    detail: String,
}

impl Mistake {
    pub fn sentence(&self) -> String {
        let words = form::sentence(&self.detail);
        match &self.column {
            Some(column) => format!("Line {}, {column}: {words}", self.line),
            None => format!("Line {}: {words}", self.line),
        }
    }
}

/// Countries of a file that are named.
const MOST_COUNTRIES: usize = 5;

impl Checked {
    /// `Err`: what is wrong with all of it, for people.
    pub async fn of(
        console: &Console,
        who: &SignedIn,
        form: &Form,
    ) -> Result<Option<Result<Self, String>>, Refused> {
        let Some(upload) = form.given("upload") else {
            return Ok(None);
        };
        let path = format!("/v1/uploads/{}/check", part(upload));
        let mut body = Map::new();
        if let Some(country) = form.given("country") {
            body.insert("default_country".to_owned(), country.to_uppercase().into());
        }
        if let Some(column) = form.given("phone_column") {
            body.insert("phone_column".to_owned(), column.into());
        }
        match console.post(who, &path, &body).await {
            Ok(checked) => Ok(Some(Ok(checked))),
            Err(refused) if refused.belongs_to_form() => {
                let wrong = refused.errors.first();
                let words = wrong.map_or(refused.detail.as_str(), |error| &error.detail);
                Ok(Some(Err(form::sentence(words))))
            }
            Err(refused) => Err(refused),
        }
    }

    pub fn is_read(&self) -> bool {
        self.phone_column.is_some()
    }

    pub fn rows(&self) -> String {
        let rows = ui::plural(self.estimated_rows, "row", "rows");
        if self.complete {
            return format!("{rows}.");
        }
        format!(
            "About {rows}; the first {} were looked at.",
            ui::count(self.looked_at)
        )
    }

    pub fn bar(&self) -> Html {
        ui::bar(self.parts(), self.looked_at)
    }

    pub fn legend(&self) -> Html {
        ui::legend(self.parts(), self.looked_at)
    }

    fn parts(&self) -> [Part; 3] {
        [
            Part::new("can be sent to", self.usable, "good"),
            Part::new("the same number again", self.duplicates, "quiet"),
            Part::new("can't be used", self.rejected, "bad"),
        ]
    }

    /// Which countries the numbers are of, most of them first.
    pub fn places(&self) -> String {
        let mut all: Vec<_> = self.countries.iter().collect();
        all.sort_by_key(|(_, count)| std::cmp::Reverse(**count));
        let shown = all.iter().take(MOST_COUNTRIES);
        let mut shown: Vec<_> = shown
            .map(|(code, count)| format!("{} in {}", ui::count(**count), countries::name(code)))
            .collect();
        match u64::try_from(all.len().saturating_sub(MOST_COUNTRIES)) {
            Ok(more) if more > 0 => {
                shown.push(ui::plural(more, "more country", "more countries"));
            }
            _ => {}
        }
        shown.join(", ")
    }

    pub fn mistakes(&self) -> Vec<String> {
        self.problems.iter().map(Mistake::sentence).collect()
    }

    /// Mistakes that aren't told one by one.
    pub fn more_mistakes(&self) -> u64 {
        let told = u64::try_from(self.problems.len()).unwrap_or_default();
        self.rejected.saturating_sub(told)
    }

    /// What a text can say, without the number itself.
    pub fn placeholders(&self) -> Vec<String> {
        let phone = self.phone_column.as_deref();
        let others = self.columns.iter();
        let others = others.filter(|column| Some(column.header.as_str()) != phone);
        others
            .map(|column| format!("{{{{{}}}}}", column.placeholder))
            .collect()
    }

    /// Which column has the numbers: to be chosen, or as it was found.
    pub fn column(&self, form: &Form, look: impl AsRef<str>) -> Html {
        let mut form = form.clone();
        if form.given("phone_column").is_none()
            && let Some(column) = &self.phone_column
        {
            form.set("phone_column", column);
        }
        let choose = Choice::new("", "Choose one");
        let unread = (!self.is_read()).then_some(choose);
        let columns = self.columns.iter();
        let columns = columns.map(|it| Choice::new(it.header.clone(), it.header.clone()));
        let choices: Vec<_> = unread.into_iter().chain(columns).collect();
        let field = Field::select("phone_column", "Column with the numbers", choices);
        let field = field.with("hx-post", look.as_ref());
        field.with("hx-trigger", "change").of(&form)
    }

    /// Placeholders of a text that no column fills in, and that have no other words.
    pub fn missing(&self, text: &str) -> Vec<String> {
        let Ok(template) = Template::parse(text) else {
            return Vec::new();
        };
        let is_column = |name: &str| {
            let mut columns = self.columns.iter();
            columns.any(|it| it.placeholder == name || it.header == name)
        };
        let wanted = template.defaults().into_iter();
        wanted
            .filter(|(name, default)| default.is_none() && !is_column(name))
            .map(|(name, _)| format!("{{{{{name}}}}}"))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checked() -> Checked {
        serde_json::from_value(json!({
            "bytes": 90, "encoding": "UTF-8",
            "columns": [{"header": "phone", "placeholder": "phone"}, {"header": "First name", "placeholder": "First_name"}],
            "phone_column": "phone", "estimated_rows": 4_000, "looked_at": 40, "complete": false,
            "usable": 36, "rejected": 3, "duplicates": 1,
            "countries": {"GB": 30, "FR": 2, "DE": 1, "IT": 1, "ES": 1, "US": 1},
            "problems": [{"line": 3, "column": "phone", "code": "damaged_number", "detail": "the number is damaged"}],
        }))
        .unwrap()
    }

    #[test]
    fn a_file_is_told_in_sentences() {
        let checked = checked();

        assert_eq!(
            checked.rows(),
            "About 4,000 rows; the first 40 were looked at."
        );
        assert_eq!(
            checked.mistakes(),
            ["Line 3, phone: The number is damaged."]
        );
        assert_eq!(checked.more_mistakes(), 2);
        assert_eq!(checked.placeholders(), ["{{First_name}}"]);
        assert!(
            checked
                .places()
                .starts_with("30 in United Kingdom, 2 in France")
        );
        assert!(checked.places().ends_with(", 1 more country"));
    }

    #[test]
    fn what_no_column_fills_in_is_named() {
        let checked = checked();

        assert_eq!(
            checked.missing("Hi {{First_name}}, {{city}} {{day|today}}"),
            ["{{city}}"]
        );
    }
}

//! Lists, page by page: newest first, with a signed cursor for what comes next.

use axum::{
    Json,
    response::{IntoResponse, Response},
};
use carillon_runtime::{
    principal::Principal,
    problem::{Code, Problem},
};
use http::{HeaderValue, header};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::services::Api;

const USUAL: u16 = 50;
const MOST: u16 = 500;

/// Which page of a list.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct PageQuery {
    /// How many: 1 to 500, 50 when not given.
    #[param(minimum = 1, maximum = 500)]
    pub limit: Option<u16>,
    /// `next_cursor` of the page before.
    pub cursor: Option<String>,
}

/// A page of a list.
#[derive(Debug, Serialize, ToSchema)]
pub struct Page<T> {
    pub data: Vec<T>,
    /// Gets the next page, as `cursor`; absent at the end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<String>,
}

/// A page that was asked for.
pub struct Asked {
    pub limit: usize,
    /// Where the page before ended.
    pub after: Option<String>,
    path: String,
    /// `list=lst_…&`: what the next page has to be asked for beside its cursor.
    filter: String,
}

impl Asked {
    /// `path`: the list's, with the ids in it.
    pub fn new(api: &Api, who: &Principal, path: &str, query: PageQuery) -> Result<Self, Problem> {
        Self::filtered(api, who, path, &[], query)
    }

    /// Of a list that shows a part of what there is: a cursor goes on with the same part.
    pub fn filtered(
        api: &Api,
        who: &Principal,
        path: &str,
        filter: &[(&str, String)],
        query: PageQuery,
    ) -> Result<Self, Problem> {
        let mut query_text = String::new();
        for (name, value) in filter {
            query_text.push_str(name);
            query_text.push('=');
            query_text.push_str(&percent_encoded(value));
            query_text.push('&');
        }
        let filter = query_text;
        let sealed = sealed(path, &filter);
        let limit = query.limit.unwrap_or(USUAL);
        if !(1..=MOST).contains(&limit) {
            let detail = format!("`limit` must be 1 to {MOST}.");
            return Err(Problem::new(Code::InvalidRequest, detail));
        }
        let open = |cursor: String| api.cursors.open(who.account, &sealed, &cursor);
        Ok(Self {
            limit: usize::from(limit),
            after: query.cursor.map(open).transpose()?,
            path: path.to_owned(),
            filter,
        })
    }

    /// One more than the page has, which tells whether there is another page.
    pub fn reads(&self) -> i32 {
        i32::try_from(self.limit + 1).expect("at most 501")
    }

    /// Where the page before ended, as what it was.
    pub fn place<T: std::str::FromStr>(&self) -> Result<Option<T>, Problem> {
        let read = |place: &String| place.parse().map_err(|_| Problem::unexplained());
        self.after.as_ref().map(read).transpose()
    }

    /// Answers with what [`Asked::reads`] read; `place` is what the next page begins after. What has no view is left out.
    pub fn answer<T, V: Serialize>(
        &self,
        api: &Api,
        who: &Principal,
        mut items: Vec<T>,
        place: impl Fn(&T) -> String,
        view: impl FnMut(T) -> Option<V>,
    ) -> Response {
        let more = items.len() > self.limit;
        items.truncate(self.limit);
        let last = items.last().filter(|_| more).map(place);
        let data = items.into_iter().filter_map(view).collect();
        self.answer_until(api, who, data, last.as_deref())
    }

    /// Answers with a page that goes on after `last`.
    pub fn answer_until<V: Serialize>(
        &self,
        api: &Api,
        who: &Principal,
        data: Vec<V>,
        last: Option<&str>,
    ) -> Response {
        let sealed = sealed(&self.path, &self.filter);
        let next_cursor = last.map(|place| api.cursors.seal(who.account, &sealed, place));
        let link = next_cursor
            .as_ref()
            .and_then(|cursor| self.link(api, cursor));
        let mut response = Json(Page { data, next_cursor }).into_response();
        response
            .headers_mut()
            .extend(link.map(|link| (header::LINK, link)));
        response
    }

    fn link(&self, api: &Api, cursor: &str) -> Option<HeaderValue> {
        let (url, path, filter) = (&api.settings.public_url, &self.path, &self.filter);
        let limit = self.limit;
        let link = format!("<{url}{path}?{filter}limit={limit}&cursor={cursor}>; rel=\"next\"");
        HeaderValue::from_str(&link).ok()
    }
}

/// What a cursor is signed for.
fn sealed(path: &str, filter: &str) -> String {
    match filter {
        "" => path.to_owned(),
        filter => format!("{path}?{filter}"),
    }
}

fn percent_encoded(value: &str) -> String {
    let encoded = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' => {
            char::from(byte).to_string()
        }
        byte => format!("%{byte:02X}"),
    };
    value.bytes().map(encoded).collect()
}

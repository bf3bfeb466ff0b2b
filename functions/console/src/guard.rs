//! What stands before every page: who is it, and does a form come from one of our own pages?

use axum::{
    body::{Body, to_bytes},
    extract::{Request, State},
    middleware::Next,
    response::{IntoResponse, Response},
};
use carillon_api::Deadline;
use http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header};
use jiff::Timestamp;

use crate::{
    console::Console,
    cookie,
    flash::Flash,
    form::{self, Form},
    pages::error::Refused,
    respond::go,
    shell::Theme,
    signed_in::{SignedIn, principal, proof},
};

/// Large files go to S3 and not through here.
const LARGEST_FORM: usize = 256 * 1024;
/// With a small file in it. A request of Lambda has six megabytes, in base64.
const LARGEST_WITH_FILE: usize = 4 * 1024 * 1024;

/// Changes come from our own pages only. Browsers say where a request comes from, and no page can make them lie.
pub async fn same_origin(State(console): State<Console>, request: Request, next: Next) -> Response {
    let safe = matches!(*request.method(), Method::GET | Method::HEAD);
    let ours = &console.api.settings.public_url;
    if safe || from_ourselves(request.headers(), ours) {
        return next.run(request).await;
    }
    Refused::new(
        StatusCode::FORBIDDEN,
        "This came from another site",
        "Nothing was changed. Open the console itself, and try there.",
    )
    .into_response()
}

fn from_ourselves(headers: &HeaderMap, public_url: &str) -> bool {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    match (text("sec-fetch-site"), text("origin")) {
        (Some(site), _) => site == "same-origin",
        (None, Some(origin)) => origin == public_url,
        (None, None) => false,
    }
}

/// To those who are signed in, with forms that were made for them.
pub async fn admit(State(console): State<Console>, request: Request, next: Next) -> Response {
    let now = Timestamp::now();
    let who = match who(&console, request.method(), request.headers(), now).await {
        Ok(who) => who,
        Err(refused) => return refused.into_response(),
    };
    let Some(mut who) = who else {
        return sign_in_first(&request);
    };
    who.deadline = request.extensions().get::<Deadline>().copied();
    who.place = place(request.uri());
    who.flash = Flash::read(request.uri().query());
    let safe = matches!(*request.method(), Method::GET | Method::HEAD);
    let (mut parts, body) = request.into_parts();
    let mut form = Form::default();
    if !safe {
        form = match read(&parts.headers, body).await {
            Ok(form) => form,
            Err(refused) => return refused.into_response(),
        };
        if !who.proves(form.get(form::TOKEN)) {
            return outdated().into_response();
        }
    }
    parts.extensions.insert(who);
    parts.extensions.insert(form);
    next.run(Request::from_parts(parts, Body::empty())).await
}

async fn read(headers: &HeaderMap, body: Body) -> Result<Form, Refused> {
    let kind = headers.get(header::CONTENT_TYPE);
    let kind = kind.and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let boundary = multer::parse_boundary(kind).ok();
    let most = match boundary {
        Some(_) => LARGEST_WITH_FILE,
        None => LARGEST_FORM,
    };
    let body = to_bytes(body, most).await.map_err(|_| {
        let words = "Nothing was changed. Shorten it, or do it in several steps.";
        let title = "That is too much at once";
        Refused::new(StatusCode::PAYLOAD_TOO_LARGE, title, words)
    })?;
    let Some(boundary) = boundary else {
        return Ok(Form::parse(&body));
    };
    let form = Form::parse_parts(body, &boundary).await;
    form.map_err(|_| {
        let words = "Nothing was changed. Go back, and send it again.";
        Refused::new(
            StatusCode::BAD_REQUEST,
            "This form arrived in pieces",
            words,
        )
    })
}

fn outdated() -> Refused {
    Refused::new(
        StatusCode::FORBIDDEN,
        "This form is out of date",
        "You signed in again since it was opened. Nothing was changed: go back, reload the page, and send it again.",
    )
}

async fn who(
    console: &Console,
    method: &Method,
    headers: &HeaderMap,
    now: Timestamp,
) -> Result<Option<SignedIn>, Refused> {
    let Some(token) = cookie::find(headers, cookie::SESSION) else {
        return Ok(None);
    };
    // What a page asks for by itself doesn't mean that somebody is there.
    let by_itself = *method == Method::GET && headers.contains_key("hx-request");
    let session = if by_itself {
        console.sessions.find(token, now).await?
    } else {
        console.sessions.look(token, now).await?
    };
    let Some(session) = session else {
        return Ok(None);
    };
    let (member, account) = futures::try_join!(
        console.api.members.find(session.account, session.member),
        console.api.accounts.find(session.account),
    )?;
    let (Some(member), Some(account)) = (member, account) else {
        return Ok(None);
    };
    if member.signed_out.is_some_and(|time| session.began <= time) {
        return Ok(None);
    }
    let quotas = account.quotas.unwrap_or(console.api.settings.quotas);
    let principal = principal(&member, quotas);
    let proof = proof(&console.api.key, token);
    let mut who = SignedIn::new(member, account, proof, principal);
    who.theme = Theme::read(cookie::find(headers, cookie::THEME));
    Ok(Some(who))
}

/// And back to the page that was asked for.
fn sign_in_first(request: &Request) -> Response {
    let had_session = cookie::find(request.headers(), cookie::SESSION).is_some();
    let to = match *request.method() {
        Method::GET if request.uri().path() != "/" => place(request.uri()),
        Method::GET => "/overview".to_owned(),
        // The page whose form it was.
        _ => referrer(request.headers()).unwrap_or_else(|| "/overview".to_owned()),
    };
    let to = percent_encoding::utf8_percent_encode(&to, percent_encoding::NON_ALPHANUMERIC);
    let note = if had_session { "&note=over" } else { "" };
    let to = format!("/sign-in?to={to}{note}");
    if request.headers().contains_key("hx-request") {
        // A fragment must not become the sign-in page: the browser leaves the page instead.
        let mut response = StatusCode::NO_CONTENT.into_response();
        if let Ok(to) = HeaderValue::from_str(&to) {
            response.headers_mut().insert("hx-redirect", to);
        }
        return response;
    }
    let mut response = go(&to);
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

fn referrer(headers: &HeaderMap) -> Option<String> {
    let referrer = headers.get(header::REFERER)?.to_str().ok()?;
    Some(place(&referrer.parse().ok()?))
}

fn place(uri: &Uri) -> String {
    let place = uri.path_and_query();
    place.map_or_else(|| "/".to_owned(), ToString::to_string)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_come_from_our_own_pages() {
        let ours = "https://sms.example.net";
        for (name, site, origin, expected) in [
            ("our page", Some("same-origin"), Some(ours), true),
            (
                "another site",
                Some("cross-site"),
                Some("https://evil.example"),
                false,
            ),
            (
                "a sister of ours",
                Some("same-site"),
                Some("https://a.example.net"),
                false,
            ),
            ("typed or bookmarked", Some("none"), None, false),
            ("an old browser", None, Some(ours), true),
            (
                "an old browser elsewhere",
                None,
                Some("https://evil.example"),
                false,
            ),
            ("a frame without an origin", None, Some("null"), false),
            ("no browser", None, None, false),
            (
                "a lie about the origin",
                Some("cross-site"),
                Some(ours),
                false,
            ),
        ] {
            let mut headers = HeaderMap::new();
            let mut say = |name: &'static str, value: Option<&'static str>| {
                headers.extend(value.map(|value| {
                    (
                        http::HeaderName::from_static(name),
                        HeaderValue::from_static(value),
                    )
                }));
            };
            say("sec-fetch-site", site);
            say("origin", origin);

            assert_eq!(from_ourselves(&headers, ours), expected, "{name}");
        }
    }
}

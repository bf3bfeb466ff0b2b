//! What is the same for every answer: policies for the browser, and compression of pages.

use std::{io::Write as _, time::Instant};

use askama::Template;
use axum::{
    body::{Body, to_bytes},
    extract::Request,
    middleware::Next,
    response::{Html, IntoResponse, Redirect, Response},
};
use carillon_runtime::problem::Problem;
use flate2::{Compression, write::GzEncoder};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use url::Url;

/// Nothing but our own files, nothing written into the page, and nobody who puts the console into a frame.
pub const CONTENT_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; \
     connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'";

const HEADERS: [(HeaderName, &str); 8] = [
    (header::CONTENT_SECURITY_POLICY, CONTENT_POLICY),
    (
        header::STRICT_TRANSPORT_SECURITY,
        "max-age=63072000; includeSubDomains",
    ),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::REFERRER_POLICY, "same-origin"),
    (
        HeaderName::from_static("cross-origin-opener-policy"),
        "same-origin",
    ),
    (
        HeaderName::from_static("cross-origin-resource-policy"),
        "same-origin",
    ),
    (
        HeaderName::from_static("permissions-policy"),
        "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    ),
    (HeaderName::from_static("x-robots-tag"), "noindex, nofollow"),
];

/// A page.
pub fn page(template: &impl Template) -> Response {
    match template.render() {
        Ok(html) => Html(html).into_response(),
        Err(error) => Problem::internal(&error).into_response(),
    }
}

/// A page with a form that leads to another address, or whose script sends it there itself: to the bucket, with a file.
pub fn leading_to(url: &str, page: Response) -> Response {
    allowing(url, &["form-action", "connect-src"], page)
}

/// A page whose script sends a file to another address itself.
pub fn reaching(url: &str, page: Response) -> Response {
    allowing(url, &["connect-src"], page)
}

fn allowing(url: &str, what: &[&str], mut page: Response) -> Response {
    let origin = Url::parse(url).map(|url| url.origin().ascii_serialization());
    let policy = origin.ok().and_then(|origin| {
        let policy = what.iter().fold(CONTENT_POLICY.to_owned(), |policy, what| {
            let ours = format!("{what} 'self';");
            policy.replace(&ours, &format!("{what} 'self' {origin};"))
        });
        HeaderValue::from_str(&policy).ok()
    });
    let policy = policy.map(|policy| (header::CONTENT_SECURITY_POLICY, policy));
    page.headers_mut().extend(policy);
    page
}

/// On to another page after a form, so that a reload doesn't send it again.
pub fn go(to: &str) -> Response {
    Redirect::to(to).into_response()
}

/// The outermost layer.
pub async fn finish(request: Request, next: Next) -> Response {
    let began = Instant::now();
    let zipped = accepts(request.headers(), "gzip");
    let response = next.run(request).await;
    let mut response = if zipped {
        compress(response).await
    } else {
        response
    };
    let headers = response.headers_mut();
    for (name, value) in HEADERS {
        // A page may have said where one of its forms leads.
        let entry = headers.entry(name);
        entry.or_insert(HeaderValue::from_static(value));
    }
    if !headers.contains_key(header::CACHE_CONTROL) {
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
    let took = format!("app;dur={:.1}", began.elapsed().as_secs_f64() * 1_000.0);
    if let Ok(took) = HeaderValue::from_str(&took) {
        headers.insert("server-timing", took);
    }
    response
}

pub fn accepts(headers: &HeaderMap, encoding: &str) -> bool {
    let lines = headers.get_all(header::ACCEPT_ENCODING).iter();
    let mut names = lines
        .filter_map(|line| line.to_str().ok())
        .flat_map(|line| line.split(','))
        .filter_map(|item| item.split(';').next());
    names.any(|name| name.trim().eq_ignore_ascii_case(encoding))
}

/// Pages only: the rest was compressed when it was built.
async fn compress(response: Response) -> Response {
    let kind = response.headers().get(header::CONTENT_TYPE);
    let is_page = kind.is_some_and(|kind| kind.as_bytes().starts_with(b"text/html"));
    if !is_page {
        return response;
    }
    let (mut parts, body) = response.into_parts();
    let Ok(body) = to_bytes(body, usize::MAX).await else {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    let mut encoder = GzEncoder::new(Vec::new(), Compression::new(5));
    let zipped = encoder.write_all(&body).and_then(|()| encoder.finish());
    let Ok(zipped) = zipped else {
        return Response::from_parts(parts, Body::from(body));
    };
    let headers = &mut parts.headers;
    headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    headers.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
    headers.remove(header::CONTENT_LENGTH);
    Response::from_parts(parts, Body::from(zipped))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_encoding_is_named_among_others() {
        let mut headers = HeaderMap::new();
        headers.insert(
            header::ACCEPT_ENCODING,
            HeaderValue::from_static("gzip, deflate, br;q=0.9"),
        );

        assert!(accepts(&headers, "br"));
        assert!(accepts(&headers, "gzip"));
        assert!(!accepts(&headers, "zstd"));
    }

    #[test]
    fn a_page_with_a_file_may_send_it_to_the_bucket_and_nowhere_else() {
        let url = "https://files.s3.eu-central-1.amazonaws.com/uploads?x";
        let bucket = "'self' https://files.s3.eu-central-1.amazonaws.com;";
        let (form, script) = (
            leading_to(url, StatusCode::OK.into_response()),
            reaching(url, StatusCode::OK.into_response()),
        );

        for (page, by_form) in [(form, bucket), (script, "'self';")] {
            let policy = page.headers()[header::CONTENT_SECURITY_POLICY].to_str();
            let policy = policy.unwrap();
            assert!(
                policy.contains(&format!("connect-src {bucket}")),
                "{policy}"
            );
            assert!(
                policy.contains(&format!("form-action {by_form}")),
                "{policy}"
            );
        }
    }
}

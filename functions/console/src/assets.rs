//! What browsers keep: the style, two scripts, the font, the icon. Named after their content, so that they are kept for ever.

use axum::{
    body::Body,
    extract::Path,
    response::{IntoResponse, Response},
};
use http::{HeaderMap, StatusCode, header};

use crate::respond::accepts;

pub struct Asset {
    pub path: &'static str,
    kind: &'static str,
    plain: &'static [u8],
    gzip: Option<&'static [u8]>,
    brotli: Option<&'static [u8]>,
}

include!(concat!(env!("OUT_DIR"), "/assets.rs"));

const ALL: [&Asset; 5] = [&STYLE, &SCRIPT, &HTMX, &FONT, &ICON];
const FOR_EVER: &str = "public, max-age=31536000, immutable";

pub async fn get(Path(name): Path<String>, headers: HeaderMap) -> Response {
    let path = format!("/assets/{name}");
    match ALL.into_iter().find(|asset| asset.path == path) {
        Some(asset) => asset.answer(&headers),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

impl Asset {
    fn answer(&self, headers: &HeaderMap) -> Response {
        let brotli = self.brotli.filter(|_| accepts(headers, "br"));
        let gzip = self.gzip.filter(|_| accepts(headers, "gzip"));
        let (body, encoding) = match (brotli, gzip) {
            (Some(brotli), _) => (brotli, Some("br")),
            (None, Some(gzip)) => (gzip, Some("gzip")),
            (None, None) => (self.plain, None),
        };
        let mut response = Response::new(Body::from(body));
        let kept = response.headers_mut();
        kept.extend([
            (
                header::CONTENT_TYPE,
                http::HeaderValue::from_static(self.kind),
            ),
            (
                header::CACHE_CONTROL,
                http::HeaderValue::from_static(FOR_EVER),
            ),
            (
                header::VARY,
                http::HeaderValue::from_static("accept-encoding"),
            ),
        ]);
        kept.extend(encoding.map(|name| {
            (
                header::CONTENT_ENCODING,
                http::HeaderValue::from_static(name),
            )
        }));
        response
    }
}

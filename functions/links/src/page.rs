//! What links answer: a redirect; or a page, of a question, a button, an answer. They need no script, no picture and nothing from elsewhere.

use aws_lambda_events::{apigw::ApiGatewayV2httpResponse, encodings::Body};
use http::{HeaderMap, HeaderName, HeaderValue, header};

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Page {
    Ask {
        /// Of the account.
        name: String,
    },
    Done,
    /// A redirect.
    Lead {
        /// An address of ASCII alone.
        to: String,
    },
    Ended,
    Unknown,
    NotAllowed,
    TryAgain,
}

/// Its hash is in the policy below, so that no other style counts.
const STYLE: &str = include_str!("page.css");

const HEADERS: [(HeaderName, &str); 6] = [
    (header::CONTENT_TYPE, "text/html; charset=utf-8"),
    (header::CACHE_CONTROL, "no-store"),
    (
        header::CONTENT_SECURITY_POLICY,
        "default-src 'none'; style-src 'sha256-fRtOrcvAYQ+W1g5RsDS12VlH+BCFLZNChoQsrrkAung='; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
    ),
    (header::REFERRER_POLICY, "no-referrer"),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (HeaderName::from_static("x-robots-tag"), "noindex, nofollow"),
];

impl Page {
    pub fn answer(&self) -> ApiGatewayV2httpResponse {
        let mut answer = ApiGatewayV2httpResponse::default();
        answer.status_code = i64::from(self.status().as_u16());
        let headers = HEADERS.map(|(name, value)| (name, HeaderValue::from_static(value)));
        answer.headers = headers.into_iter().collect::<HeaderMap>();
        if let Self::Lead { to } = self
            && let Ok(location) = HeaderValue::from_str(to)
        {
            answer.headers.insert(header::LOCATION, location);
        }
        answer.body = Some(Body::Text(self.html()));
        answer
    }

    fn html(&self) -> String {
        let (title, body) = match self {
            Self::Ask { name } => {
                let name = escaped(name);
                let body = format!(
                    "<p>Do you want no more text messages from <strong>{name}</strong>?</p>\n\
                     <form method=\"post\"><button type=\"submit\">Stop messages</button></form>"
                );
                ("Stop messages?", body)
            }
            Self::Done => (
                "Stopped",
                "<p>You will get no more of these messages. To get them again, ask their sender.</p>"
                    .to_owned(),
            ),
            Self::Lead { to } => {
                let to = escaped(to);
                ("On its way", format!("<p>It goes on at <a href=\"{to}\">{to}</a>.</p>"))
            }
            Self::Ended => (
                "No longer there",
                "<p>What this link led to has ended. Ask the sender of the message.</p>".to_owned(),
            ),
            Self::Unknown => (
                "Unknown link",
                "<p>This link is not known, or too old. Check that it is complete.</p>".to_owned(),
            ),
            Self::NotAllowed => ("Not possible", "<p>Open this link in a browser.</p>".to_owned()),
            Self::TryAgain => (
                "Not now",
                "<p>That did not work. Please try again in a minute.</p>".to_owned(),
            ),
        };
        format!(
            "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
             <title>{title}</title>\n<style>{STYLE}</style>\n<h1>{title}</h1>\n{body}\n</html>\n"
        )
    }
}

fn escaped(text: &str) -> String {
    let mut html = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => html.push_str("&amp;"),
            '<' => html.push_str("&lt;"),
            '>' => html.push_str("&gt;"),
            '"' => html.push_str("&quot;"),
            '\'' => html.push_str("&#39;"),
            character => html.push(character),
        }
    }
    html
}

#[cfg(test)]
mod tests {
    use aws_lc_rs::digest::{SHA256, digest};
    use base64::{Engine, engine::general_purpose::STANDARD};

    use super::*;

    #[test]
    fn the_policy_knows_the_style() {
        let hash = STANDARD.encode(digest(&SHA256, STYLE.as_bytes()));
        let (_, policy) = &HEADERS[2];

        assert!(
            policy.contains(&format!("'sha256-{hash}'")),
            "the style's hash is {hash}"
        );
    }
}

//! A call in the shape of a function URL's event, and its answer.

use aws_lambda_events::{
    apigw::{ApiGatewayV2httpRequest, ApiGatewayV2httpResponse},
    encodings::Body,
};
use base64::{Engine, prelude::BASE64_STANDARD};
use bytes::Bytes;
use carillon_gateways::{WebhookCall, callback::PathToken, webhook::LARGEST_CALL};
use http::{Response, StatusCode};

/// A call to `/hooks/{gateway}/{token}`.
pub struct Call {
    /// The kind of gateway that the path names.
    pub kind: String,
    pub token: PathToken,
    /// The host that the call came to, as Lambda says.
    pub domain: Option<String>,
    pub webhook: WebhookCall,
}

/// Why a call is answered without looking at whose it is. Carriers don't read it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refused {
    /// Not a path that we gave out, or not a token of ours.
    NotFound,
    Forged,
    TooLarge,
    /// We could not keep it: the carrier shall call again.
    TryAgain,
}

impl From<Refused> for Response<Bytes> {
    fn from(refused: Refused) -> Self {
        let (status, words) = match refused {
            Refused::NotFound => (StatusCode::NOT_FOUND, "There is nothing here.\n"),
            Refused::Forged => (
                StatusCode::UNAUTHORIZED,
                "The call is not signed by the gateway.\n",
            ),
            Refused::TooLarge => (StatusCode::PAYLOAD_TOO_LARGE, "The body is over 256 KiB.\n"),
            Refused::TryAgain => (StatusCode::SERVICE_UNAVAILABLE, "Please call again.\n"),
        };
        let mut response = Self::new(Bytes::from_static(words.as_bytes()));
        *response.status_mut() = status;
        response
    }
}

pub fn read(event: ApiGatewayV2httpRequest) -> Result<Call, Refused> {
    let path = event.raw_path.ok_or(Refused::NotFound)?;
    let (kind, token) = path
        .strip_prefix("/hooks/")
        .and_then(|rest| rest.split_once('/'))
        .ok_or(Refused::NotFound)?;
    let token = token.parse().map_err(|_| Refused::NotFound)?;
    let path_and_query = match event.raw_query_string.as_deref() {
        None | Some("") => path.clone(),
        Some(query) => format!("{path}?{query}"),
    };
    let body = match event.body {
        None => Bytes::new(),
        Some(body) if event.is_base64_encoded => BASE64_STANDARD
            .decode(body)
            .map_err(|_| Refused::Forged)?
            .into(),
        Some(body) => body.into(),
    };
    if body.len() > LARGEST_CALL {
        return Err(Refused::TooLarge);
    }
    let (method, headers) = (event.request_context.http.method, event.headers);
    let webhook = WebhookCall {
        method,
        path_and_query,
        headers,
        body,
    };
    Ok(Call {
        kind: kind.to_owned(),
        token,
        domain: event.request_context.domain_name,
        webhook,
    })
}

pub fn answer(response: Response<Bytes>) -> ApiGatewayV2httpResponse {
    let (parts, body) = response.into_parts();
    let mut answer = ApiGatewayV2httpResponse::default();
    answer.status_code = i64::from(parts.status.as_u16());
    answer.headers = parts.headers;
    answer.body = Some(match String::from_utf8(body.into()) {
        Ok(text) => Body::Text(text),
        Err(binary) => {
            answer.is_base64_encoded = true;
            Body::Binary(binary.into_bytes())
        }
    });
    answer
}

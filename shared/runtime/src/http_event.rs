//! HTTP in the shape that API Gateway (payload format 2.0) and function URLs give it to a function.

use aws_lambda_events::{
    apigw::{ApiGatewayV2httpRequest, ApiGatewayV2httpResponse},
    encodings::Body as EventBody,
};
use axum::body::{Body, to_bytes};
use base64::{Engine, prelude::BASE64_STANDARD};
use bytes::Bytes;
use http::{HeaderValue, Request, Response, header};

use crate::problem::RequestId;

#[derive(Debug, thiserror::Error)]
pub enum UnreadableEvent {
    #[error("the event's body is not the base64 that it says it is")]
    Body(#[from] base64::DecodeError),
    #[error("the event is no HTTP request")]
    Request(#[from] http::Error),
    #[error("the answer's body can't be read")]
    Answer(#[from] axum::Error),
}

/// The request of an event, with its [`RequestId`] in the extensions.
pub fn request(event: ApiGatewayV2httpRequest) -> Result<Request<Body>, UnreadableEvent> {
    let path = encode(event.raw_path.as_deref().unwrap_or("/"));
    let uri = match event.raw_query_string.as_deref() {
        Some(query) if !query.is_empty() => format!("{path}?{query}"),
        _ => path,
    };
    let body = match event.body {
        Some(body) if event.is_base64_encoded => Bytes::from(BASE64_STANDARD.decode(body)?),
        Some(body) => Bytes::from(body),
        None => Bytes::new(),
    };
    let method = event.request_context.http.method;
    let mut request = Request::builder()
        .method(method)
        .uri(uri)
        .body(Body::from(body))?;
    *request.headers_mut() = event.headers;
    if let Some(cookies) = event.cookies {
        let cookies = HeaderValue::from_str(&cookies.join("; ")).map_err(http::Error::from)?;
        request.headers_mut().insert(header::COOKIE, cookies);
    }
    let id = event.request_context.request_id.unwrap_or_default();
    request.extensions_mut().insert(RequestId(id));
    Ok(request)
}

pub async fn response(
    response: Response<Body>,
) -> Result<ApiGatewayV2httpResponse, UnreadableEvent> {
    let (parts, body) = response.into_parts();
    let body = to_bytes(body, usize::MAX).await?;
    let mut event = ApiGatewayV2httpResponse::default();
    event.status_code = i64::from(parts.status.as_u16());
    event.headers = parts.headers;
    // The only header that may be there more than once, and so has a place of its own.
    let cookies = event.headers.get_all(header::SET_COOKIE).iter();
    let cookies = cookies.filter_map(|cookie| cookie.to_str().ok().map(str::to_owned));
    event.cookies = cookies.collect();
    event.headers.remove(header::SET_COOKIE);
    // The answer has its own length.
    event.headers.remove(header::CONTENT_LENGTH);
    event.body = match String::from_utf8(body.into()) {
        Ok(text) => Some(EventBody::Text(text)),
        Err(binary) => {
            event.is_base64_encoded = true;
            Some(EventBody::Binary(binary.into_bytes()))
        }
    };
    Ok(event)
}

/// API Gateway hands over some paths decoded: what a URL can't hold is encoded again.
fn encode(path: &str) -> String {
    let holds = |byte: u8| byte.is_ascii_alphanumeric() || b"/%-._~!$&'()*+,;=:@".contains(&byte);
    let encoded = path.bytes().flat_map(|byte| match byte {
        byte if holds(byte) => vec![byte],
        byte => format!("%{byte:02X}").into_bytes(),
    });
    encoded.map(char::from).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn event(path: &str) -> ApiGatewayV2httpRequest {
        let event = json!({
            "rawPath": path,
            "rawQueryString": "limit=2",
            "headers": {"accept": "*/*"},
            "cookies": ["a=1", "b=2"],
            "requestContext": {"requestId": "id", "http": {"method": "POST"}},
            "body": "aGk=",
            "isBase64Encoded": true,
        });
        serde_json::from_value(event).unwrap()
    }

    #[tokio::test]
    async fn a_request_is_put_together_from_its_event() {
        let request = request(event("/v1/a b/é")).unwrap();

        assert_eq!(request.method(), "POST");
        assert_eq!(request.uri(), "/v1/a%20b/%C3%A9?limit=2");
        assert_eq!(request.headers()["cookie"], "a=1; b=2");
        assert_eq!(request.extensions().get::<RequestId>().unwrap().0, "id");
        let body = to_bytes(request.into_body(), 10).await.unwrap();
        assert_eq!(body, "hi");
    }

    #[tokio::test]
    async fn an_answer_is_taken_apart_into_its_event() {
        let answer = Response::builder()
            .status(201)
            .header("set-cookie", "a=1")
            .header("set-cookie", "b=2")
            .header("etag", "\"1\"")
            .body(Body::from("hi"))
            .unwrap();

        let event = response(answer).await.unwrap();

        assert_eq!(
            (event.status_code, event.cookies),
            (201, vec!["a=1".to_owned(), "b=2".to_owned()])
        );
        assert_eq!(event.headers["etag"], "\"1\"");
        assert_eq!(event.headers.get("set-cookie"), None);
        assert_eq!(event.body, Some(EventBody::Text("hi".to_owned())));
    }
}

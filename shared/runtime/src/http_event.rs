//! HTTP in the shape that API Gateway (payload format 2.0) and function URLs give it to a function.

use aws_lambda_events::{
    apigw::{ApiGatewayV2httpRequest, ApiGatewayV2httpResponse},
    encodings::Body as EventBody,
};
use axum::body::{Body, to_bytes};
use base64::{Engine, prelude::BASE64_STANDARD};
use bytes::Bytes;
use http::{Request, Response, header};

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
    let path = event.raw_path.as_deref().unwrap_or("/");
    let uri = match event.raw_query_string.as_deref() {
        Some(query) if !query.is_empty() => format!("{path}?{query}"),
        _ => path.to_owned(),
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

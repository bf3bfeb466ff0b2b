//! Every code that a refusal can have. Callers branch on these: one that was published keeps its name and its meaning.

use http::StatusCode;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Code {
    InvalidJson,
    InvalidRequest,
    UnknownField,
    InvalidContent,
    InvalidPhone,
    UnknownPlaceholder,
    InvalidText,
    EmptyAudience,
    UnusableFile,
    AudienceNotAvailable,
    InvalidCursor,
    IdempotencyKeyRequired,
    InvalidIdempotencyKey,
    IdempotencyInProgress,
    IdempotencyKeyReused,
    Unauthenticated,
    KeyRevoked,
    KeyExpired,
    ForbiddenScope,
    NotFound,
    MethodNotAllowed,
    NoGateway,
    NoRoute,
    CountryNotAllowed,
    SendingStopped,
    UploadMissing,
    InvalidState,
    LimitReached,
    EtagMismatch,
    PreconditionRequired,
    PayloadTooLarge,
    UnsupportedMediaType,
    RateLimited,
    Unavailable,
    Internal,
}

/// What is the same for every problem of a code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Facts {
    pub code: &'static str,
    pub status: StatusCode,
    /// Whether the same request may succeed later.
    pub retryable: bool,
    pub title: &'static str,
}

impl Code {
    pub const ALL: [Self; 35] = [
        Self::InvalidJson,
        Self::InvalidRequest,
        Self::UnknownField,
        Self::InvalidContent,
        Self::InvalidPhone,
        Self::UnknownPlaceholder,
        Self::InvalidText,
        Self::EmptyAudience,
        Self::UnusableFile,
        Self::AudienceNotAvailable,
        Self::InvalidCursor,
        Self::IdempotencyKeyRequired,
        Self::InvalidIdempotencyKey,
        Self::IdempotencyInProgress,
        Self::IdempotencyKeyReused,
        Self::Unauthenticated,
        Self::KeyRevoked,
        Self::KeyExpired,
        Self::ForbiddenScope,
        Self::NotFound,
        Self::MethodNotAllowed,
        Self::NoGateway,
        Self::NoRoute,
        Self::CountryNotAllowed,
        Self::SendingStopped,
        Self::UploadMissing,
        Self::InvalidState,
        Self::LimitReached,
        Self::EtagMismatch,
        Self::PreconditionRequired,
        Self::PayloadTooLarge,
        Self::UnsupportedMediaType,
        Self::RateLimited,
        Self::Unavailable,
        Self::Internal,
    ];

    #[rustfmt::skip]
    pub const fn facts(self) -> Facts {
        use StatusCode as S;
        let (code, status, retryable, title) = match self {
            Self::InvalidJson => ("invalid_json", S::BAD_REQUEST, false, "The body is not JSON"),
            Self::InvalidRequest => ("invalid_request", S::BAD_REQUEST, false, "The request has not the right shape"),
            Self::UnknownField => ("unknown_field", S::BAD_REQUEST, false, "The request has a field that does not exist"),
            Self::InvalidContent => ("invalid_content", S::UNPROCESSABLE_ENTITY, false, "A field has a value that cannot be used"),
            Self::InvalidPhone => ("invalid_phone", S::UNPROCESSABLE_ENTITY, false, "A phone number cannot be used"),
            Self::UnknownPlaceholder => ("unknown_placeholder", S::UNPROCESSABLE_ENTITY, false, "The text has a placeholder without a value"),
            Self::InvalidText => ("invalid_text", S::UNPROCESSABLE_ENTITY, false, "The text cannot be sent"),
            Self::EmptyAudience => ("empty_audience", S::UNPROCESSABLE_ENTITY, false, "There is nobody to send to"),
            Self::UnusableFile => ("unusable_file", S::UNPROCESSABLE_ENTITY, false, "The recipients file cannot be used"),
            Self::AudienceNotAvailable => ("audience_not_available", S::UNPROCESSABLE_ENTITY, false, "This kind of audience is not available yet"),
            Self::InvalidCursor => ("invalid_cursor", S::BAD_REQUEST, false, "The cursor cannot be used"),
            Self::IdempotencyKeyRequired => ("idempotency_key_required", S::BAD_REQUEST, false, "The request needs an Idempotency-Key"),
            Self::InvalidIdempotencyKey => ("invalid_idempotency_key", S::BAD_REQUEST, false, "The Idempotency-Key cannot be used"),
            Self::IdempotencyInProgress => ("idempotency_in_progress", S::CONFLICT, true, "The same request is being worked on"),
            Self::IdempotencyKeyReused => ("idempotency_key_reused", S::UNPROCESSABLE_ENTITY, false, "The Idempotency-Key was used for another request"),
            Self::Unauthenticated => ("unauthenticated", S::UNAUTHORIZED, false, "The request has no valid API key"),
            Self::KeyRevoked => ("key_revoked", S::UNAUTHORIZED, false, "The API key was revoked"),
            Self::KeyExpired => ("key_expired", S::UNAUTHORIZED, false, "The API key has expired"),
            Self::ForbiddenScope => ("forbidden_scope", S::FORBIDDEN, false, "The API key may not do this"),
            Self::NotFound => ("not_found", S::NOT_FOUND, false, "There is no such thing"),
            Self::MethodNotAllowed => ("method_not_allowed", S::METHOD_NOT_ALLOWED, false, "The method is not allowed here"),
            Self::NoGateway => ("no_gateway", S::CONFLICT, false, "The account has no gateway to send by"),
            Self::NoRoute => ("no_route", S::CONFLICT, false, "No route of the account is for it"),
            Self::CountryNotAllowed => ("country_not_allowed", S::UNPROCESSABLE_ENTITY, false, "The account does not send to this country"),
            Self::SendingStopped => ("sending_stopped", S::CONFLICT, false, "The account has stopped it"),
            Self::UploadMissing => ("upload_missing", S::CONFLICT, true, "The upload has not arrived"),
            Self::InvalidState => ("invalid_state", S::CONFLICT, false, "It is not in a state that allows this"),
            Self::LimitReached => ("limit_reached", S::CONFLICT, false, "There are as many as there may be"),
            Self::EtagMismatch => ("etag_mismatch", S::PRECONDITION_FAILED, false, "It was changed in the meantime"),
            Self::PreconditionRequired => ("precondition_required", S::PRECONDITION_REQUIRED, false, "The request needs an If-Match"),
            Self::PayloadTooLarge => ("payload_too_large", S::PAYLOAD_TOO_LARGE, false, "The body is too large"),
            Self::UnsupportedMediaType => ("unsupported_media_type", S::UNSUPPORTED_MEDIA_TYPE, false, "The body is not of a type that is understood"),
            Self::RateLimited => ("rate_limited", S::TOO_MANY_REQUESTS, true, "There were too many requests"),
            Self::Unavailable => ("unavailable", S::SERVICE_UNAVAILABLE, true, "It cannot be done at the moment"),
            Self::Internal => ("internal", S::INTERNAL_SERVER_ERROR, true, "Something on our side went wrong"),
        };
        Facts { code, status, retryable, title }
    }

    pub const fn as_str(self) -> &'static str {
        self.facts().code
    }
}

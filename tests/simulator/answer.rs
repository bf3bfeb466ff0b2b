//! What `POST /send` can do to a caller, as the word `answer` of a rule.

use serde::Deserialize;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// 200.
    Accept,
    /// 400, `INVALID_NUMBER`.
    Refuse,
    /// 429 with `Retry-After`.
    Throttle,
    /// 500; the message is not sent.
    Fail,
    /// 500, although the message is sent.
    FailAccepted,
    /// The connection is reset before the body was read. Drawn by request, since the number isn't known.
    DropUnread,
    /// The body is read, then the connection closed without an answer; the message is not sent.
    Drop,
    /// The same, although the message is sent.
    DropAccepted,
    /// No answer, and the connection stays open until the caller closes it; the message is not sent.
    Hang,
    /// The same, although the message is sent.
    HangAccepted,
}

/// What becomes of the message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    Accepted,
    Refused,
    Throttled,
    Nothing,
}

/// What becomes of the call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Manner {
    Truth,
    InternalError,
    Reset,
    Close,
    Silence,
}

impl Answer {
    pub fn fate(self) -> Fate {
        match self {
            Self::Accept | Self::FailAccepted | Self::DropAccepted | Self::HangAccepted => {
                Fate::Accepted
            }
            Self::Refuse => Fate::Refused,
            Self::Throttle => Fate::Throttled,
            Self::Fail | Self::DropUnread | Self::Drop | Self::Hang => Fate::Nothing,
        }
    }

    pub fn manner(self) -> Manner {
        match self {
            Self::Accept | Self::Refuse | Self::Throttle => Manner::Truth,
            Self::Fail | Self::FailAccepted => Manner::InternalError,
            Self::DropUnread => Manner::Reset,
            Self::Drop | Self::DropAccepted => Manner::Close,
            Self::Hang | Self::HangAccepted => Manner::Silence,
        }
    }
}

//! What the API's words mean, for people: a label, whether it is good or bad, and what to do about it.

/// How a status is meant, as colour and shape.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tone {
    Quiet,
    Busy,
    Good,
    Warn,
    Bad,
}

impl Tone {
    pub const fn class(self) -> &'static str {
        match self {
            Self::Quiet => "quiet",
            Self::Busy => "busy",
            Self::Good => "good",
            Self::Warn => "warn",
            Self::Bad => "bad",
        }
    }
}

/// A status for people.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Word {
    pub label: &'static str,
    pub tone: Tone,
    /// A sentence.
    pub means: &'static str,
}

const fn word(label: &'static str, tone: Tone, means: &'static str) -> Word {
    Word { label, tone, means }
}

/// Of a campaign.
pub fn campaign(status: &str) -> Word {
    match status {
        "draft" => word(
            "Draft",
            Tone::Quiet,
            "Nothing is sent until you start or schedule it.",
        ),
        "scheduled" => word("Scheduled", Tone::Busy, "It starts by itself at its time."),
        "recurring" => word(
            "Recurring",
            Tone::Busy,
            "Each time becomes a campaign of its own.",
        ),
        "preparing" => word(
            "Preparing",
            Tone::Busy,
            "The audience is read, sorted and checked.",
        ),
        "running" => word("Sending", Tone::Busy, "Messages are leaving."),
        "paused" => word("Paused", Tone::Warn, "Nothing leaves until you resume it."),
        "cancelling" => word(
            "Cancelling",
            Tone::Warn,
            "What has not left is being called off.",
        ),
        "cancelled" => word("Cancelled", Tone::Quiet, "Nothing more is sent."),
        "finished" => word(
            "Finished",
            Tone::Good,
            "Every message has left or ended. Reports may still come in.",
        ),
        "failed" => word("Failed", Tone::Bad, "Nothing of it was sent."),
        _ => word("Unknown", Tone::Quiet, "This status is new to this page."),
    }
}

/// Of a message.
pub fn message(status: &str) -> Word {
    match status {
        "scheduled" => word("Scheduled", Tone::Quiet, "Its time has not come."),
        "queued" => word(
            "Waiting",
            Tone::Quiet,
            "It waits for its turn; the gateway's rate sets the pace.",
        ),
        "held" => word(
            "Held",
            Tone::Warn,
            "It may not go now. It is looked at again by itself.",
        ),
        "sending" => word("Leaving", Tone::Busy, "It is being handed to the gateway."),
        "sent" => word(
            "Sent",
            Tone::Busy,
            "The gateway has it. No report of the phone yet.",
        ),
        "delivered" => word("Delivered", Tone::Good, "The phone has it."),
        "undelivered" => word(
            "Not delivered",
            Tone::Bad,
            "The network could not hand it to the phone.",
        ),
        "failed" => word(
            "Failed",
            Tone::Bad,
            "It was refused, and is not tried again.",
        ),
        "expired" => word(
            "Expired",
            Tone::Warn,
            "It could not leave in time, so it was not sent late.",
        ),
        "suppressed" => word("Not sent", Tone::Quiet, "A rule or an opt-out forbids it."),
        "cancelled" => word(
            "Cancelled",
            Tone::Quiet,
            "The campaign was cancelled before it left.",
        ),
        "unknown" => word(
            "Unclear",
            Tone::Warn,
            "It left and nobody could say what became of it. It is not sent twice.",
        ),
        _ => word("Unknown", Tone::Quiet, "This status is new to this page."),
    }
}

/// Of a message from a handset: what it was read as.
pub fn meaning(meaning: Option<&str>) -> Word {
    match meaning {
        Some("stop") => word(
            "Stop",
            Tone::Warn,
            "They want no more messages; none are sent from then on.",
        ),
        Some("start") => word("Start", Tone::Good, "They want messages again."),
        Some("help") => word("Help", Tone::Busy, "They were told who you are."),
        _ => word("Message", Tone::Quiet, "Somebody should read it."),
    }
}

/// How an opt-out came about.
pub fn opt_out(cause: &str) -> Word {
    match cause {
        "reply" => word("By reply", Tone::Warn, "They wrote so themselves."),
        "link" => word(
            "By link",
            Tone::Warn,
            "They followed the link in a message.",
        ),
        "request" => word(
            "By hand",
            Tone::Quiet,
            "Somebody of yours, or a program, recorded it.",
        ),
        "import" => word(
            "Imported",
            Tone::Quiet,
            "It came with a list of another system.",
        ),
        "erasure" => word(
            "Erased",
            Tone::Quiet,
            "Their data was erased, and so is the number.",
        ),
        _ => word("Unknown", Tone::Quiet, "This cause is new to this page."),
    }
}

/// Of a contact whose number must not be texted.
pub const OPTED_OUT: Word = word("Opted out", Tone::Bad, "Nothing is sent to this number.");

/// Of what somebody asked by the laws of privacy.
pub fn privacy(status: &str) -> Word {
    match status {
        "waiting" => word("Waiting", Tone::Busy, "It begins within a minute."),
        "working" => word(
            "Being looked for",
            Tone::Busy,
            "Every place is gone through.",
        ),
        "second_look" => word(
            "Second look",
            Tone::Busy,
            "All is done; a second time follows, for what was on its way.",
        ),
        _ => word("Done", Tone::Good, "Every place was gone through."),
    }
}

/// Of an export.
pub fn export(status: &str) -> Word {
    match status {
        "queued" => word("Waiting", Tone::Quiet, "It begins in a moment."),
        "running" => word(
            "Being written",
            Tone::Busy,
            "It goes on if you leave this page.",
        ),
        "finished" => word(
            "Ready",
            Tone::Good,
            "Its files can be downloaded for 7 days.",
        ),
        "cancelled" => word(
            "Stopped",
            Tone::Quiet,
            "What was written can't be downloaded.",
        ),
        "failed" => word(
            "Failed",
            Tone::Bad,
            "It could not be written. Ask for it again.",
        ),
        _ => word("Unknown", Tone::Quiet, "This status is new to this page."),
    }
}

/// Of an import of contacts.
pub fn import(status: &str, is_trial: bool) -> Word {
    match status {
        "importing" => word("Reading", Tone::Busy, "The file is read, row by row."),
        "cancelling" => word(
            "Stopping",
            Tone::Warn,
            "The rows on their way are finished.",
        ),
        "done" if is_trial => word("Tried", Tone::Good, "This is what would happen."),
        "done" => word("Done", Tone::Good, "The whole file is read."),
        "failed" => word(
            "Failed",
            Tone::Bad,
            "It stopped on its way. What is counted is done.",
        ),
        "cancelled" => word("Stopped", Tone::Quiet, "What is counted is done."),
        "undoing" => word("Taking back", Tone::Busy, "Contacts become as they were."),
        "undone" => word(
            "Taken back",
            Tone::Quiet,
            "Contacts are as they were before.",
        ),
        _ => word("Unknown", Tone::Quiet, "This status is new to this page."),
    }
}

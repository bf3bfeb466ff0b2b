//! What was done, said once on the page after a form: `?said=paused`. Only these sentences can be said, whatever a link says.

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Flash {
    pub words: &'static str,
}

const SAID: &[(&str, &str)] = &[
    ("added", "Added."),
    (
        "answered",
        "It is on its way. Below you see what becomes of it.",
    ),
    (
        "cancelled",
        "The campaign is cancelled. What had left already can't be called back.",
    ),
    ("deleted", "Deleted."),
    (
        "too-many",
        "There are more opt-outs than one download carries. An export brings them all: ask for it here.",
    ),
    ("discarded", "Discarded. What it was about stays as it is."),
    (
        "consented",
        "Recorded. It can't be changed any more, so that it proves something.",
    ),
    (
        "contact-deleted",
        "The contact is gone. An opt-out of its number stays.",
    ),
    (
        "contact-kept",
        "There was a contact with this number; here it is, with what you typed.",
    ),
    ("contact-made", "Here is the new contact."),
    (
        "drafted",
        "Saved. Nothing is sent yet: look at it once more below.",
    ),
    (
        "duplicated",
        "Here is the copy. Nothing is sent until you start it.",
    ),
    (
        "erasing",
        "It is being erased. From now on nothing is sent to that number.",
    ),
    (
        "event-replayed",
        "Asked for. The replay begins within a minute.",
    ),
    ("event-retried", "They are tried again within a minute."),
    (
        "event-sent",
        "A test event is on its way. It is in the log in a moment: reload the page.",
    ),
    (
        "gathering",
        "It is being gathered. Reload this page in a minute; the file is kept for 7 days.",
    ),
    (
        "export-cancelled",
        "The export is stopped. What was written of it is let go.",
    ),
    (
        "export-made",
        "It is being written. Below you see how far it is; you may leave.",
    ),
    (
        "export-scheduled",
        "It is scheduled. Below you see when the next file is made.",
    ),
    (
        "export-paused",
        "Nothing is made until you resume it. What falls into the pause is left out.",
    ),
    ("export-resumed", "It goes on with its next time."),
    (
        "import-stops",
        "It stops after the rows that are on their way.",
    ),
    (
        "import-undone",
        "It is being taken back. Below you see how far it is.",
    ),
    (
        "invited",
        "Invited. They can sign in with that address now.",
    ),
    ("moved", "Moved. It starts by itself at its new time."),
    ("list-deleted", "The list is gone. Its contacts stay."),
    ("list-made", "Here is the list. Put people onto it below."),
    ("off-list", "Taken off the list. The contact stays."),
    ("opted-in", "Recorded. The number may be texted again."),
    (
        "opted-out",
        "Recorded. From now on nothing is sent to this number.",
    ),
    ("paused", "Paused. Within five seconds nothing more leaves."),
    (
        "retried",
        "Here is the new campaign. It sends what did not get through once more.",
    ),
    ("removed", "Removed. Their sessions are over."),
    ("resumed", "On it goes."),
    (
        "redriven",
        "Sent again. Every check is made anew; what fails again comes back here.",
    ),
    (
        "revoked",
        "Revoked. Whatever still uses the key is refused within a minute.",
    ),
    (
        "role",
        "The role is changed. It counts from the next page they open.",
    ),
    ("saved", "Saved."),
    ("scheduled", "Scheduled. It starts by itself."),
    ("segment-deleted", "The segment is gone. Its contacts stay."),
    (
        "segment-made",
        "Here is the segment, with who is in it now.",
    ),
    (
        "stopped",
        "Stopped. Within five seconds nothing more leaves.",
    ),
    (
        "switched-off",
        "Switched off. What has no other way out waits.",
    ),
    (
        "switched-on",
        "Switched on. It is tried with the next message.",
    ),
    (
        "started",
        "Started. The audience is prepared first, then the first messages leave.",
    ),
    (
        "tested",
        "Sent to your phone. It should arrive within seconds.",
    ),
];

impl Flash {
    pub fn read(query: Option<&str>) -> Option<Self> {
        let query = query.unwrap_or_default();
        let said = query
            .split('&')
            .find_map(|pair| pair.strip_prefix("said="))?;
        let (_, words) = SAID.iter().find(|(code, _)| *code == said)?;
        Some(Self { words })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_our_own_sentences_are_said() {
        assert_eq!(
            Flash::read(Some("page=2&said=saved")),
            Some(Flash { words: "Saved." })
        );
        assert_eq!(Flash::read(Some("said=You+have+won")), None);
        assert_eq!(Flash::read(None), None);
    }
}

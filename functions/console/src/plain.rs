//! What the API refuses, for people who will never see the API: its requests and fields go, what is wrong and the way out stay, and where
//! a page of the console is the way out, that is named.

/// A page that mends it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Way {
    pub path: &'static str,
    pub label: &'static str,
}

/// Of a code of the API.
pub fn way_out(code: &str) -> Option<Way> {
    let (path, label) = match code {
        "no_gateway" => ("/gateways", "Look at your gateways"),
        "no_route" => ("/routes", "Look at your routes"),
        "country_not_allowed" => ("/settings/countries", "Choose countries"),
        "sending_stopped" => ("/settings", "See what is stopped"),
        _ => return None,
    };
    Some(Way { path, label })
}

/// What happened, in a sentence or two. Where the code alone says it, in words of ours.
pub fn words(code: &str, detail: &str) -> String {
    let known = match code {
        "no_gateway" => "Messages leave by a gateway, and none of yours is switched on.",
        "no_route" => {
            "No gateway takes these messages: none of your routes is for this sender and this priority. Add them to a route, or a route for \
             them."
        }
        "sending_stopped" => "Sending is stopped, for the whole account or for this sender.",
        "forbidden_scope" => "Your role doesn't allow this. Ask an owner of the account.",
        "upload_missing" => {
            "The file isn't there: it did not arrive, or was deleted since. Choose it once more."
        }
        "precondition_required" => {
            "Somebody changed it meanwhile. Open it anew, and make your change again."
        }
        "idempotency_key_reused" | "idempotency_in_progress" => {
            "This form was sent before. Open the page anew to see what became of it."
        }
        _ => return without_requests(detail),
    };
    known.to_owned()
}

/// Of a field.
pub fn field(pointer: &str, detail: &str) -> String {
    let known = match pointer {
        "/audience" if detail.starts_with("it names nobody") => {
            "choose at least one list or segment"
        }
        "/policies/spread_over" => {
            "spread it over a minute at least, and over no longer than until it is too late"
        }
        "/policies/valid_for" => "give a minute at least, and seven days at most",
        _ => return without_requests(detail),
    };
    known.to_owned()
}

const METHODS: [&str; 5] = ["`GET ", "`POST ", "`PATCH ", "`PUT ", "`DELETE "];

/// Without the clauses that tell programs what to ask for next.
fn without_requests(detail: &str) -> String {
    let is_for_programs = |clause: &str| METHODS.iter().any(|method| clause.contains(method));
    if !is_for_programs(detail) {
        return detail.to_owned();
    }
    let sentences = detail.split_inclusive(". ").filter_map(|sentence| {
        let clauses: Vec<_> = sentence
            .split("; ")
            .filter(|clause| !is_for_programs(clause))
            .collect();
        (!clauses.is_empty()).then(|| clauses.join("; "))
    });
    let kept: String = sentences.collect();
    let kept = kept.trim();
    if kept.is_empty() {
        return "It can't be done as things are.".to_owned();
    }
    kept.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_programs_are_told_to_ask_for_is_left_out() {
        for (name, detail, expected) in [
            (
                "nothing",
                "The campaign has begun. Pause it instead.",
                "The campaign has begun. Pause it instead.",
            ),
            (
                "a clause",
                "the account doesn't send to numbers of FR; allow it with `PATCH /v1/account`",
                "the account doesn't send to numbers of FR",
            ),
            (
                "a clause in the middle",
                "there is no such template; `GET /v1/templates` lists them; choose another",
                "there is no such template; choose another",
            ),
            (
                "a sentence",
                "Only a draft can be changed. Move a scheduled campaign with `POST …/schedule`, stop one with `POST …/cancel`.",
                "Only a draft can be changed.",
            ),
            (
                "all of it",
                "Ask with `POST /v1/uploads`.",
                "It can't be done as things are.",
            ),
        ] {
            assert_eq!(words("invalid_state", detail), expected, "{name}");
            assert_eq!(field("/text", detail), expected, "{name}");
        }
    }

    #[test]
    fn no_words_of_ours_name_a_request_a_field_or_a_scope() {
        for code in carillon_runtime::problem::Code::ALL {
            let detail = "Do it with `POST /v1/things`, whose `field` needs `things:write`.";

            let said = words(code.as_str(), detail);

            assert!(
                !said.contains('`') && !said.contains("/v1"),
                "{code:?}: {said}"
            );
        }
    }

    #[test]
    fn what_a_page_mends_leads_there() {
        for (code, path) in [
            ("no_gateway", Some("/gateways")),
            ("no_route", Some("/routes")),
            ("country_not_allowed", Some("/settings/countries")),
            ("sending_stopped", Some("/settings")),
            ("invalid_text", None),
        ] {
            assert_eq!(way_out(code).map(|way| way.path), path, "{code}");
        }
    }
}

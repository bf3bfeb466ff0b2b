//! What did not get through, once more: asked first, since it costs money again.

use askama::Template;
use axum::{
    Router,
    extract::{Path, State},
    response::{IntoResponse, Response},
    routing::get,
};
use http::Method;
use serde_json::{Map, Value};

use super::{Campaign, Report, encoded, writes};
use crate::{
    assets,
    console::Console,
    form::Form,
    pages::error::Refused,
    respond::{go, page},
    shell::Shell,
    signed_in::SignedIn,
    ui::{self, Choice},
};

pub fn routes() -> Router<Console> {
    Router::new().route("/campaigns/{id}/retry", get(ask).post(retry))
}

/// How a message can end that may end better, as the API calls it, and what it means.
const ENDS: [(&str, &str, &str); 3] = [
    ("failed", "Failed", "Refused before they reached a network."),
    (
        "undelivered",
        "Not delivered",
        "The network could not hand them to the phone.",
    ),
    ("expired", "Expired", "They could not leave in time."),
];

#[derive(Template)]
#[template(path = "campaign_retry.html")]
struct RetryPage {
    shell: Shell,
    campaign: Campaign,
    ends: Vec<Choice>,
    form: Form,
}

async fn ask(
    State(console): State<Console>,
    who: SignedIn,
    Path(id): Path<String>,
) -> Result<Response, Refused> {
    writes(&who)?;
    let ticked = ENDS.map(|(end, _, _)| ("ends", end));
    retry_page(&console, &who, &id, Form::of(ticked)).await
}

async fn retry_page(
    console: &Console,
    who: &SignedIn,
    id: &str,
    form: Form,
) -> Result<Response, Refused> {
    let path = format!("/v1/campaigns/{}", encoded(id));
    let report = format!("{path}/report");
    let (campaign, report): (Campaign, Report) =
        futures::try_join!(console.get(who, &path), console.get(who, &report))?;
    let ends = ENDS.into_iter().filter(|(end, _, _)| report.of(end) > 0);
    let ends = ends.map(|(end, label, hint)| {
        let label = format!("{label}: {}", ui::count(report.of(end)));
        Choice::new(end, label).hint(hint)
    });
    let status = form.status();
    let shown = page(&RetryPage {
        shell: who.shell("Send again what failed", "/campaigns"),
        campaign,
        ends: ends.collect(),
        form,
    });
    Ok((status, shown).into_response())
}

async fn retry(
    State(console): State<Console>,
    who: SignedIn,
    Path(id): Path<String>,
    mut form: Form,
) -> Result<Response, Refused> {
    let path = format!("/v1/campaigns/{}/retry-failed", encoded(&id));
    let Some(body) = asked(&form) else {
        form.refuse("ends", "Choose at least one.");
        return retry_page(&console, &who, &id, form).await;
    };
    let ask = console.ask(&who, Method::POST, &path).json(&body);
    match ask.answer::<Campaign>().await {
        Ok(made) => Ok(go(&format!("/campaigns/{}?said=retried", made.id))),
        Err(refused) if refused.belongs_to_form() => {
            let form = form.refused_by(&refused, &[("/statuses", "ends")]);
            retry_page(&console, &who, &id, form).await
        }
        Err(refused) => Err(refused),
    }
}

/// All that there were are all there are: a campaign is retried once, and whoever asks again asks for the same.
fn asked(form: &Form) -> Option<Value> {
    let chosen: Vec<&str> = form.all("ends").collect();
    let offered = form.all("offered").count();
    if chosen.is_empty() {
        return None;
    }
    let mut body = Map::new();
    if chosen.len() < offered {
        body.insert("statuses".to_owned(), chosen.into());
    }
    Some(body.into())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn all_that_there_were_are_all_there_are() {
        let offered = [("offered", "failed"), ("offered", "undelivered")];
        for (name, chosen, expected) in [
            ("none", vec![], None),
            ("all", vec!["failed", "undelivered"], Some(json!({}))),
            (
                "some",
                vec!["failed"],
                Some(json!({"statuses": ["failed"]})),
            ),
        ] {
            let chosen = chosen.into_iter().map(|end| ("ends", end));
            let form = Form::of(offered.into_iter().chain(chosen));

            assert_eq!(asked(&form), expected, "{name}");
        }
    }
}

//! Campaigns beside each other.

use askama::Template;
use axum::{
    Router,
    extract::{RawQuery, State},
    response::Response,
    routing::get,
};
use serde::Deserialize;

use super::{
    Named, PATH,
    figures::{Figures, Latency},
};
use crate::{
    ask::Listed,
    assets,
    console::Console,
    form::Form,
    pages::error::Refused,
    path,
    respond::page,
    shell::Shell,
    signed_in::SignedIn,
    ui::{self, Choice},
};

/// Campaigns that can be compared.
const COMPARED: usize = 10;

pub fn routes() -> Router<Console> {
    Router::new().route("/reports/compare", get(compare))
}

#[derive(Debug, Deserialize)]
struct Comparison {
    campaigns: Vec<Compared>,
}

#[derive(Debug, Deserialize)]
struct Compared {
    campaign: String,
    name: String,
    #[serde(flatten)]
    figures: Figures,
    latency: Latency,
}

#[derive(Template)]
#[template(path = "reports_compare.html")]
struct ComparePage {
    shell: Shell,
    campaigns: Vec<Choice>,
    chosen: Form,
    compared: Vec<Compared>,
    best: Option<String>,
}

async fn compare(
    State(console): State<Console>,
    who: SignedIn,
    RawQuery(query): RawQuery,
) -> Result<Response, Refused> {
    let mut chosen = Form::parse(query.unwrap_or_default().as_bytes());
    let listed: Listed<Named> = console.get(&who, "/v1/campaigns?limit=50").await?;
    let begun = listed
        .data
        .into_iter()
        .filter(|it| !matches!(it.status.as_str(), "draft" | "scheduled" | "recurring"));
    let campaigns = begun.map(|it| Choice::new(it.id, it.name)).collect();
    let ids: Vec<String> = chosen.all("c").map(str::to_owned).collect();
    if ids.len() > COMPARED {
        chosen.refuse("c", "Ten campaigns at most fit beside each other.");
    }
    let compared = if ids.is_empty() || chosen.is_refused() {
        Vec::new()
    } else {
        let ids = ids.join(",");
        let path = path::with("/v1/reports/compare", &[("campaigns", &ids)]);
        let Comparison { campaigns } = console.get(&who, &path).await?;
        campaigns
    };
    Ok(page(&ComparePage {
        shell: who.shell("Compare campaigns", PATH),
        campaigns,
        chosen,
        best: best(&compared),
        compared,
    }))
}

/// A sentence on which did best, where there is something to compare.
fn best(compared: &[Compared]) -> Option<String> {
    let share = |it: &Compared| (it.figures.delivered * 1_000).checked_div(it.figures.sent);
    let with_some = compared.iter().filter(|it| it.figures.sent > 0);
    let first = with_some.clone().max_by_key(|it| share(it))?;
    let last = with_some.min_by_key(|it| share(it))?;
    (share(first) > share(last)).then(|| {
        format!(
            "{} arrived best: {} were delivered, of {} {}.",
            first.name,
            first.figures.rate(),
            last.name,
            last.figures.rate()
        )
    })
}

#[cfg(test)]
mod tests {
    use super::{super::figures::tests::figures, *};

    #[test]
    fn the_best_of_several_campaigns_is_named_and_of_equals_none() {
        let of = |name: &str, delivered| Compared {
            campaign: String::new(),
            name: name.to_owned(),
            figures: figures(delivered, 100),
            latency: Latency {
                deliveries: 0,
                p50: None,
                p90: None,
                p99: None,
            },
        };

        let said = best(&[of("Spring", 90), of("Autumn", 97)]);

        let expected = "Autumn arrived best: 97.0% were delivered, of Spring 90.0%.";
        assert_eq!(said.as_deref(), Some(expected));
        assert_eq!(best(&[of("Spring", 90), of("Autumn", 90)]), None);
        assert_eq!(best(&[]), None);
    }
}

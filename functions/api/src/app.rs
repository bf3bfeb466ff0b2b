//! The routes, with what is around all of them: a limit of the body's size, problems as answers, and how the caller stands.

use axum::{
    Router,
    extract::DefaultBodyLimit,
    middleware,
    response::{IntoResponse, Response},
};
use carillon_runtime::{
    input::MAX_BODY,
    problem::{Code, Problem, Rendering, render},
    quota,
};
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    openapi,
    routes::{
        account, audit, batches, campaigns, clicks, consents, contacts, days, dead_letters,
        erasures, export_schedules, exports, gateways, imports, inbound, keys, lake, lists,
        members, messages, meta, number_reports, opt_ins, reports, routes, rules, segments,
        senders, suppressions, templates, uploads, webhooks,
    },
    services::Api,
};

pub fn router(api: Api) -> Router {
    let public_url = api.settings.public_url.clone();
    let (router, document) = described().split_for_parts();
    let document = openapi::complete(document, &public_url);
    router
        .merge(meta::document(&document))
        .fallback(nowhere)
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .layer(middleware::from_fn_with_state(
            Rendering { public_url },
            render,
        ))
        .layer(middleware::from_fn(quota::tell))
        .with_state(api)
}

/// Every route with its description.
#[expect(clippy::too_many_lines, reason = "a line for each route")]
pub fn described() -> OpenApiRouter<Api> {
    OpenApiRouter::with_openapi(openapi::head())
        .routes(routes!(messages::send))
        .routes(routes!(messages::search))
        .routes(routes!(messages::get))
        .routes(routes!(batches::list))
        .routes(routes!(batches::get))
        .routes(routes!(batches::pause))
        .routes(routes!(batches::resume))
        .routes(routes!(batches::cancel))
        .routes(routes!(batches::report))
        .routes(routes!(batches::timeline))
        .routes(routes!(batches::messages))
        .routes(routes!(clicks::links_of_batch))
        .routes(routes!(clicks::clicks_of_batch))
        .routes(routes!(campaigns::draft::create, campaigns::list))
        .routes(routes!(
            campaigns::get,
            campaigns::draft::patch,
            campaigns::draft::delete
        ))
        .routes(routes!(campaigns::preview::preview))
        .routes(routes!(campaigns::estimate::estimate))
        .routes(routes!(campaigns::preview::test))
        .routes(routes!(campaigns::start::start))
        .routes(routes!(campaigns::start::schedule))
        .routes(routes!(campaigns::control::pause))
        .routes(routes!(campaigns::control::resume))
        .routes(routes!(campaigns::control::cancel))
        .routes(routes!(campaigns::retry::retry_failed))
        .routes(routes!(campaigns::recurring::list))
        .routes(routes!(campaigns::recurring::skip))
        .routes(routes!(campaigns::results::report))
        .routes(routes!(campaigns::results::timeline))
        .routes(routes!(campaigns::results::messages))
        .routes(routes!(clicks::links_of_campaign))
        .routes(routes!(clicks::clicks_of_campaign))
        .routes(routes!(contacts::upsert::upsert, contacts::list))
        .routes(routes!(contacts::upsert::batch))
        .routes(routes!(
            contacts::get,
            contacts::change::patch,
            contacts::change::delete
        ))
        .routes(routes!(contacts::change::merge))
        .routes(routes!(consents::record))
        .routes(routes!(consents::search))
        .routes(routes!(imports::create::create, imports::list))
        .routes(routes!(imports::preview::preview))
        .routes(routes!(imports::get))
        .routes(routes!(imports::cancel))
        .routes(routes!(imports::undo))
        .routes(routes!(imports::rejected))
        .routes(routes!(opt_ins::ask))
        .routes(routes!(lists::create, lists::list))
        .routes(routes!(lists::get, lists::patch, lists::delete))
        .routes(routes!(lists::members::change))
        .routes(routes!(segments::create, segments::list))
        .routes(routes!(segments::check))
        .routes(routes!(segments::get, segments::patch, segments::delete))
        .routes(routes!(segments::count::count))
        .routes(routes!(templates::create, templates::list))
        .routes(routes!(templates::get, templates::patch, templates::delete))
        .routes(routes!(templates::versions))
        .routes(routes!(templates::preview::of_text))
        .routes(routes!(templates::preview::of_template))
        .routes(routes!(exports::create, exports::list))
        .routes(routes!(exports::get))
        .routes(routes!(exports::cancel))
        .routes(routes!(exports::download))
        .routes(routes!(export_schedules::create, export_schedules::list))
        .routes(routes!(
            export_schedules::get,
            export_schedules::patch,
            export_schedules::delete
        ))
        .routes(routes!(lake::get, lake::patch))
        .routes(routes!(reports::report))
        .routes(routes!(days::days))
        .routes(routes!(reports::compare))
        .routes(routes!(reports::of_batch))
        .routes(routes!(uploads::create))
        .routes(routes!(uploads::get))
        .routes(routes!(uploads::look::look))
        .routes(routes!(gateways::create::create, gateways::list))
        .routes(routes!(gateways::get, gateways::change::patch))
        .routes(routes!(gateways::test::test))
        .routes(routes!(senders::create, senders::list))
        .routes(routes!(senders::get, senders::patch, senders::delete))
        .routes(routes!(routes::create, routes::list))
        .routes(routes!(routes::get, routes::patch, routes::delete))
        .routes(routes!(routes::explain::explain))
        .routes(routes!(inbound::list))
        .routes(routes!(inbound::search))
        .routes(routes!(keys::create, keys::list))
        .routes(routes!(keys::revoke))
        .routes(routes!(members::invite, members::list))
        .routes(routes!(members::patch, members::remove))
        .routes(routes!(members::alerts::put))
        .routes(routes!(account::get, account::patch))
        .routes(routes!(account::replies::get, account::replies::patch))
        .routes(routes!(suppressions::list, suppressions::add))
        .routes(routes!(suppressions::search))
        .routes(routes!(suppressions::remove))
        .routes(routes!(suppressions::import::import))
        .routes(routes!(suppressions::export::export))
        .routes(routes!(erasures::create, erasures::list))
        .routes(routes!(erasures::get))
        .routes(routes!(number_reports::create, number_reports::list))
        .routes(routes!(number_reports::get))
        .routes(routes!(number_reports::download))
        .routes(routes!(audit::list))
        .routes(routes!(dead_letters::list))
        .routes(routes!(dead_letters::redrive))
        .routes(routes!(dead_letters::discard))
        .routes(routes!(rules::list))
        .routes(routes!(rules::get))
        .routes(routes!(webhooks::create, webhooks::list))
        .routes(routes!(webhooks::get, webhooks::patch, webhooks::delete))
        .routes(routes!(webhooks::rotate))
        .routes(routes!(webhooks::test))
        .routes(routes!(webhooks::deliveries))
        .routes(routes!(webhooks::retry))
        .routes(routes!(webhooks::replay, webhooks::replays))
        .routes(routes!(meta::problems))
        .routes(routes!(meta::problem))
}

async fn nowhere() -> Response {
    let detail = "There is nothing at this path. `GET /v1/openapi.json` lists what there is.";
    Problem::new(Code::NotFound, detail).into_response()
}

//! The pages: one file each, with its routes and its template of the same name.

pub mod audit;
pub mod campaign;
pub mod campaigns;
pub mod compose;
pub mod contact;
pub mod contacts;
pub mod error;
pub mod export_schedules;
pub mod exports;
pub mod gateway;
pub mod gateways;
pub mod imports;
pub mod inbox;
pub mod keys;
pub mod letters;
pub mod lists;
pub mod members;
pub mod opt_outs;
pub mod overview;
pub mod privacy;
pub mod reports;
pub mod routes;
pub mod segments;
pub mod senders;
pub mod settings;
pub mod start;
pub mod templates;
pub mod webhooks;

use axum::Router;

use crate::console::Console;

pub fn routes() -> Router<Console> {
    Router::new()
        .merge(overview::routes())
        .merge(campaigns::routes())
        .merge(campaign::routes())
        .merge(compose::routes())
        .merge(contacts::routes())
        .merge(contact::routes())
        .merge(lists::routes())
        .merge(segments::routes())
        .merge(imports::routes())
        .merge(opt_outs::routes())
        .merge(inbox::routes())
        .merge(reports::routes())
        .merge(exports::routes())
        .merge(export_schedules::routes())
        .merge(start::routes())
        .merge(templates::routes())
        .merge(gateways::routes())
        .merge(gateway::routes())
        .merge(routes::routes())
        .merge(senders::routes())
        .merge(keys::routes())
        .merge(webhooks::routes())
        .merge(members::routes())
        .merge(settings::routes())
        .merge(privacy::routes())
        .merge(letters::routes())
        .merge(audit::routes())
}

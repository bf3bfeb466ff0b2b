//! Carillon as its users see it: HTTP only, against the deployed local stack. Each test has an account and a gateway of its own.

mod account;
mod allowed;
mod api_keys;
mod bad_input;
mod campaigns;
mod contacts;
mod dead_letters;
mod doubt;
mod drafts;
mod exports;
mod failover;
mod gateways;
mod imports;
mod kannel;
mod messages;
mod opt_outs;
mod quotas;
mod recurring;
mod retry;
mod retry_failed;
mod routing;
mod schedules;
mod templates;
mod tenants;
mod uploads;
mod webhooks;

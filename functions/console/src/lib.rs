//! The web console: pages made on the server, for members of accounts. It acts through the API's own router, in its own process.

mod app;
mod ask;
mod assets;
mod chart;
mod confirm;
mod console;
mod cookie;
mod countries;
mod flash;
mod form;
mod gateway_kinds;
mod guard;
mod money;
mod nav;
mod oidc;
mod pages;
mod path;
mod people;
mod plain;
mod planned;
mod respond;
mod rules;
mod scopes;
mod shell;
mod sign_in;
mod signed_in;
mod thread;
mod ui;
mod words;

pub use crate::{app::router, console::Console};

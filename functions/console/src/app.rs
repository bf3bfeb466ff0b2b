//! The routes, with what is around all of them. A page's own routes stand in its file.

use axum::{Router, middleware, routing::get};

use crate::{assets, console::Console, guard, pages, respond, sign_in};

pub fn router(console: Console) -> Router {
    let inside = pages::routes()
        .merge(sign_in::routes_inside())
        .fallback(pages::error::nowhere)
        .method_not_allowed_fallback(pages::error::not_so)
        .layer(middleware::from_fn_with_state(
            console.clone(),
            guard::admit,
        ));
    Router::new()
        .merge(sign_in::routes_outside())
        .route("/assets/{name}", get(assets::get))
        .merge(inside)
        .layer(middleware::from_fn_with_state(
            console.clone(),
            guard::same_origin,
        ))
        .layer(middleware::from_fn(respond::finish))
        .with_state(console)
}

//! An SMS gateway on loopback that accepts messages over HTTP, posts signed receipts, misbehaves on request (`rules`), and
//! remembers what it got for whom (`truth`), so that a test can prove that nobody got a message twice.
//!
//! - `POST /send`, `Authorization: Bearer <token>`,
//!   `{"to", "from", "text", "id", "callback"?, "parts"?}` -> 200 `{"status": "ok", "id": "sim-…"}`, or 400
//!   `{"status": "error", "code": "INVALID_NUMBER"}`, or whatever the rules say.
//! - `GET /message?id=…`: 200 `{"status": "ok", "id": "sim-…", "state": "DELIVRD"}`, or 404.
//! - Receipts go to `callback`: `{"id", "ref", "status", "error", "time"}`, with `X-Timestamp` (unix seconds) and
//!   `X-Signature`, the hex HMAC-SHA256 of `<timestamp>.<raw body>` with the secret; five tries over 21 seconds.
//! - `POST /_sim/rules`, `POST /_sim/reset`, `GET /_sim/summary`, `GET /_sim/recipients`, `GET /_sim/arrivals`.

mod answer;
mod arguments;
mod chance;
mod post;
mod receipt;
mod reply;
mod routes;
mod rules;
mod server;
mod state;
mod submit;
mod truth;

use std::net::Ipv4Addr;
use std::process::ExitCode;
use std::sync::Arc;

use arguments::{Arguments, USAGE};
use state::Simulator;
use tokio::net::TcpListener;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let arguments = match Arguments::parse(std::env::args().skip(1)) {
        Ok(arguments) => arguments,
        Err(wrong) => {
            eprintln!("{wrong}\n{USAGE}");
            return ExitCode::from(2);
        }
    };
    match run(&arguments).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let port = arguments.port;
            eprintln!("gateway-simulator can't listen on 127.0.0.1:{port}: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(arguments: &Arguments) -> std::io::Result<()> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, arguments.port)).await?;
    println!(
        "gateway-simulator listening on http://{}",
        listener.local_addr()?
    );
    let serving = server::serve(listener, Arc::new(Simulator::new(arguments)));
    match arguments.lifetime {
        None => serving.await,
        // Running out of time is how it is meant to end.
        Some(lifetime) => tokio::time::timeout(lifetime, serving).await.unwrap_or(()),
    }
    Ok(())
}

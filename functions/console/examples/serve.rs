//! The console on a port, for whoever works on a page: `infra/local/serve_console.py` starts it.

use std::{env::args, net::Ipv4Addr};

use tokio::net::TcpListener;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    carillon_runtime::logs::init("carillon_console");
    let port = args().nth(1).and_then(|port| port.parse().ok());
    let port = port.ok_or("say on which port")?;
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await?;
    let router = carillon_console::router(carillon_console::Console::from_environment().await?);
    axum::serve(listener, router).await?;
    Ok(())
}

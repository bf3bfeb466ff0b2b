//! Connections by hand, below any framework, so that an answer can be a closed or a reset connection.

use std::future::poll_fn;
use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};

use crate::routes;
use crate::state::Simulator;

/// Ends a connection in place of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hangup {
    /// FIN: the caller reads an end where an answer should be.
    Close,
    /// RST: what was under way in either direction is gone.
    Reset,
}

impl std::fmt::Display for Hangup {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("hung up on purpose")
    }
}

impl std::error::Error for Hangup {}

pub async fn serve(listener: TcpListener, simulator: Arc<Simulator>) {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                #[expect(
                    clippy::disallowed_methods,
                    reason = "a server that lives on, not a function"
                )]
                tokio::spawn(connection(stream, Arc::clone(&simulator)));
            }
            Err(error) => {
                // No file descriptors left, or a caller that gave up: the next one may be luckier.
                eprintln!("gateway-simulator could not accept a connection: {error}");
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
    }
}

async fn connection(stream: TcpStream, simulator: Arc<Simulator>) {
    if let Err(error) = stream.set_nodelay(true) {
        eprintln!("gateway-simulator goes on without TCP_NODELAY: {error}");
    }
    let service = service_fn(|request| Box::pin(routes::answer(Arc::clone(&simulator), request)));
    let mut connection = http1::Builder::new().serve_connection(TokioIo::new(stream), service);

    let end = poll_fn(|context| connection.poll_without_shutdown(context)).await;

    let stream = connection.into_parts().io.into_inner();
    if end.is_err_and(|error| hangup(&error) == Some(Hangup::Reset))
        && let Err(error) = stream.set_zero_linger()
    {
        eprintln!("gateway-simulator closed a connection that it should have reset: {error}");
    }
}

fn hangup(error: &hyper::Error) -> Option<Hangup> {
    let cause = std::error::Error::source(error)?;
    cause.downcast_ref().copied()
}

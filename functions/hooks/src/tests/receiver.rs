//! A receiver of webhooks on the loopback that answers as it is told, well or badly, and keeps what came.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use carillon_core::id::EventId;
use jiff::Timestamp;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    task::AbortHandle,
};

#[derive(Debug, Clone, Copy)]
pub enum Says {
    Status(u16),
    RetryAfter(u16, u32),
    Redirect(&'static str),
    /// Reads, and never answers.
    Nothing,
    /// A header, byte by byte.
    SlowHeaders,
    EndlessHeaders,
    /// 200, and a body that never ends.
    HugeBody,
    /// 200, and a body byte by byte.
    SlowBody,
    Close,
    Garbage,
}

#[derive(Debug, Clone)]
pub struct Call {
    pub came: Timestamp,
    pub body: Vec<u8>,
    /// Whether it was answered 2xx.
    taken: bool,
    head: String,
}

impl Call {
    pub fn header(&self, name: &str) -> String {
        let lines = self.head.lines().filter_map(|line| line.split_once(": "));
        let mut values = lines.filter(|(given, _)| given.eq_ignore_ascii_case(name));
        let (_, value) = values.next().unwrap_or_else(|| panic!("no `{name}`"));
        value.to_owned()
    }

    pub fn id(&self) -> EventId {
        self.header("webhook-id").parse().unwrap()
    }

    pub fn at(&self) -> Timestamp {
        let seconds = self.header("webhook-timestamp").parse().unwrap();
        Timestamp::from_second(seconds).unwrap()
    }

    /// The events in it, one or many.
    fn events(&self) -> Vec<EventId> {
        let body: serde_json::Value = serde_json::from_slice(&self.body).unwrap();
        let many = body["data"]["events"].as_array().cloned();
        let id = |event: &serde_json::Value| event["id"].as_str().unwrap().parse().unwrap();
        many.unwrap_or_else(|| vec![body.clone()])
            .iter()
            .map(id)
            .collect()
    }
}

pub struct Receiver {
    port: u16,
    shared: Arc<Shared>,
    serving: AbortHandle,
}

struct Shared {
    says: Mutex<Says>,
    calls: Mutex<Vec<Call>>,
    sent: AtomicUsize,
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

impl Receiver {
    pub async fn start(says: Says) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let shared = Arc::new(Shared {
            says: Mutex::new(says),
            calls: Mutex::default(),
            sent: AtomicUsize::new(0),
        });
        let serving = spawn(serve(listener, shared.clone()));
        Self {
            port,
            shared,
            serving,
        }
    }

    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}/hooks?of=test", self.port)
    }

    pub const fn port(&self) -> u16 {
        self.port
    }

    pub fn says(&self, says: Says) {
        *self.shared.says.lock().unwrap() = says;
    }

    pub fn calls(&self) -> Vec<Call> {
        self.shared.calls.lock().unwrap().clone()
    }

    /// The ids of all calls, sorted.
    pub fn ids(&self) -> Vec<EventId> {
        let mut ids: Vec<_> = self.calls().iter().map(Call::id).collect();
        ids.sort();
        ids
    }

    /// The events of the calls that it took, sorted.
    pub fn taken(&self) -> Vec<EventId> {
        let calls = self.calls().into_iter().filter(|call| call.taken);
        let mut ids: Vec<_> = calls.flat_map(|call| call.events()).collect();
        ids.sort();
        ids
    }

    pub fn sent_at_most(&self, bytes: usize) -> bool {
        self.shared.sent.load(Ordering::SeqCst) <= bytes
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "a server of a test, ended with it"
)]
fn spawn(work: impl Future<Output = ()> + Send + 'static) -> AbortHandle {
    tokio::spawn(work).abort_handle()
}

async fn serve(listener: TcpListener, shared: Arc<Shared>) {
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        let shared = shared.clone();
        spawn(async move {
            // Whoever hangs up has its reasons.
            converse(stream, &shared).await.unwrap_or_default();
        });
    }
}

async fn converse(mut stream: TcpStream, shared: &Shared) -> std::io::Result<()> {
    loop {
        let Some((head, body)) = read(&mut stream).await? else {
            return Ok(());
        };
        let says = *shared.says.lock().unwrap();
        let taken = matches!(
            says,
            Says::Status(200..=299) | Says::HugeBody | Says::SlowBody
        );
        let came = Timestamp::now();
        let call = Call {
            came,
            body,
            taken,
            head,
        };
        shared.calls.lock().unwrap().push(call);
        answer(&mut stream, says, shared).await?;
    }
}

async fn read(stream: &mut TcpStream) -> std::io::Result<Option<(String, Vec<u8>)>> {
    let mut bytes = Vec::new();
    let end = loop {
        if let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            break end + 4;
        }
        if stream.read_buf(&mut bytes).await? == 0 {
            return Ok(None);
        }
    };
    let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
    let lengths = head.lines().filter_map(|line| line.split_once(": "));
    let mut lengths = lengths.filter(|(name, _)| name.eq_ignore_ascii_case("content-length"));
    let length: usize = lengths
        .next()
        .map_or(0, |(_, value)| value.parse().unwrap());
    let mut body = bytes.split_off(end);
    while body.len() < length {
        if stream.read_buf(&mut body).await? == 0 {
            return Ok(None);
        }
    }
    Ok(Some((head, body)))
}

async fn answer(stream: &mut TcpStream, says: Says, shared: &Shared) -> std::io::Result<()> {
    let mut whole = async |text: String| stream.write_all(text.as_bytes()).await;
    match says {
        Says::Status(204) => whole("HTTP/1.1 204 No Content\r\n\r\n".to_owned()).await,
        Says::Status(status) => {
            whole(format!(
                "HTTP/1.1 {status} X\r\ncontent-length: 2\r\n\r\nok"
            ))
            .await
        }
        Says::RetryAfter(status, after) => {
            whole(format!(
                "HTTP/1.1 {status} X\r\nretry-after: {after}\r\ncontent-length: 0\r\n\r\n"
            ))
            .await
        }
        Says::Redirect(to) => {
            whole(format!(
                "HTTP/1.1 302 Found\r\nlocation: {to}\r\ncontent-length: 0\r\n\r\n"
            ))
            .await
        }
        Says::Nothing => {
            tokio::time::sleep(Duration::from_mins(1)).await;
            Ok(())
        }
        Says::SlowHeaders => drip(stream, "HTTP/1.1 200 OK\r\nx: ").await,
        Says::SlowBody => drip(stream, "HTTP/1.1 200 OK\r\ncontent-length: 100000\r\n\r\n").await,
        Says::EndlessHeaders => {
            flood(
                stream,
                "HTTP/1.1 200 OK\r\n",
                "x: yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy\r\n",
                shared,
            )
            .await
        }
        Says::HugeBody => {
            flood(
                stream,
                "HTTP/1.1 200 OK\r\ncontent-length: 10000000000\r\n\r\n",
                "0123456789",
                shared,
            )
            .await
        }
        Says::Close => Err(std::io::ErrorKind::ConnectionAborted.into()),
        Says::Garbage => {
            whole("220 mail.example.net ESMTP\r\n\r\n".to_owned()).await?;
            Err(std::io::ErrorKind::ConnectionAborted.into())
        }
    }
}

async fn drip(stream: &mut TcpStream, first: &str) -> std::io::Result<()> {
    stream.write_all(first.as_bytes()).await?;
    for _ in 0..600 {
        stream.write_all(b"y").await?;
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    Ok(())
}

async fn flood(
    stream: &mut TcpStream,
    first: &str,
    then: &str,
    shared: &Shared,
) -> std::io::Result<()> {
    stream.write_all(first.as_bytes()).await?;
    let many = then.repeat(1_000);
    loop {
        stream.write_all(many.as_bytes()).await?;
        shared.sent.fetch_add(many.len(), Ordering::SeqCst);
    }
}

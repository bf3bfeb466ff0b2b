use std::{
    error::Error,
    io::{Read, Write},
    iter::successors,
    net::{Shutdown, SocketAddr, TcpListener, TcpStream},
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use http::StatusCode;

use super::*;

type Serve = fn(&mut TcpStream);

/// A server for one connection, on a port of its own. What it returns is what it read.
fn server(serve: impl FnOnce(&mut TcpStream) + Send + 'static) -> (SocketAddr, JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let thread = thread::spawn(move || serve(&mut listener.accept().unwrap().0));
    (address, thread)
}

/// Reads a request of `BODY` to its end.
fn read_all(stream: &mut TcpStream) -> String {
    let mut read = String::new();
    let mut buffer = [0; 1024];
    while !read.ends_with(BODY) {
        let length = stream.read(&mut buffer).unwrap();
        assert!(length > 0, "the caller hung up after: {read}");
        read.push_str(std::str::from_utf8(&buffer[..length]).unwrap());
    }
    read
}

const BODY: &str = r#"{"to":"+447700900123"}"#;

fn dialer(allowed: &str) -> Dialer {
    Dialer::new(Guard::new(allowed.parse().unwrap())).unwrap()
}

fn post(url: &str) -> Request<Bytes> {
    Request::post(url)
        .header("x-test", "1")
        .body(Bytes::from(BODY))
        .unwrap()
}

#[tokio::test]
async fn an_answer_comes_back_whole() {
    let (address, thread) = server(|stream| {
        let request = read_all(stream);
        assert!(
            request.starts_with("POST /send?a=%20b HTTP/1.1\r\n"),
            "{request}"
        );
        assert!(request.contains("x-test: 1\r\n"), "{request}");
        assert!(request.contains("content-length: 22\r\n"), "{request}");
        stream
            .write_all(b"HTTP/1.1 429 Slow\r\nretry-after: 7\r\ncontent-length: 4\r\n\r\nwait")
            .unwrap();
    });

    let answer = dialer("127.0.0.1")
        .submit(post(&format!("http://{address}/send?a=%20b")))
        .await
        .unwrap();

    assert_eq!(answer.status, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(answer.header("retry-after"), Some("7"));
    assert_eq!(answer.body, "wait");
    thread.join().unwrap();
}

#[tokio::test]
async fn a_redirect_is_an_answer_and_not_followed() {
    let (elsewhere, second) = server(|_| panic!("the redirect was followed"));
    let (address, first) = server(move |stream| {
        read_all(stream);
        let answer = format!(
            "HTTP/1.1 307 There\r\nlocation: http://{elsewhere}/\r\ncontent-length: 0\r\n\r\n"
        );
        stream.write_all(answer.as_bytes()).unwrap();
    });

    let answer = dialer("127.0.0.1")
        .submit(post(&format!("http://{address}/")))
        .await
        .unwrap();

    assert_eq!(answer.status, StatusCode::TEMPORARY_REDIRECT);
    first.join().unwrap();
    assert!(!second.is_finished());
}

#[tokio::test]
async fn a_refused_connection_is_not_sent() {
    let unused = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();

    let failure = dialer("127.0.0.1")
        .submit(post(&format!("http://{unused}/")))
        .await
        .unwrap_err();

    assert!(
        matches!(failure, Failure::NotSent(NotSent::Connect(_))),
        "{failure:?}"
    );
    assert_eq!(failure.outcome(), Outcome::Unavailable);
}

#[tokio::test]
async fn a_failed_handshake_is_not_sent() {
    let cases: [(&str, Serve); 3] = [
        ("no TLS", |stream| {
            stream.write_all(b"this is no TLS").unwrap();
        }),
        ("cut off", |stream| {
            // A part of what the caller begins with, so that closing resets the connection.
            stream.read_exact(&mut [0; 10]).unwrap();
        }),
        ("never answered", |stream| {
            stream.read_exact(&mut [0; 10]).unwrap();
            thread::sleep(CONNECT_TIMEOUT + Duration::from_secs(1));
        }),
    ];
    for (name, serve) in cases {
        let (address, thread) = server(serve);

        let failure = dialer("127.0.0.1")
            .submit(post(&format!("https://{address}/")))
            .await
            .unwrap_err();

        assert!(
            matches!(failure, Failure::NotSent(NotSent::Connect(_))),
            "{name}: {failure:?}"
        );
        assert_eq!(failure.outcome(), Outcome::Unavailable, "{name}");
        thread.join().unwrap();
    }
}

#[tokio::test]
async fn whatever_ends_after_the_connection_was_made_is_doubt() {
    let cases: [(&str, Serve); 7] = [
        // Nobody knows how far the request came.
        ("closed unread", |_| {}),
        ("half-closed", |stream| {
            stream.shutdown(Shutdown::Write).unwrap();
            stream.read_to_end(&mut Vec::new()).ok();
        }),
        ("closed", |stream| drop(read_all(stream))),
        // Closing with bytes unread resets the connection.
        ("reset", |stream| stream.read_exact(&mut [0; 10]).unwrap()),
        ("garbage", |stream| {
            read_all(stream);
            stream.write_all(b"SMTP 1.0 hello\r\n\r\n").unwrap();
        }),
        ("cut off in its head", |stream| {
            read_all(stream);
            stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-le").unwrap();
        }),
        ("cut off in its body", |stream| {
            read_all(stream);
            stream
                .write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 90\r\n\r\n{\"status\"")
                .unwrap();
        }),
    ];
    for (name, serve) in cases {
        let (address, thread) = server(serve);

        let failure = dialer("127.0.0.1")
            .submit(post(&format!("http://{address}/")))
            .await
            .unwrap_err();

        assert!(matches!(failure, Failure::Doubt(_)), "{name}: {failure:?}");
        assert_eq!(failure.outcome(), Outcome::Doubt, "{name}");
        thread.join().unwrap();
    }
}

#[tokio::test]
async fn a_body_of_which_a_part_left_is_doubt() {
    let (address, thread) = server(|stream| stream.read_exact(&mut [0; 1_000]).unwrap());
    let mut request = post(&format!("http://{address}/"));
    *request.body_mut() = vec![b'x'; 20_000_000].into();

    let failure = dialer("127.0.0.1").submit(request).await.unwrap_err();

    assert!(matches!(failure, Failure::Doubt(_)), "{failure:?}");
    thread.join().unwrap();
}

#[tokio::test]
async fn a_connection_that_was_closed_in_between_is_not_used_again() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let thread = thread::spawn(move || {
        for _ in 0..2 {
            let mut stream = listener.accept().unwrap().0;
            read_all(&mut stream);
            stream
                .write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}")
                .unwrap();
        }
    });
    let dialer = dialer("127.0.0.1");

    for _ in 0..2 {
        let answer = dialer
            .submit(post(&format!("http://{address}/")))
            .await
            .unwrap();
        assert_eq!(answer.body, "{}");
        // The other side's close is seen.
        tokio::time::sleep(Duration::from_millis(100)).await;
    }

    thread.join().unwrap();
}

#[tokio::test]
async fn a_gateway_that_never_answers_is_doubt() {
    let (address, _) = server(|stream| {
        read_all(stream);
        // Until the test ends.
        thread::park();
    });
    let mut request = post(&format!("http://{address}/"));
    request
        .extensions_mut()
        .insert(CallTimeout(Duration::from_millis(100)));
    let began = Instant::now();

    let failure = dialer("127.0.0.1").submit(request).await.unwrap_err();

    assert!(matches!(failure, Failure::Doubt(_)), "{failure:?}");
    assert!(
        began.elapsed() < CALL_TIMEOUT,
        "the request's own timeout counts"
    );
}

#[tokio::test]
async fn a_connection_is_used_again() {
    let (address, thread) = server(|stream| {
        for _ in 0..3 {
            read_all(stream);
            stream
                .write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}")
                .unwrap();
        }
    });
    let dialer = dialer("127.0.0.1");

    for _ in 0..3 {
        dialer
            .submit(post(&format!("http://{address}/")))
            .await
            .unwrap();
    }

    thread.join().unwrap();
}

#[tokio::test]
async fn of_a_huge_answer_only_the_beginning_is_read() {
    let (address, thread) = server(|stream| {
        read_all(stream);
        stream
            .write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 1000000\r\n\r\n")
            .unwrap();
        // The caller may hang up before all of it is written.
        stream.write_all(&vec![b'x'; 1_000_000]).ok();
    });

    let answer = dialer("127.0.0.1")
        .submit(post(&format!("http://{address}/")))
        .await
        .unwrap();

    assert_eq!(answer.body.len(), LARGEST_ANSWER);
    thread.join().unwrap();
}

/// What the guard said, however deep.
fn forbidden(failure: &Failure) -> Option<Forbidden> {
    let first: Option<&(dyn Error + 'static)> = Some(failure);
    let mut causes = successors(first, |&error| error.source());
    causes.find_map(|error| error.downcast_ref().copied())
}

#[tokio::test]
async fn what_the_guard_forbids_is_not_dialled() {
    for (name, allowed, url, expected) in [
        (
            "a private address",
            "",
            "https://127.0.0.1/",
            Forbidden::Address,
        ),
        (
            "a name of a private address",
            "",
            "https://localhost/",
            Forbidden::Address,
        ),
        (
            "another port of an allowed host",
            "localhost:1",
            "https://localhost/",
            Forbidden::Port,
        ),
        (
            "a user",
            "127.0.0.1",
            "http://user@127.0.0.1:1/",
            Forbidden::User,
        ),
        ("no TLS", "", "http://sms.example.net/", Forbidden::Scheme),
    ] {
        let failure = dialer(allowed).submit(post(url)).await.unwrap_err();

        assert_eq!(forbidden(&failure), Some(expected), "{name}: {failure:?}");
        assert!(
            matches!(failure, Failure::NotSent(_)),
            "{name}: {failure:?}"
        );
    }
    let pathless = dialer("").submit(post("/send")).await.unwrap_err();
    assert!(
        matches!(pathless, Failure::NotSent(NotSent::BadUrl(_))),
        "{pathless:?}"
    );
}

#[tokio::test]
async fn an_allowed_name_is_dialled_where_it_leads() {
    let (address, thread) = server(|stream| {
        read_all(stream);
        stream.write_all(b"HTTP/1.1 204 Fine\r\n\r\n").unwrap();
    });
    let port = address.port();

    let answer = dialer(&format!("localhost:{port}"))
        .submit(post(&format!("http://localhost:{port}/")))
        .await;

    assert_eq!(answer.unwrap().status, StatusCode::NO_CONTENT);
    thread.join().unwrap();
}

#[tokio::test]
async fn an_error_does_not_show_the_url() {
    let unused = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();

    let failure = dialer("127.0.0.1")
        .submit(post(&format!("http://{unused}/send?to=447700900123")))
        .await
        .unwrap_err();

    assert!(!format!("{failure:?}").contains("447700900123"));
}

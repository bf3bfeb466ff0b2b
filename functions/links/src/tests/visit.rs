//! Tracked links: where they lead, whom they count.

use carillon_core::{
    click::LinkClicks,
    event::{Event, QueuedEvents},
};
use jiff::SignedDuration;

use super::*;

const PHONE: &str = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Mobile/15E148 Safari/604.1";
const PREVIEW: &str = "WhatsApp/2.24.20.89 A";
const TEXT: &str =
    "Sale: https://shop.example/sale and https://shop.example/u?id={{id}} {{opt_out_link}}";

struct Opened {
    status: i64,
    location: Option<String>,
}

/// A batch of two whose links are tracked.
async fn tracked() -> Setup {
    Setup::with(Content::from(TEXT).track_links(BASE).unwrap()).await
}

impl Setup {
    async fn links(&self) -> Batch {
        let block = self.state.blocks.find(0).await.unwrap().unwrap();
        self.state.batches.find(block.batch).await.unwrap().unwrap()
    }

    async fn code_of(&self, target: usize, slot: u8) -> String {
        let links = self.links().await.terms.content.links.unwrap();
        let place = Place { chunk: 0, slot };
        let number = links.number(Purpose::Lead(target), place).unwrap();
        self.state.codes.code(number).unwrap()
    }

    async fn open(&self, code: &str, agent: &str, method: Method, at: Timestamp) -> Opened {
        let mut event = event(method, code);
        event.headers.insert("user-agent", agent.parse().unwrap());
        event.request_context.request_id = Some(format!("{}", at.as_nanosecond()));
        let answer = handle(&self.state, event, at).await;
        let location = answer.headers.get("location");
        Opened {
            status: answer.status_code,
            location: location.map(|to| to.to_str().unwrap().to_owned()),
        }
    }

    async fn clicked(&self) -> Vec<usize> {
        let batch = self.links().await.terms.id;
        let pointer = Pointer { batch, chunk: 0 };
        let chunk = self.state.ledger.find(pointer).await.unwrap().unwrap();
        chunk.clicked.iter().collect()
    }

    async fn counted(&self, target: usize) -> LinkClicks {
        let batch = self.links().await.terms.id;
        let mut counted = LinkClicks::default();
        let add = |click: carillon_core::click::Click| {
            if click.link == target {
                counted.add(&click);
            }
        };
        self.state.ledger.each_click(batch, add).await.unwrap();
        counted
    }
}

#[tokio::test]
async fn a_link_leads_where_the_text_said_with_the_recipients_own_values() {
    let setup = tracked().await;
    for (target, slot, expected) in [
        (0, 0, "https://shop.example/sale"),
        (1, 0, "https://shop.example/u?id=1%20%26%20more"),
        (1, 1, "https://shop.example/u?id=2%20%26%20more"),
    ] {
        let code = setup.code_of(target, slot).await;

        let opened = setup.open(&code, PHONE, Method::GET, now()).await;

        assert_eq!(opened.status, 302);
        assert_eq!(opened.location.as_deref(), Some(expected));
    }
}

#[tokio::test]
async fn people_are_counted_once_each_and_programs_not_at_all() {
    let setup = tracked().await;
    let code = setup.code_of(0, 1).await;
    let second = |n| now() + SignedDuration::from_secs(n);

    for (n, agent, method) in [
        (0, PREVIEW, Method::GET),
        (1, PHONE, Method::HEAD),
        (2, PHONE, Method::GET),
        (3, PHONE, Method::GET),
    ] {
        let opened = setup.open(&code, agent, method, second(n)).await;
        assert_eq!(opened.status, 302, "whoever it is gets there");
        assert_eq!(setup.clicked().await, if n < 2 { vec![] } else { vec![1] });
    }

    let counted = setup.counted(0).await;
    assert_eq!(
        (counted.clicks, counted.recipients(), counted.programs),
        (2, 1, 2)
    );
    assert_eq!(setup.counted(1).await, LinkClicks::default());
    let told = stack::taken(&stack::aws().await.sqs(), &setup.hooks).await;
    let told: Vec<Event> = told
        .iter()
        .flat_map(|body| serde_json::from_str::<QueuedEvents>(body).unwrap().events)
        .collect();
    assert_eq!(told.len(), 1, "{told:?}");
    assert_eq!(told[0].kind, "message.clicked");
}

#[tokio::test]
async fn two_recipients_of_a_chunk_may_click_at_the_same_moment() {
    let setup = tracked().await;
    let (one, other) = (setup.code_of(0, 0).await, setup.code_of(0, 1).await);

    futures::join!(
        setup.open(&one, PHONE, Method::GET, now()),
        setup.open(&other, PHONE, Method::GET, now()),
    );

    assert_eq!(setup.clicked().await, [0, 1]);
}

#[tokio::test]
async fn an_ended_link_leads_nowhere_and_opting_out_goes_on() {
    let mut content = Content::from(TEXT).track_links(BASE).unwrap();
    content.links.as_mut().unwrap().valid_for = Some(3_600);
    let setup = Setup::with(content).await;
    let began = setup.links().await.terms.began;
    let code = setup.code_of(0, 0).await;
    let at = |seconds| began + SignedDuration::from_secs(seconds);

    let before = setup.open(&code, PHONE, Method::GET, at(3_599)).await;
    let after = setup.open(&code, PHONE, Method::GET, at(3_600)).await;
    let opt_out = setup.call(Method::POST, &setup.code).await;

    assert_eq!((before.status, after.status, opt_out.0), (302, 410, 200));
    assert_eq!(after.location, None);
    assert_eq!(setup.counted(0).await.clicks, 1);
}

#[tokio::test]
async fn a_tracked_link_of_nobody_leads_nowhere_and_takes_no_answers() {
    let setup = tracked().await;
    let nobody = setup.code_of(0, 2).await;
    let somebody = setup.code_of(0, 0).await;

    let opened = setup.open(&nobody, PHONE, Method::GET, now()).await;
    let posted = setup.open(&somebody, PHONE, Method::POST, now()).await;

    assert_eq!((opened.status, opened.location), (404, None));
    assert_eq!((posted.status, posted.location), (405, None));
    assert_eq!(setup.opted_out().await, [false, false]);
}

/// Nanoseconds that this thread has computed: waiting for the store isn't in them.
fn computed() -> u64 {
    let stat = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    let first = stat.split_whitespace().next().unwrap();
    first.parse().unwrap()
}

#[tokio::test]
#[ignore = "a measurement: make bench-redirect"]
async fn what_a_redirect_takes_of_its_own() {
    const OPENS: u64 = 200;
    let setup = tracked().await;
    let code = setup.code_of(1, 1).await;
    let open = async |after: u64| {
        let at = now() + SignedDuration::from_millis(i64::try_from(after).unwrap());
        setup.open(&code, PHONE, Method::GET, at).await
    };
    open(0).await;

    let began = computed();
    for number in 1..=OPENS {
        assert_eq!(open(number).await.status, 302);
    }
    let each = (computed() - began) / OPENS;

    println!("a redirect takes {} us of CPU", each / 1_000);
}

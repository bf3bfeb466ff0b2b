//! A tracked link is opened: written down, and led on. Whoever opens it gets there even if it can't be written down.

use aws_lambda_events::apigw::ApiGatewayV2httpRequest;
use carillon_core::{
    chunk::Chunk,
    click::{Click, Visitor},
    content,
    event::{ClickedEvent, Event},
};
use carillon_runtime::{logs::chain, recipients};
use carillon_store::StoreError;
use http::{Method, header};
use jiff::Timestamp;
use url::Url;

use crate::{State, link::Link, page::Page};

/// Of a request's id, to tell the opens of one moment apart.
const REQUEST: usize = 8;

/// Who asks, and for what.
pub struct Visit {
    visitor: Visitor,
    request: String,
}

impl Visit {
    pub fn of(event: &ApiGatewayV2httpRequest) -> Self {
        let header = |name: &str| {
            event
                .headers
                .get(name)
                .and_then(|value| value.to_str().ok())
        };
        let purpose = header("sec-purpose").or_else(|| header("purpose"));
        let visitor = Visitor::of(header(header::USER_AGENT.as_str()), purpose);
        // No browser asks for a head.
        let is_head = event.request_context.http.method == Method::HEAD;
        let id = event.request_context.request_id.as_deref();
        Self {
            visitor: if is_head {
                visitor.as_program()
            } else {
                visitor
            },
            request: id.unwrap_or_default().chars().take(REQUEST).collect(),
        }
    }
}

pub async fn open(
    state: &State,
    link: &Link,
    target: usize,
    visit: Visit,
    now: Timestamp,
) -> Result<Page, StoreError> {
    if link.batch.terms.links_ended(now) {
        return Ok(Page::Ended);
    }
    let Some(chunk) = state.ledger.find(link.pointer()).await? else {
        return Ok(Page::Unknown);
    };
    let slot = usize::from(link.place.slot);
    if slot >= chunk.slots.len() {
        return Ok(Page::Unknown);
    }
    let click = Click {
        message: link.message(),
        link: target,
        at: now,
        visitor: visit.visitor,
        request: visit.request,
    };
    let noted = note(state, link, &chunk, &click);
    let (noted, to) = futures::join!(noted, leads_to(state, link, &chunk, target));
    if let Err(error) = noted {
        tracing::error!(batch = %link.batch.terms.id, error = chain(&error), "a click is not written down");
    }
    Ok(to?.map_or(Page::Unknown, |to| Page::Lead { to }))
}

/// The event is on its way before the recipient counts as one who clicked, so that it can't be missing.
async fn note(state: &State, link: &Link, chunk: &Chunk, click: &Click) -> Result<(), StoreError> {
    state.ledger.record_click(click).await?;
    let slot = usize::from(link.place.slot);
    if click.visitor.is_program || chunk.clicked.contains(slot) {
        return Ok(());
    }
    let data = ClickedEvent {
        message: click.message,
        batch: click.message.batch,
        link: click.link + 1,
        device: click.visitor.device,
    };
    let event = Event::of_click(link.batch.terms.account, data, click.at);
    state.queues.send_events(vec![event]).await?;
    let marked = state
        .ledger
        .mark_clicked(link.pointer(), slot, chunk.clicked);
    marked.await.map(drop)
}

/// `None` where the recipient is gone, or the address is none any more.
async fn leads_to(
    state: &State,
    link: &Link,
    chunk: &Chunk,
    target: usize,
) -> Result<Option<String>, StoreError> {
    let links = link.batch.terms.content.links.as_ref();
    let Some(target) = links.and_then(|links| links.targets.get(target)) else {
        return Ok(None);
    };
    let address = if target.contains("{{") {
        let pointer = link.pointer();
        let recipients = recipients::of_chunk(&state.ledger, &state.files, pointer, chunk).await?;
        let Some(recipient) = recipients.get(usize::from(link.place.slot)) else {
            return Ok(None);
        };
        let value = |name: &str| recipient.vars.get(name).map(String::as_str);
        content::leads_to(target, value).ok().and_then(Result::ok)
    } else {
        Some(target.clone())
    };
    let parsed = address.and_then(|address| Url::parse(&address).ok());
    Ok(parsed.map(String::from))
}

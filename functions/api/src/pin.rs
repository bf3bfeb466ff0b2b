//! The ways out of a batch, pinned to it when it begins: the account's routes that speak of it, and the gateway accounts they name.

use carillon_core::{
    api_key::Mode,
    batch::{Lane, MAX_ROUTES, RouteEntry},
    frame::Recipient,
    id::{AccountId, BatchId, GatewayAccountId, SenderId},
    limits::switches::killed,
    originator::Originator,
    routing::{Exit, PinnedSender, Route, Routing, Rule},
    safeguards::Safeguards,
    sender::Sender,
};
use carillon_gateways::GatewayKind;
use carillon_runtime::problem::{Code, FieldError, Problem};
use carillon_store::gateway_accounts::GatewayRecord;

use crate::services::Api;

/// What a batch keeps of them.
#[derive(Debug, Clone, Default)]
pub struct Pinned {
    pub routes: Vec<RouteEntry>,
    pub routing: Routing,
}

/// What is to be sent.
#[derive(Clone, Copy)]
pub struct Wanted<'w> {
    pub mode: Mode,
    pub lane: Lane,
    pub sender: Option<&'w Originator>,
    /// `None`: whoever a file names.
    pub recipients: Option<&'w [Recipient]>,
}

/// What a test key sends is simulated, whatever routes there are.
pub async fn pin(api: &Api, account: AccountId, wanted: Wanted<'_>) -> Result<Pinned, Problem> {
    if wanted.mode == Mode::Test {
        let mut pinned = Pinned::default();
        pinned.name(wanted.sender, &[])?;
        return Ok(pinned);
    }
    let ways = Ways::of(api, account).await?;
    ways.pin(wanted)
}

/// That of an API send. One that was begun before goes on by the ways that it began with, whatever there is now.
pub async fn pin_send(
    api: &Api,
    account: AccountId,
    wanted: Wanted<'_>,
    batch: BatchId,
) -> Result<Pinned, Problem> {
    match pin(api, account, wanted).await {
        Err(problem)
            if matches!(
                problem.code,
                Code::NoGateway | Code::NoRoute | Code::CountryNotAllowed | Code::SendingStopped
            ) =>
        {
            let begun = api.batches.find(batch).await?.ok_or(problem)?;
            Ok(Pinned {
                routes: begun.terms.routes,
                routing: begun.terms.routing,
            })
        }
        pinned => pinned,
    }
}

/// By one gateway account and no other. `None` for one whose configuration this version can't read.
pub fn only(gateway: &GatewayRecord, sender: Option<&Originator>) -> Option<Pinned> {
    let routes = vec![entry(gateway)?];
    let mut pinned = Pinned {
        routes,
        routing: Routing::in_order([gateway.cost_per_part]),
    };
    pinned.name(sender, &[]).ok()?;
    Some(pinned)
}

fn entry(gateway: &GatewayRecord) -> Option<RouteEntry> {
    let kind: GatewayKind = gateway.kind.parse().ok()?;
    let adapter = kind.open(&gateway.config).ok()?;
    let entry = RouteEntry {
        gateway: gateway.id,
        parts_per_second: gateway.parts_per_second,
        deduplicates_for: None,
        settles_after: None,
    };
    Some(entry.with_capabilities(adapter.capabilities()))
}

/// All that an account has.
pub struct Ways {
    pub gateways: Vec<GatewayRecord>,
    pub routes: Vec<Route>,
    pub senders: Vec<Sender>,
    pub safeguards: Safeguards,
}

impl Ways {
    pub async fn of(api: &Api, account: AccountId) -> Result<Self, Problem> {
        // Three calls' worth of state in one future is large.
        let (gateways, routes, senders, safeguards) = futures::try_join!(
            Box::pin(api.gateways.list(account)),
            Box::pin(api.routes.list(account)),
            Box::pin(api.senders.list(account)),
            Box::pin(api.safeguards.find(account)),
        )?;
        Ok(Self {
            gateways,
            routes,
            senders,
            safeguards,
        })
    }

    pub fn pin(&self, wanted: Wanted<'_>) -> Result<Pinned, Problem> {
        self.allow(wanted)?;
        if !self.gateways.iter().any(|gateway| gateway.enabled) {
            let detail = "Messages leave by a gateway, and this account has none that is enabled. Add one with \
                          `POST /v1/gateways`, or use a test key, whose messages are simulated.";
            return Err(Problem::new(Code::NoGateway, detail));
        }
        let mut pinned = Pinned::default();
        if self.routes.iter().any(|route| route.enabled) {
            for route in self.matching(wanted) {
                pinned.take(self, route)?;
            }
        } else {
            let enabled = self.gateways.iter().filter(|gateway| gateway.enabled);
            let entries =
                enabled.filter_map(|gateway| Some((entry(gateway)?, gateway.cost_per_part)));
            let (routes, costs): (Vec<_>, Vec<_>) = entries.take(MAX_ROUTES).unzip();
            pinned.routes = routes;
            pinned.routing = Routing::in_order(costs);
        }
        if pinned.routes.is_empty() {
            let detail = "None of this account's routes is for these messages. `POST /v1/routes/explain` tells why; \
                          add a route, or a destination to one.";
            return Err(Problem::new(Code::NoRoute, detail));
        }
        pinned.name(wanted.sender, &self.senders)?;
        Ok(pinned)
    }

    /// What `send` would refuse is refused now, when somebody can still do something about it.
    fn allow(&self, wanted: Wanted<'_>) -> Result<(), Problem> {
        let switches = &self.safeguards.switches;
        let stopped = killed(switches, None, wanted.sender, None);
        if stopped.is_some() {
            let detail = "The account has stopped sending, in all or from this sender. `PATCH /v1/account` changes its \
                          `switches`.";
            return Err(Problem::new(Code::SendingStopped, detail));
        }
        let recipients = wanted.recipients.unwrap_or_default();
        let refused = |(place, recipient): (usize, &Recipient)| {
            let country = recipient.country;
            if self.safeguards.destinations.allow(country)
                && killed(switches, country, None, None).is_none()
            {
                return None;
            }
            let at = match recipients {
                [_] => "/to".to_owned(),
                _ => format!("/to/{place}"),
            };
            let country = country.map_or_else(|| "no country".to_owned(), |it| it.to_string());
            let words = format!(
                "the account doesn't send to numbers of {country}; allow it with `PATCH /v1/account`"
            );
            Some(FieldError::new(at, Code::CountryNotAllowed.as_str(), words))
        };
        let errors: Vec<FieldError> = recipients.iter().enumerate().filter_map(refused).collect();
        if errors.is_empty() {
            return Ok(());
        }
        Err(Problem::of_fields(Code::CountryNotAllowed, errors))
    }

    fn matching(&self, wanted: Wanted<'_>) -> impl Iterator<Item = &Route> {
        self.routes.iter().filter(move |route| {
            let reaches = |recipient: &Recipient| {
                let matched = route
                    .destinations
                    .matches(recipient.number, recipient.country);
                matched.is_some()
            };
            route.is_for(wanted.lane, wanted.sender)
                && wanted
                    .recipients
                    .is_none_or(|recipients| recipients.iter().any(reaches))
        })
    }

    fn sender(&self, id: SenderId, gateway: GatewayAccountId) -> Option<&Sender> {
        let mut senders = self.senders.iter();
        let found = senders.find(|sender| sender.id == id);
        found.filter(|sender| sender.enabled && sender.is_at(gateway))
    }
}

impl Pinned {
    /// A route becomes a rule of the batch. What of it is gone or switched off is left out.
    fn take(&mut self, ways: &Ways, route: &Route) -> Result<(), Problem> {
        let mut exits = Vec::with_capacity(route.exits.len());
        for exit in &route.exits {
            let enabled = |gateway: &&GatewayRecord| gateway.id == exit.gateway && gateway.enabled;
            let Some(gateway) = ways.gateways.iter().find(enabled) else {
                continue;
            };
            let pool = exit.pool.iter();
            let pool: Vec<&Sender> = pool
                .filter_map(|id| ways.sender(*id, exit.gateway))
                .collect();
            if pool.is_empty() && !exit.pool.is_empty() {
                // None of its senders is left, and it must not leave under another.
                continue;
            }
            let Some(entry) = self.entry_of(gateway)? else {
                continue;
            };
            exits.push(Exit {
                entry,
                weight: exit.weight,
                cost: exit.cost_per_part.or(gateway.cost_per_part),
                pool: pool
                    .into_iter()
                    .map(|sender| self.routing.pinned(sender))
                    .collect(),
            });
        }
        if !exits.is_empty() {
            self.routing.rules.push(Rule {
                route: Some(route.id),
                priority: route.priority,
                destinations: route.destinations.clone(),
                choice: route.choice,
                exits,
            });
        }
        Ok(())
    }

    fn entry_of(&mut self, gateway: &GatewayRecord) -> Result<Option<u8>, Problem> {
        let place = self
            .routes
            .iter()
            .position(|entry| entry.gateway == gateway.id);
        if let Some(place) = place {
            return Ok(Some(u8::try_from(place).expect("16 at most")));
        }
        let Some(entry) = entry(gateway) else {
            return Ok(None);
        };
        if self.routes.len() >= MAX_ROUTES {
            let detail = format!(
                "One send goes by at most {MAX_ROUTES} gateways, and more of this account's routes fit it. Narrow routes \
                 down by lane or sender, or switch some off."
            );
            return Err(Problem::new(Code::LimitReached, detail));
        }
        self.routes.push(entry);
        let place = u8::try_from(self.routes.len() - 1).expect("16 at most");
        Ok(Some(place))
    }

    /// The sender that the request names, with what is known of it.
    fn name(&mut self, named: Option<&Originator>, senders: &[Sender]) -> Result<(), Problem> {
        let Some(originator) = named else {
            return Ok(());
        };
        let known = senders
            .iter()
            .find(|sender| &sender.originator == originator);
        if known.is_some_and(|sender| !sender.enabled) {
            return Err(crate::check::content(
                "/sender",
                &"the sender is switched off; take another one",
            ));
        }
        let index = match known {
            Some(sender) => self.routing.pinned(sender),
            None => self.routing.pin(PinnedSender {
                originator: originator.clone(),
                standing: None,
            }),
        };
        self.routing.named = Some(index);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use carillon_core::{
        routing::{Choice, Destinations, RouteExit},
        sender::Standing,
    };
    use carillon_testkit::build;
    use jiff::Timestamp;
    use serde_json::Value;

    use super::*;

    fn gateway(enabled: bool) -> GatewayRecord {
        GatewayRecord {
            id: build::id(),
            account: build::id(),
            kind: "simulated".to_owned(),
            name: "A gateway".to_owned(),
            config: Value::Null,
            token: "token".to_owned(),
            parts_per_second: None,
            sender_parts_per_second: None,
            cost_per_part: Some(7),
            enabled,
            created: Timestamp::UNIX_EPOCH,
            version: 1,
        }
    }

    fn route(exits: &[(&GatewayRecord, &[SenderId])]) -> Route {
        let exit = |(gateway, pool): &(&GatewayRecord, &[SenderId])| RouteExit {
            gateway: gateway.id,
            weight: 1,
            cost_per_part: None,
            pool: pool.to_vec(),
        };
        Route {
            id: build::id(),
            account: build::id(),
            name: "A route".to_owned(),
            priority: 100,
            destinations: Destinations::default(),
            lanes: Vec::new(),
            senders: Vec::new(),
            choice: Choice::InOrder,
            exits: exits.iter().map(exit).collect(),
            enabled: true,
            created: Timestamp::UNIX_EPOCH,
            version: 1,
        }
    }

    fn sender(enabled: bool) -> Sender {
        Sender {
            id: build::id(),
            account: build::id(),
            originator: "ACME".parse().unwrap(),
            standing: Standing::default(),
            gateways: Vec::new(),
            enabled,
            created: Timestamp::UNIX_EPOCH,
            version: 1,
        }
    }

    const WANTED: Wanted<'_> = Wanted {
        mode: Mode::Live,
        lane: Lane::Low,
        sender: None,
        recipients: None,
    };

    #[test]
    fn what_is_switched_off_or_gone_is_left_out() {
        let (on, off) = (gateway(true), gateway(false));
        let (used, unused) = (sender(true), sender(false));
        let plain = route(&[(&off, &[]), (&on, &[])]);
        let pooled = route(&[(&on, &[used.id, unused.id])]);
        let without_senders = route(&[(&on, &[unused.id])]);
        let switched_off = Route {
            enabled: false,
            ..route(&[(&off, &[])])
        };
        for (name, routes, expected) in [
            ("a gateway", vec![plain.clone()], Ok((1, vec![0]))),
            ("a sender of a pool", vec![pooled], Ok((1, vec![1]))),
            (
                "all senders of a pool",
                vec![without_senders],
                Err(Code::NoRoute),
            ),
            ("every route", vec![switched_off], Ok((1, vec![0]))),
        ] {
            let ways = Ways {
                gateways: vec![off.clone(), on.clone()],
                routes,
                senders: vec![used.clone(), unused.clone()],
                safeguards: Safeguards::of(build::id()),
            };

            let pinned = ways.pin(WANTED);

            let found = pinned.map(|pinned| {
                let exits = pinned.routing.rules.iter().flat_map(|rule| &rule.exits);
                let pools = exits.map(|exit| exit.pool.len()).collect();
                (pinned.routes.len(), pools)
            });
            assert_eq!(found.map_err(|problem| problem.code), expected, "{name}");
        }
    }

    #[test]
    fn a_send_goes_by_at_most_sixteen_gateways() {
        let gateways: Vec<GatewayRecord> = (0..=MAX_ROUTES).map(|_| gateway(true)).collect();
        let one_each = |gateway: &GatewayRecord| route(&[(gateway, &[])]);
        let with = |routes: Vec<Route>| Ways {
            gateways: gateways.clone(),
            routes,
            senders: Vec::new(),
            safeguards: Safeguards::of(build::id()),
        };

        let fitting = with(gateways[1..].iter().map(one_each).collect()).pin(WANTED);
        let too_many = with(gateways.iter().map(one_each).collect()).pin(WANTED);
        let without_routes = with(Vec::new()).pin(WANTED);

        assert_eq!(fitting.unwrap().routes.len(), MAX_ROUTES);
        assert_eq!(too_many.unwrap_err().code, Code::LimitReached);
        assert_eq!(
            without_routes.unwrap().routes.len(),
            MAX_ROUTES,
            "the oldest"
        );
    }

    #[test]
    fn a_route_has_the_price_of_its_gateway_unless_it_says_another() {
        let one = gateway(true);
        let mut dear = route(&[(&one, &[])]);
        dear.exits[0].cost_per_part = Some(9);
        let ways = Ways {
            gateways: vec![one.clone()],
            routes: vec![route(&[(&one, &[])]), dear],
            senders: Vec::new(),
            safeguards: Safeguards::of(build::id()),
        };

        let pinned = ways.pin(WANTED).unwrap();

        let prices = pinned.routing.rules.iter().map(|rule| rule.exits[0].cost);
        assert_eq!(prices.collect::<Vec<_>>(), [Some(7), Some(9)]);
    }

    #[test]
    fn without_routes_each_gateway_has_its_own_price() {
        let ways = Ways {
            gateways: vec![gateway(false), gateway(true)],
            routes: Vec::new(),
            senders: Vec::new(),
            safeguards: Safeguards::of(build::id()),
        };

        let pinned = ways.pin(WANTED).unwrap();

        let exits = pinned.routing.rules.iter().flat_map(|rule| &rule.exits);
        let costs: Vec<Option<u64>> = exits.map(|exit| exit.cost).collect();
        assert_eq!(costs, [Some(7)]);
    }
}

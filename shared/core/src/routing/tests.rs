//! Ways by table, and what must hold for any routes and any number.

use std::collections::{BTreeMap, HashSet};

use proptest::prelude::*;

use super::*;
use crate::{keyed_hash::DeploymentKey, reason::Reason, sender::Registration};

const NONE: fn(u8) -> u8 = |_| 0;

fn country(code: &str) -> Country {
    Country::parse(code).unwrap()
}

/// The `nth` of the British numbers that nobody has.
fn number(nth: u64) -> Phone {
    Phone::from_digits(447_700_900_000 + nth).unwrap()
}

fn to(number: Phone, code: &str) -> Destination {
    let account = "acc_01h455vb4pex5vsknk084sn02q".parse().unwrap();
    Destination {
        number,
        country: Some(country(code)),
        spread: DeploymentKey::from_secret("a secret of a test").spread(account, number),
    }
}

fn exit(entry: u8, weight: u16, cost: Option<u64>, pool: &[u16]) -> Exit {
    Exit {
        entry,
        weight,
        cost,
        pool: pool.to_vec(),
    }
}

fn plain(entry: u8) -> Exit {
    exit(entry, 1, None, &[])
}

fn rule(priority: u16, countries: &[&str], prefixes: &[&str], exits: Vec<Exit>) -> Rule {
    Rule {
        route: None,
        priority,
        destinations: Destinations {
            countries: countries.iter().map(|code| country(code)).collect(),
            prefixes: prefixes.iter().map(|digits| (*digits).to_owned()).collect(),
        },
        choice: Choice::InOrder,
        exits,
    }
}

fn routing(rules: Vec<Rule>) -> Routing {
    Routing {
        rules,
        ..Routing::default()
    }
}

fn entries(ways: &[Way]) -> Vec<u8> {
    ways.iter().map(|way| way.entry).collect()
}

#[test]
fn what_speaks_of_a_number_more_narrowly_comes_first() {
    let routing = routing(vec![
        rule(100, &[], &[], vec![plain(0), plain(1)]),
        rule(100, &["GB"], &[], vec![plain(2)]),
        rule(100, &[], &["4477", "447700"], vec![plain(3)]),
        rule(100, &[], &["44770"], vec![plain(4)]),
        rule(1, &["FR"], &[], vec![plain(5)]),
        rule(200, &[], &["4477009"], vec![plain(6)]),
    ]);
    let digits = |digits| Phone::from_digits(digits).unwrap();
    for (name, number, code, expected) in [
        (
            "a mobile",
            digits(447_700_900_123),
            "GB",
            vec![3, 4, 2, 0, 1, 6],
        ),
        (
            "another of the country",
            digits(441_632_960_123),
            "GB",
            vec![2, 0, 1],
        ),
        (
            "a country with a priority",
            digits(33_612_345_678),
            "FR",
            vec![5, 0, 1],
        ),
        ("everybody", digits(4_915_112_345_678), "DE", vec![0, 1]),
    ] {
        let ways = routing.ways(&to(number, code), NONE).unwrap();

        assert_eq!(entries(&ways), expected, "{name}");
    }
}

#[test]
fn a_gateway_account_is_tried_once_though_two_routes_name_it() {
    let routing = routing(vec![
        rule(1, &["GB"], &[], vec![plain(1), plain(0)]),
        rule(2, &[], &[], vec![plain(0), plain(1), plain(2)]),
    ]);

    let ways = routing.ways(&to(number(1), "GB"), NONE).unwrap();

    assert_eq!(entries(&ways), [1, 0, 2]);
}

#[test]
fn the_cheapest_comes_first_and_what_has_no_price_last() {
    let exits = vec![
        plain(0),
        exit(1, 1, Some(40_000), &[]),
        exit(2, 1, Some(35_000), &[]),
    ];
    let mut routing = routing(vec![rule(1, &[], &[], exits)]);
    routing.rules[0].choice = Choice::LeastCost;

    let ways = routing.ways(&to(number(1), "GB"), NONE).unwrap();

    assert_eq!(entries(&ways), [2, 1, 0]);
    assert_eq!(routing.shares(), [[2, 1, 0]]);
}

#[test]
fn weights_are_shares_of_the_numbers() {
    let exits = vec![
        exit(0, 70, None, &[]),
        exit(1, 30, None, &[]),
        exit(2, 0, None, &[]),
    ];
    let mut routing = routing(vec![rule(1, &[], &[], exits)]);
    routing.rules[0].choice = Choice::Weighted;
    let mut firsts: BTreeMap<u8, u32> = BTreeMap::new();

    for nth in 0..10_000 {
        let ways = routing.ways(&to(number(nth), "GB"), NONE).unwrap();
        *firsts.entry(ways[0].entry).or_default() += 1;
        assert_eq!(
            ways[2].entry, 2,
            "weight 0 is for when nothing else is left"
        );
    }

    let share = f64::from(firsts[&0]) / 10_000.0;
    assert!((0.68..0.72).contains(&share), "{firsts:?}");
    assert_eq!(routing.shares(), [[0, 1, 2], [1, 0, 2]]);
}

#[test]
fn tenths_of_the_numbers_are_led_away_and_always_the_same() {
    let routing = routing(vec![rule(1, &[], &[], vec![plain(0), plain(1)])]);
    let led_away = |tenths: u8| -> HashSet<u64> {
        let shift = move |entry| if entry == 0 { tenths } else { 0 };
        let away = |nth: &u64| {
            let ways = routing.ways(&to(number(*nth), "GB"), shift).unwrap();
            ways[0].entry == 1
        };
        (0..10_000).filter(away).collect()
    };

    let (three, four) = (led_away(3), led_away(4));

    assert!((2_800..3_200).contains(&three.len()), "{}", three.len());
    assert!(three.is_subset(&four), "a step moves new numbers only");
    assert!(led_away(0).is_empty());
}

fn pool(standings: &[(&str, &[&str])]) -> Vec<PinnedSender> {
    let pinned = |(originator, countries): &(&str, &[&str])| PinnedSender {
        originator: originator.parse().unwrap(),
        standing: Some(Standing {
            countries: countries.iter().map(|code| country(code)).collect(),
            registration: Registration::default(),
        }),
    };
    standings.iter().map(pinned).collect()
}

#[test]
fn a_number_keeps_its_sender_when_others_come_and_go() {
    let senders = pool(&[
        ("+447700900001", &[]),
        ("+447700900002", &[]),
        ("+447700900003", &[]),
    ]);
    let with = |pool: &[u16]| Routing {
        rules: vec![rule(1, &[], &[], vec![exit(0, 1, None, pool)])],
        senders: senders.clone(),
        named: None,
    };
    let sender =
        |routing: &Routing, nth| routing.ways(&to(number(nth), "GB"), NONE).unwrap()[0].sender;
    let (all, without) = (with(&[0, 1, 2]), with(&[0, 1]));

    let mut each: BTreeMap<u16, u32> = BTreeMap::new();
    for nth in 0..3_000 {
        let own = sender(&all, nth).unwrap();
        *each.entry(own).or_default() += 1;
        if own != 2 {
            assert_eq!(sender(&without, nth), Some(own));
        }
    }

    assert!(
        each.values().all(|numbers| (900..1_100).contains(numbers)),
        "{each:?}"
    );
}

#[test]
fn senders_are_used_where_they_may_be() {
    let named = |originator: &str, standing: Option<Standing>| Routing {
        rules: vec![rule(1, &[], &[], vec![plain(0)])],
        senders: vec![PinnedSender {
            originator: originator.parse().unwrap(),
            standing,
        }],
        named: Some(0),
    };
    let pooled = Routing {
        rules: vec![rule(
            1,
            &[],
            &[],
            vec![exit(0, 1, None, &[0, 1]), exit(1, 1, None, &[1])],
        )],
        senders: pool(&[("Acme", &["GB"]), ("12345", &["US"])]),
        named: None,
    };
    let way = |entry, sender| Way {
        entry,
        sender,
        cost: None,
    };
    for (name, routing, code, expected) in [
        (
            "named",
            named("Acme", None),
            "GB",
            Ok(vec![way(0, Some(0))]),
        ),
        (
            "a name in the US",
            named("Acme", None),
            "US",
            Err(Reason::BadSender),
        ),
        (
            "a short code that nobody registered",
            named("12345", None),
            "GB",
            Ok(vec![way(0, Some(0))]),
        ),
        (
            "the pool's name",
            pooled.clone(),
            "GB",
            Ok(vec![way(0, Some(0))]),
        ),
        (
            "the pool's short code",
            pooled.clone(),
            "US",
            Ok(vec![way(0, Some(1)), way(1, Some(1))]),
        ),
        (
            "no sender of the pool",
            pooled,
            "FR",
            Err(Reason::BadSender),
        ),
        (
            "no route",
            routing(vec![rule(1, &["FR"], &[], vec![plain(0)])]),
            "GB",
            Err(Reason::NoRoute),
        ),
        (
            "the gateway picks one",
            Routing::in_order([None, None]),
            "GB",
            Ok(vec![way(0, None), way(1, None)]),
        ),
    ] {
        assert_eq!(routing.ways(&to(number(1), code), NONE), expected, "{name}");
    }
}

#[test]
fn a_route_is_for_its_lanes_and_its_senders() {
    let sender: Originator = "Acme".parse().unwrap();
    let route = |lanes: &[Lane], senders: &[&Originator], enabled| Route {
        id: "rte_01h455vb4pex5vsknk084sn02q".parse().unwrap(),
        account: "acc_01h455vb4pex5vsknk084sn02q".parse().unwrap(),
        name: "A route".into(),
        priority: 100,
        destinations: Destinations::default(),
        lanes: lanes.to_vec(),
        senders: senders.iter().map(|sender| (*sender).clone()).collect(),
        choice: Choice::InOrder,
        exits: Vec::new(),
        enabled,
        created: Timestamp::UNIX_EPOCH,
        version: 1,
    };
    for (name, route, named, expected) in [
        ("all", route(&[], &[], true), None, true),
        ("switched off", route(&[], &[], false), None, false),
        (
            "its lane",
            route(&[Lane::High, Lane::Low], &[], true),
            None,
            true,
        ),
        ("another lane", route(&[Lane::High], &[], true), None, false),
        (
            "its sender",
            route(&[], &[&sender], true),
            Some(&sender),
            true,
        ),
        ("no sender", route(&[], &[&sender], true), None, false),
    ] {
        assert_eq!(route.is_for(Lane::Low, named), expected, "{name}");
    }
}

prop_compose! {
    fn some_exit()(entry in 0u8..16, weight in 0u16..5, cost in prop::option::of(0u64..9), pool in prop::collection::vec(0u16..3, 0..3)) -> Exit {
        exit(entry, weight, cost, &pool)
    }
}

prop_compose! {
    fn some_rule()(
        priority in 0u16..3,
        countries in prop::collection::vec(prop::sample::select(vec!["GB", "US"]), 0..2),
        prefixes in prop::collection::vec(prop::sample::select(vec!["44", "4477", "1"]), 0..2),
        choice in prop::sample::select(vec![Choice::InOrder, Choice::Weighted, Choice::LeastCost]),
        exits in prop::collection::vec(some_exit(), 0..5),
    ) -> Rule {
        Rule { choice, ..rule(priority, &countries, &prefixes, exits) }
    }
}

proptest! {
    #[test]
    fn any_routes_give_any_number_distinct_ways_and_always_the_same(
        rules in prop::collection::vec(some_rule(), 0..5),
        nth in 0u64..100_000,
        tenths in prop::collection::vec(0u8..=shift::MOST, 16),
    ) {
        let senders = pool(&[("Acme", &["GB"]), ("12345", &["US"]), ("+447700900003", &[])]);
        let routing = Routing { rules, senders, named: None };
        let destination = to(number(nth), "GB");
        let ways = || routing.ways(&destination, |entry| tenths[usize::from(entry)]);

        let first = ways();

        prop_assert_eq!(&first, &ways());
        let named: HashSet<u8> = routing.rules.iter().flat_map(|rule| &rule.exits).map(|exit| exit.entry).collect();
        if let Ok(ways) = first {
            let distinct: HashSet<u8> = ways.iter().map(|way| way.entry).collect();
            prop_assert_eq!(distinct.len(), ways.len());
            prop_assert!(distinct.is_subset(&named));
        }
    }
}

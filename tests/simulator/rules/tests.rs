use super::*;
use crate::receipt::Status;

fn rules(document: &str) -> Rules {
    Rules::parse(document.as_bytes()).expect("a valid document")
}

#[test]
fn an_ordinary_day_has_the_promised_shares() {
    let rules = Rules::default();

    let mut refused = 0;
    let mut ended = std::collections::HashMap::new();
    for number in 447_400_000_000_u64..447_400_100_000 {
        let plan = rules.plan(number, 1);
        match plan.answer {
            Answer::Refuse => refused += 1,
            _ => *ended.entry(plan.receipts[0].status as u8).or_insert(0) += 1,
        }
    }

    let cases = [
        ("refused", refused, 1_500),
        ("delivered", ended[&(Status::Delivered as u8)], 94_000),
        ("undelivered", ended[&(Status::Undelivered as u8)], 3_000),
        ("expired", ended[&(Status::Expired as u8)], 1_500),
    ];
    for (name, found, expected) in cases {
        let off = i32::abs(found - expected);
        assert!(off < 200, "{name}: {found}, expected about {expected}");
    }
}

#[test]
fn a_plan_repeats_and_another_seed_draws_others() {
    let drawn = |seed: u64| -> Vec<bool> {
        let document =
            format!(r#"{{"seed": {seed}, "rules": [{{"share": 0.5, "answer": "drop"}}]}}"#);
        let rules = rules(&document);
        (0..100)
            .map(|number| rules.plan(number, 1).answer == Answer::Drop)
            .collect()
    };

    assert_eq!(drawn(1), drawn(1));
    assert_ne!(drawn(1), drawn(2));
}

#[test]
fn each_behaviour_comes_from_the_first_rule_that_sets_it() {
    let rules = rules(
        r#"{"rules": [
            {"suffix": ["07"], "first": 1, "answer": "throttle", "retry_after": 9},
            {"suffix": ["7", "8"], "latency_ms": [5, 5], "answer": "hang"},
            {"latency_ms": [1, 1], "receipts": ["DELIVRD", "ACCEPTD"], "early": true}
        ]}"#,
    );
    let cases = [
        ("both", 407, 1, Answer::Throttle, 9, 5),
        ("a retry", 407, 2, Answer::Hang, 1, 5),
        ("the second", 418, 1, Answer::Hang, 1, 5),
        ("neither", 400, 1, Answer::Accept, 1, 1),
    ];

    for (name, number, nth, answer, retry_after, latency) in cases {
        let plan = rules.plan(number, nth);

        assert_eq!(plan.answer, answer, "{name}");
        assert_eq!(plan.retry_after, retry_after, "{name}");
        assert_eq!(plan.latency, Duration::from_millis(latency), "{name}");
        assert_eq!(plan.receipts.len(), 2, "{name}");
        assert!(plan.early, "{name}");
    }
}

#[test]
fn no_rules_deliver_everything() {
    let plan = rules(r#"{"rules": []}"#).plan(1, 1);

    assert_eq!(plan.answer, Answer::Accept);
    assert_eq!(plan.receipts, [Receipt::DELIVERED]);
    assert!((500..=3_000).contains(&plan.delay.as_millis()));
}

#[test]
fn unread_drops_are_drawn_by_request() {
    let rules = rules(r#"{"rules": [{"share": 0.25, "answer": "drop_unread"}]}"#);

    let dropped = (0..10_000).filter(|n| rules.drops_unread(*n)).count();

    assert!((2_350..2_650).contains(&dropped), "{dropped}");
    assert_eq!(rules.plan(1, 1).answer, Answer::Accept);
}

#[test]
fn a_wrong_document_says_where() {
    let cases = [
        (
            "unknown field",
            r#"{"rules": [], "colour": 1}"#,
            "unknown field `colour`",
        ),
        (
            "share",
            r#"{"rules": [{}, {"share": 2}]}"#,
            "rules[1]: `share` must be",
        ),
        (
            "range",
            r#"{"rules": [{"delay_ms": [2, 1]}]}"#,
            "rules[0]: a range is",
        ),
        (
            "unread by number",
            r#"{"rules": [{"suffix": ["1"], "answer": "drop_unread"}]}"#,
            "rules[0]: `drop_unread` happens before",
        ),
        (
            "unheard-of status",
            r#"{"rules": [{"receipts": ["LOST"]}]}"#,
            "unknown variant `LOST`",
        ),
    ];

    for (name, document, expected) in cases {
        let error = Rules::parse(document.as_bytes()).expect_err(name);
        assert!(error.contains(expected), "{name}: {error}");
    }
}

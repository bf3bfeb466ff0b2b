use serde_json::json;

use super::*;

fn now() -> Timestamp {
    "2026-03-01T12:00:00Z".parse().unwrap()
}

fn contact() -> Contact {
    Contact::new(
        "acc_01h455vb4pex5vsknk084sn02q".parse().unwrap(),
        "cnt_01h455vb4pex5vsknk084sn02q".parse().unwrap(),
        Phone::from_digits(447_700_900_001).unwrap(),
        None,
        now(),
    )
}

fn text(value: &str) -> Value {
    Value::Text(value.to_owned())
}

fn attributes(pairs: &[(&str, Option<&str>)]) -> ContactChange {
    let attribute = |(name, value): &(&str, Option<&str>)| (name.parse().unwrap(), value.map(text));
    ContactChange {
        attributes: pairs.iter().map(attribute).collect(),
        ..ContactChange::default()
    }
}

fn tags(words: &[&str]) -> BTreeSet<Tag> {
    words.iter().map(|word| word.parse().unwrap()).collect()
}

#[test]
fn a_change_creates_then_updates_then_changes_nothing() {
    let mut contact = contact();
    let change = attributes(&[("name", Some("Ann"))]);

    let effects = [
        contact.change(&ContactChange::default(), now()),
        contact.change(&change, now()),
        contact.change(&change, now()),
    ];

    assert_eq!(
        effects,
        [
            Ok(Effect::Created),
            Ok(Effect::Updated),
            Ok(Effect::Unchanged)
        ]
    );
    assert_eq!(contact.version, 2);
}

#[test]
fn what_is_left_out_stays_and_null_takes_back() {
    let mut contact = contact();
    let first = ContactChange {
        language: Some("pt-br".parse().ok()),
        tags: SetChange::adding(tags(&["VIP", "new"])),
        ..attributes(&[("name", Some("Ann")), ("city", Some("Porto"))])
    };
    let second = ContactChange {
        tags: SetChange::removing(tags(&["new"])),
        ..attributes(&[("city", None)])
    };

    contact.change(&first, now()).unwrap();
    contact.change(&second, now()).unwrap();

    assert_eq!(
        contact.language.map(|it| it.to_string()).as_deref(),
        Some("pt-BR")
    );
    assert_eq!(
        contact.attributes,
        [("name".parse().unwrap(), text("Ann"))].into()
    );
    assert_eq!(contact.tags, tags(&["vip"]));
}

#[test]
fn a_merged_contact_keeps_what_it_says_and_takes_what_it_lacks() {
    let (mut kept, mut gone) = (contact(), contact());
    let (first, second): (ListId, ListId) = (
        "lst_01h455vb4pex5vsknk084sn02q".parse().unwrap(),
        "lst_01h455vb4pex5vsknk084sn02r".parse().unwrap(),
    );
    let ours = ContactChange {
        lists: SetChange::adding([first].into()),
        ..attributes(&[("name", Some("Ann"))])
    };
    let theirs = ContactChange {
        lists: SetChange::adding([second].into()),
        ..attributes(&[("name", Some("Anne")), ("city", Some("Porto"))])
    };
    kept.change(&ours, now()).unwrap();
    gone.change(&theirs, now()).unwrap();
    gone.created = "2020-01-01T00:00:00Z".parse().unwrap();

    kept.absorb(&gone, now()).unwrap();

    assert_eq!(kept.attributes["name"], text("Ann"));
    assert_eq!(kept.attributes["city"], text("Porto"));
    assert_eq!(kept.lists, [first, second].into());
    assert_eq!(kept.created, gone.created);
}

#[test]
fn too_much_is_refused_with_the_field() {
    let many = |count: usize| -> BTreeSet<Tag> {
        (0..count)
            .map(|tag| format!("tag {tag}").parse().unwrap())
            .collect()
    };
    let long = "x".repeat(MAX_TEXT);
    let names: Vec<String> = (0..=MAX_ATTRIBUTES)
        .map(|name| format!("a{name}"))
        .collect();
    let numbered: Vec<_> = names
        .iter()
        .map(|name| (name.as_str(), Some("1")))
        .collect();
    let large: Vec<_> = names[..9]
        .iter()
        .map(|name| (name.as_str(), Some(long.as_str())))
        .collect();
    for (name, change, field) in [
        (
            "tags",
            ContactChange {
                tags: SetChange::adding(many(MAX_TAGS + 1)),
                ..ContactChange::default()
            },
            "tags",
        ),
        ("attributes", attributes(&numbered), "attributes"),
        ("bytes", attributes(&large), "attributes"),
    ] {
        let refused = contact().change(&change, now()).unwrap_err();

        assert_eq!(refused.field(), field, "{name}");
    }
    assert!(contact().change(&attributes(&numbered[1..]), now()).is_ok());
}

#[test]
fn attributes_have_names_that_texts_can_use_and_values_of_a_type() {
    for (name, fits) in [
        ("name", true),
        ("_1", true),
        ("größe", true),
        ("1st", false),
        ("first name", false),
        ("a.b", false),
        ("", false),
    ] {
        assert_eq!(name.parse::<AttributeName>().is_ok(), fits, "{name}");
    }
    for (json, shown) in [
        (json!("Ann"), Ok(Some("Ann"))),
        (json!(30), Ok(Some("30"))),
        (json!(true), Ok(Some("true"))),
        (json!(null), Ok(None)),
        (json!([1]), Err(InvalidValue::Type)),
        (json!("x".repeat(MAX_TEXT + 1)), Err(InvalidValue::TooLong)),
    ] {
        let read = Value::from_json(json.clone());

        let text = read
            .as_ref()
            .map(|value| value.as_ref().map(ToString::to_string));
        assert_eq!(
            text,
            shown.as_ref().map(|shown| shown.map(str::to_owned)),
            "{json}"
        );
        if let Ok(Some(value)) = read {
            let stored = serde_json::to_string(&value).unwrap();
            assert_eq!(serde_json::from_str::<Value>(&stored).unwrap(), value);
        }
    }
}

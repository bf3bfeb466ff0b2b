use super::*;

fn content(text: &str, languages: &[(&str, &str)]) -> Content {
    let language = |(tag, text): &(&str, &str)| (tag.parse().unwrap(), (*text).to_owned());
    Content {
        languages: languages.iter().map(language).collect(),
        ..Content::from(text)
    }
}

fn texts(content: &Content) -> Texts {
    Texts::parse(content).unwrap()
}

#[test]
fn a_recipient_gets_the_text_in_its_language_or_in_the_nearest_wider_one() {
    let content = content(
        "Hello",
        &[("de", "Hallo"), ("de-CH", "Grüezi"), ("pt", "Olá")],
    );
    let texts = texts(&content);
    for (language, expected) in [
        (None, "Hello"),
        (Some(""), "Hello"),
        (Some("fr"), "Hello"),
        (Some("not a language"), "Hello"),
        (Some("de"), "Hallo"),
        (Some("DE_at"), "Hallo"),
        (Some("de-ch"), "Grüezi"),
        (Some(" de_CH "), "Grüezi"),
        (Some("de-CH-1996"), "Grüezi"),
        (Some("pt-BR"), "Olá"),
    ] {
        let value = |name: &str| language.filter(|_| name == LANGUAGE);

        let text = texts.render(value, None).unwrap();

        assert_eq!(text, expected, "{language:?}");
    }
}

#[test]
fn the_values_that_are_kept_are_those_that_a_text_needs() {
    for (name, content, expected) in [
        ("a text", content("{{a}} {{b}}", &[]), vec!["a", "b"]),
        (
            "a link is ours",
            content("{{a}} {{opt_out_link}}", &[]),
            vec!["a"],
        ),
        (
            "languages",
            content("{{a}}", &[("de", "{{b}} {{a}}")]),
            vec!["a", "b", LANGUAGE],
        ),
    ] {
        assert_eq!(texts(&content).values(), expected, "{name}");
    }
}

#[test]
fn a_link_is_never_a_recipients_value() {
    let content = Content {
        links: Some(Links::at("https://example.com/l/")),
        ..Content::from("Out: {{opt_out_link}}")
    };
    let value = |_: &str| Some("https://elsewhere.example");

    let counted = texts(&content).render(value, None).unwrap();
    let sent = texts(&content)
        .render(value, Some(&["https://example.com/l/Zz09aAbB".to_owned()]))
        .unwrap();

    assert_eq!(sent, "Out: https://example.com/l/Zz09aAbB");
    assert_eq!(counted.len(), sent.len(), "parts are counted with a sample");
}

#[test]
fn smart_encoding_replaces_only_what_makes_the_text_gsm() {
    for (name, encoding, text, expected) in [
        ("as written", EncodingPolicy::Auto, "“{{a}}”", "“x”"),
        ("all of it", EncodingPolicy::Smart, "“{{a}}”", "\"x\""),
        ("not by it", EncodingPolicy::Smart, "“{{a}}” 🎉", "“x” 🎉"),
    ] {
        let content = Content {
            encoding,
            ..Content::from(text)
        };

        let rendered = texts(&content).render(|_| Some("x"), None).unwrap();

        assert_eq!(rendered, expected, "{name}");
    }
}

#[test]
fn a_text_that_cannot_be_read_says_in_which_language() {
    let wrong = content("Hello", &[("de", "Hallo {{name")]);

    let error = Texts::parse(&wrong).unwrap_err();

    assert_eq!(error.language, "de".parse().ok());
}

#[test]
fn what_was_pinned_before_there_were_languages_is_still_read() {
    let content: Content = serde_json::from_str(r#"{"text":"Hello"}"#).unwrap();

    assert_eq!(content, Content::from("Hello"));
}

use proptest::prelude::*;

use super::*;

fn render(text: &str, values: &[(&str, &'static str)]) -> Result<String, RenderError> {
    Template::parse(text).unwrap().render(|name| {
        values
            .iter()
            .find(|(known, _)| *known == name)
            .map(|(_, value)| *value)
    })
}

#[test]
fn a_text_is_rendered_with_its_values() {
    let values = [
        ("name", "Ada"),
        ("city", "Köln"),
        ("empty", ""),
        ("blank", " \n "),
        ("_x1", "one"),
    ];
    let cases = [
        ("no placeholder", "Hello", "Hello"),
        ("empty text", "", ""),
        ("one", "Hi {{name}}!", "Hi Ada!"),
        ("two, side by side", "{{name}}{{city}}", "AdaKöln"),
        ("twice", "{{name}} {{name}}", "Ada Ada"),
        ("spaces inside the braces", "Hi {{  name }}!", "Hi Ada!"),
        ("underscore and digits", "{{_x1}}", "one"),
        ("default not needed", "{{name|friend}}", "Ada"),
        (
            "default of a missing value",
            "Hi {{other|friend}}!",
            "Hi friend!",
        ),
        (
            "default of an empty value",
            "Hi {{empty|friend}}!",
            "Hi friend!",
        ),
        (
            "default of a blank value",
            "Hi {{blank|friend}}!",
            "Hi friend!",
        ),
        (
            "spaces around a default",
            "Hi {{ other | dear friend }}!",
            "Hi dear friend!",
        ),
        ("empty default", "Hi{{other|}}!", "Hi!"),
        ("default with a bar", "{{other|a|b}}", "a|b"),
        ("default with a brace", "{{other|{a}}}", "{a}"),
        (
            "literal braces",
            r"Write \{{name}} here",
            "Write {{name}} here",
        ),
        (
            "literal braces, then a placeholder",
            r"\{{{{name}}",
            "{{Ada",
        ),
        ("backslash before a placeholder", r"C:\\{{name}}", r"C:\Ada"),
        ("backslash and literal braces", r"\\\{{name}}", r"\{{name}}"),
        (
            "backslashes elsewhere",
            r"a\b\\c \{d} \n",
            r"a\b\\c \{d} \n",
        ),
        ("lone braces", "{name} } }} {", "{name} } }} {"),
    ];
    for (name, text, expected) in cases {
        assert_eq!(render(text, &values), Ok(expected.to_owned()), "{name}");
    }
}

#[test]
fn values_are_cleaned_and_never_parsed() {
    let cases = [
        ("braces", "{{name}} \\{{", "{{name}} \\{{"),
        ("newline stays", "a\nb", "a\nb"),
        ("carriage return", "a\r\nb", "a\nb"),
        ("C0", "a\0\u{1b}\tb\u{7f}", "ab"),
        ("C1", "a\u{80}\u{9f}b", "ab"),
        ("bidi marks", "a\u{200e}\u{200f}\u{61c}b", "ab"),
        (
            "bidi overrides and isolates",
            "\u{202e}abc\u{202c}\u{2066}d\u{2069}",
            "abcd",
        ),
        ("emoji joined by U+200D", "👩\u{200d}👧", "👩\u{200d}👧"),
        ("no-break space", "a\u{a0}b", "a\u{a0}b"),
        ("spaces at the ends", " a ", " a "),
    ];
    for (name, value, expected) in cases {
        let text = render("[{{v}}]", &[("v", value)]);

        assert_eq!(text, Ok(format!("[{expected}]")), "{name}");
    }
}

#[test]
fn a_missing_value_is_named() {
    for (name, value) in [
        ("absent", None),
        ("empty", Some("")),
        ("blank", Some("  ")),
        ("controls only", Some("\u{202e}\0")),
    ] {
        let rendered = Template::parse("Hi {{first_name}}")
            .unwrap()
            .render(|_| value);

        let error = rendered.unwrap_err();
        assert_eq!(
            error,
            RenderError::MissingValue {
                name: "first_name".to_owned()
            },
            "{name}"
        );
        let words = "no value for `first_name`; fill it in, or give the placeholder a default: `{{first_name|…}}`";
        assert_eq!(error.to_string(), words, "{name}");
    }
}

#[test]
fn a_result_has_at_most_1600_characters() {
    let template = Template::parse("é{{v}}").unwrap();
    let fits = "é".repeat(1599);
    let exceeds = "é".repeat(1600);

    assert_eq!(
        template
            .render(|_| Some(&fits))
            .map(|text| text.chars().count()),
        Ok(1600)
    );
    assert_eq!(
        template.render(|_| Some(&exceeds)),
        Err(RenderError::TooLong { characters: 1601 })
    );
}

#[test]
fn a_problem_is_located() {
    use TemplateProblem::{EmptyName, InvalidName, NameTooLong, Nested, TooLong, Unclosed};
    let long_name = format!("{{{{{}}}}}", "n".repeat(65));
    let long_text = "é".repeat(1601);
    let cases = [
        ("not closed", "Hi {{name", (1, 4, 3, Unclosed)),
        (
            "closed by one brace",
            "Hi {{name}, bye",
            (1, 4, 3, Unclosed),
        ),
        (
            "closed by the next one",
            "Hi {{a} and {{b}}",
            (1, 4, 3, Unclosed),
        ),
        ("counted in characters", "é😀{{", (1, 3, 2, Unclosed)),
        ("second line", "a\nbc{{", (2, 3, 4, Unclosed)),
        ("after an escape", r"\{{ {{", (1, 5, 4, Unclosed)),
        ("no name", "{{}}", (1, 1, 0, EmptyName)),
        ("blank name", "{{ }}", (1, 1, 0, EmptyName)),
        ("no name, a default", "{{|x}}", (1, 1, 0, EmptyName)),
        ("space in a name", "{{first name}}", (1, 1, 0, InvalidName)),
        ("dash", "{{first-name}}", (1, 1, 0, InvalidName)),
        ("digit first", "{{1st}}", (1, 1, 0, InvalidName)),
        (
            "letters outside ASCII",
            "{{prénom}}",
            (1, 1, 0, InvalidName),
        ),
        ("three braces", "{{{name}}}", (1, 1, 0, InvalidName)),
        ("long name", long_name.as_str(), (1, 1, 0, NameTooLong)),
        ("placeholder in a default", "{{a|{{b}}}}", (1, 1, 0, Nested)),
        ("long text", long_text.as_str(), (1, 1601, 1600, TooLong)),
    ];
    for (name, text, expected) in cases {
        let error = Template::parse(text).unwrap_err();

        assert_eq!(
            (error.line, error.column, error.offset, error.problem),
            expected,
            "{name}"
        );
    }
}

#[test]
fn a_problem_says_how_to_mend_it() {
    let error = Template::parse("Hi {{name").unwrap_err();

    let words = r"line 1, column 4: `{{` is not closed; add `}}` after the name, or write `\{{` if the braces are meant";
    assert_eq!(error.to_string(), words);
}

#[test]
fn placeholders_are_compared_with_the_columns() {
    let template = Template::parse("{{b}} {{a|x}} {{b}} {{c}}").unwrap();

    assert_eq!(template.placeholders(), ["b", "a", "c"]);
    assert_eq!(template.unknown(&["a", "B"]), ["b", "c"]);
    assert!(template.unknown(&["a", "b", "c", "d"]).is_empty());
}

#[test]
fn a_names_length_is_64() {
    assert!(Template::parse(&format!("{{{{{}}}}}", "n".repeat(64))).is_ok());
}

proptest! {
    #[test]
    fn an_escaped_text_renders_to_itself(text in "[a-z\\\\{}| ]{0,60}") {
        let mut escaped = String::new();
        let mut rest = text.as_str();
        while let Some(open) = rest.find("{{") {
            let before = &rest[..open];
            let plain = before.trim_end_matches('\\');
            escaped.push_str(plain);
            escaped.push_str(&"\\".repeat(2 * (before.len() - plain.len()) + 1));
            escaped.push_str("{{");
            rest = &rest[open + 2..];
        }
        escaped.push_str(rest);

        let rendered = Template::parse(&escaped).map(|template| template.render(|_| None));

        prop_assert_eq!(rendered, Ok(Ok(text)));
    }

    #[test]
    fn no_control_character_comes_from_a_value(text in "[a{}|\\\\é ]{0,40}", value in any::<String>()) {
        if let Ok(Ok(rendered)) = Template::parse(&text).map(|template| template.render(|_| Some(&value))) {
            prop_assert!(rendered.chars().all(|character| character == '\n' || !character.is_control()));
            prop_assert!(rendered.chars().count() <= MAX_CHARACTERS);
        }
    }
}

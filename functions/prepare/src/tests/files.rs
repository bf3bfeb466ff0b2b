//! What becomes of the rows of a file.

use carillon_core::{batch::Prepared, content::Content};

use super::*;

#[test]
fn rows_are_counted_by_what_becomes_of_them() {
    let counts = |rows, accepted, rejected, duplicates, parts| Prepared {
        rows,
        accepted,
        rejected,
        duplicates,
        opted_out: 0,
        capped: 0,
        no_consent: 0,
        parts,
    };
    for (name, csv, text, expected) in [
        (
            "all good",
            "phone\n+447700900001\n+447700900002\n",
            "Hi",
            counts(2, 2, 0, 0, 2),
        ),
        (
            "blank lines are no rows",
            "phone,x\n\n+447700900001,\n , \n",
            "Hi",
            counts(1, 1, 0, 0, 1),
        ),
        (
            "duplicates, however they are written",
            "phone\n+447700900001\n+44 (0)7700 900001\n+447700900001\n",
            "Hi",
            counts(3, 1, 0, 2, 1),
        ),
        (
            "a bad number twice is rejected twice",
            "phone\n+1\n+1\n+447700900001\n",
            "Hi",
            counts(3, 1, 2, 0, 1),
        ),
        (
            "parts are those of the rendered texts of the accepted",
            "phone,name\n+447700900001,Ann\n+447700900001,Ştefan\n+447700900002,Ştefan\n",
            "{{name}}, this is a text of more than seventy characters, which a name can halve.",
            counts(3, 2, 0, 1, 3),
        ),
        ("nobody", "phone\n", "Hi", counts(0, 0, 0, 0, 0)),
    ] {
        let outcome = prepare(csv, text);

        assert_eq!(outcome.manifest.prepared, expected, "{name}");
    }
}

#[test]
fn the_first_row_of_a_number_wins() {
    let outcome = prepare(
        "phone,name,ref\n+447700900002,Bea,b\n+447700900001,Ann,a\n+44 7700 900001,Zoe,z\n",
        "Hi {{name}}",
    );

    let ann = outcome.recipient(447_700_900_001);
    assert_eq!(ann.vars["name"], "Ann");
    assert_eq!(ann.reference.as_deref(), Some("a"));
}

#[test]
fn what_was_rejected_says_where_and_why_and_never_the_number() {
    let mut recipients = read(
        "mobile,name\n\
         +447700900001,Ann\n\
         4.47701E+11,Bea\n\
         +447700900002,\n\
         +447700900001,Cid\n\
         +447700900003\n\
         07700900004,Dan\n",
        "Hi {{name}}",
    )
    .unwrap();
    recipients.deduplicate();

    let csv = rejected(&mut recipients);

    assert_eq!(
        csv,
        "line,column,code,message\n\
         3,mobile,damaged_number,\"the phone number was damaged by a spreadsheet, which kept only its first digits; format the column as text and export the original numbers again\"\n\
         4,name,missing_value,\"no value for `name`; fill it in, or give the placeholder a default: `{{name|…}}`\"\n\
         5,mobile,duplicate,line 2 has the same number and is the one that counts; remove one of them\n\
         6,,wrong_column_count,\"the row has 1 cells and the header 2; put a cell with a delimiter in it in quotes, and keep empty cells\"\n\
         7,mobile,no_country_code,\"the phone number has no country code; write it as `+`, country code and number, or set a default country\"\n"
    );
}

#[test]
fn nothing_is_listed_where_nothing_is_wrong() {
    let mut recipients = read("phone\n+447700900001\n", "Hi").unwrap();
    recipients.deduplicate();

    assert_eq!(rejected(&mut recipients), "");
}

#[test]
fn a_default_stands_in_for_a_value_and_for_a_column() {
    let csv = "phone,name,town\n+447700900001, ,\n";

    let outcome = prepare(
        csv,
        "Hi {{name|there}} in {{town|town}}, {{city|where}} are you?",
    );

    assert_eq!(outcome.manifest.prepared.accepted, 1);
    let vars = &outcome.recipient(447_700_900_001).vars;
    assert_eq!(
        vars.keys().collect::<Vec<_>>(),
        ["name"],
        "an empty value isn't kept"
    );
}

#[test]
fn a_text_too_long_with_its_values_is_rejected() {
    let csv = format!("phone,name\n+447700900001,{}\n", "x".repeat(1600));
    let mut recipients = read(&csv, "Hi {{name}}").unwrap();

    assert!(rejected(&mut recipients).contains("\n2,,text_too_long,"));
}

#[test]
fn only_what_the_text_uses_is_kept() {
    let outcome = prepare(
        "phone,First name,salary,ref\n+447700900001,\"Ann \"\"A\"\"\n\u{7}\",100000,r-1\n",
        "Hi {{First_name}} {{First_name}} {{phone}}",
    );

    let recipient = outcome.recipient(447_700_900_001);
    let vars: Vec<_> = recipient
        .vars
        .iter()
        .map(|(k, v)| (k.as_str(), v.as_str()))
        .collect();
    assert_eq!(
        vars,
        [
            ("First_name", "Ann \"A\"\n\u{7}"),
            ("phone", "+447700900001")
        ]
    );
    assert_eq!(recipient.reference.as_deref(), Some("r-1"));
}

#[test]
fn the_opted_out_are_left_out_and_counted() {
    let csv = "phone\n+447700900001\n+447700900002\n+447700900002\n";
    let mut recipients = read(csv, "Hi").unwrap();
    recipients.deduplicate();
    recipients.remove_opted_out(|number| number == phone(447_700_900_002));

    let outcome = cut(recipients, 1);

    assert_eq!(outcome.numbers(), [[447_700_900_001]]);
    assert_eq!(
        outcome.manifest.prepared,
        Prepared {
            rows: 3,
            accepted: 1,
            rejected: 0,
            duplicates: 1,
            opted_out: 1,
            capped: 0,
            no_consent: 0,
            parts: 1
        }
    );
}

#[test]
fn an_inline_audience_is_read_like_a_file() {
    let lines = concat!(
        r#"{"v":1,"to":"+447700900002","vars":{"name":"Bea","city":"Bath"},"ref":"b"}"#,
        "\n",
        r#"{"v":1,"to":"+12025550143"}"#,
        "\n",
        "oops\n",
        r#"{"v":1,"to":"+447700900002","vars":{"name":"Zoe"}}"#,
        "\n",
        r#"{"v":1,"to":"+4915123456789","vars":{"name":"Cem"}}"#,
    );
    let rows = Rows::lines(file(lines)).unwrap();
    let text = Texts::parse(&"Hi {{name}}".into()).unwrap();
    let mut recipients = Recipients::read(rows, &text, None).unwrap();
    recipients.deduplicate();

    let csv = rejected(&mut recipients);
    let outcome = cut(recipients, 1);

    let rejections: Vec<_> = csv.lines().skip(1).map(|line| &line[..10]).collect();
    assert_eq!(rejections, ["2,name,mis", "3,,unreada", "4,to,dupli"]);
    assert_eq!(outcome.numbers(), [[447_700_900_002], [4_915_123_456_789]]);
    assert_eq!(outcome.recipient(447_700_900_002).vars["name"], "Bea");
}

#[test]
fn an_audience_of_nobody_is_a_problem() {
    for (name, csv, expected) in [
        ("no rows", "phone\n", "the audience has no recipients; add"),
        (
            "no valid one",
            "phone\n+447700\n",
            "none of the rows can be sent to: of 1, 1 were rejected and 0 have opted out; the first, line 2, column `phone`: the phone number ",
        ),
    ] {
        let problem = read(csv, "Hi").unwrap().check().unwrap_err().to_string();

        assert!(problem.starts_with(expected), "{name}: {problem}");
    }
    assert!(
        read("phone\n+447700900001\n", "Hi")
            .unwrap()
            .check()
            .is_ok()
    );
}

#[test]
fn a_file_that_breaks_off_is_a_problem_as_a_whole() {
    let broken = read("phone,name\n+447700900001,Ann\n+447700900002,\"Bea\n", "Hi");

    let error = broken.err().unwrap();

    assert_eq!(error.code(), "unclosed_quote");
}

#[test]
fn a_time_zone_that_nobody_knows_is_said_to_be_wrong() {
    let mut recipients = read(
        "phone,timezone\n+447700900001,Europe/Londinium\n+447700900002,Europe/London\n",
        "Hi",
    )
    .unwrap();

    let rejected = rejected(&mut recipients);

    assert_eq!(recipients.counts().accepted, 1);
    assert_eq!(
        rejected,
        "line,column,code,message\n\
         2,timezone,unknown_time_zone,\"the cell isn't a time zone; write a name of the IANA database, such as `Europe/Paris`, or leave it empty, and the number's own zone counts\"\n"
    );
}

#[test]
fn parts_are_those_of_the_text_in_a_rows_language_which_is_kept_with_its_values() {
    let content = Content {
        // Two parts, by a character outside the GSM alphabet; the other language takes one.
        languages: [("de".parse().unwrap(), "Hallo {{name}}".to_owned())].into(),
        ..Content::from(
            "Hi {{name}}, this text has more than seventy characters, one of them ✓ outside of GSM.",
        )
    };
    let csv = "phone,name,language,city\n+447700900001,Ann,en,Bath\n+447700900002,Bea,de-AT,Graz\n";
    let rows = Rows::csv(file(csv), &Options::default()).unwrap();

    let recipients = Recipients::read(rows, &Texts::parse(&content).unwrap(), None).unwrap();
    let outcome = cut(recipients, 1 << 20);

    assert_eq!(outcome.manifest.prepared.parts, 3);
    let vars = &outcome.recipient(447_700_900_002).vars;
    assert_eq!((vars["language"].as_str(), vars.len()), ("de-AT", 2));
}

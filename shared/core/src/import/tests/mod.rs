mod fixtures;
mod suggestions;

use std::io::Cursor;

use super::*;
use crate::{
    phone::Phone,
    recipients::{FileError, Sheet},
};

fn now() -> Timestamp {
    "2026-03-01T12:00:00Z".parse().unwrap()
}

/// Terms of a file whose columns mean this.
fn terms(file: &[u8], header: bool, mapping: &[(&str, Target)]) -> Result<Terms, FileError> {
    let mut sheet = Sheet::open(Cursor::new(file), None, None)?;
    sheet.read()?.ok_or(FileError::Empty)?;
    let headers = Headers::of(sheet.record(), header);
    let mapping: Vec<(String, Target)> = mapping
        .iter()
        .map(|(column, target)| ((*column).to_owned(), target.clone()))
        .collect();
    let columns = mapped(&headers, &mapping).unwrap();
    Ok(Terms {
        id: "imp_01h455vb4pex5vsknk084sn02q".parse().unwrap(),
        account: "acc_01h455vb4pex5vsknk084sn02q".parse().unwrap(),
        upload: "upl_01h455vb4pex5vsknk084sn02q".parse().unwrap(),
        etag: "\"1\"".to_owned(),
        bytes: file.len() as u64,
        layout: Layout {
            delimiter: sheet.delimiter(),
            header,
            names: headers.names().to_vec(),
            columns,
        },
        default_country: None,
        on_conflict: OnConflict::Update,
        blank: Blank::Keep,
        lists: BTreeSet::new(),
        tags: BTreeSet::new(),
        consent: None,
        dry_run: false,
        created: now(),
    })
}

fn attribute(name: &str, kind: ValueKind) -> Target {
    let name = name.parse().unwrap();
    Target::Attribute { name, kind }
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

/// The one row of a file `phone,name,city,tags`.
fn one(cells: &str) -> (Terms, Row) {
    let file = format!("phone,name,city,language,tags\n+447700900001,{cells}\n");
    let mapping = [
        ("phone", Target::Phone),
        ("name", attribute("name", ValueKind::Text)),
        ("city", attribute("city", ValueKind::Text)),
        ("language", Target::Language),
        ("tags", Target::Tags),
    ];
    let terms = terms(file.as_bytes(), true, &mapping).unwrap();
    let mut reader = Reader::open(Cursor::new(file.as_bytes()), &terms).unwrap();
    let row = reader.next().unwrap().unwrap().unwrap();
    (terms, row)
}

fn shown(contact: &Contact) -> String {
    let attributes: Vec<String> = contact
        .attributes
        .iter()
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    let tags: Vec<&str> = contact.tags.iter().map(Tag::as_str).collect();
    let language = contact.language.as_ref().map(ToString::to_string);
    format!(
        "{} {} {}",
        attributes.join(" "),
        language.unwrap_or_default(),
        tags.join("+")
    )
}

#[test]
fn what_the_file_says_of_a_contact_that_is_there_depends_on_the_mode() {
    let (terms, first) = one("Ann,Leeds,,old");
    let (there, _) = terms.apply(None, &first, contact, now()).unwrap().unwrap();
    for (name, on_conflict, blank, cells, expected) in [
        (
            "update",
            OnConflict::Update,
            Blank::Keep,
            "Anna,,de,new",
            Some("city=Leeds name=Anna de new+old"),
        ),
        (
            "update and clear",
            OnConflict::Update,
            Blank::Clear,
            "Anna,,,",
            Some("name=Anna  old"),
        ),
        (
            "fill",
            OnConflict::Fill,
            Blank::Keep,
            "Anna,York,de,new",
            Some("city=Leeds name=Ann de new+old"),
        ),
        (
            "skip",
            OnConflict::Skip,
            Blank::Keep,
            "Anna,York,de,new",
            None,
        ),
    ] {
        let (_, row) = one(cells);
        let (read, _) = one(cells);
        let terms = Terms {
            on_conflict,
            blank,
            ..read
        };
        // Blanks are read by the terms.
        let row = if blank == Blank::Clear {
            let file = format!("phone,name,city,language,tags\n+447700900001,{cells}\n");
            let mut reader = Reader::open(Cursor::new(file.as_bytes()), &terms).unwrap();
            reader.next().unwrap().unwrap().unwrap()
        } else {
            row
        };

        let applied = terms.apply(Some(&there), &row, contact, now());

        let applied = applied.map(|applied| shown(&applied.unwrap().0));
        assert_eq!(applied.as_deref(), expected, "{name}");
    }
}

#[test]
fn what_an_import_changed_can_be_taken_back_exactly() {
    let (terms, first) = one("Ann,Leeds,,old");
    let (there, _) = terms.apply(None, &first, contact, now()).unwrap().unwrap();
    let (read, second) = one("Anna,York,de,new");
    let terms = Terms {
        lists: ["lst_01h455vb4pex5vsknk084sn02q".parse().unwrap()].into(),
        ..read
    };
    let (after, _) = terms
        .apply(Some(&there), &second, contact, now())
        .unwrap()
        .unwrap();
    let before = Before::between(&there, &after);
    let stored = serde_json::to_string(&before).unwrap();
    let read: Before = serde_json::from_str(&stored).unwrap();
    assert_eq!(read, before);

    let mut restored = after.clone();
    restored.change(&read.change(), now()).unwrap();

    assert_ne!(after.attributes, there.attributes);
    assert_eq!(
        Contact {
            version: there.version,
            ..restored
        },
        there
    );
}

#[test]
fn an_outcome_has_a_letter_and_counts_once() {
    let mut counts = Counts::default();
    for letter in *b"cunsdr" {
        let outcome = Outcome::of_letter(letter).unwrap();
        assert_eq!(outcome.letter(), letter);
        counts.add(outcome);
    }

    assert_eq!(counts.rows, 6);
    let Counts {
        created,
        updated,
        unchanged,
        skipped,
        duplicates,
        rejected,
        ..
    } = counts;
    assert_eq!(
        [created, updated, unchanged, skipped, duplicates, rejected],
        [1; 6]
    );
}

#[test]
fn a_mapping_that_can_not_be_is_refused_with_the_way_out() {
    let file = b"Phone,Name,Name\n+447700900001,a,b\n";
    let mut sheet = Sheet::open(Cursor::new(file.as_slice()), None, None).unwrap();
    sheet.read().unwrap();
    let headers = Headers::of(sheet.record(), true);
    let name = || attribute("name", ValueKind::Text);
    for (case, mapping, expected) in [
        (
            "no number",
            vec![("name", name())],
            "no column is mapped to `phone`",
        ),
        (
            "a column that isn't there",
            vec![("Phone", Target::Phone), ("City", name())],
            "no column `City` among `Phone`, `Name`, `Name`; `#2` is the second",
        ),
        (
            "one column twice",
            vec![
                ("Phone", Target::Phone),
                ("Name", name()),
                ("#2", Target::Tags),
            ],
            "mapped already by entry 1",
        ),
        (
            "two columns for one attribute",
            vec![("Phone", Target::Phone), ("#2", name()), ("#3", name())],
            "entry 1 maps another column to the same",
        ),
    ] {
        let mapping: Vec<_> = mapping
            .into_iter()
            .map(|(column, target)| (column.to_owned(), target))
            .collect();

        let error = mapped(&headers, &mapping).unwrap_err().to_string();

        assert!(error.contains(expected), "{case}: {error}");
    }
    let fine = [
        ("phone ".to_owned(), Target::Phone),
        ("#3".to_owned(), attribute("second", ValueKind::Text)),
    ];
    assert_eq!(mapped(&headers, &fine).unwrap()[1].place, 2);
}

//! From a file to contacts and back, against the local stack.

#![expect(clippy::unwrap_used, reason = "a test")]

mod setup;

use std::fmt::Write;

use carillon_core::{
    contact::Value,
    import::{Blank, ConsentBasis, Counts, OnConflict, Stage, Terms, Undo},
    phone::Phone,
    suppression::{Cause, Consent, Word},
};
use carillon_store::imports::ImportRequest;
use carillon_testkit::watched::Watch;
use import::{Importer, handle};
use jiff::SignedDuration;
use serde_json::json;

use setup::{World, deadline, now};

const FIRST: u64 = 447_700_900_000;

fn rows(count: u64) -> String {
    let mut csv = "phone,name,city\n".to_owned();
    for row in 0..count {
        writeln!(csv, "+{},Ann {row},Leeds", FIRST + row).unwrap();
    }
    csv
}

fn text(value: &str) -> Value {
    Value::Text(value.to_owned())
}

fn counted(counts: &Counts) -> [u64; 7] {
    let Counts {
        rows,
        created,
        updated,
        unchanged,
        skipped,
        duplicates,
        rejected,
        ..
    } = *counts;
    [
        rows, created, updated, unchanged, skipped, duplicates, rejected,
    ]
}

#[tokio::test]
async fn rows_become_contacts_and_twice_is_as_once() {
    let world = World::new().await;
    let list = world.list().await;
    let csv = rows(23) + "+447700900003,Again,York\n+1,Bad,\n";
    let terms = Terms {
        lists: [list].into(),
        tags: ["spring".parse().unwrap()].into(),
        ..world.terms(csv).await
    };

    let import = world.import(&terms).await;
    let again = Terms {
        id: carillon_testkit::build::id(),
        ..terms.clone()
    };
    let second = world.import(&again).await;

    assert_eq!(import.stage, Stage::Done, "{import:?}");
    assert_eq!(counted(&import.progress.counts), [25, 23, 0, 0, 0, 1, 1]);
    assert_eq!(import.progress.counts.bytes, terms.bytes);
    assert_eq!(counted(&second.progress.counts), [25, 0, 0, 23, 0, 1, 1]);
    let contacts = world.everybody().await;
    assert_eq!(contacts.len(), 23);
    let contact = &contacts[3];
    assert_eq!(contact.attributes["name"], text("Ann 3"));
    assert!(contact.lists.contains(&list) && contact.version == 1);
    let members = world
        .importer
        .contacts
        .members(world.account, list, None, 100);
    assert_eq!(members.await.unwrap().len(), 23);
}

#[tokio::test]
async fn rejected_rows_come_back_with_line_reason_and_their_cells_and_mended_they_are_imported() {
    let world = World::new().await;
    let csv = "Telefon;Name\n+447700900001;Ann\n4,47911E+11;\"Bo;\nJr\"\n+447700900001;=Zoe\n+447700900002;@sum;x\n";
    let terms = world.terms(csv).await;

    world.import(&terms).await;

    let rejected = world.rejected(&terms).await;
    let lines: Vec<&str> = rejected.split_inclusive('\n').collect();
    assert_eq!(
        lines[0],
        "\u{feff}import_line;import_code;import_column;import_reason;Telefon;Name\n"
    );
    for (start, end) in [
        (
            "3;damaged_number;Telefon;\"the phone number was damaged by a spreadsheet",
            "4,47911E+11;\"Bo;\nJr\"\n",
        ),
        (
            "5;formula;Name;\"the cell is a formula",
            "+447700900001;'=Zoe\n",
        ),
        (
            "6;wrong_column_count;;\"the row has 3 cells and the header 2",
            "+447700900002;'@sum;x\n",
        ),
    ] {
        let there = rejected
            .find(start)
            .unwrap_or_else(|| panic!("{start}: {rejected}"));
        assert!(rejected[there..].contains(end), "{end}: {rejected}");
    }
    let mended = rejected.replace("4,47911E+11", "+447700900007");
    let mended = world.import(&world.terms(mended).await).await;
    assert_eq!(mended.progress.counts.created, 1, "{mended:?}");
}

#[tokio::test]
async fn a_worker_that_dies_after_any_of_its_calls_is_followed_by_one_who_comes_to_the_same() {
    let world = World::new().await;
    let list = world.list().await;
    world
        .import(&world.terms("phone,name\n+447700900004,Old\n").await)
        .await;
    let csv = rows(25) + "+1,Bad,\n+447700900003,Again,York\n";
    let mut deaths = 0;
    for calls in (1..).step_by(2) {
        let terms = Terms {
            lists: [list].into(),
            ..world.terms(csv.clone()).await
        };
        let request = world.begin(&terms).await;

        let died = world.mortal(calls).work(request, deadline()).await.is_err();
        // Its lease is over.
        let later = deadline() + SignedDuration::from_mins(1);
        let asked = world.importer.imports.may_ask(request, later, now()).await;
        let finished = world.state(request).await.stage != Stage::Importing;
        assert!(finished || asked.unwrap(), "after {calls} calls");
        world.importer.work(request, deadline()).await.unwrap();

        let import = world.state(request).await;
        assert_eq!(import.stage, Stage::Done, "after {calls} calls");
        assert_eq!(
            counted(&import.progress.counts),
            [27, 24, 1, 0, 0, 1, 1],
            "after {calls} calls"
        );
        assert!(world.rejected(&terms).await.contains("27,invalid_phone"));
        let undone = world.undo(request).await;
        let Undo {
            removed,
            restored,
            changed_since,
            ..
        } = undone.progress.undo;
        assert_eq!(
            (removed, restored, changed_since),
            (24, 1, 0),
            "after {calls} calls"
        );
        let left = world.everybody().await;
        assert_eq!(left.len(), 1, "after {calls} calls");
        assert_eq!(left[0].attributes["name"], text("Old"));
        if !died {
            break;
        }
        deaths += 1;
    }
    assert!(deaths >= 8, "{deaths} deaths");
}

#[tokio::test]
async fn an_undo_that_dies_is_followed_by_one_who_counts_the_same() {
    let world = World::new().await;
    world.import(&world.terms(rows(3)).await).await;
    for calls in (3..60).step_by(7) {
        let csv = rows(25).replace("Leeds", "York");
        let terms = world.terms(csv).await;
        let import = world.import(&terms).await;
        assert_eq!(counted(&import.progress.counts), [25, 22, 3, 0, 0, 0, 0]);
        let request = ImportRequest {
            account: world.account,
            import: terms.id,
        };
        let audit = world.audit();
        let undo = world.importer.imports.undo(request, now(), &audit);
        undo.await.unwrap().unwrap();

        // It may as well come to its end.
        drop(world.mortal(calls).work(request, deadline()).await);
        let later = deadline() + SignedDuration::from_mins(1);
        world
            .importer
            .imports
            .may_ask(request, later, now())
            .await
            .unwrap();
        world.importer.work(request, deadline()).await.unwrap();

        let import = world.state(request).await;
        assert_eq!(import.stage, Stage::Undone);
        let expected = Undo {
            rows: 25,
            removed: 22,
            restored: 3,
            changed_since: 0,
            deleted_since: 0,
        };
        assert_eq!(import.progress.undo, expected, "after {calls} calls");
        let left = world.everybody().await;
        assert_eq!(left.len(), 3);
        assert_eq!(left[0].attributes["city"], text("Leeds"));
    }
}

#[tokio::test]
async fn what_somebody_changed_after_the_import_is_left_and_counted() {
    let world = World::new().await;
    world.import(&world.terms(rows(4)).await).await;
    let csv = rows(6).replace("Leeds", "York");
    let terms = world.terms(csv).await;
    world.import(&terms).await;
    let request = ImportRequest {
        account: world.account,
        import: terms.id,
    };
    world
        .change(FIRST, |contact| contact.language = "de".parse().ok())
        .await;
    let gone = world.contact(FIRST + 1).await.unwrap();
    world
        .importer
        .contacts
        .delete(&gone)
        .await
        .unwrap()
        .unwrap();
    world
        .change(FIRST + 4, |contact| contact.language = "de".parse().ok())
        .await;

    let undone = world.undo(request).await;

    let expected = Undo {
        rows: 6,
        removed: 1,
        restored: 2,
        changed_since: 2,
        deleted_since: 1,
    };
    assert_eq!(undone.progress.undo, expected);
    let left = world.everybody().await;
    let cities: Vec<_> = left
        .iter()
        .map(|it| it.attributes["city"].clone())
        .collect();
    assert_eq!(
        cities,
        [text("York"), text("Leeds"), text("Leeds"), text("York")]
    );
}

#[tokio::test]
async fn a_dry_run_counts_the_same_and_writes_nothing() {
    let world = World::new().await;
    world.import(&world.terms(rows(3)).await).await;
    let csv = rows(5).replace("Ann 1", "Anna") + "+1,Bad,\n";
    let dry = Terms {
        dry_run: true,
        ..world.terms(csv.clone()).await
    };
    let before = world.everybody().await;

    let counted_dry = world.import(&dry).await;

    assert_eq!(world.everybody().await, before);
    assert_eq!(counted(&counted_dry.progress.counts), [6, 2, 1, 2, 0, 0, 1]);
    assert!(world.rejected(&dry).await.contains("7,invalid_phone"));
    let wet = world.import(&world.terms(csv).await).await;
    assert_eq!(wet.progress.counts.created, 2);
    assert_eq!(
        counted(&wet.progress.counts),
        counted(&counted_dry.progress.counts)
    );
}

#[tokio::test]
async fn contacts_that_are_there_are_updated_filled_or_left() {
    for (on_conflict, blank, city, name, expected) in [
        (
            OnConflict::Update,
            Blank::Keep,
            "",
            "Anna",
            [3, 1, 2, 0, 0, 0, 0],
        ),
        (
            OnConflict::Update,
            Blank::Clear,
            "",
            "Anna",
            [3, 1, 2, 0, 0, 0, 0],
        ),
        (
            OnConflict::Fill,
            Blank::Keep,
            "York",
            "Anna",
            [3, 1, 0, 2, 0, 0, 0],
        ),
        (
            OnConflict::Skip,
            Blank::Keep,
            "York",
            "Anna",
            [3, 1, 0, 0, 2, 0, 0],
        ),
    ] {
        let world = World::new().await;
        world.import(&world.terms(rows(2)).await).await;
        let csv = format!(
            "phone,name,city\n+{FIRST},{name},{city}\n+{},{name},{city}\n+{},New,Bath\n",
            FIRST + 1,
            FIRST + 2
        );
        let terms = Terms {
            on_conflict,
            blank,
            ..world.terms(csv).await
        };

        let import = world.import(&terms).await;

        assert_eq!(
            counted(&import.progress.counts),
            expected,
            "{on_conflict:?}"
        );
        let contact = world.contact(FIRST).await.unwrap();
        let city = (blank == Blank::Keep).then(|| text("Leeds"));
        assert_eq!(
            contact.attributes.get("city"),
            city.as_ref(),
            "{on_conflict:?}"
        );
    }
}

#[tokio::test]
async fn an_import_makes_nobody_textable_again_and_records_consents_only_when_asked_and_once() {
    let world = World::new().await;
    let number = Phone::from_digits(FIRST + 1).unwrap();
    let hash = world.importer.key.number(world.account, number);
    let word = Word::new(Consent::OptedOut, now(), Cause::Reply);
    let suppressions = &world.importer.suppressions;
    suppressions
        .take(world.account, &hash, &word, now())
        .await
        .unwrap();
    let basis = ConsentBasis {
        scope: carillon_core::consent::ConsentScope::Marketing,
        given: "2025-05-01T00:00:00Z".parse().unwrap(),
        source: "the shop's till".to_owned(),
        text: "Yes, text me offers".to_owned(),
        language: None,
        evidence: None,
    };
    let without = world.terms(rows(3)).await;
    let with = Terms {
        consent: Some(basis.clone()),
        ..world.terms(rows(3)).await
    };
    // Some of its numbers have a record already, and some get their first.
    let more = Terms {
        consent: Some(basis),
        ..world.terms(rows(5)).await
    };

    let first = world.import(&without).await;
    let second = world.import(&with).await;
    let third = world.import(&more).await;

    let counts = [first, second, third];
    let counts = counts.map(|it| (it.progress.counts.suppressed, it.progress.counts.consents));
    assert_eq!(counts, [(1, 0), (1, 2), (1, 4)]);
    assert!(suppressions.holds(world.account, &hash).await.unwrap());
    let records = async |row: u64| {
        let number = Phone::from_digits(FIRST + row).unwrap();
        let page = world
            .importer
            .consents
            .page(world.account, number, None, 10);
        let page = page.await.unwrap();
        assert!(page.iter().all(|record| record.is_intact), "row {row}");
        page.len()
    };
    let mut found = Vec::new();
    for row in 0..5 {
        found.push(records(row).await);
    }
    assert_eq!(found, [2, 0, 2, 1, 1]);
    let hashes = [0, 3].map(|row| {
        let number = Phone::from_digits(FIRST + row).unwrap();
        world.importer.key.number(world.account, number)
    });
    let agreed = world
        .importer
        .consents
        .agreed(world.account, hashes.to_vec(), now());
    assert_eq!(agreed.await.unwrap().len(), 2);
}

#[tokio::test]
async fn rows_share_their_calls() {
    let world = World::new().await;
    let list = world.list().await;
    let terms = Terms {
        lists: [list].into(),
        ..world.terms(rows(1000)).await
    };
    let request = world.begin(&terms).await;
    let watch = Watch::default();

    let importer = Importer {
        group: import::GROUP,
        ..world.watched(&watch)
    };

    importer.work(request, deadline()).await.unwrap();

    let import = world.state(request).await;
    assert_eq!(import.progress.counts.created, 1000);
    // Ten to read, twenty to write (a contact and its place on the list each), the file and the import itself.
    assert!(watch.calls() <= 40, "{} calls", watch.calls());
    let undone = world.undo(request).await;
    assert_eq!(undone.progress.undo.removed, 1000);
    assert!(world.everybody().await.is_empty());
}

#[tokio::test]
async fn who_is_changed_while_a_hundred_are_written_is_read_again_and_the_others_are_written_too() {
    let world = World::new().await;
    let list = world.list().await;
    world.import(&world.terms(rows(10)).await).await;
    let csv = rows(40).replace("Leeds", "York");
    let terms = Terms {
        lists: [list].into(),
        ..world.terms(csv).await
    };
    let request = world.begin(&terms).await;
    let watch = Watch::default();
    let importer = Importer {
        group: import::GROUP,
        ..world.watched(&watch)
    };
    let found = world.contact(FIRST + 3).await.unwrap();
    let mut changed = found.clone();
    changed.tags.insert("vip".parse().unwrap());
    changed.version += 1;
    let contacts = world.importer.contacts.clone();
    watch.before("TransactWriteItems", async move {
        contacts
            .save(Some(&found), &changed)
            .await
            .unwrap()
            .unwrap();
    });

    importer.work(request, deadline()).await.unwrap();

    assert!(watch.is_done());
    let import = world.state(request).await;
    assert_eq!(counted(&import.progress.counts), [40, 30, 10, 0, 0, 0, 0]);
    let contacts = world.everybody().await;
    assert_eq!(contacts.len(), 40);
    let all = |contact: &carillon_core::contact::Contact| {
        contact.attributes["city"] == text("York") && contact.lists.contains(&list)
    };
    assert!(contacts.iter().all(all), "{contacts:?}");
    let changed = world.contact(FIRST + 3).await.unwrap();
    assert!(
        changed.tags.contains(&"vip".parse().unwrap()),
        "{changed:?}"
    );

    let note = |contact: &mut carillon_core::contact::Contact| {
        contact.tags.insert("noted".parse().unwrap());
    };
    world.change(FIRST + 5, note).await;
    let found = world.contact(FIRST + 4).await.unwrap();
    let watch = Watch::default();
    let contacts = world.importer.contacts.clone();
    watch.before("TransactWriteItems", async move {
        let mut changed = found.clone();
        changed.version += 1;
        contacts
            .save(Some(&found), &changed)
            .await
            .unwrap()
            .unwrap();
    });
    let undone = world.undo_by(&world.watched(&watch), request).await;

    assert!(watch.is_done());
    let Undo {
        removed,
        restored,
        changed_since,
        ..
    } = undone.progress.undo;
    assert_eq!((removed, restored, changed_since), (30, 8, 2));
}

#[tokio::test]
async fn a_file_that_takes_longer_than_an_invocation_goes_on_in_the_next() {
    let world = World::new().await;
    let terms = world.terms(rows(35)).await;
    let request = world.begin(&terms).await;
    let mut invocations = 0;
    // Its time is over as soon as it begins.
    world.importer.work(request, now()).await.unwrap();
    assert_eq!(world.state(request).await.progress.counts.rows, 0);

    while world.state(request).await.stage == Stage::Importing {
        handle(
            &world.importer,
            json!({"source": "aws.scheduler"}),
            deadline(),
        )
        .await
        .unwrap();
        let asked = world.asked().await;
        assert_eq!(asked.len(), 1, "in invocation {invocations}");
        let records = json!({"Records": [{"messageId": "1", "body": asked[0]}]});
        let short = now() + SignedDuration::from_millis(60);
        handle(&world.importer, records, short).await.unwrap();
        invocations += 1;
        assert!(invocations < 60);
    }

    let import = world.state(request).await;
    assert_eq!(counted(&import.progress.counts), [35, 35, 0, 0, 0, 0, 0]);
    assert!(invocations >= 1);
    assert_eq!(world.everybody().await.len(), 35);
}

#[tokio::test]
async fn two_workers_at_once_are_one_and_a_cancelled_import_stops() {
    let world = World::new().await;
    let terms = world.terms(rows(35)).await;
    let request = world.begin(&terms).await;

    let (one, other) = tokio::join!(
        world.importer.work(request, deadline()),
        world.importer.work(request, deadline())
    );

    one.unwrap();
    other.unwrap();
    assert_eq!(world.state(request).await.progress.counts.created, 35);

    let terms = world.terms(rows(35)).await;
    let request = world.begin(&terms).await;
    let audit = world.audit();
    world
        .importer
        .imports
        .cancel(request, &audit)
        .await
        .unwrap()
        .unwrap();
    world.importer.work(request, deadline()).await.unwrap();
    let import = world.state(request).await;
    assert_eq!(
        (import.stage, import.progress.counts.rows),
        (Stage::Cancelled, 0)
    );
    assert!(
        world
            .importer
            .imports
            .cancel(request, &audit)
            .await
            .unwrap()
            .is_err()
    );
    assert_eq!(world.importer.imports.active().await.unwrap(), []);
}

#[tokio::test]
async fn a_file_that_breaks_off_or_is_gone_fails_the_import_with_the_way_out() {
    let world = World::new().await;
    let broken = rows(12) + "+447700900500,\"Bo,York\n+447700900501,Cy,Bath\n";
    let replaced = Terms {
        etag: "\"another\"".to_owned(),
        ..world.terms(rows(2)).await
    };
    let gone = Terms {
        upload: carillon_testkit::build::id(),
        ..world.terms(rows(2)).await
    };
    let list = Terms {
        lists: ["lst_01h455vb4pex5vsknk084sn02q".parse().unwrap()].into(),
        ..world.terms(rows(2)).await
    };
    for (name, terms, created, words) in [
        (
            "a quote",
            world.terms(broken).await,
            12,
            "line 14: a quote is opened",
        ),
        ("another file", replaced, 0, "make another import"),
        ("no file", gone, 0, "upload it again"),
        ("no list", list, 0, "choose another one"),
    ] {
        let import = world.import(&terms).await;

        assert_eq!(import.stage, Stage::Failed, "{name}");
        assert_eq!(import.progress.counts.created, created, "{name}");
        let problem = import.problem.unwrap();
        assert!(problem.contains(words), "{name}: {problem}");
    }
}

//! Messages as people write them.

use proptest::prelude::*;

use super::*;

fn read(text: &str) -> Option<(Wish, Match)> {
    let from = Phone::from_e164("+12025550123").unwrap();
    meaning(text, from).map(|meaning| (meaning.wish, meaning.by))
}

#[test]
fn messages_mean_what_a_reasonable_person_reads() {
    let stop = |by| Some((Wish::Stop, by));
    for (text, expected) in [
        ("Stop.", stop(Match::Keyword)),
        (" sTOp!! 🙏", stop(Match::Keyword)),
        ("OPT  OUT", stop(Match::Keyword)),
        ("opt-out", stop(Match::Keyword)),
        ("Arrêt", stop(Match::Keyword)),
        ("STOPALL", stop(Match::Keyword)),
        ("ＳＴＯＰ", stop(Match::Keyword)),
        ("S\u{200b}TOP", stop(Match::Keyword)),
        ("end", stop(Match::Keyword)),
        ("Стоп", stop(Match::Keyword)),
        ("수신거부", stop(Match::Keyword)),
        ("बंद", stop(Match::Keyword)),
        ("iptal", stop(Match::Keyword)),
        ("İPTAL", stop(Match::Keyword)),
        ("please stop texting me", stop(Match::Phrase)),
        ("remove me from your list", stop(Match::Phrase)),
        ("I said STOP", stop(Match::Phrase)),
        ("please opt me out", stop(Match::Phrase)),
        ("cancel all texts", stop(Match::Phrase)),
        ("stop, don't text me", stop(Match::Phrase)),
        ("wrong number", stop(Match::Intent)),
        (
            "I told you three times to stop texting me",
            stop(Match::Intent),
        ),
        (
            "Sorry, you have the wrong number I think",
            stop(Match::Intent),
        ),
        ("Don't stop, I love it", None),
        ("never stop", None),
        ("please don't stop texting me these offers", None),
        ("cancel my 3pm appointment", None),
        ("we meet at the end of the street", None),
        ("T", None),
        ("yes", None),
        ("thanks", None),
        ("", None),
        ("🙏", None),
        ("UNSTOP", Some((Wish::Start, Match::Keyword))),
        ("Start", Some((Wish::Start, Match::Keyword))),
        ("help", Some((Wish::Help, Match::Keyword))),
        ("INFO?", Some((Wish::Help, Match::Keyword))),
        ("can you help me", None),
    ] {
        assert_eq!(read(text), expected, "{text}");
    }
}

#[test]
fn letters_are_opt_outs_where_gateways_ask_for_them() {
    let (china, america) = ("+8613812345678", "+12025550123");
    for (text, from, expected) in [
        ("TD", china, Some(Wish::Stop)),
        ("T", china, Some(Wish::Stop)),
        ("TD", america, None),
        ("退订", america, Some(Wish::Stop)),
    ] {
        let from = Phone::from_e164(from).unwrap();

        assert_eq!(meaning(text, from).map(|it| it.wish), expected, "{text}");
    }
}

proptest! {
    #[test]
    fn no_disguise_hides_a_keyword(
        keyword in prop::sample::select(words::STOP),
        upper: bool,
        before in "[ .!\u{200b}🙏\\-]{0,5}",
        after in "[ .!\u{feff}🙏\\-]{0,5}",
    ) {
        let word = if upper { keyword.to_uppercase() } else { keyword.to_owned() };

        let read = read(&format!("{before}{word}{after}"));

        prop_assert_eq!(read, Some((Wish::Stop, Match::Keyword)));
    }

    #[test]
    fn any_text_is_read(text in "\\PC{0,200}") {
        read(&text);
    }
}

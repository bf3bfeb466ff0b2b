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
        ("STOP PLEASE", stop(Match::Phrase)),
        ("Stop, thank you", stop(Match::Phrase)),
        ("make it stop", stop(Match::Phrase)),
        ("Stop at once!", stop(Match::Phrase)),
        ("How do I unsubscribe?", stop(Match::Phrase)),
        ("Cancel my subscription", stop(Match::Phrase)),
        ("STOP SMS", stop(Match::Keyword)),
        ("Remove", stop(Match::Keyword)),
        ("revoke", stop(Match::Keyword)),
        ("ABMELDEN", stop(Match::Keyword)),
        ("No más", stop(Match::Keyword)),
        ("Rezygnuję", stop(Match::Keyword)),
        ("退订", stop(Match::Keyword)),
        ("停止", stop(Match::Keyword)),
        ("إيقاف", stop(Match::Keyword)),
        ("הסר", stop(Match::Keyword)),
        ("basta!", stop(Match::Keyword)),
        ("Bitte abmelden, danke", stop(Match::Phrase)),
        ("please opt me out", stop(Match::Phrase)),
        ("cancel all texts", stop(Match::Phrase)),
        ("stop, don't text me", stop(Match::Phrase)),
        ("wrong number", stop(Match::Intent)),
        (
            "Please take my number off your marketing list today",
            stop(Match::Intent),
        ),
        (
            "How can I unsubscribe from all of this, please?",
            stop(Match::Intent),
        ),
        (
            "I no longer wish to hear from your company",
            stop(Match::Intent),
        ),
        ("Don't ever text me again", stop(Match::Intent)),
        ("lose my number", stop(Match::Intent)),
        (
            "I hereby withdraw my consent to be contacted",
            stop(Match::Intent),
        ),
        ("Quit texting me you creeps", stop(Match::Intent)),
        ("Je ne veux plus recevoir de messages", stop(Match::Intent)),
        ("No me envíen más mensajes", stop(Match::Intent)),
        ("Não quero mais receber isso", stop(Match::Intent)),
        (
            "Bitte keine SMS mehr an diese Nummer schicken",
            stop(Match::Intent),
        ),
        ("Numero sbagliato", stop(Match::Intent)),
        ("Не пишите мне больше", stop(Match::Intent)),
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
        ("I didn't want to unsubscribe", None),
        ("I did not mean to opt out", None),
        ("Can I stop by at 5?", None),
        ("Stop by the shop tomorrow", None),
        ("Is this my stop?", None),
        ("Where is the bus stop", None),
        ("remove the onions please", None),
        ("the quick end of the week", None),
        ("I can't quit, it's great", None),
        ("Is the number wrong?", None),
        ("please text me when it is ready", None),
        ("Please don't cancel", None),
        ("ok", None),
        ("Ja", None),
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
        ("Hilfe", Some((Wish::Help, Match::Keyword))),
        ("subscribe", Some((Wish::Start, Match::Keyword))),
        ("can you help me", None),
    ] {
        assert_eq!(read(text), expected, "{text}");
    }
}

/// What the FCC, CTIA, Twilio, AWS, Telnyx and Braze take for an opt-out, and what other languages say.
const EVERYWHERE: &str = "STOP STOPALL UNSUBSCRIBE UNSUB CANCEL END QUIT REVOKE OPTOUT OPT-OUT REMOVE ARRET ARRÊT ARRETE 退订 \
    ALTO BAJA PARAR CANCELAR SAIR STOPP ABMELDEN CANCELLA BASTA AFMELDEN REZYGNUJE СТОП IPTAL RET إيقاف الغاء הסר बंद 停止 수신거부";

#[test]
fn every_keyword_of_every_list_opts_out() {
    let words = EVERYWHERE.split_whitespace();
    for word in words.chain(["STOP ALL", "OPT OUT", "NO MAS"]) {
        for written in [word.to_owned(), word.to_lowercase(), format!(" {word}.\n")] {
            assert_eq!(
                read(&written),
                Some((Wish::Stop, Match::Keyword)),
                "{written}"
            );
        }
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

#[test]
fn a_yes_is_a_whole_message() {
    for (text, expected) in [
        ("Yes!", true),
        ("OUI", true),
        ("sì", true),
        ("yes I am coming at 5", false),
        ("no", false),
    ] {
        assert_eq!(is_yes(text), expected, "{text}");
    }
}

#[test]
fn a_reply_is_in_the_language_of_what_was_written() {
    let (america, france, austria) = ("+12025550123", "+33612345678", "+436641234567");
    for (text, from, expected) in [
        ("STOP", america, "en"),
        ("STOP", france, "fr"),
        ("Arrêt", america, "fr"),
        ("stopp", austria, "de"),
        ("HELP", france, "fr"),
        ("수신거부", america, "ko"),
        ("numéro", america, "en"),
    ] {
        let from = Phone::from_e164(from).unwrap();

        assert_eq!(language(text, from).as_str(), expected, "{text}");
    }
}

#[test]
fn the_same_word_is_in_no_two_lists() {
    let all = |list: fn(&Words) -> &'static [&'static str]| {
        LANGUAGES.iter().flat_map(list).map(|word| words_of(word))
    };
    let stop: Vec<_> = all(|words| words.stop).collect();
    let start: Vec<_> = all(|words| words.start).collect();
    let help: Vec<_> = all(|words| words.help).collect();
    let yes: Vec<_> = all(|words| words.yes).collect();

    for word in start.iter().chain(&help).chain(&yes) {
        assert!(!stop.contains(word), "{word:?} also opts out");
    }
    for word in help.iter().chain(&yes) {
        assert!(!start.contains(word), "{word:?} also opts in");
    }
}

fn all_stop_words() -> Vec<&'static str> {
    LANGUAGES
        .iter()
        .flat_map(|words| words.stop)
        .copied()
        .collect()
}

proptest! {
    #[test]
    fn no_disguise_hides_a_keyword(
        keyword in prop::sample::select(all_stop_words()),
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

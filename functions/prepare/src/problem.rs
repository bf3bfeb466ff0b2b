//! Why a batch can't be prepared at all, in a sentence for its owner that names what is wrong and the way out.

use carillon_core::{
    batch::Prepared,
    content::TextError,
    recipients::{FileError, RowError},
};

#[derive(Debug, thiserror::Error)]
pub enum Problem {
    #[error("the campaign doesn't exist any more; create it again and start that")]
    NoCampaign,
    #[error("nothing of the campaign that it retries has failed in a way that may end better")]
    NothingToRetry,
    /// Of the account's contacts: what it names isn't there.
    #[error("{0}, and start a new campaign")]
    Contacts(String),
    #[error(
        "there is no file in the upload; upload it (again: files are kept for a week) and start a new campaign"
    )]
    NoUpload,
    #[error("the text can't be read: {0}")]
    Text(#[from] TextError),
    #[error("{0}")]
    File(FileError),
    #[error("the audience has no recipients; add at least one row below the header")]
    NoRows,
    #[error("{}", nobody_left(.counts, .first.as_ref()))]
    NobodyLeft {
        counts: Box<Prepared>,
        first: Option<RowError>,
    },
}

fn nobody_left(counts: &Prepared, first: Option<&RowError>) -> String {
    let Prepared {
        rows,
        rejected,
        opted_out,
        capped,
        no_consent,
        ..
    } = counts;
    let sentence = format!(
        "none of the rows can be sent to: of {rows}, {rejected} were rejected and {opted_out} have opted out"
    );
    let sentence = match capped {
        0 => sentence,
        capped => format!("{sentence}; {capped} got enough marketing lately"),
    };
    let sentence = match no_consent {
        0 => sentence,
        lacking => {
            format!("{sentence}; {lacking} have no consent record, and the account asks for one")
        }
    };
    let Some(first) = first else {
        return sentence + "; choose another audience";
    };
    let RowError { line, message, .. } = first;
    match &first.column {
        Some(column) => format!("{sentence}; the first, line {line}, column `{column}`: {message}"),
        None => format!("{sentence}; the first, line {line}: {message}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_left_says_what_is_wrong_with_the_first_row() {
        let counts = |rejected, opted_out| Prepared {
            rows: rejected + opted_out,
            rejected,
            opted_out,
            ..Prepared::default()
        };
        let first = RowError {
            line: 2,
            column: Some("name".to_owned()),
            code: "missing_value",
            message: "no value for `name`; fill it in".to_owned(),
        };
        for (name, counts, first, expected) in [
            (
                "rejected",
                counts(3, 0),
                Some(first),
                "none of the rows can be sent to: of 3, 3 were rejected and 0 have opted out; the first, line 2, column `name`: no value for `name`; fill it in",
            ),
            (
                "opted out",
                counts(0, 2),
                None,
                "none of the rows can be sent to: of 2, 0 were rejected and 2 have opted out; choose another audience",
            ),
        ] {
            let counts = Box::new(counts);
            let problem = Problem::NobodyLeft { counts, first };

            assert_eq!(problem.to_string(), expected, "{name}");
        }
    }
}

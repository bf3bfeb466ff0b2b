//! A file to be sent. Scripts let it be dropped, send it by themselves and show how much of it is there; its place is kept from the
//! beginning, so that nothing moves when they do.

use super::{Html, escape};
use crate::form::Form;

/// The field `file`, with further attributes. `#sending` says politely what becomes of it.
pub fn upload(hint: impl std::borrow::Borrow<Html>, attributes: &str, form: &Form) -> Html {
    let (hint, error) = (hint.borrow(), form.error("file"));
    let (wrong, about) = match error {
        Some(_) => (" wrong", "file-hint file-error"),
        None => ("", "file-hint"),
    };
    let error = error.map_or_else(String::new, |error| {
        format!("<p class=\"error\" id=\"file-error\">{}</p>", escape(error))
    });
    Html::new(format!(
        "<div class=\"field drop{wrong}\"><label for=\"file\">The file</label><p class=\"hint\" id=\"file-hint\">{hint}</p>{error}\
         <input id=\"file\" name=\"file\" type=\"file\" accept=\".csv,.txt,.tsv,text/csv,text/plain\" aria-describedby=\"{about}\"{attributes}>\
         <div class=\"there\"><progress max=\"100\" value=\"0\" aria-label=\"Sent so far\"></progress><span></span></div>\
         <p class=\"hint\" id=\"sending\" role=\"status\"></p></div>"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_with_a_file_is_told_with_its_field() {
        let mut form = Form::default();
        form.refuse("file", "No <phone>.");

        let html = upload(Html::new("A CSV."), "", &form).to_string();

        assert!(
            html.contains("aria-describedby=\"file-hint file-error\""),
            "{html}"
        );
        assert!(html.contains("No &lt;phone&gt;."), "{html}");
    }
}

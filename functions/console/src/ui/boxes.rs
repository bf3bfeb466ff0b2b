//! Boxes to tick: several of a set, or one for yes and no.

use super::{Choice, Html, escape};
use crate::form::Form;

/// Several of a set: fields of the same name. Those that need no hint stand close together.
pub fn boxes(name: &str, legend: &str, choices: impl AsRef<[Choice]>, form: &Form) -> Html {
    let choices = choices.as_ref();
    let look = if choices.iter().all(|choice| choice.hint.is_empty()) {
        "choices close"
    } else {
        "choices"
    };
    let boxes: String = choices
        .iter()
        .map(|choice| one(name, &choice.value, choice, form))
        .collect();
    let (wrong, error, about) = complaint(name, form);
    let legend = escape(legend);
    Html::new(format!(
        "<fieldset class=\"field{wrong}\"{about}><legend>{legend}</legend>{error}<div class=\"{look}\">{boxes}</div></fieldset>"
    ))
}

/// Yes when it is ticked.
pub fn tick(name: &str, label: &str, hint: &str, form: &Form) -> Html {
    let choice = Choice::new("yes", label).hint(hint);
    let (wrong, error, _) = complaint(name, form);
    let tick = one(name, "yes", &choice, form);
    Html::new(format!("<div class=\"field{wrong}\">{error}{tick}</div>"))
}

fn one(name: &str, value: &str, choice: &Choice, form: &Form) -> String {
    let checked = if form.has(name, value) {
        " checked"
    } else {
        ""
    };
    let hint = match choice.hint.as_str() {
        "" => String::new(),
        hint => format!("<span class=\"hint\">{}</span>", escape(hint)),
    };
    let (name, value, label) = (escape(name), escape(value), escape(&choice.label));
    format!(
        "<label class=\"choice\"><input type=\"checkbox\" name=\"{name}\" value=\"{value}\"{checked}><span>{label}{hint}</span></label>"
    )
}

fn complaint(name: &str, form: &Form) -> (&'static str, String, String) {
    let Some(error) = form.error(name) else {
        return ("", String::new(), String::new());
    };
    let (name, error) = (escape(name), escape(error));
    (
        " wrong",
        format!("<p class=\"error\" id=\"{name}-error\">{error}</p>"),
        format!(" aria-describedby=\"{name}-error\" aria-invalid=\"true\""),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_ticked_stays_ticked() {
        let mut form = Form::of([("scopes", "b")]);
        form.refuse("scopes", "Not <b>.");
        let choices = [Choice::new("a", "A"), Choice::new("b", "B")];

        let html = boxes("scopes", "May", choices, &form).to_string();

        assert!(html.contains("value=\"b\" checked"), "{html}");
        assert!(!html.contains("value=\"a\" checked"), "{html}");
        assert!(
            html.contains("id=\"scopes-error\">Not &lt;b&gt;."),
            "{html}"
        );
        assert!(
            html.contains("aria-describedby=\"scopes-error\" aria-invalid"),
            "{html}"
        );
    }

    #[test]
    fn what_needs_no_hint_stands_close_together() {
        for (name, hint, expected) in [
            ("without", "", "class=\"choices close\""),
            ("with", "All of it.", "class=\"choices\""),
        ] {
            let choices = [Choice::new("a", "A"), Choice::new("b", "B").hint(hint)];

            let html = boxes("lists", "Lists", choices, &Form::default()).to_string();

            assert!(html.contains(expected), "{name}: {html}");
        }
    }
}

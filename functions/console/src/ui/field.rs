//! A field of a form: its label, a hint, what was typed, and what is wrong with it, tied together for whoever hears the page.

use std::fmt::Write as _;

use super::{Html, escape};
use crate::form::Form;

enum Kind {
    Line(&'static str),
    Lines(u32),
    Select(Vec<Choice>),
    Radio(Vec<Choice>),
}

/// An option of a field.
#[derive(Debug, Clone)]
pub struct Choice {
    pub value: String,
    pub label: String,
    /// What it means; of radio buttons only.
    pub hint: String,
}

impl Choice {
    pub fn new(value: impl Into<String>, label: impl Into<String>) -> Self {
        Self {
            value: value.into(),
            label: label.into(),
            hint: String::new(),
        }
    }

    #[must_use]
    pub fn hint(mut self, words: impl Into<String>) -> Self {
        self.hint = words.into();
        self
    }
}

/// `{{ ui::Field::line("email", "E-mail address").required().of(form) }}`
pub struct Field {
    name: &'static str,
    label: String,
    hint: &'static str,
    kind: Kind,
    attributes: String,
}

impl Field {
    fn new(name: &'static str, label: impl Into<String>, kind: Kind) -> Self {
        Self {
            name,
            label: label.into(),
            hint: "",
            kind,
            attributes: String::new(),
        }
    }

    pub fn line(name: &'static str, label: impl Into<String>) -> Self {
        Self::new(name, label, Kind::Line("text"))
    }

    /// A line of a type that browsers know: `email`, `date`, `number`.
    pub fn typed(name: &'static str, label: impl Into<String>, kind: &'static str) -> Self {
        Self::new(name, label, Kind::Line(kind))
    }

    pub fn lines(name: &'static str, label: impl Into<String>, rows: u32) -> Self {
        Self::new(name, label, Kind::Lines(rows))
    }

    pub fn select(
        name: &'static str,
        label: impl Into<String>,
        choices: impl AsRef<[Choice]>,
    ) -> Self {
        Self::new(name, label, Kind::Select(choices.as_ref().to_vec()))
    }

    pub fn radio(
        name: &'static str,
        label: impl Into<String>,
        choices: impl AsRef<[Choice]>,
    ) -> Self {
        Self::new(name, label, Kind::Radio(choices.as_ref().to_vec()))
    }

    #[must_use]
    pub fn hint(mut self, words: &'static str) -> Self {
        self.hint = words;
        self
    }

    #[must_use]
    pub fn required(self) -> Self {
        self.with("required", "")
    }

    /// An attribute of the input, such as `autocomplete`.
    #[must_use]
    pub fn with(mut self, name: &str, value: &str) -> Self {
        let value = escape(value);
        let written = if value.is_empty() {
            write!(self.attributes, " {name}")
        } else {
            write!(self.attributes, " {name}=\"{value}\"")
        };
        written.expect("a string takes everything");
        self
    }

    /// With what was typed, and what is wrong with it.
    pub fn of(self, form: &Form) -> Html {
        let Self {
            name,
            label,
            hint,
            kind,
            attributes,
        } = self;
        let error = form.error(name);
        let mut about = Vec::new();
        let mut notes = String::new();
        if !hint.is_empty() {
            about.push(format!("{name}-hint"));
            let hint = escape(hint);
            notes = format!("<p class=\"hint\" id=\"{name}-hint\">{hint}</p>");
        }
        if let Some(error) = error {
            about.push(format!("{name}-error"));
            let error = escape(error);
            notes = format!("{notes}<p class=\"error\" id=\"{name}-error\">{error}</p>");
        }
        let mut attributes = attributes;
        if !about.is_empty() {
            attributes = format!("{attributes} aria-describedby=\"{}\"", about.join(" "));
        }
        if error.is_some() {
            attributes.push_str(" aria-invalid=\"true\"");
        }
        let label = escape(&label);
        let value = escape(form.get(name));
        let wrong = if error.is_some() { " wrong" } else { "" };
        let input = match kind {
            Kind::Radio(choices) => {
                let choices = choices.iter().map(|choice| radio(name, choice, form));
                let choices: String = choices.collect();
                return Html::new(format!(
                    "<fieldset class=\"field{wrong}\"{attributes}><legend>{label}</legend>{notes}<div class=\"choices\">{choices}</div></fieldset>"
                ));
            }
            Kind::Line(kind) => format!(
                "<input id=\"{name}\" name=\"{name}\" type=\"{kind}\" value=\"{value}\"{attributes}>"
            ),
            Kind::Lines(rows) => format!(
                "<textarea id=\"{name}\" name=\"{name}\" rows=\"{rows}\"{attributes}>\n{value}</textarea>"
            ),
            Kind::Select(choices) => {
                let options = choices.iter().map(|choice| option(choice, form.get(name)));
                let options: String = options.collect();
                format!("<select id=\"{name}\" name=\"{name}\"{attributes}>{options}</select>")
            }
        };
        Html::new(format!(
            "<div class=\"field{wrong}\"><label for=\"{name}\">{label}</label>{notes}{input}</div>"
        ))
    }
}

fn option(choice: &Choice, chosen: &str) -> String {
    let selected = if choice.value == chosen {
        " selected"
    } else {
        ""
    };
    let (value, label) = (escape(&choice.value), escape(&choice.label));
    format!("<option value=\"{value}\"{selected}>{label}</option>")
}

fn radio(name: &str, choice: &Choice, form: &Form) -> String {
    let checked = if form.has(name, &choice.value) {
        " checked"
    } else {
        ""
    };
    let (value, label) = (escape(&choice.value), escape(&choice.label));
    let hint = match choice.hint.as_str() {
        "" => String::new(),
        hint => format!("<span class=\"hint\">{}</span>", escape(hint)),
    };
    format!(
        "<label class=\"choice\"><input type=\"radio\" name=\"{name}\" value=\"{value}\"{checked}><span>{label}{hint}</span></label>"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_is_said_with_the_field() {
        let mut form = Form::of([("email", "\"><script>")]);
        form.refuse("email", "This is <no> address.");

        let html = Field::typed("email", "E-mail", "email")
            .of(&form)
            .to_string();

        assert!(
            html.contains("aria-describedby=\"email-error\" aria-invalid=\"true\""),
            "{html}"
        );
        assert!(
            html.contains("value=\"&quot;&gt;&lt;script&gt;\""),
            "{html}"
        );
        assert!(html.contains("This is &lt;no&gt; address."), "{html}");
    }
}

//! What surrounds every page: navigation, who is signed in, light or dark.

use crate::{
    flash::Flash,
    nav::{self, Group},
    signed_in::SignedIn,
};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Theme {
    /// As the operating system is set.
    #[default]
    System,
    Light,
    Dark,
}

impl Theme {
    pub const ALL: [Self; 3] = [Self::System, Self::Light, Self::Dark];

    pub fn read(given: Option<&str>) -> Self {
        match given {
            Some("light") => Self::Light,
            Some("dark") => Self::Dark,
            _ => Self::System,
        }
    }

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::System => "system",
            Self::Light => "light",
            Self::Dark => "dark",
        }
    }

    pub const fn label(self) -> &'static str {
        match self {
            Self::System => "System",
            Self::Light => "Light",
            Self::Dark => "Dark",
        }
    }
}

/// Every page has one as `shell`; `layout.html` makes the rest of it.
pub struct Shell {
    pub title: String,
    /// The entry of the navigation that this page belongs to.
    pub here: &'static str,
    pub groups: Vec<Group>,
    pub account: String,
    pub email: String,
    pub role: &'static str,
    pub theme: Theme,
    /// For forms.
    pub token: String,
    /// This page.
    pub place: String,
    pub flash: Option<Flash>,
}

impl SignedIn {
    /// `here`: the path of its entry in the navigation.
    pub fn shell(&self, title: impl Into<String>, here: &'static str) -> Shell {
        Shell {
            title: title.into(),
            here,
            groups: nav::seen_by(self),
            account: self.account.name.clone(),
            email: self.member.email.as_str().to_owned(),
            role: self.member.role.as_str(),
            theme: self.theme,
            token: self.form_token(),
            place: self.place.clone(),
            flash: self.flash,
        }
    }
}

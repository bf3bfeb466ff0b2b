//! What a function is told by its environment. Read once, in `main`, by name.

use std::str::FromStr;

/// Names are written out where they are read, so that a test can compare them with the template.
pub struct Config;

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    #[error("the environment variable `{0}` is missing; the function's template resource sets it")]
    Missing(&'static str),
    #[error("the environment variable `{0}` can't be read; see its parameter in the template")]
    Unreadable(&'static str),
}

#[expect(
    clippy::disallowed_methods,
    reason = "the one place that reads the environment"
)]
fn read(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

impl Config {
    pub fn required(name: &'static str) -> Result<String, ConfigError> {
        read(name).ok_or(ConfigError::Missing(name))
    }

    /// `None` when it is missing or empty, which a template can't tell apart.
    pub fn optional(name: &'static str) -> Option<String> {
        read(name)
    }

    /// A number, or anything else that is read from text.
    pub fn parsed<T: FromStr>(name: &'static str) -> Result<T, ConfigError> {
        let value = Self::required(name)?;
        value.parse().map_err(|_| ConfigError::Unreadable(name))
    }

    /// The items of a list separated by commas; none when it is missing or empty.
    pub fn list(name: &'static str) -> Vec<String> {
        let value = read(name).unwrap_or_default();
        let items = value
            .split(',')
            .map(str::trim)
            .filter(|item| !item.is_empty());
        items.map(str::to_owned).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_variable_names_itself() {
        let missing = Config::required("CARILLON_NOWHERE_SET").unwrap_err();

        assert_eq!(
            missing.to_string(),
            "the environment variable `CARILLON_NOWHERE_SET` is missing; the function's template resource sets it"
        );
        assert_eq!(Config::list("CARILLON_NOWHERE_SET"), Vec::<String>::new());
    }
}

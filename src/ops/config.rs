//! Every setting, its value and where that comes from.

use serde::Serialize;

use crate::settings::Settings;

/// A setting as it is in force.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Setting {
    /// The variable's name.
    pub name: &'static str,
    /// Its value; secrets are `***`.
    pub value: String,
    /// In words: the default, the environment, `.env`, a file.
    pub from: String,
    /// Its default.
    pub default: &'static str,
    /// One line for people.
    pub about: &'static str,
}

/// All of them, in the order of `.env.example`.
pub fn config(settings: &Settings) -> Vec<Setting> {
    let of = |(known, value, origin): (&'static crate::settings::Known, String, &crate::settings::Origin)| Setting {
        name: known.name,
        value,
        from: origin.to_string(),
        default: known.default,
        about: known.about,
    };
    settings.listing().into_iter().map(of).collect()
}

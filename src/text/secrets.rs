//! Values that are never shown: those of variables that a plugin takes by `!env NAME`, and possible passwords in an
//! address. Every text of this process for people goes through [`hidden`].

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::{PoisonError, RwLock};

/// Letters of a value, at least: a shorter one says little, and stands in too many other words.
const SHORTEST: usize = 4;

/// Letters of a value that is found within a longer word, at least.
const TOKEN: usize = 12;

/// The secret values, each with the text shown in its place. Global to the process, as its log is.
static KNOWN: RwLock<BTreeMap<String, String>> = RwLock::new(BTreeMap::new());

/// Replaces the value by `shown` from now on.
pub fn keep(value: &str, shown: &str) {
    if value.chars().count() >= SHORTEST {
        let mut known = KNOWN.write().unwrap_or_else(PoisonError::into_inner);
        for form in forms(value) {
            known.insert(form, shown.to_owned());
        }
    }
}

/// A text without the values that are kept secret.
pub fn hidden(text: &str) -> Cow<'_, str> {
    let known = KNOWN.read().unwrap_or_else(PoisonError::into_inner);
    without(text, known.iter().map(|(value, shown)| (value.as_str(), shown.as_str())))
}

/// Hides the secret values in every text of a JSON value.
pub fn hide_in(value: &mut serde_json::Value) {
    match value {
        serde_json::Value::String(text) => {
            if let Cow::Owned(without) = hidden(text) {
                *text = without;
            }
        }
        serde_json::Value::Array(list) => list.iter_mut().for_each(hide_in),
        serde_json::Value::Object(object) => object.values_mut().for_each(hide_in),
        _ => {}
    }
}

/// A text without these values; a value is found if it is no part of a longer word, or cannot be one of its parts by chance.
pub fn without<'v>(text: &str, values: impl Iterator<Item = (&'v str, &'v str)>) -> Cow<'_, str> {
    let mut values: Vec<_> = values.filter(|(value, _)| !value.is_empty() && text.contains(value)).collect();
    if values.is_empty() {
        return Cow::Borrowed(text);
    }
    // A value within another one is found after it.
    values.sort_by_key(|(value, _)| std::cmp::Reverse(value.len()));
    let (mut left, mut rest) = (String::with_capacity(text.len()), text);
    while let Some(next) = rest.chars().next() {
        let before = left.chars().next_back();
        let found = values.iter().find(|(value, _)| {
            rest.strip_prefix(value).is_some_and(|after| {
                let (first, last) = (value.chars().next(), value.chars().next_back());
                is_token(value)
                    || !(goes_on(before) && goes_on(first) || goes_on(last) && goes_on(after.chars().next()))
            })
        });
        match found {
            Some((value, shown)) => {
                left.push_str(shown);
                rest = &rest[value.len()..];
            }
            None => {
                left.push(next);
                rest = &rest[next.len_utf8()..];
            }
        }
    }
    Cow::Owned(left)
}

/// True if a value is no word, nor a number that others may have: long, of letters and digits or signs.
fn is_token(value: &str) -> bool {
    let is = |what: fn(char) -> bool| value.chars().any(what);
    value.chars().count() >= TOKEN && is(char::is_alphabetic) && is(|letter| !letter.is_alphabetic())
}

fn goes_on(letter: Option<char>) -> bool {
    letter.is_some_and(|letter| letter.is_alphanumeric() || letter == '_')
}

/// A value as it is, and as others write it: without blanks around it, in quotes, in small letters, each of its lines.
pub fn forms(value: &str) -> Vec<String> {
    let quoted = format!("{value:?}");
    let json = serde_json::to_string(value).unwrap_or_default();
    let mut forms = vec![value.to_owned(), value.to_lowercase(), value.trim().to_owned()];
    let inner = |text: &str| text[1..text.len().max(2) - 1].to_owned();
    forms.push(inner(&quoted));
    // As writers of JSON escape it, and once more where that is quoted.
    for text in [json.clone(), json.replace('/', "\\/")] {
        for text in [inner(&ascii(&text)), inner(&text)] {
            forms.push(text.replace('\\', "\\\\"));
            forms.push(text);
        }
    }
    forms.push(crate::text::shown::shown(value).into_owned());
    forms.push(crate::text::shown::lines(value).into_owned());
    // As an address has it, in each of the ways.
    let encoded: String = url::form_urlencoded::byte_serialize(value.as_bytes()).collect();
    let with_blanks = encoded.replace('+', "%20");
    forms.extend([with_blanks.replace("%2F", "/"), with_blanks, encoded]);
    // As a page for people has it.
    let page = value.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    for (double, single) in [("&quot;", "&#39;"), ("&quot;", "&#x27;"), ("&#34;", "&#39;")] {
        forms.push(page.replace('"', double).replace('\'', single));
    }
    // As the YAML reader repeats a word that turns the direction of writing.
    let turns = |letter: char| matches!(letter, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    let embeds = |letter: char| turns(letter) && !matches!(letter, '\u{61c}' | '\u{200e}' | '\u{200f}');
    forms.extend(
        [value.replace(turns, "\u{FFFD}"), value.replace(embeds, "\u{FFFD}")]
            .iter()
            .map(|text| crate::text::shown::shown(text).into_owned()),
    );
    forms.sort();
    forms.dedup();
    forms
}

/// A text with the letters beyond ASCII as JSON escapes them.
fn ascii(text: &str) -> String {
    let mut escaped = String::new();
    for letter in text.chars() {
        if letter.is_ascii() {
            escaped.push(letter);
        } else {
            let units =
                letter.encode_utf16(&mut [0; 2]).iter().map(|unit| format!("\\u{unit:04x}")).collect::<String>();
            escaped.push_str(&units);
        }
    }
    escaped
}

/// True if a password is a word such as `sluice` or `postgres`, which stands for other things in most lines: hiding it
/// would show it.
fn is_word(password: &str) -> bool {
    password.len() < 12 && password.bytes().all(|byte| byte.is_ascii_lowercase())
}

/// Replaces the password by `***` from now on, unless it is a word.
pub fn keep_password(password: &str) {
    if !is_word(password) {
        keep(password, "***");
    }
}

/// The password of an address, as written and as decoded; for any engine.
pub fn passwords_of(address: &str) -> impl Iterator<Item = String> {
    let part = || {
        let (_, rest) = address.split_once("://")?;
        let (_, password) = rest.rsplit_once('@')?.0.split_once(':')?;
        Some(password.to_owned())
    };
    let meant = part().and_then(|written| {
        let plain = written.replace('+', "%2B").replace('&', "%26");
        url::form_urlencoded::parse(plain.as_bytes()).next().map(|(meant, _)| meant.into_owned())
    });
    [part(), meant].into_iter().flatten()
}

/// Words of an address that hold no secret.
const OPEN_WORDS: [&str; 9] =
    ["sslmode", "ssl-mode", "host", "hostaddr", "port", "dbname", "user", "application_name", "tls"];

/// The address with its password replaced by `***`; only its scheme if the address is not understood, for then a
/// password may be anywhere.
pub fn without_password(address: &str) -> String {
    let scheme = address.split_once("://").map(|(scheme, _)| scheme);
    let known = ["sqlite", "postgres", "postgresql", "smtp", "smtps", "http", "https", "s3"];
    let scheme = scheme.filter(|scheme| known.contains(scheme));
    if address.starts_with("sqlite:") && !address.contains(['@', '?']) && !address.to_lowercase().contains("password") {
        return address.to_owned();
    }
    let url = scheme.and_then(|_| url::Url::parse(address).ok());
    let Some(mut url) = url.filter(|url| url.scheme() != "sqlite") else {
        return scheme.map_or_else(|| "***".to_owned(), |scheme| format!("{scheme}://***"));
    };
    // A password with one of / ? # in it ends its part of the address too early.
    let is_cut =
        url.fragment().is_some() || url.path().contains(['@', ':']) || url.query().unwrap_or_default().contains('@');
    // A user with a sign of the syntax in it may be a user with a password.
    let is_odd = url.username().contains(['%', ':', ';', ',']);
    if is_cut || is_odd {
        return format!("{}://***", url.scheme());
    }
    if url.password().is_some() {
        // Cannot fail: an address with a password has a host.
        let _ = url.set_password(Some("***"));
    }
    if url.query_pairs().any(|(name, _)| !OPEN_WORDS.contains(&&*name)) {
        url.set_query(None);
    }
    url.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_hidden_in_every_form_and_never_within_a_word() {
        let one = |text: &str, value: &str| {
            let forms = forms(value);
            without(text, forms.iter().map(|form| (form.as_str(), "!env S"))).into_owned()
        };
        assert_eq!(one("x: hunter2, \"hunter2\"", "hunter2"), "x: !env S, \"!env S\"");
        assert_eq!(one("hunter2", "Hunter2"), "!env S");
        assert_eq!(one("hunter22 hunter2_x xhunter2", "hunter2"), "hunter22 hunter2_x xhunter2");
        assert_eq!(one(r#"no "a \"b\" c" here"#, "a \"b\" c"), "no \"!env S\" here");
        assert_eq!(one("of a\\nb", "a\nb"), "of !env S");
        assert_eq!(one("-> $a$ <-", "$a$"), "-> !env S <-");
        assert_eq!(one("päss wort", "päss wort"), "!env S");
        // One that is no word is found wherever a server repeats it.
        assert_eq!(one("key=xyz3Kd93-kkq0Pabc", "3Kd93-kkq0P"), "key=xyz3Kd93-kkq0Pabc");
        assert_eq!(one("key=xyz3Kd93-kkq0PZabc", "3Kd93-kkq0PZ"), "key=xyz!env Sabc");
    }

    #[test]
    fn a_value_is_hidden_as_json_addresses_and_pages_escape_it() {
        let value = "ab c/d\u{e9}\"<e&f'+=";
        let forms = forms(value);
        for written in [
            r#"ab c\/dé\"<e&f'+="#,
            r#"ab c/d\u00e9\"<e&f'+="#,
            r#"ab c\\/d\\u00e9\\"<e&f'+="#,
            "ab%20c%2Fd%C3%A9%22%3Ce%26f%27%2B%3D",
            "ab%20c/d%C3%A9%22%3Ce%26f%27%2B%3D",
            "ab+c%2Fd%C3%A9%22%3Ce%26f%27%2B%3D",
            "ab c/dé&quot;&lt;e&amp;f&#39;+=",
            "ab c/dé&quot;&lt;e&amp;f&#x27;+=",
        ] {
            assert!(forms.iter().any(|form| form == written), "{written}: {forms:?}");
        }
    }

    #[test]
    fn short_values_are_let_be() {
        keep("yes", "***");
        keep("a value kept by this test", "!env KEPT");
        assert_eq!(hidden("yes, a value kept by this test"), "yes, !env KEPT");
        let mut json = serde_json::json!({"a": ["a value kept by this test", 1]});
        hide_in(&mut json);
        assert_eq!(json, serde_json::json!({"a": ["!env KEPT", 1]}));
    }

    #[test]
    fn no_password_of_an_address_is_shown_whatever_it_looks_like() {
        for address in [
            "host=h password=hunter2 dbname=x",
            "host=h password='my hunter2' dbname=x",
            "u:hunter2@db/x",
            "postgres:u:hunter2@db/x",
            "postgres:/u:hunter2@db/x",
            "postgres//u:hunter2@db/x",
            "//u:hunter2@db/x",
            "postgres://u:hunter2@db/x",
            " postgres://u:hunter2@db/x",
            "\"postgres://u:hunter2@db/x\"",
            "'postgres://u:hunter2@db/x'",
            "postgres://u:my hunter2@db/x",
            "postgres://u:my/hunter2@db/x",
            "postgres://u:12/hunter2@db/x",
            "postgres://u:12?hunter2@db/x",
            "postgres://u:12#hunter2@db/x",
            "postgres://u:a@hunter2@db/x",
            "postgres://u:hunter2@db:port/x",
            "postgres://u:hunter2@[::1/x",
            "postgres://db/x?PASSWORD=hunter2",
            "postgres://db/x?Password=hunter2",
            "postgres://db/x?password=hunter2",
            "postgres://db/x?pass=hunter2",
            "postgres://db/x?sslpassword=hunter2",
            "postgres://db/x?pass%77ord=hunter2",
            "postgres://db/x?user=u&hunter2",
            "postgres://db/x#hunter2",
            "POSTGRES://u:hunter2@db/x",
            "postgressql://u:hunter2@db/x",
            "mysql://u:hunter2@db/x",
            "jdbc:postgresql://db/x?password=hunter2",
            "sqlite://u:hunter2@db/x",
            "hunter2",
            "DATABASE_URL=postgres://u:hunter2@db/x",
        ] {
            let shown = without_password(address);
            assert!(!shown.contains("hunter2"), "{address}: {shown}");
        }
        for (address, expected) in [
            ("sqlite://data/warehouse.db", "sqlite://data/warehouse.db"),
            ("postgres://u@db:5432/x?sslmode=require", "postgres://u@db:5432/x?sslmode=require"),
            ("postgres://u:p@db/x", "postgres://u:***@db/x"),
        ] {
            assert_eq!(without_password(address), expected);
        }
    }

    #[test]
    fn a_password_is_hidden_as_it_is_written_and_as_it_is_meant() {
        let found: Vec<_> = passwords_of("sqlite://u:p%40ss+w&x@db/x").collect();
        assert_eq!(found, ["p%40ss+w&x", "p@ss+w&x"]);
        assert_eq!(passwords_of("sqlite://data/a@b.db").count(), 0);
        passwords_of("sqlite://kept:hunter2-here@db/x").for_each(|password| keep_password(&password));
        assert_eq!(hidden("no file kept:hunter2-here@db/x"), "no file kept:***@db/x");
        keep_password("warehouse");
        assert_eq!(hidden("sqlite://data/warehouse.db"), "sqlite://data/warehouse.db");
    }
}

//! Addresses of next pages: relative ones, and those in a header `Link`.

use url::Url;

/// An address that is relative counts from the page's own.
pub(super) fn absolute(url: &Url, next: &str) -> String {
    if next.contains("://") { next.to_owned() } else { url.join(next).map_or_else(|_| next.to_owned(), String::from) }
}

/// The address with `rel="next"` in a header `Link` (RFC 8288).
pub(super) fn next_link(header: &str) -> Option<String> {
    let mut rest = header;
    while let Some(start) = rest.find('<') {
        let (address, after) = rest[start + 1..].split_once('>')?;
        // A comma within quotes belongs to a parameter.
        let mut is_quoted = false;
        let end = after.find(|letter: char| {
            is_quoted ^= letter == '"';
            letter == ',' && !is_quoted
        });
        let (parameters, behind) = after.split_at(end.unwrap_or(after.len()));
        let is_next = parameters.split(';').any(|parameter| {
            parameter.split_once('=').is_some_and(|(name, value)| {
                let words = value.trim().trim_matches('"').split_ascii_whitespace();
                name.trim().eq_ignore_ascii_case("rel")
                    && words.into_iter().any(|word| word.eq_ignore_ascii_case("next"))
            })
        });
        if is_next {
            return Some(address.trim().to_owned());
        }
        rest = behind;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_link_is_found_among_others() {
        let header =
            "<https://a/?p=1>; rel=\"prev\", <https://a/?p=3,4>; title=\"a, b\"; rel=next, <https://a/9>; rel=\"last\"";
        assert_eq!(next_link(header).as_deref(), Some("https://a/?p=3,4"));
        assert_eq!(next_link("<https://a/9>; rel=\"last\""), None);
        assert_eq!(next_link("<?page=2>; rel=\"next last\"").as_deref(), Some("?page=2"));
    }
}

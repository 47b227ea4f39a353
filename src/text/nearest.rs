//! Suggestions for unknown names.

/// Returns `; did you mean x?`, or an empty text if no name is near. Large and small letters are the same.
///
/// A name is near that differs by few letters (one in three or four, two in five to eight, and so on), or that has or lacks words beside
/// it: `orders` and `fact_orders`. A beginning such as `dim_` that both have says nothing.
pub(crate) fn nearest<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> String {
    let name = name.to_lowercase();
    let found = known.filter_map(|one| Some((distance(&name, &one.to_lowercase())?, one)));
    found.min_by_key(|(distance, _)| *distance).map_or_else(String::new, |(_, one)| format!("; did you mean {one}?"))
}

/// Letters that differ, or more than any where only words are beside it; `None` where the names have nothing in common.
fn distance(name: &str, other: &str) -> Option<usize> {
    let shared = name.bytes().zip(other.bytes()).take_while(|(one, other)| one == other).count();
    let shared = name.as_bytes()[..shared].iter().rposition(|byte| *byte == b'_').map_or(0, |at| at + 1);
    let (rest, other_rest) = (&name[shared..], &other[shared..]);
    let longer = rest.chars().count().max(other_rest.chars().count());
    let letters = strsim::osa_distance(rest, other_rest);
    if letters <= longer.div_ceil(4) && letters < longer {
        return Some(letters);
    }
    let (short, long) = if name.len() < other.len() { (name, other) } else { (other, name) };
    let is_border = |letter: Option<char>| letter.is_none_or(|letter| !letter.is_alphanumeric());
    let is_word = |(at, _): (usize, &str)| {
        is_border(long[..at].chars().next_back()) && is_border(long[at + short.len()..].chars().next())
    };
    (short.chars().count() > 2 && long.match_indices(short).any(is_word)).then_some(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    fn the_nearest_of_several() {
        let of = |name: &str| nearest(name, ["price", "quantity", "ab", "größe"].into_iter());
        assert_eq!(of("quantty"), "; did you mean quantity?");
        assert_eq!(of("PRICE"), "; did you mean price?");
        assert_eq!(of("ba"), "; did you mean ab?");
        assert_eq!(of("grösse"), "; did you mean größe?");
        assert_eq!(of("nothing"), "");
    }

    #[test]
    fn a_name_that_is_related_is_meant_and_another_is_not() {
        let known = ["dim_date", "dim_title", "fact_orders", "keep 7 days", "csv", "load"];
        let of = |name: &str| nearest(name, known.into_iter());
        for (name, meant) in [
            ("dim_dat", "dim_date"),
            ("dim_dates", "dim_date"),
            ("dim_titel", "dim_title"),
            ("title", "dim_title"),
            ("orders", "fact_orders"),
            ("fct_orders", "fact_orders"),
            ("keep", "keep 7 days"),
            ("cvs", "csv"),
            ("lod", "load"),
        ] {
            assert_eq!(of(name), format!("; did you mean {meant}?"), "{name}");
        }
        for name in ["dim_foo", "dim_bar", "dim_city", "customers", "fact_sales", "x", "xyz", "_", "", "staging.x"] {
            assert_eq!(of(name), "", "{name}");
        }
    }
}

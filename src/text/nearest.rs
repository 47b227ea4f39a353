//! Suggestions for unknown names.

/// Further than any number of letters: one name is only a part of the other.
const PART: usize = 1_000;

/// Returns `; did you mean x?`, or an empty text if no name is near. Large and small letters are the same.
///
/// A name is near that differs by few letters (one in three or four, two in five to eight, and so on), that another begins with, or that
/// is near a word of another: `dim` and `dimension`, `ordr` and `fact_order`. A beginning such as `dim_` that both have says nothing.
pub(crate) fn nearest<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> String {
    let name = name.to_lowercase();
    let found = known.filter_map(|one| Some((distance(&name, &one.to_lowercase())?, one)));
    found.min_by_key(|(distance, _)| *distance).map_or_else(String::new, |(_, one)| format!("; did you mean {one}?"))
}

fn distance(name: &str, other: &str) -> Option<usize> {
    let shared = name.bytes().zip(other.bytes()).take_while(|(one, other)| one == other).count();
    let shared = name.as_bytes()[..shared].iter().rposition(|byte| *byte == b'_').map_or(0, |at| at + 1);
    letters(&name[shared..], &other[shared..]).or_else(|| {
        let is_part = |short: &str, long: &str| short.chars().count() > 2 && long.starts_with(short);
        if is_part(name, other) || is_part(other, name) {
            return Some(PART);
        }
        let has_words = |text: &str| text.contains(|letter: char| !letter.is_alphanumeric());
        let near = |text: &str, long: &str| {
            let long = long.split(|letter: char| !letter.is_alphanumeric()).filter(|word| word.chars().count() > 3);
            long.filter_map(|word| letters(text, word)).min().map(|letters| PART + letters)
        };
        match (has_words(name), has_words(other)) {
            (false, true) => near(name, other),
            (true, false) => near(other, name),
            _ => None,
        }
    })
}

/// Letters that differ, where they are few for the length of the longer word.
fn letters(one: &str, other: &str) -> Option<usize> {
    let longer = one.chars().count().max(other.chars().count());
    let letters = strsim::osa_distance(one, other);
    (letters <= longer.div_ceil(4) && letters < longer).then_some(letters)
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
            ("ordr", "fact_orders"),
            ("keep", "keep 7 days"),
            ("dim", "dim_date"),
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

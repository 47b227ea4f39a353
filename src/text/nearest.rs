//! Suggestions for unknown names.

/// Returns `; did you mean x?`, or an empty text if no name is near. Large and small letters are the same.
pub(crate) fn nearest<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> String {
    let name = name.to_lowercase();
    known
        .map(|one| {
            let other = one.to_lowercase();
            // Two letters that changed places in a short word.
            let near = if name.len() > 1 && strsim::osa_distance(&name, &other) == 1 { 1.0 } else { 0.0 };
            (strsim::jaro_winkler(&name, &other).max(near), one)
        })
        .filter(|(near, _)| *near > 0.7)
        .max_by(|one, other| one.0.total_cmp(&other.0))
        .map_or_else(String::new, |(_, one)| format!("; did you mean {one}?"))
}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    fn the_nearest_of_several() {
        let of = |name: &str| nearest(name, ["price", "quantity", "ab"].into_iter());
        assert_eq!(of("quantty"), "; did you mean quantity?");
        assert_eq!(of("PRICE"), "; did you mean price?");
        assert_eq!(of("ba"), "; did you mean ab?");
        assert_eq!(of("nothing"), "");
    }
}

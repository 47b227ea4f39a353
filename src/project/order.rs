//! The order of things that need each other.

use std::collections::{BTreeMap, BTreeSet};

/// Sorts names, each after those that it needs, otherwise by name. Needs that are no names are skipped.
///
/// # Errors
/// The circle, if there is one: its first name is also the last.
pub fn in_order(mut needs: BTreeMap<String, BTreeSet<String>>) -> Result<Vec<String>, Vec<String>> {
    let mut ordered = Vec::with_capacity(needs.len());
    while let Some(first) = needs.keys().next().cloned() {
        // Walks to a name without open needs; meeting one twice is a circle.
        let mut way = vec![first];
        while let Some(next) = needs[&way[way.len() - 1]].iter().find(|need| needs.contains_key(*need)).cloned() {
            let start = way.iter().position(|name| *name == next);
            way.push(next);
            if let Some(start) = start {
                return Err(way.split_off(start));
            }
        }
        if let Some(free) = way.pop() {
            needs.remove(&free);
            ordered.push(free);
        }
    }
    Ok(ordered)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order(needs: &[(&str, &[&str])]) -> Result<Vec<String>, Vec<String>> {
        let set = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        in_order(needs.iter().map(|(name, needed)| ((*name).to_owned(), set(needed))).collect())
    }

    #[test]
    fn each_comes_after_what_it_needs() {
        assert_eq!(order(&[("a", &["c", "elsewhere"]), ("b", &[]), ("c", &["b"])]).unwrap(), ["b", "c", "a"]);
    }

    #[test]
    fn a_circle_is_named() {
        assert_eq!(order(&[("a", &["b"]), ("b", &["c"]), ("c", &["b"])]).unwrap_err(), ["b", "c", "b"]);
        assert_eq!(order(&[("a", &["a"])]).unwrap_err(), ["a", "a"]);
    }
}

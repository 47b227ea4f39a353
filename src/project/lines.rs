//! The lines of errors in a file, as far as their words tell.

/// The text of a file, in its two parts.
pub(crate) struct Lines<'a> {
    text: &'a str,
    /// The number of lines of the header.
    header: usize,
}

impl<'a> Lines<'a> {
    /// Splits a file that may begin with a header.
    pub(crate) fn of(text: &'a str) -> Lines<'a> {
        let has = text.trim_start().starts_with("/*");
        let end = text.find("*/").filter(|_| has).map_or(0, |end| text[..end].matches('\n').count() + 1);
        Lines { text, header: end }
    }

    /// Returns the header's line with `name` under the word, or else the word's own line.
    pub(crate) fn of_header(&self, word: &str, name: &str) -> Option<u64> {
        let header = || self.text.lines().enumerate().take(self.header);
        let is = |line: &str| {
            let line = line.trim_start().trim_start_matches("/*").trim_start();
            line.strip_prefix(word).is_some_and(|rest| rest.trim_start().starts_with(':'))
        };
        let within = |line: &str| holds(line, &format!("{word}:"));
        let begins: Vec<_> = header().filter(|(_, line)| is(line)).map(|(place, _)| place).collect();
        let holding: Vec<_> = header().filter(|(_, line)| within(line)).map(|(place, _)| place).collect();
        // A word may occur in several groups: it is the one with the name before its next occurrence.
        let named = |starts: &[usize]| {
            starts.iter().enumerate().find_map(|(turn, start)| {
                let end = starts.get(turn + 1).copied().unwrap_or(self.header);
                let mut lines = header().take(end).skip(*start).map(|(place, line)| {
                    (place, if place == *start { line.split_once(':').map_or("", |(_, rest)| rest) } else { line })
                });
                lines.find(|(_, line)| holds(line, name)).map(|(place, _)| place)
            })
        };
        let found = named(&begins).or_else(|| named(&holding)).or(begins.first().or(holding.first()).copied());
        found.map(|place| place as u64 + 1)
    }

    /// Returns the first line of the select with the word; with `last`, the last one.
    pub(crate) fn of_select(&self, word: &str, last: bool) -> Option<u64> {
        // A select may begin on the header's last line.
        let from = self.header.saturating_sub(1);
        let mut lines = self.text.lines().enumerate().skip(from).filter(|(place, line)| {
            let line = if *place == from { line.rsplit_once("*/").map_or(*line, |(_, rest)| rest) } else { line };
            holds(line, word)
        });
        let found = if last { lines.last() } else { lines.next() };
        found.map(|(place, _)| place as u64 + 1)
    }

    /// Returns the last line that is not empty.
    pub(crate) fn last(&self) -> Option<u64> {
        let lines = self.text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
        lines.last().map(|(place, _)| place as u64 + 1)
    }

    /// Returns the first line of the select.
    pub(crate) fn of_the_select(&self) -> Option<u64> {
        let from = self.header.saturating_sub(1);
        let mut lines = self.text.lines().enumerate().skip(from);
        let is = |(_, line): &(usize, &str)| !line.rsplit_once("*/").map_or(*line, |(_, rest)| rest).trim().is_empty();
        lines.find(is).map(|(place, _)| place as u64 + 1)
    }
}

/// Returns true if the word occurs in the line, not as a part of a longer one.
fn holds(line: &str, word: &str) -> bool {
    let (line, word) = (line.to_lowercase(), word.to_lowercase());
    let part = |letter: Option<char>| letter.is_some_and(|letter| letter.is_alphanumeric() || letter == '_');
    !word.is_empty()
        && line.match_indices(&word).any(|(place, _)| {
            !part(line[..place].chars().next_back()) && !part(line[place + word.len()..].chars().next())
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "/*\nkind: fact\ngrain: [id]\ndimensions:\n  city: dim_city\n  day: dim_day\n*/\nselect id, \
     city,\n  o.day\nfrom staging.orders as o";

    #[test]
    fn lines_of_words() {
        let lines = Lines::of(TEXT);
        assert_eq!(lines.of_header("dimensions", "day"), Some(6));
        assert_eq!(lines.of_header("grain", "id"), Some(3));
        assert_eq!(lines.of_header("grain", "absent"), Some(3));
        assert_eq!(lines.of_header("history", "id"), None);
        assert_eq!(Lines::of("/*\nkind: table\nchecks: {range: {a: [1, x]}}\n*/").of_header("range", "a"), Some(3));
        let groups = "/*\nkind: table\nchecks:\n  - range: {a: [1, 2]}\n    severity: warn\n  - range:\n      b: [1, \
         2]\n  - {range: {c: [1, 2]}}\n*/";
        let lines_of = |name: &str| Lines::of(groups).of_header("range", name);
        assert_eq!(["a", "b", "c", "absent"].map(lines_of), [Some(4), Some(7), Some(8), Some(4)]);
        assert_eq!(lines.of_select("day", false), Some(9));
        assert_eq!(lines.of_select("orders", false), Some(10));
        assert_eq!(lines.of_select("order", false), None);
        assert_eq!(lines.of_the_select(), Some(8));
        let short = Lines::of("/* kind: table */ select a\nfrom staging.x");
        assert_eq!((short.of_select("a", false), short.of_the_select()), (Some(1), Some(1)));
        assert_eq!(Lines::of("select a,\na").of_select("a", true), Some(2));
    }
}

//! The line `enabled:` of a `plugin.yaml`.

/// The text with that line as it is to be, behind the one of the name if it has none.
pub fn switched(text: &str, enabled: bool) -> String {
    let line = format!("enabled: {enabled}");
    let is_key = |line: &str, key: &str| line.strip_prefix(key).is_some_and(|rest| rest.trim_start().starts_with(':'));
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    match lines.iter().position(|line| is_key(line, "enabled")) {
        Some(place) => {
            let comment = lines[place].find(" #").map(|at| lines[place][at..].to_owned()).unwrap_or_default();
            lines[place] = line + &comment;
        }
        None if enabled => return text.to_owned(),
        None => {
            let place = lines.iter().position(|line| is_key(line, "name")).map_or(0, |place| place + 1);
            lines.insert(place, line);
        }
    }
    lines.join("\n") + "\n"
}

#[cfg(test)]
mod tests {
    use super::switched;

    #[test]
    fn one_line_is_changed() {
        let text = "name: x\nenabled: false  # until May\nfiles: [a]\n";
        assert_eq!(switched(text, true), "name: x\nenabled: true # until May\nfiles: [a]\n");
        assert_eq!(switched("# a\nname: x\nfiles: [a]\n", false), "# a\nname: x\nenabled: false\nfiles: [a]\n");
        assert_eq!(switched("name: x\n", true), "name: x\n");
    }
}

//! Reach of a file: the tables that its name allows, and if the order of files counts there.

use super::{Plugin, Plugins};
use crate::dataset::{Dataset, Mode};

/// Reach of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reach {
    /// Tables of the file; `None` if only its content tells, as an archive's does.
    pub tables: Option<Vec<String>>,
    /// True if rows are replaced there.
    pub replaces: bool,
}

/// Extensions of files whose parts may go into tables of their own.
const CONTAINERS: [&str; 5] = [".zip", ".xlsx", ".xlsm", ".xls", ".ods"];

/// Bytes of a table's name up to which the names of its sheets, which may be cut, begin with it.
const WHOLE: usize = 50;

impl Plugins {
    /// The table of a workbook's name, with which the tables of its sheets begin, and the tables that plugins name; `None` for an
    /// archive, whose members have names of their own.
    pub fn sheets(&self, file_name: &str) -> Option<(String, Vec<String>)> {
        let lower = file_name.to_ascii_lowercase();
        let bare = [".gz", ".zst"].into_iter().find_map(|ending| lower.strip_suffix(ending)).unwrap_or(&lower);
        let own = Dataset::of_file(file_name).table;
        let is_sure = !bare.ends_with(".zip") && own.len() <= WHOLE && own.trim_matches('_') == own;
        let tables = self.right.iter().map(|plugin| plugin.dataset.table.clone()).filter(|table| !table.is_empty());
        is_sure.then(|| (own, tables.collect()))
    }

    /// True if later rows replace those of any table.
    pub fn replace_any(&self) -> bool {
        self.right.iter().any(replaces)
    }

    /// The reach of a file of this name.
    pub fn reach(&self, file_name: &str) -> Reach {
        let lower = file_name.to_ascii_lowercase();
        let packed = [".gz", ".zst"].into_iter().find(|ending| lower.ends_with(ending)).map_or(0, str::len);
        let table_hint = &file_name[..file_name.len() - packed];
        let is_container = CONTAINERS.iter().any(|ending| lower[..lower.len() - packed].ends_with(ending));
        let by_name = |plugin: &&Plugin| plugin.files.iter().any(|glob| glob.is_match(file_name));
        let claims = |plugin: &&Plugin| by_name(plugin) || plugin.files.iter().any(|glob| glob.is_match(table_hint));
        let claiming: Vec<_> = self.right.iter().filter(claims).collect();
        // Parts of a file that is claimed by its name go into the plugin's one table, unless it takes one sheet and
        // leaves others.
        let is_one = |plugin: &&Plugin| {
            by_name(plugin) && !plugin.dataset.table.is_empty() && plugin.dataset.stated.sheet.is_none()
        };
        if is_container && (claiming.is_empty() || !claiming.iter().all(is_one)) {
            return Reach { tables: None, replaces: self.replace_any() };
        }
        let own_table = Dataset::of_file(table_hint).table;
        let table = |plugin: &&Plugin| match plugin.dataset.table.as_str() {
            "" => own_table.clone(),
            named => named.to_owned(),
        };
        let mut tables: Vec<_> = claiming.iter().map(table).collect();
        if tables.is_empty() {
            tables.push(own_table);
        }
        let replaced = self.right.iter().filter(|plugin| replaces(plugin));
        let replaces = claiming.iter().any(|plugin| replaces(plugin))
            || replaced.into_iter().any(|plugin| tables.contains(&plugin.dataset.table));
        Reach { tables: Some(tables), replaces }
    }
}

fn replaces(plugin: &Plugin) -> bool {
    plugin.dataset.mode != Mode::Append
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_name_tells_the_tables_that_it_may_touch() {
        let dir = tempfile::tempdir().unwrap();
        for (name, text) in [
            ("up", "name: up\nfiles: [\"up*.csv\", \"up*.xlsx\"]\ntable: up\nmode: upsert\nkey: [id]\n"),
            ("whole", "name: whole\nfiles: [\"whole*\"]\nmode: replace\n"),
            ("sheet", "name: sheet\nfiles: [\"book*\"]\ntable: book\nsheet: A\n"),
        ] {
            fs::create_dir(dir.path().join(name)).unwrap();
            fs::write(dir.path().join(name).join("plugin.yaml"), text).unwrap();
        }
        let plugins = Plugins::read(dir.path(), &|_| Ok(None)).unwrap();
        for (name, tables, replaces) in [
            ("up.1.csv", Some("up"), true),
            ("up.1.csv.gz", Some("up"), true),
            ("UP.json", Some("up"), true),
            ("up.xlsx", Some("up"), true),
            ("whole_a.1.csv", Some("whole_a"), true),
            ("other.csv", Some("other"), false),
            ("other.zip", None, true),
            ("whole.zip", None, true),
            ("book.xlsx", None, true),
            ("other.ODS.gz", None, true),
        ] {
            let tables = tables.map(|table| vec![table.to_owned()]);
            assert_eq!(plugins.reach(name), Reach { tables, replaces }, "{name}");
        }
        assert!(!Plugins::default().reach("other.zip").replaces);
    }
}

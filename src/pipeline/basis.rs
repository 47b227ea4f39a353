//! The rows and versions that the file of a dimension gives, apart from the types of the columns that it reads. Only a
//! file that gives fewer versions than before has to be allowed to; what rows that went had given, went with them.

use crate::project::{Dimension, Header, Kind, Model};

/// The rows of a dimension and the columns of its history, each as a hash: `rows column,column`.
pub(super) fn basis(model: &Model) -> String {
    let (Kind::Dimension(header), Some(select)) = (&model.header.kind, &model.select) else { return String::new() };
    let parts = select.parts();
    let expression = |name: &String| parts.columns.get(name).map_or("", String::as_str);
    let Header { unpivot, explode, distinct, .. } = &model.header;
    let Dimension { key, at, .. } = header;
    let named: Vec<_> = key.iter().chain(at).map(expression).collect();
    let rows = hash(&format!("{key:?} {at:?} {named:?} {unpivot:?} {explode:?} {distinct} {}", parts.rows));
    let mut history: Vec<_> = header.history.iter().map(|name| hash(&format!("{name} {}", expression(name)))).collect();
    history.sort();
    format!("{rows} {}", history.join(","))
}

/// Returns true if a file of this basis may give fewer versions than one of an earlier basis.
pub(super) fn may_give_fewer(earlier: &str, now: &str) -> bool {
    let parts = |basis: &str| {
        let (rows, history) = basis.split_once(' ')?;
        Some((rows.to_owned(), history.split(',').map(str::to_owned).collect::<Vec<_>>()))
    };
    match (parts(earlier), parts(now)) {
        (Some((rows_before, before)), Some((rows, history))) => {
            rows_before != rows || !before.iter().all(|column| history.contains(column))
        }
        _ => true,
    }
}

fn hash(text: &str) -> String {
    blake3::hash(text.as_bytes()).to_hex()[..16].to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::project::SqlFile;

    #[test]
    fn more_columns_give_no_fewer_versions() {
        let basis = |history: &str, select: &str| {
            let text = format!("/*\nkind: dimension\nkey: [id]\nhistory: [{history}]\nat: d\n*/ {select}");
            basis(&Model::parse(&SqlFile { path: "dim.sql".into(), text, own: None }).unwrap())
        };
        let before = basis("a", "select id, a, d from staging.x where b > 0");
        for (history, select, fewer) in [
            ("a", "select id, a, d from staging.x where b > 0", false),
            ("a", "select id, c, a, d from staging.x where b > 0", false),
            ("c, a", "select id, c, a, d from staging.x where b > 0", false),
            ("c", "select id, c, a, d from staging.x where b > 0", true),
            ("a", "select id, upper(a) as a, d from staging.x where b > 0", true),
            ("a", "select id, a, cast(d as date) as d from staging.x where b > 0", true),
            ("a", "select id, a, d from staging.x where b > 1", true),
            ("a", "select id, a, d from staging.x", true),
        ] {
            assert_eq!(may_give_fewer(&before, &basis(history, select)), fewer, "{history} {select}");
        }
        assert!(may_give_fewer("", &before));
    }
}

//! Rows whose key or grain is repeated or missing: a run refuses them, and names their files and lines.

use super::RunError;
use super::build::Build;
use crate::project::Kind;
use crate::star::Repeated;
use crate::text::counted;
use crate::warehouse::Row;

/// A value that several rows share.
struct Sample {
    values: Row,
    rows: usize,
    /// The places of a few of these rows.
    places: Vec<String>,
}

impl Build<'_> {
    /// Fails if `lacking` rows have NULL in their key or grain; `first` gives load and line of one of them.
    pub(super) async fn must_be_given(
        &mut self,
        word: &str,
        columns: &[String],
        lacking: u64,
        first: Option<String>,
    ) -> Result<(), RunError> {
        if lacking == 0 {
            return Ok(());
        }
        let (columns, rows, first) = (columns.join(", "), counted(lacking, "row"), self.first_of(first).await?);
        Err(self.model
            .error_of_word(format!(
                "{word}: NULL in it ({columns}) in {rows} of the select{first}: leave such rows out, or give them a value"
            ))
            .into())
    }

    /// Returns the place of the first of some rows, if a query for its load and line exists.
    pub(super) async fn first_of(&mut self, query: Option<String>) -> Result<String, RunError> {
        let Some(query) = query else { return Ok(String::new()) };
        let found = self.query(&query).await?;
        let place = match found.first() {
            Some(row) => self.place_in(row).await?,
            None => None,
        };
        Ok(place.map_or_else(String::new, |place| format!(", the first of them {place}")))
    }

    /// Fails if several rows share values.
    pub(super) async fn must_be_unique(&mut self, word: &str, repeated: &Repeated) -> Result<(), RunError> {
        let values = self.query(&repeated.values).await?;
        if values.is_empty() {
            return Ok(());
        }
        let columns = &repeated.columns;
        let rows = match &repeated.rows {
            Some(query) => self.query(query).await?,
            None => values,
        };
        let mut samples: Vec<Sample> = Vec::new();
        for mut row in rows {
            let place = row.split_off(columns.len() + 1);
            let rows = row.pop().flatten().and_then(|count| count.parse().ok()).unwrap_or(2);
            if samples.last().is_none_or(|sample| sample.values != row) {
                samples.push(Sample { values: row, rows, places: Vec::new() });
            }
            if let (Some(sample), Some(place)) = (samples.last_mut(), self.place_in(&place).await?) {
                sample.places.push(place);
            }
        }
        if let Some(query) = &repeated.standing {
            for mut row in self.query(query).await? {
                let place = row.split_off(columns.len() + 1);
                row.pop();
                if let Some(sample) = samples.iter_mut().find(|sample| sample.values == row)
                    && let Some(place) = self.place_in(&place).await?
                {
                    sample.places.push(format!("{place}, in the table already"));
                }
            }
        }
        let samples: Vec<_> = samples.iter().map(|sample| sample.shown(columns)).collect();
        Err(self
            .model
            .error_of_word(format!(
                "{word}: several rows of the select have the same {}: {}; {}",
                columns.join(", "),
                samples.join("; "),
                fix(&self.model.header.kind, repeated.rows.is_some())
            ))
            .into())
    }

    /// Returns the file, line and load of a row with load and line.
    async fn place_in(&mut self, row: &[Option<String>]) -> Result<Option<String>, RunError> {
        let number = |place: usize| row.get(place)?.as_deref()?.parse::<i64>().ok();
        match number(0).zip(number(1)) {
            Some((load, line)) => self.place(load, line).await.map(Some),
            None => Ok(None),
        }
    }
}

/// Returns the fix for rows that share their key or grain; `row_by_row` is true where each comes from one staged row.
fn fix(kind: &Kind, row_by_row: bool) -> &'static str {
    match (kind, row_by_row) {
        (Kind::Dimension(_), true) => {
            "if one of them corrects the other, at: _load_id in the header lets the newest load's count, at: COLUMN the \
             latest; if both are members, key needs another column"
        }
        (Kind::Dimension(_), false) => "group by the key alone, or add the column that tells them apart to key",
        (_, true) => {
            "if one of them corrects the other, let mode: upsert and key in a plugin of the staging table replace it; if \
             both are right, grain needs another column"
        }
        (_, false) => "group by the grain alone, or add the column that tells them apart to grain",
    }
}

impl Sample {
    /// Formats the values and their places: `id = "7" (2 rows: orders.csv line 2, load 1; orders.csv line 5, load 1)`.
    fn shown(&self, columns: &[String]) -> String {
        let value = |value: &Option<String>| value.as_deref().map_or("NULL".to_owned(), |text| format!("{text:?}"));
        let pairs: Vec<_> =
            columns.iter().zip(&self.values).map(|(column, one)| format!("{column} = {}", value(one))).collect();
        let places = match self.places.len() {
            0 => String::new(),
            some if some < self.rows => format!(", such as {}", self.places.join("; ")),
            _ => format!(": {}", self.places.join("; ")),
        };
        format!("{} ({} rows{places})", pairs.join(", "), self.rows)
    }
}

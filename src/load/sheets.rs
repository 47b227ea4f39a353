//! The tables of a workbook's sheets: one has the table of the workbook's name, each other one `<file>_<sheet>`. A sheet
//! stays with the table that it had, whichever sheets a later workbook of that name has, and in whatever order.

use tracing::{info, warn};

use super::order::{Place, SheetTable};
use crate::catalog::Catalog;
use crate::dataset::Dataset;
use crate::dataset::plugin::Plugins;
use crate::record::BesideKind;
use crate::schema::is_same_text;
use crate::source::Input;
use crate::telemetry::progress::Stage;
use crate::warehouse::WarehouseError;

/// The state of a workbook's tables before it is loaded.
#[derive(Debug, Default)]
struct Known {
    /// The part whose rows went into the table of the workbook's name last.
    last: Option<String>,
    /// True if that part's file had other sheets that were loaded.
    had_others: bool,
    /// True for each sheet that has gone into its own table.
    has_own: Vec<bool>,
}

/// Names the tables of each workbook's sheets among the parts of the file `name`, after the loads that have been, and
/// after the files in hand that get their numbers before this one.
///
/// # Errors
/// The database's error.
pub(super) async fn name_sheets(
    catalog: &Catalog,
    (place, stage): (&Place, &Stage),
    name: &str,
    plugins: &Plugins,
    parts: &mut [Input],
) -> Result<(), WarehouseError> {
    for sheets in parts.chunk_by_mut(|one, next| one.workbook().is_some() && one.workbook() == next.workbook()) {
        if !sheets.iter().any(|sheet| has_named_table(name, plugins, sheet)) {
            continue;
        }
        let Some(workbook) = sheets[0].workbook().cloned() else { continue };
        let table = Dataset::of_file(&workbook.table_hint).table;
        let called: Vec<String> = sheets.iter().filter_map(Input::sheet).map(str::to_owned).collect();
        let own: Vec<String> = called.iter().map(|sheet| Dataset::of_file(&workbook.hint_of(sheet)).table).collect();
        let known = known(catalog, (place, stage), &table, &called, &own).await?;
        let beside = sheets[0].beside().iter().filter(|beside| beside.kind == BesideKind::Sheet);
        let left_out: Vec<String> = beside.filter_map(|beside| beside.name.clone()).collect();
        let first = first_sheet(&called, &left_out, &known);
        if let (Some(first), Some(last)) = (first, &known.last)
            && !is_of(last, &called, first)
        {
            say(&workbook.name, &table, (&called[first], last), called.len() + left_out.len() > 1 || known.had_others);
        }
        for (at, one) in own.iter().enumerate().filter(|(at, _)| first != Some(*at)) {
            let shares = |other: &usize| own[*other] == *one && first != Some(*other) && called[*other] != called[at];
            if let Some(other) = (0..at).find(shares) {
                say_shared(&workbook.name, one, &called[other], &called[at]);
            }
        }
        for (at, sheet) in sheets.iter_mut().enumerate() {
            sheet.name_table(first == Some(at));
        }
        let tables = own.into_iter().enumerate().map(|(at, own)| SheetTable {
            source: sheets[at].name().to_owned(),
            table: if first == Some(at) { table.clone() } else { own },
        });
        place.has_sheets(tables.collect());
    }
    Ok(())
}

/// True if the sheet's table is named after the workbook, by no plugin.
fn has_named_table(file: &str, plugins: &Plugins, sheet: &Input) -> bool {
    let dataset = plugins.dataset(file, sheet.table_hint(), sheet.sheet());
    sheet.workbook().is_some()
        && dataset.is_ok_and(|dataset| {
            dataset.is_some_and(|dataset| dataset.table == Dataset::of_file(sheet.table_hint()).table)
        })
}

/// The state of the workbook's `table`, and of the `own` tables of the sheets.
async fn known(
    catalog: &Catalog,
    (place, stage): (&Place, &Stage),
    table: &str,
    sheets: &[String],
    own: &[String],
) -> Result<Known, WarehouseError> {
    let before = place.sheets_before(table, |before| stage.waits_for(before)).await;
    let there = catalog.datasets_among(own).await?;
    let mut has_own = Vec::with_capacity(own.len());
    for (at, own) in own.iter().enumerate() {
        // Another file may have a table of that name.
        let is_its = |source: &str| is_of(source, sheets, at) && is_of_workbook(source, table);
        let mut has = before.iter().any(|one| one.table == *own && is_its(&one.source));
        if !has && there.contains(own) {
            has = catalog.last_sheet(own, true).await?.is_some_and(|load| is_its(&load.source));
        }
        has_own.push(has);
    }
    let workbook = |part: &str| part.rsplit_once('/').map_or("", |(workbook, _)| workbook).to_owned();
    if let Some(last) = before.iter().rev().find(|sheet| sheet.table == table) {
        let of_it = before.iter().filter(|sheet| workbook(&sheet.source) == workbook(&last.source));
        return Ok(Known { last: Some(last.source.clone()), had_others: of_it.count() > 1, has_own });
    }
    let Some(last) = catalog.last_sheet(table, false).await? else {
        return Ok(Known { has_own, ..Known::default() });
    };
    let of_it = catalog.loads_of(&workbook(&last.source)).await?;
    let had_others = of_it.iter().any(|load| load.source != last.source);
    Ok(Known { last: Some(last.source), had_others, has_own })
}

/// The sheet that has the table of the workbook's name: of those without a table of their own the one that had it, or
/// the first of the workbook, unless the one that had it is there without a table in it.
fn first_sheet(sheets: &[String], left_out: &[String], known: &Known) -> Option<usize> {
    let all: Vec<String> = sheets.iter().chain(left_out).cloned().collect();
    let had_it = |at: usize| known.last.as_ref().is_some_and(|last| is_of(last, &all, at));
    let has_own = |at: usize| known.has_own.get(at).copied().unwrap_or(false);
    (0..sheets.len()).find(|at| !has_own(*at) && had_it(*at)).or_else(|| {
        let is_free = !sheets.is_empty() && !has_own(0) && !(sheets.len()..all.len()).any(had_it);
        is_free.then_some(0)
    })
}

/// True if a part, `book.xlsx/Prices` or the table `book.xlsx/Prices/2` of it, is of this sheet.
fn is_sheet(part: &str, sheet: &str) -> bool {
    let ends_so = |part: &str| {
        let start = part.len().checked_sub(sheet.len()).filter(|start| part.is_char_boundary(*start));
        let last = || part.rsplit('/').next().unwrap_or_default();
        start.is_some_and(|start| part[..start].ends_with('/') && part[start..] == *sheet)
            || is_same_text(last(), sheet)
    };
    let number = part.rsplit_once('/').filter(|(_, number)| number.bytes().all(|byte| byte.is_ascii_digit()));
    ends_so(part) || number.is_some_and(|(part, _)| ends_so(part))
}

/// True if a part is of the sheet at `at` of these: by its name, or by its name in other letters, small or capital, if no
/// other sheet has it as it is.
fn is_of(part: &str, sheets: &[String], at: usize) -> bool {
    let is_in_other_letters = || is_sheet(&part.to_lowercase(), &sheets[at].to_lowercase());
    is_sheet(part, &sheets[at]) || (is_in_other_letters() && !sheets.iter().any(|sheet| is_sheet(part, sheet)))
}

/// True if a part, `a.zip/book.xlsx/Prices`, is of a workbook whose name gives this table.
fn is_of_workbook(part: &str, table: &str) -> bool {
    part.split('/').any(|name| name.contains('.') && Dataset::of_file(name).table == table)
}

/// Tells that a sheet goes where another one went: renamed, as long as each workbook has one sheet alone.
fn say(workbook: &str, table: &str, (sheet, last): (&str, &str), are_several: bool) {
    let sentence = format!(
        "the sheet {} goes into {table}, where the rows of {} went: if it is another table, give it one by a plugin with `sheet:`",
        sheet.escape_debug(),
        last.escape_debug()
    );
    if are_several {
        warn!(file.path = workbook, table, "{sentence}");
    } else {
        info!(file.path = workbook, table, "{sentence}");
    }
}

/// Tells that two sheets of a workbook go into one table, because their names give the same one.
fn say_shared(workbook: &str, table: &str, one: &str, other: &str) {
    warn!(
        file.path = workbook,
        table,
        "the sheets {} and {} both go into {table}, as their names give one table: give one of them another by a plugin with `sheet:`",
        one.escape_debug(),
        other.escape_debug()
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sheet_stays_with_its_table() {
        let first = |sheets: &str, left_out: &str, last: &str, has_own: &[bool]| {
            let words = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
            let last = Some(last.to_owned()).filter(|last| !last.is_empty());
            let known = Known { last, had_others: false, has_own: has_own.to_vec() };
            first_sheet(&words(sheets), &words(left_out), &known)
        };
        // No load has been.
        assert_eq!(first("Jan Feb", "", "", &[false, false]), Some(0));
        // January is empty, or not there, or there again in another place.
        assert_eq!(first("Feb", "Jan", "x.xlsx/Jan", &[true]), None);
        assert_eq!(first("Feb Mar", "", "x.xlsx/Jan", &[true, false]), None);
        assert_eq!(first("Feb Jan", "", "x.xlsx/Jan", &[false, false]), Some(1));
        assert_eq!(first("Mar Feb", "Jan", "x.xlsx/Jan", &[false, true]), None);
        // January was empty at first.
        assert_eq!(first("Jan Feb", "", "x.xlsx/Feb", &[false, false]), Some(1));
        // A renamed sheet.
        assert_eq!(first("2026-02 Notes", "", "x.1.xlsx/2026-01", &[false, true]), Some(0));
        // The sheets are written in other letters, and stand in another order.
        assert_eq!(first("META Data", "", "x.xlsx/data", &[true, false]), Some(1));
        assert_eq!(first("Data data", "", "x.xlsx/data", &[false, false]), Some(1));
        // Rows of February went into the table of January before.
        assert_eq!(first("Jan Feb", "", "x.xlsx/Feb", &[false, true]), Some(0));
    }

    #[test]
    fn a_part_is_of_a_sheet() {
        for (part, sheet, is_so) in [
            ("x.xlsx/Jan", "Jan", true),
            ("x.xlsx/Jan/2", "Jan", true),
            ("a.zip/b/x.xlsx/Jan", "Jan", true),
            ("x.ods/A/B", "A/B", true),
            ("x.xlsx/2024", "2024", true),
            ("x.xlsx/Old Jan", "Jan", false),
            ("x.xlsx/Jan", "jan", false),
            ("Jan", "Jan", true),
            ("x.xlsx/Jan", "é", false),
        ] {
            assert_eq!(is_sheet(part, sheet), is_so, "{part} {sheet}");
        }
    }
}

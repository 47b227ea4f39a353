//! Texts read as numbers, truths and moments. A text of another form ends the statement, with the text in the error.

use super::typed::fails;

const DAY: &str = "[0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9]";

/// Reads digits, with a sign or none.
pub(super) fn integer(sql: &str) -> String {
    let digits = unsigned(sql);
    format!(
        "case when {digits} <> '' and {digits} not glob '*[^0-9]*' and length({digits}) <= 18 then cast(trim({sql}) as integer) \
         when {sql} is not null then {} end",
        fails("not a whole number", sql)
    )
}

/// Reads digits with a point or none, and a sign or none.
pub(super) fn number(sql: &str) -> String {
    let digits = unsigned(sql);
    format!(
        "case when {digits} glob '*[0-9]*' and {digits} not glob '*[^0-9.]*' and {digits} not glob '*.*.*' then cast(trim({sql}) as real) \
         when {sql} is not null then {} end",
        fails("not a decimal number", sql)
    )
}

/// Reads a number in the form of JSON.
pub(super) fn double(sql: &str) -> String {
    format!(
        "case when {sql} is null then null when json_valid(trim({sql})) and json_type(trim({sql})) in ('integer', 'real') \
         then cast(trim({sql}) as real) else {} end",
        fails("not a number", sql)
    )
}

/// Reads the words that PostgreSQL takes for true and false.
pub(super) fn boolean(sql: &str) -> String {
    format!(
        "case when {sql} is null then null \
         when lower(trim({sql})) in ('t', 'tr', 'tru', 'true', 'y', 'ye', 'yes', 'on', '1') then true \
         when lower(trim({sql})) in ('f', 'fa', 'fal', 'fals', 'false', 'n', 'no', 'of', 'off', '0') then false \
         else {} end",
        fails("neither true nor false", sql)
    )
}

/// Reads `2024-01-31`, also at the beginning of a moment.
pub(super) fn date(sql: &str) -> String {
    format!(
        "case when {sql} is null then null \
         when (trim({sql}) glob '{DAY}' or trim({sql}) glob '{DAY}[ T][0-2][0-9]:[0-5][0-9]*') \
         and date(substr(trim({sql}), 1, 10)) = substr(trim({sql}), 1, 10) then substr(trim({sql}), 1, 10) else {} end",
        fails("not a date as 2024-01-31", sql)
    )
}

/// Reads `2024-01-31`, `2024-01-31 10:00`, `2024-01-31T10:00:00.5`.
pub(super) fn timestamp(sql: &str) -> String {
    let moment = format!("replace(trim({sql}), 'T', ' ')");
    format!(
        "case when {sql} is null then null {} else {} end",
        shapes(&moment, ""),
        fails("not a timestamp as 2024-01-31 10:00:00", sql)
    )
}

/// Reads a timestamp with `Z`, `+00` or `+00:00` behind it, or an offset as `+02:00` behind whole seconds, or none,
/// which is UTC.
pub(super) fn timestamptz(sql: &str) -> String {
    let moment = format!("replace(trim({sql}), 'T', ' ')");
    let bare = format!(
        "case when {moment} glob '*Z' then substr({moment}, 1, length({moment}) - 1) \
         when {moment} glob '* *+00' then substr({moment}, 1, length({moment}) - 3) \
         when {moment} glob '* *+00:00' then substr({moment}, 1, length({moment}) - 6) else {moment} end"
    );
    let offset = format!(
        "when {moment} glob '{DAY} [0-2][0-9]:[0-5][0-9]:[0-5][0-9][-+][01][0-9]:[0-5][0-9]' \
         and datetime(substr({moment}, 1, 19)) = substr({moment}, 1, 19) then datetime({moment}) || '+00:00'"
    );
    format!(
        "case when {sql} is null then null {offset} {} else {} end",
        shapes(&format!("({bare})"), "+00:00"),
        fails("not a moment as 2024-01-31 10:00:00+00", sql)
    )
}

fn shapes(moment: &str, zone: &str) -> String {
    let clock = "[0-2][0-9]:[0-5][0-9]";
    format!(
        "when {moment} glob '{DAY}' and date({moment}) = {moment} then {moment} || ' 00:00:00{zone}' \
         when {moment} glob '{DAY} {clock}' and datetime({moment}) = {moment} || ':00' then {moment} || ':00{zone}' \
         when {moment} glob '{DAY} {clock}:[0-5][0-9]' and datetime({moment}) = {moment} then {moment} || '{zone}' \
         when {moment} glob '{DAY} {clock}:[0-5][0-9].[0-9]*' and length({moment}) <= 26 and substr({moment}, 21) not glob '*[^0-9]*' \
         and datetime(substr({moment}, 1, 19)) = substr({moment}, 1, 19) then rtrim(rtrim({moment}, '0'), '.') || '{zone}'"
    )
}

fn unsigned(sql: &str) -> String {
    format!("substr(trim({sql}), 1 + (substr(trim({sql}), 1, 1) in ('+', '-')))")
}

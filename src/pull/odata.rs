//! The pages of OData: nextLink as long as there is one, else by key or `$skip`.

use serde_json::Value as Json;

use super::fetch::COUNT;
use super::link::absolute;
use super::page::{Page, literal_of};
use super::paginate::{Next, Place, Seen};
use crate::dataset::pull_source::{JsonPath, OData, ODataBy};

/// Names of the next address in a page of OData.
const NEXT_LINKS: [&str; 3] = ["@odata.nextLink", "odata.nextLink", "@nextLink"];

/// Names of the word by which a page of OData is known.
const CONTEXTS: [&str; 3] = ["@odata.context", "odata.metadata", "@context"];

/// True if the page is one of OData.
pub(super) fn is_odata(page: &Page) -> bool {
    let has = |name: &str| page.has(&JsonPath(vec![name.to_owned()]));
    has("value") && CONTEXTS.into_iter().any(has)
}

impl OData {
    pub(super) fn next(&self, seen: &Seen<'_>, count: Option<u64>, pages: u64) -> Next {
        let Seen { page, url, place, rows, .. } = *seen;
        let records = page.records().len() as u64;
        let link = NEXT_LINKS.iter().find_map(|name| page.value(&JsonPath(vec![(*name).to_owned()])));
        if let Some(link) = link.as_ref().and_then(Json::as_str) {
            // An empty page with a nextLink is not the end.
            return Next::Page(Place::Url(absolute(url, link)));
        }
        if count.is_some_and(|count| rows >= count) {
            return Next::End("as many records as it says");
        }
        let is_paged = self.by != ODataBy::Found || matches!(place, Place::Skip(_) | Place::Behind(_));
        if records == 0 && (pages > 1 || is_paged || count.is_none()) {
            return Next::End("an empty page");
        }
        // Without a count and without a nextLink, a server that is not asked for pages gives all of it.
        if count.is_none() && !is_paged {
            return Next::End("no nextLink");
        }
        match self.by {
            ODataBy::Skip => Next::Page(Place::Skip(rows)),
            ODataBy::Found if self.order.is_empty() => Next::Page(Place::Skip(rows)),
            ODataBy::Found | ODataBy::Key => {
                let Some(last) = page.records().last() else { return Next::End("an empty page") };
                match self.key_of(last) {
                    Some(values) => Next::Page(Place::Behind(values)),
                    None => Next::Unknown(format!("order: the last record has no value of {}", self.order.join(", "))),
                }
            }
        }
    }

    /// The values of the order's columns in a record; `None` if it has not all of them.
    pub(super) fn key_of(&self, record: &str) -> Option<Vec<String>> {
        self.order.iter().map(|column| literal_of(record, column)).collect()
    }

    /// The condition of the records behind a place by key, or from it on.
    pub(super) fn behind(&self, place: &Place) -> Option<String> {
        match place {
            Place::Behind(values) => Some(behind(&self.order, values)),
            Place::From(values) => Some(from(&self.order, values)),
            _ => None,
        }
    }

    pub(super) fn params(&self, place: &Place) -> Vec<(String, String)> {
        let mut params = vec![(COUNT.to_owned(), "true".to_owned())];
        let is_paged = self.by != ODataBy::Found || matches!(place, Place::Skip(_) | Place::Behind(_));
        if let Some(size) = self.page_size.filter(|_| is_paged) {
            params.push(("$top".to_owned(), size.to_string()));
        }
        if let Place::Skip(skip) = place {
            params.push(("$skip".to_owned(), skip.to_string()));
        }
        params
    }

    /// True if the pages behind this place are asked for by number, which is not stable.
    pub(super) fn is_unstable(&self, place: &Place) -> bool {
        self.by == ODataBy::Skip || matches!(place, Place::Skip(_))
    }
}

/// The condition of the records behind one, in the order of these columns.
fn behind(order: &[String], values: &[String]) -> String {
    let one = |at: usize| {
        let greater = format!("{} gt {}", order[at], values[at]);
        let equal = order[..at].iter().zip(values).map(|(column, value)| format!("{column} eq {value}"));
        let all: Vec<_> = equal.chain([greater]).collect();
        if at == 0 { all.concat() } else { format!("({})", all.join(" and ")) }
    };
    (0..order.len()).map(one).collect::<Vec<_>>().join(" or ")
}

/// The condition of a record, or of those behind it that differ in the last of these columns alone.
fn from(order: &[String], values: &[String]) -> String {
    let last = order.len().saturating_sub(1);
    let by = |at: usize| if at == last { "ge" } else { "eq" };
    let all = order.iter().zip(values).enumerate().map(|(at, (column, value))| format!("{column} {} {value}", by(at)));
    all.collect::<Vec<_>>().join(" and ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_condition_behind_a_record_is_in_the_order_of_all_columns() {
        let order = ["A".to_owned(), "B".to_owned()];
        assert_eq!(behind(&order, &["1".to_owned(), "'x''y'".to_owned()]), "A gt 1 or (A eq 1 and B gt 'x''y')");
        assert_eq!(from(&order, &["1".to_owned(), "2".to_owned()]), "A eq 1 and B ge 2");
    }
}

//! What a page says beside its records of all of them: their number, and whether there are more. A run whose way was found out must be as
//! whole as its pages say; a plugin that says its way is warned. A number never ends a run that has a next page: it may be another one.

use serde::{Deserialize, Serialize};

use super::page::Page;
use super::paginate::{Next, number};
use crate::dataset::pull_source::{End, JsonPath, Paginate};
use crate::text::counted;

/// Names of the number of all records: of Laravel (`total`, `meta.total`), GitHub's search and Kaminari (`total_count`,
/// `meta.total_count`), the Django REST framework and Zendesk (`count`), Strapi (`meta.pagination.total`), Spring Data
/// (`totalElements`, `page.totalElements`), TMDB (`total_results`) and OData (`@odata.count`); `totalCount` and those of `pagination` are
/// usual. YouTube's `pageInfo.totalResults` is not here: it is an approximation.
const TOTALS: [&str; 13] = [
    "total",
    "total_count",
    "totalCount",
    "meta.total",
    "meta.total_count",
    "pagination.total",
    "pagination.total_count",
    "meta.pagination.total",
    "totalElements",
    "page.totalElements",
    "total_results",
    "@odata.count",
    "count",
];

/// Names of a boolean that is true where more follow: of Stripe and Notion (`has_more`), HubSpot (`hasMore`) and Relay's connections
/// (`pageInfo.hasNextPage`); the others are usual.
const MORE: [&str; 9] = [
    "has_more",
    "hasMore",
    "meta.has_more",
    "pagination.has_more",
    "has_next",
    "hasNext",
    "meta.has_next",
    "pagination.has_next",
    "pageInfo.hasNextPage",
];

/// Names of a boolean that is true on the last page: of Spring Data (`last`) and Jira (`isLast`).
const LAST: [&str; 2] = ["last", "isLast"];

/// What the first page of a run shows.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Hints {
    end: End,
    /// True if the way was found out, too: then what is not whole fails.
    binds: bool,
}

impl Hints {
    /// The hints of a first page whose way is stated, or else was found.
    pub(super) fn of(page: &Page, way: &Paginate, is_stated: bool) -> Hints {
        let said = way.end();
        // A plugin that names one of them has chosen; OData has its own.
        if matches!(way, Paginate::OData(_)) || (is_stated && said.is_some_and(|end| *end != End::default())) {
            return Hints::default();
        }
        let records = page.records().len() as u64;
        let find = |names: &[&str], is_one: &dyn Fn(&JsonPath) -> bool| {
            names.iter().filter_map(|name| JsonPath::parse(name).ok()).find(|path| is_one(path))
        };
        // A number that is no larger than the page is that of the page.
        let is_total = |path: &JsonPath| value(page, path).is_some_and(|total| total > records);
        let is_truth = |path: &JsonPath| truth(page, path).is_some();
        let total = find(&TOTALS, &is_total).filter(|_| said.is_none_or(|end| end.total.is_none()));
        let end = End { total, pages: None, has_more: find(&MORE, &is_truth), last: find(&LAST, &is_truth) };
        Hints { end, binds: !is_stated }
    }

    /// True if there are none.
    pub(super) fn is_empty(&self) -> bool {
        self.end == End::default()
    }

    /// The path of a total that binds.
    pub(super) fn total(&self) -> Option<&JsonPath> {
        self.end.total.as_ref().filter(|_| self.binds)
    }

    /// Number of all records, if a page says one that binds. One that is the number of a later page's records is that page's own.
    pub(super) fn count(&mut self, page: &Page, is_first: bool) -> Option<u64> {
        let said = value(page, self.total()?);
        if !is_first && said == Some(page.records().len() as u64) {
            self.end.total = None;
            return None;
        }
        said
    }

    /// The words of a plugin that say the same, such as `, total: meta.total`.
    pub(super) fn words(&self) -> String {
        words(&self.end)
    }

    /// The step behind a page, held against what the page says; `rows` are those of the run so far.
    pub(super) fn hold(&self, next: Next, page: &Page, rows: u64, said: Option<u64>) -> Next {
        let End { total, has_more, last, .. } = &self.end;
        let at = |path: &Option<JsonPath>| path.as_ref().and_then(|path| truth(page, path));
        let has_more = at(has_more).or_else(|| at(last).map(|is_last| !is_last));
        if !self.binds {
            let most = total.as_ref().and_then(|path| value(page, path)).filter(|most| *most > rows);
            if matches!(next, Next::End(_)) && (most.is_some() || has_more == Some(true)) {
                let said = most.map_or_else(|| "that there is more".to_owned(), |most| counted(most, "record"));
                let words = self.words();
                tracing::warn!(
                    "the last page says {said}, and {} came: if some are missing, the plugin's paginate is not the way to all pages; \
                     paginate takes {}, by which such a pull fails",
                    counted(rows, "record"),
                    words.trim_start_matches(", ")
                );
            }
            return next;
        }
        match next {
            Next::End(end) if has_more == Some(true) => Next::Unknown(format!(
                "{end}, and yet it says that there is more ({})",
                self.words().trim_start_matches(", ")
            )),
            Next::Page(_) if has_more == Some(false) => Next::End("the page says that there is no more"),
            Next::Page(_) if said.is_some_and(|said| rows > said) => {
                let (came, said) = (counted(rows, "record"), said.unwrap_or_default());
                Next::Unknown(format!("{came} came, it says {said}, and yet there is another page{}", self.remedy()))
            }
            next => next,
        }
    }

    /// The way out where a total was found that is none; empty without one.
    pub(super) fn remedy(&self) -> String {
        self.total().map_or_else(String::new, |path| {
            format!("; if {path} is not the number of all records, say how the next page is asked for, by paginate, without it")
        })
    }
}

/// The words of a plugin for the end of the pages, each behind a comma.
pub(super) fn words(end: &End) -> String {
    let End { total, pages, has_more, last } = end;
    [("total", total), ("pages", pages), ("has_more", has_more), ("last", last)]
        .iter()
        .filter_map(|(word, path)| path.as_ref().map(|path| format!(", {word}: {path}")))
        .collect()
}

fn value(page: &Page, path: &JsonPath) -> Option<u64> {
    number(&page.value(path)?)
}

fn truth(page: &Page, path: &JsonPath) -> Option<bool> {
    page.value(path)?.as_bool()
}

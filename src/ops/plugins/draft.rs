//! A first plugin for an address: what its first page shows of records, types and the way to the next page. Credentials are named, and
//! never written.

use std::collections::HashSet;
use std::fmt::Write;

use anyhow::Context;
use serde_json::Value as Json;
use url::Url;

use super::Unfit;
use crate::dataset::plugin::Plugins;
use crate::dataset::pull_source::JsonPath;
use crate::format::Limits;
use crate::ops::check::{Checked, DraftColumn, check_bytes, draft_columns};
use crate::ops::pull::first_page;
use crate::pull::{Client, FirstPage, PullError};
use crate::schema::Type;
use crate::text::secrets;

/// A plugin that was written for an address.
#[derive(Debug)]
pub struct Drafted {
    /// The text in YAML.
    pub yaml: String,
    /// The first page.
    pub page: FirstPage,
    /// How the plugin reads it.
    pub checked: Vec<Checked>,
    /// The variable that has to be set to the credential that stood in the address.
    pub variable: Option<String>,
}

/// An address without its credentials.
struct Place {
    name: String,
    url: Url,
    /// The words of `auth`.
    auth: Option<String>,
    /// The credential that stood in the address, by the name of its variable.
    secret: Option<(String, String)>,
}

/// Resolves a variable of the environment; errors are in words.
pub type Variable<'a> = dyn Fn(&str) -> Result<Option<String>, String> + Sync + 'a;

/// Writes the plugin `name` for an address, whose first page is fetched. `bearer` names the variable of a token.
///
/// # Errors
/// [`Unfit`] for an address that is none, or a variable that is not set; else the error of the page.
pub async fn draft(
    name: &str,
    (address, bearer): (&str, Option<&str>),
    limits: Limits,
    client: &Client,
    variable: &Variable<'_>,
) -> anyhow::Result<Drafted> {
    let place = Place::of(name, address, bearer)?;
    let value = |name: &str| match &place.secret {
        Some((own, value)) if own == name => Ok(Some(value.clone())),
        _ => variable(name),
    };
    let (head, page) = place.first_page(client, &value).await?;
    let body = page.records.join("\n");
    let file = format!("{name}.{}", page.ending);
    let columns = match page.records.is_empty() {
        true => Vec::new(),
        false => draft_columns(body.as_bytes(), &file, limits).await?,
    };
    let yaml = head + &place.rest(&page, &columns);
    let plugins = Plugins::of_text_with(name, &yaml, &value).context("the plugin that would be written is wrong")?;
    let (_, dataset, _) = plugins.sources().next().context("it has a source")?;
    let checked = match page.records.is_empty() {
        true => Vec::new(),
        false => check_bytes(body.as_bytes(), &file, dataset, limits).await?,
    };
    Ok(Drafted { yaml, page, checked, variable: place.secret.map(|(name, _)| name) })
}

impl Place {
    fn of(name: &str, address: &str, bearer: Option<&str>) -> Result<Place, Unfit> {
        let unfit = |why: &str| Unfit(why.to_owned());
        let mut url =
            Url::parse(address).map_err(|_| unfit("--url takes an address, such as https://example.org/api"))?;
        if !url.username().is_empty() || url.password().is_some() {
            return Err(unfit(
                "the address has a user and password in it: leave them out, and say auth: {user: …, password: !env NAME} in the plugin",
            ));
        }
        url.set_fragment(None);
        let (secret, rest): (Vec<_>, Vec<_>) = url.query_pairs().into_owned().partition(|(name, _)| is_secret(name));
        let (secret, auth) = match (secret.as_slice(), bearer) {
            ([], None) => (None, None),
            ([], Some(variable)) => (None, Some(format!("{{bearer: !env {variable}}}"))),
            ([(param, value)], None) => {
                let variable = variable_of(&format!("{name}_{param}"));
                secrets::keep(value, &format!("!env {variable}"));
                let auth = format!("{{query: {}, value: !env {variable}}}", quoted(param));
                (Some((variable, value.clone())), Some(auth))
            }
            _ => {
                return Err(unfit(
                    "the address has more than one credential: leave all but one out, and write the plugin by hand",
                ));
            }
        };
        if secret.is_some() {
            url.set_query(None);
            if !rest.is_empty() {
                url.query_pairs_mut().extend_pairs(rest);
            }
        }
        Ok(Place { name: name.to_owned(), url, auth, secret })
    }

    /// The first page, and the words of the plugin above what it shows.
    async fn first_page(&self, client: &Client, variable: &Variable<'_>) -> anyhow::Result<(String, FirstPage)> {
        let plain = self.head(false);
        let first = self.fetched(&plain, client, variable).await;
        // Some servers of OData give XML where nobody asks for JSON.
        let may_be_odata =
            matches!(&first, Ok(page) if page.is_odata) || matches!(&first, Err(error) if is_of_page(error));
        if may_be_odata && self.resource().is_some() {
            let head = self.head(true);
            if let Ok(page) = self.fetched(&head, client, variable).await
                && (page.is_odata || first.is_err())
            {
                return Ok((head, page));
            }
        }
        first.map(|page| (plain, page))
    }

    async fn fetched(&self, head: &str, client: &Client, variable: &Variable<'_>) -> anyhow::Result<FirstPage> {
        let text = format!("{head}table: {}\nmode: replace\n", self.name);
        let plugins = Plugins::of_text_with(&self.name, &text, variable).map_err(|error| Unfit(error.why))?;
        let (_, _, source) = plugins.sources().next().context("it has a source")?;
        first_page(client, source).await.map_err(|error| match &error {
            PullError::Refused { status: 401 | 403, .. } if self.auth.is_none() => {
                anyhow::anyhow!("{error}: with --bearer NAME the token in the variable NAME goes with it")
            }
            _ => error.into(),
        })
    }

    fn head(&self, is_odata: bool) -> String {
        let mut url = self.url.clone();
        let mut head = format!("name: {}\nsource:\n", self.name);
        match self.resource().filter(|_| is_odata) {
            Some((base, resource)) => {
                url.set_path(&base);
                let _ =
                    write!(head, "  kind: odata\n  url: {}\n  resource: {}\n", quoted(url.as_str()), quoted(&resource));
            }
            None => {
                let _ = write!(head, "  kind: http\n  url: {}\n", quoted(url.as_str()));
            }
        }
        if let Some(auth) = &self.auth {
            let _ = writeln!(head, "  auth: {auth}");
        }
        head
    }

    /// The path of a service of OData and the resource beneath it.
    fn resource(&self) -> Option<(String, String)> {
        let (base, resource) = self.url.path().trim_end_matches('/').rsplit_once('/')?;
        (!resource.is_empty()).then(|| (base.to_owned(), resource.to_owned()))
    }

    /// The words that the first page shows.
    fn rest(&self, page: &FirstPage, columns: &[DraftColumn]) -> String {
        let mut yaml = String::new();
        let path = page
            .path
            .as_deref()
            .filter(|path| !page.is_odata && JsonPath::parse(path).is_ok_and(|read| read.to_string() == **path));
        if let Some(path) = path {
            let _ = writeln!(yaml, "  records: {}", quoted(path));
        }
        if page.is_odata {
            yaml += "  # order: [KEY]    columns of a total order, by which the rest is asked for where there is no nextLink\n";
        } else if let Some(all) = page.said.filter(|all| page.is_unpaged && *all > page.records.len() as u64) {
            let has = page.records.len();
            let _ = writeln!(
                yaml,
                "  # The first page has {has} of the {all} records that it says, and shows no next one: say how that"
            );
            yaml += "  # is asked for, such as\n  # paginate: {by: page, param: page}\n";
        } else if page.is_unpaged {
            yaml += "  # The first page shows no next one: say so if it is all, else how the next one is asked for.\n";
            yaml += "  # paginate: {by: none}\n";
        } else if !page.way.is_empty() {
            let _ =
                writeln!(yaml, "  # Found on the first page, and found again by each pull: paginate: {{{}}}", page.way);
        }
        if let Some(column) = columns.iter().find(|column| is_moment(column)) {
            let send = if page.is_odata { "" } else { ", send: PARAMETER" };
            yaml += "  # Only what is newer than the last pull, with mode: upsert:\n";
            let _ = writeln!(yaml, "  # since: {{column: {}{send}}}", quoted(&column.header));
        }
        let _ = writeln!(yaml, "table: {}", self.name);
        yaml += "mode: replace\n";
        if let Some(column) = columns.iter().find(|column| names_a_row(column, &page.records)) {
            yaml += "# Each record of the first page has its own: rows that change would take the place of what they were.\n";
            let _ = writeln!(yaml, "# mode: upsert\n# key: [{}]", column.name);
        }
        if !columns.is_empty() {
            yaml += "columns:\n";
        }
        for column in columns {
            let _ = writeln!(yaml, "  - {{{}}}", column.yaml);
        }
        yaml
    }
}

/// True if another form of the request may be answered by a page.
fn is_of_page(error: &anyhow::Error) -> bool {
    matches!(error.downcast_ref(), Some(PullError::Page { .. }))
}

/// True for a parameter that holds a credential by its name.
fn is_secret(name: &str) -> bool {
    let name = name.to_lowercase();
    let is_called = ["token", "secret", "password", "passwd", "signature"].iter().any(|word| name.contains(word));
    is_called || name == "sig" || name.ends_with("key")
}

fn variable_of(text: &str) -> String {
    let letter = |letter: char| if letter.is_ascii_alphanumeric() { letter.to_ascii_uppercase() } else { '_' };
    text.chars().map(letter).collect()
}

/// True for a column whose name says that it tells when a record was changed.
fn is_moment(column: &DraftColumn) -> bool {
    let name = column.name.to_lowercase();
    let is_named = ["updated", "modified", "changed"].iter().any(|word| name.contains(word));
    is_named && matches!(column.kind, Type::Date | Type::Timestamp | Type::Timestamptz)
}

/// True for a column that is named like a key, and has another value in each record.
fn names_a_row(column: &DraftColumn, records: &[String]) -> bool {
    let name = column.name.to_lowercase();
    if !(["id", "uuid", "guid", "key", "code"].contains(&name.as_str()) || name.ends_with("_id")) {
        return false;
    }
    let value = |record: &String| {
        let record: Json = serde_json::from_str(record).ok()?;
        record.get(&column.header).filter(|value| value.is_string() || value.is_number()).map(Json::to_string)
    };
    let values: HashSet<_> = records.iter().filter_map(value).collect();
    values.len() == records.len()
}

/// Words are quoted as JSON, which is YAML too.
fn quoted(text: &str) -> String {
    serde_json::to_string(text).unwrap_or_default()
}

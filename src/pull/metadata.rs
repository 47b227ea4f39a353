//! The types of a key's columns where the form of a value does not tell: a GUID is written without quotes (OData 4.01, part 2, 5.1.1.11.1),
//! and a text that looks like one within them. `$metadata` says which it is, and is asked for where a key has such a value only.

use super::client::{Answer, Request};
use super::error::PullError;
use super::paginate::Place;
use super::run::Pull;
use crate::dataset::pull_source::{Method, OData, Paginate, is_guid};

/// The type of a text.
const TEXT: &str = "Edm.String";

impl Pull<'_> {
    /// Asks which columns of the order are texts, if a value of the place has the form of a GUID. A service that does not tell has none.
    pub(super) async fn learn_texts(&mut self, place: &Place) -> Result<(), PullError> {
        let (Place::Behind(values) | Place::From(values), Some(Paginate::OData(odata))) = (place, &self.paginate)
        else {
            return Ok(());
        };
        if self.state.texts.is_some() || !values.iter().any(|value| is_guid(value)) {
            return Ok(());
        }
        let mut url = self.source.url.clone();
        let resource = self.source.stream.trim_start_matches('/');
        let base = url.path().strip_suffix(resource).unwrap_or(url.path()).trim_end_matches('/');
        url.set_path(&format!("{base}/$metadata"));
        let headers = vec![("accept", "application/xml".to_owned())];
        let request = Request { url, method: Method::Get, headers, is_file: false };
        let texts = match self.client.get(self.source, &request).await {
            Ok(Answer { body, .. }) => texts(&String::from_utf8_lossy(&body), &odata.order),
            Err(PullError::Refused { .. } | PullError::Page { .. } | PullError::Elsewhere { .. }) => Vec::new(),
            Err(error) => return Err(error),
        };
        self.state.texts = Some(texts);
        Ok(())
    }

    /// The place as it is asked for: texts that look like GUIDs within quotes.
    pub(super) fn with_quotes(&self, odata: &OData, place: &Place) -> Place {
        let texts = self.state.texts.as_deref().unwrap_or_default();
        let quoted = |values: &[String]| {
            let each = odata.order.iter().zip(values);
            each.map(|(column, value)| match is_guid(value) && texts.contains(column) {
                true => format!("'{value}'"),
                false => value.clone(),
            })
            .collect()
        };
        match place {
            Place::Behind(values) => Place::Behind(quoted(values)),
            Place::From(values) => Place::From(quoted(values)),
            other => other.clone(),
        }
    }
}

/// Those of the columns that each type of the service which has them calls a text.
fn texts(metadata: &str, columns: &[String]) -> Vec<String> {
    let properties: Vec<_> = metadata
        .split("<Property")
        .skip(1)
        .filter(|rest| rest.starts_with(char::is_whitespace))
        .map(|rest| rest.split('>').next().unwrap_or_default())
        .filter_map(|tag| Some((attribute(tag, "Name")?, attribute(tag, "Type")?)))
        .collect();
    let is_text = |column: &&String| {
        let mut types = properties.iter().filter(|(name, _)| name == column).map(|(_, kind)| *kind).peekable();
        types.peek().is_some() && types.all(|kind| kind == TEXT)
    };
    columns.iter().filter(is_text).cloned().collect()
}

/// The value of a tag's attribute.
fn attribute<'t>(tag: &'t str, name: &str) -> Option<&'t str> {
    let rest = tag.split_once(&format!(" {name}=")).map(|(_, rest)| rest)?;
    let quote = rest.chars().next().filter(|quote| ['"', '\''].contains(quote))?;
    rest[1..].split(quote).next()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_column_is_a_text_where_every_type_says_so() {
        let metadata = "<EntityType Name=\"A\"><Key><PropertyRef Name=\"Id\"/></Key><Property Name=\"Id\" Type=\"Edm.Guid\"/>\
                        <Property Type='Edm.String' Name='Code' Nullable='false'/></EntityType><EntityType Name=\"B\">\
                        <Property Name=\"Id\" Type=\"Edm.String\"/><Property Name=\"No\" Type=\"Edm.Int32\"/></EntityType>";
        let columns = ["Id", "Code", "No", "Else"].map(str::to_owned);
        assert_eq!(texts(metadata, &columns), ["Code"]);
    }
}

//! A file of the web: its bytes as they come, by the tries and rules of a page.

use url::Url;

use super::client::{Client, Request};
use super::error::PullError;
use crate::dataset::pull_source::{Method, PullSource};

impl Client {
    /// Gets the file at an address.
    ///
    /// # Errors
    /// An error of the request; [`PullError::Usage`] if it leads to another server.
    pub async fn download(&self, source: &PullSource) -> Result<Vec<u8>, PullError> {
        let mut url: Url = source.url.clone();
        if !source.params.is_empty() {
            url.query_pairs_mut().extend_pairs(&source.params);
        }
        let request = Request { url, method: Method::Get, headers: Vec::new(), is_file: true };
        match self.get(source, &request).await {
            Ok(answer) => Ok(answer.body),
            Err(PullError::Elsewhere { url, host }) => Err(PullError::Usage(format!(
                "{url}: it leads to another server, {host}: if that is right, give the address there"
            ))),
            Err(error) => Err(error),
        }
    }
}

//! Keeps files in an object store that speaks S3: sent in pieces, then read back and compared before the deletion.
//!
//! An object's name has the day, its content's hash and the file's name: `prefix/2026-11-21/1f2e3d4c5b6a7980/x.csv`. So
//! an object that is sent a second time after a failure replaces itself and no other.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read, Seek};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use object_store::aws::{AmazonS3, AmazonS3Builder};
use object_store::buffered::BufWriter;
use object_store::path::Path as Key;
use object_store::{ClientOptions, ObjectStoreExt, RetryConfig};
use tokio::io::AsyncWriteExt;
use tokio::task::spawn_blocking;
use url::Url;

/// Bytes that are sent and read back at once. Files up to this size are sent in one request.
const PIECE: usize = 8 * 1024 * 1024;

/// Time of one request; the caller tries again later.
const PATIENCE: Duration = Duration::from_secs(20);

/// The object stores of kept files.
pub(super) struct Stores {
    keys: Vec<(String, String)>,
    open: Mutex<BTreeMap<Url, Arc<AmazonS3>>>,
}

impl Stores {
    /// `keys` are settings by their names, `AWS_...`, in any case of letters.
    pub(super) fn new(keys: Vec<(String, String)>) -> Stores {
        Stores { keys, open: Mutex::default() }
    }

    /// Opens the store of an address, without a request.
    ///
    /// # Errors
    /// In words, if a setting is of no use.
    pub(super) fn open(&self, url: &Url) -> Result<Arc<AmazonS3>, String> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(store) = open.get(url) {
            return Ok(Arc::clone(store));
        }
        // Fails if it was done before.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut client = ClientOptions::new().with_connect_timeout(Duration::from_secs(5));
        let mut builder = AmazonS3Builder::new();
        for (name, value) in &self.keys {
            if name.to_ascii_uppercase().contains("ENDPOINT") && value.contains(['@', '?', '#']) {
                // The value is not shown, and never used: it would stand in every error of the store.
                return Err(format!(
                    "{name} has a user, a password or a query in it: keys go into AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
                ));
            }
            // Settings of other programs are passed over.
            if let Ok(key) = name.to_ascii_lowercase().parse() {
                builder = builder.with_config(key, value);
            }
            if name.to_ascii_uppercase().starts_with("AWS_ENDPOINT_URL") && value.starts_with("http://") {
                client = client.with_allow_http(true);
            }
        }
        let retry = RetryConfig { max_retries: 3, retry_timeout: PATIENCE, ..RetryConfig::default() };
        let builder = builder.with_bucket_name(url.host_str().unwrap_or_default()).with_client_options(client);
        let store = builder.with_retry(retry).build().map_err(|error| format!("{url}: {error}"))?;
        Ok(Arc::clone(open.entry(url.clone()).or_insert(Arc::new(store))))
    }

    /// Sends the file and reads it back; returns its address.
    ///
    /// # Errors
    /// A store that is away, refuses, or returns another content.
    pub(super) async fn keep(&self, mut file: File, name: &str, url: &Url) -> io::Result<String> {
        let store = self.open(url).map_err(io::Error::other)?;
        let (file, hash, bytes) = spawn_blocking(move || -> io::Result<_> {
            let hash = blake3::Hasher::new().update_reader(&mut file)?.finalize();
            let bytes = file.stream_position()?;
            Ok((file, hash, bytes))
        })
        .await??;
        let day = chrono::Utc::now().date_naive().to_string();
        let prefix = Key::from_url_path(url.path()).map_err(io::Error::other)?;
        let place = prefix.join(day).join(&hash.to_hex()[..16]);
        // A name as it is, or, if no object can have it, with its bad signs encoded.
        let key = Key::parse(format!("{place}/{name}")).unwrap_or_else(|_| place.join(name));
        let address = format!("s3://{}/{key}", url.host_str().unwrap_or_default());
        // A store's error may have several lines.
        let about = |what: &str, error: io::Error| {
            io::Error::other(format!("cannot {what} {address}: {error}").replace(['\n', '\r'], " "))
        };

        let mut upload = BufWriter::with_capacity(Arc::<AmazonS3>::clone(&store), key.clone(), PIECE);
        send(file, &mut upload).await.map_err(|error| about("keep the file as", error))?;
        let mut back = blake3::Hasher::new();
        for from in (0..bytes).step_by(PIECE) {
            let piece = store.get_range(&key, from..bytes.min(from + PIECE as u64)).await;
            back.update(&piece.map_err(|error| about("read back", error.into()))?);
        }
        let held = store.head(&key).await.map_err(|error| about("read back", error.into()))?.size;
        if back.finalize() != hash || held != bytes {
            return Err(io::Error::other(format!(
                "{address} is not what was sent there: the store gives back {held} bytes with BLAKE3 {}, the file has {bytes} with {hash}",
                back.finalize()
            )));
        }
        Ok(address)
    }
}

async fn send(mut file: File, upload: &mut BufWriter) -> io::Result<()> {
    file.rewind()?;
    loop {
        let mut piece = Vec::new();
        (file, piece) = spawn_blocking(move || {
            file.by_ref().take(PIECE as u64 / 8).read_to_end(&mut piece)?;
            io::Result::Ok((file, piece))
        })
        .await??;
        if piece.is_empty() {
            return upload.shutdown().await;
        }
        if let Err(error) = upload.put(piece.into()).await {
            // Parts that are left behind are cleared by the bucket's own rules.
            let _ = upload.abort().await;
            return Err(error.into());
        }
    }
}

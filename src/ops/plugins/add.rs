//! A plugin from somewhere else: a folder, or an archive from disk or the web. It is looked at as a whole before one of its files is
//! written, and is there as a whole or not at all.

use std::fs::{self, File};
use std::io::{Read, Seek, Write};
use std::path::{Path, PathBuf};

use anyhow::Context;
use ring::digest::{Context as Digest, SHA256};
use rustix::fs::{CWD, RenameFlags, renameat_with};
use serde::Serialize;

use super::Unfit;
use crate::dataset::plugin::{Offered, Plugins, source_of};
use crate::format::{Bundle, Limits};
use crate::pull::{Client, PullError};
use crate::text::shown::{path as shown_path, shown};

/// The file that a plugin is.
const PLUGIN: &str = "plugin.yaml";

/// The folder that Finder adds to archives.
const FINDER: &str = "__MACOSX";

/// Longest name of a plugin's folder, in bytes.
const LONGEST: usize = 100;

/// Where a plugin is to come from.
#[derive(Clone, Debug)]
pub enum Given {
    /// A folder.
    Folder(PathBuf),
    /// An archive.
    Archive(PathBuf),
    /// The address of an archive.
    Url(String),
}

/// A plugin that was looked at, and can be added.
#[derive(Debug, Serialize)]
pub struct Offer {
    /// The plugin.
    #[serde(flatten)]
    pub plugin: Offered,
    /// SHA-256 of the archive, in hexadecimal digits.
    pub sha256: Option<String>,
    /// The folder that it goes into.
    pub folder: PathBuf,
    /// Names of the files that are taken.
    pub taken: Vec<String>,
    /// Names of those that are not.
    pub left_out: Vec<String>,
    #[serde(skip)]
    files: Vec<(String, Vec<u8>)>,
}

impl Given {
    /// What these words name.
    ///
    /// # Errors
    /// [`Unfit`] if nothing is there.
    pub fn of(text: &str) -> Result<Given, Unfit> {
        if text.starts_with("https://") || text.starts_with("http://") {
            return Ok(Given::Url(text.to_owned()));
        }
        let path = PathBuf::from(text);
        // A link to a folder is refused where the folder is read.
        match fs::metadata(&path) {
            Ok(meta) if meta.is_dir() => Ok(Given::Folder(path)),
            Ok(meta) if meta.is_file() => Ok(Given::Archive(path)),
            Ok(_) => Err(Unfit(format!("{} is neither a folder nor an archive", shown_path(&path)))),
            Err(error) => Err(Unfit(format!("cannot read {}: {error}", shown_path(&path)))),
        }
    }
}

/// Looks at a plugin that is to be added to the folder `plugins_dir`; writes nothing. `sha256` is the sum that an archive has to have.
///
/// # Errors
/// [`Unfit`] if it cannot be added to those that are there; else the fault of the archive, or of the plugin with its line.
pub async fn offer(
    given: &Given,
    sha256: Option<&str>,
    plugins_dir: &Path,
    limits: Limits,
    client: &Client,
    variable: &(dyn Fn(&str) -> Result<Option<String>, String> + Sync),
) -> anyhow::Result<Offer> {
    let (bundle, source, sum) = read(given, sha256, limits, client).await?;
    let (prefix, mut files, left_out) = chosen(bundle, &source)?;
    let (_, text) = files.first().context("a plugin has its file")?;
    let origin = PathBuf::from(&source).join(&prefix).join(PLUGIN);
    let text = std::str::from_utf8(text).with_context(|| format!("{} is no text in UTF-8", shown_path(&origin)))?;
    let there = Plugins::read_right(plugins_dir, variable);
    let plugin = Plugins::default().offered(&origin, text, variable)?;
    let folder = may_be_added(&plugin.name, &there, plugins_dir)?;
    // Beside those that are there, it may claim the same files.
    there.offered(&origin, text, variable)?;
    let taken = files.iter().map(|(name, _)| name.clone()).collect();
    // The file that makes it a plugin comes last.
    files.rotate_left(1);
    Ok(Offer { plugin, sha256: sum, folder, taken, left_out, files })
}

/// The bundle, its name in messages, and its sum.
async fn read(
    given: &Given,
    sha256: Option<&str>,
    limits: Limits,
    client: &Client,
) -> anyhow::Result<(Bundle, String, Option<String>)> {
    let (mut archive, source) = match given {
        Given::Folder(path) => {
            if sha256.is_some() {
                return Err(Unfit("--sha256 goes with an archive: a folder has no sum".to_owned()).into());
            }
            let bundle = Bundle::of_folder(path, limits, &is_wanted).with_context(|| shown_path(path))?;
            return Ok((bundle, shown_path(path), None));
        }
        Given::Archive(path) => {
            (File::open(path).with_context(|| format!("cannot read {}", shown_path(path)))?, shown_path(path))
        }
        Given::Url(address) => {
            let source = source_of(address).map_err(|why| Unfit(why.replace("url: ", "")))?;
            let bytes = client.download(&source).await.map_err(|error| match error {
                PullError::Usage(why) => anyhow::Error::from(Unfit(why)),
                other => other.into(),
            })?;
            let mut file = tempfile::tempfile()?;
            file.write_all(&bytes)?;
            let name = source.url.path_segments().and_then(|mut words| words.next_back());
            (file, name.filter(|name| !name.is_empty()).unwrap_or("archive").to_owned())
        }
    };
    let sum = sum(&mut archive)?;
    if let Some(said) = sha256
        && !said.eq_ignore_ascii_case(&sum)
    {
        anyhow::bail!("{}: its SHA-256 is {sum}, and {} was said: it is another file", shown(&source), shown(said));
    }
    let bundle = Bundle::of_archive(&archive, limits, &is_wanted).with_context(|| shown(&source).into_owned())?;
    Ok((bundle, source, Some(sum)))
}

/// SHA-256 of a file, which is left at its beginning.
fn sum(file: &mut File) -> std::io::Result<String> {
    let (mut digest, mut piece) = (Digest::new(&SHA256), vec![0; 64 << 10]);
    file.rewind()?;
    loop {
        match file.read(&mut piece)? {
            0 => break,
            got => digest.update(&piece[..got]),
        }
    }
    file.rewind()?;
    Ok(digest.finish().as_ref().iter().map(|byte| format!("{byte:02x}")).collect())
}

/// True for the files that a plugin's folder may have.
fn is_wanted(name: &str) -> bool {
    let own = name.rsplit('/').next().unwrap_or_default();
    let is_called = |word: &str| own.len() >= word.len() && own[..word.len()].eq_ignore_ascii_case(word);
    own == PLUGIN || (own.is_ascii() && (is_called("README") || is_called("LICENSE")))
}

/// The folder of the plugin in the bundle, its files, the plugin's own first, and the names of those that are left out.
type Chosen = (String, Vec<(String, Vec<u8>)>, Vec<String>);

fn chosen(bundle: Bundle, source: &str) -> anyhow::Result<Chosen> {
    let (finder, files): (Vec<_>, Vec<_>) =
        bundle.files.into_iter().partition(|file| file.name.split('/').next() == Some(FINDER));
    let is_plugin = |name: &str| name == PLUGIN || name.ends_with("/plugin.yaml");
    let plugins: Vec<_> = files.iter().map(|file| file.name.as_str()).filter(|name| is_plugin(name)).collect();
    let place = match plugins[..] {
        [] => anyhow::bail!("{}: it has no plugin.yaml, so it is no plugin", shown(source)),
        [one] => one.strip_suffix(PLUGIN).unwrap_or_default().to_owned(),
        [..] => anyhow::bail!(
            "{}: it has several plugins: {}; add one at a time",
            shown(source),
            shown(&plugins.join(", "))
        ),
    };
    let is_beside = files.iter().any(|file| !file.name.starts_with(&place));
    if place.matches('/').count() > 1 || is_beside {
        anyhow::bail!(
            "{}: its {} lies too deep: plugin.yaml has to be at the top, or in the one folder that is there",
            shown(source),
            shown(plugins[0])
        );
    }
    let (mut taken, mut left_out) = (Vec::new(), Vec::new());
    for file in files {
        let name = file.name[place.len()..].to_owned();
        match file.bytes.filter(|_| !name.contains('/')) {
            Some(bytes) if name == PLUGIN => taken.insert(0, (name, bytes)),
            Some(bytes) => taken.push((name, bytes)),
            None => left_out.push(file.name),
        }
    }
    left_out.extend(finder.into_iter().map(|file| file.name));
    Ok((place, taken, left_out))
}

/// The folder of a plugin that is not there yet.
fn may_be_added(name: &str, there: &Plugins, plugins_dir: &Path) -> Result<PathBuf, Unfit> {
    let is_plain = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '_' | '-');
    if name.is_empty() || name.len() > LONGEST || !name.chars().all(is_plain) {
        return Err(Unfit(format!(
            "name: {name:?} can be no folder's name: letters without accents, digits, _ and - are taken, up to {LONGEST}"
        )));
    }
    if let Some(other) = there.list().into_iter().find(|other| other.name.eq_ignore_ascii_case(name)) {
        return Err(Unfit(format!("there is a plugin {} already: {}", other.name, shown_path(&other.path))));
    }
    for entry in fs::read_dir(plugins_dir).into_iter().flatten().flatten() {
        if entry.file_name().to_string_lossy().eq_ignore_ascii_case(name) {
            return Err(Unfit(format!("{} is there already", shown_path(&entry.path()))));
        }
    }
    Ok(plugins_dir.join(name))
}

impl Offer {
    /// Writes the plugin: a folder beside, which is renamed once all is in it.
    ///
    /// # Errors
    /// A folder that cannot be written, or that came meanwhile; nothing is left of it.
    pub fn add(&self) -> anyhow::Result<()> {
        let plugins_dir = self.folder.parent().context("a plugin's folder is in another")?;
        let failed = || format!("cannot write {}", shown_path(&self.folder));
        fs::create_dir_all(plugins_dir).with_context(failed)?;
        // A folder within a folder is no plugin for those that read it meanwhile.
        let beside = tempfile::Builder::new().prefix(".adding-").tempdir_in(plugins_dir).with_context(failed)?;
        let new = beside.path().join(&self.plugin.name);
        fs::create_dir(&new).with_context(failed)?;
        for (name, bytes) in &self.files {
            let mut file = File::create_new(new.join(name)).with_context(failed)?;
            file.write_all(bytes).and_then(|()| file.sync_all()).with_context(failed)?;
        }
        File::open(&new).and_then(|folder| folder.sync_all()).with_context(failed)?;
        renameat_with(CWD, &new, CWD, &self.folder, RenameFlags::NOREPLACE).with_context(failed)?;
        File::open(plugins_dir).and_then(|folder| folder.sync_all()).with_context(failed)
    }
}

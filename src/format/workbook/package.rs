//! The parts of an XLSX by the rules of its package (ECMA-376, part 2): relationships name the workbook, its sheets,
//! texts and styles, at any place. The reader of cells looks in few places only, so it is given an archive in which
//! each part stands in one of them.

use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::io::{BufRead, BufReader, Read};

use super::arranged::{Arranged, Entry};
use super::damaged;
use super::relations::{Relation, root, workbook_type, xlsx_relations, xlsx_sheets};
use crate::format::directory::{Member, directory};
use crate::format::limits::Limits;
use crate::format::{FormatError, zip_names};

/// Bytes read of a part, at most: more than any workbook needs to name its parts.
const MOST: u64 = 64 << 20;

/// Bytes of the parts that tell which part is the workbook, at most; they are read before the file is known to be one.
const TELLS: u64 = 1 << 20;

/// The relationships of the package, and the content types of its parts.
const RELATIONS: &str = "_rels/.rels";
const TYPES: &str = "[content_types].xml";
const USUAL: &str = "xl/workbook.xml";

const OFFICE: &str = "http://schemas.openxmlformats.org/officeDocument/2006/relationships";

/// The parts of an XLSX that hold cells; places are those of the members in the archive.
pub(super) struct Package {
    members: Vec<Member>,
    workbook: usize,
    /// The texts that cells share.
    pub shared: Option<usize>,
    styles: Option<usize>,
    /// The sheets in their order; `None` for those that hold no cells (a chart, a dialog, macros).
    pub sheets: Vec<Option<usize>>,
    /// The ids of the sheets' relationships, each with its kind.
    relations: Vec<(Vec<u8>, &'static str)>,
}

impl Package {
    /// # Errors
    /// When the package is damaged, or a part of it is missing or in an encoding that is not read.
    pub(super) fn of(file: &File, limits: Limits) -> Result<Package, FormatError> {
        let members = directory(file, limits.members)?;
        let mut parts = Parts::open(file, &members)?;
        let workbook = parts.workbook()?.ok_or_else(|| damaged("none of its members is a workbook"))?;
        let named = xlsx_sheets(parts.read(workbook, MOST)?)?;
        let (folder, own) = parts.name(workbook);
        let related = parts.find(&format!("{folder}_rels/{own}.rels"))?;
        let related = related.ok_or_else(|| damaged(format!("{folder}{own} relates to no sheet")))?;
        let related = xlsx_relations(parts.read(related, MOST)?)?;
        let by_id: HashMap<_, _> = related.iter().map(|relation| (&relation.id, relation)).collect();
        let (mut sheets, mut relations) = (Vec::new(), Vec::new());
        for (id, name) in named {
            let relation = by_id.get(&id).ok_or_else(|| damaged(format!("nothing says where its sheet {name} is")))?;
            let kind = sheet_kind(&relation.kind)
                .ok_or_else(|| damaged(format!("its sheet {name} is of a kind that is not read: {}", relation.kind)))?;
            let place = parts.target(&folder, relation)?;
            if kind == "worksheet" && place.is_none() {
                return Err(damaged(format!("its sheet {name} is not in the file: {}", relation.target)));
            }
            sheets.push(place.filter(|_| kind == "worksheet"));
            relations.push((id, kind));
        }
        let of_kind = |kind: &str, usual: &str| {
            let mut named = None;
            for relation in related.iter().filter(|relation| relation.is(kind)) {
                if let Some(place) = parts.target(&folder, relation)? {
                    return Ok(Some(place));
                }
                named = Some(&relation.target);
            }
            match (parts.find(&format!("{folder}{usual}"))?, named) {
                (None, Some(target)) => Err(damaged(format!("its {kind} are not in the file: {target}"))),
                (found, _) => Ok(found),
            }
        };
        let shared = of_kind("sharedStrings", "sharedStrings.xml")?;
        let styles = of_kind("styles", "styles.xml")?;
        for place in [shared, styles].into_iter().chain(sheets.iter().copied()).flatten() {
            parts.read(place, MOST)?;
        }
        Ok(Package { members, workbook, shared, styles, sheets, relations })
    }

    /// The archive with its parts in the places that the reader of cells expects.
    pub(super) fn arranged(&self, file: File) -> Result<Arranged, FormatError> {
        let named = |name: &str, place: usize| Entry::Member(name.to_owned(), &self.members[place]);
        let relation = |target: &str, kind: &str, id: &str| {
            format!("<Relationship Id=\"{id}\" Type=\"{OFFICE}/{kind}\" Target=\"/{target}\"/>")
        };
        let relations = |all: String| format!("<Relationships>{all}</Relationships>");
        let of_sheets = self.relations.iter().enumerate().map(|(at, (id, kind))| {
            relation(&format!("xl/worksheets/{at}.xml"), kind, &String::from_utf8_lossy(id).replace('"', "&quot;"))
        });
        let mut entries = vec![
            Entry::New(RELATIONS, relations(relation(USUAL, "officeDocument", "r"))),
            Entry::New("xl/_rels/workbook.xml.rels", relations(of_sheets.collect())),
            named(USUAL, self.workbook),
        ];
        entries.extend(self.shared.map(|place| named("xl/sharedStrings.xml", place)));
        entries.extend(self.styles.map(|place| named("xl/styles.xml", place)));
        let sheets = self.sheets.iter().enumerate();
        entries.extend(sheets.filter_map(|(at, place)| Some(named(&format!("xl/worksheets/{at}.xml"), (*place)?))));
        Ok(Arranged::new(file, &entries)?)
    }
}

/// True if a zip with these members is an XLSX.
pub(super) fn is_package(file: &File, members: &[Member]) -> bool {
    let names: HashSet<_> = members.iter().map(|member| normal(&member.name)).collect();
    if names.contains(USUAL) {
        return true;
    }
    let says = names.contains(RELATIONS) || names.contains(TYPES);
    says && Parts::open(file, members).is_ok_and(|mut parts| matches!(parts.workbook(), Ok(Some(_))))
}

/// A sheet's kind by its relationship, in the reader's own words.
fn sheet_kind(kind: &str) -> Option<&'static str> {
    match kind.to_ascii_lowercase().as_str() {
        "worksheet" => Some("worksheet"),
        "chartsheet" => Some("chartsheet"),
        "dialogsheet" | "xlmacrosheet" | "xlintlmacrosheet" => Some("dialogsheet"),
        _ => None,
    }
}

/// The members of a package by their names: letters of either case are the same, and backslashes are slashes, as
/// Windows writes them.
struct Parts {
    archive: zip::ZipArchive<BufReader<File>>,
    names: Vec<String>,
    places: HashMap<String, usize>,
    /// Names of more than one member.
    twins: HashSet<String>,
}

impl Parts {
    fn open(file: &File, members: &[Member]) -> Result<Parts, FormatError> {
        let archive = zip::ZipArchive::new(BufReader::new(file.try_clone()?)).map_err(damaged)?;
        if archive.len() != members.len() {
            return Err(damaged("two of its members have one name"));
        }
        let names: Vec<_> = members.iter().map(|member| normal(&member.name)).collect();
        let (mut places, mut twins) = (HashMap::new(), HashSet::new());
        for (place, name) in names.iter().enumerate() {
            if places.insert(name.clone(), place).is_some() {
                twins.insert(name.clone());
            }
        }
        Ok(Parts { archive, names, places, twins })
    }

    fn find(&self, name: &str) -> Result<Option<usize>, FormatError> {
        let name = normal(name.as_bytes());
        if self.twins.contains(&name) {
            return Err(damaged(format!("two of its members are called {name}")));
        }
        Ok(self.places.get(&name).copied())
    }

    /// A member's folder, with a slash behind it, and its own name.
    fn name(&self, place: usize) -> (String, String) {
        let name = &self.names[place];
        let (folder, own) = name.split_at(name.rfind('/').map_or(0, |slash| slash + 1));
        (folder.to_owned(), own.to_owned())
    }

    fn read(&mut self, place: usize, most: u64) -> Result<impl BufRead + '_, FormatError> {
        let member = self.archive.by_index(place).map_err(damaged)?;
        let mut input = BufReader::new(member.take(most));
        let head = input.fill_buf()?;
        if head.starts_with(b"\xFE\xFF") || head.starts_with(b"\xFF\xFE") || head.iter().take(4).any(|byte| *byte == 0)
        {
            return Err(damaged(format!(
                "the XML of {} is in UTF-16, and only UTF-8 is read: open and save it with a spreadsheet program",
                self.names[place]
            )));
        }
        Ok(input)
    }

    /// The member that a relationship points at.
    fn target(&self, folder: &str, relation: &Relation) -> Result<Option<usize>, FormatError> {
        if relation.is_external {
            return Ok(None);
        }
        let target = relation.target.replace('\\', "/");
        let whole = if target.starts_with('/') { target } else { format!("{folder}{target}") };
        match self.find(&whole)? {
            None => self.find(&zip_names::percent_decoded(&whole)),
            found => Ok(found),
        }
    }

    /// The workbook's own part: by the relationships of the package, else by the content types of its parts, else in
    /// the usual place.
    fn workbook(&mut self) -> Result<Option<usize>, FormatError> {
        let mut candidates = Vec::new();
        if let Some(place) = self.find(RELATIONS)? {
            let relations = xlsx_relations(self.read(place, TELLS)?)?;
            for relation in relations.iter().filter(|relation| relation.is("officeDocument")) {
                candidates.extend(self.target("", relation)?);
            }
        }
        if let Some(place) = self.find(TYPES)? {
            let name = workbook_type(self.read(place, TELLS)?)?;
            candidates.extend(name.map(|name| self.find(&name)).transpose()?.flatten());
        }
        candidates.extend(self.find(USUAL)?);
        for place in candidates {
            if root(self.read(place, TELLS)?)?.as_deref() == Some(b"workbook") {
                return Ok(Some(place));
            }
        }
        Ok(None)
    }
}

/// A member's name from the root of its package: `./XL\Sheets/../a.xml` is `xl/a.xml`.
fn normal(name: &[u8]) -> String {
    let name = String::from_utf8_lossy(name).replace('\\', "/").to_ascii_lowercase();
    let mut steps = Vec::new();
    for step in name.split('/') {
        match step {
            "" | "." => {}
            ".." => drop(steps.pop()),
            step => steps.push(step),
        }
    }
    steps.join("/")
}

#[cfg(test)]
mod tests {
    use super::normal;

    #[test]
    fn names_are_those_from_the_root() {
        for (name, expected) in [
            ("xl/workbook.xml", "xl/workbook.xml"),
            ("/XL\\Workbook.xml", "xl/workbook.xml"),
            ("xl/./sheets/../a.xml", "xl/a.xml"),
            ("../../a.xml", "a.xml"),
        ] {
            assert_eq!(normal(name.as_bytes()), expected);
        }
    }
}

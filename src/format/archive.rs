//! The parts of a zip archive, listed by its own directory. Members' names are never used as paths; every member that
//! is passed over is named.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use super::container::{Packing, Part, Spool};
use super::directory::{Member, too_many};
use super::limits::Budget;
use super::planted::planted;
use super::zip_names::names;
use super::{Format, FormatError, NO_END};
use crate::record::{Beside, BesideKind};
use crate::schema::table_name;

/// The methods of packing that are read.
const STORED: u16 = 0;
const DEFLATED: u16 = 8;

/// The parts of the archive `name` at `path`, with the members passed over beside the first.
///
/// # Errors
/// When the archive has too many members, or none that can be loaded.
pub(super) fn members(
    path: &Path,
    name: &str,
    members: &[Member],
    budget: &Arc<Budget>,
) -> Result<Vec<Part>, FormatError> {
    if members.len() > budget.limits.members {
        return Err(too_many(members.len() as u64, budget.limits.members));
    }
    let (mut parts, mut beside, mut spool) = (Vec::new(), Vec::new(), Spool::default());
    let (mut taken, mut folders, mut times) = (0, 0, HashMap::new());
    let names = names(members);
    let twins = twins(&names);
    for (place, (member, (member_name, guessed))) in members.iter().zip(&names).enumerate() {
        if planted("skip_member", place) {
            continue;
        }
        if member.is_folder() {
            folders += 1;
            continue;
        }
        if let Some(why) = passed_over(member, member_name) {
            beside.push(Beside::named(BesideKind::Member, member_name, why));
            continue;
        }
        taken += 1;
        let own_name = own_name(member_name);
        let problem = match twins.get(own_name).filter(|_| *guessed) {
            Some(other) => Some(format!(
                "its name is not written in UTF-8 and cannot be told apart from {other}: both would be the table {}; \
                 pack the files anew, with names in UTF-8",
                table_name(own_name)
            )),
            None => unreadable(member, own_name),
        };
        // Members of one name get different numbers behind it.
        let time = times.entry(member_name.as_str()).and_modify(|time| *time += 1).or_insert(1);
        let called =
            if *time == 1 { format!("{name}/{member_name}") } else { format!("{name}/{member_name} ({time})") };
        let packing = Packing::Member {
            start: member.start,
            packed: member.packed,
            deflated: member.method == DEFLATED,
            size: member.size,
            crc: member.crc,
        };
        let part = Part::new(called, own_name.to_owned(), packing, budget, member.packed);
        if let Some(problem) = problem {
            parts.push(part.with_problem(problem));
            continue;
        }
        match part.clone().split(path, &mut spool) {
            Ok(found) => parts.extend(found),
            Err(FormatError::Archive(why)) => parts.push(part.with_problem(why)),
            Err(FormatError::NoEnd) => parts.push(part.with_problem(NO_END.to_owned())),
            // A full disk or an error of the disk is not the member's fault.
            Err(error @ FormatError::Io(_)) => return Err(error),
            Err(error) => parts.push(part.with_problem(error.to_string())),
        }
    }
    if taken + folders + beside.len() != members.len() {
        let (has, seen) = (members.len(), taken + folders + beside.len());
        return Err(FormatError::Refused(format!(
            "the books of the archive do not add up: its directory has {has} members, and {seen} were looked at; nothing was \
             loaded; please report this"
        )));
    }
    match parts.first_mut() {
        Some(first) => first.beside.splice(0..0, beside),
        None => return Err(FormatError::Archive("it holds no file".to_owned())),
    };
    Ok(parts)
}

/// The reason why a member is passed over without being at fault.
fn passed_over(member: &Member, name: &str) -> Option<&'static str> {
    match () {
        () if member.is_link => Some("a symbolic link, which is not followed"),
        // Finder adds these to every archive it makes. Another hidden file may be somebody's data.
        () if own_name(name).starts_with("._") || own_name(name) == ".DS_Store" => Some("a hidden file of macOS"),
        () if own_name(name).starts_with('.') && member.size == 0 => Some("a hidden file that is empty"),
        () => None,
    }
}

/// The reason why a member cannot be read, if it is known without the member's bytes.
fn unreadable(member: &Member, own_name: &str) -> Option<String> {
    if let Some(why) = unreadable_packing(member) {
        Some(why)
    } else if own_name.starts_with('.') {
        Some("it is a hidden file: name it without the dot, or take it out of the archive".to_owned())
    } else if !Format::is_known(own_name) {
        Some("it has no format that is read; take it out of the archive".to_owned())
    } else {
        None
    }
}

/// The reason why a member cannot be unpacked.
pub(super) fn unreadable_packing(member: &Member) -> Option<String> {
    if member.is_encrypted {
        Some("it is encrypted".to_owned())
    } else if !matches!(member.method, STORED | DEFLATED) {
        Some(format!("it is packed by method {}, which is not read: pack it anew with deflate", member.method))
    } else {
        None
    }
}

fn own_name(name: &str) -> &str {
    name.rsplit(['/', '\\']).next().unwrap_or_default()
}

/// For each guessed name, another one that would be the same table, though it is written otherwise.
fn twins(names: &[(String, bool)]) -> HashMap<&str, &str> {
    let mut tables: HashMap<String, Vec<(&str, bool)>> = HashMap::new();
    for (name, guessed) in names {
        tables.entry(table_name(own_name(name))).or_default().push((own_name(name), *guessed));
    }
    let mut twins = HashMap::new();
    for same in tables.values() {
        for (name, _) in same.iter().filter(|(name, guessed)| *guessed && !name.is_ascii()) {
            if let Some((other, _)) = same.iter().find(|(other, _)| other != name) {
                twins.insert(*name, *other);
            }
        }
    }
    twins
}

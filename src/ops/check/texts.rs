//! The text columns of a Parquet file. Its schema gives their type; only all of their values tell that they hold
//! numbers or days.

use arrow_array::cast::AsArray;

use super::CheckError;
use crate::format::Layout;
use crate::schema::{Clue, Type};
use crate::source::{Input, Next, Profile};

/// Returns the profile, for Parquet with the clues of all values of its text columns.
pub(super) async fn with_clues(source: &mut Input, mut profile: Profile) -> Result<Profile, CheckError> {
    if profile.layout != Layout::Parquet {
        return Ok(profile);
    }
    let mut clues = vec![Clue::default(); profile.columns.len()];
    while let Next::Chunk(chunk) = source.next_batch().await? {
        let texts = profile.columns.iter().zip(&mut clues).enumerate();
        for (place, (_, clue)) in texts.filter(|(_, (column, clue))| column.kind() == Type::Text && clue.is_alive()) {
            let values = chunk.records.column(place).and_then(|array| array.as_string_opt::<i32>());
            values.into_iter().flatten().flatten().filter(|value| !value.is_empty()).for_each(|value| clue.see(value));
        }
    }
    profile.preview.clues = clues;
    Ok(profile)
}
